"""Back-propagation against central differences, in float64, with the worst entry named.

A difference that straddles a kink (relu at 0) is no derivative. Such entries are told by their two
one-sided slopes, which differ by far more than curvature explains; they are counted and left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop.engines import Block, Recipe, build
from clearprop.equations import Penalty
from clearprop.network import Network, Parameters

STEP = 1e-5


@dataclass(frozen=True)
class GradientCheck:
    """The outcome of a gradient check.

    Attributes
    ----------
    error : float
        ‖backprop - differences‖ / (‖backprop‖ + ‖differences‖) over the entries checked.
    tolerance : float
    checked, kinks, size : int
        Entries compared, entries left out at kinks, and parameters in all.
    worst : str
        The entry that differs most, such as `"W1[3, 7]"`.
    backprop, differences : float
        Its two values.
    """

    error: float
    tolerance: float
    checked: int
    kinks: int
    size: int
    worst: str
    backprop: float
    differences: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance, and anything was checked."""
        return self.checked > 0 and self.error <= self.tolerance


def check_gradient(
    parameters: Parameters,
    x: Any,
    y: Any,
    weights: Any = None,
    *,
    penalty: Penalty | None = None,
    engine: str = "native",
    entries: int = 2000,
    tolerance: float = 1e-6,
) -> GradientCheck:
    """Compare an engine's gradient with central differences of the reference engine's loss.

    Parameters
    ----------
    parameters : Parameters
        The network and where to check it; both are taken to float64.
    x, y, weights
        Data, as for `Block.of`; a few dozen rows are enough.
    entries : int
        At most this many parameters are nudged; a random choice of them in larger networks.

    Raises
    ------
    ShapeError, DataError
        If the data do not fit the network.
    """
    network = replace(parameters.network, dtype="float64")
    vector = parameters.vector.astype(np.float64)
    block = Block.of(network, x, y, weights)
    recipe = Recipe(penalty=penalty or Penalty())
    gradient = build(engine, network, recipe).gradient(vector, block)[1]
    reference = build("reference", network, recipe)

    def objective(point: np.ndarray) -> float:
        return reference.gradient(point, block)[0]

    chosen = _choose(network.size, entries)
    here = objective(vector)
    right, left = np.empty(len(chosen)), np.empty(len(chosen))
    for place, entry in enumerate(chosen):
        step = np.zeros_like(vector)
        step[entry] = STEP
        right[place] = (objective(vector + step) - here) / STEP
        left[place] = (here - objective(vector - step)) / STEP
    slopes = 0.5 * (right + left)
    smooth = np.abs(right - left) <= 1e-2 * (np.abs(slopes) + np.abs(slopes).max() + 1e-12)
    return _verdict(network, gradient[chosen], slopes, chosen, smooth, tolerance)


def _choose(size: int, entries: int) -> np.ndarray:
    if size <= entries:
        return np.arange(size)
    generator = np.random.Generator(np.random.Philox(0))
    return np.sort(generator.choice(size, entries, replace=False))


def _verdict(
    network: Network,
    gradient: np.ndarray,
    slopes: np.ndarray,
    chosen: np.ndarray,
    smooth: np.ndarray,
    tolerance: float,
) -> GradientCheck:
    difference = np.where(smooth, np.abs(gradient - slopes), 0)
    worst = int(np.argmax(difference))
    scale = np.linalg.norm(gradient[smooth]) + np.linalg.norm(slopes[smooth])
    error = float(np.linalg.norm(difference) / scale) if scale else float(difference.max())
    return GradientCheck(
        error=error,
        tolerance=tolerance,
        checked=int(smooth.sum()),
        kinks=int((~smooth).sum()),
        size=network.size,
        worst=entry_name(network, int(chosen[worst])),
        backprop=float(gradient[worst]),
        differences=float(slopes[worst]),
    )


def entry_name(network: Network, entry: int) -> str:
    """Return the name of one entry of the parameter vector: `"W1[3, 7]"` is row 3, column 7."""
    for segment in network.segments:
        if entry < segment.stop:
            inside = entry - segment.start
            if len(segment.shape) == 1:
                return f"{segment.name}[{inside}]"
            source, unit = divmod(inside, segment.shape[0])
            return f"{segment.name}[{unit}, {source}]"
    raise IndexError(entry)
