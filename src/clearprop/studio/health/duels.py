"""The sigmoid beside ReLU as pictures, a table and a sentence.

Public names: `gradient_chart`, `loss_chart`, `table`, `told`.
May import: `charts`, `experiment`, `clearprop.explanation`.
"""

from __future__ import annotations

from clearprop.explanation.health import Diagnosis
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Column, Span, Table, Text
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words
from clearprop.studio.health.charts import WIDTH, height_below
from clearprop.studio.health.experiment import RATE, UNITS, Duel

# role and dash of each network's lines
STYLES: tuple[tuple[str, str, tuple[float, ...]], ...] = (
    ("sigmoid", "error", ()),
    ("ReLU", "contrast", (7, 4)),
)


def gradient_chart(found: Duel, say: Words) -> Scene:
    """Return each layer's gradient before the first update, with both activations."""
    layers = range(1, found.depth + 1)
    series = [
        Series(name, layers, [line.gradient_norm for line in course.start.layers], role, dash)
        for (name, role, dash), course in zip(STYLES, (found.sigmoid, found.relu), strict=True)
    ]
    shares = {"sigmoid": _share(found.sigmoid.start), "relu": _share(found.relu.start)}
    title = say("health.duel_title", **shares)
    return curve_scene(
        title, series, x_label=say("health.duel_layers"),
        y_label=say("health.gradient_axis"), log_y=True,
        description=say("health.duel_text"), lang=say.lang, width=WIDTH, height=height_below(title),
    )  # fmt: skip


def loss_chart(found: Duel, say: Words) -> Scene:
    """Return the loss over the updates, with both activations."""
    sigmoid, relu = found.sigmoid, found.relu
    series = [
        Series(name, course.steps, course.losses, role, dash)
        for (name, role, dash), course in zip(STYLES, (sigmoid, relu), strict=True)
    ]
    title = say(
        "health.losses_title", updates=sigmoid.steps[-1], before=sigmoid.losses[0],
        after=sigmoid.losses[-1], relu_before=relu.losses[0], relu_after=relu.losses[-1],
    )  # fmt: skip
    return curve_scene(
        title, series, x_label=say("health.updates"), y_label=say("studio.loss"),
        description=say("health.losses_text"), lang=say.lang, width=WIDTH,
        height=height_below(title),
    )  # fmt: skip


def table(found: Duel, say: Words) -> Table:
    """Return each layer's gradient, the last layer first, at the start and now."""
    heads = ("duel_layers", "sigmoid_start", "relu_start", "sigmoid_now", "relu_now")
    columns = tuple(
        Column(say.text(f"health.{key}"), "left" if key == "duel_layers" else "right")
        for key in heads
    )
    sides = (found.sigmoid.start, found.relu.start, found.sigmoid.now, found.relu.now)
    rows = tuple(
        ((Span(str(layer)),), *(_cell(side.layers[layer - 1].gradient_norm) for side in sides))
        for layer in range(found.depth, 0, -1)
    )
    return Table(columns, rows, say.text("health.duel_table"))


def told(found: Duel, say: Words) -> str:
    """Return what was done."""
    updates = found.sigmoid.steps[-1]
    return say("health.duel_done", updates=updates, rows=found.rows, units=UNITS, rate=f"{RATE:g}")


def _share(found: Diagnosis) -> float:
    """Return the first layer's gradient as a multiple of the last layer's."""
    last = found.layers[-1].gradient_norm
    return found.layers[0].gradient_norm / last if last else float("nan")


def _cell(value: float) -> Text:
    return (Span(figure(value), full=repr(value)),)
