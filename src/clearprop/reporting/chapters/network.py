"""The network drawn, and how errors fare in it."""

from __future__ import annotations

from clearprop.explanation.chapters.network import chapter as drawn
from clearprop.explanation.chapters.vanishing import chapter as followed
from clearprop.explanation.chapters.vanishing import verdict
from clearprop.explanation.pages import Block, Details, Paragraph, Picture, Section, Span
from clearprop.explanation.words import Words
from clearprop.reporting.chapters.texts import joined
from clearprop.reporting.gathering import Report


def chapter(report: Report, say: Words) -> Section:
    """Return the picture of the network on one row, and the verdict on its errors' way back."""
    picture, batch = report.pictured, report.examined
    network = report.model.network_
    said = say.text(
        "report.network",
        network=Span(str(network), "code"),
        parameters=network.size,
        n=len(network.layers),
    )
    state = say.text(f"report.health_{batch.health.kind.replace(' ', '_')}")
    blocks: list[Block] = [Paragraph(joined(say, state, said))]
    blocks.append(Paragraph(verdict(batch.health, batch.names, say)))
    number = int(report.numbers[report.telling[0].row])
    key = "report.network_row" if network.members == 1 else "report.network_row_of_member"
    blocks.append(Paragraph(say.text(key, row=number, members=network.members)))
    chapter_of = drawn(picture, picture.focus(sample=0), say)
    blocks += [block for block in chapter_of.blocks if isinstance(block, Picture)]
    rest = followed(batch, batch.focus(), say).blocks[1:]
    summary = say.text("report.health", n=len(batch.trace.rows))
    blocks.append(Details(summary, rest))
    return Section("network", say.text("report.network_title"), tuple(blocks))
