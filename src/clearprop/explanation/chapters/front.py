"""Layers that prepare inputs, in the forward pass: gains, and columns made into waves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Stack,
    Symbol,
    Total,
    called,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import by_sign, column, fold, leading
from clearprop.explanation.neurons import LayerForward
from clearprop.explanation.notation import of_layer
from clearprop.explanation.pages import Block, Column, Math, Paragraph, Span, Table, plain
from clearprop.explanation.places import Place, source_of, units_of
from clearprop.explanation.quantities import Quantities
from clearprop.explanation.waves import WaveNumbers

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Focus
    from clearprop.explanation.words import Words

# cosines of a column that are listed, products of a wave that are written, and those on one line
ROOM, WRITTEN, ON_A_LINE = 8, 4, 2


def front_blocks(
    layer: LayerForward, quantities: Quantities, focus: Focus, words: Words
) -> Iterator[Block]:
    """Yield a layer that prepares inputs, with the numbers of the focused sample."""
    if layer.kind == "scaling":
        yield Paragraph(words.text("forward.scaling"))
        yield Math(_scaled(layer, quantities, focus))
        return
    assert layer.waves is not None
    yield Paragraph(words.text("forward.periodic"))
    yield Math(_wave_in_symbols())
    number = _column_of(layer, layer.waves, quantities, focus)
    yield from _one_column(layer, number, quantities, words)
    yield Paragraph(words.text("forward.all_units"))
    yield Math(_units(layer, quantities, focus))


def _shown(
    layer: LayerForward, quantities: Quantities, focus: Focus, number: int
) -> tuple[int, ...]:
    """Return the units of this layer, or of the one before, that the focused parameter joins."""
    network = quantities.trace.network
    if focus.weight.layer == number:
        return units_of(network, focus.weight)
    source = source_of(network, focus.weight)
    return (source,) if focus.weight.layer == number + 1 and source is not None else ()


def _scaled(layer: LayerForward, quantities: Quantities, focus: Focus) -> Lines:
    """Return a = g ⊙ x with its numbers."""
    number, names = layer.layer, quantities.names
    gains = np.diag(layer.weights)
    units = fold(layer.a, _shown(layer, quantities, focus, number))
    labels = names.units(number)
    g = column(
        gains,
        units,
        key=lambda unit: Place(number, unit, None, "g").key,
        role=by_sign,
        labels=labels,
    )
    x = column(layer.received, units, key=lambda unit: f"a{number - 1}.{unit}", role="signal")
    a = column(layer.a, units, key=lambda unit: f"a{number}.{unit}", role="signal", labels=labels)
    before = of_layer("a", number - 1, "signal")
    left = of_layer("a", number, "signal")
    nothing = Row(())
    return Lines(
        (
            (left, sign("="), row(of_layer("g", number), sign("⊙"), before)),
            (nothing, sign("="), row(g, sign("⊙"), x)),
            (nothing, sign("="), a),
        )
    )


def _wave_in_symbols() -> Lines:
    """Return v_ck = Σ_q w_ckq cos θ_cq + b_ck and θ_cq = 2π (f_cq x_c + p_cq)."""
    angle = Symbol("θ", "cq")
    summed = Total(Symbol("q"), row(Symbol("w", "ckq"), called(Label(" cos "), angle)))
    inner = row(Symbol("f", "cq"), Symbol("x", "c", role="signal"), sign("+"), Symbol("p", "cq"))
    return Lines(
        (
            (Symbol("v", "ck"), sign("="), row(summed, sign("+"), Symbol("b", "ck"))),
            (angle, sign("="), row(Number(2), Symbol("π"), Group(inner))),
        )
    )


def _column_of(
    layer: LayerForward, numbers: WaveNumbers, quantities: Quantities, focus: Focus
) -> int:
    """Return the column that is shown: the focused parameter's, else the one of largest waves."""
    network, columns = quantities.trace.network, numbers.waves.columns
    if focus.weight.layer == layer.layer:
        source = source_of(network, focus.weight)
        if source is None:
            return int(units_of(network, focus.weight)[0] // numbers.waves.features)
        return columns.index(source)
    return int(np.abs(numbers.sums[0]).sum(axis=1).argmax())


def _one_column(
    layer: LayerForward, number: int, quantities: Quantities, words: Words
) -> Iterator[Block]:
    """Yield the cosines of one column as a table, and its waves as sums of them."""
    numbers, names = layer.waves, quantities.names
    assert numbers is not None
    waves = numbers.waves
    x = quantities.a(layer.layer - 1, waves.columns[number])
    name = names.unit(layer.layer - 1, waves.columns[number])
    others = len(waves.columns) - 1
    key = "one_column" if others else "only_column"
    yield Paragraph(
        words.text(f"forward.{key}", column=Span(name, "strong"), x=x.number(), n=others)
    )
    cosines = numbers.cosines[0, number]
    size = np.abs(numbers.weights[number]).sum(axis=0) * np.abs(cosines)
    shown = leading(size, room=ROOM, folded=ROOM)
    titles = ("cosine", "frequency", "phase", "angle", "value")
    heads = tuple(
        Column(words.text(f"forward.{title}"), "left" if title == "cosine" else "right")
        for title in titles
    )
    rows = []
    for q in shown:
        f, p = (Place(layer.layer, number, q, letter) for letter in "fp")
        rows.append(
            (
                plain(names.cosine(waves, number, q)),
                (quantities.of(f).number(),),
                (quantities.of(p).number(),),
                (Number(float(numbers.angles[0, number, q])),),
                (Number(float(cosines[q]), role="signal"),),
            )
        )
    hidden = len(cosines) - len(shown)
    yield Table(heads, tuple(rows), words.text("forward.more_cosines", n=hidden) if hidden else ())
    made = waves.features - 1
    lines: list[tuple[Formula, ...]] = []
    for k in range(made):
        lines += _wave(layer, number, number * made + k, quantities, words)
    yield Math(Lines(tuple(lines)))


def _wave(
    layer: LayerForward, number: int, at: int, quantities: Quantities, words: Words
) -> Iterator[tuple[Formula, ...]]:
    """Yield v = Σ w cos θ + b over some lines, symbols above and numbers below."""
    numbers, names = layer.waves, quantities.names
    assert numbers is not None
    place = Place(layer.layer, at, None)
    unit = units_of(quantities.trace.network, place)[0]
    cosines = numbers.cosines[0, number]
    products = numbers.weights[number, at % (numbers.waves.features - 1)] * cosines
    shown = leading(products, room=WRITTEN, folded=WRITTEN - 1)
    terms: list[Formula] = []
    for q in shown:
        cosine = Symbol("cos ", names.cosine(numbers.waves, number, q))
        weight = quantities.of(Place(layer.layer, at, q))
        value = Number(float(cosines[q]), role="signal")
        terms.append(product([weight.chip(), Stack(cosine, value, role="signal")]))
    if len(shown) < len(products):
        rest = float(products.sum() - products[list(shown)].sum())
        label = Label(words("forward.rest", n=len(products) - len(shown)), role="muted")
        terms.append(Stack(label, Number(rest, role="muted")))
    terms.append(quantities.of(place).chip())
    lines = [plus(terms[at : at + ON_A_LINE]) for at in range(0, len(terms), ON_A_LINE)]
    yield quantities.z(layer.layer, unit).chip(), sign("="), lines[0]
    yield from ((Row(()), sign("+"), line) for line in lines[1:])


def _units(layer: LayerForward, quantities: Quantities, focus: Focus) -> Formula:
    """Return what the layer hands on."""
    number = layer.layer
    units = fold(layer.a, _shown(layer, quantities, focus, number))
    a = column(
        layer.a,
        units,
        key=lambda unit: f"a{number}.{unit}",
        role="signal",
        labels=quantities.names.units(number),
    )
    return row(of_layer("a", number, "signal"), sign("="), a)
