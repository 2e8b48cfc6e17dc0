"""H: ten layers of sigmoid neurons beside ReLU, and what can run at the same time.

The sigmoid's slope and its bound, what each step back leaves of the error, the same network with
ReLU, both trained; then samples, neurons, layers and time steps in parallel.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from clearprop.explanation.examples.descent import Descent, descend
from clearprop.explanation.examples.example import Example
from clearprop.explanation.examples.story import Story, equals, minus
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Number,
    Script,
    Symbol,
    called,
    product,
    row,
    sign,
)
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Bullets, Math, Picture, Section
from clearprop.explanation.scenes.network import network_scene
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words
from clearprop.functions import activation
from clearprop.network import Network, Parameters

FIRST_WEIGHT = "h1.1<-x1"
# the corner whose coordinates are all 1, so that no signal into the first layer is 0
CORNER = 7


def story(example: Example, say: Words) -> Iterator[Section]:
    """Yield the sections of the page."""
    tale = Story(example, example.explain(), say)
    yield _network(tale)
    yield _bound(tale)
    yield tale.chapter("chain", key="paths", lead="paths", weight=FIRST_WEIGHT, sample=CORNER)
    yield tale.chapter("vanishing", key="layers", lead="layers")
    yield _beside(tale)
    yield _trained(tale)
    yield tale.section(
        "together",
        Bullets(
            tuple(tale.text(f"together_{k}") for k in ("samples", "neurons", "layers", "time"))
        ),
        tale.told("together_processors"),
    )
    yield tale.chapter("parallel", key="schedule", lead="schedule")


def _network(tale: Story) -> Section:
    focus = tale.explanation.focus(FIRST_WEIGHT, CORNER)
    scene = network_scene(tale.explanation, focus, words=tale.say)
    return tale.section("network", Picture(scene, tale.text("picture")))


def _bound(tale: Story) -> Section:
    """Return the sigmoid's slope, its bound, and what the bound makes of nine steps."""
    a, quarter, steps = Symbol("a"), Fraction(Number(1), Number(4)), 9
    formula = equals(called(Symbol("f′"), Symbol("z")), product([a, Group(minus(Number(1), a))]))
    bound: Formula = Script(Group(quarter), sup=Number(steps))
    return tale.section(
        "bound",
        Math(row(formula, sign("≤"), quarter)),
        Picture(_slopes(tale), tale.text("slopes_caption")),
        tale.told("bound_steps", n=steps),
        Math(row(bound, sign("≈"), Number(0.25**steps, 3))),
        tale.told("bound_weights"),
    )


def _slopes(tale: Story) -> Scene:
    z = np.linspace(-6, 6, 241)
    lines = []
    for name, dash in (("sigmoid", ()), ("relu", (7.0, 4.0))):
        f = activation(name)
        lines.append(Series(name, z, f.derivative(np, z, f.value(np, z)), dash=dash))
    return curve_scene(
        tale.plain("slopes_title"), lines, x_label="z", y_label="f′(z)", lang=tale.say.lang
    )


def _beside(tale: Story) -> Section:
    own, other = tale.explanation.health, tale.explanation.beside("relu")
    rows: list[tuple[str | Formula, ...]] = []
    for line, twin in reversed(list(zip(own.layers, other.layers, strict=True))):
        norms = [Number(part.delta_norm, role="error") for part in (line, twin)]
        rows.append((str(line.layer), *norms))
    return tale.section(
        "beside",
        tale.table((">layer", ">sigmoid", ">relu"), rows, "beside_caption"),
        tale.told("beside_total", sigmoid=own.total or 0.0, relu=other.total or 0.0),
    )


def _trained(tale: Story) -> Section:
    example = tale.example
    ways = {"sigmoid": example.descent(), "relu": relu_descent(example)}
    last = {name: figure(float(way.losses[-1]), 3) for name, way in ways.items()}
    scene = curve_scene(
        tale.plain("trained_picture", n=example.updates, **last),
        [Series(name, way.steps[1:], way.losses[1:]) for name, way in ways.items()],
        x_label=tale.plain("updates_axis"),
        y_label="E",
        log_x=True,
        log_y=True,
        lang=tale.say.lang,
    )
    return tale.section(
        "trained", Picture(scene, tale.text("trained_caption")), tale.told("trained_but")
    )


@cache
def relu_descent(example: Example) -> Descent:
    """Return the way of the same parameters with relu in the hidden layers."""
    network = example.network
    hidden = tuple(layer.with_activation("relu") for layer in network.layers[:-1])
    twin = Network(network.inputs, (*hidden, network.layers[-1]), network.loss, network.dtype)
    start = Parameters(twin, example.parameters.vector)
    rate = example.recipe.rule.learning_rate
    return descend(start, example.x, example.y, rate, example.updates)
