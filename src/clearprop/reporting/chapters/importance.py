"""Which columns the network draws from: by shuffling them, and by its own gradients."""

from __future__ import annotations

import numpy as np

from clearprop.explanation.numbers import amount
from clearprop.explanation.pages import (
    Block,
    Check,
    Column,
    Details,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.scenes.plots import Bar
from clearprop.explanation.words import Words
from clearprop.reporting.amounts import percent, points, told
from clearprop.reporting.chapters.texts import comma, joined
from clearprop.reporting.gathering import Report
from clearprop.reporting.pictures import bars_of

# columns that have a bar; the others stand in the table
BARS = 12


def chapter(report: Report, say: Words) -> Section:
    """Return both importances, and the check of the second."""
    blocks: list[Block] = [Paragraph(_finding(report, say))]
    blocks.append(_shuffled(report, say))
    blocks.append(Paragraph(say.text("report.shuffled_caveat")))
    if len(report.answers.names) > 1 and report.answers.kind in ("labels", "numbers"):
        blocks.append(Paragraph(_of_first(report, say)))
    blocks.append(_moved(report, say))
    blocks.append(_check(report, say))
    blocks.append(Details(say.text("report.all_columns"), (_table(report, say),)))
    return Section("importance", say.text("report.importance_title"), tuple(blocks))


def _finding(report: Report, say: Words) -> Text:
    by_shuffling = [one.column for one in report.permuted if one.low > 0][:3]
    order = report.moved.order
    by_gradients = [report.moved.columns[k] for k in order[:3]]
    if not by_shuffling:
        said = say.text("report.nothing_shuffled")
    else:
        first = Span(by_shuffling[0], "strong")
        rest = comma(say).join(by_shuffling[1:])
        key = "report.most_from" if rest else "report.only_from"
        said = say.text(key, first=first, rest=rest, loss=_loss_words(report, say))
    same = bool(by_shuffling) and by_shuffling[0] == by_gradients[0]
    key = "report.gradients_agree" if same else "report.gradients_differ"
    return joined(say, said, say.text(key, first=Span(by_gradients[0], "strong")))


def _of_first(report: Report, say: Words) -> Text:
    """Say which of several targets the contributions are to."""
    names = report.answers.names
    return say.text("report.moved_first", target=Span(names[0], "strong"), n=len(names))


def _loss_words(report: Report, say: Words) -> str:
    return say("report.rmse" if report.answers.kind == "numbers" else "report.log_loss")


def _rise(report: Report, value: float) -> str:
    return amount(value) if report.answers.kind == "numbers" else amount(value, 3)


def _shuffled(report: Report, say: Words) -> Picture:
    shown = report.permuted[:BARS]
    top = shown[0]
    bars = [
        Bar(
            one.column,
            max(one.rise, 0.0),
            "positive",
            title=f"{one.column}: {one.rise!r} ({one.low!r} … {one.high!r})",
        )
        for one in shown
    ]
    loss = _loss_words(report, say)
    title = say(
        "report.shuffled_picture", column=top.column, loss=loss, rise=_rise(report, top.rise)
    )
    text = say("report.shuffled_text", n=report.permuted_rows, repeats=report.repeats)
    label = say("report.rise_of", loss=loss)
    return Picture(bars_of(title, bars, label=label, description=text), plain(text))


def _moved(report: Report, say: Words) -> Picture:
    found = report.moved
    order = found.order[:BARS]
    scale, unit = (1.0, "units") if report.answers.kind == "numbers" else (100.0, "points")
    bars = [
        Bar(found.columns[k], scale * float(found.importance[k]), "signal") for k in order.tolist()
    ]
    first = found.columns[int(order[0])]
    moved = float(found.importance[order[0]])
    size = amount(moved) if unit == "units" else say("report.points", value=f"{100 * moved:.1f}")
    title = say("report.moved_picture", column=first, size=size)
    text = say("report.moved_text", n=len(found.values))
    label = say(f"report.moved_{unit}")
    return Picture(bars_of(title, bars, label=label, description=text), plain(text))


def _check(report: Report, say: Words) -> Check:
    """Hold the contributions' sums against the predictions."""
    found = report.moved
    held = int(found.complete.sum())
    size = np.abs(found.values).sum(axis=1)
    gaps = np.abs(found.gap) / np.where(size > 0, size, 1.0)
    text = say.text(
        "report.moved_check",
        held=held,
        n=len(found.values),
        gap=told(percent(float(gaps.max()), 3), float(gaps.max())),
        tolerance=percent(found.tolerance, 1),
    )
    return Check(text, held == len(found.values))


def _table(report: Report, say: Words) -> Table:
    numbers = report.answers.kind == "numbers"
    score = say("report.r2" if numbers else "report.right_rows")
    columns = (
        Column(say.text("report.column")),
        Column(plain(say("report.rise_of", loss=_loss_words(report, say))), "right"),
        Column(plain(say("report.fall_of", score=score)), "right"),
        Column(say.text("report.moved_by"), "right"),
    )
    moved = dict(zip(report.moved.columns, report.moved.importance.tolist(), strict=True))
    known = {one.column: one for one in report.permuted}
    rows = []
    for name in [*known, *(name for name in moved if name not in known)]:
        cells: list[Text] = [plain(name)]
        one = known.get(name)
        if one is None:
            cells += [plain("–"), plain("–")]
        else:
            cells.append((told(_rise(report, one.rise), one.rise),))
            fall = amount(one.fall) if numbers else points(one.fall).removeprefix("+")
            cells.append((told(fall, one.fall),))
        size = moved.get(name, 0.0)
        cells.append((told(amount(size) if numbers else f"{100 * size:.2f}", size),))
        rows.append(tuple(cells))
    return Table(columns, tuple(rows), say.text("report.importance_caption"))
