"""Readings of a run's health over its steps, each from one trace of the run's engine.

A reading is made where one is due: while the run plays a few times a second at most, and never for
more than a small share of the time. Steps that went by while nobody looked are read afterwards from
the states that the timeline keeps, some at each look.

Public names: `Bins`, `Reading`, `Watch`, `rows_of`, `trace_of`.
May import: `timeline`, `trainer`, `clearprop.engines`, `clearprop.explanation`, NumPy.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from clearprop.engines import Trace, TrainState
from clearprop.explanation.health import Diagnosis, diagnose
from clearprop.studio.trainer import Trainer

# rows of a reading: as many as this number of multiplications allows, within these bounds
WORK, FEWEST_ROWS, MOST_ROWS = 4_000_000, 16, 128
APART = 0.4  # seconds between two readings of a run that plays
SHARE = 0.03  # of the time that readings, and what is made of them, may take
AT_ONCE = 0.03  # seconds after which no further step gone by is read at one look
MOST_READINGS, MOST_PAST = 160, 40
BINS = 24
# where an activation's values lie; of others it is seen from the values
ENDS = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0)}


@dataclass(frozen=True, eq=False)
class Bins:
    """How often a layer's activations lie where.

    Attributes
    ----------
    counts : (BINS,) int array
        Over units and rows.
    low, high : float
        The ends of the bins together; bins are equally wide.
    quartiles : (float, float)
        A quarter of the activations lies below the first, a quarter above the second.
    """

    counts: np.ndarray
    low: float
    high: float
    quartiles: tuple[float, float]

    @classmethod
    def of(cls, a: np.ndarray, activation: str) -> Bins | None:
        """Count a layer's activations, (n, units); None where none of them is finite."""
        values = np.asarray(a, dtype=np.float64).ravel()
        values = values[np.isfinite(values)]
        if not len(values):
            return None
        low, high = ENDS.get(activation, (float(values.min()), float(values.max())))
        if low == high:
            low, high = low - 0.5, high + 0.5
        counts, _ = np.histogram(values, BINS, (low, high))
        first, third = np.quantile(values, (0.25, 0.75))
        return cls(counts, low, high, (float(first), float(third)))


@dataclass(frozen=True)
class Reading:
    """A run's health at one step.

    Attributes
    ----------
    step : int
    gradients : tuple of float
        ‖∂E/∂W^l‖, first layer first.
    flat : tuple of (float or None)
        The share of slopes below `clearprop.explanation.health.FLAT`; None for a softmax layer.
    """

    step: int
    gradients: tuple[float, ...]
    flat: tuple[float | None, ...]

    @classmethod
    def of(cls, step: int, found: Diagnosis) -> Reading:
        """Take what is kept over time from a diagnosis."""
        gradients = tuple(line.gradient_norm for line in found.layers)
        return cls(step, gradients, tuple(line.flat for line in found.layers))


class Watch:
    """The readings of one run.

    Attributes
    ----------
    readings : list of Reading
        By step.
    found : Diagnosis
        The latest.
    bins : tuple of (Bins or None)
        Of each layer's activations, at the latest reading.
    rows : int
        Rows of a reading.
    """

    found: Diagnosis
    bins: tuple[Bins | None, ...]

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._rows = rows_of(trainer, MOST_ROWS, WORK)
        self.rows = len(self._rows)
        self.readings: list[Reading] = []
        self._now: tuple[int, int] | None = None
        self._missed: list[TrainState] = []
        self._next = 0.0
        trainer.forgetting.append(self._forget)

    def is_of(self, trainer: Trainer) -> bool:
        """Whether these are the readings of a run."""
        return self._trainer is trainer

    def leave(self) -> None:
        """Look no more."""
        if self._forget in self._trainer.forgetting:
            self._trainer.forgetting.remove(self._forget)

    @property
    def complete(self) -> bool:
        """Whether nothing that went by is left to be read."""
        return not self._missed

    def catch_up(self) -> None:
        """Have the steps that went by since the last look read, from the states that are kept."""
        known = self.readings[-1].step if self.readings else -1
        step = self._trainer.state.step
        past = [kept.state for kept in self._trainer.timeline.kept(step) if kept.step > known]
        if len(past) > MOST_PAST:
            places = np.linspace(0, len(past) - 1, MOST_PAST).round().astype(int)
            past = [past[place] for place in np.unique(places)]
        self._missed = past[::-1]

    def look(self, *, playing: bool) -> bool:
        """Read what is due; return whether there is something new."""
        began = time.perf_counter()
        if playing and began < self._next:
            return False
        trainer, fresh = self._trainer, False
        # a change by hand leaves the step as it is
        now = trainer.state.step, trainer.changes
        if now != self._now:
            self._now, fresh = now, True
            self._read(trainer.state)
        # at rest one at least, however long it takes
        while self._missed and (time.perf_counter() - began < AT_ONCE or not (playing or fresh)):
            self._read_missed(self._missed.pop())
            fresh = True
        self.spent(time.perf_counter() - began)
        return fresh

    def spent(self, seconds: float) -> None:
        """Wait with the next look of a run that plays, as is fair after so long a one."""
        self._next = time.perf_counter() + max(APART, seconds / SHARE)

    def _read_missed(self, state: TrainState) -> None:
        found = diagnose(trace_of(self._trainer, state, self._rows))
        self._keep(Reading.of(state.step, found))

    def _read(self, state: TrainState) -> None:
        trace = trace_of(self._trainer, state, self._rows)
        self.found = diagnose(trace)
        operations = trace.network.operations
        self.bins = tuple(
            Bins.of(a, operation.activation.name)
            for a, operation in zip(trace.a, operations, strict=True)
        )
        self._keep(Reading.of(state.step, self.found))

    def _keep(self, reading: Reading) -> None:
        """Put a reading in its place among the others; there are so many and no more."""
        known = [one for one in self.readings if one.step != reading.step]
        self.readings = sorted([*known, reading], key=lambda one: one.step)
        if len(self.readings) > MOST_READINGS:
            self.readings = self.readings[:1] + self.readings[1:-1:2] + self.readings[-1:]

    def _forget(self, step: int) -> None:
        """Forget what came after a step: the run goes on otherwise."""
        self.readings = [one for one in self.readings if one.step <= step]
        self._missed = [state for state in self._missed if state.step <= step]


def rows_of(trainer: Trainer, most: int, work: int) -> np.ndarray:
    """Return which rows to learn from stand for all, evenly chosen: so many as the work allows."""
    n = trainer.block.rows
    count = min(n, most, max(FEWEST_ROWS, work // trainer.network.size))
    return np.unique(np.linspace(0, n - 1, count).round().astype(np.int64))


def trace_of(trainer: Trainer, state: TrainState, rows: np.ndarray) -> Trace:
    """Return every number of a step from a state on some rows, without dropout."""
    with np.errstate(all="ignore"):
        return trainer.engine.trace(state, trainer.block, rows, dropout=False)
