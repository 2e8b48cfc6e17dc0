"""What the data is: rows, columns, the target, how the rows were divided, what to heed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clearprop.explanation.numbers import amount
from clearprop.explanation.pages import (
    Block,
    Bullets,
    Column,
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
from clearprop.reporting.amounts import percent
from clearprop.reporting.chapters.texts import joined, listed, target_text
from clearprop.reporting.gathering import Report
from clearprop.reporting.pictures import bars_of, histogram_scene

# bars of the target's picture, and targets that have one each
CLASSES, CELLS, TARGETS = 12, 30, 4
# columns with the same fault that are named
NAMED = 5
DOUBTS = {
    "identifier": "report.doubt_identifier",
    "gives target away": "report.doubt_gives_away",
    "constant": "report.doubt_constant",
    "duplicate": "report.doubt_duplicate",
    "mostly missing": "report.doubt_missing",
    "nearly numbers": "report.doubt_nearly_numbers",
    "many levels": "report.doubt_many_levels",
    "rare levels": "report.doubt_rare_levels",
}


def chapter(report: Report, say: Words) -> Section:
    """Return what the table holds."""
    blocks: list[Block] = [Paragraph(_finding(report, say)), _divided(report, say)]
    blocks += _target(report, say)
    doubts = list(_doubts(report, say))
    if doubts:
        blocks.append(Paragraph(say.text("report.doubts")))
        blocks.append(Bullets(tuple(doubts)))
    return Section("data", say.text("report.data_title"), tuple(blocks))


def _finding(report: Report, say: Words) -> Text:
    kind = report.answers.kind
    said = say.text(
        "report.data",
        table=Span(report.name or say("report.a_table"), "strong"),
        rows=report.rows + (0 if report.seen else report.trained_rows),
        columns=len(report.columns),
    )
    target = Span(target_text(report, say), "strong")
    what = say.text(
        f"report.target_{kind}",
        target=target,
        n=len(report.answers.names),
        names=listed(report.answers.names, say),
    )
    return joined(say, said, what)


def _divided(report: Report, say: Words) -> Table:
    """Return how many rows were for what."""
    total = report.rows + (0 if report.seen else report.trained_rows)
    held = report.validation_rows or 0
    parts = [("learned", report.trained_rows - held), ("best_epoch", held)]
    if len(report.model.bagged_) > 1:
        parts = [("folds", report.trained_rows)]
    if not report.seen:
        parts.append(("measured", report.rows))
    columns = (
        Column(say.text("report.part")),
        Column(say.text("report.rows"), "right"),
        Column(say.text("report.share"), "right"),
    )
    rows = tuple(
        (say.text(f"report.part_{name}"), plain(f"{count:,}"), plain(percent(count / total)))
        for name, count in parts
        if count
    )
    return Table(columns, rows)


def _target(report: Report, say: Words) -> Iterator[Block]:
    """Yield how often each class, or each value, comes."""
    answers = report.answers
    if answers.kind == "numbers":
        for name, values in list(zip(answers.names, answers.truth.T, strict=True))[:TARGETS]:
            yield _histogram(name, values, say)
        return
    if answers.kind == "classes":
        counts = np.bincount(answers.truth, minlength=len(answers.names))
    else:
        counts = (answers.truth > 0.5).sum(axis=0)
    order = np.argsort(-counts, kind="stable")
    shares = 100 * counts / len(answers)
    bars = [Bar(answers.names[k], float(shares[k]), "signal") for k in order[:CLASSES].tolist()]
    left = len(order) - len(bars)
    if left:
        name = say("report.more_classes", n=left)
        bars.append(Bar(name, float(shares[order[CLASSES:]].sum()), "signal"))
    top = int(order[0])
    title = say(
        f"report.shares_{answers.kind}", name=answers.names[top], share=percent(shares[top] / 100)
    )
    text = say("report.shares_text", n=report.rows)
    label = say("report.percent_of_rows")
    yield Picture(bars_of(title, bars, label=label, description=text), plain(text))


def _histogram(name: str, values: np.ndarray, say: Words) -> Picture:
    counts, edges = np.histogram(values, bins=min(CELLS, max(5, int(np.sqrt(len(values))))))
    low, high = np.quantile(values, [0.25, 0.75])
    title = say("report.spread", target=name, low=amount(float(low)), high=amount(float(high)))
    text = say("report.spread_text", n=len(values))
    rows = say("report.rows")
    scene = histogram_scene(title, edges, counts, label=name, rows=rows, description=text)
    return Picture(scene, plain(text))


def _doubts(report: Report, say: Words) -> Iterator[Text]:
    """Yield a sentence for each kind of doubt, with its columns."""
    for kind in dict.fromkeys(one.kind for one in report.doubts):
        names = [one.column for one in report.doubts if one.kind == kind]
        yield say.text(DOUBTS[kind], names=Span(listed(names, say, NAMED), "strong"))
