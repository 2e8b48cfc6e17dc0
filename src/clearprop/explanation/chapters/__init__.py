"""Chapters: an analysis becomes a section of a page.

Each chapter is one function in a file of its own,

    chapter(explanation, focus, words) -> Section

which begins with a plain sentence, goes on with the formula and then the numbers, and ends, where
there is a sum, with its check. It computes nothing: it reads an analysis, and takes all its text
from the catalogue (`words`, file of the chapter's name).

Public names: `CHAPTERS`, `page_of`.
May import: the analyses, `formulas`, `pages`, `scenes`, `words`, `numbers`, NumPy.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clearprop.errors import SettingError
from clearprop.explanation.pages import Page
from clearprop.explanation.words import words
from clearprop.functions.spelling import suggest

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus

# in reading order
CHAPTERS = (
    "network",
    "forward",
    "loss",
    "carriers",
    "chain",
    "deltas",
    "counting",
    "update",
    "samples",
    "landscape",
    "vanishing",
    "parallel",
    "check",
)


def page_of(
    explanation: Explanation, focus: Focus, chapters: Sequence[str] | None, lang: str
) -> Page:
    """Return chapters as one page.

    Raises
    ------
    SettingError
        If there is no such chapter or language.
    """
    say = words(lang)
    sections = []
    # a name alone is a list of one
    chosen = [chapters] if isinstance(chapters, str) else chapters
    for name in CHAPTERS if chosen is None else chosen:
        if name not in CHAPTERS:
            raise SettingError(f"There is no chapter {name!r}. {suggest(name, CHAPTERS)}")
        module = importlib.import_module(f"{__package__}.{name}")
        # numbers that are not finite are told on the page
        with np.errstate(all="ignore"):
            sections.append(module.chapter(explanation, focus, say))
    lead = say.text(
        "page.lead",
        network=str(explanation.trace.network),
        n=len(explanation.trace.rows),
        engine=explanation.trace.engine,
        weight=explanation.names.of(focus.weight),
    )
    return Page(say.text("page.title"), lead, tuple(sections), lang)
