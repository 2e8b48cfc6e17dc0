"""Letters of quantities at a step of time: δ with foot h1.2, 3; x with foot 1, 3.

Steps are counted from 1 on pages. The keys are those of the unrolled picture.

Public names: `TimeLetters`.
May import: `formulas`, `names`, `places`, `quantities`, `through_time`, `clearprop.network`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from clearprop.engines.trace import SequenceTrace
from clearprop.explanation.formulas import Formula, Fraction, Number, Stack, Symbol
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import letter_of, partial

_SHORT = re.compile(r"([^\W\d_])(\d*)")


@dataclass(frozen=True, eq=False)
class TimeLetters:
    """Writes the quantities of one parameter at any step.

    Attributes
    ----------
    trace : SequenceTrace
    names : Names
    place : Place
    """

    trace: SequenceTrace
    names: Names
    place: Place

    @property
    def weight(self) -> Symbol:
        """The parameter."""
        return letter_of(self.names, self.place)

    def gradient(self) -> Fraction:
        """Return ∂E/∂w."""
        # one key: what stands below is not pointed at by itself
        found = partial(Symbol("E"), replace(self.weight, key=""))
        return replace(found, role="error", key=self.place.gradient_key)

    def unit(self, layer: int, unit: int, step: int | str, letter: str = "h") -> Symbol:
        """Return h or a of a unit at a step; x of an input where it is short."""
        name = self.names.unit(layer, unit)
        at = step if isinstance(step, str) else str(step + 1)
        key = "" if isinstance(step, str) else f"a{layer}.{unit}t{step}"
        short = _SHORT.fullmatch(name)
        if not layer and short:
            foot = ", ".join(part for part in (short[2], at) if part)
            return Symbol(short[1], foot, role="signal", key=key)
        return Symbol(letter if layer else "x", f"{name}, {at}", role="signal", key=key)

    def delta(self, step: int | str, letter: str = "δ") -> Symbol:
        """Return δ of what the parameter leads into; δ′ for weights of U and a GRU's inner bias."""
        at = step if isinstance(step, str) else str(step + 1)
        key = "" if isinstance(step, str) else self.delta_key(step)
        prime = "′" if self.place.array and self._gated else ""
        into = self.names.into(self.place)
        return Symbol(letter, f"{into}, {at}", prime, role="error", key=key)

    def delta_key(self, step: int) -> str:
        """Return the key of δ at a step: that of the unit in the picture, where it has one δ."""
        column = self.place.unit
        recurrence = self.names.recurrence(self.place.layer)
        if recurrence is not None:
            column += self.place.way * recurrence.ways[0].weight.shape[0]
        kind = ("q" if self.place.array else "g") if self._gated else ""
        return f"d{kind}{self.place.layer}.{column}t{step}"

    @property
    def _gated(self) -> bool:
        recurrence = self.names.recurrence(self.place.layer)
        return recurrence is not None and recurrence.cell != "elman"

    def signal(self, step: int | str) -> Symbol | None:
        """Return what came along at a step: x_t, h_(t-1); None for a bias."""
        place = self.place
        if place.source is None:
            return None
        recurrence = self.names.recurrence(place.layer)
        if place.array != "U" or recurrence is None:
            letter = "a" if place.layer > 1 and not self._reads_states else "h"
            return self.unit(place.layer - 1, place.source, step, letter)
        own = place.way * recurrence.size + place.source
        back = recurrence.ways[place.way].reverse
        if isinstance(step, str):
            return self.unit(place.layer, own, f"{step}{'+' if back else '−'}1")
        before = step + 1 if back else step - 1
        if 0 <= before < self.trace.packing.steps:
            return self.unit(place.layer, own, before)
        return replace(self.unit(place.layer, own, before), key="")

    @property
    def _reads_states(self) -> bool:
        return self.names.recurrence(self.place.layer - 1) is not None

    def chip(self, symbol: Formula, value: float, digits: int = 4) -> Stack:
        """Return a symbol above its number."""
        number = Number(value, digits, role=symbol.role, key=symbol.key)
        return Stack(symbol, number, role=symbol.role, key=symbol.key)
