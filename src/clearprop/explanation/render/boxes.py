"""Blocks of text lines: side by side, one below the other, in brackets.

A `Box` is a block of lines with one that the neighbours' lines are aligned with. Widths are those
of a terminal, where a Chinese character takes two places.

Public names: `Box`, `STYLES`, `beside`, `fenced`, `padded`, `spaced`, `stacked`, `texted`, `toned`,
`toned_box`.
May import: Rich, `formulas`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rich.text import Text as Line

from clearprop.explanation.formulas import Formula, Grid, Label, Number, Script, Sign, Symbol, Total

# readable on light and on dark ground alike
STYLES = {
    "positive": "#2b82bd",
    "negative": "#c9641a",
    "signal": "#6f8096",
    "error": "#b5659c",
    "update": "#158f6c",
    "contrast": "#a8760a",
    "muted": "#7d858f",
    "strong": "bold",
    "code": "bold",
}
# upper end, middle and lower end of brackets over several lines
_TALL = {
    "(": "⎛⎜⎝",
    ")": "⎞⎟⎠",
    "[": "⎡⎢⎣",
    "]": "⎤⎥⎦",
    "|": "│││",
    "‖": "║║║",
    "{": "⎧⎨⎩",
    "}": "⎫⎬⎭",
}
_TIGHT = frozenset(",;!")
_OPENING, _BRACKETS = frozenset("([{"), frozenset("()[]{}")


@dataclass(frozen=True)
class Box:
    """Lines of one width; line `base` stands on the neighbours' line.

    Attributes
    ----------
    lines : tuple of rich.text.Text
    base : int
    """

    lines: tuple[Line, ...]
    base: int = 0

    @property
    def width(self) -> int:
        """Places that the widest line takes."""
        return max((line.cell_len for line in self.lines), default=0)

    @property
    def height(self) -> int:
        """The number of lines."""
        return len(self.lines)


def toned(line: Line, role: str) -> Line:
    """Return a line in the style of a role, where its parts have none of their own."""
    line = line.copy()
    line.stylize_before(STYLES.get(role, ""))
    return line


def toned_box(box: Box, role: str) -> Box:
    """Return a box in the colour of a role, where its parts have none of their own."""
    if role not in STYLES:
        return box
    return replace(box, lines=tuple(toned(line, role) for line in box.lines))


def texted(text: str, role: str = "") -> Box:
    """Return one line of text in the colour of a role."""
    return Box((Line(text, style=STYLES.get(role, "")),))


def padded(box: Box, width: int, side: str = "center") -> Box:
    """Return a box as wide as its column."""
    lines = []
    for line in box.lines:
        room = max(0, width - line.cell_len)
        left = {"left": 0, "right": room, "center": room // 2}[side]
        lines.append(Line.assemble(" " * left, line, " " * (room - left)))
    return Box(tuple(lines), box.base)


def beside(boxes: Iterable[Box]) -> Box:
    """Return boxes side by side, aligned on their bases."""
    boxes = [box for box in boxes if box.lines]
    if not boxes:
        return Box((Line(),))
    above = max(box.base for box in boxes)
    below = max(box.height - box.base for box in boxes)
    lines = [Line() for _ in range(above + below)]
    for box in boxes:
        first, width = above - box.base, box.width
        for number, line in enumerate(lines):
            inside = first <= number < first + box.height
            part = box.lines[number - first] if inside else Line()
            line.append_text(part)
            line.append(" " * (width - part.cell_len))
    return Box(tuple(lines), above)


def stacked(boxes: Iterable[Box], base: int = 0, side: str = "center") -> Box:
    """Return boxes one below the other."""
    boxes = list(boxes)
    width = max(box.width for box in boxes)
    lines = [line for box in boxes for line in padded(box, width, side).lines]
    return Box(tuple(lines), base)


def fenced(box: Box, brackets: str, role: str = "") -> Box:
    """Return a box between two brackets as tall as it is."""
    first, last = brackets[0], brackets[1]
    return beside((_fence(first, box, role), box, _fence(last, box, role)))


def _fence(mark: str, box: Box, role: str) -> Box:
    if box.height == 1:
        return texted(mark, role)
    parts = _TALL.get(mark, mark * 3)
    marks = parts[0] + parts[1] * (box.height - 2) + parts[2]
    return Box(tuple(Line(one, style=STYLES.get(role, "")) for one in marks), box.base)


def spaced(parts: Sequence[Formula], printer: Callable[[Formula], Box]) -> list[Box]:
    """Return the parts of a row with air around its signs, but not around a sign in front."""
    boxes, before = [], True
    for part in parts:
        if isinstance(part, Sign):
            text = part.text
            text = f"{text} " if text in _TIGHT else text if before else f" {text} "
            boxes.append(texted(text, part.role))
            before = part.text not in _TIGHT
        else:
            if not before and boxes and _touch(boxes[-1], part):
                boxes.append(texted(" "))
            boxes.append(printer(part))
            # behind an opening bracket a sign stands in front
            before = isinstance(part, Label) and part.text in _OPENING
    return boxes


def _touch(left: Box, part: Formula) -> bool:
    """Whether two parts would run into each other: two letters, a number and a letter."""
    end = part.base if isinstance(part, Script) else part
    if isinstance(end, Label) and end.text in _BRACKETS:
        return False
    last = left.lines[left.base].plain[-1:]
    loose = Symbol | Number | Grid | Script | Total | Label
    return (last.isalnum() or last in "⎤])₀₁₂₃₄₅₆₇₈₉⁾ᵀ") and isinstance(part, loose)
