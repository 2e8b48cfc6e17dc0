"""What all printers of formulas agree on: brackets, alignment, chips.

- A negative number after an operator stands in brackets: `2 · (−3)`.
- A row with chips (`Stack`) becomes columns of two lines, symbols above and numbers below, so that
  each line can be read as an equation of its own.
- Columns of a `Lines` are right-aligned before the first sign and left-aligned after it.

Public names: `Pair`, `alignments`, `bracketed`, `has_chips`, `is_index`,
`is_tall`, `pairs_of`.
May import: `formulas`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

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

# after these a negative number needs brackets
_OPERATORS = frozenset("+-−±·×⋅*/÷⊙∘")
_INDEX = re.compile(r"\(?([ijklmnstLT]{2}|[A-Za-z])([+−-]\d)?\)?")


def is_index(text: str) -> bool:
    """Whether a foot or head is an index, such as jk or l+1, and not a name, such as h1."""
    return _INDEX.fullmatch(text) is not None


def bracketed(formula: Formula, after: bool = False) -> Formula:
    """Return a formula in which negative numbers after an operator stand in brackets.

    Parameters
    ----------
    formula : Formula
    after : bool
        Whether an operator stands before the formula.
    """
    match formula:
        case Number():
            return Group(formula) if after and formula.value < 0 else formula
        case Stack():
            below = bracketed(formula.below, after)
            return replace(formula, above=bracketed(formula.above, after), below=below)
        case Row():
            return replace(formula, parts=_bracketed_parts(formula.parts, after))
        case Lines():
            rows = tuple(_bracketed_parts(cells, False) for cells in formula.rows)
            return replace(formula, rows=rows)
        case Fraction():
            return replace(formula, top=bracketed(formula.top), bottom=bracketed(formula.bottom))
        case Script():
            return replace(formula, base=bracketed(formula.base, True))
        case Group():
            return replace(formula, body=bracketed(formula.body))
        case Total():
            return replace(formula, body=bracketed(formula.body, True))
        case Grid():
            rows = tuple(tuple(bracketed(cell) for cell in row) for row in formula.rows)
            return replace(formula, rows=rows)
    return formula


def _bracketed_parts(parts: Sequence[Formula], after: bool) -> tuple[Formula, ...]:
    done = []
    for part in parts:
        done.append(bracketed(part, after))
        after = _ends_in_operator(part, after)
    return tuple(done)


def _ends_in_operator(formula: Formula, before: bool) -> bool:
    """Whether what follows `formula` follows an operator; `before` if it is empty."""
    if isinstance(formula, Row):
        for part in formula.parts:
            before = _ends_in_operator(part, before)
        return before
    return isinstance(formula, Sign) and formula.text in _OPERATORS


def children(formula: Formula) -> Iterator[Formula]:
    """Yield the formulas that a formula is made of directly."""
    match formula:
        case Row(parts=parts):
            yield from parts
        case Fraction(top=first, bottom=second) | Stack(above=first, below=second):
            yield from (first, second)
        case Total(over=first, body=second):
            yield from (first, second)
        case Script(base=base, sub=sub, sup=sup):
            yield from (part for part in (base, sub, sup) if part is not None)
        case Group(body=body):
            yield body
        case Grid(rows=rows) | Lines(rows=rows):
            for cells in rows:
                yield from cells


def has_chips(formula: Formula) -> bool:
    """Whether there is a `Stack` anywhere in a formula."""
    return isinstance(formula, Stack) or any(has_chips(part) for part in children(formula))


def is_tall(formula: Formula) -> bool:
    """Whether a formula is taller than a line, so that its brackets must be."""
    tall = Fraction | Grid | Lines | Stack | Total
    return isinstance(formula, tall) or any(is_tall(part) for part in children(formula))


@dataclass(frozen=True)
class Pair:
    """One column of a row with chips: what stands in the upper and in the lower line.

    Attributes
    ----------
    above, below : Formula or None
        None leaves the place empty.
    kind : {"chip", "sign", "plain"}
        A chip is a symbol with its number; its colour and key are `role` and `key`.
    """

    above: Formula | None
    below: Formula | None
    kind: Literal["chip", "sign", "plain"] = "plain"
    role: str = ""
    key: str = ""


def pairs_of(formula: Formula) -> list[Pair]:
    """Return a formula with chips as columns of two lines."""
    pairs = _pairs(formula)
    done: list[Pair] = []
    for pair in reversed(pairs):
        # a sign stands in those lines in which something follows it
        if pair.kind == "sign" and done and done[-1].kind != "sign":
            after = done[-1]
            above = pair.above if after.above is not None else None
            pair = replace(pair, above=above, below=pair.below if after.below is not None else None)
        done.append(pair)
    return done[::-1]


def _pairs(formula: Formula) -> list[Pair]:
    match formula:
        case Stack():
            return [Pair(formula.above, formula.below, "chip", formula.role, formula.key)]
        case Sign():
            return [Pair(formula, formula, "sign")]
        case Row() if has_chips(formula):
            return [pair for part in formula.parts for pair in _pairs(part)]
        case Group() if has_chips(formula):
            first, last = (Label(mark, role=formula.role) for mark in formula.brackets)
            return [Pair(first, first, "sign"), *_pairs(formula.body), Pair(last, last, "sign")]
        case Total() if has_chips(formula.body):
            sigma = replace(formula, body=Row(()))
            return [Pair(sigma, Symbol("Σ")), *_pairs(formula.body)]
    return [Pair(None, formula) if _is_numeric(formula) else Pair(formula, None)]


def _is_numeric(formula: Formula) -> bool:
    """Whether a formula holds numbers and signs only."""
    if isinstance(formula, Number):
        return True
    if isinstance(formula, Row | Group | Fraction | Grid):
        return all(isinstance(part, Sign) or _is_numeric(part) for part in children(formula))
    return False


def alignments(rows: Sequence[Sequence[Formula]]) -> list[str]:
    """Return "left", "right" or "center" for each column of a `Lines`."""
    width = max((len(cells) for cells in rows), default=0)
    columns = [[cells[at] for cells in rows if at < len(cells)] for at in range(width)]
    sides, met_sign = [], False
    for number, cells in enumerate(columns):
        filled = [cell for cell in cells if not (isinstance(cell, Row) and not cell.parts)]
        if filled and all(isinstance(cell, Sign) for cell in filled):
            sides.append("center")
            met_sign = True
        elif filled and all(isinstance(_bare(cell), Number) for cell in filled):
            sides.append("right")
        else:
            sides.append("left" if met_sign or number else "right")
    return sides


def _bare(formula: Formula) -> Formula:
    return formula.body if isinstance(formula, Group) else formula
