"""Chapters: an analysis becomes a section of a page.

Each chapter is one function in a file of its own,

    chapter(explanation, focus, words) -> Section

which begins with a plain sentence, goes on with the formula and then the numbers, and ends, where
there is a sum, with its check. It computes nothing: it reads an analysis, and takes all its text
from the catalogue (`words`, file of the chapter's name).

Which of them a page has depends on its kind: `views.CHAPTERS`, or `views.SEQUENCE_CHAPTERS` for a
network of sequences.

Public names: `CHAPTERS`, `SEQUENCE_CHAPTERS`, `page_of`.
May import: the analyses, `formulas`, `pages`, `scenes`, `words`, `numbers`, NumPy.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clearprop.errors import SettingError
from clearprop.explanation.pages import Page
from clearprop.explanation.views import CHAPTERS, SEQUENCE_CHAPTERS
from clearprop.explanation.words import words
from clearprop.functions.spelling import suggest

if TYPE_CHECKING:
    from clearprop.explanation.views import Focus, Views

__all__ = ["CHAPTERS", "SEQUENCE_CHAPTERS", "page_of"]


def page_of(explanation: Views, focus: Focus, chapters: Sequence[str] | None, lang: str) -> Page:
    """Return chapters as one page.

    Raises
    ------
    SettingError
        If there is no such chapter for the network's kind, or no such language.
    """
    say = words(lang)
    sections = []
    # a name alone is a list of one
    chosen = [chapters] if isinstance(chapters, str) else chapters
    for name in explanation.chapters if chosen is None else chosen:
        if name not in explanation.chapters:
            raise SettingError(_missing(name, explanation.chapters))
        module = importlib.import_module(f"{__package__}.{name}")
        # numbers that are not finite are told on the page
        with np.errstate(all="ignore"):
            sections.append(module.chapter(explanation, focus, say))
    kind = "page.lead_sequences" if explanation.trace.network.recurrent else "page.lead"
    lead = say.text(
        kind,
        network=str(explanation.trace.network),
        n=len(explanation.trace.rows),
        engine=explanation.trace.engine,
        weight=explanation.names.of(focus.weight),
    )
    if explanation.membership is not None:
        number, k = explanation.membership.number + 1, explanation.membership.count
        lead += say.text("page.member", member=number, k=k)
    return Page(say.text("page.title"), lead, tuple(sections), lang)


def _missing(name: str, known: Sequence[str]) -> str:
    """Return why a chapter is not to be had."""
    if name in CHAPTERS or name in SEQUENCE_CHAPTERS:
        return (
            f"The chapter {name!r} is for another kind of network. For this one there are "
            f"{', '.join(known)}."
        )
    return f"There is no chapter {name!r}. {suggest(name, known)}"
