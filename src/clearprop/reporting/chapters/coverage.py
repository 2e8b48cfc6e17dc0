"""Whether the intervals that the network gives for numbers hold what they promise."""

from __future__ import annotations

from clearprop.explanation.numbers import amount
from clearprop.explanation.pages import Block, Column, Paragraph, Section, Span, Table, Text, plain
from clearprop.explanation.words import Words
from clearprop.reporting.amounts import percent, told
from clearprop.reporting.chapters.texts import joined
from clearprop.reporting.coverage import Coverage
from clearprop.reporting.gathering import Report

# the coverage that the finding speaks of
MAIN = 0.9


def chapter(report: Report, say: Words) -> Section | None:
    """Return what intervals hold; None where there are none."""
    found = report.coverage
    if not found:
        return None
    main = min(found, key=lambda one: abs(one.asked - MAIN))
    blocks: list[Block] = [Paragraph(_finding(main, report, say)), _table(found, say)]
    return Section("coverage", say.text("report.coverage_title"), tuple(blocks))


def _finding(main: Coverage, report: Report, say: Words) -> Text:
    said = say.text(
        "report.covered",
        asked=percent(main.asked, 0),
        held=told(percent(main.held), main.held, "strong"),
        n=report.rows,
        low=percent(main.interval.low),
        high=percent(main.interval.high),
    )
    kept = "kept" if main.interval.low <= main.asked <= main.interval.high else (
        "more" if main.held > main.asked else "less"
    )  # fmt: skip
    said = joined(say, said, say.text(f"report.covered_{kept}"))
    if main.width == main.width:
        width = told(amount(main.width), main.width)
        said = joined(say, said, say.text("report.covered_width", width=width))
    return said


def _table(found: tuple[Coverage, ...], say: Words) -> Table:
    columns = [Column(say.text(f"report.{name}"), "right") for name in ("asked", "held")]
    wide = any(one.width == one.width for one in found)
    if wide:
        columns.append(Column(say.text("report.width"), "right"))
    rows = []
    for one in found:
        reach = f" ({percent(one.interval.low)[:-2]}–{percent(one.interval.high)[:-2]})"
        cells = [
            plain(percent(one.asked, 0)),
            (told(percent(one.held), one.held), Span(reach, "muted")),
        ]
        rows.append((*cells, (told(amount(one.width), one.width),)) if wide else tuple(cells))
    return Table(tuple(columns), tuple(rows), say.text("report.coverage_text"))
