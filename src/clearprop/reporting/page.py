"""A report as a page: the sections in reading order, with what they found in short above them.

Public names: `page_of`.
May import: `chapters`, `gathering`, `clearprop.explanation` (`pages`, `words`), NumPy.
"""

from __future__ import annotations

import numpy as np

from clearprop.explanation.pages import Bullets, Page, Paragraph, Section, Text
from clearprop.explanation.words import words
from clearprop.reporting.chapters import (
    calibration,
    columns,
    coverage,
    data,
    importance,
    method,
    mistakes,
    network,
    quality,
    rows,
    training,
)
from clearprop.reporting.chapters.texts import target_text
from clearprop.reporting.gathering import Report

CHAPTERS = (
    quality,
    mistakes,
    calibration,
    coverage,
    importance,
    rows,
    data,
    columns,
    training,
    network,
    method,
)
# sections that open with no finding
NOT_IN_SHORT = ("method", "rows")


def page_of(report: Report, lang: str = "en") -> Page:
    """Return the page.

    Raises
    ------
    SettingError
        There is no such language.
    """
    say = words(lang)
    # numbers that are not finite are told on the page
    with np.errstate(all="ignore"):
        made = [module.chapter(report, say) for module in CHAPTERS]
    sections = [section for section in made if section is not None]
    found = [_finding(section) for section in sections if section.key not in NOT_IN_SHORT]
    short = Section("short", say.text("report.short_title"), (Bullets(tuple(found)),))
    target = target_text(report, say)
    # a name of several words may be parted where it has underscores
    title = say.text("report.title", target=target.replace("_", "_\u200b"))
    name = report.name or say("report.a_table")
    lead = say.text("report.lead", table=name, n=report.rows, date=report.made.isoformat())
    return Page(title, lead, (short, *sections), lang)


def _finding(section: Section) -> Text:
    """Return the sentence that a section opens with."""
    first = section.blocks[0]
    assert isinstance(first, Paragraph)
    return first.text
