"""All paths of an Elman layer through time, unit by unit: the largest, and exactly what is left.

Between two steps, every unit feeds every unit. So a path from the error at step T back to a weight
at step t picks one unit at each step between,

    ∂E/∂h_(T,j) · f'(z_(T,j)) · u_(j,i) · f'(z_(T-1,i)) · … · f'(z_(t,k)) · (what came along it)

and there are units^(T - t) of them for each pair of steps. The largest of all are found without
walking along each: from the last step back, each unit keeps only the k largest beginnings of a path
that have come to it.

Public names: `Route`, `Routes`, `routes_of`.
May import: `names`, `run`, `sums`, `clearprop.engines`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from clearprop.engines.trace import SequenceTrace
from clearprop.errors import SettingError
from clearprop.explanation.names import Place
from clearprop.explanation.through_time.run import WaySteps, run_of, way_steps
from clearprop.explanation.through_time.sums import factors


@dataclass(frozen=True, eq=False)
class Route:
    """One path.

    Attributes
    ----------
    times : tuple of int
        Its steps, from where the error came in to where the weight acted.
    units : tuple of int
        The unit at each of them, counted from 0.
    error : float
        ∂E/∂h of the first of them, from above.
    slopes : tuple of float
        f'(z) at each of them.
    weights : tuple of float
        The weights of U between them, one fewer.
    signal : float
        What came along the weight; 1 for a bias.
    """

    times: tuple[int, ...]
    units: tuple[int, ...]
    error: float
    slopes: tuple[float, ...]
    weights: tuple[float, ...]
    signal: float

    @property
    def product(self) -> float:
        """The product of all factors."""
        return math.prod((self.error, *self.slopes, *self.weights, self.signal))


@dataclass(frozen=True, eq=False)
class Routes:
    """The paths of one weight of an Elman layer and one sequence.

    Attributes
    ----------
    place : Place
    sequence : int
    routes : tuple of Route
        The largest by absolute product, largest first.
    count : int
        How many there are in all.
    total : float
        Their sum: what the sequence adds to the gradient, from the trace.
    """

    place: Place
    sequence: int
    routes: tuple[Route, ...]
    count: int
    total: float

    @property
    def shown(self) -> float:
        """The sum of the largest."""
        return math.fsum(route.product for route in self.routes)

    @property
    def rest(self) -> float:
        """The sum of all others, exactly."""
        return self.total - self.shown

    @property
    def remaining(self) -> int:
        """How many others there are."""
        return self.count - len(self.routes)


class _Partial(NamedTuple):
    """A path that has come to a unit: its product so far, and where it came from."""

    value: float
    unit: int
    before: _Partial | None


def routes_of(trace: SequenceTrace, place: Place, sequence: int, paths: int = 10) -> Routes:
    """Return the largest paths of one weight of an Elman layer.

    Raises
    ------
    SettingError
        If the layer has gates, or is dense.
    """
    operation = trace.network.operations[place.layer - 1]
    if getattr(operation, "cell", "") != "elman":
        raise SettingError(
            f"Paths are walked unit by unit through a Recurrent layer, but layer {place.layer} is "
            f"{trace.network.layers[place.layer - 1]}. Ask for pairs of steps."
        )
    if paths < 1:
        raise SettingError(f"At least 1 path is needed, but paths={paths} came.")
    ways = way_steps(run_of(trace, sequence), place.layer, place.way)
    deltas, signals = (array[trace.packing.of(sequence)] for array in factors(trace, place))
    slopes = ways.f.derivative(np, ways.saved.z, ways.saved.state[0])
    own = signals[ways.times]
    ends = _largest(ways, slopes, place.unit, own, paths)
    found = tuple(_route(ways, slopes, t, partial, own[t]) for t, partial in ends)
    return Routes(place, sequence, found, _count(ways), math.fsum(deltas * signals))


def _largest(
    ways: WaySteps, slopes: np.ndarray, unit: int, signals: np.ndarray, paths: int
) -> list[tuple[int, _Partial]]:
    """Return the steps at which the largest paths end, with the way that each came."""
    steps, size = slopes.shape
    kept: list[list[_Partial]] = [[] for _ in range(size)]
    ends: list[tuple[float, int, _Partial]] = []
    for t in reversed(range(steps)):
        if ways.cut is not None and (t + 1) % ways.cut == 0:
            kept = [[] for _ in range(size)]
        arrived = [_arrived(ways, t, j, kept, paths) for j in range(size)]
        kept = [
            [partial._replace(value=partial.value * slopes[t, j]) for partial in arrived[j]]
            for j in range(size)
        ]
        ends += [(abs(p.value * signals[t]), t, p) for p in kept[unit]]
        ends = sorted(ends, key=lambda end: -end[0])[:paths]
    return [(t, partial) for _, t, partial in ends]


def _arrived(
    ways: WaySteps, t: int, unit: int, kept: list[list[_Partial]], paths: int
) -> list[_Partial]:
    """Return the largest beginnings that come to a unit at step t, before its slope."""
    found = [
        _Partial(partial.value * ways.U[other, unit], unit, partial)
        for other, partials in enumerate(kept)
        for partial in partials
    ]
    if ways.above[t, unit]:
        found.append(_Partial(float(ways.above[t, unit]), unit, None))
    return sorted(found, key=lambda partial: -abs(partial.value))[:paths]


def _route(ways: WaySteps, slopes: np.ndarray, end: int, partial: _Partial, signal: float) -> Route:
    units = [partial.unit]
    while partial.before is not None:
        partial = partial.before
        units.append(partial.unit)
    units.reverse()
    start = end + len(units) - 1
    steps = range(start, end - 1, -1)
    return Route(
        tuple(int(ways.times[t]) for t in steps),
        tuple(units),
        float(ways.above[start, units[0]]),
        tuple(float(slopes[t, j]) for t, j in zip(steps, units, strict=True)),
        tuple(float(ways.U[j, i]) for j, i in pairwise(units)),
        float(signal),
    )


def _count(ways: WaySteps) -> int:
    """Return how many paths there are: all units between, from every step an error came in at."""
    steps, size = ways.above.shape
    comes_in = np.abs(ways.above).sum(axis=1) > 0
    total, coming = 0, 0
    for t in reversed(range(steps)):
        if ways.cut is not None and (t + 1) % ways.cut == 0:
            coming = 0
        # at a unit of step t: what came in here, and `size` ways from each path that came later
        coming = coming * size + int(comes_in[t])
        total += coming
    return total
