r"""A page as a LaTeX document that compiles as it is.

English pages compile with pdfLaTeX, XeLaTeX and LuaLaTeX, Chinese ones (class `ctexart`) with
XeLaTeX or LuaLaTeX. Pictures are drawn by TikZ. Only packages of the usual distributions are used.

Public names: `latex_of`.
May import: `pages`, `formulas`, `texmath`, `tikz`, `scenes.palette`, `words`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
    Span,
    Table,
    Text,
)
from clearprop.explanation.render.texmath import DOCUMENT, escaped, tex_of
from clearprop.explanation.render.tikz import tikz_of
from clearprop.explanation.scenes.palette import PALETTE
from clearprop.explanation.words import Words, words

_CLASSES = {
    "en": "\\documentclass[a4paper]{article}\n",
    "zh": (
        "% XeLaTeX or LuaLaTeX with ctex. Without ctex: class article, \\usepackage{xeCJK} and\n"
        "% \\setCJKmainfont{Noto Serif CJK SC}, or another font that has Chinese.\n"
        "\\documentclass[a4paper,fontset=fandol]{ctexart}\n"
        "\\ctexset{section/format=\\Large\\bfseries}\n"
    ),
}
_PREAMBLE = r"""\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,amssymb,booktabs,graphicx,xcolor,tikz}
\usetikzlibrary{svg.path}
\setcounter{secnumdepth}{0}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.6em}
\setlength{\arraycolsep}{0.25em}
\renewcommand{\arraystretch}{1.25}
\allowdisplaybreaks
% what is wider than the page is made smaller
\newsavebox{\cpbox}
\newcommand{\cpfit}[1]{\sbox{\cpbox}{#1}%
  \ifdim\wd\cpbox>\linewidth\resizebox{\linewidth}{!}{\usebox{\cpbox}}\else\usebox{\cpbox}\fi}
"""


def latex_of(page: Page) -> str:
    """Return a page as a LaTeX document."""
    printer = _Printer(words(page.lang))
    colours = "".join(
        f"\\definecolor{{cp-{role}}}{{HTML}}{{{colour.light_text[1:]}}}\n"
        f"\\definecolor{{cp-line-{role}}}{{HTML}}{{{colour.light[1:]}}}\n"
        for role, colour in PALETTE.items()
    )
    body = "\n\n".join(
        f"\\section{{{_text(section.title)}}}\n\n{printer.blocks(section.blocks)}"
        for section in page.sections
    )
    return (
        f"{_CLASSES[page.lang]}{_PREAMBLE}{colours}\\title{{{_text(page.title)}}}\n\\date{{}}\n"
        f"\\begin{{document}}\n\\maketitle\n\n{_text(page.lead)}\n\n{body}\n\n\\end{{document}}\n"
    )


@dataclass(frozen=True)
class _Printer:
    say: Words

    def blocks(self, blocks: Iterable[Block]) -> str:
        return "\n\n".join(_PRINTERS[type(block)](self, block) for block in blocks)

    def paragraph(self, block: Paragraph) -> str:
        return _text(block.text)

    def bullets(self, block: Bullets) -> str:
        items = "\n".join(f"\\item {_text(item)}" for item in block.items)
        return f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}"

    def math(self, block: Math) -> str:
        inside = f"$\\displaystyle {_formula(block.formula)}$"
        return f"\\begin{{center}}\n\\cpfit{{{inside}}}\n\\end{{center}}"

    def table(self, block: Table) -> str:
        sides = "".join(column.align[0] for column in block.columns)
        heads = " & ".join(_text(column.title) for column in block.columns)
        rows = "".join(f"{' & '.join(map(_text, row))} \\\\\n" for row in block.rows)
        return (
            f"\\begin{{center}}\n\\cpfit{{\\begin{{tabular}}{{@{{}}{sides}@{{}}}}\n\\toprule\n"
            f"{heads} \\\\\n\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}}}"
            f"{_caption(block.caption)}\n\\end{{center}}"
        )

    def picture(self, block: Picture) -> str:
        return (
            f"\\begin{{center}}\n\\cpfit{{{tikz_of(block.scene)}}}{_caption(block.caption)}\n"
            "\\end{center}"
        )

    def check(self, block: Check) -> str:
        mark, role = (r"$\checkmark$", "update") if block.ok else (r"$\times$", "negative")
        return f"\\textcolor{{cp-{role}}}{{{mark}}} {_text(block.text)}"

    def note(self, block: Note) -> str:
        name = escaped(self.say(f"print.{block.kind}"))
        return f"\\begin{{quote}}\n\\textbf{{{name}}}\\quad {_text(block.text)}\n\\end{{quote}}"

    def details(self, block: Details) -> str:
        return f"\\subsection{{{_text(block.summary)}}}\n\n{self.blocks(block.blocks)}"

    def blank(self, block: Blank) -> str:
        return f"{_text(block.label)} \\underline{{\\hspace{{5cm}}}}"


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


def _caption(text: Text) -> str:
    return f"\\par\\smallskip{{\\small\\textcolor{{cp-muted}}{{{_text(text)}}}}}" if text else ""


def _formula(formula: Formula) -> str:
    return tex_of(formula, DOCUMENT)


def _text(text: Text) -> str:
    return "".join(map(_inline, text))


def _inline(part: Span | Formula) -> str:
    if isinstance(part, Formula):
        return f"${_formula(part)}$"
    inside = escaped(part.text)
    if part.role == "strong":
        return f"\\textbf{{{inside}}}"
    if part.role == "code":
        return f"\\texttt{{{inside}}}"
    return f"\\textcolor{{cp-{part.role}}}{{{inside}}}" if part.role in PALETTE else inside
