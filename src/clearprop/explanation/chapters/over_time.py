"""The gradient of the focused parameter as a sum over the steps of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.spans import number, percent
from clearprop.explanation.chapters.time_letters import TimeLetters
from clearprop.explanation.formulas import (
    Formula,
    Lines,
    Number,
    Row,
    Symbol,
    Total,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import by_sign, fold
from clearprop.explanation.pages import (
    Block,
    Check,
    Column,
    Details,
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
from clearprop.explanation.scenes.plots import Bar, Series, bars_scene, curve_scene
from clearprop.explanation.through_time.sums import OverTime

if TYPE_CHECKING:
    from clearprop.explanation.scenes.scene import Scene
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.views import Focus
    from clearprop.explanation.words import Words

# steps that are written out as a sum; rows of the table, and rows shown of a longer one
SUMMANDS, ROWS, SHOWN = 4, 12, 10
BARS = 16


def chapter(explanation: SequenceExplanation, focus: Focus, words: Words) -> Section:
    """Return the focused parameter's gradient, step by step of the focused sequence."""
    found = explanation.over_time(focus.weight, focus.sample)
    letters = TimeLetters(explanation.trace, explanation.names, focus.weight)
    name = Span(explanation.names.of(focus.weight), "strong")
    steps = len(found.steps)
    lead = words.text(
        "over_time.lead",
        weight=name,
        n=steps,
        gradient=number(found.total, "error", focus.weight.gradient_key if _alone(found) else ""),
    )
    blocks: list[Block] = [Paragraph(lead), Math(_formula(found, letters))]
    if focus.weight.array and letters.delta(0).sup:
        blocks.append(Paragraph(words.text("over_time.prime")))
    if steps > 1:
        blocks.append(Paragraph(_most(found, words)))
        blocks.append(_table(found, letters, words))
        if found.values.any():
            blocks.append(Picture(_picture(found, words, name.text), words.text("over_time.said")))
    if not _alone(found):
        blocks.append(_sequences(found, explanation, words))
    blocks += _checks(found, explanation, focus, words)
    return Section("over_time", words.text("over_time.title", weight=name.text), tuple(blocks))


def _alone(found: OverTime) -> bool:
    return len(found.sequences) == 1


def _formula(found: OverTime, letters: TimeLetters) -> Lines:
    """Return ∂E/∂w = Σ_t δ_t x_t, and the sum written out where it is short."""
    key = letters.place.gradient_key if _alone(found) else ""
    left = letters.gradient()
    factors = [letters.delta("t")]
    signal = letters.signal("t")
    body = product([*factors, *([signal] if signal else [])])
    lines: list[tuple[Formula, ...]] = [(left, sign("="), Total(Symbol("t"), body))]
    if len(found.steps) <= SUMMANDS:
        summands = [_summand(found, letters, k) for k in range(len(found.steps))]
        for at in range(0, len(summands), 2):
            part = plus(summands[at : at + 2])
            lines.append((Row(()), sign("+" if at else "="), part))
    lines.append((Row(()), sign("="), Number(found.total, role="error", key=key)))
    return Lines(tuple(lines))


def _summand(found: OverTime, letters: TimeLetters, k: int) -> Formula:
    step = int(found.steps[k])
    delta = letters.chip(letters.delta(step), float(found.deltas[k]))
    signal = letters.signal(step)
    if signal is None:
        return delta
    return row(delta, sign("·"), letters.chip(signal, float(found.signals[k])))


def _most(found: OverTime, words: Words) -> Text:
    """Return at how many steps half of the gradient is made, and which adds most."""
    order = np.argsort(-found.shares, kind="stable")
    if not found.shares.any():
        return words.text("over_time.nothing")
    half = 1 + int((found.shares[order].cumsum() < 0.5 - 1e-12).sum())
    top = int(order[0])
    return words.text(
        "over_time.most",
        n=half,
        steps=len(found.steps),
        step=int(found.steps[top]) + 1,
        share=percent(float(found.shares[top])),
    )


def _table(found: OverTime, letters: TimeLetters, words: Words) -> Table:
    shown = fold(found.values, room=ROWS, folded=SHOWN)
    weight = letters.signal("t")
    columns = [Column(words.text("steps.step"), "right"), Column((letters.delta("t"),), "right")]
    columns += [Column((weight,), "right")] if weight else []
    columns += [
        Column(words.text(f"over_time.{title}"), "right") for title in ("adds", "share", "sum")
    ]
    rows = [_line(found, letters, k, weight is not None) for k in shown.shown]
    if shown.hidden:
        hidden = [k for k in range(len(found.steps)) if k not in shown.shown]
        rest: tuple[Text, ...] = (words.text("over_time.rest", n=len(hidden)), ())
        rest += ((),) if weight else ()
        value = float(found.values[hidden].sum())
        rest += ((Number(value, role=by_sign(value)),), (percent(found.shares[hidden].sum()),), ())
        rows.append(rest)
    return Table(tuple(columns), tuple(rows), words.text("over_time.caption"))


def _line(found: OverTime, letters: TimeLetters, k: int, weight: bool) -> tuple[Text, ...]:
    step, value = int(found.steps[k]), float(found.values[k])
    delta = letters.delta(step)
    cells: list[Text] = [
        plain(str(step + 1)),
        (Number(float(found.deltas[k]), role="error", key=delta.key),),
    ]
    signal = letters.signal(step)
    if weight and signal is not None:
        cells.append((Number(float(found.signals[k]), role="signal", key=signal.key),))
    cells.append((Number(value, role=by_sign(value)),))
    cells.append((percent(float(found.shares[k])),))
    cells.append((Number(float(found.running[k])),))
    return tuple(cells)


def _picture(found: OverTime, words: Words, name: str) -> Scene:
    top = int(found.steps[int(np.argmax(found.shares))]) + 1
    title = words("over_time.picture", weight=name, step=top)
    text, label = words("over_time.said"), words("over_time.label", weight=name)
    if len(found.steps) <= BARS:
        bars = [
            Bar(f"t = {int(step) + 1}", float(value))
            for step, value in zip(found.steps, found.values, strict=True)
        ]
        return bars_scene(title, bars, label=label, description=text, lang=words.lang)
    steps = found.steps + 1
    series = [
        Series(words("over_time.adds"), steps, found.values, role="error"),
        Series(words("over_time.sum"), steps, found.running, role="signal", dash=(7, 4)),
    ]
    return curve_scene(
        title,
        series,
        x_label=words("steps.axis"),
        y_label=label,
        description=text,
        lang=words.lang,
        width=560,
    )


def _sequences(found: OverTime, explanation: SequenceExplanation, words: Words) -> Details:
    """Return which sequences push the parameter, the largest first, behind a summary."""
    order = np.argsort(-np.abs(found.sequences), kind="stable")
    size = float(np.abs(found.sequences).sum()) or 1.0
    titles = ("sequence", "steps", "adds", "share")
    columns = tuple(Column(words.text(f"over_time.{title}"), "right") for title in titles)
    lengths = explanation.trace.packing.lengths
    rows: list[tuple[Text, ...]] = []
    for place in order[:SHOWN]:
        value = float(found.sequences[place])
        here = "strong" if place == found.sequence else ""
        rows.append(
            (
                (Span(str(int(place)), here),),
                plain(str(int(lengths[place]))),
                (Number(value, role=by_sign(value)),),
                (percent(abs(value) / size),),
            )
        )
    if len(order) > SHOWN:
        rest = found.sequences[order[SHOWN:]]
        share = percent(float(np.abs(rest).sum()) / size)
        label = words.text("over_time.rest_sequences", n=len(rest))
        rows.append((label, (), (Number(float(rest.sum())),), (share,)))
    table = Table(columns, tuple(rows), words.text("over_time.sequences_caption"))
    return Details(words.text("over_time.sequences"), (table,))


def _checks(
    found: OverTime, explanation: SequenceExplanation, focus: Focus, words: Words
) -> Iterator[Block]:
    cut = explanation.trace.cut
    if cut is not None and cut < explanation.trace.packing.steps:
        yield Note(words.text("over_time.cut", steps=cut))
    values = {"total": Number(found.batch_total, 6)}
    values["gradient"] = Number(found.gradient, 6, key=focus.weight.gradient_key)
    n = len(found.sequences)
    yield Check(words.text("over_time.check", n=n, **values), found.adds_up)
