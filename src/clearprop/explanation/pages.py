"""Pages, sections and blocks as data: what a chapter says, before any printer has seen it.

Text is a tuple of spans and inline formulas, so that a printer can colour a name and link a number.
All of it comes from the catalogue (`words`); numbers go through `numbers.figure`.

Public names: `Page`, `Section`, the blocks, `Span`, `Text`, `plain`.
May import: `formulas`, `scenes.scene`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clearprop.explanation.formulas import Formula
from clearprop.explanation.scenes.scene import Scene


@dataclass(frozen=True)
class Span:
    """A run of text. `role` and `key` are those of `formulas`; role `"strong"` and `"code"` too.

    `full` is what copying and pointing give where `text` is a rounded number.
    """

    text: str
    role: str = ""
    key: str = ""
    full: str = ""


Inline = Span | Formula
Text = tuple[Inline, ...]


def plain(text: str | Text) -> Text:
    """Return a string as text; text stays what it is."""
    return (Span(text),) if isinstance(text, str) else text


@dataclass(frozen=True)
class Paragraph:
    """A sentence or some."""

    text: Text


@dataclass(frozen=True)
class Bullets:
    """A list of short texts."""

    items: tuple[Text, ...]


@dataclass(frozen=True)
class Math:
    """A formula on a line of its own."""

    formula: Formula


@dataclass(frozen=True)
class Column:
    """A table's column."""

    title: Text
    align: Literal["left", "right", "center"] = "left"
    role: str = ""


@dataclass(frozen=True)
class Table:
    """A table; every row has a cell a column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Text, ...], ...]
    caption: Text = ()


@dataclass(frozen=True)
class Picture:
    """A scene with what it shows, said below it."""

    scene: Scene
    caption: Text = ()


@dataclass(frozen=True)
class Check:
    """A claim that was checked with numbers, and whether it held."""

    text: Text
    ok: bool


@dataclass(frozen=True)
class Note:
    """Something to heed."""

    text: Text
    kind: Literal["note", "warning"] = "note"


@dataclass(frozen=True)
class Details:
    """Blocks behind a summary, which open on asking and are shown in print."""

    summary: Text
    blocks: tuple[Block, ...]
    is_open: bool = False


@dataclass(frozen=True)
class Blank:
    """Room for an answer, on a sheet of exercises."""

    label: Text


Block = Paragraph | Bullets | Math | Table | Picture | Check | Note | Details | Blank


@dataclass(frozen=True)
class Section:
    """A part of a page. `key` is its anchor; it begins with a plain sentence."""

    key: str
    title: Text
    blocks: tuple[Block, ...]


@dataclass(frozen=True, repr=False)
class Page:
    """A whole page: title, one sentence on what it is, sections."""

    title: Text
    lead: Text
    sections: tuple[Section, ...]
    lang: str = "en"

    def __repr__(self) -> str:
        return f"<Page {plain(self.title)!r}: {', '.join(part.key for part in self.sections)}>"

    def _repr_html_(self) -> str:
        """Return the page as one element, for a notebook's cell."""
        from clearprop.explanation.render.html import fragment_of

        return fragment_of(self)
