"""Planes through parameter space, and a run's path by its coordinates on them.

A plane is spanned by two parameters, or by the two main directions of a run: with the recorded
parameter vectors as the rows of a matrix, their mean taken out, these are the first two right
singular vectors (PCA). It goes through the Trace's own parameters.

Public names: `Plane`, `plane_of`.
May import: `places`, `clearprop.training`, `clearprop.engines`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from clearprop.engines import Trace
from clearprop.errors import SettingError
from clearprop.explanation.places import Place

if TYPE_CHECKING:
    from clearprop.training import Recording

# a direction of a run with less than this part of the first one's length is rounding
FLAT = 1e-6

Chosen = Literal["asked", "path", "gradient"]


class Plane(NamedTuple):
    """Two directions through the trace's parameters, and a path by its coordinates."""

    chosen: Chosen
    vector: np.ndarray
    directions: np.ndarray
    here: tuple[float, float]
    path: np.ndarray
    steps: np.ndarray
    places: tuple[Place, Place] | None = None
    shares: tuple[float, float] | None = None

    def at(self, x: float, y: float) -> np.ndarray:
        """Return the parameters at a point."""
        along = np.array([x - self.here[0], y - self.here[1]])
        return self.vector + along @ self.directions


def plane_of(
    trace: Trace, places: tuple[Place, Place] | None, recording: Recording | None
) -> Plane:
    """Return the plane of two parameters, or else of the run's main directions.

    Where neither is there, the plane of the two parameters of largest gradient.

    Raises
    ------
    SettingError
        The two parameters are one and the same.
    """
    if places is not None:
        return _plane_of_parameters(trace, places, recording, "asked")
    plane = None if recording is None else _plane_of_run(trace, recording)
    if plane is not None:
        return plane
    # of those that move; the first of equal ones, so that the choice does not hang on the sort
    moving = np.concatenate([np.full(s.stop - s.start, s.rate > 0) for s in trace.network.segments])
    largest = np.argsort(-np.abs(trace.gradient * moving), kind="stable")[:2]
    pair = [Place.of_entry(trace.network, int(entry)) for entry in largest]
    return _plane_of_parameters(trace, (pair[0], pair[1]), recording, "gradient")


def _plane_of_parameters(
    trace: Trace, places: tuple[Place, Place], recording: Recording | None, chosen: Chosen
) -> Plane:
    entries = [place.entry(trace.network) for place in places]
    if entries[0] == entries[1]:
        raise SettingError(
            "A surface goes over two different parameters, but one came twice. Ask for a slice to "
            "see the loss along a single one."
        )
    vector = trace.vector.astype(np.float64)
    directions = np.zeros((2, len(vector)))
    directions[[0, 1], entries] = 1
    here, update = vector[entries], trace.update[entries].astype(np.float64)
    path, steps = np.array([here, here + update]), np.array([trace.step, trace.step + 1])
    first, second = (recording.history(entry) if recording else None for entry in entries)
    if first is not None and second is not None:
        # one of the two may have been watched more closely
        both, at_1, at_2 = np.intersect1d(first[0], second[0], return_indices=True)
        if len(both) > 2:
            path, steps = np.stack([first[1][at_1], second[1][at_2]], axis=1), both
    return Plane(chosen, vector, directions, (float(here[0]), float(here[1])), path, steps, places)


def _plane_of_run(trace: Trace, recording: Recording) -> Plane | None:
    """Return the plane of the two main directions of a run; None where it has fewer."""
    vector = trace.vector.astype(np.float64)
    points = np.asarray(recording.snapshots, dtype=np.float64)
    if len(points) < 3 or not np.isfinite(points.sum()):
        return None
    middle = points.mean(axis=0)
    centred = points - middle
    # the singular vectors through the small product of the rows with each other
    squares, vectors = np.linalg.eigh(centred @ centred.T)
    if squares[-2] <= FLAT**2 * squares[-1] or squares[-1] <= 0:
        return None
    directions = vectors[:, [-1, -2]].T @ centred
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # the run goes to the right and upwards: a singular vector's sign is anybody's choice
    travelled = directions @ (points[-1] - points[0])
    directions *= np.where(travelled < 0, -1.0, 1.0)[:, None]
    shares = squares[[-1, -2]] / squares.clip(0).sum()
    return Plane(
        "path",
        vector,
        directions,
        (0.0, 0.0),
        centred @ directions.T + directions @ (middle - vector),
        np.asarray(recording.snapshot_steps),
        None,
        (float(shares[0]), float(shares[1])),
    )
