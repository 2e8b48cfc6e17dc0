"""An example as a booklet: its leaves as HTML, and its exercises. Made once a language.

Picture and text of a leaf stand inside one element of class `cp`, so that the same keys light each
other (`clearprop.explanation.render.html.page_script`). What a leaf writes about is to stand out in
the picture from the beginning: the keys of its formulas and tables, where these are not nearly all.

Public names: `Booklet`, `Sheet`, `booklet`, `exercise_sheet`, `practice`.
May import: `leaves`, `clearprop.explanation`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from clearprop.explanation.examples import EXAMPLES
from clearprop.explanation.exercises import Exercise, exercises_for
from clearprop.explanation.exercises.sheets import given_text
from clearprop.explanation.pages import Block, Details, Paragraph, Picture, Span, Text
from clearprop.explanation.render.html import blocks_html
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import words
from clearprop.studio.tour.leaves import Leaf, leaves_of, without_numbers

EXERCISES = 6
# where the text is about more of the picture's keys than this, none stands out
MOST_ABOUT = 0.6
_KEYS = re.compile(r'data-key="([^"]+)"')


@dataclass(frozen=True)
class Sheet:
    """What a person has before them.

    Attributes
    ----------
    title : str
    picture, text : str
        HTML.
    about : tuple of str
        Keys of the picture that the text is about.
    """

    title: str
    picture: str
    text: str
    about: tuple[str, ...]


@dataclass(frozen=True)
class Booklet:
    """An example.

    Attributes
    ----------
    lead : str
        What it shows, in a sentence.
    sheets : tuple of Sheet
    drawing : Scene
        The network without its numbers, for the exercises.
    """

    lead: str
    sheets: tuple[Sheet, ...]
    drawing: Scene


@cache
def booklet(name: str, lang: str) -> Booklet:
    """Return an example's booklet; it takes a second or two the first time."""
    page = EXAMPLES[name].page(lang)
    leaves = leaves_of(page)
    drawing = max((leaf.picture.scene for leaf in leaves), key=_units)
    sheets = tuple(_of_leaf(leaf, lang) for leaf in leaves)
    return Booklet(_plain(page.lead), sheets, without_numbers(drawing))


@lru_cache(maxsize=64)
def practice(name: str, lang: str, seed: int) -> tuple[Exercise, ...]:
    """Return exercises of an example; another seed asks for other numbers."""
    explanation = EXAMPLES[name].explain()
    return tuple(exercises_for(explanation, lang=lang, count=EXERCISES, seed=seed))


def exercise_sheet(book: Booklet, exercises: Sequence[Exercise], place: int) -> Sheet:
    """Return one of the exercises, without its answer."""
    one = exercises[place]
    say = words(one.lang)
    title = _plain(say.text("exercises.heading", place=place + 1))
    blocks = (Paragraph(one.question), Paragraph(given_text(one, say)))
    return _sheet(title, Picture(book.drawing), blocks, one.lang)


def _of_leaf(leaf: Leaf, lang: str) -> Sheet:
    title = _plain(leaf.title)
    if leaf.parts > 1:
        title = words(lang)("tour.part", title=title, part=leaf.part, parts=leaf.parts)
    return _sheet(title, leaf.picture, leaf.blocks, lang)


def _sheet(title: str, picture: Picture, blocks: Sequence[Block], lang: str) -> Sheet:
    drawn = blocks_html((picture,), lang)
    # what is folded away is not what a reader has before them
    seen = blocks_html((block for block in blocks if not isinstance(block, Details)), lang)
    known, named = set(_KEYS.findall(drawn)), set(_KEYS.findall(seen))
    about = sorted(known & named)
    return Sheet(
        title,
        f"<div>{drawn}</div>",
        f"<div>{blocks_html(blocks, lang)}</div>",
        tuple(about) if len(about) <= MOST_ABOUT * len(known) else (),
    )


def _units(scene: Scene) -> int:
    return len({mark.key for mark in scene.marks if mark.key.startswith("z")})


def _plain(text: Text) -> str:
    return "".join(part.text for part in text if isinstance(part, Span))
