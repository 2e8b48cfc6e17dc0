"""What kind of mistakes the network makes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clearprop.explanation.numbers import amount
from clearprop.explanation.pages import (
    Block,
    Column,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.words import Words
from clearprop.reporting.amounts import percent, told
from clearprop.reporting.chapters.texts import joined
from clearprop.reporting.gathering import Report
from clearprop.reporting.mistakes import Confusion, Residuals
from clearprop.reporting.pictures import confusion_scene, scatter_scene

# targets and labels that have a picture each
SHOWN = 4
# a share of rows above the prediction that is as good as half
EVEN = 0.05


def chapter(report: Report, say: Words) -> Section:
    """Return the confusion of classes, or how far numbers are off."""
    title = say.text("report.mistakes_title")
    if report.residuals:
        shown = report.residuals[:SHOWN]
        blocks: list[Block] = [Paragraph(_off(report, shown[0], say))]
        blocks += [_scatter(one, say) for one in shown]
        return Section("mistakes", title, tuple(blocks))
    if report.answers.kind == "labels":
        return Section("mistakes", title, tuple(_of_labels(report, say)))
    found = _named(report.confusion[0], say)
    blocks = [Paragraph(_worst(found, say)), _square(found, say), _recall(found, say)]
    return Section("mistakes", title, tuple(blocks))


def _named(found: Confusion, say: Words) -> Confusion:
    """Return a confusion whose rest of rare classes has a name."""
    names = tuple(name or say("report.other_classes") for name in found.names)
    return Confusion(names, found.counts)


def _worst(found: Confusion, say: Words) -> Text:
    worst = found.worst
    if worst is None:
        return say.text("report.no_mistakes")
    truth, answer, count = worst
    rows = int(found.counts[truth].sum())
    return say.text(
        "report.worst_mistake",
        truth=Span(found.names[truth], "strong"),
        answer=Span(found.names[answer], "strong"),
        count=count,
        rows=rows,
        share=told(percent(count / rows), count / rows),
    )


def _square(found: Confusion, say: Words) -> Picture:
    worst = found.worst
    title = say("report.no_mistakes_short")
    if worst is not None:
        names = {"truth": found.names[worst[0]], "answer": found.names[worst[1]]}
        title = say("report.confusion_picture", n=worst[2], **names)
    text = say("report.confusion_text")
    scene = confusion_scene(
        title, found.names, found.counts, truth=say("report.truth"), answer=say("report.answer"),
        description=text,
    )  # fmt: skip
    return Picture(scene, plain(text))


def _recall(found: Confusion, say: Words) -> Table:
    """Return, class by class, how many were found, and how often its name was right."""
    titles = ("class", "rows", "recall", "precision")
    columns = tuple(
        Column(say.text(f"report.{title}"), "left" if title == "class" else "right")
        for title in titles
    )
    answered = found.counts.sum(axis=0)
    precision = np.diag(found.counts) / np.where(answered, answered, np.nan)
    rows = tuple(
        (
            plain(name),
            plain(f"{int(count):,}"),
            (told(percent(float(recall)), float(recall)),),
            (told(percent(float(exact)), float(exact)),),
        )
        for name, count, recall, exact in zip(
            found.names, found.counts.sum(axis=1), found.recall, precision, strict=True
        )
    )
    return Table(columns, rows, say.text("report.recall_text"))


def _of_labels(report: Report, say: Words) -> Iterator[Block]:
    """Yield a row a label: how often it holds, how often it was found and named rightly."""
    found = report.confusion
    wrong = [int(one.counts.sum() - np.trace(one.counts)) for one in found]
    worst = int(np.argmax(wrong))
    yield Paragraph(
        say.text(
            "report.worst_label",
            label=Span(found[worst].names[1], "strong"),
            count=wrong[worst],
            rows=report.rows,
        )
    )
    titles = ("label", "rows", "recall", "precision", "wrong")
    columns = tuple(
        Column(say.text(f"report.{title}"), "left" if title == "label" else "right")
        for title in titles
    )
    rows = []
    for one, mistakes in zip(found, wrong, strict=True):
        held, answered = one.counts[1].sum(), one.counts[:, 1].sum()
        right = one.counts[1, 1]
        shares = (right / held if held else np.nan, right / answered if answered else np.nan)
        cells = [plain(one.names[1]), plain(f"{held:,}")]
        cells += [(told(percent(float(share)), float(share)),) for share in shares]
        rows.append((*cells, plain(f"{mistakes:,}")))
    yield Table(columns, tuple(rows), say.text("report.recall_text"))


def _off(report: Report, one: Residuals, say: Words) -> Text:
    said = say.text(
        "report.off",
        target=Span(one.name, "strong"),
        half=told(amount(one.half), one.half),
        most=told(amount(one.most), one.most),
    )
    if abs(one.above - 0.5) <= EVEN:
        return joined(say, said, say.text("report.even"))
    side = "above" if one.above > 0.5 else "below"
    share = max(one.above, 1 - one.above)
    return joined(say, said, say.text(f"report.mostly_{side}", share=percent(share)))


def _scatter(one: Residuals, say: Words) -> Picture:
    title = say("report.scatter_picture", target=one.name, half=amount(one.half))
    text = say("report.scatter_text", n=len(one.truth))
    labels = (say("report.predicted"), say("report.true_value"), say("report.exact"))
    scene = scatter_scene(title, one.truth, one.given, labels=labels, description=text)
    return Picture(scene, plain(text))
