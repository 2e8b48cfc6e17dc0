"""A formula in one line of text: `f′(z₁)`, `a/(1 + b)`, `Σ_k w_k a_k`.

Public names: `flat_of`, `flat`.
May import: Rich, `formulas`, `boxes`, `layout`, `numbers`.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text as Line

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
from clearprop.explanation.render.boxes import Box, spaced, toned
from clearprop.explanation.render.layout import bracketed

_FEET = str.maketrans("0123456789+-()", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎")
_HEADS = str.maketrans("0123456789+-−()Tl", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ᵀˡ")
_SIGNS = frozenset("+-−·/ ")


def flat_of(formula: Formula) -> Line:
    """Return a formula as one line."""
    return flat(bracketed(formula))


def flat(formula: Formula) -> Line:
    """Return a part of a formula, whose brackets are set, as one line."""
    return toned(_FLAT_NODES[type(formula)](formula), formula.role)


def _flat_symbol(formula: Symbol) -> Line:
    return Line(formula.name + _small(formula.sub, _FEET, "_") + _small(formula.sup, _HEADS, "^"))


def _small(text: str, table: dict[int, int], mark: str) -> str:
    """Return text at the foot or the head of a letter, in small letters where there are such.

    Elsewhere it stands behind a mark, in brackets where it would read as going on after its sign.
    """
    if all(ord(letter) in table for letter in text):
        return text.translate(table)
    if text in ("′", "″", "*"):
        return text
    open_ended = _SIGNS.intersection(text) and not text.startswith("(")
    return f"{mark}({text})" if open_ended else mark + text


def _flat_row(formula: Row) -> Line:
    boxes = spaced(formula.parts, lambda part: Box((flat(part),)))
    return Line.assemble(*(box.lines[0] for box in boxes))


def _flat_fraction(formula: Fraction) -> Line:
    return Line.assemble(_closed(formula.top), "/", _closed(formula.bottom))


def _closed(formula: Formula) -> Line:
    """Return a formula that can stand beside a stroke or a power: in brackets, if it is long."""
    line = flat(formula)
    if isinstance(formula, Row | Fraction) and len(line.plain) > 1 and " " in line.plain:
        return Line.assemble("(", line, ")")
    return line


def _flat_script(formula: Script) -> Line:
    line = _closed(formula.base)
    if formula.sub is not None:
        line.append(_small(flat(formula.sub).plain, _FEET, "_"))
    if formula.sup is not None:
        line.append(_small(flat(formula.sup).plain, _HEADS, "^"))
    return line


def _flat_group(formula: Group) -> Line:
    return Line.assemble(formula.brackets[0], flat(formula.body), formula.brackets[1])


def _flat_total(formula: Total) -> Line:
    return Line.assemble("Σ_", flat(formula.over), " ", flat(formula.body))


def _flat_stack(formula: Stack) -> Line:
    return Line.assemble(flat(formula.above), " = ", flat(formula.below))


def _flat_grid(formula: Grid) -> Line:
    rows = [Line(", ").join(map(flat, cells)) for cells in formula.rows]
    return Line.assemble("[", Line("; ").join(rows), "]")


def _flat_lines(formula: Lines) -> Line:
    return Line("; ").join(_flat_row(Row(cells)) for cells in formula.rows)


_FLAT_NODES: dict[type, Callable[..., Line]] = {
    Symbol: _flat_symbol,
    Number: lambda formula: Line(figure(formula.value, formula.digits)),
    Label: lambda formula: Line(formula.text),
    Sign: lambda formula: Line(formula.text),
    Row: _flat_row,
    Fraction: _flat_fraction,
    Script: _flat_script,
    Group: _flat_group,
    Total: _flat_total,
    Stack: _flat_stack,
    Grid: _flat_grid,
    Lines: _flat_lines,
}
