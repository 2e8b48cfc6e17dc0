"""A surface seen from above, as a scene: colours, lines of equal height, a run's path on it.

Public names: `heat_scene`.
May import: `scene`, `axes`, `contours`, `measure`, `spots`, `numbers`, NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.axes import Axis, axis_over, bottom_axis, left_axis
from clearprop.explanation.scenes.contours import contour
from clearprop.explanation.scenes.measure import Box, box_of
from clearprop.explanation.scenes.scene import Circle, Heat, Mark, Path, Rect, Scene, Words
from clearprop.explanation.scenes.spots import Spot, head_of, spot_marks

MOST_STEPS = 60  # steps of a path that get a dot each


def heat_scene(
    title: str,
    values: np.ndarray,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    *,
    x_label: str,
    y_label: str,
    path: tuple[Sequence[float], Sequence[float]] | None = None,
    contours: int | Sequence[float] = 8,
    zero: float | None = None,
    marks: Sequence[Spot] = (),
    description: str = "",
    width: float = 480.0,
    height: float = 420.0,
) -> Scene:
    """Return a surface seen from above: colours, lines of equal height, and a path on it.

    Parameters
    ----------
    title : str
        The finding.
    values : (rows, columns) array
        Heights on a grid: rows from the lower to the upper end of y, columns along x, both ends
        included.
    x_range, y_range : (low, high)
    x_label, y_label : str
    path : (x, y), optional
        The points of a run, first to last; the first is a ring, the last a disc.
    contours : int or sequence of float
        How many lines of equal height, spaced in equal shares of the surface, or their heights.
    zero : float, optional
        The height painted white; the lowest where absent.
    marks : sequence of Spot
    description : str
    width, height : float
        Of the whole picture, without the title.
    """
    values = np.asarray(values, dtype=np.float64)
    head, top = head_of(title, width)
    x_axis, y_axis = axis_over(x_range, tight=True), axis_over(y_range, tight=True)
    left = 12 + y_axis.room
    right = width - 76
    x_axis, y_axis = x_axis.over(left, right), y_axis.over(top + height - 56, top + 32)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    zero = low if zero is None else zero
    limit = max(high - zero, zero - low) or 1.0
    area = (left, y_axis.stop, right - left, y_axis.start - y_axis.stop)
    drawn: list[Mark] = [*head, Heat(*area, _cells(values), limit, zero)]
    drawn += _contour_marks(values, _levels(values, contours), area)
    drawn += left_axis(y_axis, left, left, y_label) + bottom_axis(x_axis, y_axis.start, x_label)
    drawn += _colour_bar(low, high, zero, limit, right + 16, y_axis)
    if path is not None:
        drawn += _path_marks(path, x_axis, y_axis)
    drawn += [_on_paper(mark) for mark in spot_marks(marks, x_axis, y_axis)]
    return Scene(width, top + height, tuple(drawn), title, description)


def _cells(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Return the cells between grid points, each the mean of its corners, uppermost row first."""
    corners = [values[:-1, :-1], values[:-1, 1:], values[1:, :-1], values[1:, 1:]]
    cells = np.mean(corners, axis=0)[::-1]
    return tuple(tuple(row) for row in cells.tolist())


def _levels(values: np.ndarray, contours: int | Sequence[float]) -> list[float]:
    if not isinstance(contours, int):
        return [float(level) for level in contours]
    finite = values[np.isfinite(values)]
    shares = (np.arange(contours) + 0.5) / contours
    return sorted({float(f"{level:.2g}") for level in np.quantile(finite, shares)})


def _contour_marks(
    values: np.ndarray, levels: Sequence[float], area: tuple[float, float, float, float]
) -> list[Mark]:
    left, top, width, height = area
    across, down = width / (values.shape[1] - 1), height / (values.shape[0] - 1)
    inside = Box(left + 4, top + 4, left + width - 4, top + height - 4)
    lines: list[Mark] = []
    labels: list[Mark] = []
    taken: list[Box] = []
    for level in levels:
        segments = contour(values, level)
        ends = [
            (
                left + x1 * across,
                top + height - y1 * down,
                left + x2 * across,
                top + height - y2 * down,
            )
            for x1, y1, x2, y2 in segments
        ]
        commands = [c for a, b, c1, d in ends for c in (("M", a, b), ("L", c1, d))]
        if commands:
            title = figure(level)
            lines.append(Path(tuple(commands), role="pen", opacity=0.45, title=title))
            labels += _contour_label(level, ends, inside, taken)
    return lines + labels


def _contour_label(
    level: float, ends: list[tuple[float, float, float, float]], inside: Box, taken: list[Box]
) -> list[Mark]:
    """Return a line's height beside it, at the first of some places where it is free."""
    for x1, y1, x2, y2 in ends[:: max(1, len(ends) // 24)]:
        place = ((x1 + x2) / 2, (y1 + y2) / 2 + 4)
        label = Words(*place, figure(level, 2), 10.0, role="pen")
        box = box_of(label)
        fits = box.left > inside.left and box.right < inside.right
        fits = fits and box.top > inside.top and box.bottom < inside.bottom
        if fits and not any(box.meets(other) for other in taken):
            taken.append(Box(box.left - 8, box.top - 8, box.right + 8, box.bottom + 8))
            plate = Rect(
                box.left - 2,
                box.top,
                box.right - box.left + 4,
                box.bottom - box.top,
                2,
                fill="paper",
                opacity=0.7,
            )
            return [plate, label]
    return []


def _colour_bar(
    low: float, high: float, zero: float, limit: float, left: float, y_axis: Axis
) -> list[Mark]:
    steps = 48
    shades = tuple((high - (high - low) * (i + 0.5) / steps,) for i in range(steps))
    height = min(180.0, y_axis.start - y_axis.stop)
    axis = axis_over((low, high), tight=True, count=4).over(y_axis.stop + height, y_axis.stop)
    marks: list[Mark] = [Heat(left, y_axis.stop, 12, height, shades, limit, zero)]
    for value, text in axis.ticks:
        marks.append(Words(left + 17, axis.at(value) + 4, text, 11.0, "start", role="muted"))
    return marks


def _path_marks(
    path: tuple[Sequence[float], Sequence[float]], x_axis: Axis, y_axis: Axis
) -> list[Mark]:
    """Return a run's path over a surface, with a light line under it; y from left to right."""
    points = [
        (x_axis.at(float(x)), y_axis.at(float(y)))
        for x, y in zip(*path, strict=True)
        if math.isfinite(x) and math.isfinite(y)
    ]
    if not points:
        return []
    commands = tuple(("M" if i == 0 else "L", *point) for i, point in enumerate(points))
    marks: list[Mark] = [
        Path(commands, role="paper", width=4.0, opacity=0.8),
        Path(commands, role="pen", width=1.8),
    ]
    if len(points) <= MOST_STEPS:
        marks += [Circle(x, y, 2.2, fill="pen") for x, y in points[1:-1]]
    marks.append(Circle(*points[0], 4.5, role="pen", fill="paper", width=1.8))
    marks.append(Circle(*points[-1], 4.5, role="paper", fill="pen", width=1.5))
    return marks


def _on_paper(mark: Mark) -> Mark:
    """Return a spot's mark in the colours that stay the same over a surface."""
    if isinstance(mark, Words):
        return replace(mark, role="pen", plate=True)
    role, fill = ("pen" if mark.role else ""), ("pen" if mark.fill else "")
    return replace(mark, role=role, fill=fill)
