"""Lines of equal height on a grid of values, by marching squares.

Public names: `Segment`, `contour`.
May import: nothing of the package.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Segment(NamedTuple):
    """A piece of a line of equal height, in units of columns and rows of the grid."""

    x1: float
    y1: float
    x2: float
    y2: float


def contour(values: np.ndarray, level: float) -> list[Segment]:
    """Return the line on which a grid's values, interpolated, equal `level`.

    Parameters
    ----------
    values : (rows, columns) array
        Cells with a value that is not finite are left out.
    level : float
    """
    above = values > level
    mixed = (
        np.add.reduce([above[:-1, :-1], above[:-1, 1:], above[1:, :-1], above[1:, 1:]], dtype=int)
        % 4
        > 0
    )
    segments: list[Segment] = []
    for row, column in np.argwhere(mixed):
        cell = values[row : row + 2, column : column + 2]
        if np.isfinite(cell).all():
            points = _crossings(cell, level)
            # at a saddle, four points: joined in the order in which they go round the cell
            for (x1, y1), (x2, y2) in zip(points[::2], points[1::2], strict=False):
                segments.append(Segment(column + x1, row + y1, column + x2, row + y2))
    return segments


def _crossings(cell: np.ndarray, level: float) -> list[tuple[float, float]]:
    """Return where the level crosses a cell's edges, going round it; (0, 0) is its first corner."""
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    heights = [float(cell[int(y), int(x)]) - level for x, y in corners]
    points = []
    for index, (x1, y1) in enumerate(corners):
        x2, y2 = corners[(index + 1) % 4]
        here, there = heights[index], heights[(index + 1) % 4]
        if (here > 0) != (there > 0):
            share = here / (here - there)
            points.append((x1 + share * (x2 - x1), y1 + share * (y2 - y1)))
    return points
