"""What the pages of examples are written with: sentences, chips, tables, chapters.

Public names: `Story`, `chip`, `equals`, `minus`, `partial_of`.
May import: `example`, `chapters`, `notation`, `formulas`, `pages`, `quantities`, `words`.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from clearprop.explanation.examples.example import Example
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Lines,
    Number,
    Row,
    Stack,
    Symbol,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.notation import activation_formula, loss_term
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import (
    Block,
    Check,
    Column,
    Details,
    Paragraph,
    Picture,
    Section,
    Table,
    Text,
    plain,
)
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities, Quantity
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.words import Words
from clearprop.functions import Loss


@dataclass(frozen=True, eq=False)
class Story:
    """A page of an example being written.

    Attributes
    ----------
    example : Example
    explanation : Explanation or SequenceExplanation
        Of its first step.
    say : Words
    digits : int
        Significant digits of its numbers.
    """

    example: Example
    explanation: Any
    say: Words
    digits: int = 4

    @cached_property
    def numbers(self) -> Quantities:
        """The numbers of the first sample."""
        return Quantities(self.explanation.trace, self.explanation.names, 0)

    def place(self, name: str) -> Place:
        """Return a parameter by its name."""
        return self.explanation.names.find(name)

    def text(self, key: str, **places: Any) -> Text:
        """Return an entry of the example's own texts."""
        return self.say.text(f"example_{self.example.module}.{key}", **places)

    def plain(self, key: str, **places: Any) -> str:
        """Return an entry as a string."""
        return self.say(f"example_{self.example.module}.{key}", **places)

    def told(self, key: str, **places: Any) -> Paragraph:
        """Return an entry as a paragraph."""
        return Paragraph(self.text(key, **places))

    def check(self, key: str, ok: bool, **places: Any) -> Check:
        """Return an entry as a claim that was checked."""
        return Check(self.text(key, **places), bool(ok))

    def section(self, key: str, *blocks: Block, **places: Any) -> Section:
        """Return a section: its title is the entry `KEY_title`, its first sentence the entry."""
        first = self.told(key, **places)
        return Section(key, self.text(f"{key}_title"), (first, *blocks))

    def chapter(
        self,
        name: str,
        *,
        key: str = "",
        lead: str = "",
        weight: str | None = None,
        sample: int = 0,
        paths: int = 10,
    ) -> Section:
        """Return a chapter of the general page, led in by an entry of one's own where given.

        Parameters
        ----------
        name : str
            Of `chapters.CHAPTERS`, or `chapters.SEQUENCE_CHAPTERS`.
        key : str
            The section's anchor, and with `_title` its title; the chapter's own where empty.
        lead : str
            The entry that comes first.
        weight : str, optional
            The parameter that it looks at.
        sample : int
            The sample that single numbers belong to.
        paths : int
            How many paths it writes out.
        """
        module = importlib.import_module(f"clearprop.explanation.chapters.{name}")
        focus = self.explanation.focus(weight, sample, paths=paths)
        section: Section = module.chapter(self.explanation, focus, self.say)
        if key:
            section = replace(section, key=key, title=self.text(f"{key}_title"))
        if lead:
            section = replace(section, blocks=(self.told(lead), *section.blocks))
        return section

    def folded(self, name: str, summary: str, *, weight: str | None = None) -> Details:
        """Return a chapter of the general page behind a summary of one's own."""
        return Details(self.text(summary), self.chapter(name, weight=weight).blocks)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[Text | Formula | str]],
        caption: str = "",
    ) -> Table:
        """Return a table; `columns` are entries, and `>` before one puts it to the right."""
        heads = tuple(
            Column(self.text(column.removeprefix(">")), "right" if column[0] == ">" else "left")
            for column in columns
        )
        cells = tuple(tuple(_cell(cell) for cell in cells) for cells in rows)
        return Table(heads, cells, self.text(caption) if caption else ())

    def leads(self, place: Place) -> str:
        """Return where a weight leads: `i1 → h1`."""
        assert place.source is not None
        names = self.explanation.names
        source = names.unit(place.layer - 1, place.source)
        return f"{source} → {names.unit(place.layer, place.unit)}"

    def updates(self, names: Sequence[str], caption: str) -> Table:
        """Return weights with δ of their neuron, the signal, the gradient, old and new value.

        The columns are the entries `parameter`, `delta`, `signal`, `gradient`, `old`, `new`.
        """
        numbers, rows = self.numbers, []
        for name in names:
            place = self.place(name)
            signal = None if place.source is None else numbers.a(place.layer - 1, place.source)
            rows.append(
                (
                    numbers.of(place).symbol,
                    self.of(numbers.delta(place.layer, place.unit)),
                    self.number(1) if signal is None else self.of(signal),
                    self.of(numbers.gradient(place)),
                    self.of(numbers.of(place)),
                    self.of(numbers.updated(place)),
                )
            )
        heads = ("parameter", ">delta", ">signal", ">gradient", ">old", ">new")
        return self.table(heads, rows, caption)

    def paths(self, name: str) -> Table:
        """Return all paths to a parameter with their products, and their sum.

        The columns are the entries `path` and `product`, the last row is the entry `sum`.
        """
        chain, names, last = (
            self.explanation.chain(name, 0),
            self.explanation.names,
            self.numbers.last,
        )
        rows: list[tuple[Text | str, Formula]] = []
        for path in chain.paths:
            units = [names.unit(last - k, unit) for k, unit in enumerate(path.units)]
            product_of_path = self.number(path.product, role="error")
            rows.append((" → ".join(["E", *units]), product_of_path))
        rows.append((self.text("sum"), self.number(chain.total, role="error")))
        return self.table(("path", ">product"), rows)

    def descent_picture(self, title: str, caption: str, axis: str) -> Picture:
        """Return the loss over the example's updates, on logarithmic axes."""
        way = self.example.descent()
        last = figure(float(way.losses[-1]))
        scene = curve_scene(
            self.plain(title, n=self.example.updates, loss=last),
            [Series("E", way.steps[1:], way.losses[1:], role="error")],
            x_label=self.plain(axis),
            y_label="E",
            log_x=True,
            log_y=True,
            lang=self.say.lang,
        )
        return Picture(scene, self.text(caption))

    # formulas

    def number(self, value: float, **marks: str) -> Number:
        """Return a number with the page's digits, and fewer where they give all of it."""
        value = float(value)
        # a digit more before the point, so that all have as many behind it
        most = self.digits + (self.digits > 6 and 1 <= abs(value) < 10)
        exact = (digits for digits in range(1, most) if _is_all(value, digits))
        return Number(value, next(exact, most), **marks)

    def of(self, quantity: Quantity) -> Number:
        """Return a quantity's number."""
        return self.number(quantity.value, role=quantity.symbol.role, key=quantity.key)

    def chip(self, quantity: Quantity) -> Stack:
        """Return a quantity's letter above its number."""
        return chip(quantity.symbol, self.of(quantity))

    def neuron(self, layer: int, unit: int) -> Lines:
        """Return both halves of a neuron: z = w·a + … + b in chips, and a = f(z)."""
        numbers = self.numbers
        products = [
            product(
                [self.chip(numbers.of(Place(layer, unit, k))), self.chip(numbers.a(layer - 1, k))]
            )
            for k in range(self.example.network.shape[layer - 1])
        ]
        bias = numbers.of(Place(layer, unit, None))
        parts: list[Formula] = [*products, *([self.chip(bias)] if bias.value else [])]
        z, a = numbers.z(layer, unit), numbers.a(layer, unit)
        f = self.example.network.layers[layer - 1].function
        bent = equals(
            activation_formula(f, z.symbol), activation_formula(f, self.of(z)), self.of(a)
        )
        return Lines(((self.chip(z), sign("="), plus(parts)), (a.symbol, sign("="), bent)))

    def step_down(self, name: str) -> Formula:
        """Return w' = w − η ∂E/∂w of one parameter, in chips."""
        numbers, place = self.numbers, self.place(name)
        rate = Quantity(Symbol("η"), self.explanation.trace.rate)
        down = product([self.chip(rate), self.chip(numbers.gradient(place))])
        return equals(self.chip(numbers.updated(place)), minus(self.chip(numbers.of(place)), down))

    def loss(self) -> Lines:
        """Return the loss of the first sample: symbols, numbers, terms, sum."""
        numbers, objective = self.numbers, self.example.network.objective
        assert isinstance(objective, Loss)
        outputs = self.example.network.outputs
        pairs = [(numbers.a(numbers.last, k), numbers.target(k)) for k in range(outputs)]
        symbols = plus(loss_term(objective, a.symbol, y.symbol, outputs) for a, y in pairs)
        shown = plus(loss_term(objective, self.of(a), self.of(y), outputs) for a, y in pairs)
        terms = self.explanation.forward(0).loss.terms
        assert terms is not None
        values = plus(self.number(float(value)) for value in terms)
        whole = numbers.loss()
        lines = [symbols, shown, *([values] if outputs > 1 else []), self.of(whole)]
        heads = [whole.symbol, *(Row(()) for _ in lines[1:])]
        rows = zip(heads, lines, strict=True)
        return Lines(tuple((head, sign("="), line) for head, line in rows))


def _is_all(value: float, digits: int) -> bool:
    return math.isclose(float(f"{value:.{digits - 1}e}"), value, rel_tol=1e-13)


def chip(symbol: Formula, value: Number) -> Stack:
    """Return a symbol above its number."""
    return Stack(symbol, value, role=value.role, key=value.key)


def equals(*parts: Formula) -> Row:
    """Return parts with = between them."""
    woven: list[Formula] = []
    for part in parts:
        woven += [sign("="), part] if woven else [part]
    return row(*woven)


def minus(left: Formula, right: Formula) -> Row:
    """Return left − right."""
    return row(left, sign("−"), right)


def partial_of(above: str | Formula, below: Formula) -> Fraction:
    """Return ∂above / ∂below."""
    top = Symbol(above) if isinstance(above, str) else above
    return Fraction(row(Symbol("∂"), top), row(Symbol("∂"), below))


def _cell(cell: Text | Formula | str) -> Text:
    if isinstance(cell, Formula):
        return (cell,)
    return plain(cell)
