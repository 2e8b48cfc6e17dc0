"""Mathematics as data: a small tree that MathML, LaTeX and plain text are printed from.

Every node carries two marks that printers turn into colour and into links:

- `role` says what it is: `"signal"`, `"error"`, `"update"`, `"positive"`, `"negative"`, `"muted"`,
  or nothing; see `scenes.palette`.
- `key` says which number of the network it stands for. The same key is on the number's chip in a
  formula, its edge or half-neuron in a picture and its cell in a matrix, and pointing at one of
  them lights the others. Keys: `w1.0.2` and `b1.0` (a parameter, `Place.key`), `z1.0`, `a1.0`
  (`a0.0` is an input), `f1.0` (the slope f'(z)), `d1.0` (δ), `c1.0` (an error carried without
  slope), `g1.0.2` (a gradient), `e0` (∂E/∂a of an output), `E`.

Public names: the nodes below, and `row`, `sign`, `called`, `product`, `plus`.
May import: nothing of the package.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Formula:
    """A piece of mathematics. The base of all nodes."""

    role: str = ""
    key: str = ""


@dataclass(frozen=True)
class Symbol(Formula):
    """A letter, with what stands at its foot and its head: z with foot 1 and head (2)."""

    name: str
    sub: str = ""
    sup: str = ""


@dataclass(frozen=True)
class Number(Formula):
    """A value, shown with `digits` significant digits; all of them on pointing and on copying."""

    value: float
    digits: int = 4


@dataclass(frozen=True)
class Label(Formula):
    """Upright text inside a formula, such as the name of a unit."""

    text: str


@dataclass(frozen=True)
class Sign(Formula):
    """An operator or relation, such as = · + − ⊙ ≈ →."""

    text: str


@dataclass(frozen=True)
class Row(Formula):
    """Nodes side by side."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Fraction(Formula):
    """top / bottom."""

    top: Formula
    bottom: Formula


@dataclass(frozen=True)
class Script(Formula):
    """A base with foot and head that are formulas themselves: Wᵀ, (…)²."""

    base: Formula
    sub: Formula | None = None
    sup: Formula | None = None


@dataclass(frozen=True)
class Group(Formula):
    """A body in brackets; `brackets` are two characters."""

    body: Formula
    brackets: str = "()"


@dataclass(frozen=True)
class Total(Formula):
    """Σ over something, of a body."""

    over: Formula
    body: Formula


@dataclass(frozen=True)
class Stack(Formula):
    """A symbol above and its number below: a chip of the chain rule."""

    above: Formula
    below: Formula


@dataclass(frozen=True)
class Grid(Formula):
    """A matrix or vector in brackets; labels name its rows and columns where given."""

    rows: tuple[tuple[Formula, ...], ...]
    row_labels: tuple[str, ...] = ()
    column_labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lines(Formula):
    """Lines of cells, aligned cell under cell: an equation over several lines."""

    rows: tuple[tuple[Formula, ...], ...]


def row(*parts: Formula, role: str = "", key: str = "") -> Row:
    """Return nodes side by side."""
    return Row(parts, role=role, key=key)


def sign(text: str) -> Sign:
    """Return an operator or relation."""
    return Sign(text)


def called(function: Formula, argument: Formula) -> Row:
    """Return f(argument)."""
    return row(function, Group(argument))


def joined(between: str, parts: Iterable[Formula]) -> Row:
    """Return parts with a sign between them."""
    woven: list[Formula] = []
    for part in parts:
        if woven:
            woven.append(Sign(between))
        woven.append(part)
    return Row(tuple(woven))


def product(parts: Iterable[Formula]) -> Row:
    """Return factors with · between them."""
    return joined("·", parts)


def plus(parts: Iterable[Formula]) -> Row:
    """Return summands with + between them; printers bracket negative numbers."""
    return joined("+", parts)
