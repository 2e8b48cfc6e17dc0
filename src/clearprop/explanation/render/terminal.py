"""A page for the terminal, as something that Rich prints: 80 columns are enough.

Formulas are blocks of aligned text, pictures are drawn in dots, details are shown in full.

Public names: `rich_of`, `rich_of_blocks`.
May import: Rich, `pages`, `typesetting`, `inline`, `boxes`, `canvas`, `prose`,
`words`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text as Line

from clearprop.explanation.formulas import Formula
from clearprop.explanation.pages import (
    Blank,
    Block,
    Bullets,
    Check,
    Details,
    Math,
    Note,
    Page,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
)
from clearprop.explanation.render.boxes import STYLES, toned
from clearprop.explanation.render.canvas import drawn
from clearprop.explanation.render.inline import flat_of
from clearprop.explanation.render.prose import Prose
from clearprop.explanation.render.typesetting import box_of
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words, words

_ANY = 10_000  # places, more than any table takes


def rich_of(page: Page) -> RenderableType:
    """Return a page as a Rich renderable."""
    printer = _Printer(words(page.lang))
    head: list[RenderableType] = [
        toned(_line(page.title), "strong"),
        Line(),
        Prose(_line(page.lead)),
    ]
    return Group(*head, *(part for section in page.sections for part in printer.section(section)))


def rich_of_blocks(blocks: Iterable[Block], lang: str) -> RenderableType:
    """Return blocks on their own, without a page around them."""
    return Group(*_Printer(words(lang)).blocks(blocks))


@dataclass(frozen=True)
class _Formula:
    """A formula that fits itself into the width that there is."""

    formula: Formula

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Line]:
        for line in box_of(self.formula, options.max_width).lines:
            line.rstrip()
            line.no_wrap, line.overflow = True, "ignore"
            yield line


@dataclass(frozen=True)
class _Rows:
    """A table; its heads take several lines where they would make it too wide."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RichTable]:
        table = self._set(narrow=False)
        fits = Measurement.get(console, options.update_width(_ANY), table).maximum
        yield table if fits <= options.max_width else self._set(narrow=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._set(narrow=False))

    def _set(self, *, narrow: bool) -> RichTable:
        table = RichTable(
            box=SIMPLE_HEAD, pad_edge=False, show_edge=False, border_style=STYLES["muted"]
        )
        for number, column in enumerate(self.table.columns):
            title = _line(column.title)
            if narrow and not any(isinstance(part, Formula) for part in column.title):
                cells = [_line(row[number]).cell_len for row in self.table.rows]
                least = Prose(title).least
                title = Line("\n").join(Prose(title).lines(max([least, *cells])))
            table.add_column(
                title,
                justify=column.align,
                style=STYLES.get(column.role, ""),
                no_wrap=column.align == "right",
                overflow="fold",
            )
        for row in self.table.rows:
            table.add_row(*map(_line, row))
        return table


@dataclass(frozen=True)
class _Drawing:
    """A scene that fits itself into the width that there is."""

    scene: Scene

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Line]:
        yield from drawn(self.scene, options.max_width)


@dataclass(frozen=True)
class _Printer:
    say: Words

    def section(self, section: Section) -> Iterator[RenderableType]:
        title = toned(_line(section.title), "strong")
        yield from (Line(), title, Line("─" * title.cell_len, STYLES["muted"]))
        yield from self.blocks(section.blocks)

    def blocks(self, blocks: Iterable[Block]) -> Iterator[RenderableType]:
        before: Block | None = None
        for block in blocks:
            # checks stand close together
            if not (isinstance(block, Check) and isinstance(before, Check)):
                yield Line()
            yield _PRINTERS[type(block)](self, block)
            before = block

    def paragraph(self, block: Paragraph) -> RenderableType:
        return Prose(_line(block.text))

    def bullets(self, block: Bullets) -> RenderableType:
        return Group(*(_hanging("•", _line(item)) for item in block.items))

    def math(self, block: Math) -> RenderableType:
        return Padding(_Formula(block.formula), (0, 0, 0, 2))

    def table(self, block: Table) -> RenderableType:
        return Group(_Rows(block), *self.caption(block.caption))

    def caption(self, text: Text) -> list[RenderableType]:
        return [Prose(toned(_line(text), "muted"))] if text else []

    def picture(self, block: Picture) -> RenderableType:
        title = Line(self.say("print.picture", title=block.scene.title), STYLES["muted"])
        return Group(title, _Drawing(block.scene), *self.caption(block.caption))

    def check(self, block: Check) -> RenderableType:
        mark, role = ("✓", "update") if block.ok else ("✗", "negative")
        return _hanging(mark, _line(block.text), f"bold {STYLES[role]}")

    def note(self, block: Note) -> RenderableType:
        name = Line(self.say(f"print.{block.kind}"), "bold")
        role = "negative" if block.kind == "warning" else "muted"
        return _hanging("▌", Line.assemble(name, "  ", _line(block.text)), STYLES[role])

    def details(self, block: Details) -> RenderableType:
        inside = Padding(Group(*self.blocks(block.blocks)), (0, 0, 0, 2))
        return Group(_hanging("▾", toned(_line(block.summary), "strong")), inside)

    def blank(self, block: Blank) -> RenderableType:
        return Line.assemble(_line(block.label), "  ", "_" * 20)


_PRINTERS: dict[type, Callable[[_Printer, Any], RenderableType]] = {
    Paragraph: _Printer.paragraph,
    Bullets: _Printer.bullets,
    Math: _Printer.math,
    Table: _Printer.table,
    Picture: _Printer.picture,
    Check: _Printer.check,
    Note: _Printer.note,
    Details: _Printer.details,
    Blank: _Printer.blank,
}


def _hanging(mark: str, text: Line, style: str = "") -> RichTable:
    """Return text that is set in behind a mark."""
    grid = RichTable.grid(padding=(0, 1, 0, 0))
    grid.add_column(style=style)
    grid.add_column()
    grid.add_row(mark, Prose(text))
    return grid


def _line(text: Text) -> Line:
    return Line.assemble(*map(_inline, text))


def _inline(part: Span | Formula) -> Line:
    if isinstance(part, Formula):
        return flat_of(part)
    return Line(part.text, STYLES.get(part.role, ""))
