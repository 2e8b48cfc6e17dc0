"""The forward pass: each neuron's two halves with their numbers, then the layer as matrices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from clearprop.explanation.chapters.front import front_blocks
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Grid,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Sign,
    Stack,
    Symbol,
    Total,
    called,
    joined,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import (
    Fold,
    by_sign,
    column,
    fold,
    leading,
    matrix,
    numbered,
)
from clearprop.explanation.neurons import Forward, LayerForward, Neuron
from clearprop.explanation.notation import activation_formula, of_layer
from clearprop.explanation.pages import Block, Check, Details, Math, Paragraph, Section
from clearprop.explanation.places import Place, source_of, units_of
from clearprop.explanation.quantities import Quantities, Quantity

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# neurons of a network whose layers stand open on the page
OPEN = 16
# chips of a neuron's sum that stand on one line
ON_A_LINE = 6


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the forward pass of the focused sample."""
    forward = explanation.forward(focus.sample)
    quantities = Quantities(explanation.trace, explanation.names, focus.sample)
    blocks: list[Block] = [Paragraph(words.text("forward.lead")), Math(_both_halves())]
    rows = len(explanation.trace.rows)
    if rows > 1:
        blocks.append(Paragraph(words.text("forward.of_sample", sample=focus.sample, n=rows)))
    blocks += [Paragraph(words.text("forward.inputs")), Math(_inputs(forward, quantities, focus))]
    neurons = sum(layer.units for layer in forward.layers if layer.kind == "dense")
    known: set[str] = set()
    for layer in forward.layers:
        if layer.kind != "dense":
            inside: tuple[Block, ...] = tuple(front_blocks(layer, quantities, focus, words))
            summary = words.text(f"forward.{layer.kind}_layer", layer=layer.layer, n=layer.units)
            blocks.append(Details(summary, inside, is_open=neurons <= OPEN))
            continue
        name = str(layer.activation)
        function = () if name in known else _function(layer, words)
        known.add(name)
        inside = (*function, *_learnt(layer, words), *_layer(layer, quantities, focus, words))
        summary = words.text("forward.layer", layer=layer.layer, n=layer.units, activation=name)
        blocks.append(Details(summary, inside, is_open=neurons <= OPEN))
    checked = words.text(
        "forward.check" if forward.error else "forward.check_exact", n=neurons, error=forward.error
    )
    blocks.append(Check(checked, forward.error <= forward.tolerance))
    return Section("forward", words.text("forward.title"), tuple(blocks))


def _both_halves() -> Lines:
    """Return z_j = Σ_k w_jk a_k + b_j and a_j = f(z_j), with the layers at the heads."""
    z, w = Symbol("z", "j", "l"), Symbol("w", "jk", "l")
    before, b = Symbol("a", "k", "l−1"), Symbol("b", "j", "l")
    summed = Total(Symbol("k"), row(w, before))
    return Lines(
        (
            (z, sign("="), row(summed, sign("+"), b)),
            (Symbol("a", "j", "l"), sign("="), called(Symbol("f"), z)),
        )
    )


def _inputs(forward: Forward, quantities: Quantities, focus: Focus) -> Row:
    units = fold(forward.inputs, _wanted(quantities, focus, 0))
    values = column(
        forward.inputs,
        units,
        key=numbered("a", 0),
        role="signal",
        labels=quantities.names.units(0),
    )
    return row(of_layer("a", 0, "signal"), sign("="), values)


def _wanted(quantities: Quantities, focus: Focus, layer: int) -> tuple[int, ...]:
    """Return the units of a layer that the focused parameter joins."""
    weight, network = focus.weight, quantities.trace.network
    if layer == weight.layer:
        return units_of(network, weight)
    source = source_of(network, weight)
    return (source,) if layer == weight.layer - 1 and source is not None else ()


def _function(layer: LayerForward, words: Words) -> tuple[Block, ...]:
    """Return what f is, written out."""
    z = Symbol("z")
    function = row(called(Symbol("f"), z), sign("="), activation_formula(layer.activation, z))
    name = words.text("forward.function", name=str(layer.activation))
    return Paragraph(name), Math(function)


def _learnt(layer: LayerForward, words: Words) -> tuple[Block, ...]:
    """Return how much of f a learnt activation takes."""
    if layer.bends is None:
        return ()
    z, t = Symbol("z", "j"), Symbol("t", "j")
    bent = row(z, sign("+"), t, sign("·"), Group(row(called(Symbol("f"), z), sign("−"), z)))
    return Paragraph(words.text("forward.learnt")), Math(row(Symbol("a", "j"), sign("="), bent))


def _layer(
    layer: LayerForward, quantities: Quantities, focus: Focus, words: Words
) -> Iterator[Block]:
    if layer.scale != 1:
        yield Paragraph(words.text("forward.scale", scale=layer.scale))
    if layer.mask is not None:
        dropped = int((layer.mask == 0).sum())
        kept = float(layer.mask.max())
        yield Paragraph(words.text("forward.dropout", n=layer.units, dropped=dropped, kept=kept))
    units = fold(layer.output, _wanted(quantities, focus, layer.layer))
    for unit in units.shown:
        left = left_half(layer.neuron(unit), quantities, focus, words)
        yield Math(Lines((*left, *right_half(layer, unit, quantities))))
    if units.hidden:
        yield Paragraph(words.text("forward.others", n=units.hidden))
    yield Paragraph(words.text("forward.matrices"))
    yield Math(layer_matrices(layer, units, quantities, focus))


def left_half(
    neuron: Neuron, quantities: Quantities, focus: Focus, words: Words
) -> list[tuple[Formula, ...]]:
    """Return z = Σ s w a + b over some lines, symbols above and numbers below."""
    terms = _terms(neuron, quantities, focus, words)
    room = ON_A_LINE // (2 if neuron.scale == 1 else 3)
    lines = [plus(terms[at : at + room]) for at in range(0, len(terms), room)]
    first = (quantities.z(neuron.layer, neuron.unit).chip(), sign("="), lines[0])
    return [first, *((Row(()), sign("+"), line) for line in lines[1:])]


def _terms(neuron: Neuron, quantities: Quantities, focus: Focus, words: Words) -> list[Formula]:
    """Return the products s w a, the largest first where there are many, the rest, and b."""
    layer, unit = neuron.layer, neuron.unit
    shown = leading(neuron.products, _wanted(quantities, focus, layer - 1))
    scale = [] if neuron.scale == 1 else [Stack(Symbol("s"), Number(neuron.scale))]
    terms: list[Formula] = [
        product(
            [
                *scale,
                quantities.of(Place(layer, unit, source)).chip(),
                quantities.a(layer - 1, source).chip(),
            ]
        )
        for source in shown
    ]
    hidden = len(neuron.products) - len(shown)
    if hidden:
        rest = neuron.products.sum() - neuron.products[list(shown)].sum()
        label = Label(words("forward.rest", n=hidden), role="muted")
        terms.append(Stack(label, Number(float(rest), role="muted")))
    return [*terms, quantities.of(Place(layer, unit, None)).chip()]


def right_half(layer: LayerForward, unit: int, quantities: Quantities) -> list[tuple[Formula, ...]]:
    """Return a = f(z) as a line, or z + t (f(z) − z) as two, and what dropout makes of it."""
    neuron, key = layer.neuron(unit), f"a{layer.layer}.{unit}"
    a = Symbol("a", quantities.names.unit(layer.layer, unit), role="signal", key=key)
    z = quantities.z(layer.layer, unit)
    value = Number(neuron.a, role="signal", key=key)
    if neuron.bend is not None:
        t = quantities.of(Place(layer.layer, unit, None, "t"))
        bent = Number(neuron.bent)
        symbols = product(
            [t.symbol, Group(row(called(Symbol("f"), z.symbol), sign("−"), z.symbol))]
        )
        numbers = product([t.number(), Group(row(bent, sign("−"), z.number()))])
        steps: tuple[Formula, ...] = (
            row(z.symbol, sign("+"), symbols),
            row(z.number(), sign("+"), numbers),
            value,
        )
    elif layer.activation.elementwise:
        steps = (
            called(Symbol("f"), z.symbol),
            row(Symbol("f"), Group(z.number())),
            value,
        )
    else:
        steps = (*_of_softmax(layer, z), value)
    # a learnt activation is too long for one line
    lines = [steps[:1], steps[1:]] if neuron.bend is not None else [steps]
    line = joined("=", lines[-1])
    if neuron.mask is not None:
        kept = product([value, Number(neuron.mask)])
        output = Number(neuron.output, role="signal", key=key)
        line = row(line, sign(","), joined("=", [kept, output]))
    last = (a if len(lines) == 1 else Row(()), sign("="), line)
    return [*((a, sign("="), joined("=", first)) for first in lines[:-1]), last]


def _of_softmax(layer: LayerForward, z: Quantity) -> tuple[Formula, ...]:
    """Return e^z / Σ e^z in symbols and, unless it is beyond all numbers, in numbers."""
    symbols = activation_formula(layer.activation, z.symbol)
    if not 0 < layer.total < math.inf:
        return (symbols,)
    return symbols, Fraction(Script(Symbol("e"), sup=z.number()), Number(layer.total))


def layer_matrices(layer: LayerForward, units: Fold, quantities: Quantities, focus: Focus) -> Lines:
    """Return z = s W a + b and a = f(z) with their numbers."""
    number, names = layer.layer, quantities.names
    labels, before = names.units(number), names.units(number - 1)
    sources = fold(abs(layer.products).sum(axis=0), _wanted(quantities, focus, number - 1))
    weights = matrix(
        layer.weights,
        units,
        sources,
        key=numbered("w", number),
        role=by_sign,
        row_labels=labels,
        column_labels=before,
    )
    received = column(layer.received, sources, key=numbered("a", number - 1), role="signal")
    biases = column(layer.biases, units, key=numbered("b", number), role=by_sign)
    z = column(layer.z, units, key=numbered("z", number), role="signal", labels=labels)
    scaled: tuple[Formula, ...] = ()
    if layer.scale != 1:
        scaled = (Symbol("s"),)
    symbols = row(
        *scaled, of_layer("W", number), of_layer("a", number - 1), sign("+"), of_layer("b", number)
    )
    numbers = row(*([Number(layer.scale)] if scaled else []), weights, received, sign("+"), biases)
    here = of_layer("z", number, "signal")
    rows: list[tuple[Formula, Sign, Formula]] = [
        (here, sign("="), symbols),
        (Row(()), sign("="), numbers),
        (Row(()), sign("="), z),
        (of_layer("a", number, "signal"), sign("="), _function_of(layer, here)),
        (Row(()), sign("="), _activations(layer, units, labels)),
    ]
    return Lines(tuple(rows))


def _function_of(layer: LayerForward, z: Formula) -> Formula:
    """Return f(z), or z + t ⊙ (f(z) − z)."""
    f = called(Symbol("f"), z)
    if layer.bends is None:
        return f
    t = of_layer("t", layer.layer)
    return row(z, sign("+"), t, sign("⊙"), Group(row(f, sign("−"), z)))


def _activations(layer: LayerForward, units: Fold, labels: list[str]) -> Formula:
    key = numbered("a", layer.layer)
    a: Grid = column(layer.a, units, key=key, role="signal", labels=labels)
    if layer.mask is None:
        return a
    mask = column(layer.mask, units)
    output = column(layer.output, units, key=key, role="signal")
    return row(a, sign("⊙"), mask, sign("="), output)
