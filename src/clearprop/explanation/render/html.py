"""A page as one HTML file that needs nothing else: no network, no fonts, no script to be read.

`html_of` gives a whole document. Its policy forbids every request; style, script and pictures are
inside. The script only lights what belongs together, and tells all digits of a number; without it
the page is complete. `fragment_of` gives the same blocks for a notebook's output, with all style
below one class.

A page that is not of this module's making, such as the studio, takes the parts: blocks as elements
(`blocks_html`, `sections_of`, `inline_of`), to stand inside an element of class `cp`, and once the
style and the script that go with them (`blocks_style`, `page_script`); it brings the palette's
colours itself.

Public names: `blocks_html`, `blocks_style`, `fragment_of`, `html_of`, `inline_of`, `page_script`,
`palette_style`, `sections_of`.
May import: `formulas`, `pages`, `breaking`, `mathml`, `svg`, `scenes.palette`, `words`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

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
from clearprop.explanation.render.breaking import broken, extent
from clearprop.explanation.render.mathml import marks_of, mathml_of
from clearprop.explanation.render.svg import fitting_style, page_style, svg_inline
from clearprop.explanation.scenes.palette import DARK, LIGHT, PALETTE, Scheme, colours
from clearprop.explanation.words import Words, words

_LANGUAGES = {"en": "en", "zh": "zh-Hans"}
# what no line may begin with
_SHORT = 24  # letters
_MARKS = re.compile(r"[。，；：、）.,;:!?)]+")
_TAGS = {"strong": "strong", "code": "code"}


def html_of(page: Page) -> str:
    """Return a page as a self-contained HTML document."""
    own = page_script()
    digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )
    say = words(page.lang)
    return (
        "<!doctype html>\n"
        f'<html lang="{_LANGUAGES[page.lang]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(_plain(page.title))}</title>\n"
        f"<style>\n{_style()}{_resource('page.css')}</style>\n</head>\n"
        f'<body class="cp">\n<a class="skip" href="#text">{escape(say("print.skip"))}</a>\n'
        f'{_rail(page, say)}\n<main id="text">\n{_body(page, say)}\n</main>\n'
        f"<script>{own}</script>\n</body>\n</html>\n"
    )


def fragment_of(page: Page) -> str:
    """Return a page as one element with its style, to stand inside another document."""
    say = words(page.lang)
    return (
        f'<div class="cp fragment" lang="{_LANGUAGES[page.lang]}">\n'
        f"<style>\n{_style()}</style>\n{_body(page, say)}\n"
        f"<script>{page_script()}</script>\n</div>\n"
    )


def blocks_html(blocks: Iterable[Block], lang: str) -> str:
    """Return blocks as elements one below the other, for a page that has their style."""
    return _Printer(words(lang)).blocks(blocks)


def sections_of(page: Page) -> str:
    """Return a page's sections as elements, for a page that has the blocks' style."""
    printer = _Printer(words(page.lang))
    return "\n".join(map(printer.section, page.sections))


def inline_of(text: Text) -> str:
    """Return text with its formulas, for a page that has the blocks' style."""
    return _text(text)


def page_script() -> str:
    """Return the script that lights what belongs together inside elements of class `cp`."""
    return _resource("page.js")


@cache
def blocks_style() -> str:
    """Return the style of blocks and of the pictures among them, but for the palette's colours."""
    roles = "".join(f".cp .r-{role} {{ color: var(--{role}-text); }}\n" for role in PALETTE)
    chips = "".join(
        f".cp .chips mtd.chip.r-{role} {{ background: var(--{role}-wash); }}\n" for role in PALETTE
    )
    return f"{_resource('blocks.css')}{roles}{chips}{fitting_style()}"


@cache
def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    """Return the style of blocks, with the palette's colours on both grounds."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{\n{palette_style(DARK)}\n}}\n"
    return f"{palette_style(LIGHT)}\n{dark}{blocks_style()}{page_style()}"


def palette_style(scheme: Scheme, selector: str = ".cp") -> str:
    """Return each role's colours as properties: of lines, of text, and of a ground behind text."""
    table = colours(scheme)
    ground = table["ground"][0]
    share = {"halo": 0.75 if scheme == LIGHT else 0.45}
    rules = "".join(
        f"--{role}:{line};--{role}-text:{text};--{role}-wash:"
        f"{_mixed(line, ground, share.get(role, 0.12))};"
        for role, (line, text) in table.items()
    )
    return f"{selector} {{ {rules} }}"


def _mixed(colour: str, ground: str, share: float) -> str:
    """Return a colour laid thinly on a ground."""
    channels = ((int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(share * c + (1 - share) * g):02x}" for c, g in channels)


def _rail(page: Page, say: Words) -> str:
    """Return the table of contents; the script puts a small network below it."""
    items = "".join(
        f'<li><a href="#{escape(section.key)}">{_text(section.title)}</a></li>'
        for section in page.sections
    )
    return (
        f'<div class="rail"><nav aria-label="{escape(say("print.contents"))}">'
        f'<details open class="contents"><summary>{escape(say("print.contents"))}</summary>'
        f"<ol>{items}</ol></details></nav></div>"
    )


def _body(page: Page, say: Words) -> str:
    printer = _Printer(say)
    head = f'<header><h1>{_text(page.title)}</h1><p class="lead">{_text(page.lead)}</p></header>'
    return "\n".join([head, *map(printer.section, page.sections)])


@dataclass
class _Printer:
    """Prints blocks in one language; the first picture of the network stays in view."""

    say: Words
    has_network: bool = False

    def section(self, section: Section) -> str:
        """Return a section with its heading, which links to itself."""
        anchor = escape(section.key)
        return (
            f'<section id="{anchor}" aria-labelledby="{anchor}-title">'
            f'<h2 id="{anchor}-title"><a href="#{anchor}">{_text(section.title)}</a></h2>\n'
            f"{self.blocks(section.blocks)}</section>"
        )

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Return blocks one below the other."""
        return "".join(f"{self.block(block)}\n" for block in blocks)

    def block(self, block: Block) -> str:
        """Return one block."""
        return _PRINTERS[type(block)](self, block)

    def _paragraph(self, block: Paragraph) -> str:
        return f"<p>{_text(block.text)}</p>"

    def _bullets(self, block: Bullets) -> str:
        return f"<ul>{''.join(f'<li>{_text(item)}</li>' for item in block.items)}</ul>"

    def _math(self, block: Math) -> str:
        return f'<div class="math wide">{mathml_of(block.formula, display=True)}</div>'

    def _table(self, block: Table) -> str:
        # below the box that scrolls, so that it does not scroll with a wide table
        caption = f"<figcaption>{_text(block.caption)}</figcaption>" if block.caption else ""
        heads = "".join(
            f'<th scope="col"{marks_of(column.role, "", column.align)}>{_text(column.title)}</th>'
            for column in block.columns
        )
        rows = "".join(f"<tr>{_cells(block, row)}</tr>" for row in block.rows)
        return (
            f'<figure class="table"><div class="wide"><table><thead><tr>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>{caption}</figure>"
        )

    def _picture(self, block: Picture) -> str:
        caption = f"<figcaption>{_text(block.caption)}</figcaption>" if block.caption else ""
        shows = not self.has_network and any(mark.key.startswith("z") for mark in block.scene.marks)
        self.has_network |= shows
        kind = ' class="main-picture"' if shows else ""
        return f'<figure{kind}><div class="wide">{svg_inline(block.scene)}</div>{caption}</figure>'

    def _check(self, block: Check) -> str:
        mark, name, kind = ("✓", "holds", "ok") if block.ok else ("✗", "fails", "failed")
        return (
            f'<p class="check {kind}"><span class="mark" role="img" '
            f'aria-label="{escape(self.say(f"print.{name}"))}">{mark}</span> '
            f"<span>{_text(block.text)}</span></p>"
        )

    def _note(self, block: Note) -> str:
        name = escape(self.say(f"print.{block.kind}"))
        return (
            f'<div class="note {block.kind}" role="note"><strong class="kind">{name}</strong> '
            f"<span>{_text(block.text)}</span></div>"
        )

    def _details(self, block: Details) -> str:
        state = " open" if block.is_open else ""
        return (
            f"<details{state}><summary>{_text(block.summary)}</summary>"
            f'<div class="inside">{self.blocks(block.blocks)}</div></details>'
        )

    def _blank(self, block: Blank) -> str:
        return f'<p class="blank"><span>{_text(block.label)}</span> <span class="room"></span></p>'


_PRINTERS: dict[type, Callable[[_Printer, Any], str]] = {
    Paragraph: _Printer._paragraph,
    Bullets: _Printer._bullets,
    Math: _Printer._math,
    Table: _Printer._table,
    Picture: _Printer._picture,
    Check: _Printer._check,
    Note: _Printer._note,
    Details: _Printer._details,
    Blank: _Printer._blank,
}


def _cells(table: Table, row: tuple[Text, ...]) -> str:
    return "".join(
        f"<td{marks_of(column.role, '', column.align)}><div>{_text(cell)}</div></td>"
        for column, cell in zip(table.columns, row, strict=True)
    )


def _text(text: Text) -> str:
    parts: list[str] = []
    formula = ""  # one that the marks after it must stay with
    for part in text:
        if formula and isinstance(part, Span) and not part.full:
            tied = _MARKS.match(part.text)
            if tied:
                formula = f'<span class="tied">{formula}{tied[0]}</span>'
                part = replace(part, text=part.text[tied.end() :])
        parts.append(formula)
        # a long one may be parted from its mark rather than run over the page's edge
        short = isinstance(part, Formula) and extent(part) <= _SHORT
        formula = _inline(part) if short else ""
        parts.append("" if short else _inline(part))
    return "".join([*parts, formula])


def _inline(part: Span | Formula) -> str:
    if isinstance(part, Formula):
        # browsers break no line inside a formula, only between two
        return "<wbr>".join(mathml_of(line) for line in broken(part, _SHORT, indent=False))
    title = f' title="{escape(part.full)}"' if part.full else ""
    inside = escape(part.text)
    tag = _TAGS.get(part.role)
    if tag:
        return f"<{tag}{marks_of('', part.key)}{title}>{inside}</{tag}>"
    marks = marks_of(part.role, part.key) + title
    return f"<span{marks}>{inside}</span>" if marks else inside


def _plain(text: Text) -> str:
    return "".join(part.text for part in text if isinstance(part, Span))
