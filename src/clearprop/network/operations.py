"""What layers lower to: `Operation`s, and the `Segment`s of the flat vector that they read.

Public names: `Operation`, `Recurrence`, `Segment`, `Waves`, `Way`, `lower`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from clearprop.errors import SettingError
from clearprop.functions import Activation
from clearprop.network.dense import Dense
from clearprop.network.front import FrontLayer, Periodic, Scaling
from clearprop.network.recurrent import RecurrentLayer


@dataclass(frozen=True)
class Segment:
    """Where one array stands in the flat vector, and how training treats it.

    Attributes
    ----------
    name : str
        `"W1"`, `"b1"`, …; of a recurrent layer also `"U1"` and, in a GRU, `"c1"`. The backward way
        of a layer that goes both ways has an `r` behind: `"W1r"`. Of a parametric dense layer also
        `"t1"`; of front layers `"g1"`, or `"f1"`, `"p1"`, `"W1"`, `"b1"`.
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
        Whether L1 and L2 penalties and weight decay apply; false for the biases of dense and
        recurrent layers, true for all others.
    own : bool
        Each member of the network has its own: the first axis of `shape` counts members, and in the
        vector they stand one behind another.
    """

    name: str
    layer: int
    shape: tuple[int, ...]
    start: int
    scale: float
    rate: float
    penalised: bool
    own: bool = False

    @property
    def stop(self) -> int:
        """The place behind the segment's last number."""
        return self.start + math.prod(self.shape)

    def view(self, vector: Any) -> Any:
        """Return this segment of a vector in its shape, without copying (NumPy, JAX)."""
        lead, inner = self.shape[: int(self.own)], self.shape[int(self.own) :]
        array = vector[self.start : self.stop].reshape(*lead, *inner[::-1])
        return array if len(inner) == 1 else array.swapaxes(-1, -2)

    def flat(self, array: Any) -> Any:
        """Return an array of this shape as it stands in the vector: the inverse of `view`."""
        matrix = len(self.shape) - int(self.own) == 2
        return (array.swapaxes(-1, -2) if matrix else array).reshape(-1)


@dataclass(frozen=True)
class Operation:
    """One step of the forward pass, as engines see it.

    It saves z, a and, where `dropout` > 0, the mask. What its parameters do is told by its kind:

        "dense"      W, b, and t where it is parametric     z = s W a + b
        "scaling"    g                                      z = g ⊙ x
        "periodic"   f, p, W, b (see `Waves`)
        "elman", "gru", "lstm" (see `Recurrence`)

    Attributes
    ----------
    kind : str
    layer : int
        The book's layer number, 1 for the first.
    fan_in, units : int
        What it receives and what it hands on.
    activation : Activation
    dropout : float
    scale : float
    segments : tuple of Segment
        The parameters, in the order of the vector.
    """

    kind: str
    layer: int
    fan_in: int
    units: int
    activation: Activation
    dropout: float
    scale: float
    segments: tuple[Segment, ...]

    @property
    def weight(self) -> Segment:
        """The segment of W; that of the first way in a recurrent layer."""
        return self.named("W")

    @property
    def bias(self) -> Segment:
        """The segment of b; that of the first way in a recurrent layer."""
        return self.named("b")

    @property
    def own(self) -> bool:
        """Whether each member of the network has parameters of its own here."""
        return self.segments[0].own

    @property
    def parametric(self) -> bool:
        """Whether a = z + t (f(z) - z), with t learnt."""
        return self.segments[-1].name.startswith("t")

    def named(self, letter: str) -> Segment:
        """Return the segment of this letter."""
        for segment in self.segments:
            if segment.name == f"{letter}{self.layer}":
                return segment
        letters = ", ".join(segment.name for segment in self.segments)
        raise SettingError(f"Layer {self.layer} is {self.kind} and has {letters}, but no {letter}.")

    def matrix(self, vector: Any, xp: Any = np) -> Any:
        """Return ∂z/∂(input), (units, fan_in), one for each member where they have their own.

        s W of a dense layer, diag(g) of a scaling. That of a periodic layer is another one for each
        input: see `clearprop.equations.front`.
        """
        if self.kind == "dense":
            return self.scale * self.weight.view(vector)
        if self.kind == "scaling":
            g = self.named("g").view(vector)
            return xp.eye(self.units, dtype=g.dtype) * g[..., None, :]
        raise SettingError(
            f"Layer {self.layer} is {self.kind}: what it does to its input is no one matrix."
        )

    def slope(self, xp: Any, vector: Any, z: Any, a: Any) -> Any:
        """Return ∂a/∂z unit by unit, (n, units): f'(z), or 1 + t (f'(z) - 1) with a learnt t."""
        if not self.parametric:
            return self.activation.derivative(xp, z, a)
        t = self.named("t").view(vector)
        return 1 + t * (self.activation.derivative(xp, z, self.activation.value(xp, z)) - 1)


@dataclass(frozen=True)
class Waves(Operation):
    """A `Periodic` layer as engines see it: f and p (columns, frequencies), and W, b.

    W is (columns · (features - 1), frequencies): the rows of one column's features one below
    another, and b is laid out alike.

    Attributes
    ----------
    columns : tuple of int
        The inputs that become features.
    frequencies, features : int
        Waves of a column, and units that it becomes, itself included.
    """

    columns: tuple[int, ...]
    frequencies: int
    features: int

    @cached_property
    def others(self) -> tuple[int, ...]:
        """The inputs that pass unchanged."""
        columns = set(self.columns)
        return tuple(c for c in range(self.fan_in) if c not in columns)

    def gathered(self, xp: Any, x: Any, v: Any) -> Any:
        """Return the layer's units from its input and what the waves made of it.

        Parameters
        ----------
        x : (n, fan_in) array
        v : (n, columns, features - 1) array
        """
        columns = xp.concatenate([x[:, list(self.columns), None], v], axis=2)
        flat = columns.reshape(x.shape[0], -1)
        return xp.concatenate([flat, x[:, list(self.others)]], axis=1)


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
    """A recurrent layer as engines see it; its kind is its cell.

    It saves, for each step, the weighted inputs of its gates z, its states and what its cell needs
    besides (see `clearprop.equations.cells`); the local Jacobian from one step to the next is the
    cell's.

    Attributes
    ----------
    size : int
        Units of the state of one way; `units` are those of all ways.
    ways : tuple of Way
    """

    size: int
    ways: tuple[Way, ...]

    @property
    def cell(self) -> str:
        """`"elman"`, `"gru"` or `"lstm"`."""
        return self.kind


def lower(
    number: int, layer: Dense | FrontLayer | RecurrentLayer, fan_in: int, start: int, own: int = 0
) -> Operation:
    """Return the operation of the layer of this number, whose parameters begin at `start`.

    `own` is how many members have each their own parameters; 0 where they share them, or where the
    network has no members.
    """
    if isinstance(layer, RecurrentLayer):
        return _lower_recurrent(number, layer, fan_in, start)
    if isinstance(layer, Scaling):
        return _lower_scaling(number, layer, fan_in, start, own)
    if isinstance(layer, Periodic):
        return _lower_periodic(number, layer, fan_in, start)
    assert isinstance(layer, Dense)
    return _lower_dense(number, layer, fan_in, start, own)


def _lower_dense(number: int, layer: Dense, fan_in: int, start: int, own: int) -> Operation:
    scale = fan_in**-0.5 if layer.scale == "ntk" else float(layer.scale)
    lead = (own,) if own else ()
    parts = [
        ("W", (*lead, layer.units, fan_in), scale, layer.rate, True),
        ("b", (*lead, layer.units), 1.0, layer.bias_rate, False),
    ]
    if layer.parametric:
        parts.append(("t", (layer.units,), 1.0, layer.parametric_rate, True))
    found: list[Segment] = []
    for letter, shape, s, rate, penalised in parts:
        each = bool(own) and letter != "t"
        found.append(Segment(f"{letter}{number}", number, shape, start, s, rate, penalised, each))
        start = found[-1].stop
    f, dropout = layer.function, layer.dropout
    return Operation("dense", number, fan_in, layer.units, f, dropout, scale, tuple(found))


def _lower_scaling(number: int, layer: Scaling, fan_in: int, start: int, own: int) -> Operation:
    shape = (own, fan_in) if own else (fan_in,)
    gain = Segment(f"g{number}", number, shape, start, 1.0, layer.rate, True, bool(own))
    return Operation(layer.kind, number, fan_in, fan_in, layer.function, 0.0, 1.0, (gain,))


def _lower_periodic(number: int, layer: Periodic, fan_in: int, start: int) -> Waves:
    columns, made = len(layer.columns), layer.features - 1
    shapes = {
        "f": ((columns, layer.frequencies), layer.rate),
        "p": ((columns, layer.frequencies), layer.rate / (2 * np.pi)),
        "W": ((columns * made, layer.frequencies), layer.rate),
        "b": ((columns * made,), layer.rate),
    }
    segments: list[Segment] = []
    for letter, (shape, rate) in shapes.items():
        segments.append(Segment(f"{letter}{number}", number, shape, start, 1.0, rate, True))
        start = segments[-1].stop
    return Waves(
        layer.kind,
        number,
        fan_in,
        layer.outputs_of(fan_in),
        layer.function,
        0.0,
        1.0,
        tuple(segments),
        layer.columns,
        layer.frequencies,
        layer.features,
    )


def _lower_recurrent(number: int, layer: RecurrentLayer, fan_in: int, start: int) -> Recurrence:
    ways: list[Way] = []
    for reverse in {"forward": [False], "backward": [True], "both": [False, True]}[layer.direction]:
        suffix = f"{number}r" if ways else f"{number}"
        ways.append(_lower_way(layer, (number, suffix), fan_in, start, reverse=reverse))
        start = ways[-1].segments[-1].stop
    return Recurrence(
        layer.cell,
        number,
        fan_in,
        layer.outputs,
        layer.function,
        layer.dropout,
        1.0,
        tuple(segment for way in ways for segment in way.segments),
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
