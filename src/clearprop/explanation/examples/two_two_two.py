"""G: the 2-2-2 network with numbers, the whole of its part of the second origin text.

Forward, the derivative by w5 factor by factor, the output layer's update, the two paths to w1, the
first layer's update; then what the two texts say besides: δ, the mistake of updating too early, the
ways of carrying errors, vanishing gradients, gradient descent, and what can run at the same time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from clearprop.explanation.carrying import Carried
from clearprop.explanation.examples.example import Example
from clearprop.explanation.examples.story import Story, chip, equals, minus, partial_of
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Lines,
    Number,
    Row,
    Script,
    Stack,
    Symbol,
    called,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.pages import Math, Paragraph, Picture, Section
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.network import network_scene
from clearprop.explanation.words import Words

# the digits that the text gives
DIGITS = 9
OUTPUT_WEIGHTS = ("w5", "w6", "w7", "w8")
FIRST_WEIGHTS = ("w1", "w2", "w3", "w4")


def story(example: Example, say: Words) -> Iterator[Section]:
    """Yield the sections of the page."""
    tale = Story(example, example.explain(recorded=True), say, DIGITS)
    yield _network(tale)
    yield _forward(tale)
    yield _error(tale)
    yield _w5(tale)
    yield _slope(tale)
    yield _output_update(tale)
    yield _w1(tale)
    yield _first_update(tale)
    yield _deltas_named(tale)
    yield tale.chapter("deltas", lead="deltas_lead")
    yield _mistake(tale)
    yield _carried(tale)
    yield tale.chapter("carriers", lead="carriers_lead")
    yield _after(tale)
    yield tale.chapter("landscape", weight="w5", lead="landscape_lead")
    yield tale.chapter("vanishing", lead="vanishing_lead")
    yield tale.chapter("parallel", lead="parallel_lead")
    yield tale.chapter("check", lead="check_lead")


def _network(tale: Story) -> Section:
    explanation, numbers = tale.explanation, tale.numbers
    rows: list[tuple[Formula | str, ...]] = []
    for name in (*FIRST_WEIGHTS, *OUTPUT_WEIGHTS):
        place = tale.place(name)
        leads = tale.leads(place)
        rows.append((numbers.of(place).symbol, leads, tale.of(numbers.of(place))))
    for layer in (1, 2):
        bias = numbers.of(Place(layer, 0, None))
        units = ", ".join(explanation.names.units(layer))
        rows.append((Symbol("b", str(layer)), units, tale.number(bias.value)))
    output = equals(Symbol("a"), called(Symbol("f"), Symbol("z")))
    letters = [("e", Symbol("z")), ("f", output), ("total", Symbol("E")), ("net", Symbol("δ"))]
    scene = network_scene(explanation, explanation.focus("w1", 0), words=tale.say)
    return tale.section(
        "network",
        Picture(scene, tale.text("picture")),
        tale.table(("parameter", "leads", ">value"), rows, "parameters"),
        tale.told("letters"),
        tale.table(
            ("in_texts", "here", "means"),
            [
                (tale.text(f"letters_{k}"), ours, tale.text(f"letters_{k}_means"))
                for k, ours in letters
            ],
        ),
    )


def _forward(tale: Story) -> Section:
    return tale.section(
        "forward",
        *(Math(tale.neuron(1, unit)) for unit in (0, 1)),
        tale.told("forward_outputs"),
        *(Math(tale.neuron(2, unit)) for unit in (0, 1)),
        tale.folded("forward", "forward_matrices"),
    )


def _error(tale: Story) -> Section:
    found = tale.explanation.forward(0)
    ok = found.loss.error <= found.tolerance
    loss = tale.of(tale.numbers.loss())
    return tale.section("error", Math(tale.loss()), tale.check("error_check", ok, loss=loss))


def _w5(tale: Story) -> Section:
    numbers, w5 = tale.numbers, tale.numbers.of(tale.place("w5"))
    e, slope, signal = numbers.slope_of_loss(0), numbers.slope(2, 0), numbers.a(1, 0)
    a, y, z = numbers.a(2, 0), numbers.target(0), numbers.z(2, 0)
    gradient = numbers.gradient(tale.place("w5"))
    second, third = partial_of(a.symbol, z.symbol), partial_of(z.symbol, w5.symbol)
    factors = [tale.chip(e), chip(second, tale.of(slope)), chip(third, tale.of(signal))]
    lines = (
        (e.symbol, minus(a.symbol, y.symbol), minus(tale.of(a), tale.of(y)), tale.of(e)),
        (second, _bell(a.symbol), _bell(tale.of(a)), tale.of(slope)),
        (third, signal.symbol, tale.of(signal)),
    )
    total = e.value * slope.value * signal.value
    return tale.section(
        "w5",
        Math(equals(tale.chip(gradient), product(factors))),
        tale.told("w5_factors"),
        Math(Lines(tuple((left, sign("="), equals(*right)) for left, *right in lines))),
        tale.check(
            "sum_check",
            math.isclose(total, gradient.value, rel_tol=1e-12),
            value=tale.number(total),
            gradient=tale.of(gradient),
        ),
    )


def _bell(a: Formula) -> Row:
    """Return a (1 − a)."""
    return product([a, Group(minus(Number(1), a))])


def _slope(tale: Story) -> Section:
    numbers, a, quarter = tale.numbers, Symbol("a"), Fraction(Number(1), Number(4))
    units = [(layer, unit) for layer in (1, 2) for unit in (0, 1)]
    rows = [
        (
            tale.explanation.names.unit(*unit),
            tale.of(numbers.a(*unit)),
            tale.of(numbers.slope(*unit)),
        )
        for unit in units
    ]
    off = Script(Group(minus(a, Fraction(Number(1), Number(2)))), sup=Number(2))
    formula = equals(called(Symbol("f′"), Symbol("z")), _bell(a), minus(quarter, off))
    largest = max(numbers.slope(*unit).value for unit in units)
    return tale.section(
        "slope",
        Math(row(formula, sign("≤"), quarter)),
        tale.table(("neuron", ">slope_a", ">slope_f"), rows),
        tale.told("slope_shrinks", largest=largest),
    )


def _output_update(tale: Story) -> Section:
    first, second = (tale.numbers.gradient(Place(2, unit, None)) for unit in (0, 1))
    return tale.section(
        "output_update",
        Math(tale.step_down("w5")),
        tale.told("output_update_all"),
        tale.updates(OUTPUT_WEIGHTS, "updates"),
        tale.told("biases_fixed", first=tale.of(first), second=tale.of(second)),
        tale.folded("update", "update_ledger", weight="w5"),
    )


def _w1(tale: Story) -> Section:
    numbers, place = tale.numbers, tale.place("w1")
    hidden, signal, gradient = numbers.a(1, 0), numbers.a(0, 0), numbers.gradient(place)
    slope, z, w1 = numbers.slope(1, 0), numbers.z(1, 0), numbers.of(place)
    ways, through, arriving = _ways_to_h1(tale)
    arrived = chip(partial_of("E", hidden.symbol), tale.number(sum(through), role="error"))
    factors = [
        arrived,
        chip(partial_of(hidden.symbol, z.symbol), tale.of(slope)),
        chip(partial_of(z.symbol, w1.symbol), tale.of(signal)),
    ]
    chain = tale.explanation.chain("w1", 0)
    return tale.section(
        "w1",
        Math(ways),
        tale.told("w1_sum"),
        Math(equals(arrived, plus(arriving))),
        tale.told("w1_rest"),
        Math(equals(tale.chip(gradient), product(factors))),
        tale.told("w1_paths"),
        tale.paths("w1"),
        tale.check(
            "sum_check_paths",
            chain.agrees,
            value=tale.number(chain.total),
            # the digits as the text writes them
            written=f"{chain.total:.9f}",
            gradient=tale.of(gradient),
        ),
        Math(tale.step_down("w1")),
    )


def _ways_to_h1(tale: Story) -> tuple[Lines, list[float], list[Stack]]:
    """Return ∂E_o/∂a_h1 of each output as a product of three factors, the products, and both."""
    numbers, names, lines, through, arriving = tale.numbers, tale.explanation.names, [], [], []
    for unit in (0, 1):
        e, slope, weight = numbers.slope_of_loss(unit), numbers.slope(2, unit), Place(2, unit, 0)
        out = partial_of(numbers.a(2, unit).symbol, numbers.z(2, unit).symbol)
        factors = [tale.chip(e), chip(out, tale.of(slope)), tale.chip(numbers.of(weight))]
        through.append(e.value * slope.value * numbers.of(weight).value)
        left = partial_of(Symbol("E", names.unit(2, unit)), numbers.a(1, 0).symbol)
        arriving.append(chip(left, tale.number(through[-1], role="error")))
        lines.append((arriving[-1], sign("="), product(factors)))
    return Lines(tuple(lines)), through, arriving


def _first_update(tale: Story) -> Section:
    table = tale.updates(FIRST_WEIGHTS, "updates")
    return tale.section("first_update", table, tale.told("at_once"))


def _deltas_named(tale: Story) -> Section:
    rows = []
    for layer, unit in ((2, 0), (2, 1), (1, 0), (1, 1)):
        delta = tale.numbers.delta(layer, unit)
        weights = [tale.explanation.names.of(Place(layer, unit, k)) for k in (0, 1)]
        rows.append((delta.symbol, tale.of(delta), ", ".join(weights)))
    return tale.section("deltas_named", tale.table(("delta", ">value", "read_by"), rows))


def _mistake(tale: Story) -> Section:
    found = tale.explanation.mistake.of(tale.place("w1"))
    w5, w7 = (tale.of(tale.numbers.updated(tale.place(name))) for name in ("w5", "w7"))
    told = tale.told(
        "mistake_numbers",
        w5=w5,
        w7=w7,
        mistaken=tale.number(found.mistaken, role="error"),
        gradient=tale.number(found.gradient, role="error"),
        wrong=tale.number(found.wrong),
        right=tale.number(found.right, role="update"),
    )
    return tale.section("mistake", told)


def _carried(tale: Story) -> Section:
    """Return the ways of carrying errors in the texts' sign, target − out."""
    numbers, carriers = tale.numbers, tale.explanation.carriers.carriers
    lines, rows = [], list[tuple[str | Formula, ...]]()
    for unit in (0, 1):
        a, y = numbers.a(2, unit), numbers.target(unit)
        error = tale.number(y.value - a.value, role="error")
        letter = Symbol("e", tale.explanation.names.unit(2, unit), role="error")
        right = equals(minus(y.symbol, a.symbol), minus(tale.of(y), tale.of(a)), error)
        lines.append((letter, sign("="), right))
    for unit, name in enumerate(tale.explanation.names.units(1)):
        found = [carriers[kind].errors[0] for kind in ("proportional", "transposed")]
        values = [-float(errors[0, unit]) for errors in found if errors is not None]
        shown = [tale.number(value, role="error") for value in values]
        rows.append((name, *shown, tale.of(numbers.delta(1, unit))))
    heads = ("neuron", ">in_proportion", ">transposed", ">delta")
    return tale.section(
        "carried",
        Math(Lines(tuple(lines))),
        tale.table(heads, rows, "carried_caption"),
        _carried_gradient(tale, carriers["transposed"]),
    )


def _carried_gradient(tale: Story, carried: Carried) -> Paragraph:
    """Return what the picture series makes of the gradient of w1, and of the first layer's."""
    weights, angle, ratio = carried.weights[0], carried.angles[0], carried.ratios[0]
    assert weights is not None
    assert angle is not None
    assert ratio is not None
    true = tale.numbers.gradient(tale.place("w1")).value
    return tale.told(
        "carried_gradient",
        picture=tale.number(weights[0, 0]),
        true=tale.number(true),
        times=Number(weights[0, 0] / true, 3),
        angle=Number(angle, 2),
        length=Number(ratio, 3),
    )


def _after(tale: Story) -> Section:
    way, updates = tale.example.descent(), tale.example.updates
    steps, last = way.steps.tolist(), tale.example.explain_after()
    first, second = (Number(float(a), 6) for a in last.trace.a[-1][0])
    rows = [
        (f"{step:,}", Number(float(way.losses[steps.index(step)]), DIGITS if step < 2 else 5))
        for step in (0, 1, updates)
    ]
    return tale.section(
        "after",
        tale.table((">updates_made", ">loss"), rows),
        tale.descent_picture("curve", "curve_caption", "updates_axis"),
        tale.told("after_outputs", n=updates, o1=first, o2=second, loss=Number(last.trace.loss, 5)),
    )
