"""E: the perceptron 2-3-2-1 as a series of pictures, the whole of its part of the second text.

A neuron in two halves; the signal forward, neuron by neuron; the loss unfolded; gradient descent;
the error carried back without derivative, and each weight's update by it; then how far that is from
the gradient, in direction and in length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clearprop.explanation.examples.example import Example
from clearprop.explanation.examples.story import Story, chip, equals, minus
from clearprop.explanation.explanation import Explanation
from clearprop.explanation.formulas import (
    Formula,
    Lines,
    Number,
    Row,
    Symbol,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Block, Details, Math, Picture, Section, plain
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities
from clearprop.explanation.scenes.network import network_scene
from clearprop.explanation.scenes.neuron import neuron_scene
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.scenes.signals import signal_scenes
from clearprop.explanation.words import Words

# hidden neurons, and all neurons with weights into them, in the order of the series
_HIDDEN = ((1, 0), (1, 1), (1, 2), (2, 0), (2, 1))
_NEURONS = (*_HIDDEN, (3, 0))
# the neurons as errors reach them
_BACK = ((2, 0), (2, 1), (1, 0), (1, 1), (1, 2))


def story(example: Example, say: Words) -> Iterator[Section]:
    """Yield the sections of the page."""
    tale = Story(example, example.explain(recorded=True), say)
    series = _Series(tale, example.explain(carrier="transposed"))
    yield _neuron(tale)
    yield _network(tale)
    yield tale.section("forward", *series.forward())
    yield tale.section("error", *series.error())
    yield _nested(tale)
    yield tale.chapter("landscape", key="descent", lead="descent", weight="w46")
    yield tale.section("back", *series.back())
    yield tale.section("update", *series.update())
    yield _honest(tale, series.explanation)
    yield tale.chapter("carriers", key="carriers", lead="carriers")
    yield tale.chapter("chain", key="exact", lead="exact", weight="w_x11")
    yield _after(tale)


def _neuron(tale: Story) -> Section:
    picture = neuron_scene(tale.explanation, 1, 0, words=tale.say)
    return tale.section(
        "neuron", Picture(picture, tale.text("neuron_caption")), tale.told("neuron_letters")
    )


def _network(tale: Story) -> Section:
    numbers = tale.numbers
    rows = []
    for name in tale.explanation.names.aliases:
        place = tale.place(name)
        rows.append((numbers.of(place).symbol, tale.leads(place), tale.of(numbers.of(place))))
    scene = network_scene(
        tale.explanation, tale.explanation.focus("w_x11", 0), words=tale.say, view="forward"
    )
    table = tale.table(("parameter", "leads", ">value"), rows)
    return tale.section(
        "network",
        Picture(scene, tale.text("picture")),
        Details(tale.text("weights"), (table,)),
    )


class _Series:
    """The series of pictures, with the formula of each below it.

    Attributes
    ----------
    tale : Story
    explanation : Explanation
        Of the step as the pictures take it, errors carried by the transposed weights.
    numbers : Quantities
        Of that step.
    errors : list of (units,) arrays
        What is carried, target − out, one array a layer.
    scenes : sequence of Scene
        Six forward, the loss, the error at the output, five back, six updates.
    """

    def __init__(self, tale: Story, explanation: Explanation) -> None:
        self.tale, self.explanation = tale, explanation
        self.numbers = Quantities(explanation.trace, explanation.names, 0)
        carried = tale.explanation.carriers.carriers["transposed"]
        self.errors = [-errors[0] for errors in carried.errors if errors is not None]
        self.scenes: Sequence[Scene] = signal_scenes(
            explanation, explanation.focus("w_x11", 0), carried=self.errors, words=tale.say
        )

    def forward(self) -> Iterator[Block]:
        """Yield the signal's way, a picture a neuron."""
        for scene, (layer, unit) in zip(self.scenes[:6], _NEURONS, strict=True):
            yield _captioned(scene)
            yield Math(self.tale.neuron(layer, unit))

    def error(self) -> Iterator[Block]:
        """Yield the loss, and the error at the output."""
        a, y = self.numbers.a(3, 0), self.numbers.target(0)
        yield _captioned(self.scenes[6])
        yield Math(self.tale.loss())
        yield self.tale.told("error_signal")
        yield _captioned(self.scenes[7])
        right = minus(y.symbol, a.symbol), minus(self.tale.of(y), self.tale.of(a))
        yield Math(equals(Symbol("δ", role="error"), *right, self._error(3, 0)))

    def back(self) -> Iterator[Block]:
        """Yield the error's way, a picture a hidden neuron."""
        for scene, (layer, unit) in zip(self.scenes[8:13], _BACK, strict=True):
            yield _captioned(scene)
            parts = [
                product(
                    [
                        self.tale.chip(self.numbers.of(Place(layer + 1, m, unit))),
                        self._chip(layer + 1, m),
                    ]
                )
                for m in range(self.tale.example.network.shape[layer + 1])
            ]
            yield Math(equals(self._chip(layer, unit), plus(parts)))

    def update(self) -> Iterator[Block]:
        """Yield the updates, a picture a neuron with the weights into it."""
        letter, slope = Symbol("w"), row(Symbol("f′"), sign("("), Symbol("e"), sign(")"))
        parts = [Symbol("η"), Symbol("δ", role="error"), slope, Symbol("x", role="signal")]
        yield Math(
            equals(Symbol("w", sup="′", role="update"), row(letter, sign("+"), product(parts)))
        )
        for scene, (layer, unit) in zip(self.scenes[13:], _NEURONS, strict=True):
            yield _captioned(scene)
            sources = range(self.tale.example.network.shape[layer - 1])
            yield Math(Lines(tuple(self._step(Place(layer, unit, k)) for k in sources)))

    def _step(self, place: Place) -> tuple[Formula, ...]:
        """Return w' = w + η δ f' x of one weight, in chips."""
        assert place.source is not None
        numbers, tale, layer = self.numbers, self.tale, place.layer
        rate = chip(Symbol("η"), tale.number(self.explanation.trace.rate))
        factors = [
            rate,
            self._chip(layer, place.unit),
            tale.chip(numbers.slope(layer, place.unit)),
            tale.chip(numbers.a(layer - 1, place.source)),
        ]
        right = row(tale.chip(numbers.of(place)), sign("+"), product(factors))
        return tale.chip(numbers.updated(place)), sign("="), right

    def _error(self, layer: int, unit: int) -> Number:
        value = float(self.errors[layer - 1][unit])
        return self.tale.number(value, role="error", key=f"c{layer}.{unit}")

    def _chip(self, layer: int, unit: int) -> Formula:
        # the pictures number neurons through: δ4 belongs to f4
        name = self.tale.explanation.names.unit(layer, unit)
        foot = "" if layer == self.numbers.last else name.removeprefix("f")
        number = self._error(layer, unit)
        return chip(Symbol("δ", foot, role="error", key=number.key), number)


def _captioned(scene: Scene) -> Picture:
    """Return a picture of the series with the sentence that says what happens."""
    return Picture(scene, plain(scene.title))


def _nested(tale: Story) -> Section:
    """Return the loss as one expression, from back to front."""
    unfolded = tale.explanation.unfolded(0)
    letter: Formula = Symbol("E", role="error")
    lines: list[tuple[Formula, ...]] = []
    for step in unfolded.steps:
        lines.append((letter, sign("="), step.symbols))
        letter = Row(())
    last = unfolded.steps[-1]
    return tale.section(
        "nested",
        Math(Lines(tuple(lines))),
        tale.told("nested_numbers"),
        Math(
            Lines(
                (
                    (Symbol("E", role="error"), sign("="), last.numbers),
                    (Row(()), sign("="), tale.number(last.value, role="error")),
                )
            )
        ),
        tale.check("nested_check", unfolded.agrees, loss=tale.of(tale.numbers.loss())),
        tale.told("nested_half"),
    )


def _honest(tale: Story, by_picture: Explanation) -> Section:
    """Return each weight's change by the pictures beside gradient descent's."""
    trace, other = tale.explanation.trace, by_picture.trace
    rows = []
    for name in tale.explanation.names.aliases:
        place = tale.place(name)
        entry = place.entry(trace.network)
        exact, series = float(trace.update[entry]), float(other.update[entry])
        symbol = tale.numbers.of(place).symbol
        times = Number(series / exact, 3) if exact else Symbol("–")
        rows.append((symbol, tale.number(series), tale.number(exact, role="update"), times))
    found = tale.explanation.carriers.carriers["transposed"]
    layers = [
        (str(layer), f"{angle or 0.0:.3f}°", Number(ratio or 0.0, 3))
        for layer, (angle, ratio) in enumerate(
            zip(found.angles, found.ratios, strict=True), start=1
        )
    ]
    first = found.ratios[0], found.angles[0]
    return tale.section(
        "honest",
        tale.table(("parameter", ">by_picture", ">by_gradient", ">times"), rows, "honest_caption"),
        tale.told("honest_layers"),
        tale.table(("layer", ">angle", ">length"), layers),
        tale.told(
            "honest_finding", times=Number(first[0] or 0.0, 3), angle=Number(first[1] or 0.0, 3)
        ),
    )


def _after(tale: Story) -> Section:
    example = tale.example
    exact, series = example.descent(), example.descent("transposed")
    names = [tale.plain("curve_exact"), tale.plain("curve_series")]
    scene = curve_scene(
        tale.plain(
            "curve",
            n=example.updates,
            exact=figure(float(exact.losses[-1])),
            series=figure(float(series.losses[-1])),
        ),
        [
            Series(name, way.steps[1:], way.losses[1:])
            for name, way in zip(names, (exact, series), strict=True)
        ],
        x_label=tale.plain("updates_axis"),
        y_label="E",
        log_x=True,
        log_y=True,
        lang=tale.say.lang,
    )
    return tale.section("after", Picture(scene, tale.text("curve_caption")))
