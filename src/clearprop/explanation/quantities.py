"""One number of the network: its symbol, its value and its key, tied together.

`Quantities` reads the numbers of one sample from a Trace, in float64, and pairs each with its
letter: z, a, δ with the unit's name at their foot, a weight or bias with its own name (w5) or with
the units that it lies between (w with foot h1.2←x3), an input with its name alone. Formulas are
written from these pairs, so that a number has the same symbol, colour and key wherever it stands.

Public names: `Quantities`, `Quantity`, `letter_of`, `partial`.
May import: `jacobians`, `names`, `places`, `matrices`, `formulas`, `clearprop.engines`,
`clearprop.functions`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from clearprop.engines import Trace
from clearprop.errors import SettingError
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Label,
    Number,
    Stack,
    Symbol,
    row,
)
from clearprop.explanation.jacobians import is_front, jacobian_of
from clearprop.explanation.matrices import by_sign
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place
from clearprop.functions import CustomLoss

# a letter and what stands at its foot: w5, w_ac, b2
_LETTER = re.compile(r"([^\W\d_])(?:_(\w+)|(\d[\d.]*))")
# an input that reads as a letter: a, x1
_SHORT = re.compile(r"([^\W\d_])(\d*)")


@dataclass(frozen=True)
class Quantity:
    """A number with its symbol.

    Attributes
    ----------
    symbol : Formula
        With the number's key and role, which are those of `formulas`.
    value : float
    """

    symbol: Formula
    value: float

    @property
    def key(self) -> str:
        """Which number of the network it is."""
        return self.symbol.key

    def number(self, digits: int = 4) -> Number:
        """Return the value as a formula."""
        return Number(self.value, digits, role=self.symbol.role, key=self.key)

    def chip(self, digits: int = 4) -> Stack:
        """Return the symbol above its number."""
        return Stack(self.symbol, self.number(digits), role=self.symbol.role, key=self.key)


@dataclass(frozen=True, eq=False)
class Quantities:
    """The numbers of one sample of a trace.

    Attributes
    ----------
    trace : Trace
    names : Names
    sample : int
        The row of the trace, counted from 0.
    """

    trace: Trace
    names: Names
    sample: int

    @property
    def last(self) -> int:
        """The number of the output layer."""
        return len(self.trace.network.layers)

    def weights(self, layer: int) -> np.ndarray:
        """Return ∂z/∂(input) of a layer at the sample, without its forward scale, (units, fan_in).

        W of a dense layer, diag(g) of a scaling.
        """
        operation = self.trace.network.operations[layer - 1]
        if operation.kind == "dense":
            return np.asarray(operation.weight.view(self.trace.vector), dtype=np.float64)
        return jacobian_of(self.trace, self.sample, layer)

    def of(self, place: Place) -> Quantity:
        """Return a parameter."""
        value = float(self.trace.vector[place.entry(self.trace.network)])
        return Quantity(letter_of(self.names, place, by_sign(value)), value)

    def updated(self, place: Place) -> Quantity:
        """Return a parameter after the step: w'."""
        entry = place.entry(self.trace.network)
        value = float(self.trace.vector[entry]) + float(self.trace.update[entry])
        symbol = replace(letter_of(self.names, place), sup="′", role="update", key="")
        return Quantity(symbol, value)

    def gradient(self, place: Place) -> Quantity:
        """Return ∂E/∂w of the batch, as the update used it."""
        value = float(self.trace.gradient[place.entry(self.trace.network)])
        symbol = partial(Symbol("E"), letter_of(self.names, place))
        return Quantity(replace(symbol, role="error", key=place.gradient_key), value)

    def z(self, layer: int, unit: int) -> Quantity:
        """Return a weighted input."""
        value = float(self._row(self.trace.z, layer)[unit])
        name, key = self.names.unit(layer, unit), f"z{layer}.{unit}"
        return Quantity(Symbol("z", name, self._head(layer), role="signal", key=key), value)

    def _head(self, layer: int) -> str:
        """Return the layer's number where units of two layers share their names."""
        operations = self.trace.network.operations
        several = sum(map(is_front, operations)) > 1
        return f"({layer})" if several and is_front(operations[layer - 1]) else ""

    def a(self, layer: int, unit: int) -> Quantity:
        """Return what a unit hands on: a, after dropout where there is any; an input of layer 0."""
        return Quantity(self._letter_a(layer, unit), float(self.handed_on(layer)[unit]))

    def _letter_a(self, layer: int, unit: int) -> Formula:
        name, key = self.names.unit(layer, unit), f"a{layer}.{unit}"
        if layer:
            return Symbol("a", name, self._head(layer), role="signal", key=key)
        short = _SHORT.fullmatch(name)
        if short:
            return Symbol(*short.groups(), role="signal", key=key)
        return Label(name, role="signal", key=key)

    def handed_on(self, layer: int) -> np.ndarray:
        """Return what a layer hands on, (units,): the sample for layer 0, a after its mask else."""
        if layer < self.last:
            return self._row(self.trace.inputs, layer + 1)
        return self._row(self.trace.a, layer)

    def slope(self, layer: int, unit: int) -> Quantity:
        """Return ∂a/∂z, times the mask where there is one: f'(z), or f_t'(z) with a learnt t."""
        inside = Group(Symbol("z", self.names.unit(layer, unit)))
        learnt = self.trace.network.operations[layer - 1].parametric
        function = Symbol("f", "t", "′") if learnt else Symbol("f′")
        symbol = row(function, inside, key=f"f{layer}.{unit}")
        return Quantity(symbol, float(self.slopes(layer)[unit]))

    def slopes(self, layer: int) -> np.ndarray:
        """Return ∂a/∂z of a layer, times its mask, (units,); not for softmax."""
        operation = self.trace.network.operations[layer - 1]
        z, a = self._row(self.trace.z, layer), self._row(self.trace.a, layer)
        mask = self.trace.masks[layer - 1]
        kept = 1.0 if mask is None else np.asarray(mask[self.sample], dtype=np.float64)
        return np.asarray(operation.slope(np, self.trace.vector, z, a), dtype=np.float64) * kept

    def delta(self, layer: int, unit: int) -> Quantity:
        """Return δ = ∂E/∂z, which holds the sample's coefficient in a batch."""
        value = float(self._row(self.trace.delta, layer)[unit])
        name, key = self.names.unit(layer, unit), f"d{layer}.{unit}"
        return Quantity(Symbol("δ", name, self._head(layer), role="error", key=key), value)

    def target(self, unit: int) -> Quantity:
        """Return the target of an output."""
        value = float(self.trace.y[self.sample, unit])
        return Quantity(Symbol("y", self.names.unit(self.last, unit)), value)

    def slope_of_loss(self, unit: int) -> Quantity:
        """Return ∂E/∂a of an output for the sample alone.

        Raises
        ------
        SettingError
            If the loss is one's own: only its δ is known.
        """
        loss = self.trace.network.objective
        if isinstance(loss, CustomLoss):
            raise SettingError(f"Of the loss {loss.name!r} only δ is known, and not ∂E/∂a.")
        y = np.asarray(self.trace.y[[self.sample]], dtype=np.float64)
        a = np.asarray(self.trace.a[-1][[self.sample]], dtype=np.float64)
        value = loss.kind.gradient(np, y, a, loss.parameter)[0, unit]
        below = Symbol("a", self.names.unit(self.last, unit))
        symbol = replace(partial(Symbol("E"), below), role="error", key=f"e{unit}")
        return Quantity(symbol, float(value))

    def loss(self) -> Quantity:
        """Return E of this sample."""
        return Quantity(Symbol("E", role="error", key="E"), float(self.trace.losses[self.sample]))

    def _row(self, arrays: list[np.ndarray], layer: int) -> np.ndarray:
        return np.asarray(arrays[layer - 1][self.sample], dtype=np.float64)


def letter_of(names: Names, place: Place, role: str = "") -> Symbol:
    """Return the letter of a parameter: its own name, or w with foot h1.2←x3."""
    name = names.of(place)
    letter = _LETTER.fullmatch(name)
    if letter:
        return Symbol(letter[1], letter[2] or letter[3], role=role, key=place.key)
    if place in names.aliases.values():
        return Symbol(name, role=role, key=place.key)
    into = names.into(place)
    if place.source is None or place.array in ("f", "p"):
        return Symbol(place.letter, into, role=role, key=place.key)
    return Symbol(place.letter.lower(), f"{into}←{names.source(place)}", role=role, key=place.key)


def partial(above: Formula, below: Formula) -> Fraction:
    """Return ∂above / ∂below."""
    return Fraction(row(Symbol("∂"), above), row(Symbol("∂"), below))
