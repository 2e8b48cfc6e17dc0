"""A: the network a, b → c, d → e, f, the whole of its part of the first origin text.

Why hidden layers need the error carried back; forward one neuron at a time and as matrices; the
error shared in proportion, the denominators dropped, the transposed matrix; then what is exact: the
chain rule parameter by parameter, δ and the four equations.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clearprop.explanation.carrying import Carried
from clearprop.explanation.examples.example import Example
from clearprop.explanation.examples.story import Story, chip, equals, minus
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Symbol,
    called,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import Fold, by_sign, column, matrix
from clearprop.explanation.notation import of_layer
from clearprop.explanation.pages import Bullets, Math, Paragraph, Picture, Section
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import letter_of
from clearprop.explanation.scenes.network import network_scene
from clearprop.explanation.words import Words

_BOTH = Fold(2, (0, 1))
_PARAMETERS = ("w_ce", "w_de", "w_cf", "w_df", "b_e", "b_f")
_FIRST = ("w_ac", "w_bc", "w_ad", "w_bd", "b_c", "b_d")


def story(example: Example, say: Words) -> Iterator[Section]:
    """Yield the sections of the page."""
    tale = Story(example, example.explain(recorded=True), say)
    yield tale.section("why", Bullets(tuple(tale.text(f"why_{k}") for k in ("one", "many", "so"))))
    yield _notation(tale)
    yield _forward(tale)
    yield tale.section("error", Math(tale.loss()), tale.told("error_hidden"))
    yield _shares(tale)
    yield _transposed(tale)
    yield tale.chapter("carriers", key="compared", lead="compared")
    yield _output_layer(tale)
    yield tale.chapter("chain", key="first_layer", lead="first_layer", weight="w_ac")
    yield _update(tale)
    yield tale.chapter("deltas", key="delta", lead="delta_lead")
    yield tale.chapter("counting", key="counted", lead="counted")
    yield _order(tale)
    yield _after(tale)


def _notation(tale: Story) -> Section:
    explanation = tale.explanation
    scene = network_scene(explanation, explanation.focus("w_ac", 0), words=tale.say)
    names = [*_FIRST[:4], *_PARAMETERS[:4]]
    places = [tale.place(name) for name in names]
    rows: list[tuple[Formula | str, ...]] = [
        (tale.numbers.of(place).symbol, tale.leads(place), tale.of(tale.numbers.of(place)))
        for place in places
    ]
    biases = [tale.numbers.of(tale.place(name)) for name in ("b_c", "b_d", "b_e", "b_f")]
    rows += [
        (bias.symbol, bias_of, tale.of(bias)) for bias, bias_of in zip(biases, "cdef", strict=True)
    ]
    return tale.section(
        "notation",
        Picture(scene, tale.text("picture")),
        tale.table(("parameter", "leads", ">value"), rows, "chosen"),
    )


def _forward(tale: Story) -> Section:
    return tale.section(
        "forward",
        Math(tale.neuron(1, 0)),
        tale.told("forward_d"),
        Math(tale.neuron(1, 1)),
        tale.told("forward_matrix"),
        Math(_layer(tale, 1)),
        tale.told("forward_output"),
        Math(_layer(tale, 2)),
        tale.told("forward_porter"),
    )


def _layer(tale: Story, layer: int) -> Lines:
    """Return z = W a + b and a = f(z) of a layer, with its numbers."""
    numbers, names = tale.numbers, tale.explanation.names
    here, before = names.units(layer), names.units(layer - 1)
    weights = matrix(
        numbers.weights(layer), _BOTH, _BOTH, role=by_sign, row_labels=here, column_labels=before,
        key=lambda unit, source: f"w{layer}.{unit}.{source}",
    )  # fmt: skip
    received = column(numbers.handed_on(layer - 1), _BOTH, role="signal")
    biases = np.array([numbers.of(Place(layer, unit, None)).value for unit in (0, 1)])
    z = np.array([numbers.z(layer, unit).value for unit in (0, 1)])
    a = np.array([numbers.a(layer, unit).value for unit in (0, 1)])
    letters = [of_layer("W", layer), of_layer("a", layer - 1), sign("+"), of_layer("b", layer)]
    weighted = of_layer("z", layer, "signal")
    shown = row(weights, received, sign("+"), column(biases, _BOTH, role=by_sign))
    return Lines(
        (
            (weighted, sign("="), row(*letters)),
            (Row(()), sign("="), equals(shown, column(z, _BOTH, role="signal"))),
            (
                of_layer("a", layer, "signal"),
                sign("="),
                equals(called(Symbol("f"), weighted), column(a, _BOTH, role="signal", labels=here)),
            ),
        )
    )


def _errors(tale: Story, carried: Carried, layer: int) -> np.ndarray:
    """Return what a carrier brings to a layer in the text's sign, target − out."""
    errors = carried.errors[layer - 1]
    assert errors is not None
    return -errors[0]


def _letter(tale: Story, layer: int, unit: int) -> Symbol:
    return Symbol("err", tale.explanation.names.unit(layer, unit), role="error")


def _shares(tale: Story) -> Section:
    """Return the error shared out in proportion to the weights."""
    carried = tale.explanation.carriers.carriers["proportional"]
    outputs, hidden = _errors(tale, carried, 2), _errors(tale, carried, 1)
    lines = []
    for unit in (0, 1):
        a, y = tale.numbers.a(2, unit), tale.numbers.target(unit)
        error = tale.number(outputs[unit], role="error")
        right = equals(minus(y.symbol, a.symbol), minus(tale.of(y), tale.of(a)), error)
        lines.append((_letter(tale, 2, unit), sign("="), right))
    shares = carried.matrices[1]
    assert shares is not None
    share_rows = [_share(tale, unit, hidden[unit], shares, outputs) for unit in (0, 1)]
    total = plus(tale.number(value, role="error") for value in hidden)
    given = plus(tale.number(value, role="error") for value in outputs)
    return tale.section(
        "shares",
        Math(Lines(tuple(lines))),
        tale.told("shares_rule"),
        Math(Lines(tuple(share_rows))),
        tale.told("shares_matrix"),
        Math(_carried_matrix(tale, shares, outputs, hidden, "share_matrix")),
        tale.check(
            "shares_check",
            bool(np.isclose(hidden.sum(), outputs.sum(), rtol=1e-12)),
            hidden=total,
            outputs=given,
            sum=float(outputs.sum()),
        ),
    )


def _share(
    tale: Story, unit: int, value: float, shares: np.ndarray, errors: np.ndarray
) -> tuple[Formula, ...]:
    """Return err_c = Σ w / (sum of the weights into the same output) · err."""
    names, parts = tale.explanation.names, []
    for output in (0, 1):
        into = [letter_of(names, Place(2, output, k)) for k in (0, 1)]
        share = chip(Fraction(into[unit], plus(into)), tale.number(shares[output, unit]))
        error = chip(_letter(tale, 2, output), tale.number(errors[output], role="error"))
        parts.append(product([share, error]))
    left = chip(_letter(tale, 1, unit), tale.number(value, role="error"))
    return left, sign("="), plus(parts)


def _transposed(tale: Story) -> Section:
    """Return the error carried by the weights alone, and by the transposed matrix."""
    carried = tale.explanation.carriers.carriers["transposed"]
    outputs, hidden = _errors(tale, carried, 2), _errors(tale, carried, 1)
    lines = []
    for unit in (0, 1):
        parts = []
        for output in (0, 1):
            weight = tale.chip(tale.numbers.of(Place(2, output, unit)))
            error = chip(_letter(tale, 2, output), tale.number(outputs[output], role="error"))
            parts.append(product([weight, error]))
        left = chip(_letter(tale, 1, unit), tale.number(hidden[unit], role="error"))
        lines.append((left, sign("="), plus(parts)))
    weights = carried.matrices[1]
    assert weights is not None
    return tale.section(
        "transposed",
        Math(Lines(tuple(lines))),
        tale.told("transposed_matrix"),
        Math(_carried_matrix(tale, weights, outputs, hidden, "")),
        tale.told(
            "transposed_lost",
            hidden=float(hidden.sum()),
            outputs=float(outputs.sum()),
        ),
        tale.told("transposed_porter"),
    )


def _carried_matrix(
    tale: Story, weights: np.ndarray, errors: np.ndarray, carried: np.ndarray, name: str
) -> Lines:
    """Return err^(1) = Cᵀ err^(2); `name` is the entry that names C, which is W where empty."""
    names = tale.explanation.names
    letter = Symbol(tale.plain(name)) if name else Group(of_layer("W", 2))
    transposed = Script(letter, sup=Label("T"))
    back = of_layer("err", 1, "error"), of_layer("err", 2, "error")
    shown = matrix(
        weights.T, _BOTH, _BOTH, role="" if name else by_sign, row_labels=names.units(1),
        column_labels=names.units(2),
    )  # fmt: skip
    arrived = column(carried, _BOTH, role="error", labels=names.units(1))
    return Lines(
        (
            (back[0], sign("="), row(transposed, back[1])),
            (Row(()), sign("="), equals(row(shown, column(errors, _BOTH, role="error")), arrived)),
        )
    )


def _output_layer(tale: Story) -> Section:
    """Return the derivatives by w_ce, w_de and b_e, factor by factor."""
    numbers = tale.numbers
    e, slope = numbers.slope_of_loss(0), numbers.slope(2, 0)
    lines = []
    for name in ("w_ce", "w_de", "b_e"):
        place = tale.place(name)
        factors = [tale.chip(e), tale.chip(slope)]
        if place.source is not None:
            factors.append(tale.chip(numbers.a(1, place.source)))
        else:
            factors.append(chip(Number(1), Number(1)))
        lines.append((tale.chip(numbers.gradient(place)), sign("="), product(factors)))
    a, y = numbers.a(2, 0).symbol, numbers.target(0).symbol
    known = (
        (e.symbol, sign("="), minus(a, y)),
        (slope.symbol, sign("="), product([a, Group(minus(Number(1), a))])),
    )
    return tale.section(
        "output_layer",
        Math(Lines(tuple(lines))),
        tale.told("output_layer_known"),
        Math(Lines(known)),
        tale.told("output_layer_common"),
    )


def _update(tale: Story) -> Section:
    return tale.section(
        "update",
        Math(tale.step_down("w_ce")),
        tale.updates((*_PARAMETERS, *_FIRST), "updates"),
    )


def _order(tale: Story) -> Section:
    """Return what updating first would do to the first layer."""
    found = tale.explanation.mistake.of(tale.place("w_ac"))
    values = {
        "right": tale.number(found.right, role="update"),
        "wrong": tale.number(found.wrong),
        "gradient": tale.number(found.gradient, role="error"),
        "mistaken": tale.number(found.mistaken, role="error"),
    }
    return tale.section("order", Paragraph(tale.text("order_numbers", **values)))


def _after(tale: Story) -> Section:
    way, last = tale.example.descent(), tale.example.explain_after()
    first, second = (float(a) for a in last.trace.a[-1][0])
    return tale.section(
        "after",
        tale.descent_picture("curve", "curve_caption", "updates_axis"),
        n=tale.example.updates,
        before=float(way.losses[0]),
        loss=float(way.losses[-1]),
        e=first,
        f=second,
    )
