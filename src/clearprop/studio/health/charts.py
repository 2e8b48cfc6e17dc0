"""Pictures of a run's health: lines over the steps, and where activations lie, layer by layer.

Public names: `WIDTH`, `gradient_chart`, `height_below`, `histogram_chart`, `saturation_chart`.
May import: `watching`, `clearprop.explanation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from clearprop.explanation.health import FLAT
from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.axes import SMALL
from clearprop.explanation.scenes.plots import DASHES, ROLES, Series, Spot, curve_scene
from clearprop.explanation.scenes.scene import Line, Mark, Rect, Scene, Words
from clearprop.explanation.scenes.spots import head_of
from clearprop.explanation.words import Words as Catalogue
from clearprop.studio.health.watching import Bins, Reading, Watch

WIDTH, HEIGHT = 370.0, 290.0
# lines of a title that there is room for, so that nothing moves when it grows
HEAD = 6.0 + 19 * 2
# a layer's strip: its height, that of its tallest bar, and where it lies
STRIP, TALLEST, LEFT, RIGHT = 62.0, 32.0, 74.0, 44.0
MOST_STRIPS = 9


def height_below(title: str) -> float:
    """Return the height of a plot with its title, such that both together never change."""
    return HEIGHT - head_of(title, WIDTH)[1]


def gradient_chart(watch: Watch, step: int, say: Catalogue) -> Scene:
    """Return ‖∂E/∂W‖ of each layer over the steps, on a logarithmic axis."""
    readings = watch.readings
    now = {line.layer: line.gradient_norm for line in watch.found.layers}
    known = {layer: norm for layer, norm in now.items() if norm > 0 and math.isfinite(norm)}
    if not known:
        title = say("health.gradient_none")
    elif len(now) == 1:
        title = say("health.gradient_alone", norm=now[1], step=step)
    else:
        low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
        least = known[low] / known[high]
        # a gradient of 0 is no point of a logarithmic axis, but it is the least
        zero = next((layer for layer, norm in now.items() if norm == 0), None)
        title = (
            say("health.gradient_title", low=low, high=high, ratio=least, step=step)
            if zero is None
            else say("health.gradient_zero", layer=zero, step=step)
        )
    return curve_scene(
        title,
        _lines(readings, len(now), lambda reading, layer: reading.gradients[layer], say),
        x_label=say("health.steps"), y_label=say("health.gradient_axis"), log_y=True,
        marks=_here(readings, step, say), lang=say.lang,
        description=say("health.gradient_text", rows=watch.rows), width=WIDTH,
        height=height_below(title),
    )  # fmt: skip


def saturation_chart(watch: Watch, step: int, say: Catalogue) -> Scene:
    """Return the share of flat slopes of each layer over the steps, in percent."""
    layers = watch.found.layers
    # an output that saturates may only be sure of itself
    worst = max(layers[:-1] or layers, key=lambda line: line.flat or 0.0)
    flat = figure(FLAT, 1)
    title = say("health.flat_none", flat=flat)
    if worst.flat:
        share = figure(100 * worst.flat, 3)
        title = say("health.flat_title", layer=worst.layer, share=share, flat=flat)

    def percent(reading: Reading, layer: int) -> float:
        known = reading.flat[layer]
        return math.nan if known is None else 100 * known

    readings = watch.readings
    lines = _lines(readings, len(layers), percent, say)
    # a layer of softmax has no slope of its own
    lines = [line for line in lines if any(math.isfinite(value) for value in line.y)]
    return curve_scene(
        title, lines, x_label=say("health.steps"), y_label=say("health.flat_axis"),
        marks=_here(readings, step, say), lang=say.lang, width=WIDTH, height=height_below(title),
        description=say("health.flat_text", flat=flat, rows=watch.rows),
    )  # fmt: skip


def _lines(
    readings: Sequence[Reading],
    layers: int,
    value: Callable[[Reading, int], float],
    say: Catalogue,
) -> list[Series]:
    """Return a line for each layer; no two of them have both colour and dash in common."""
    steps = [reading.step for reading in readings]
    return [
        Series(
            say("health.layer", layer=layer + 1), steps,
            [value(reading, layer) for reading in readings],
            ROLES[layer % len(ROLES)], DASHES[(layer + layer // len(ROLES)) % len(DASHES)],
        )
        for layer in range(layers)
    ]  # fmt: skip


def _here(readings: Sequence[Reading], step: int, say: Catalogue) -> list[Spot]:
    """Return where the run stands, where it has been taken back."""
    if not readings or readings[-1].step <= step:
        return []
    return [Spot(step, None, say("health.here"), "muted")]


# where activations lie


def histogram_chart(watch: Watch, say: Catalogue) -> Scene:
    """Return a strip for each layer: how often its activations lie where."""
    strips = [
        (line.layer, line.activation, bins)
        for line, bins in zip(watch.found.layers, watch.bins, strict=True)
        if bins is not None
    ][:MOST_STRIPS]
    title = _spread(strips, say)
    head, top = head_of(title, WIDTH)
    top = max(top, HEAD)
    marks: list[Mark] = list(head)
    for place, (layer, activation, bins) in enumerate(strips):
        base = top + 14 + STRIP * place + TALLEST
        name = say("health.layer", layer=layer)
        marks.append(Words(4, base - 14, name, SMALL, "start", bold=True, role="ink"))
        marks.append(Words(4, base + 1, activation, SMALL, "start", role="muted"))
        marks += _strip(bins, base, layer, say)
    height = top + 20 + STRIP * len(strips)
    text = say("health.bins_text", rows=watch.rows)
    return Scene(WIDTH, height, tuple(marks), title, text)


def _spread(strips: Sequence[tuple[int, str, Bins]], say: Catalogue) -> str:
    """Return where the activations of the hidden layer lie in which they are closest together."""
    if not strips:
        return say("health.bins_none")
    hidden = strips[:-1] or strips
    layer, _, bins = min(hidden, key=lambda strip: strip[2].quartiles[1] - strip[2].quartiles[0])
    first, third = bins.quartiles
    if first == third:
        return say("health.bins_same", layer=layer, value=first)
    return say("health.bins_title", layer=layer, low=first, high=third)


def _strip(bins: Bins, base: float, layer: int, say: Catalogue) -> list[Mark]:
    wide, count = WIDTH - RIGHT - LEFT, len(bins.counts)
    each, step = wide / count, (bins.high - bins.low) / count
    tallest, total = max(1, int(bins.counts.max())), int(bins.counts.sum())
    marks: list[Mark] = [Line(LEFT, base, LEFT + wide, base, role="axis")]
    for place, amount in enumerate(bins.counts.tolist()):
        ends = figure(bins.low + place * step, 3), figure(bins.low + (place + 1) * step, 3)
        said = say("health.bin", low=ends[0], high=ends[1], count=amount, all=total)
        tall = TALLEST * amount / tallest
        area = (LEFT + place * each + 0.5, base - tall, each - 1, tall)
        key = f"bin{layer}.{place}"
        marks.append(Rect(*area, fill="signal", key=key, title=said))
    for value, x, anchor in ((bins.low, LEFT, "start"), (bins.high, LEFT + wide, "end")):
        marks.append(Words(x, base + 14, figure(value, 3), SMALL, anchor, role="muted"))  # type: ignore[arg-type]
    share = f"{figure(100 * tallest / total, 2)} %"
    marks.append(Words(LEFT + wide + 6, base - TALLEST + 8, share, SMALL, "start", role="muted"))
    first, third = (LEFT + wide * (q - bins.low) / (bins.high - bins.low) for q in bins.quartiles)
    marks.append(Line(first, base + 4, third, base + 4, role="update", width=3.0))
    return marks
