"""Back-propagation against central differences, in float64, with the worst entry named.

A difference that straddles a kink (relu at 0) is no derivative. The slopes to the right and to the
left differ there by the same however short the step is, while curvature lets them differ in
proportion to it; so two lengths of step tell a kink. Such entries are counted and left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop.engines import Block, Recipe, Trace, build
from clearprop.equations import Penalty
from clearprop.functions import CustomLoss
from clearprop.network import Network, Parameters

STEP = 1e-5
# the second, shorter step, by which a kink is told from curvature
SHORT = 1e-6


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
    slopes, smooth = _slopes(objective, vector, chosen)
    return _verdict(network, gradient[chosen], slopes, chosen, smooth, tolerance)


def _slopes(
    objective: Callable[[np.ndarray], float], vector: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the central differences of the chosen entries, and where there is no kink."""
    here = objective(vector)
    # the objective at -STEP, -SHORT, SHORT and STEP along each entry
    values = np.empty((4, len(chosen)))
    for place, entry in enumerate(chosen):
        for row, step in enumerate((-STEP, -SHORT, SHORT, STEP)):
            moved = vector.copy()
            moved[entry] += step
            values[row, place] = objective(moved)
    slopes = (values[3] - values[0]) / (2 * STEP)
    # right slope less left slope; what is left when curvature is taken out is a kink
    long = (values[3] + values[0] - 2 * here) / STEP
    short = (values[2] + values[1] - 2 * here) / SHORT
    kink = np.abs(short - long * (SHORT / STEP))
    rounding = 32 * np.finfo(np.float64).eps * max(1.0, abs(here)) / SHORT
    return slopes, kink <= 2e-7 * np.abs(slopes).max() + rounding


def slope_of_weight(trace: Trace, layer: int, unit: int, source: int, step: float = 1e-6) -> float:
    """Return the central difference of a trace's loss along one weight, in float64.

    Parameters
    ----------
    trace : Trace
        Without dropout.
    layer : int
        1 for the first.
    unit, source : int
        The weight leads from unit `source` of the layer before into `unit`.
    """
    # the trace's targets are smoothed already, and its coefficients are those of a mean
    loss = trace.network.objective
    plain = loss if isinstance(loss, CustomLoss) else replace(loss, label_smoothing=0.0)
    network = replace(trace.network, dtype="float64", loss=plain)
    block = Block(
        trace.x.astype(np.float64),
        trace.y.astype(np.float64),
        trace.coefficients.astype(np.float64),
    )
    engine = build("reference", network, Recipe())
    weight = network.operations[layer - 1].weight
    right, left = (trace.vector.astype(np.float64) for _ in range(2))
    weight.view(right)[unit, source] += step
    weight.view(left)[unit, source] -= step
    return (engine.evaluate(right, block) - engine.evaluate(left, block)) / (2 * step)


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
