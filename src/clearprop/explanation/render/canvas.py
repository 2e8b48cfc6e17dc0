"""A scene in dots: each place of the terminal holds 2 × 4 of them (Braille), texts stand above.

Public names: `drawn`.
May import: Rich, `scenes.scene`, `scenes.palette`, `boxes` (its colours).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from rich.cells import cell_len, chop_cells
from rich.text import Text

from clearprop.explanation.render.boxes import STYLES
from clearprop.explanation.scenes.palette import heat_colour
from clearprop.explanation.scenes.scene import Circle, Heat, Line, Mark, Path, Rect, Scene, Words

Point = tuple[float, float]

# dots a pixel at most, so that small pictures stay small
_LARGEST_SCALE = 0.25
# structure that would only be noise in dots
_LEFT_OUT = frozenset(("grid", "halo", "ground", "panel", "paper", ""))
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def drawn(scene: Scene, width: int) -> list[Text]:
    """Return a scene as lines of at most `width` places."""
    scale = min(2 * width / scene.width, _LARGEST_SCALE)
    canvas = _Canvas(scale, math.ceil(scene.width * scale / 2), math.ceil(scene.height * scale / 4))
    # at this size a legend's words would hide its samples
    for mark in scene.marks[: len(scene.marks) - scene.legend]:
        if not _is_title(mark, scene):
            _PAINTERS[type(mark)](canvas, mark)
    lines = list(canvas.lines())
    filled = [number for number, line in enumerate(lines) if line.plain]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def _is_title(mark: Mark, scene: Scene) -> bool:
    """Whether a mark is the scene's title or a line of it, which the terminal prints as text."""
    return isinstance(mark, Words) and mark.bold and mark.text != "" and mark.text in scene.title


@dataclass
class _Canvas:
    """Places with dots, letters and grounds.

    Attributes
    ----------
    scale : float
        Dots a pixel of the scene.
    columns, rows : int
        Places.
    """

    scale: float
    columns: int
    rows: int
    dots: dict[tuple[int, int], int] = field(default_factory=dict)
    styles: dict[tuple[int, int], str] = field(default_factory=dict)
    letters: dict[tuple[int, int], str] = field(default_factory=dict)
    grounds: dict[tuple[int, int], str] = field(default_factory=dict)

    def dot(self, point: Point, role: str) -> None:
        """Set one dot."""
        x, y = (int(value * self.scale) for value in point)
        place = y // 4, x // 2
        if 0 <= place[0] < self.rows and 0 <= place[1] < self.columns:
            self.dots[place] = self.dots.get(place, 0) | _DOTS[y % 4][x % 2]
            self.styles[place] = STYLES.get(role, "")

    def stroke(self, points: list[Point], mark: Mark) -> None:
        """Draw from point to point, with the mark's dashes."""
        period, run = sum(mark.dash), 0.0
        for (x1, y1), (x2, y2) in pairwise(points):
            length = math.hypot(x2 - x1, y2 - y1)
            steps = max(1, math.ceil(length * self.scale))
            for step in range(steps + 1):
                share = step / steps
                if period and (run + share * length) % period >= mark.dash[0]:
                    continue
                self.dot((x1 + share * (x2 - x1), y1 + share * (y2 - y1)), mark.role)
            run += length

    def write(self, mark: Words) -> None:
        """Write a text, unless another one stands there."""
        size = cell_len(mark.text)
        back = {"start": 0.0, "middle": size / 2, "end": float(size)}[mark.anchor]
        first = round(mark.x * self.scale / 2 - back)
        first = max(0, min(first, self.columns - size))
        row = min(self.rows - 1, max(0, int((mark.y - mark.size / 3) * self.scale / 4)))
        for _ in range(2):  # two texts stand apart
            first += self._told(row, first - 1) and first + size < self.columns
        places = [(row, column) for column in range(first, first + size)]
        if any(self._told(*place) for place in places):
            return
        for letter in chop_cells(mark.text, 1):
            for number, column in enumerate(range(first, first + cell_len(letter))):
                # a wide letter takes two places, the second of them is empty
                self.letters[row, column] = "" if number else letter
                self.styles[row, column] = STYLES.get(mark.role, "")
            first += cell_len(letter)

    def _told(self, row: int, column: int) -> bool:
        """Whether a text stands at a place."""
        wide = column > 0 and cell_len(self.letters.get((row, column - 1), "")) == 2
        return wide or bool(self.letters.get((row, column), "").strip("+−· "))

    def lines(self) -> Iterator[Text]:
        """Yield the lines from top to bottom."""
        for row in range(self.rows):
            line = Text(no_wrap=True, overflow="crop")
            for column in range(self.columns):
                place = row, column
                letter = self.letters.get(place)
                if letter is None:
                    letter = chr(0x2800 + self.dots[place]) if place in self.dots else " "
                line.append(letter, self._style(place))
            line.rstrip()
            yield line

    def _style(self, place: tuple[int, int]) -> str:
        ground = self.grounds.get(place)
        return f"#111417 on {ground}" if ground else self.styles.get(place, "")


def _line(canvas: _Canvas, mark: Line) -> None:
    if mark.role not in _LEFT_OUT:
        canvas.stroke([(mark.x1, mark.y1), (mark.x2, mark.y2)], mark)


def _path(canvas: _Canvas, mark: Path) -> None:
    if mark.role not in _LEFT_OUT:
        for points in _flattened(mark.commands):
            canvas.stroke(points, mark)


def _circle(canvas: _Canvas, mark: Circle) -> None:
    role = mark.role if mark.role not in _LEFT_OUT else mark.fill
    if role in _LEFT_OUT:
        return
    turns = [2 * math.pi * step / 24 for step in range(25)]
    r = mark.radius
    canvas.stroke([(mark.x + r * math.cos(t), mark.y + r * math.sin(t)) for t in turns], mark)


def _rect(canvas: _Canvas, mark: Rect) -> None:
    right, foot = mark.x + mark.w, mark.y + mark.h
    if mark.fill not in _LEFT_OUT:
        step = 1 / canvas.scale
        for row in range(math.ceil(mark.h / step)):
            for column in range(math.ceil(mark.w / step)):
                canvas.dot((mark.x + column * step, mark.y + row * step), mark.fill)
    elif mark.role not in _LEFT_OUT:
        corners = [(mark.x, mark.y), (right, mark.y), (right, foot), (mark.x, foot)]
        canvas.stroke([*corners, corners[0]], mark)


def _heat(canvas: _Canvas, mark: Heat) -> None:
    rows, columns = len(mark.values), len(mark.values[0])
    across, down = 2 / canvas.scale, 4 / canvas.scale
    for row in range(round(mark.y / down), round((mark.y + mark.h) / down)):
        for column in range(round(mark.x / across), round((mark.x + mark.w) / across)):
            up = ((row + 0.5) * down - mark.y) / mark.h
            along = ((column + 0.5) * across - mark.x) / mark.w
            if 0 <= up < 1 and 0 <= along < 1:
                value = mark.values[int(up * rows)][int(along * columns)]
                red, green, blue = heat_colour(value, mark.limit, mark.zero)
                canvas.grounds[row, column] = f"#{red:02x}{green:02x}{blue:02x}"
                # never colour alone
                apart = (value - mark.zero) / (mark.limit or 1)
                canvas.letters[row, column] = "+" if apart > 0.2 else "−" if apart < -0.2 else "·"


_PAINTERS: dict[type, Callable[[_Canvas, Any], None]] = {
    Line: _line,
    Path: _path,
    Circle: _circle,
    Rect: _rect,
    Heat: _heat,
    Words: _Canvas.write,
}


def _flattened(commands: tuple[tuple[Any, ...], ...]) -> Iterator[list[Point]]:
    """Yield a path's strokes as points; curves in twelve pieces, arcs as their chords' bows."""
    points: list[Point] = []
    for name, *numbers in commands:
        if name == "M":
            yield points
            points = []
        if name == "Z":
            points.append(points[0])
        elif name == "C":
            points += _bezier(points[-1], *zip(numbers[::2], numbers[1::2], strict=True))
        elif name == "A":
            points += _arc(points[-1], numbers)
        else:
            points += zip(numbers[::2], numbers[1::2], strict=True)
    yield points


def _bezier(start: Point, first: Point, second: Point, end: Point) -> list[Point]:
    def along(axis: int, t: float) -> float:
        points = start[axis], first[axis], second[axis], end[axis]
        shares = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
        return sum(point * share for point, share in zip(points, shares, strict=True))

    return [(along(0, step / 12), along(1, step / 12)) for step in range(1, 13)]


def _arc(start: Point, numbers: list[float]) -> list[Point]:
    """Return points on a circle's arc; (radius, radius, turn, large, sweep, x, y) as in SVG."""
    radius, _, _, large, sweep, x, y = numbers
    dx, dy = (x - start[0]) / 2, (y - start[1]) / 2
    half = math.hypot(dx, dy)
    if not half:
        return []
    radius = max(radius, half)
    away = math.sqrt(radius**2 - half**2) / half * (1 if bool(large) != bool(sweep) else -1)
    centre = start[0] + dx - away * dy, start[1] + dy + away * dx
    first = math.atan2(start[1] - centre[1], start[0] - centre[0])
    last = math.atan2(y - centre[1], x - centre[0])
    if sweep and last <= first:
        last += 2 * math.pi
    elif not sweep and last >= first:
        last -= 2 * math.pi
    turns = [first + (last - first) * step / 12 for step in range(1, 13)]
    return [(centre[0] + radius * math.cos(t), centre[1] + radius * math.sin(t)) for t in turns]
