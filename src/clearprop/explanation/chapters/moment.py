"""One moment of a step in formulas: its symbols with their numbers, as `scenes.moments` finds it.

A layer has its matrices, a neuron its sums, a multiplication its two factors. What errors are
carried back with may be another way than the gradient's; then the sums are that way's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.delta_errors import errors_of
from clearprop.explanation.chapters.delta_gradients import gradients_of
from clearprop.explanation.chapters.errands import Errands
from clearprop.explanation.chapters.forward import layer_matrices, left_half, right_half
from clearprop.explanation.chapters.layer_view import LayerView
from clearprop.explanation.chapters.loss import loss_sum
from clearprop.explanation.chapters.update import step_lines
from clearprop.explanation.formulas import (
    Formula,
    Grid,
    Lines,
    Number,
    Row,
    Stack,
    Symbol,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import by_sign, fold, leading, matrix, numbered
from clearprop.explanation.notation import of_layer
from clearprop.explanation.pages import Block, Math, Paragraph
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities
from clearprop.explanation.scenes.moments import Moment

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# units of a layer whose errors are written out, and weights of a unit whose steps are
UNITS, STEPS = 5, 6

Role = str | Callable[[float], str]
Key = Callable[[int, int], str]


def moment_blocks(
    explanation: Explanation, focus: Focus, moment: Moment, words: Words
) -> list[Block]:
    """Return the formulas of a moment; errors are those of the trace's own carrier."""
    return list(getattr(_Moment(explanation, focus, moment, words), moment.phase)())


@dataclass(frozen=True)
class _Moment:
    """A moment, and what it is read from."""

    explanation: Explanation
    focus: Focus
    moment: Moment
    words: Words

    @cached_property
    def _read(self) -> Quantities:
        explanation = self.explanation
        return Quantities(explanation.trace, explanation.names, self.focus.sample)

    @property
    def _carrier(self) -> str:
        return self.explanation.trace.recipe.carrier

    def forward(self) -> Iterator[Block]:
        """Yield z and a of a layer or a neuron, or one product of z."""
        moment, read = self.moment, self._read
        if moment.edge is not None:
            layer, unit, source = moment.edge
            weight, signal = read.of(Place(layer, unit, source)), read.a(layer - 1, source)
            value = Number(weight.value * signal.value, role="signal")
            yield Math(row(product([weight.chip(), signal.chip()]), sign("="), value))
            return
        forward = self.explanation.forward(self.focus.sample)
        here = forward.layers[moment.layer - 1]
        if len(moment.units) == 1:
            (unit,) = moment.units
            left = left_half(here.neuron(unit), read, self.focus, self.words)
            yield Math(Lines((*left, *right_half(here, unit, read))))
        else:
            units = fold(here.output, moment.units)
            yield Math(layer_matrices(here, units, read, self.focus))

    def loss(self) -> Iterator[Block]:
        """Yield the loss as a sum over the outputs."""
        terms = self.explanation.forward(self.focus.sample).loss
        if terms.terms is not None:
            yield Math(loss_sum(terms, terms.terms, self._read, self.words))

    def error(self) -> Iterator[Block]:
        """Yield BP1."""
        yield from errors_of(self._view(self.moment.layer))

    def backward(self) -> Iterator[Block]:
        """Yield BP2 of a layer, the errors of a neuron, or one product of them."""
        moment = self.moment
        if moment.edge is not None:
            behind, output, unit = moment.edge
            errands = self._errands(behind, (unit,))
            if (found := errands.product(self._carrier, unit, output)) is not None:
                yield found
        elif len(moment.units) == 1 or self._carrier != "exact":
            errors = self.explanation.carriers.carriers[self._carrier].errors[moment.layer - 1]
            if errors is None:
                yield Paragraph(self.words.text("carriers.no_shares"))
                return
            chosen = leading(errors[self.focus.sample], moment.units[:1], room=UNITS, folded=UNITS)
            units = moment.units if len(moment.units) == 1 else chosen
            yield from self._errands(moment.layer + 1, units).of(self._carrier)
        else:
            yield from errors_of(self._view(moment.layer))

    def update(self) -> Iterator[Block]:
        """Yield BP3 and BP4 of a layer, the steps into a neuron, or that of one weight."""
        moment = self.moment
        if moment.edge is not None:
            ledger = self.explanation.ledger(Place(*moment.edge))
            yield Math(Lines(step_lines(ledger, self._read, self.words)))
        elif len(moment.units) == 1:
            yield Math(Lines(tuple(self._steps_into(moment.units[0]))))
        else:
            if self._carrier == "exact":
                yield from gradients_of(self._view(moment.layer))
            yield Math(self._new_weights())

    # what is written

    def _view(self, layer: int) -> LayerView:
        deltas = self.explanation.deltas
        names = self.explanation.names
        return LayerView(deltas, deltas.layers[layer - 1], names, self.focus, self.words)

    def _errands(self, behind: int, units: tuple[int, ...]) -> Errands:
        return Errands(self.explanation.carriers, self._read, self.words, behind, units)

    def _steps_into(self, unit: int) -> Iterator[tuple[Formula, ...]]:
        """Yield ∂E/∂w = δ a and w' = w + Δw of the weights into a unit, then of its bias."""
        read, layer = self._read, self.moment.layer
        gradients = self.explanation.trace.gradient
        sizes = [
            gradients[Place(layer, unit, source).entry(read.trace.network)]
            for source in range(read.trace.network.shape[layer - 1])
        ]
        delta = self._delta(unit)
        sources: list[int | None] = [*leading(np.array(sizes), room=STEPS, folded=STEPS), None]
        for source in sources:
            place = Place(layer, unit, source)
            signal = [] if source is None else [read.a(layer - 1, source).chip()]
            slope = row(product([delta, *signal]))
            yield read.gradient(place).chip(), sign("="), slope
            yield self._step(place)

    def _delta(self, unit: int) -> Stack:
        return self._read.delta(self.moment.layer, unit).chip()

    def _step(self, place: Place) -> tuple[Formula, ...]:
        read = self._read
        old, new = read.of(place), read.updated(place)
        symbol = Symbol("Δ" + str(old.symbol.name), old.symbol.sub, role="update")  # type: ignore[attr-defined]
        change = Stack(symbol, Number(new.value - old.value, role="update"), role="update")
        return new.chip(), sign("="), row(old.chip(), sign("+"), change)

    def _new_weights(self) -> Lines:
        """Return W' = W + ΔW of a layer."""
        read, layer = self._read, self.moment.layer
        operation = read.trace.network.operations[layer - 1]
        old, change = (
            np.asarray(operation.weight.view(vector), dtype=np.float64)
            for vector in (read.trace.vector, read.trace.update)
        )
        rows = fold(np.abs(change).sum(axis=1), self.moment.units[:1])
        columns = fold(np.abs(change).sum(axis=0))
        names, before_it = read.names.units(layer), read.names.units(layer - 1)

        def grid(values: np.ndarray, role: Role, key: Key = lambda row, place: "") -> Grid:
            return matrix(
                values, rows, columns, key=key, role=role, row_labels=names,
                column_labels=before_it,
            )  # fmt: skip

        before = grid(old, by_sign, numbered("w", layer))
        added, new = grid(change, "update"), grid(old + change, "update")
        letters = row(of_layer("W", layer), sign("+"), of_layer("ΔW", layer, "update"))
        left = Symbol("W", sup=f"({layer})′", role="update")
        return Lines(
            (
                (left, sign("="), letters),
                (Row(()), sign("="), row(before, sign("+"), added)),
                (Row(()), sign("="), new),
            )
        )
