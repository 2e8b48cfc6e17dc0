"""Long formulas in several lines: broken before = and +, where need be inside brackets.

Public names: `BREAKS`, `atoms`, `broken`, `extent`.
May import: `formulas`, `numbers`, `layout`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Label,
    Number,
    Row,
    Script,
    Sign,
    Symbol,
)
from clearprop.explanation.numbers import figure
from clearprop.explanation.render.layout import children, has_chips, is_tall

# signs that a line may begin with: 2 rather than 1
BREAKS = {"=": 2, "+": 2, "−": 2, "≈": 2, "→": 2, "·": 1, "⊙": 1}
_INDENT = Label("\u2003")


def atoms(formula: Formula, wide: Callable[[Formula], bool]) -> Iterator[Formula]:
    """Yield the parts that a formula can be broken between: rows and what is wide are opened."""
    match formula:
        case Row(role="") if not has_chips(formula):
            for part in formula.parts:
                yield from atoms(part, wide)
        case Group(body=body, brackets=marks) if wide(formula) and not is_tall(body):
            yield Label(marks[0], role=formula.role)
            yield from atoms(body, wide)
            yield Label(marks[1], role=formula.role)
        case Script(base=Group() as base, sub=None) if wide(formula):
            *opened, last = atoms(base, wide)
            yield from opened
            yield Script(last, sup=formula.sup)
        case _:
            yield formula


def broken(formula: Formula, room: float, *, indent: bool = True) -> list[Formula]:
    """Return a formula as lines of about `room` letters; later ones are set in by `indent`."""
    if extent(formula) <= room or has_chips(formula):
        return [formula]
    parts = list(atoms(formula, lambda part: extent(part) > room / 2))
    ends = [*accumulate(map(extent, parts))]
    lines: list[Formula] = []
    start = 0
    while start < len(parts):
        limit = room + (ends[start - 1] if start else 0)
        end = _end_of_line(parts, ends, start, limit)
        line = parts[start:end]
        lines.append(Row(tuple([_INDENT, *line] if start and indent else line)))
        start = end
    return lines


def _end_of_line(parts: Sequence[Formula], ends: Sequence[float], start: int, limit: float) -> int:
    """Return where a line ends: as late as fits, rather before + than before ·."""
    if ends[-1] <= limit:
        return len(parts)
    after = [at for at in range(start + 1, len(parts)) if _ease(parts, at)]
    fitting = [at for at in after if ends[at - 1] <= limit]
    easy = [at for at in fitting if _ease(parts, at) == 2]
    return max(easy or fitting or after[:1] or [len(parts)])


def _ease(parts: Sequence[Formula], at: int) -> int:
    """Return how well a line begins with a part; a sign in front of a number stays with it."""
    part, before = parts[at], parts[at - 1]
    in_front = isinstance(before, Sign) or (isinstance(before, Label) and before.text in "([{")
    return BREAKS.get(part.text, 0) if isinstance(part, Sign) and not in_front else 0


def extent(formula: Formula) -> float:
    """Return about how many letters wide a formula is."""
    match formula:
        case Symbol():
            return len(formula.name) + 0.6 * max(len(formula.sub), len(formula.sup))
        case Number():
            return float(len(figure(formula.value, formula.digits)))
        case Label():
            return float(len(formula.text))
        case Sign():
            return len(formula.text) + 1.5
        case Fraction():
            return max(extent(formula.top), extent(formula.bottom))
        case Group():
            return extent(formula.body) + 1.5
    return sum(map(extent, children(formula)))
