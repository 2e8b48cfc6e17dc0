"""A network of sequences unrolled in time: one column a step, the same weights at every step.

Signals run up from the inputs and along from step to step, errors back on a second line beside
each edge. Where the focused parameter acts is lit, the brighter the more that step adds to its
gradient. A phone has the same with time running downwards.

Public names: `unrolled_scene`.
May import: `legend`, `scene`, `time_figures`, `time_layout`, `time_marks`, `matrices`, `words`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.matrices import fold
from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.legend import legend_rows
from clearprop.explanation.scenes.measure import width_of
from clearprop.explanation.scenes.scene import Circle, Line, Mark, Scene, Words
from clearprop.explanation.scenes.time_figures import TimeFigures
from clearprop.explanation.scenes.time_layout import Band, Node, TimeLayout, time_layout
from clearprop.explanation.scenes.time_marks import NAME, Painter
from clearprop.explanation.words import Words as Catalogue
from clearprop.explanation.words import words as catalogue
from clearprop.network import Recurrence

if TYPE_CHECKING:
    from clearprop.explanation.matrices import Fold
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.through_time.sums import OverTime
    from clearprop.explanation.views import Focus

# steps shown whole, and shown of a longer sequence; the same of units of a band
STEPS, SHOWN = 5, 4
UNITS, FOLDED = 3, 3
PHONE = 400.0

Edge = tuple[Node, Node]


def unrolled_scene(
    explanation: SequenceExplanation,
    focus: Focus,
    *,
    words: Catalogue | None = None,
    lang: str = "en",
    upright: bool = False,
) -> Scene:
    """Return the network unrolled in time with the numbers of one sequence.

    Parameters
    ----------
    focus : Focus
        The parameter that is lit, and the sequence.
    words : Words, optional
        The catalogue; that of `lang` where absent.
    upright : bool
        Time runs downwards, as fits a phone. A wide picture has this form as its `narrow` one.
    """
    say = words or catalogue(lang)
    figures = TimeFigures(explanation.trace, explanation.names, focus.sample)
    found = explanation.over_time(focus.weight, focus.sample)
    steps = _shown_steps(found, figures.run.steps)
    bands = list(_bands(figures, focus, steps))
    margin = 8.0 if upright else _margin(figures, bands)
    layout = time_layout(steps, bands, upright=upright, margin=margin, head=40.0)
    painter = Painter(figures, layout, _lit(layout, figures, focus, found), focus.weight)
    title = say("unrolled.picture", network=str(explanation.trace.network))
    scene = _draw(painter, say, title, _description(explanation, focus, found, say))
    if upright or scene.width <= PHONE:
        return scene
    return replace(scene, narrow=unrolled_scene(explanation, focus, words=say, upright=True))


def _shown_steps(found: OverTime, count: int) -> Fold:
    sizes = np.zeros(count)
    sizes[found.steps] = np.abs(found.values)
    return fold(sizes, room=STEPS, folded=SHOWN)


def _bands(figures: TimeFigures, focus: Focus, steps: Fold) -> Iterator[Band]:
    """Yield the bands from the inputs to the outputs."""
    network = figures.trace.network
    place, every = focus.weight, network.readout == "every"
    source = [] if place.source is None or place.array else [place.source]

    def folded(layer: int, first: int, count: int, always: list[int]) -> Fold:
        sizes = figures.importance(layer)[first : first + count]
        return fold(sizes, always, room=UNITS, folded=FOLDED)

    def of(layer: int) -> list[int]:
        return source if layer == place.layer - 1 else []

    yield Band(0, folded(0, 0, network.inputs, of(0)), 0, steps.shown)
    for operation in network.operations:
        layer = operation.layer
        if not isinstance(operation, Recurrence):
            own = [place.unit] if layer == place.layer else of(layer)
            at = steps.shown if every or layer < network.read_behind else steps.shown[-1:]
            yield Band(layer, folded(layer, 0, operation.units, own), 0, at)
            continue
        for number, way in enumerate(operation.ways):
            first, size = number * operation.size, operation.size
            own = [unit - first for unit in of(layer) if first <= unit < first + size]
            if layer == place.layer and number == place.way:
                own.append(place.unit % size)
                own += [place.source] if place.array == "U" and place.source is not None else []
            units = folded(layer, first, size, list(dict.fromkeys(own)))
            yield Band(layer, units, first, steps.shown, way.reverse, recurrent=True)


def _margin(figures: TimeFigures, bands: list[Band]) -> float:
    names = [figures.names.unit(0, unit) for unit in bands[0].units.shown]
    return 18 + min(110.0, max(width_of(name, NAME, bold=True) for name in names))


def _lit(
    layout: TimeLayout, figures: TimeFigures, focus: Focus, found: OverTime
) -> dict[Node, float]:
    """Return the units that the focused parameter leads into, by the share of its gradient."""
    place, recurrence = focus.weight, figures.recurrence(focus.weight.layer)
    unit = place.unit
    if recurrence is not None:
        unit = place.way * recurrence.size + place.unit % recurrence.size
    # what is not finite is lit in full
    sizes = np.nan_to_num(np.abs(found.values), nan=1.0, posinf=1.0)
    sizes = sizes / (float(sizes.max(initial=0.0)) or 1.0)
    shares = dict(zip(found.steps.tolist(), sizes, strict=True))
    return {
        node: float(shares[node.step])
        for node in layout.centres
        if (node.layer, node.unit) == (place.layer, unit) and node.step in shares
    }


def _description(
    explanation: SequenceExplanation, focus: Focus, found: OverTime, say: Catalogue
) -> str:
    steps = int(explanation.trace.packing.lengths[focus.sample])
    return say(
        "unrolled.description",
        sequence=focus.sample,
        n=steps,
        weight=explanation.names.of(focus.weight),
    )


def _edges(painter: Painter) -> Iterator[Edge]:
    """Yield the edges (source, into) between units that are shown."""
    layout = painter.layout
    bands = layout.bands
    for band in bands[1:]:
        for step in band.steps:
            into = [Node(band.layer, band.first + unit, step) for unit in band.units.shown]
            below = [b for b in bands if b.layer == band.layer - 1]
            for other in below:
                at = _read_step(painter, other, band, step)
                sources = [] if at is None else _nodes(other, at)
                yield from ((source, node) for node in into for source in sources)
            before = step + 1 if band.reverse else step - 1
            if band.recurrent and before in band.steps:
                yield from ((source, node) for node in into for source in _nodes(band, before))


def _nodes(band: Band, step: int) -> list[Node]:
    return [Node(band.layer, band.first + unit, step) for unit in band.units.shown]


def _read_step(painter: Painter, below: Band, band: Band, step: int) -> int | None:
    """Return the step at which a band reads the one below it; None for the mean of all steps."""
    network = painter.figures.trace.network
    if below.layer != network.read_behind or network.readout == "every":
        return step
    if network.readout == "mean":
        return None
    return below.steps[0] if below.reverse else below.steps[-1]


def _draw(painter: Painter, say: Catalogue, title: str, description: str) -> Scene:
    layout = painter.layout
    edges = list(_edges(painter))
    halos = [mark for edge in edges for mark in painter.halo(*edge)]
    lines = [mark for edge in edges for mark in painter.edge(*edge)]
    units = [mark for node in layout.centres for mark in painter.unit(node)]
    marks = [*halos, *_across_gaps(painter), *_mean(painter), *lines, *units]
    marks += _step_names(painter, say)
    marks += _folded(painter, say)
    marks += [*_targets(painter, say), *_read_mark(painter, say)]
    legend, height = legend_rows(_legend(painter, say), 10, layout.height, layout.width)
    return Scene(layout.width, height, (*marks, *legend), title, description, legend=len(legend))


def _legend(painter: Painter, say: Catalogue) -> dict[str, str]:
    network, roomy = painter.figures.trace.network, painter.layout.sizes.numbers
    gated = any(operation.cell != "elman" for operation in network.recurrences)
    names = ["halves" if roomy else "tint", "positive", "negative"]
    names += ["gated"] if gated else []
    names += ["error", "delta"] if roomy else ["error"]
    found = {name: say(f"pictures.legend_{name}") for name in names}
    if roomy and gated:
        found["delta"] = say("unrolled.legend_e")
    if roomy:
        found["halves"] = say("unrolled.legend_halves")
    return found | {"path": say("unrolled.legend_path")}


def _across_gaps(painter: Painter) -> Iterator[Mark]:
    """Yield dotted lines where recurrent units go on through steps that are folded away."""
    layout = painter.layout
    shown = layout.steps.shown
    for band in layout.bands:
        for before, after in pairwise(shown):
            if not band.recurrent or after == before + 1:
                continue
            for unit in band.units.shown:
                ends = [Node(band.layer, band.first + unit, step) for step in (before, after)]
                run = painter.run(*(ends[::-1] if band.reverse else ends))
                yield Line(
                    *run.start, *run.end, role="muted", width=1.2, dash=(1.5, 4.0), arrow=True
                )


def _mean(painter: Painter) -> list[Mark]:
    """Return the lines from every step to what reads their mean."""
    network, layout = painter.figures.trace.network, painter.layout
    if network.readout != "mean":
        return []
    below = [band for band in layout.bands if band.layer == network.read_behind]
    above = [node for node in layout.centres if node.layer == network.read_behind + 1]
    middle = above[len(above) // 2]
    marks: list[Mark] = []
    for band in below:
        for step in band.steps:
            node = _nodes(band, step)[-1]
            run = painter.run(node, middle)
            marks.append(
                Line(*run.start, *run.end, role="signal", width=1.0, arrow=True, opacity=0.55)
            )
    return marks


def _step_names(painter: Painter, say: Catalogue) -> Iterator[Mark]:
    layout = painter.layout
    for step, (x, y) in layout.marks.items():
        yield Words(x, y + 4, f"t = {step + 1}", 11.0, role="muted", bold=True)
    for (x, y), count in layout.gaps:
        text = say("unrolled.more_narrow" if layout.upright else "unrolled.more", n=count)
        yield Words(x, y + 4, text, 11.0, role="muted", title=say("unrolled.folded", n=count))


def _folded(painter: Painter, say: Catalogue) -> Iterator[Mark]:
    """Yield the dots of units that are folded away; how many is said once a band."""
    for (x, y), count in painter.layout.folded:
        title = say("pictures.folded_units", n=count)
        for k in (-1, 0, 1):
            yield Circle(x, y + 5 * k, 1.6, fill="muted", title=title)
        yield Words(x + 8, y + 4, f"+{count}", 9.0, "start", plate=True, role="muted", title=title)


def _read_mark(painter: Painter, say: Catalogue) -> list[Mark]:
    """Return at which steps the layers above read, beside what reads."""
    network, layout = painter.figures.trace.network, painter.layout
    reads = [node for node in layout.centres if node.layer == network.read_behind + 1]
    node = max(reads, key=lambda one: (one.step, one.unit))
    (x, y), radius = layout.centres[node], layout.sizes.radius
    text = say(f"unrolled.mark_{network.readout}")
    # not beyond the edge of the picture
    right = min(x + radius, layout.width - 4)
    return [Words(right, y - radius - 18, text, 10.0, "end", plate=True, role="signal")]


def _targets(painter: Painter, say: Catalogue) -> Iterator[Mark]:
    """Yield the targets beside the outputs."""
    figures, layout = painter.figures, painter.layout
    last = len(figures.trace.network.layers)
    if not layout.sizes.numbers:
        return
    for node in layout.centres:
        if node.layer == last:
            (x, y), radius = layout.centres[node], layout.radius(node)
            target = float(figures.steps.targets[figures.row(last, node.step), node.unit])
            place = (x, y + radius + 26) if layout.upright else (x + radius + 6, y + 4)
            yield Words(
                *place,
                f"y {figure(target)}",
                10.0,
                "middle" if layout.upright else "start",
                role="muted",
                title=say("pictures.target", value=target),
            )
