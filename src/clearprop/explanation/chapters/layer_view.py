"""What one layer's four equations are shown with: which units and samples, and their letters.

Public names: `EMPTY`, `LayerView`, `scaled`, `transposed`.
May import: `deltas`, `formulas`, `matrices`, `names`, `notation`, `places`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.deltas import Deltas, LayerDelta
from clearprop.explanation.formulas import (
    Formula,
    Grid,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Symbol,
    sign,
)
from clearprop.explanation.matrices import Fold, column, fold, numbered
from clearprop.explanation.names import Names
from clearprop.explanation.notation import of_layer
from clearprop.explanation.places import source_of, units_of

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Focus
    from clearprop.explanation.words import Words

EMPTY = Row(())
# samples of a batch that stand in a matrix
SAMPLES = 4


@dataclass(frozen=True)
class LayerView:
    """The four equations of one layer, ready to be shown.

    Attributes
    ----------
    deltas : Deltas
    layer : LayerDelta
    names : Names
    focus : Focus
    words : Words
    """

    deltas: Deltas
    layer: LayerDelta
    names: Names
    focus: Focus
    words: Words

    # what is shown

    @property
    def number(self) -> int:
        """The layer's number."""
        return self.layer.layer

    @property
    def sample(self) -> int:
        """The row of the trace that numbers are of."""
        return self.focus.sample

    @property
    def batch(self) -> int:
        """How many samples the batch has."""
        return len(self.deltas.coefficients)

    @cached_property
    def units(self) -> Fold:
        """Units of the layer that are shown."""
        return self._fold(self.layer)

    @cached_property
    def behind(self) -> Fold:
        """Units of the layer behind that are shown."""
        return self._fold(self.deltas.layers[self.number])

    def _fold(self, layer: LayerDelta) -> Fold:
        weight, network = self.focus.weight, self.deltas.trace.network
        wanted: tuple[int, ...] = ()
        if weight.layer == layer.layer:
            wanted = units_of(network, weight)
        elif weight.layer == layer.layer + 1:
            source = source_of(network, weight)
            wanted = () if source is None else (source,)
        return fold(layer.delta[self.sample], wanted)

    @cached_property
    def sources(self) -> Fold:
        """Units before the layer that are shown."""
        weight, sizes = self.focus.weight, np.abs(self.layer.gradients["W"]).sum(axis=0)
        wanted = weight.source if weight.layer == self.number else None
        return fold(sizes, () if wanted is None else (wanted,))

    @cached_property
    def samples(self) -> Fold:
        """Samples that stand in a matrix."""
        sizes = np.linalg.norm(self.layer.delta, axis=1)
        return fold(sizes, (self.sample,), room=SAMPLES, folded=SAMPLES)

    # pieces

    def loss(self) -> Symbol:
        """Return E."""
        return Symbol("E", role="error", key="E")

    def letter(self) -> Symbol:
        """Return δ with the layer's number."""
        return of_layer("δ", self.number, "error")

    def delta(self) -> Grid:
        """Return δ of the sample as a column."""
        return column(
            self.layer.delta[self.sample],
            self.units,
            key=numbered("d", self.number),
            role="error",
            labels=self.names.units(self.number),
        )

    def equation(self, symbols: Formula, numbers: Formula) -> Lines:
        """Return δ = symbols = numbers = δ's own numbers, line by line."""
        return Lines(
            (
                (self.letter(), sign("="), symbols),
                (EMPTY, sign("="), numbers),
                (EMPTY, sign("="), self.delta()),
            )
        )


def transposed(letter: Symbol) -> Script:
    """Return a letter with a T above."""
    return Script(Group(letter), sup=Label("T"))


def scaled(
    scale: float, letters: list[Formula], numbers: list[Formula]
) -> tuple[list[Formula], list[Formula]]:
    """Return both with a layer's forward scale in front; as they are where it is 1."""
    if scale == 1:
        return letters, numbers
    return [Symbol("s"), sign("·"), *letters], [Number(scale), sign("·"), *numbers]
