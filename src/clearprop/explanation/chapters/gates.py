"""The gates of one unit of an LSTM or GRU over the steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.spans import number
from clearprop.explanation.formulas import Label, Number, Symbol
from clearprop.explanation.matrices import fold
from clearprop.explanation.pages import (
    Block,
    Column,
    Math,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.through_time.gates import Gates

if TYPE_CHECKING:
    from clearprop.explanation.scenes.scene import Scene
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.views import Focus
    from clearprop.explanation.words import Words

ROWS, SHOWN = 12, 8
_RECALL = {"lstm": "c = f · c⁻ + i · g,  h = o · tanh c", "gru": "h = (1 − u) · n + u · h⁻"}


def chapter(explanation: SequenceExplanation, focus: Focus, words: Words) -> Section:
    """Return the gates of the focused unit, or of the first unit that has gates."""
    layer, unit, way = _unit(explanation, focus)
    found = explanation.gates(layer, unit, focus.sample, way=way)
    operation = explanation.names.recurrence(layer)
    assert operation is not None
    name = explanation.names.unit(layer, way * operation.size + unit)
    kept = float(np.mean(found.kept))
    blocks: list[Block] = [
        Paragraph(words.text(f"gates.lead_{found.cell}", unit=Span(name, "strong"))),
        Math(Label(_RECALL[found.cell])),
        Paragraph(words.text(f"gates.kept_{found.cell}", unit=name, kept=number(kept))),
    ]
    if len(found.times) > 1:
        blocks.append(Picture(_picture(found, name, kept, words), words.text("gates.caption")))
    blocks.append(_table(found, words))
    return Section("gates", words.text("gates.title", unit=name), tuple(blocks))


def _unit(explanation: SequenceExplanation, focus: Focus) -> tuple[int, int, int]:
    """Return layer, unit and way: those of the focus where its layer has gates."""
    place = focus.weight
    own = explanation.names.recurrence(place.layer)
    if own is not None and own.cell != "elman":
        return place.layer, place.unit % own.size, place.way
    gated = [o for o in explanation.trace.network.recurrences if o.cell != "elman"]
    return gated[0].layer, 0, 0


def _picture(found: Gates, name: str, kept: float, words: Words) -> Scene:
    steps = found.times + 1
    order = np.argsort(steps)
    series = [
        Series(gate, steps[order], values[order], key="") for gate, values in found.values.items()
    ]
    series += [
        Series(state, steps[order], values[order], role="muted" if state == "h" else "ink")
        for state, values in found.states.items()
    ]
    return curve_scene(
        words("gates.picture", unit=name, kept=kept),
        series,
        x_label=words("steps.axis"),
        y_label=words("gates.value"),
        description=words("gates.picture_text", unit=name),
        lang=words.lang,
        width=560,
    )


def _table(found: Gates, words: Words) -> Table:
    letters = [*found.values, *found.states]
    columns = [Column(words.text("steps.step"), "right")]
    columns += [Column((Symbol(letter),), "right") for letter in letters]
    columns += [Column((Symbol("δ", gate),), "right", "error") for gate in found.deltas]
    shown = fold(sum(np.abs(d) for d in found.deltas.values()), room=ROWS, folded=SHOWN)
    caption = words.text("steps.rows_left_out", n=shown.hidden) if shown.hidden else ()
    return Table(tuple(columns), tuple(_rows(found, shown.shown)), caption)


def _rows(found: Gates, shown: tuple[int, ...]) -> Iterator[tuple[Text, ...]]:
    arrays = [*found.values.values(), *found.states.values()]
    for t in shown:
        signals = [(Number(float(array[t])),) for array in arrays]
        errors = [(Number(float(array[t]), role="error"),) for array in found.deltas.values()]
        yield (plain(str(int(found.times[t]) + 1)), *signals, *errors)
