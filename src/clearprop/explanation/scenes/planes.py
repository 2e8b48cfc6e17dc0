"""What each neuron of a network of two inputs gives over the input plane, as heat maps.

Public names: `planes_of`.
May import: `figures`, `layout`, `halves`, `scene`, `clearprop.equations`, NumPy.
"""

from __future__ import annotations

import numpy as np

from clearprop.equations import forward
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.halves import half
from clearprop.explanation.scenes.layout import Layout, Unit
from clearprop.explanation.scenes.scene import Heat

CELLS = 24


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
    ways = [
        np.linspace(start, stop, CELLS)
        for start, stop in zip(low - around, high + around, strict=True)
    ]
    plane = np.stack([part.ravel() for part in np.meshgrid(*ways)], axis=1)
    vector = np.asarray(figures.trace.vector, dtype=np.float64)
    activations = forward(np, network, vector, plane).a
    return {
        (layer, unit): _heat(layout, (layer, unit), activations[layer - 1][:, unit])
        for layer, unit in layout.centres
        if layer
    }


def _heat(layout: Layout, unit: Unit, values: np.ndarray) -> Heat:
    x, y = layout.centres[unit]
    radius = layout.radius(unit[0])
    grid = values.reshape(CELLS, CELLS)[::-1]
    finite = values[np.isfinite(values)]
    return Heat(
        x,
        y - radius,
        radius,
        2 * radius,
        tuple(tuple(row) for row in grid.tolist()),
        limit=float(np.abs(finite).max(initial=0.0)) or 1.0,
        clip=half(x, y, radius, right=True),
        key=f"a{unit[0]}.{unit[1]}",
    )
