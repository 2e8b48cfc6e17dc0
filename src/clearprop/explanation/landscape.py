"""The loss as a landscape: along one parameter, and over two directions with the run's path on it.

A *slice* moves one parameter and leaves all others where the Trace has them. A *surface* moves two
parameters, or goes along the two main directions of a run (`planes`); a run's path is drawn on it
by its coordinates.

Every height is the loss of the Trace's own rows (`terrain`). Where that would take too long, fewer
rows stand for all of them, evenly chosen; `Slice.rows` and `Surface.rows` say which.

Public names: `Slice`, `Surface`, `slice_of`, `surface_of`.
May import: `contributions`, `places`, `planes`, `terrain`, `clearprop.training`,
`clearprop.engines`, `clearprop.equations`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from clearprop import equations as eq
from clearprop.engines import Trace
from clearprop.explanation.contributions import contributions_of
from clearprop.explanation.places import Place
from clearprop.explanation.planes import Chosen, Plane, plane_of
from clearprop.explanation.terrain import Ground, one_thread

if TYPE_CHECKING:
    from clearprop.training import Recording

# points of a slice; of a side of a surface, and that of a network of so many parameters
POINTS, SIDE = 81, 33
COARSE, LARGE = 21, 100_000
# the step is at least one part in so many of a picture's width
NARROW, WIDE, AROUND = 8, 32, 24
# a curve that varies by less, relative to its height, shows rounding only
FLAT = 1e-6


class Point(NamedTuple):
    """A value of a parameter and the height there."""

    value: float
    height: float


@dataclass(frozen=True, eq=False)
class Slice:
    """The loss along one parameter.

    Attributes
    ----------
    place : Place
    values : (k,) array
        Values of the parameter, rising; the one in the middle is where it stands.
    losses : (k,) array
        E of the batch there, without penalty.
    penalties : (k,) array or None
        The penalty there; None where there is none.
    here, there : Point
        Where the parameter stands, and where the step puts it while all others stay; heights are
        those of loss and penalty together.
    slope : float
        Of loss and penalty at `here`, from the gradient that training used: the tangent's.
    lowest : Point or None
        The lowest point of the slice; None if no height is finite.
    inside : bool
        Whether that is between the ends, and so a minimum.
    rows : (m,) int array
        Rows of the trace, counted from 0, that the heights are computed on.
    samples : int
        Rows of the trace in all.
    """

    place: Place
    values: np.ndarray
    losses: np.ndarray
    penalties: np.ndarray | None
    here: Point
    there: Point
    slope: float
    lowest: Point | None
    inside: bool
    rows: np.ndarray
    samples: int

    @property
    def heights(self) -> np.ndarray:
        """Loss and penalty together, (k,)."""
        return self.losses if self.penalties is None else self.losses + self.penalties


@dataclass(frozen=True, eq=False)
class Surface:
    """The loss over two directions, with a path on it.

    Attributes
    ----------
    chosen : {"asked", "path", "gradient"}
        Where the directions come from: two parameters that were asked for, the two main directions
        of the recorded run, or, where neither is there, the two parameters of largest gradient.
    places : (Place, Place) or None
        The parameters; None for main directions.
    directions : (2, network.size) array or None
        The main directions, each of length 1; None for parameters.
    shares : (float, float) or None
        The part of the variance of the recorded parameters that each main direction has.
    first, second : (k,) arrays
        Coordinates: values of the parameters, or distances from the trace's own parameters.
    losses : (k, k) array
        E of the batch without penalty; row by `second`, column by `first`.
    penalties : (k, k) array or None
        The penalty; None where there is none.
    here : (float, float)
        The trace's own parameters.
    path : (p, 2) array
        The run by its coordinates, or just the step of the trace where it was not recorded. For
        parameters the heights on the path are not those that the run had: the others moved as well.
    steps : (p,) int array
        Steps taken at the points of the path.
    rows : (m,) int array
        Rows of the trace, counted from 0, that the heights are computed on.
    samples : int
        Rows of the trace in all.
    """

    chosen: Chosen
    places: tuple[Place, Place] | None
    directions: np.ndarray | None
    shares: tuple[float, float] | None
    first: np.ndarray
    second: np.ndarray
    losses: np.ndarray
    penalties: np.ndarray | None
    here: tuple[float, float]
    path: np.ndarray
    steps: np.ndarray
    rows: np.ndarray
    samples: int

    @property
    def heights(self) -> np.ndarray:
        """Loss and penalty together, (k, k)."""
        return self.losses if self.penalties is None else self.losses + self.penalties

    @property
    def recorded(self) -> bool:
        """Whether the path is the run's, and not just the step of the trace."""
        return len(self.path) > 2


def slice_of(trace: Trace, place: Place, points: int = POINTS) -> Slice:
    """Return the loss of a trace's batch along one parameter.

    The range is eight times the step, up to four times as much if that takes in the minimum, and
    more where the loss would not change.
    """
    # as many points again are looked at to find the range and the minimum
    ground, entry = Ground.of(trace, 2 * points), place.entry(trace.network)
    old, new = float(ground.vector[entry]), float(ground.vector[entry] + trace.update[entry])

    def at(value: float) -> tuple[float, float]:
        vector = ground.vector.copy()
        vector[entry] = value
        return ground.height(vector)

    def total(value: float) -> float:
        return sum(at(value))

    with one_thread():
        half = _half_width(total, old, abs(new - old))
        values = old + half * np.linspace(-1, 1, points)
        heights = np.array([at(value) for value in values])
        lowest, inside = _lowest(total, values, heights.sum(axis=1))
    return Slice(
        place=place,
        values=values,
        losses=heights[:, 0],
        penalties=heights[:, 1] if ground.penalised else None,
        here=Point(old, total(old)),
        there=Point(new, total(new)),
        slope=_slope(trace, place, ground),
        lowest=lowest,
        inside=inside,
        rows=ground.rows,
        samples=len(trace.rows),
    )


def surface_of(
    trace: Trace,
    places: tuple[Place, Place] | None = None,
    recording: Recording | None = None,
    side: int | None = None,
    told: Callable[[float], None] | None = None,
) -> Surface:
    """Return the loss of a trace's batch over two directions.

    Parameters
    ----------
    trace : Trace
    places : (Place, Place), optional
        Two parameters. Where absent, the two main directions of the recorded run; where there is no
        record of three or more different parameter vectors, the two parameters of largest gradient.
    recording : Recording, optional
    side : int, optional
        Points along each direction: 33, or 21 for a network of more than 100,000 parameters.
    told : callable, optional
        Is told the share that is done, row by row; what it raises ends the work.

    Raises
    ------
    SettingError
        The two parameters are one and the same.
    """
    plane = plane_of(trace, places, recording)
    side = side or (COARSE if trace.network.size > LARGE else SIDE)
    ground = Ground.of(trace, side * side)
    first, second = (np.linspace(*ends, side) for ends in _ranges(plane))
    rows = []
    with one_thread():
        for y in second:
            rows.append([ground.height(plane.at(x, y)) for x in first])
            if told is not None:
                told(len(rows) / side)
    heights = np.array(rows)
    return Surface(
        chosen=plane.chosen,
        places=plane.places,
        directions=None if plane.places else plane.directions,
        shares=plane.shares,
        first=first,
        second=second,
        losses=heights[:, :, 0],
        penalties=heights[:, :, 1] if ground.penalised else None,
        here=plane.here,
        path=plane.path,
        steps=plane.steps,
        rows=ground.rows,
        samples=len(trace.rows),
    )


# a slice


def _half_width(total: Callable[[float], float], old: float, step: float) -> float:
    """Return how far a slice goes to each side."""
    widest = max(1.0, abs(old)) if np.isfinite(old) else 1.0
    if not (np.isfinite(step) and step > 0):
        return widest
    half = NARROW * step / 2
    while True:
        values = old + half * np.linspace(-1, 1, 9)
        heights = np.array([total(value) for value in values])
        flat = np.ptp(heights) <= FLAT * np.abs(heights).max()
        if flat and half < widest:
            # the step is too short for its slope to be seen
            half *= 8
        elif flat or half >= WIDE * step / 2 or _lowest(total, values, heights)[1]:
            return half
        else:
            half *= 2


def _lowest(
    total: Callable[[float], float], values: np.ndarray, heights: np.ndarray
) -> tuple[Point | None, bool]:
    """Return the lowest point, sought again between its neighbours, and whether it is inside."""
    if not np.isfinite(heights).any():
        return None, False
    index = int(np.nanargmin(np.where(np.isfinite(heights), heights, np.nan)))
    lowest = Point(float(values[index]), float(heights[index]))
    if index in (0, len(values) - 1):
        return lowest, False
    between = np.linspace(values[index - 1], values[index + 1], 41)
    finer = [Point(float(value), total(value)) for value in between]
    return min([lowest, *finer], key=lambda point: point.height), True


def _slope(trace: Trace, place: Place, ground: Ground) -> float:
    """Return the slope of loss and penalty on the ground's rows, from the trace."""
    entry = place.entry(trace.network)
    if ground.whole:
        slope = float(trace.gradient[entry])
    else:
        found = contributions_of(trace, place)
        kept = np.isin(found.samples, ground.rows)
        scaled = ground.c.sum() / (trace.coefficients[ground.rows].sum(dtype=np.float64) or 1.0)
        slope = float(found.values[kept].sum() * scaled)
    if not ground.penalised:
        return slope
    penalty = eq.penalty_gradient(np, trace.network, ground.vector, trace.recipe.penalty)
    return slope + trace.penalty_factor * float(penalty[entry])


# a surface


def _ranges(plane: Plane) -> list[tuple[float, float]]:
    """Return (low, high) of both axes, so that the path is large, or the step can be seen."""
    here = np.array(plane.here)
    points = np.vstack([plane.path, here])
    points = points[np.isfinite(points).all(axis=1)]
    if len(plane.path) <= 2:
        step = float(np.linalg.norm(plane.path[-1] - here))
        half = AROUND * step / 2 if np.isfinite(step) and step > 0 else 1.0
        return [(float(x) - half, float(x) + half) for x in here]
    low, high = points.min(axis=0), points.max(axis=0)
    span = high - low
    # no axis is stretched more than fourfold
    wide = np.maximum(span, span.max() / 4) * 1.3 if span.max() > 0 else np.full(2, 2.0)
    middle = (low + high) / 2
    return [(float(m - w / 2), float(m + w / 2)) for m, w in zip(middle, wide, strict=True)]
