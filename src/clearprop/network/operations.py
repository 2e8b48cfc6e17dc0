"""What layers lower to: `Operation`s, and the `Segment`s of the flat vector that they read.

Public names: `Operation`, `Recurrence`, `Segment`, `Way`, `lower`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.functions import Activation
from clearprop.network.dense import Dense
from clearprop.network.recurrent import RecurrentLayer


@dataclass(frozen=True)
class Segment:
    """Where one array stands in the flat vector, and how training treats it.

    Attributes
    ----------
    name : str
        `"W1"`, `"b1"`, …; of a recurrent layer also `"U1"` and, in a GRU, `"c1"`. The backward way
        of a layer that goes both ways has an `r` behind: `"W1r"`.
    layer : int
        The book's layer number, 1 for the first.
    shape : tuple of int
        (units, fan_in) for weights, (units,) for biases; gates of a recurrent layer stand one below
        another: (gates · units, fan_in), (gates · units, units), (gates · units,).
    start, stop : int
        Its place in the vector.
    scale : float
        Forward scale s: z = s W a + b.
    rate : float
        Factor on the learning rate.
    penalised : bool
        Whether L1 and L2 penalties and weight decay apply; true for weights, false for biases.
    """

    name: str
    layer: int
    shape: tuple[int, ...]
    start: int
    scale: float
    rate: float
    penalised: bool

    @property
    def stop(self) -> int:
        """The place behind the segment's last number."""
        return self.start + int(np.prod(self.shape))

    def view(self, vector: Any) -> Any:
        """Return this segment of a vector in its shape, without copying (NumPy, JAX)."""
        flat = vector[self.start : self.stop]
        return flat if len(self.shape) == 1 else flat.reshape(self.shape[::-1]).T


@dataclass(frozen=True)
class Operation:
    """One step of the forward pass, as engines see it: a dense layer, unless it is a `Recurrence`.

    It saves z, a and, where `dropout` > 0, the mask; its local Jacobian ∂z/∂(input) is s W.
    `units` is what it hands on.
    """

    layer: int
    fan_in: int
    units: int
    activation: Activation
    dropout: float
    scale: float
    weight: Segment
    bias: Segment

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The operation's parameters, in the order of the vector."""
        return (self.weight, self.bias)


@dataclass(frozen=True)
class Way:
    """One way of a recurrent layer through time, with parameters of its own.

    Attributes
    ----------
    reverse : bool
        It goes from the last step to the first.
    weight, recurrent, bias : Segment
        W (gates · units, fan_in), U (gates · units, units), b (gates · units,).
    inner : Segment or None
        c (units,), the bias inside a GRU's reset gate.
    """

    reverse: bool
    weight: Segment
    recurrent: Segment
    bias: Segment
    inner: Segment | None

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The way's parameters, in the order of the vector."""
        found = (self.weight, self.recurrent, self.bias)
        return found if self.inner is None else (*found, self.inner)


@dataclass(frozen=True)
class Recurrence(Operation):
    """A recurrent layer as engines see it; `weight` and `bias` are those of its first way.

    It saves, for each step, the weighted inputs of its gates z, its states and what its cell needs
    besides (see `clearprop.equations.cells`); the local Jacobian from one step to the next is the
    cell's.

    Attributes
    ----------
    cell : str
        `"elman"`, `"gru"` or `"lstm"`.
    size : int
        Units of the state of one way; `units` are those of all ways.
    ways : tuple of Way
    """

    cell: str
    size: int
    ways: tuple[Way, ...]

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The parameters of all ways, in the order of the vector."""
        return tuple(segment for way in self.ways for segment in way.segments)


def lower(number: int, layer: Dense | RecurrentLayer, fan_in: int, start: int) -> Operation:
    """Return the operation of the layer of this number, whose parameters begin at `start`."""
    if isinstance(layer, RecurrentLayer):
        return _lower_recurrent(number, layer, fan_in, start)
    scale = fan_in**-0.5 if layer.scale == "ntk" else float(layer.scale)
    weight = Segment(f"W{number}", number, (layer.units, fan_in), start, scale, layer.rate, True)
    bias = Segment(f"b{number}", number, (layer.units,), weight.stop, 1.0, layer.bias_rate, False)
    return Operation(
        number, fan_in, layer.units, layer.function, layer.dropout, scale, weight, bias
    )


def _lower_recurrent(number: int, layer: RecurrentLayer, fan_in: int, start: int) -> Recurrence:
    ways: list[Way] = []
    for reverse in {"forward": [False], "backward": [True], "both": [False, True]}[layer.direction]:
        suffix = f"{number}r" if ways else f"{number}"
        ways.append(_lower_way(layer, (number, suffix), fan_in, start, reverse=reverse))
        start = ways[-1].segments[-1].stop
    first = ways[0]
    return Recurrence(
        number,
        fan_in,
        layer.outputs,
        layer.function,
        layer.dropout,
        1.0,
        first.weight,
        first.bias,
        layer.cell,
        layer.units,
        tuple(ways),
    )


def _lower_way(
    layer: RecurrentLayer, name: tuple[int, str], fan_in: int, start: int, *, reverse: bool
) -> Way:
    (number, suffix), units = name, layer.units
    tall = len(layer.gates) * units

    def segment(letter: str, shape: tuple[int, ...], begin: int) -> Segment:
        matrix = len(shape) == 2
        rate = layer.rate if matrix else layer.bias_rate
        return Segment(f"{letter}{suffix}", number, shape, begin, 1.0, rate, matrix)

    weight = segment("W", (tall, fan_in), start)
    recurrent = segment("U", (tall, units), weight.stop)
    bias = segment("b", (tall,), recurrent.stop)
    inner = segment("c", (units,), bias.stop) if layer.cell == "gru" else None
    return Way(reverse, weight, recurrent, bias, inner)
