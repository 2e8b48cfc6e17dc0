"""The landscape of the loss with the path that the run has taken so far.

The path is that of the states that the timeline keeps. What is computed on, a trace and states that
never change, is taken while the run stands between two steps; the heights are then computed on
another thread.

Public names: `Hills`, `hills`, `taken`.
May import: `watching`, `trainer`, `clearprop.engines`, `clearprop.explanation`,
`clearprop.training`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.landscape import Surface, surface_of
from clearprop.explanation.names import Names
from clearprop.explanation.terrain import Ground
from clearprop.studio.frames import names_of
from clearprop.studio.health.watching import rows_of, trace_of
from clearprop.studio.trainer import Trainer
from clearprop.training import Recording

# rows of the heights, and states of the path
MOST_ROWS, WORK = 400, 30_000_000
MOST_STATES, MOST_NUMBERS = 80, 4_000_000


@dataclass(frozen=True, eq=False)
class Ready:
    """What a landscape is computed from."""

    trace: Trace
    recording: Recording
    names: Names


@dataclass(frozen=True, eq=False)
class Hills:
    """A landscape.

    Attributes
    ----------
    surface : Surface
    names : Names
    step : int
        The step that the run stood at.
    before, after : float
        Loss and penalty together, on the surface's rows, at the path's two ends.
    """

    surface: Surface
    names: Names
    step: int
    before: float
    after: float


def taken(trainer: Trainer) -> Ready:
    """Take what a landscape of the run as it stands is computed from."""
    state = trainer.state
    kept = [one.state for one in trainer.timeline.kept(state.step) if one.step < state.step]
    most = max(8, min(MOST_STATES, MOST_NUMBERS // trainer.network.size))
    if len(kept) >= most:
        places = np.linspace(0, len(kept) - 1, most - 1).round().astype(int)
        kept = [kept[place] for place in np.unique(places)]
    states = [*kept, state]
    steps = np.array([one.step for one in states], dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64)
    vectors = np.array([one.vector for one in states], dtype=np.float64)
    recording = Recording(nothing, nothing, np.empty((0, 0)), steps, vectors)
    rows = rows_of(trainer, MOST_ROWS, WORK)
    return Ready(trace_of(trainer, state, rows), recording, names_of(trainer))


def hills(ready: Ready, tell: Callable[[float], None]) -> Hills:
    """Compute the heights; `tell(share)` is told how far they are."""
    surface = surface_of(ready.trace, None, ready.recording, told=tell)
    ground = Ground.of(ready.trace, surface.heights.size)
    ends = (sum(ground.height(ready.recording.snapshots[place])) for place in (0, -1))
    before, after = ends
    step = int(ready.recording.snapshot_steps[-1])
    return Hills(surface, ready.names, step, float(before), float(after))
