"""Layers of a network in ONNX: what `equations.forward` does, as nodes.

    dense       z = (s W) a + b                    scaling   z = g ⊙ x
    periodic    [x, B cos 2π(f x + p) + b]         parametric  a = z + t (f(z) - z)

Of a network with k members, the layers that each member has for itself get an axis of length k
before the rows, and what is handed on is the mean over it. Where every step of a sequence is a row,
layers see (steps, sequences, units); nothing here looks at any axis but the last.

Public names: `dense`, `forward`.
May import: `functions`, `graph`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clearprop.interchange.onnx.functions import activated, cosine, scalar
from clearprop.interchange.onnx.graph import Graph
from clearprop.network import Operation, Parameters, Waves


def forward(graph: Graph, parameters: Parameters, x: str) -> str:
    """Send rows (n, inputs) of the network's own type through it: (n, outputs)."""
    network, vector = parameters.network, parameters.vector
    for operation in network.operations:
        if isinstance(operation, Waves):
            x = _waved(graph, operation, vector, x)
        elif operation.kind == "scaling":
            gains = operation.named("g").view(vector)
            x = graph.add("Mul", x, graph.constant(gains[..., None, :]))
        else:
            x = dense(graph, operation, vector, x)
    if network.members > 1:
        x = graph.add("ReduceMean", x, axes=[0], keepdims=0)
    return x


def dense(graph: Graph, operation: Operation, vector: np.ndarray, x: str) -> str:
    """a = f(s W x + b), row by row."""
    dtype = vector.dtype
    W, b = operation.weight.view(vector), operation.bias.view(vector)
    scaled = (W * dtype.type(operation.scale)).swapaxes(-1, -2)
    bias = b[..., None, :] if operation.own else b
    product = graph.add("MatMul", x, graph.constant(scaled))
    z = graph.add("Add", product, graph.constant(bias))
    a = activated(graph, operation.activation, z, dtype)
    if not operation.parametric:
        return a
    t = graph.constant(operation.named("t").view(vector))
    return graph.add("Add", z, graph.add("Mul", t, graph.add("Sub", a, z)))


def _waved(graph: Graph, operation: Waves, vector: np.ndarray, x: str) -> str:
    """Return columns as their waves, then the others: (n, fan_in) → (n, units)."""
    f, p, W, b = (segment.view(vector) for segment in operation.segments)
    columns = len(operation.columns)
    chosen = _taken(graph, x, operation.columns)
    cosines = _cosines(graph, chosen, (f, p), vector.dtype)
    # one product a row and column, (1, frequencies) @ (frequencies, features - 1): transposes
    # around a product are fused with it by runtimes that then lack it in float64
    B = W.reshape(columns, -1, W.shape[-1]).swapaxes(-1, -2)
    product = graph.add("MatMul", graph.unsqueeze(cosines, -2), graph.constant(B))
    mixed = graph.squeeze(product, -2)
    v = graph.add("Add", mixed, graph.constant(b.reshape(columns, -1)))
    together = graph.add("Concat", graph.unsqueeze(chosen, -1), v, axis=-1)
    flat = graph.reshape(together, [-1, columns * operation.features])
    if not operation.others:
        return flat
    return graph.add("Concat", flat, _taken(graph, x, operation.others), axis=-1)


def _cosines(graph: Graph, chosen: str, waves: tuple[np.ndarray, np.ndarray], dtype: Any) -> str:
    """cos 2π (f x + p): (n, columns) → (n, columns, frequencies)."""
    f, p = waves
    product = graph.add("Mul", graph.unsqueeze(chosen, -1), graph.constant(f))
    turns = graph.add("Add", product, graph.constant(p))
    # whole turns go first, so that a long way round loses no digits
    rest = graph.add("Sub", turns, graph.add("Floor", turns))
    return cosine(graph, scalar(graph, "Mul", rest, 2 * math.pi, dtype), dtype)


def _taken(graph: Graph, x: str, places: tuple[int, ...]) -> str:
    return graph.add("Gather", x, graph.constant(places, np.int64), axis=-1)
