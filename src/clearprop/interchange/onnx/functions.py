"""Activations in ONNX: a = f(z), a row for each of `clearprop.functions.ACTIVATIONS`.

They are put together from operators that runtimes have for float64 as well as float32, which the
ready-made Elu, Selu, Softplus and Mish are not. Erf is computed in float32 everywhere: onnxruntime
has no other.

Public names: `FUNCTIONS`, `activated`, `cosine`, `scalar`.
May import: `graph`, `clearprop.functions`, NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop.functions import Activation
from clearprop.functions.activations import SELU_ALPHA, SELU_SCALE
from clearprop.interchange.onnx.graph import Graph


def scalar(graph: Graph, operator: str, value: str, number: float, dtype: Any) -> str:
    """value ∘ number, for an operator of two inputs."""
    return graph.add(operator, value, graph.constant(number, dtype))


def cosine(graph: Graph, angle: str, dtype: Any) -> str:
    """cos φ, of the shape of φ; in float64 as sin(φ + π/2), which older runtimes have."""
    if np.dtype(dtype) == np.float32:
        return graph.add("Cos", angle)
    return graph.add("Sin", scalar(graph, "Add", angle, math.pi / 2, dtype))


def activated(graph: Graph, f: Activation, z: str, dtype: Any) -> str:
    """a = f(z), of the shape of z."""
    return FUNCTIONS[f.name](graph, z, f.alpha, dtype)


def _identity(graph: Graph, z: str, alpha: float | None, dtype: Any) -> str:
    return z


def _plain(operator: str) -> Callable[..., str]:
    return lambda graph, z, alpha, dtype: graph.add(operator, z)


def _negative_part(graph: Graph, z: str, other: str, dtype: Any) -> str:
    """z where z > 0, else the other."""
    positive = graph.add("Greater", z, graph.constant(0.0, dtype))
    return graph.add("Where", positive, z, other)


def _leaky_relu(graph: Graph, z: str, alpha: float | None, dtype: Any) -> str:
    return graph.add("LeakyRelu", z, alpha=float(alpha or 0.0))


def _elu(graph: Graph, z: str, alpha: float | None, dtype: Any) -> str:
    # e^z of a negative number only: no overflow that Where would have to throw away
    bounded = graph.add("Min", z, graph.constant(0.0, dtype))
    grown = scalar(graph, "Sub", graph.add("Exp", bounded), 1.0, dtype)
    return _negative_part(graph, z, scalar(graph, "Mul", grown, float(alpha or 0.0), dtype), dtype)


def _selu(graph: Graph, z: str, alpha: float | None, dtype: Any) -> str:
    return scalar(graph, "Mul", _elu(graph, z, SELU_ALPHA, dtype), SELU_SCALE, dtype)


def _gelu(graph: Graph, z: str, alpha: float | None, dtype: Any) -> str:
    turned = graph.cast(scalar(graph, "Mul", z, 0.5**0.5, dtype), np.float32)
    erf = graph.cast(graph.add("Erf", turned), dtype)
    share = scalar(graph, "Mul", scalar(graph, "Add", erf, 1.0, dtype), 0.5, dtype)
    return graph.add("Mul", z, share)


def _silu(graph: Graph, z: str, alpha: float | None, dtype: Any) -> str:
    # z / (1 + e^-z), since z · Sigmoid(z) is fused by runtimes that then lack it in float64
    grown = scalar(graph, "Add", graph.add("Exp", graph.add("Neg", z)), 1.0, dtype)
    return graph.add("Div", z, grown)


def _softplus(graph: Graph, z: str, alpha: float | None, dtype: Any) -> str:
    small = graph.add("Exp", graph.add("Neg", graph.add("Abs", z)))
    rest = graph.add("Log", scalar(graph, "Add", small, 1.0, dtype))
    return graph.add("Add", graph.add("Relu", z), rest)


def _mish(graph: Graph, z: str, alpha: float | None, dtype: Any) -> str:
    return graph.add("Mul", z, graph.add("Tanh", _softplus(graph, z, None, dtype)))


def _softmax(graph: Graph, z: str, alpha: float | None, dtype: Any) -> str:
    return graph.add("Softmax", z, axis=-1)


# name → (graph, z, alpha, dtype) → a
FUNCTIONS: dict[str, Callable[..., str]] = {
    "identity": _identity,
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    "relu": _plain("Relu"),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
    "softplus": _softplus,
    "exp": _plain("Exp"),
    "softmax": _softmax,
}
