"""A recurrent network of two units over four steps: the second origin text's end, with numbers.

The network unrolled in time; the pass step by step; the error back through time; one weight's
gradient as a sum over the steps, and over all paths; what is left of an error over many steps; and
what of it all must run one step after another.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clearprop.explanation.chapters.time_letters import TimeLetters
from clearprop.explanation.examples.example import Example
from clearprop.explanation.examples.story import Story, equals, minus
from clearprop.explanation.explanation import explain
from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
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
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Math, Picture, Section
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import letter_of
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.scenes.unrolled import unrolled_scene
from clearprop.explanation.through_time import SequenceExplanation
from clearprop.explanation.through_time.norms import TimeNorms
from clearprop.explanation.words import Words
from clearprop.network import GRU, LSTM, Dense, Network, Parameters

WEIGHT = "w1"
STEPS, UNITS = 4, 2
# how far a longer sequence goes
LONG = 40


def story(example: Example, say: Words) -> Iterator[Section]:
    """Yield the sections of the page."""
    found = example.explain()
    assert isinstance(found, SequenceExplanation)
    tale = Story(example, found, say, digits=6)
    told = _Told(tale, found)
    focus = found.focus(WEIGHT, 0)
    scene = unrolled_scene(found, focus, words=say)
    yield tale.section("network", Picture(scene, tale.text("picture")))
    yield tale.section("forward", Math(told.forward()), tale.told("loss"), Math(told.loss()))
    yield tale.section(
        "back", Math(told.last()), tale.told("back_on"), Math(told.back()), tale.told("back_said")
    )
    yield tale.chapter("over_time", key="sum", lead="sum", weight=WEIGHT)
    yield tale.chapter("time_paths", key="paths", lead="paths", weight=WEIGHT, paths=15)
    yield tale.chapter("time_norms", key="fading", lead="fading", weight=WEIGHT)
    yield _long(tale)
    yield tale.chapter("serial", key="serial", lead="serial", weight=WEIGHT)
    yield tale.chapter("moved", key="moved", lead="moved", weight=WEIGHT)
    yield tale.chapter("update", key="update", lead="update", weight=WEIGHT)
    yield tale.chapter("check", key="check", lead="check", weight=WEIGHT)


class _Told:
    """Writes the pass of the sequence step by step, with all its numbers."""

    def __init__(self, tale: Story, found: SequenceExplanation) -> None:
        self.tale, self.trace, self.names = tale, found.trace, found.names
        self.letters = TimeLetters(found.trace, found.names, found.names.find(WEIGHT))
        self.steps = found.forward(0)

    def forward(self) -> Lines:
        """Return z and h of both units at each step."""
        lines: list[tuple[Formula, ...]] = []
        for t in range(STEPS):
            for unit in range(UNITS):
                lines += self._unit(unit, t)
        return Lines(tuple(lines))

    def _unit(self, unit: int, t: int) -> Iterator[tuple[Formula, ...]]:
        places = [Place(1, unit, 0), *(Place(1, unit, k, "U") for k in range(UNITS))]
        # before the first step there is no state
        parts = [self._product(place, t) for place in (places if t else places[:1])]
        z, h = self._z(unit, t), self._h(unit, t)
        yield self._chip(z, self.steps.z[0][t, unit]), sign("="), plus(parts)
        value = self.tale.number(float(self.steps.a[0][t, unit]), role="signal", key=h.key)
        yield h, sign("="), equals(row(Label("tanh "), z), value)

    def _product(self, place: Place, t: int) -> Formula:
        if place.array:
            assert place.source is not None
            signal = self._h(place.source, t - 1)
            value = float(self.steps.a[0][t - 1, place.source])
        else:
            signal, value = self.letters.unit(0, 0, t), float(self.steps.x[t, 0])
        return product([self._weight(place), self._chip(signal, value)])

    def _weight(self, place: Place) -> Stack:
        value = float(self.trace.vector[place.entry(self.trace.network)])
        role = "negative" if value < 0 else "positive"
        return self._chip(letter_of(self.names, place, role), value)

    def _chip(self, symbol: Formula, value: float) -> Stack:
        number = self.tale.number(float(value), role=symbol.role, key=symbol.key)
        return Stack(symbol, number, role=symbol.role, key=symbol.key)

    def _z(self, unit: int, t: int) -> Symbol:
        name = self.names.unit(1, unit)
        return Symbol("z", f"{name}, {t + 1}", role="signal", key=f"z1.{unit}t{t}")

    def _h(self, unit: int, t: int) -> Symbol:
        return self.letters.unit(1, unit, t)

    def _delta(self, unit: int, t: int) -> Symbol:
        name = self.names.unit(1, unit)
        return Symbol("δ", f"{name}, {t + 1}", role="error", key=f"d1.{unit}t{t}")

    def _slope(self, unit: int, t: int) -> Stack:
        """Return f′(z) = 1 − h² of a unit at a step."""
        slope = 1 - float(self.steps.a[0][t, unit]) ** 2
        letter = row(Symbol("f′"), Group(self._z(unit, t)), key=f"f1.{unit}t{t}")
        return self._chip(letter, slope)

    def loss(self) -> Lines:
        """Return the output, and its loss."""
        last, output = STEPS - 1, float(self.steps.a[1][0, 0])
        key = f"a2.0t{last}"
        o = Symbol("a", "o", role="signal", key=key)
        parts = [
            product(
                [
                    self._weight(Place(2, 0, k)),
                    self._chip(self._h(k, last), self.steps.a[0][last, k]),
                ]
            )
            for k in range(UNITS)
        ]
        y = float(self.steps.targets[0, 0])
        inside = Group(minus(self.tale.number(output), Number(y)))
        half = row(Label("½"), sign("·"), inside, Label("²"))
        value = self.tale.number(float(self.steps.losses[0]), role="error")
        return Lines(
            (
                (self._chip(o, output), sign("="), plus(parts)),
                (Symbol("E", role="error"), sign("="), equals(half, value)),
            )
        )

    def last(self) -> Lines:
        """Return δ of the output, and of both units at the last step."""
        o, last = float(self.steps.delta[1][0, 0]), STEPS - 1
        d = Symbol("δ", "o", role="error", key=f"d2.0t{last}")
        a = Symbol("a", "o", role="signal", key=f"a2.0t{last}")
        lines: list[tuple[Formula, ...]] = [
            (self._chip(d, o), sign("="), minus(a, Symbol("y"))),
        ]
        for unit in range(UNITS):
            factors = [self._weight(Place(2, 0, unit)), self._chip(d, o), self._slope(unit, last)]
            chip = self._chip(self._delta(unit, last), self.steps.delta[0][last, unit])
            lines.append((chip, sign("="), product(factors)))
        return Lines(tuple(lines))

    def back(self) -> Lines:
        """Return δ of both units at the earlier steps, each from the step after."""
        lines: list[tuple[Formula, ...]] = []
        for t in range(STEPS - 2, -1, -1):
            for unit in range(UNITS):
                handed = plus(
                    product(
                        [
                            self._weight(Place(1, other, unit, "U")),
                            self._chip(
                                self._delta(other, t + 1), self.steps.delta[0][t + 1, other]
                            ),
                        ]
                    )
                    for other in range(UNITS)
                )
                chip = self._chip(self._delta(unit, t), self.steps.delta[0][t, unit])
                lines.append((chip, sign("="), Group(handed)))
                lines.append((Row(()), sign("·"), self._slope(unit, t)))
        return Lines(tuple(lines))


def _long(tale: Story) -> Section:
    """Return what is left of an error over a longer sequence, with these cells and with others."""
    norms = long_norms(tale.example)
    told = {name: figure(found.total, 2) for name, found in norms.items()}
    told |= {f"{name}_rate": figure(rate_of(found), 2) for name, found in norms.items()}
    return tale.section(
        "long",
        Picture(_curves(tale, norms), tale.text("long_caption")),
        tale.told("long_said", n=LONG - 1, **told),
        tale.told("long_why"),
        n=LONG,
    )


def rate_of(found: TimeNorms) -> float:
    """Return what a step back multiplies the error by on the earlier half of the way."""
    half = found.steps // 2
    return float((found.left[0] / found.left[half]) ** (1 / half))


def long_norms(example: Example) -> dict[str, TimeNorms]:
    """Return the norms of a longer sequence: the example's own cells, and fresh GRU and LSTM."""
    x = 0.5 ** np.arange(LONG)[None, :, None]
    networks = {"elman": example.parameters}
    for name, layer in (("gru", GRU(UNITS)), ("lstm", LSTM(UNITS))):
        network = Network(1, (layer, Dense(1, "identity")), "half_squared_error", "float64")
        networks[name] = Parameters.initial(network, seed=0)
    found = {}
    for name, parameters in networks.items():
        explanation = explain(parameters, x, example.y)
        assert isinstance(explanation, SequenceExplanation)
        found[name] = explanation.norms(1, 0)
    return found


def _curves(tale: Story, norms: dict[str, TimeNorms]) -> Scene:
    styles = {"elman": ("negative", ()), "lstm": ("positive", (7, 4)), "gru": ("update", (2, 3))}
    steps = np.arange(LONG)
    series = [
        Series(tale.plain(f"line_{name}"), steps, found.left[::-1], *styles[name])
        for name, found in norms.items()
    ]
    return curve_scene(
        tale.plain("long_picture", n=LONG - 1, left=figure(norms["elman"].total, 2)),
        series,
        x_label=tale.plain("axis_back"),
        y_label=tale.plain("axis_left"),
        log_y=True,
        lang=tale.say.lang,
        width=600,
    )
