"""Three rows explained: what each column did to the prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
from clearprop.reporting.amounts import percent, told
from clearprop.reporting.chapters.texts import listed
from clearprop.reporting.gathering import Report
from clearprop.reporting.pictures import bars_of

# columns that have a bar of their own
BARS = 8
# letters of a value in a picture
LETTERS = 14


def chapter(report: Report, say: Words) -> Section:
    """Return the telling rows one below the other."""
    names = [say(f"report.row_{one.why}") for one in report.telling]
    blocks: list[Block] = [
        Paragraph(say.text("report.rows_lead", n=len(names), names=listed(names, say)))
    ]
    for at in range(len(report.telling)):
        blocks += _row(report, at, say)
    return Section("rows", say.text("report.rows_title"), tuple(blocks))


def _row(report: Report, at: int, say: Words) -> Iterator[Block]:
    yield Paragraph(_sentence(report, at, say))
    yield _picture(report, at, say)
    yield _check(report, at, say)
    yield Details(say.text("report.whole_row"), (_table(report, at, say),))


def _sentence(report: Report, at: int, say: Words) -> Text:
    """Say which row it is, what the network gave and what was true."""
    one, given = report.telling[at], report.told_answers
    values = {
        "why": Span(say(f"report.why_{one.why}"), "strong"),
        "row": int(report.numbers[one.row]),
    }
    if given.kind == "numbers":
        worst = int(np.abs(given.errors[at]).argmax()) if len(given.names) > 1 else 0
        error = float(given.errors[at, worst])
        side = "low" if error > 0 else "high"
        return say.text(
            f"report.told_{side}",
            given=told(amount(float(given.given[at, worst])), float(given.given[at, worst])),
            truth=told(amount(float(given.truth[at, worst])), float(given.truth[at, worst])),
            error=told(amount(abs(error)), abs(error)),
            target=given.names[worst],
            **values,
        )
    chance = float(given.certainty[at])
    values["chance"] = told(percent(chance), chance)
    if given.kind == "labels":
        wrong = (given.given[at] > 0.5) != (given.truth[at] > 0.5)
        names = listed([n for n, off in zip(given.names, wrong, strict=True) if off], say)
        key = "report.told_labels_wrong" if wrong.any() else "report.told_labels_right"
        return say.text(key, labels=names, **values)
    key = "report.told_right" if given.hits[at] else "report.told_wrong"
    answer, truth = given.names[int(given.codes[at])], given.names[int(given.truth[at])]
    return say.text(key, answer=Span(answer, "strong"), truth=Span(truth, "strong"), **values)


@dataclass(frozen=True, eq=False)
class _Told:
    """The contributions to what was answered for a row, and what they start from and end at."""

    output: str
    parts: np.ndarray
    base: float
    value: float


def _told(report: Report, at: int) -> _Told:
    """Return what columns contributed; of two classes, to the one that was answered."""
    found, given = report.told, report.told_answers
    output = str(found.output_names[int(found.outputs[at])])
    ends = float(found.at_baseline[at]), float(found.value[at])
    if given.kind == "classes" and len(given.names) == 2 and not given.codes[at]:
        # the network has the other class's chance for its output
        return _Told(given.names[0], -found.values[at], 1 - ends[0], 1 - ends[1])
    return _Told(output, found.values[at], *ends)


def _scaled(report: Report) -> float:
    """Return what contributions are multiplied by: chances are told in percent."""
    return 1.0 if report.answers.kind == "numbers" else 100.0


def _value(report: Report, at: int, column: str) -> str:
    value = report.told_rows[column][at]
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return str(value)
    return amount(value) if isinstance(value, int | float) else str(value)


def _picture(report: Report, at: int, say: Words) -> Picture:
    found, scale, told_of = report.told, _scaled(report), _told(report, at)
    parts, output = told_of.parts, told_of.output
    order = np.argsort(-np.abs(parts), kind="stable")
    order = order[: max(1, np.count_nonzero(parts))]
    shown, rest = order[:BARS], order[BARS:]
    bars = [
        Bar(f"{found.columns[k]} = {_short(_value(report, at, found.columns[k]))}",
            scale * float(parts[k]))
        for k in shown.tolist()
    ]  # fmt: skip
    if len(rest):
        name = say("report.other_columns", n=len(rest))
        bars.append(Bar(name, scale * float(parts[rest].sum())))
    first = found.columns[int(order[0])]
    side = "for" if parts[order[0]] >= 0 else "against"
    numbers = report.answers.kind == "numbers"
    key = f"report.spoke_{'up' if side == 'for' else 'down'}" if numbers else f"report.spoke_{side}"
    title = say(key, column=first, output=output)
    label = say("report.part_units" if numbers else "report.part_points", output=output)
    text = say("report.row_text")
    return Picture(bars_of(title, bars, label=label, description=text), plain(text))


def _short(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def _check(report: Report, at: int, say: Words) -> Check:
    """Hold the sum of the contributions against the prediction."""
    found, numbers = _told(report, at), report.answers.kind == "numbers"

    def said(value: float) -> Span:
        return told(amount(value) if numbers else percent(value), value)

    total = float(found.parts.sum())
    text = say.text(
        "report.row_check",
        output=Span(found.output, "strong"),
        base=said(found.base),
        total=said(total),
        sum=said(found.base + total),
        value=said(found.value),
    )
    return Check(text, bool(report.told.complete[at]))


def _table(report: Report, at: int, say: Words) -> Table:
    found, scale, told_of = report.told, _scaled(report), _told(report, at)
    unit = "report.part_units" if scale == 1 else "report.part_points"
    columns = (
        Column(say.text("report.column")),
        Column(say.text("report.value")),
        Column(say.text("report.typical")),
        Column(say.text(unit, output=told_of.output), "right"),
    )
    base = found.baseline
    rows = []
    for k in np.argsort(-np.abs(told_of.parts), kind="stable").tolist():
        name, part = found.columns[k], scale * float(told_of.parts[k])
        role = "positive" if part > 0 else "negative" if part < 0 else ""
        usual = base[name][0]
        shown = amount(usual) if isinstance(usual, int | float) and usual == usual else str(usual)
        cells = (plain(name), plain(_value(report, at, name)), plain(shown))
        sign = "+" if part > 0 else ""
        text = f"{sign}{amount(part, 4 if scale == 1 else 3)}"
        rows.append((*cells, (told(text, part, role),)))
    return Table(columns, tuple(rows))
