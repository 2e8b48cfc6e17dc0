"""How every figure of the page was made, for those who want to make it again."""

from __future__ import annotations

from clearprop import __version__
from clearprop.explanation.pages import Bullets, Paragraph, Section, Text
from clearprop.explanation.words import Words
from clearprop.reporting.chapters.quality import intervals_text
from clearprop.reporting.gathering import Report


def chapter(report: Report, say: Words) -> Section:
    """Return the methods, one a line."""
    items: list[Text] = [intervals_text(report.comparison, say)]
    if report.baselines:
        items.append(say.text("report.method_baselines"))
    if report.calibration:
        items.append(say.text("report.method_calibration"))
    items.append(say.text("report.method_shuffled", n=report.permuted_rows, repeats=report.repeats))
    items.append(
        say.text(
            "report.method_moved", n=len(report.moved.values), nodes=int(report.moved.nodes.max())
        )
    )
    lead = say.text("report.method", version=__version__, date=report.made.isoformat())
    blocks = (Paragraph(lead), Bullets(tuple(items)))
    return Section("method", say.text("report.method_title"), blocks)
