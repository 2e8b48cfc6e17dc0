"""What each neuron of a network of two inputs gives over the input plane, as heat maps.

Public names: `CELLS`, `cells_for`, `heat_at`, `limit_of`, `planes_of`, `points_of`.
May import: `figures`, `layout`, `halves`, `scene`, `clearprop.equations`,
`clearprop.network`, NumPy.
"""

from __future__ import annotations

import math

import numpy as np

from clearprop.equations import forward
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.halves import half
from clearprop.explanation.scenes.layout import Layout, Unit
from clearprop.explanation.scenes.scene import Heat
from clearprop.network import Network

CELLS = 24
# multiplications that a live map may take, and the fewest cells of a side
MAP_WORK, LEAST_CELLS = 40_000_000, 10


def planes_of(figures: Figures, layout: Layout) -> dict[Unit, Heat]:
    """Return a heat map for each neuron that is shown, cut out as the right half of its circle.

    The plane spans the rows of the trace with half their extent around; x1 runs to the right, x2
    upwards. Colours span ± the largest |a| of the neuron. A network of other than two inputs has
    none.
    """
    network = figures.trace.network
    if network.inputs != 2:
        return {}
    x = np.asarray(figures.trace.x, dtype=np.float64)
    low, high = x.min(axis=0), x.max(axis=0)
    around = np.where(high > low, (high - low) / 2, 1.0)
    plane = points_of(low - around, high + around)
    vector = np.asarray(figures.trace.vector, dtype=np.float64)
    activations = forward(np, network, vector, plane).a
    heats = {}
    for layer, unit in layout.centres:
        if layer:
            values = activations[layer - 1][:, unit]
            grid = tuple(tuple(row) for row in values.reshape(CELLS, CELLS)[::-1].tolist())
            heats[layer, unit] = heat_at(layout, (layer, unit), grid, limit_of(values))
    return heats


def cells_for(network: Network, most: int) -> int:
    """Return the cells of a side of a map that a live picture can have, at most `most`.

    A wide network has coarser maps, so that a picture takes some milliseconds.
    """
    affordable = math.isqrt(MAP_WORK // max(1, network.size))
    return max(LEAST_CELLS, min(most, affordable))


def points_of(low: np.ndarray, high: np.ndarray, cells: int = CELLS) -> np.ndarray:
    """Return a grid over the plane of two inputs, (cells², 2), the lowest x2 first."""
    ways = [np.linspace(start, stop, cells) for start, stop in zip(low, high, strict=True)]
    return np.stack([part.ravel() for part in np.meshgrid(*ways)], axis=1)


def limit_of(values: np.ndarray) -> float:
    """Return the largest finite |value|; 1 where all are 0."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0


def heat_at(layout: Layout, unit: Unit, grid: tuple[tuple[float, ...], ...], limit: float) -> Heat:
    """Return a heat map as the right half of a neuron's circle; its uppermost row is first."""
    x, y = layout.centres[unit]
    radius = layout.radius(unit[0])
    return Heat(
        x,
        y - radius,
        radius,
        2 * radius,
        grid,
        limit=limit,
        clip=half(x, y, radius, right=True),
        key=f"a{unit[0]}.{unit[1]}",
    )
