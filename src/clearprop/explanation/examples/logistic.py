"""Logistic regression, the network with no hidden layer, where gradient descent applies as it is.

The first origin text names it as the case that needs no back-propagation; the numbers are of a
small table made for this page.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clearprop.explanation.examples.example import Example
from clearprop.explanation.examples.networks import HOURS
from clearprop.explanation.examples.story import Story, equals, minus
from clearprop.explanation.explanation import Explanation
from clearprop.explanation.formulas import Formula, Number, Symbol, plus, product, row, sign
from clearprop.explanation.notation import activation_formula, loss_term
from clearprop.explanation.pages import Bullets, Math, Picture, Section, Table
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.network import network_scene
from clearprop.explanation.scenes.plots import Series, Spot, curve_scene
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words
from clearprop.functions import Loss

PARAMETERS = ("w1", "w2", "b")


def story(example: Example, say: Words) -> Iterator[Section]:
    """Yield the sections of the page."""
    tale = Story(example, example.explain(recorded=True), say)
    after = example.explain_after()
    yield _model(tale)
    yield _data(tale)
    yield _loss(tale)
    yield _direct(tale)
    yield tale.chapter("samples", key="samples", lead="samples", weight="w1")
    yield _step(tale)
    yield _descent(tale)
    yield tale.chapter("landscape", key="landscape", lead="landscape", weight="w1")
    yield _classes(tale, after)
    yield tale.section(
        "relatives", Bullets(tuple(tale.text(f"relatives_{k}") for k in ("line", "many", "hidden")))
    )


def _model(tale: Story) -> Section:
    numbers, f = tale.numbers, tale.example.network.layers[0].function
    terms = [product([numbers.of(Place(1, 0, k)).symbol, numbers.a(0, k).symbol]) for k in (0, 1)]
    z, a = numbers.z(1, 0).symbol, numbers.a(1, 0).symbol
    scene = network_scene(tale.explanation, tale.explanation.focus("w1", 0), words=tale.say)
    return tale.section(
        "model",
        Math(equals(z, plus([*terms, numbers.of(Place(1, 0, None)).symbol]))),
        Math(equals(a, activation_formula(f, z))),
        tale.told("model_probability"),
        Picture(scene, tale.text("picture")),
    )


def _data(tale: Story) -> Section:
    rows = [
        (str(k), f"{practice:g}", f"{sleep:g}", tale.text("yes" if passed else "no"))
        for k, (practice, sleep, passed) in enumerate(HOURS)
    ]
    heads = (">sample", ">practice", ">sleep", "passed")
    return tale.section("data", tale.table(heads, rows, "data_caption"))


def _loss(tale: Story) -> Section:
    numbers, objective = tale.numbers, tale.example.network.objective
    assert isinstance(objective, Loss)
    a, y = numbers.a(1, 0).symbol, numbers.target(0).symbol
    return tale.section(
        "loss",
        Math(equals(numbers.loss().symbol, loss_term(objective, a, y, 1))),
        tale.told("loss_why"),
    )


def _direct(tale: Story) -> Section:
    trace, numbers = tale.explanation.trace, tale.numbers
    n = len(trace.rows)
    a, y = numbers.a(1, 0).symbol, numbers.target(0).symbol
    rows = [
        (
            str(k),
            tale.number(trace.a[0][k, 0], role="signal"),
            tale.number(trace.y[k, 0]),
            tale.number(trace.a[0][k, 0] - trace.y[k, 0], role="error"),
        )
        for k in range(n)
    ]
    delta = Symbol("δ", role="error")
    return tale.section(
        "direct",
        Math(equals(delta, minus(a, y))),
        tale.told("direct_table"),
        tale.table((">sample", ">output", ">target", ">error"), rows),
        tale.told("direct_no_back"),
    )


def _step(tale: Story) -> Section:
    return tale.section("step", Math(tale.step_down("w1")), _steps(tale))


def _steps(tale: Story) -> Table:
    numbers = tale.numbers
    places = [tale.place(name) for name in PARAMETERS]
    rows = [
        (
            numbers.of(place).symbol,
            tale.of(numbers.gradient(place)),
            tale.of(numbers.of(place)),
            tale.of(numbers.updated(place)),
        )
        for place in places
    ]
    return tale.table(("parameter", ">gradient", ">old", ">new"), rows, "step_caption")


def _descent(tale: Story) -> Section:
    way = tale.example.descent()
    return tale.section(
        "descent",
        tale.descent_picture("curve", "curve_caption", "updates_axis"),
        n=tale.example.updates,
        before=float(way.losses[0]),
        after=float(way.losses[-1]),
    )


def _classes(tale: Story, after: Explanation) -> Section:
    outputs = after.trace.a[0][:, 0]
    right = int(np.sum((outputs > 0.5) == (after.trace.y[:, 0] > 0.5)))
    rows = []
    for (practice, sleep, passed), output in zip(HOURS, outputs, strict=True):
        said, true = (tale.text("yes" if value else "no") for value in (output > 0.5, passed))
        mark = "✓" if (output > 0.5) == bool(passed) else "✗"
        rows.append(
            (f"{practice:g}", f"{sleep:g}", tale.number(output, role="signal"), said, true, mark)
        )
    heads = (">practice", ">sleep", ">output", "said", "passed", "right")
    return tale.section(
        "classes",
        tale.table(heads, rows),
        tale.told("classes_right", right=right, n=len(rows)),
        tale.told("classes_line"),
        Math(_line(tale, after)),
        Picture(_picture(tale, after, right), tale.text("classes_caption")),
        n=tale.example.updates,
    )


def _line(tale: Story, after: Explanation) -> Formula:
    """Return w1 (practice − 3) + w2 (sleep − 6.5) + b = 0 with the trained numbers."""
    parts: list[Formula] = []
    for k, centre in enumerate((3.0, 6.5)):
        weight = float(after.trace.vector[Place(1, 0, k).entry(after.trace.network)])
        shifted = row(sign("("), minus(tale.numbers.a(0, k).symbol, Number(centre, 2)), sign(")"))
        parts.append(product([tale.number(weight), shifted]))
    bias = float(after.trace.vector[Place(1, 0, None).entry(after.trace.network)])
    return equals(plus([*parts, tale.number(bias)]), Number(0))


def _picture(tale: Story, after: Explanation, right: int) -> Scene:
    """Return the rows in the plane of the two inputs, with the line where a = ½."""
    w1, w2, b = (float(after.trace.vector[k]) for k in range(3))
    practice = np.linspace(1.0, 5.0, 60)
    sleep = 6.5 - (w1 * (practice - 3.0) + b) / w2
    inside = (sleep > 4.2) & (sleep < 8.4)
    spots = [
        Spot(p, s, "✓" if passed else "✗", "positive" if passed else "negative")
        for p, s, passed in HOURS
    ]
    return curve_scene(
        tale.plain("classes_picture", right=right, n=len(HOURS)),
        [Series("a = ½", practice[inside], sleep[inside], role="ink", dash=(6, 4))],
        x_label=tale.plain("practice"),
        y_label=tale.plain("sleep"),
        marks=spots,
        lang=tale.say.lang,
    )
