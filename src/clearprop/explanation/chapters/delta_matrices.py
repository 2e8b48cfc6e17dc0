"""One layer's BP1 to BP4 as the actual matrices; a part of the chapter on deltas.

BP1 and BP2 are those of the focused sample. BP3 and BP4 are sums over the batch: for one sample
the product of two vectors, for several that of two matrices with a sample a column or row.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    Total,
    called,
    joined,
    row,
    sign,
)
from clearprop.explanation.jacobians import Ends, is_front
from clearprop.explanation.matrices import Fold, by_sign, column, fold, line, matrix, numbered
from clearprop.explanation.names import Names
from clearprop.explanation.notation import of_layer
from clearprop.explanation.pages import Block, Math, Paragraph, Span
from clearprop.explanation.places import Place, source_of, units_of
from clearprop.explanation.quantities import Quantities, partial
from clearprop.network import Waves

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Focus
    from clearprop.explanation.words import Words

_EMPTY = Row(())
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

    def error(self) -> Iterator[Block]:
        """Yield BP1 or BP2 of the focused sample."""
        if self.layer.is_output:
            yield from self._bp1()
        else:
            yield from self._bp2()

    def gradients(self) -> Iterator[Block]:
        """Yield BP3 and BP4, which sum over the batch, as the layer's kind has them."""
        if self.layer.operation.kind == "scaling":
            yield Paragraph(self.words.text("deltas.bp4_gain"))
            yield Math(self._pointwise("g", "received", self.layer.received))
            return
        if self.layer.operation.kind == "periodic":
            yield from self._of_waves()
            return
        yield Paragraph(self.words.text("deltas.bp3_here"))
        yield Math(self._bp3())
        if self._batch == 1:
            yield Paragraph(self.words.text("deltas.bp4_here"))
        else:
            yield Paragraph(self.words.text("deltas.bp4_batch"))
        yield Math(self._bp4())
        if "t" in self.layer.gradients:
            yield Paragraph(self.words.text("deltas.bp4_slope"))
            yield Math(self._pointwise("t", "bent", self.layer.bent))

    # what is shown

    @property
    def _number(self) -> int:
        return self.layer.layer

    @property
    def _sample(self) -> int:
        return self.focus.sample

    @property
    def _batch(self) -> int:
        return len(self.deltas.coefficients)

    @cached_property
    def _units(self) -> Fold:
        return self._fold(self.layer)

    @cached_property
    def _behind(self) -> Fold:
        return self._fold(self.deltas.layers[self._number])

    def _fold(self, layer: LayerDelta) -> Fold:
        weight, network = self.focus.weight, self.deltas.trace.network
        wanted: tuple[int, ...] = ()
        if weight.layer == layer.layer:
            wanted = units_of(network, weight)
        elif weight.layer == layer.layer + 1:
            source = source_of(network, weight)
            wanted = () if source is None else (source,)
        return fold(layer.delta[self._sample], wanted)

    @cached_property
    def _sources(self) -> Fold:
        weight, sizes = self.focus.weight, np.abs(self.layer.gradients["W"]).sum(axis=0)
        wanted = weight.source if weight.layer == self._number else None
        return fold(sizes, () if wanted is None else (wanted,))

    @cached_property
    def _samples(self) -> Fold:
        sizes = np.linalg.norm(self.layer.delta, axis=1)
        return fold(sizes, (self._sample,), room=SAMPLES, folded=SAMPLES)

    # BP1 and BP2

    def _bp1(self) -> Iterator[Block]:
        ends = self.deltas.ends(self._sample)
        yield Paragraph(self.words.text("deltas.bp1_here"))
        if ends.collapsed:
            yield Paragraph(self.words.text(f"deltas.{ends.collapsed}"))
        else:
            yield Math(self._bp1_factors(ends))
        if self.deltas.matched:
            if not ends.collapsed:
                name = "matched" if self._batch > 1 else "matched_single"
                yield Paragraph(self.words.text(f"deltas.{name}"))
            yield Math(self._difference())
        elif ends.collapsed:
            yield Math(row(self._letter(), sign("="), self._delta()))

    def _bp1_factors(self, ends: Ends) -> Lines:
        """Return c ∇_a E ⊙ f'(z), or c Jᵀ ∇_a E."""
        here, units = self._number, self._units
        nabla = row(Symbol("∇", "a"), self._loss())
        slopes = column(ends.loss_slopes, units, key=lambda unit: f"e{unit}", role="error")
        z = of_layer("z", here)
        if self.layer.activation.elementwise:
            symbols = [nabla, sign("⊙"), called(Symbol("f", sup="′"), z)]
            factor = column(ends.jacobian[:, 0], units, key=numbered("f", here))
            numbers: list[Formula] = [slopes, sign("⊙"), factor]
        else:
            # ∂a_p/∂z_o in row o and column p is the transpose of J already
            jacobian = Script(called(Symbol("J"), z), sup=Label("T"))
            symbols, numbers = (
                [jacobian, sign("·"), nabla],
                [matrix(ends.jacobian, units, units), slopes],
            )
        return self._equation(row(*self._c()[0], *symbols), row(*self._c()[1], *numbers))

    def _difference(self) -> Lines:
        """Return c (a - y), which a loss and the activation that matches it share."""
        units, here = self._units, self._number
        outputs, targets = (
            array[self._sample] for array in (self.deltas.outputs, self.deltas.targets)
        )
        a = column(outputs, units, key=numbered("a", here), role="signal")
        y = column(targets, units, key=lambda unit: f"y{unit}")
        symbol, value = self._c()
        letters: Formula = row(of_layer("a", here, "signal"), sign("−"), Symbol("y"))
        numbers: Formula = row(a, sign("−"), y)
        if symbol:
            letters, numbers = Group(letters), Group(numbers)
        return self._equation(row(*symbol, letters), row(*value, numbers))

    def _c(self) -> tuple[list[Formula], list[Formula]]:
        """Return the sample's coefficient as a factor; nothing where it is 1."""
        c = float(self.deltas.coefficients[self._sample])
        if c == 1:
            return [], []
        return [Symbol("c"), sign("·")], [Number(c), sign("·")]

    def _bp2(self) -> Iterator[Block]:
        behind = self._number + 1
        yield Paragraph(self.words.text("deltas.bp2_here", behind=behind))
        if self.deltas.layers[behind - 1].operation.scale != 1:
            yield Paragraph(self.words.text("deltas.scale"))
        if self.layer.mask is not None:
            yield Paragraph(self.words.text("deltas.dropout"))
        if self.layer.operation.parametric:
            yield Paragraph(self.words.text("deltas.learnt"))
        if is_front(self.layer.operation):
            yield Paragraph(self.words.text("deltas.no_slope"))
        yield Math(self._bp2_factors())

    def _bp2_factors(self) -> Lines:
        """Return (s Wᵀ δ) ⊙ f'(z) ⊙ m."""
        here, units, layer = self._number, self._units, self.layer
        assert layer.carried is not None
        assert layer.slopes is not None
        letters, numbers = self._from_behind()
        carried = column(layer.carried[self._sample], units, key=numbered("c", here), role="error")
        if is_front(layer.operation):
            return Lines(
                (
                    (self._letter(), sign("="), row(*letters)),
                    (_EMPTY, sign("="), row(*numbers)),
                    (_EMPTY, sign("="), self._delta()),
                )
            )
        slopes = column(layer.slopes[self._sample], units, key=numbered("f", here))
        function = Symbol("f", "t" if layer.operation.parametric else "", "′")
        slope = called(function, of_layer("z", here))
        symbols, tail = [Group(row(*letters)), sign("⊙"), slope], [sign("⊙"), slopes]
        if layer.mask is not None:
            symbols += [sign("⊙"), Symbol("m")]
            tail += [sign("⊙"), column(layer.mask[self._sample], units)]
        return Lines(
            (
                (self._letter(), sign("="), row(*symbols)),
                (_EMPTY, sign("="), row(*numbers, *tail)),
                (_EMPTY, sign("="), row(carried, *tail)),
                (_EMPTY, sign("="), self._delta()),
            )
        )

    def _from_behind(self) -> tuple[list[Formula], list[Formula]]:
        """Return what carries the error of the layer behind back, and that error: s Wᵀ δ, g ⊙ δ."""
        here, behind, units = self._number, self._number + 1, self._units
        after = self.deltas.layers[here]
        trace, operation = self.deltas.trace, after.operation
        letter, errors = of_layer("δ", behind, "error"), after.delta[self._sample]
        if operation.kind == "scaling":
            gains = operation.named("g").view(trace.vector)
            keyed = column(
                gains,
                units,
                key=lambda unit: Place(behind, unit, None, "g").key,
                role=by_sign,
                labels=self.names.units(here),
            )
            carried = column(errors, units, key=numbered("d", behind), role="error")
            return [of_layer("g", behind), sign("⊙"), letter], [keyed, sign("⊙"), carried]
        dense = operation.kind == "dense"
        weights = Quantities(trace, self.names, self._sample).weights(behind)
        matrix_of = matrix(
            weights.T,
            units,
            self._behind,
            key=lambda unit, into: f"w{behind}.{into}.{unit}" if dense else "",
            role=by_sign,
            row_labels=self.names.units(here),
            column_labels=self.names.units(behind),
        )
        carried = column(errors, self._behind, key=numbered("d", behind), role="error")
        name = of_layer("W" if dense else "J", behind)
        return _scaled(operation.scale, [_transposed(name), letter], [matrix_of, carried])

    # BP3 and BP4

    def _bp3(self) -> Row:
        delta: Formula = self._letter()
        if self._batch > 1:
            delta = Total(Symbol("i"), Symbol("δ", "i", f"({self._number})", role="error"))
        gradient = column(
            self.layer.gradients["b"],
            self._units,
            key=numbered("g", self._number),
            role="error",
            labels=self.names.units(self._number),
        )
        of_bias = partial(self._loss(), of_layer("b", self._number))
        return joined("=", [of_bias, delta, gradient])

    def _bp4(self) -> Lines:
        """Return s Σ δ aᵀ as the product of what is summed, and the gradient."""
        here, layer = self._number, self.layer
        if self._batch == 1:
            errors = column(layer.delta[0], self._units, key=numbered("d", here), role="error")
            signals = line(
                layer.received[0], self._sources, key=numbered("a", here - 1), role="signal"
            )
            signal = of_layer("a", here - 1, "signal")
            left: Formula = row(self._letter(), _transposed(signal))
        else:
            errors, signals = self._batch_errors(), self._batch_signals()
            one = Symbol("a", "i", f"({here - 1})", role="signal")
            delta = Symbol("δ", "i", f"({here})", role="error")
            left = Total(Symbol("i"), row(delta, _transposed(one)))
        letters, numbers = _scaled(layer.operation.scale, [left], [errors])
        gradient = matrix(
            layer.gradients["W"],
            self._units,
            self._sources,
            key=numbered("g", here),
            role="error",
            row_labels=self.names.units(here),
            column_labels=self.names.units(here - 1),
        )
        # two matrices side by side would be wider than a page
        if self._batch == 1:
            numbers, more = [*numbers, signals], []
        else:
            more = [(_EMPTY, sign("·"), signals)]
        return Lines(
            (
                (partial(self._loss(), of_layer("W", here)), sign("="), row(*letters)),
                (_EMPTY, sign("="), row(*numbers)),
                *more,
                (_EMPTY, sign("="), gradient),
            )
        )

    def _pointwise(self, letter: str, kind: str, moved: np.ndarray) -> Lines:
        """Return ∂E/∂g = Σ δ ⊙ x, or ∂E/∂t = Σ ∂E/∂a ⊙ (f(z) − z), and what comes out.

        The factors' numbers are those of the focused sample.
        """
        here, units = self._number, self._units
        errors = self.layer.delta if letter == "g" else self.layer.carried
        assert errors is not None
        head = f"({here})"
        foot = "" if self._batch == 1 else "i"
        if kind == "received":
            error: Formula = Symbol("δ", foot, head, role="error")
            signal: Formula = Symbol("a", foot, f"({here - 1})", role="signal")
        else:
            z = Symbol("z", foot, head)
            error = partial(self._loss(), Symbol("a", foot, head))
            mask = [] if self.layer.mask is None else [Symbol("m", foot), sign("⊙")]
            signal = row(*mask, Group(row(called(Symbol("f"), z), sign("−"), z)))
        product = row(error, sign("⊙"), signal)
        own = row(
            column(errors[self._sample], units, role="error"),
            sign("⊙"),
            column(moved[self._sample], units, role="signal"),
        )
        gradient = column(
            self.layer.gradients[letter],
            units,
            key=lambda unit: Place(here, unit, None, letter).gradient_key,
            role="error",
            labels=self.names.units(here),
        )
        symbols = product if self._batch == 1 else Total(Symbol("i"), product)
        numbers = own if self._batch == 1 else row(own, sign("+"), sign("⋯"))
        return Lines(
            (
                (partial(self._loss(), of_layer(letter, here)), sign("="), symbols),
                (_EMPTY, sign("="), numbers),
                (_EMPTY, sign("="), gradient),
            )
        )

    def _of_waves(self) -> Iterator[Block]:
        """Yield the gradients of a periodic layer: in symbols, and one column's numbers."""
        yield Paragraph(self.words.text("deltas.bp4_waves"))
        i = Symbol("i")
        delta, angle = Symbol("δ", "i,ck", role="error"), Symbol("θ", "i,cq")
        E, w = self._loss(), Symbol("w", "ckq")
        turned = row(sign("−"), w, called(Label(" sin "), angle))
        tau = Symbol("τ", "i,cq", role="error")
        two_pi, x = row(Number(2), Symbol("π")), Symbol("x", "i,c", role="signal")
        cosine = row(delta, called(Label(" cos "), angle))
        yield Math(
            Lines(
                (
                    (partial(E, w), sign("="), Total(i, cosine)),
                    (partial(E, Symbol("b", "ck")), sign("="), Total(i, delta)),
                    (tau, sign("="), Total(Symbol("k"), row(delta, Group(turned)))),
                    (partial(E, Symbol("f", "cq")), sign("="), Total(i, row(tau, two_pi, x))),
                    (partial(E, Symbol("p", "cq")), sign("="), Total(i, row(tau, two_pi))),
                )
            )
        )
        waves = self.names.waves(self._number)
        assert waves is not None
        number = self._column(waves)
        name = self.names.unit(self._number - 1, waves.columns[number])
        yield Paragraph(self.words.text("deltas.one_column", column=Span(name, "strong")))
        yield Math(self._column_gradients(waves, number))

    def _column(self, waves: Waves) -> int:
        """Return the column that is shown: the focused parameter's, else that of largest errors."""
        weight = self.focus.weight
        if weight.layer == self._number:
            return units_of(self.deltas.trace.network, weight)[0] // waves.features
        sizes = np.abs(self.layer.gradients["f"]).sum(axis=1)
        return int(np.argmax(sizes))

    def _column_gradients(self, waves: Waves, number: int) -> Lines:
        here, made = self._number, waves.features - 1
        rows = slice(number * made, (number + 1) * made)
        sizes = np.abs(self.layer.gradients["W"][rows]).sum(axis=0)
        focus = self.focus.weight
        own = focus.layer == here and focus.source is not None
        cosines = fold(sizes, (focus.source,) if own and focus.source is not None else ())
        labels = [self.names.cosine(waves, number, q) for q in range(waves.frequencies)]
        units = fold(np.zeros(made))
        names = self.names.units(here)[number * waves.features + 1 : (number + 1) * waves.features]
        found: list[tuple[Formula, ...]] = []
        for letter in "fp":
            values = line(
                self.layer.gradients[letter][number],
                cosines,
                key=lambda q, letter=letter: Place(here, number, q, letter).gradient_key,  # type: ignore[misc]
                role="error",
                labels=labels,
            )
            found.append((partial(self._loss(), Symbol(letter)), sign("="), values))
        weights = matrix(
            self.layer.gradients["W"][rows],
            units,
            cosines,
            key=lambda k, q: Place(here, number * made + k, q).gradient_key,
            role="error",
            row_labels=names,
            column_labels=labels,
        )
        biases = column(
            self.layer.gradients["b"][rows],
            units,
            key=lambda k: Place(here, number * made + k, None).gradient_key,
            role="error",
            labels=names,
        )
        found.append((partial(self._loss(), Symbol("W")), sign("="), weights))
        found.append((partial(self._loss(), Symbol("b")), sign("="), biases))
        return Lines(tuple(found))

    def _batch_errors(self) -> Grid:
        """Return δ with a unit a row and a sample a column."""
        return matrix(
            self.layer.delta.T,
            self._units,
            self._samples,
            key=lambda unit, sample: self._key(sample, f"d{self._number}.{unit}"),
            role="error",
            row_labels=self.names.units(self._number),
            column_labels=self._sample_names(),
        )

    def _batch_signals(self) -> Grid:
        """Return what came in with a sample a row and a source a column."""
        return matrix(
            self.layer.received,
            self._samples,
            self._sources,
            key=lambda sample, source: self._key(sample, f"a{self._number - 1}.{source}"),
            role="signal",
            row_labels=self._sample_names(),
            column_labels=self.names.units(self._number - 1),
        )

    def _sample_names(self) -> list[str]:
        return [f"i = {sample}" for sample in range(self._batch)]

    def _key(self, sample: int, key: str) -> str:
        """Return a key of a single number, which only the focused sample's have."""
        return key if sample == self._sample else ""

    # pieces

    def _loss(self) -> Symbol:
        return Symbol("E", role="error", key="E")

    def _letter(self) -> Symbol:
        return of_layer("δ", self._number, "error")

    def _delta(self) -> Grid:
        return column(
            self.layer.delta[self._sample],
            self._units,
            key=numbered("d", self._number),
            role="error",
            labels=self.names.units(self._number),
        )

    def _equation(self, symbols: Formula, numbers: Formula) -> Lines:
        """Return δ = symbols = numbers = δ's own numbers, line by line."""
        return Lines(
            (
                (self._letter(), sign("="), symbols),
                (_EMPTY, sign("="), numbers),
                (_EMPTY, sign("="), self._delta()),
            )
        )


def _transposed(letter: Symbol) -> Script:
    return Script(Group(letter), sup=Label("T"))


def _scaled(
    scale: float, letters: list[Formula], numbers: list[Formula]
) -> tuple[list[Formula], list[Formula]]:
    """Return both with a layer's forward scale in front; as they are where it is 1."""
    if scale == 1:
        return letters, numbers
    return [Symbol("s"), sign("·"), *letters], [Number(scale), sign("·"), *numbers]
