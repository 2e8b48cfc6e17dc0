"""A formula as MathML, in the part of it that browsers paint alike without a mathematical font.

Nothing relies on glyphs that stretch or on mathematical alphabets, which only few fonts have:
brackets around tall things are drawn by the page's style, and letters are italic by style.
`role` becomes the class `r-ROLE`, `key` becomes `data-key`; a number's `title` has all digits.

Public names: `mathml_of`, `marks_of`.
May import: `formulas`, `breaking`, `layout`, `numbers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import chain

from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Grid,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Sign,
    Stack,
    Symbol,
    Total,
)
from clearprop.explanation.numbers import figure
from clearprop.explanation.render.breaking import broken
from clearprop.explanation.render.layout import (
    Pair,
    alignments,
    bracketed,
    has_chips,
    is_index,
    is_tall,
    pairs_of,
)

_PRIMES = ("′", "″")
# letters that a line of a formula has room for at a desk
_ROOM = 88


def mathml_of(formula: Formula, *, display: bool = False) -> str:
    """Return a formula as a `math` element; `display` for one on a line of its own."""
    style = ' displaystyle="true"' if display else ""
    return f"<math{style}>{_element(bracketed(formula))}</math>"


def marks_of(role: str = "", key: str = "", *classes: str) -> str:
    """Return the attributes that give an element its colour and ties it to its number."""
    names = [name for name in (*classes, f"r-{role}" if role else "") if name]
    text = f' class="{escape(" ".join(names))}"' if names else ""
    return text + (f' data-key="{escape(key)}"' if key else "")


def _element(formula: Formula) -> str:
    match formula:
        case Symbol():
            return _symbol(formula)
        case Number():
            title = f' title="{float(formula.value)!r}"'
            return (
                f"<mn{_marks(formula)}{title}>{escape(figure(formula.value, formula.digits))}</mn>"
            )
        case Label():
            return f"<mtext{_marks(formula)}>{_kept(formula.text)}</mtext>"
        case Sign():
            return f"<mo{_marks(formula)}>{escape(formula.text)}</mo>"
        case Fraction():
            top, bottom = _element(formula.top), _element(formula.bottom)
            return f"<mfrac{_marks(formula)}>{top}{bottom}</mfrac>"
        case Script():
            return _script(formula)
        case Total():
            return f"<mrow{_marks(formula)}>{_sigma(formula.over)}{_element(formula.body)}</mrow>"
        case Grid():
            return _grid(formula)
        case Lines():
            return _lines(formula)
    if has_chips(formula):
        return _chips(formula)
    if isinstance(formula, Group):
        return _group(formula)
    assert isinstance(formula, Row), f"unknown node {type(formula).__name__}"
    return f"<mrow{_marks(formula)}>{''.join(map(_element, formula.parts))}</mrow>"


def _kept(text: str) -> str:
    """Return text whose spaces at its ends count, as they do not in MathML."""
    return escape(text.replace(" ", "\u00a0"))


def _marks(formula: Formula, *classes: str) -> str:
    return marks_of(formula.role, formula.key, *classes)


def _symbol(symbol: Symbol) -> str:
    word = "" if _is_letter(symbol.name) else "word"
    # a prime is raised already
    prime = symbol.sup if symbol.sup in _PRIMES else ""
    base = f"<mi{marks_of('', '', word)}>{escape(symbol.name + prime)}</mi>"
    sub, sup = _tag(symbol.sub), "" if prime else _tag(symbol.sup)
    if sub and sup:
        base = f"<msubsup>{base}{sub}{sup}</msubsup>"
    elif sub:
        base = f"<msub>{base}{sub}</msub>"
    elif sup:
        base = f"<msup>{base}{sup}</msup>"
    return f"<mrow{_marks(symbol)}>{base}</mrow>"


def _is_letter(name: str) -> bool:
    """Whether a name is set in italics: one letter, perhaps after ∂ or Δ."""
    return len(name.lstrip("∂Δ∇").rstrip("′'")) <= 1


def _tag(text: str) -> str:
    """Return what stands at the foot or the head of a letter, or beside a matrix."""
    kind = marks_of("", "", "index" if is_index(text) else "")
    return f"<mtext{kind}>{_kept(text)}</mtext>" if text else ""


def _script(script: Script) -> str:
    parts = [part for part in (script.sub, script.sup) if part is not None]
    if not parts:
        return _element(script.base)
    name = "msubsup" if len(parts) == 2 else "msub" if script.sub is not None else "msup"
    inside = "".join(_element(part) for part in (script.base, *parts))
    return f"<{name}{_marks(script)}>{inside}</{name}>"


def _sigma(over: Formula) -> str:
    return (
        '<munder><mo class="sigma" largeop="false" movablelimits="false">∑</mo>'
        f"{_element(over)}</munder>"
    )


def _group(group: Group) -> str:
    first, last = (escape(mark) for mark in group.brackets)
    body = _element(group.body)
    if is_tall(group.body):
        sides = [
            f'<mtd class="fence {_SIDES.get(mark, "bar")} {end}"></mtd>'
            for mark, end in zip(group.brackets, ("open", "close"), strict=True)
        ]
        return (
            f'<mtable{_marks(group, "fenced")} displaystyle="true"><mtr>'
            f"{sides[0]}<mtd>{body}</mtd>{sides[1]}</mtr></mtable>"
        )
    fence = '<mo stretchy="false" lspace="0" rspace="0">'
    return f"<mrow{_marks(group)}>{fence}{first}</mo>{body}{fence}{last}</mo></mrow>"


_SIDES = {"(": "round", ")": "round", "[": "square", "]": "square"}


def _chips(formula: Formula) -> str:
    """Return a row with chips as a table of two lines."""
    pairs = pairs_of(formula)
    above = "".join(_place(pair, pair.above, "above") for pair in pairs)
    below = "".join(_place(pair, pair.below, "below") for pair in pairs)
    marks = "" if isinstance(formula, Stack) else _marks(formula)
    lines = f"<mtr>{above}</mtr><mtr>{below}</mtr>"
    return f'<mrow{marks}><mtable class="chips" displaystyle="true">{lines}</mtable></mrow>'


def _place(pair: Pair, formula: Formula | None, line: str) -> str:
    inside = "" if formula is None else _element(formula)
    kinds = (pair.kind, line) if inside or pair.kind == "chip" else ("empty",)
    return f"<mtd{marks_of(pair.role, pair.key, *kinds)}>{inside}</mtd>"


def _grid(grid: Grid) -> str:
    last = len(grid.rows) - 1
    rows = [_labels_above(grid)] if grid.column_labels else []
    for number, cells in enumerate(grid.rows):
        ends = ("top" if number == 0 else "", "bottom" if number == last else "")
        label = ""
        if grid.row_labels:
            label = f'<mtd class="label">{_tag(grid.row_labels[number])}</mtd>'
        rows.append(f"<mtr>{label}{_bracketed_cells(cells, ends)}</mtr>")
    if grid.column_labels:
        # as much room below as the labels take above, so that the matrix stands in the middle
        rows.append(f'<mtr><mtd class="label">{_tag(" ")}</mtd></mtr>')
    return f"<mtable{_marks(grid, 'grid')}>{''.join(rows)}</mtable>"


def _labels_above(grid: Grid) -> str:
    # the brackets have columns of their own
    gap = '<mtd class="gap"></mtd>'
    corner = gap if grid.row_labels else ""
    labels = "".join(f'<mtd class="label">{_tag(text)}</mtd>' for text in grid.column_labels)
    return f"<mtr>{corner}{gap}{labels}{gap}</mtr>"


def _bracketed_cells(cells: Iterable[Formula], ends: tuple[str, ...]) -> str:
    side = " ".join(("fence", "square", *(end for end in ends if end)))
    inside = "".join(f"<mtd>{_element(cell)}</mtd>" for cell in cells)
    return f'<mtd class="{side} open"></mtd>{inside}<mtd class="{side} close"></mtd>'


def _lines(lines: Lines) -> str:
    sides = alignments(lines.rows)
    rows = []
    for cells in chain.from_iterable(map(_continued, lines.rows)):
        inside = "".join(
            f'<mtd class="{side}">{_element(cell)}</mtd>'
            for cell, side in zip(cells, sides, strict=False)
        )
        rows.append(f"<mtr>{inside}</mtr>")
    return f'<mtable{_marks(lines, "lines")} displaystyle="true">{"".join(rows)}</mtable>'


def _continued(cells: tuple[Formula, ...]) -> Iterator[tuple[Formula, ...]]:
    """Yield a line, and below it what of its last cell has no room."""
    *others, last = cells
    for line in broken(last, _ROOM):
        yield (*others, line)
        others = [Row(())] * len(others)
