"""How long the error stays on its way back through time, and with other cells beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.spans import number
from clearprop.explanation.chapters.steps import heat
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Label,
    Lines,
    Row,
    Script,
    Symbol,
    row,
    sign,
)
from clearprop.explanation.matrices import fold
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import (
    Block,
    Bullets,
    Column,
    Math,
    Note,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.scenes.step_heat import Heated
from clearprop.explanation.through_time.norms import LITTLE, TimeNorms

if TYPE_CHECKING:
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.views import Focus
    from clearprop.explanation.words import Words

ROWS, SHOWN = 12, 8
_NAMES = {"elman": "Elman", "gru": "GRU", "lstm": "LSTM"}
_STYLES = {
    "elman": ("negative", (7, 4)),
    "gru": ("update", (2, 3)),
    "lstm": ("positive", (9, 3, 2, 3)),
}


def chapter(explanation: SequenceExplanation, focus: Focus, words: Words) -> Section:
    """Return how the error of the focused sequence fares on its way back through time."""
    place = focus.weight
    own = explanation.names.recurrence(place.layer)
    first = explanation.trace.network.recurrences[0]
    layer, way = (place.layer, place.way) if own is not None else (first.layer, 0)
    found = explanation.norms(layer, focus.sample, way=way)
    title = words.text("time_norms.title")
    blocks: list[Block] = [Paragraph(verdict(found, words))]
    cut = explanation.trace.cut
    if cut is not None and cut < found.steps:
        blocks.append(Note(words.text("time_norms.cut", steps=cut)))
    if found.kind not in ("none", "lost"):
        blocks += [Paragraph(words.text("time_norms.formula")), Math(_formula())]
        blocks.append(_table(found, words))
        blocks += _reason(found, words)
        blocks += _beside(explanation, focus, found, words)
    blocks += _deltas(explanation, focus, found, words)
    blocks += _others(explanation, focus, (layer, way), words)
    return Section("time_norms", title, tuple(blocks))


def verdict(found: TimeNorms, words: Words) -> Text:
    """Return the finding about one way of a layer."""
    values = {
        "n": found.steps - 1,
        "total": found.total,
        "per_step": found.per_step,
        "layer": found.layer,
        "horizon": found.horizon or 0,
    }
    said = words.text(f"time_norms.{found.kind}", **values)
    if found.reach is not None:
        share = Span(f"{figure(100 * LITTLE)} %")
        said += words.text("time_norms.reach", n=found.reach, share=share)
    return said


def _formula() -> Lines:
    def length(body: Formula) -> Row:
        return row(sign("‖"), body, sign("‖"))

    before, after = Symbol("e", "t−1", role="error"), Symbol("e", "t", role="error")
    J = Script(Symbol("J", "t"), sup=Label("T"))
    bound = row(Fraction(length(before), length(after)), sign("≤"), length(Symbol("J", "t")))
    return Lines(((before, sign("="), row(J, sign("·"), after)), (Row(()), Row(()), bound)))


def _table(found: TimeNorms, words: Words) -> Table:
    titles = ("step", "delta", "left", "factor", "norm", "radius")
    heads: dict[str, Text] = {
        "step": words.text("steps.step"),
        "delta": (Span("‖δ‖"),),
        "left": words.text("time_norms.left"),
        "factor": words.text("time_norms.factor"),
        "norm": (Span("‖J‖"),),
        "radius": (Span("ρ(J)"),),
    }
    roles = {"delta": "error", "left": "error"}
    columns = tuple(Column(heads[title], "right", roles.get(title, "")) for title in titles)
    last = found.steps - 1
    sizes = np.zeros(found.steps)
    sizes[:-1] = np.abs(np.log(np.where(found.factors > 0, found.factors, 1.0)))
    shown = fold(sizes, room=ROWS, folded=SHOWN)
    rows = []
    for t in reversed(shown.shown):
        factor = None if t == last else float(found.factors[t])
        # J of the step that was gone back over: from t + 1 to t
        over = (None, None) if t == last else (found.spectral[t + 1], found.radius[t + 1])
        cells = (float(found.delta[t]), float(found.left[t]), factor, *over)
        rows.append((plain(str(int(found.times[t]) + 1)), *(_cell(value) for value in cells)))
    caption = words.text("time_norms.caption")
    if shown.hidden:
        caption += words.text("steps.rows_left_out", n=shown.hidden)
    return Table(columns, tuple(rows), caption)


def _cell(value: float | None) -> Text:
    if value is None or not np.isfinite(value):
        return (Span("–"),)
    return (number(float(value)),)


def _reason(found: TimeNorms, words: Words) -> Iterator[Block]:
    """Yield why: the slopes and U of an Elman layer, the forget gate of others."""
    yield Paragraph(words.text(f"time_norms.reason_{found.cell}"))


def _beside(
    explanation: SequenceExplanation, focus: Focus, found: TimeNorms, words: Words
) -> Iterator[Block]:
    """Yield the same sequence with fresh cells of each kind."""
    twins = explanation.beside(found.layer, focus.sample, way=found.way)
    back = np.arange(found.steps)
    # the network in hand is a solid line, whatever it is made of
    series = [Series(words("time_norms.own"), back, found.left[::-1], "error", ())]
    for cell, twin in twins.items():
        name = words("time_norms.fresh", cell=_NAMES[cell])
        series.append(Series(name, back, twin.left[::-1], *_STYLES[cell]))
    values = {cell: twin.total for cell, twin in twins.items()}
    scene = curve_scene(
        words("time_norms.picture", n=found.steps - 1, total=found.total),
        series,
        x_label=words("time_norms.x_axis"),
        y_label=words("time_norms.y_axis"),
        log_y=True,
        description=words("time_norms.picture_text"),
        lang=words.lang,
        width=600,
    )
    yield Picture(scene, words.text("time_norms.picture_text"))
    yield Paragraph(words.text("time_norms.twins", n=found.steps - 1, units=found.units, **values))
    yield Paragraph(words.text("time_norms.fresh_start"))


def _deltas(
    explanation: SequenceExplanation, focus: Focus, found: TimeNorms, words: Words
) -> Iterator[Block]:
    """Yield δ of the layer as a heat map, steps × units (and gates)."""
    trace, names = explanation.trace, explanation.names
    operation = names.recurrence(found.layer)
    assert operation is not None
    delta = trace.delta[found.layer - 1][trace.packing.of(focus.sample)].T
    tall = operation.ways[0].weight.shape[0]
    labels = [
        names.into(Place(found.layer, row % tall, None, "", row // tall))
        for row in range(len(delta))
    ]
    if not np.any(delta):
        return
    heated = Heated(delta.astype(np.float64), labels, np.arange(delta.shape[1]), "δ")
    title = words("time_norms.heat", layer=found.layer)
    yield Picture(heat(title, heated, words), words.text("time_norms.heat_text"))


def _others(
    explanation: SequenceExplanation, focus: Focus, own: tuple[int, int], words: Words
) -> Iterator[Block]:
    """Yield a verdict on each other way of a recurrent layer."""
    items = []
    for operation in explanation.trace.network.recurrences:
        for number_of_way, way in enumerate(operation.ways):
            if (operation.layer, number_of_way) == own:
                continue
            found = explanation.norms(operation.layer, focus.sample, way=number_of_way)
            key = "other_back" if way.reverse else "other"
            items.append(
                words.text(f"time_norms.{key}", layer=operation.layer) + verdict(found, words)
            )
    if items:
        yield Bullets(tuple(items))
