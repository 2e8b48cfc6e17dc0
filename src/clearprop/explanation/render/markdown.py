"""A page as GitHub's Markdown: formulas in LaTeX between dollar signs, tables, details.

GitHub shows no SVG inside a text, so that a picture is told by its title and description.

Public names: `markdown_of`.
May import: `pages`, `formulas`, `texmath`, `words`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from clearprop.explanation.formulas import Formula, Number
from clearprop.explanation.numbers import figure
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
    Span,
    Table,
    Text,
)
from clearprop.explanation.render.texmath import tex_of
from clearprop.explanation.words import Words, words

# what Markdown or HTML would take for markup
_SPECIAL = re.compile(r"([\\`*_\[\]<>|$#~&])")
# what would begin a tag in a formula, whose text Markdown reads before LaTeX does
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_RULES = {"left": ":---", "right": "---:", "center": ":---:"}


def markdown_of(page: Page) -> str:
    """Return a page as Markdown."""
    printer = _Printer(words(page.lang))
    parts = [f"# {_text(page.title)}", _text(page.lead)]
    for section in page.sections:
        parts += [f"## {_text(section.title)}", printer.blocks(section.blocks)]
    return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Printer:
    say: Words

    def blocks(self, blocks: Iterable[Block]) -> str:
        return "\n\n".join(_PRINTERS[type(block)](self, block) for block in blocks)

    def paragraph(self, block: Paragraph) -> str:
        return _text(block.text)

    def bullets(self, block: Bullets) -> str:
        return "\n".join(f"- {_text(item)}" for item in block.items)

    def math(self, block: Math) -> str:
        return f"$$\n{_tex(block.formula)}\n$$"

    def table(self, block: Table) -> str:
        heads = [_text(column.title) for column in block.columns]
        rules = [_RULES[column.align] for column in block.columns]
        rows = [heads, rules, *([_text(cell) for cell in row] for row in block.rows)]
        lines = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
        return f"{lines}\n\n*{_text(block.caption)}*" if block.caption else lines

    def picture(self, block: Picture) -> str:
        scene = block.scene
        title = f"**{_escaped(self.say('print.picture', title=scene.title))}**"
        parts = [title, _escaped(scene.description), _text(block.caption)]
        return "\n>\n".join(f"> {part}" for part in parts if part)

    def check(self, block: Check) -> str:
        return f"{'✓' if block.ok else '✗'} {_text(block.text)}"

    def note(self, block: Note) -> str:
        return f"> **{self.say(f'print.{block.kind}')}** {_text(block.text)}"

    def details(self, block: Details) -> str:
        state = " open" if block.is_open else ""
        # a summary is HTML, in which Markdown is not read
        summary = "".join(_bare(part) for part in block.summary)
        return (
            f"<details{state}>\n<summary>{summary}</summary>\n\n{self.blocks(block.blocks)}\n\n"
            "</details>"
        )

    def blank(self, block: Blank) -> str:
        return f"{_text(block.label)} \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_"


_PRINTERS: dict[type, Callable[[_Printer, Any], str]] = {
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


def _text(text: Text) -> str:
    return "".join(map(_inline, text))


def _inline(part: Span | Formula) -> str:
    if isinstance(part, Number):
        return figure(part.value, part.digits)
    if isinstance(part, Formula):
        # a stroke would end a table's cell
        return f"${_tex(part).replace('|', chr(92) + 'vert ')}$"
    if part.role == "strong":
        return f"**{_escaped(part.text)}**"
    if part.role == "code":
        return _code(part.text).replace("|", "\\|")
    return _escaped(part.text)


def _tex(formula: Formula) -> str:
    return _TAG.sub("< ", tex_of(formula))


def _code(text: str) -> str:
    """Return text between as many backticks as it takes."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, room = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{room}{text}{room}{fence}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text).replace("\n", " ")


def _bare(part: Span | Formula) -> str:
    from html import escape

    from clearprop.explanation.render.inline import flat_of

    return escape(flat_of(part).plain if isinstance(part, Formula) else part.text)
