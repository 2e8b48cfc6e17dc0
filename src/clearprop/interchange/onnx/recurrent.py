"""Networks of sequences in ONNX, whose operators LSTM, GRU and RNN compute the same cells.

Gates stand in another order there, an LSTM's i, o, f, g and a GRU's u, r, n, and there are two
biases a gate, of which the second is 0 here but for the c of a GRU. Runtimes have these operators
in float32 alone, so a network of float64 goes through them in float32.

Sequences come padded, (sequences, steps, inputs), with their lengths; what stands behind a
sequence's end changes nothing before it, and is 0 behind a recurrent layer.

Public names: `forward_in_time`.
May import: `functions`, `graph`, `layers`, `clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.errors import SettingError
from clearprop.interchange.onnx.graph import Graph
from clearprop.interchange.onnx.layers import dense
from clearprop.network import Parameters, Recurrence, Way

# cell → ONNX's operator, and the places of its gates among ours
_OPERATORS = {
    "lstm": ("LSTM", (0, 3, 1, 2)),
    "gru": ("GRU", (1, 0, 2)),
    "elman": ("RNN", (0,)),
}
# activation → what ONNX's RNN calls it; those with a number are given it as `activation_alpha`
_ACTIVATIONS = {
    "tanh": "Tanh",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "elu": "Elu",
    "leaky_relu": "LeakyRelu",
}
_SINGLE = np.dtype(np.float32)


def forward_in_time(graph: Graph, parameters: Parameters, x: str, lengths: str) -> str:
    """Send sequences through a network.

    Parameters
    ----------
    x : (sequences, steps, inputs), of the network's own type
    lengths : (sequences,) of int64

    Returns
    -------
    (sequences, outputs), or (sequences, steps, outputs) where every step is read out
    """
    network, vector = parameters.network, parameters.vector
    counts = graph.cast(lengths, np.int32)
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    for number, operation in enumerate(network.operations, start=1):
        if not isinstance(operation, Recurrence):
            x = dense(graph, operation, vector, x)
            continue
        every, last = _layer(graph, operation, vector, x, counts)
        x = every
        if number == network.read_behind:
            x = _read_out(graph, str(network.readout), (every, last), lengths, vector.dtype)
    return graph.add("Transpose", x, perm=[1, 0, 2]) if network.readout == "every" else x


def _read_out(graph: Graph, readout: str, states: tuple[str, str], lengths: str, dtype: Any) -> str:
    every, last = states
    if readout == "every":
        return every
    if readout == "last":
        return last
    total = graph.add("ReduceSum", every, graph.constant([0], np.int64), keepdims=0)
    return graph.add("Div", total, graph.unsqueeze(graph.cast(lengths, dtype), -1))


def _layer(
    graph: Graph, operation: Recurrence, vector: np.ndarray, x: str, counts: str
) -> tuple[str, str]:
    """Return the states of all steps (steps, n, units), and the last of each way (n, units)."""
    operator, places = _OPERATORS[operation.cell]
    parts = [_way(operation, way, vector, places) for way in operation.ways]
    W, R, B = (graph.constant(np.stack(arrays), _SINGLE) for arrays in zip(*parts, strict=True))
    reverse = [way.reverse for way in operation.ways]
    direction = "bidirectional" if len(reverse) > 1 else ("reverse" if reverse[0] else "forward")
    attributes: dict[str, Any] = {"hidden_size": operation.size, "direction": direction}
    if operator == "GRU":
        attributes["linear_before_reset"] = 1
    elif operator == "RNN":
        attributes |= _activation(operation)
    inputs = [graph.cast(x, _SINGLE), W, R, B, counts]
    states, ends = graph.add_many(operator, inputs, 2, **attributes)
    # (steps, ways, n, size) and (ways, n, size), the ways side by side
    every = graph.reshape(graph.add("Transpose", states, perm=[0, 2, 1, 3]), [0, 0, -1])
    last = graph.reshape(graph.add("Transpose", ends, perm=[1, 0, 2]), [0, -1])
    return graph.cast(every, vector.dtype), graph.cast(last, vector.dtype)


def _way(
    operation: Recurrence, way: Way, vector: np.ndarray, places: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return W, U and both biases of a way, its gates in ONNX's order."""

    def ordered(array: np.ndarray) -> np.ndarray:
        gates = array.reshape(len(places), operation.size, *array.shape[1:])
        return gates[list(places)].reshape(array.shape)

    W, U, b = (s.view(vector) for s in (way.weight, way.recurrent, way.bias))
    inner = np.zeros_like(b)
    if way.inner is not None:
        inner[-operation.size :] = way.inner.view(vector)
    return ordered(W), ordered(U), np.concatenate([ordered(b), inner])


def _activation(operation: Recurrence) -> dict[str, Any]:
    f, ways = operation.activation, len(operation.ways)
    if f.name not in _ACTIVATIONS:
        raise SettingError(
            f"Layer {operation.layer} feeds {f} back, which ONNX's RNN does not know. It knows "
            f"{', '.join(_ACTIVATIONS)}: train the layer with one of these, or take an LSTM or GRU."
        )
    found: dict[str, Any] = {"activations": [_ACTIVATIONS[f.name]] * ways}
    if f.alpha is not None:
        found["activation_alpha"] = [float(f.alpha)] * ways
    return found
