"""Parameters over the course of a run, for those who asked to watch.

The engine copies the watched entries while it goes, without coming back to Python; whole vectors
are copied here, between epochs.

Public names: `Recorder`, `Recording`, `Watch`.
May import: `clearprop.engines`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.engines import Record
from clearprop.errors import FileError, SettingError


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
        Keep at most this many whole vectors, of the start and of each epoch; beyond it every
        second one goes, and from then on every second epoch is kept. 0, or 2 and more.
    """

    entries: tuple[int, ...] = ()
    every: int = 1
    snapshots: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", tuple(int(entry) for entry in self.entries))
        if self.every < 1:
            raise SettingError(f"every must be at least 1, but {self.every} came.")
        if self.snapshots < 0 or self.snapshots == 1:
            raise SettingError(
                f"snapshots must be 0, or at least 2 (a start and an end), but {self.snapshots} "
                f"came."
            )

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return not self.entries and not self.snapshots

    def check(self, size: int) -> None:
        """Raise SettingError where an entry is none of a network with this many parameters."""
        outside = [entry for entry in self.entries if not 0 <= entry < size]
        if outside:
            raise SettingError(
                f"The network has {size} parameters, so entries to watch must lie between 0 and "
                f"{size - 1}, but {outside[0]} came."
            )


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


class Recorder:
    """Keeps what a `Watch` asks for, from the step at which it is made.

    Parameters
    ----------
    watch : Watch
    vector : (network.size,) array
        The parameters at the start, which are the first that is kept.
    step : int
        Steps taken until then.

    Raises
    ------
    SettingError
        If the watch names an entry that the vector does not have.
    """

    def __init__(self, watch: Watch, vector: np.ndarray, step: int = 0) -> None:
        watch.check(len(vector))
        self._watch = watch
        self._dtype, self._size = vector.dtype, len(vector)
        self._entries = list(watch.entries)
        self._steps = [np.array([step])]
        self._values = [vector[self._entries][None]]
        self._epochs, self._interval = 0, 1
        self._snapshot_steps = [step]
        self._snapshots = [vector.copy()]

    @property
    def watching(self) -> Watch | None:
        """What the engine is to copy while it goes; None for nothing."""
        return self._watch if self._entries else None

    def add(self, record: Record) -> None:
        """Take over what the engine copied."""
        if self._entries:
            self._steps.append(record.watched_steps)
            self._values.append(record.watched)

    def see(self, vector: np.ndarray, step: int) -> None:
        """Copy the watched entries of a vector that no engine stepped to (L-BFGS's)."""
        if step % self._watch.every == 0:
            self._steps.append(np.array([step]))
            self._values.append(vector[self._entries][None])

    def end_of_epoch(self, vector: np.ndarray, step: int) -> None:
        """Copy the whole vector if this epoch is one of those to keep."""
        self._epochs += 1
        if not self._watch.snapshots or self._epochs % self._interval:
            return
        self._snapshot_steps.append(step)
        self._snapshots.append(vector.copy())
        if len(self._snapshots) > self._watch.snapshots:
            del self._snapshot_steps[1::2], self._snapshots[1::2]
            self._interval *= 2

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return what was kept, and which epochs are kept from here on, as arrays."""
        return {
            "steps": np.concatenate(self._steps).astype(np.int64),
            "values": np.concatenate(self._values).astype(self._dtype, copy=False),
            "snapshot_steps": np.array(self._snapshot_steps, dtype=np.int64),
            "snapshots": np.array(self._snapshots, self._dtype),
            "counts": np.array([self._epochs, self._interval], dtype=np.int64),
        }

    def go_on(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over what `to_arrays` of a recorder with the same watch gave.

        Raises
        ------
        FileError
            The arrays do not fit the watch.
        """
        steps, kept = len(arrays["steps"]), len(arrays["snapshot_steps"])
        wanted = {
            "steps": (np.int64, (steps,)),
            "values": (self._dtype, (steps, len(self._entries))),
            "snapshot_steps": (np.int64, (kept,)),
            "snapshots": (self._dtype, (kept, self._size)),
            "counts": (np.int64, (2,)),
        }
        fits = arrays.keys() == wanted.keys() and all(
            arrays[name].dtype == dtype and arrays[name].shape == shape
            for name, (dtype, shape) in wanted.items()
        )
        if not fits or not kept or arrays["counts"].min() < 0 or not arrays["counts"][1]:
            raise FileError("What it recorded of the run does not fit what is to be recorded.")
        self._steps, self._values = [arrays["steps"]], [arrays["values"]]
        self._snapshot_steps = arrays["snapshot_steps"].tolist()
        self._snapshots = list(arrays["snapshots"])
        self._epochs, self._interval = arrays["counts"].tolist()

    def recording(self) -> Recording:
        """Return what was kept so far."""
        kept = len(self._snapshots) if self._watch.snapshots else 0
        return Recording(
            entries=np.array(self._entries, dtype=np.int64),
            steps=np.concatenate(self._steps).astype(np.int64),
            values=np.concatenate(self._values).astype(self._dtype, copy=False),
            snapshot_steps=np.array(self._snapshot_steps[:kept], dtype=np.int64),
            snapshots=np.array(self._snapshots[:kept], self._dtype).reshape(kept, self._size),
        )
