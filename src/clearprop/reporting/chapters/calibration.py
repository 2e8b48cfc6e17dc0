"""Whether the chances that the network gives can be taken at their word."""

from __future__ import annotations

from clearprop.explanation.pages import (
    Column,
    Details,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    plain,
)
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words
from clearprop.reporting.amounts import percent, points, told
from clearprop.reporting.calibration import Calibration
from clearprop.reporting.chapters.texts import joined
from clearprop.reporting.gathering import Report
from clearprop.reporting.pictures import calibration_scene

# an expected calibration error up to which chances are good, and fair
GOOD, FAIR = 0.02, 0.05


def chapter(report: Report, say: Words) -> Section | None:
    """Return the calibration curve; None for numbers."""
    found = report.calibration
    if found is None:
        return None
    error = told(percent(found.error), found.error)
    word = "good" if found.error <= GOOD else "fair" if found.error <= FAIR else "poor"
    off = [b for b in found.bins if not b.interval.low <= b.chance <= b.interval.high]
    said = say.text(f"report.chances_{word}", error=error)
    beyond = say.text("report.beyond", n=len(off), bins=len(found.bins)) if off else ()
    if not off:
        beyond = say.text("report.none_beyond", bins=len(found.bins))
    if word != "good":
        key = "timid" if found.certainty < found.right else "bold"
        ends = {"certainty": percent(found.certainty), "right": percent(found.right)}
        said = joined(say, said, say.text(f"report.too_{key}", **ends))
    warmth = getattr(report.model, "temperature_", None)
    cooled = () if warmth is None else say.text("report.temperature", temperature=float(warmth))
    blocks = (
        Paragraph(joined(say, said, beyond, cooled)),
        Picture(_picture(found, word, say), say.text("report.calibration_text", n=report.rows)),
        Details(say.text("report.calibration_table"), (_table(found, say),)),
    )
    return Section("calibration", say.text("report.calibration_title"), blocks)


def _picture(found: Calibration, word: str, say: Words) -> Scene:
    given = say("report.given_of", of=found.of) if found.of else say("report.given")
    came = say("report.came_of", of=found.of) if found.of else say("report.came")
    return calibration_scene(
        say(f"report.calibration_{word}", error=percent(found.error)),
        found,
        given=given,
        came=came,
        perfect=say("report.perfect"),
        description=say("report.calibration_seen"),
    )


def _table(found: Calibration, say: Words) -> Table:
    titles = ("rows", "given", "came", "apart")
    columns = tuple(Column(say.text(f"report.{title}"), "right") for title in titles)
    rows = tuple(
        (
            plain(f"{one.rows:,}"),
            (told(percent(one.chance), one.chance),),
            (
                told(percent(one.share), one.share),
                Span(f" ({percent(one.interval.low)} – {percent(one.interval.high)})", "muted"),
            ),
            plain(points(one.share - one.chance)),
        )
        for one in found.bins
    )
    return Table(columns, rows, say.text("report.calibration_caption"))
