"""The errors of one sample on their way from a layer to the one before it, four ways.

A part of the chapter `carriers`, whose words it takes, and of the moments of a backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.carrying import Carried, CarrierComparison
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Stack,
    Symbol,
    Total,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import by_sign, column, fold, leading, matrix, numbered
from clearprop.explanation.notation import of_layer
from clearprop.explanation.pages import Block, Details, Math, Paragraph
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities, letter_of

if TYPE_CHECKING:
    from clearprop.explanation.words import Words

# units of the last hidden layer whose errors are written out
UNITS = 3
# outputs whose errors are written out in a sum
TERMS = 4
# weights of a unit that are written out in a sum of weights
SUMMED = 3

# gives the chips of what an error is multiplied by: C, output, hidden unit → chips
Factor = Callable[[np.ndarray, int, int], list[Formula]]


class Errands:
    """The errors of one sample on their way back from a layer, `behind`, to the one before.

    From the output to the last hidden layer, and to its `UNITS` units of the largest error, where
    nothing else is said.
    """

    def __init__(
        self,
        found: CarrierComparison,
        quantities: Quantities,
        words: Words,
        behind: int | None = None,
        units: Sequence[int] | None = None,
    ) -> None:
        self.found, self.quantities, self.words = found, quantities, words
        self.names, self.behind = quantities.names, behind or quantities.last
        self.scale = quantities.trace.network.operations[self.behind - 1].scale
        error = found.carriers["exact"].errors[self.behind - 2]
        size = np.zeros(0) if error is None else error[quantities.sample]
        largest = leading(size, room=UNITS, folded=UNITS)
        self.units = largest if units is None else tuple(units)

    def of(self, name: str) -> Iterator[Block]:
        """Return the errors of the units as sums, in one way alone."""
        if name in ("exact", "random"):
            return self._deltas(name, self._weight if name == "exact" else self._feedback)
        return self._sums(name, self._weight if name == "transposed" else self._share)

    def product(self, name: str, unit: int, output: int) -> Block | None:
        """Return one product of such a sum with its value; None where no error comes."""
        carried = self.found.carriers[name]
        matrix, errors = carried.matrices[self.behind - 1], carried.errors[self.behind - 1]
        if matrix is None or errors is None:
            return None
        factor: Factor = {
            "exact": self._weight, "transposed": self._weight, "proportional": self._share,
            "random": self._feedback,
        }[name]  # fmt: skip
        value = float(matrix[output, unit]) * float(errors[self.quantities.sample, output])
        chips = [*factor(matrix, output, unit), self._output_error(carried, output)]
        return Math(row(product(chips), sign("="), Number(value, role="error")))

    def start(self) -> Iterator[Block]:
        """Return e^L with its numbers, and what it is."""
        kind = "start" if self.found.separable else "start_delta"
        yield Paragraph(self.words.text(f"carriers.{kind}"))
        errors = self.found.carriers["transposed"].errors[self.behind - 1]
        if errors is None:
            return
        shown = errors[self.quantities.sample]
        key = numbered("c", self.behind)
        names = self.names.units(self.behind)
        values = column(shown, fold(shown), key=key, role="error", labels=names)
        yield Math(row(of_layer("e", self.behind, "error"), sign("="), values))
        rows = len(self.quantities.trace.rows)
        if rows > 1:
            sample = self.quantities.sample
            yield Paragraph(self.words.text("carriers.of_sample", sample=sample, n=rows))

    def in_proportion(self) -> Iterator[Block]:
        """Return step 1: each error is shared out in proportion to the weights."""
        yield Paragraph(self.words.text("carriers.proportional"))
        if self.found.carriers["proportional"].errors[self.behind - 2] is None:
            yield Paragraph(self.words.text("carriers.no_shares"))
        yield from self._sums("proportional", self._share)

    def transposed(self) -> Iterator[Block]:
        """Return step 2: the denominators dropped, neuron by neuron and as a matrix."""
        yield Paragraph(self.words.text("carriers.transposed"))
        yield from self._sums("transposed", self._weight)
        yield Paragraph(self.words.text("carriers.matrix"))
        yield Math(self._matrices())

    def exact(self) -> Iterator[Block]:
        """Return step 3: the delta, with the slope in it."""
        yield Paragraph(self.words.text("carriers.exact"))
        yield from self._deltas("exact", self._weight)

    def random(self) -> Iterator[Block]:
        """Return the contrast: random feedback, its numbers folded away."""
        if "random" not in self.found.carriers:
            yield Paragraph(self.words.text("carriers.no_random"))
            return
        yield Paragraph(self.words.text("carriers.random"))
        inside = tuple(self._deltas("random", self._feedback))
        yield Details(self.words.text("carriers.in_numbers"), inside)

    def _deltas(self, name: str, factor: Factor) -> Iterator[Block]:
        """Return δ of some hidden units, as a sum over the outputs times the slope."""
        deltas = self.found.carriers[name].deltas[self.behind - 2]
        if deltas is None:
            return
        lines = []
        for unit in self.units:
            symbol = Symbol("δ", self.names.unit(self.behind - 1, unit))
            value = float(deltas[self.quantities.sample, unit])
            key = f"d{self.behind - 1}.{unit}" if name == "exact" else ""
            slope = self.quantities.slope(self.behind - 1, unit).chip()
            total = product([Group(self._sum(name, unit, factor)), slope])
            lines.append((_error(symbol, value, key), sign("="), total))
        yield Math(Lines(tuple(lines)))

    def _sums(self, name: str, factor: Factor) -> Iterator[Block]:
        """Return e of some hidden units as sums over the outputs."""
        errors = self.found.carriers[name].errors[self.behind - 2]
        if errors is None:
            return
        lines = []
        for unit in self.units:
            symbol = Symbol("e", self.names.unit(self.behind - 1, unit))
            value = float(errors[self.quantities.sample, unit])
            key = f"c{self.behind - 1}.{unit}" if name == "transposed" else ""
            lines.append((_error(symbol, value, key), sign("="), self._sum(name, unit, factor)))
        yield Math(Lines(tuple(lines)))

    def _sum(self, name: str, unit: int, factor: Factor) -> Formula:
        """Return Σ_j C_jk e_j of one hidden unit, the largest terms first where there are many."""
        carried = self.found.carriers[name]
        matrix, errors = carried.matrices[self.behind - 1], carried.errors[self.behind - 1]
        assert matrix is not None
        assert errors is not None
        products = matrix[:, unit] * errors[self.quantities.sample]
        shown = leading(products, room=TERMS, folded=TERMS - 1)
        terms: list[Formula] = [
            product([*factor(matrix, output, unit), self._output_error(carried, output)])
            for output in shown
        ]
        hidden = len(products) - len(shown)
        if hidden:
            rest = float(products.sum() - products[list(shown)].sum())
            label = Label(self.words("carriers.rest", n=hidden), role="muted")
            terms.append(Stack(label, Number(rest, role="muted")))
        return self._masked(carried, unit, plus(terms))

    def _masked(self, carried: Carried, unit: int, total: Formula) -> Formula:
        """Return a sum times the dropout mask, where that is part of the way and not of f'."""
        mask = self.quantities.trace.masks[self.behind - 2]
        if mask is None or not carried.late:
            return total
        value = float(mask[self.quantities.sample, unit])
        return product([Group(total), Stack(Symbol("m"), Number(value))])

    def _output_error(self, carried: Carried, output: int) -> Formula:
        if not carried.late:
            return self.quantities.delta(self.behind, output).chip()
        errors = carried.errors[self.behind - 1]
        assert errors is not None
        symbol = Symbol("e", self.names.unit(self.behind, output))
        value = float(errors[self.quantities.sample, output])
        return _error(symbol, value, f"c{self.behind}.{output}")

    def _share(self, matrix: np.ndarray, output: int, unit: int) -> list[Formula]:
        """Return w / Σ w of one weight as a chip."""
        place = Place(self.behind, output, unit)
        sources = matrix.shape[1]
        if sources <= SUMMED:
            total: Formula = plus(
                letter_of(self.names, Place(self.behind, output, source))
                for source in range(sources)
            )
        else:
            name = self.names.unit(self.behind, output)
            total = Total(Symbol("k"), Symbol("w", f"{name}←k"))
        above = Fraction(letter_of(self.names, place), total)
        value = float(matrix[output, unit])
        return [Stack(above, Number(value, role=by_sign(value)), key=place.key)]

    def _weight(self, matrix: np.ndarray, output: int, unit: int) -> list[Formula]:
        """Return s and w as chips."""
        chip = self.quantities.of(Place(self.behind, output, unit)).chip()
        return [chip] if self.scale == 1 else [Stack(Symbol("s"), Number(self.scale)), chip]

    def _feedback(self, matrix: np.ndarray, output: int, unit: int) -> list[Formula]:
        """Return s b, what random feedback has in the place of s w."""
        foot = f"{self.names.unit(self.behind, output)}←{self.names.unit(self.behind - 1, unit)}"
        value = float(matrix[output, unit])
        return [Stack(Symbol("b", foot), Number(value, role=by_sign(value)))]

    def _matrices(self) -> Lines:
        """Return e^(L-1) = Wᵀ e^L in symbols and in numbers."""
        carried, sample = self.found.carriers["transposed"], self.quantities.sample
        W, outputs, hidden = (
            carried.matrices[self.behind - 1],
            carried.errors[self.behind - 1],
            carried.errors[self.behind - 2],
        )
        symbols = row(
            *([] if self.scale == 1 else [Symbol("s")]),
            Script(Group(of_layer("W", self.behind)), sup=Label("T")),
            of_layer("e", self.behind, "error"),
        )
        left = of_layer("e", self.behind - 1, "error")
        lines: list[tuple[Formula, Formula, Formula]] = [(left, sign("="), symbols)]
        if W is not None and outputs is not None and hidden is not None:
            units, ends = fold(hidden[sample]), fold(outputs[sample])
            labels = self.names.units(self.behind - 1)
            into = self.names.units(self.behind)

            def key(unit: int, output: int) -> str:
                return Place(self.behind, output, unit).key

            # what stands in the matrix is s w where there is a forward scale
            weights = matrix(
                W.T, units, ends, key=key, role=by_sign, row_labels=labels, column_labels=into
            )
            error = column(outputs[sample], ends, key=numbered("c", self.behind), role="error")
            reached = column(
                hidden[sample],
                units,
                key=numbered("c", self.behind - 1),
                role="error",
                labels=labels,
            )
            lines.append((Row(()), sign("="), row(weights, error)))
            lines.append((Row(()), sign("="), reached))
        return Lines(tuple(lines))


def _error(symbol: Symbol, value: float, key: str) -> Stack:
    return Stack(symbol, Number(value, role="error", key=key), role="error", key=key)
