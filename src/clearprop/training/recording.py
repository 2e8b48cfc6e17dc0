"""Parameters over the course of a run, for those who asked to watch.

Public names: `Recording`, `Watch`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Watch:
    """What of a run is recorded. Watching nothing costs nothing.

    Attributes
    ----------
    entries : tuple of int
        Places in the flat parameter vector whose values are kept step by step.
    every : int
        Keep each so-many-th step.
    snapshots : int
        Keep at most this many whole vectors, one an epoch; beyond it every second one goes.
    """

    entries: tuple[int, ...] = ()
    every: int = 1
    snapshots: int = 0


@dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded.

    Attributes
    ----------
    entries : (m,) int array
        Places in the flat parameter vector.
    steps : (k,) int array
        Steps taken when the values were read; 0 is the start.
    values : (k, m) array
        The entries' values then.
    snapshot_steps : (s,) int array
    snapshots : (s, network.size) array
        Whole parameter vectors.
    """

    entries: np.ndarray
    steps: np.ndarray
    values: np.ndarray
    snapshot_steps: np.ndarray
    snapshots: np.ndarray

    def history(self, entry: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Return (steps, values) of one entry, from the finest record there is; None if none."""
        found = np.flatnonzero(self.entries == entry)
        if len(found):
            return self.steps, self.values[:, found[0]]
        if len(self.snapshot_steps):
            return self.snapshot_steps, self.snapshots[:, entry]
        return None
