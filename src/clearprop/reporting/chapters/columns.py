"""What was done to each column: its features, what was missing, what was not known."""

from __future__ import annotations

from clearprop.explanation.numbers import amount
from clearprop.explanation.pages import Block, Column, Paragraph, Section, Span, Table, Text, plain
from clearprop.explanation.words import Words
from clearprop.reporting.chapters.texts import joined, listed
from clearprop.reporting.columns import ColumnFacts
from clearprop.reporting.gathering import Report
from clearprop.tables import BooleanColumn, CategoryColumn, DateColumn, DroppedColumn, NumberColumn

# columns that have a row each, and levels that are named
ROWS, LEVELS = 80, 3
# reasons for which the encoding leaves columns out, as it spells them
REASONS = {"constant": "constant", "all missing": "empty", "left out": "asked"}
DUPLICATE = "duplicate of "


def chapter(report: Report, say: Words) -> Section:
    """Return a row a column."""
    facts = report.columns
    blocks: list[Block] = [Paragraph(_finding(report, say)), _table(report, say)]
    if len(facts) > ROWS:
        blocks.append(Paragraph(say.text("report.more_columns", n=len(facts) - ROWS)))
    return Section("columns", say.text("report.columns_title"), tuple(blocks))


def _finding(report: Report, say: Words) -> Text:
    facts = report.columns
    dropped = [one.column.name for one in facts if one.dropped]
    said = say.text(
        "report.encoded", n=len(facts) - len(dropped), features=sum(one.features for one in facts)
    )
    if dropped:
        names = Span(listed(dropped, say), "strong")
        said = joined(say, said, say.text("report.left_out", n=len(dropped), names=names))
    gaps = [one.column.name for one in facts if (one.missing or 0) + one.missing_measured]
    if gaps:
        names = Span(listed(gaps, say), "strong")
        said = joined(say, said, say.text("report.with_missing", n=len(gaps), names=names))
    unseen = sum(one.unseen_measured for one in facts)
    key = "report.with_unseen" if unseen else "report.nothing_unseen"
    return joined(say, said, say.text(key, n=unseen))


def _table(report: Report, say: Words) -> Table:
    titles = ["column", "became", *_counted(report)]
    columns = tuple(
        Column(say.text(f"report.{title}"), "left" if title in ("column", "became") else "right")
        for title in titles
    )
    rows = []
    for one in report.columns[:ROWS]:
        name = Span(one.column.name, "muted" if one.dropped else "strong")
        cells: list[Text] = [(name,), became(one, say)]
        cells += [_count(getattr(one, title)) for title in titles[2:]]
        rows.append(tuple(cells))
    unknown = any(title.startswith("unseen") for title in titles)
    return Table(columns, tuple(rows), say.text("report.columns_text") if unknown else ())


def _counted(report: Report) -> list[str]:
    """Return which counts have a column: those that are above 0 somewhere."""
    names = ("missing", "missing_measured", "unseen", "unseen_measured")
    return [name for name in names if any(getattr(one, name) for one in report.columns)]


def _count(number: int | None) -> Text:
    return plain("–" if number is None else f"{number:,}") if number else (Span("0", "muted"),)


def became(one: ColumnFacts, say: Words) -> Text:
    """Say what a column became."""
    column = one.column
    match column:
        case NumberColumn():
            said = say.text(
                f"report.became_{column.scaling}",
                low=amount(column.minimum, 3),
                median=amount(column.median, 3),
                high=amount(column.maximum, 3),
            )
            flag = column.missing_seen
        case CategoryColumn():
            said = _category(column, say)
            flag = False
        case BooleanColumn():
            return say.text("report.became_boolean")
        case DateColumn():
            parts = listed([part.name for part in column.parts], say, 9)
            said = say.text("report.became_date", parts=parts)
            flag = column.missing_seen
        case DroppedColumn():
            return _reason(column.reason, say)
    return joined(say, said, say.text("report.flag_missing")) if flag else said


def _category(column: CategoryColumn, say: Words) -> Text:
    names = listed(column.levels, say, LEVELS)
    key = "report.became_two" if len(column.feature_names) == 1 else "report.became_levels"
    said = say.text(key, n=len(column.levels), names=names)
    if column.other:
        said = joined(say, said, say.text("report.with_other"))
    return joined(say, said, say.text("report.missing_level")) if column.missing_seen else said


def _reason(reason: str, say: Words) -> Text:
    if reason in REASONS:
        return say.text(f"report.dropped_{REASONS[reason]}")
    if reason.startswith(DUPLICATE):
        other = reason.removeprefix(DUPLICATE).strip("'")
        return say.text("report.dropped_duplicate", other=Span(other, "strong"))
    return plain(reason)
