"""All paths of an Elman layer through time, unit by unit: the largest, and exactly what is left.

Between two steps, every unit feeds every unit. So a path from the error at step T back to a weight
at step t picks one unit at each step between,

    ∂E/∂h_(T,j) · f'(z_(T,j)) · u_(j,i) · f'(z_(T-1,i)) · … · f'(z_(t,k)) · (what came along it)

and there are units^(T - t) of them for each pair of steps. The largest of all are found without
walking along each: from the last step back, each unit keeps only the k largest beginnings of a path
that have come to it.

Public names: `Route`, `Routes`, `routes_of`.
May import: `places`, `run`, `sums`, `clearprop.engines`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from clearprop.engines.trace import SequenceTrace
from clearprop.errors import SettingError
from clearprop.explanation.places import Place
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


class _End(NamedTuple):
    """Where one of the largest paths ends: its size, the step, and its rank at the unit there."""

    size: float
    step: int
    rank: int


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
    count = _count(ways)
    ends, parents = _largest(ways, slopes, place.unit, own, max(1, min(paths, count)))
    found = tuple(_route(ways, slopes, own, parents, (place.unit, end)) for end in ends)
    return Routes(place, sequence, found, count, math.fsum(deltas * signals))


def _largest(
    ways: WaySteps, slopes: np.ndarray, unit: int, signals: np.ndarray, paths: int
) -> tuple[list[_End], np.ndarray]:
    """Return where the largest paths end, and how each was come by.

    The latter, (T, units, paths), tells for each of the largest beginnings at a unit which one of
    the step after it goes on from, as unit · paths + rank; -1 where its error came in here.
    """
    steps, size = slopes.shape
    values, alive = np.zeros((size, paths)), np.zeros((size, paths), dtype=bool)
    parents = np.full((steps, size, paths), -1)
    ends: list[_End] = []
    for t in reversed(range(steps)):
        if ways.cut is not None and (t + 1) % ways.cut == 0:
            alive[...] = False
        # what came in here, and what each beginning at any unit of the step after becomes
        grown = (ways.U.T[:, :, None] * values).reshape(size, -1)
        candidates = np.concatenate([ways.above[t][:, None], grown], axis=1)
        living = np.concatenate(
            [ways.above[t][:, None] != 0, np.broadcast_to(alive.ravel(), grown.shape)], axis=1
        )
        best = _best(np.where(living, np.abs(candidates), -1.0), paths)
        values = np.take_along_axis(candidates, best, axis=1) * slopes[t][:, None]
        alive = np.take_along_axis(living, best, axis=1)
        parents[t] = best - 1
        sizes = np.abs(values[unit] * signals[t])
        ends += [_End(float(sizes[k]), t, k) for k in range(paths) if alive[unit, k]]
        ends = sorted(ends, key=lambda end: -end.size)[:paths]
    return ends, parents


def _best(sizes: np.ndarray, count: int) -> np.ndarray:
    """Return the columns of each row's largest entries, largest first, (rows, count).

    There are more columns than are wanted: each beginning goes on to every unit, and one is new.
    """
    sizes = np.nan_to_num(sizes, nan=np.inf, posinf=np.inf)
    some = np.argpartition(-sizes, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(sizes, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def _route(
    ways: WaySteps,
    slopes: np.ndarray,
    signals: np.ndarray,
    parents: np.ndarray,
    last: tuple[int, _End],
) -> Route:
    """Return a path by where it ends, followed back to where its error came in."""
    unit, (_, end, rank) = last
    units, t = [unit], end
    while (parent := int(parents[t, unit, rank])) >= 0:
        t += 1
        unit, rank = divmod(parent, parents.shape[2])
        units.append(unit)
    units.reverse()
    times = range(t, end - 1, -1)
    return Route(
        tuple(int(ways.times[step]) for step in times),
        tuple(units),
        float(ways.above[t, units[0]]),
        tuple(float(slopes[step, j]) for step, j in zip(times, units, strict=True)),
        tuple(float(ways.U[j, i]) for j, i in pairwise(units)),
        float(signals[end]),
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
