"""`Snapshot`: everything that a run needs to go on as if it had never been broken off.

A snapshot is plain data: arrays, numbers, text. `Run.snapshot` takes one between two calls of the
engine, `Run.restore` puts one back, and `clearprop.files` writes and reads it; whoever keeps
snapshots is a listener of the run (`Keeper`).

A snapshot may come from a file that anyone wrote, so it is held against the run before it is used:
kernels follow row numbers and positions without looking.

Public names: `Keeper`, `Snapshot`, `check_snapshot`.
May import: the other modules of this room, `clearprop.engines`, `clearprop.equations`,
`clearprop.errors`, NumPy.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from clearprop.engines import Block, Engine, TrainState
from clearprop.equations.cells import CELLS
from clearprop.errors import FileError
from clearprop.training.events import Listener, Stop
from clearprop.training.history import History
from clearprop.training.sources import Source
from clearprop.training.stopping import Progress

if TYPE_CHECKING:
    from clearprop.training.loop import Run

Arrays = dict[str, np.ndarray]


class Keeper(Protocol):
    """Keeps snapshots of a run somewhere, and gives back the last one."""

    def keeping(self, run: Run) -> AbstractContextManager[Listener]:
        """Let the run go on from what was kept, if asked to, and give the listener that keeps."""

    def part(self, name: str) -> Keeper:
        """Return the keeper of one of several runs."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run between two calls of its engine.

    Attributes
    ----------
    state : TrainState
        Parameters, slots of the update rule, seed, step, epoch, position in the order, plan.
    sums : (2,) float64 array
    rows : int
        The running epoch's tally.
    progress : Progress
        How stopping stands, with the best parameters so far.
    history : History
    seconds : float
        Time that the run has taken so far.
    stop : Stop or None
        How it ended, where it has: then there is nothing to go on with.
    orders : dict of arrays
        What the order of the rows remembers; empty where it is a function of seed and epoch.
    recorded : dict of arrays
        What was recorded; empty where nothing was asked for.
    """

    state: TrainState
    sums: np.ndarray
    rows: int
    progress: Progress
    history: History
    seconds: float
    stop: Stop | None
    orders: Arrays
    recorded: Arrays


def check_snapshot(snapshot: Snapshot, engine: Engine, block: Block | Source) -> None:
    """Raise FileError where a snapshot does not fit a run's engine and block."""
    state, size = snapshot.state, engine.network.size
    dtype = np.dtype(engine.network.dtype)
    slots = (len(engine.recipe.rule.slot_names), size)
    _expect("the parameters", state.vector, dtype, (size,))
    _expect("the update rule's slots", state.slots, dtype, slots)
    best = snapshot.progress.best_vector
    if best is not None:
        _expect("the best parameters", best, dtype, (size,))
    _expect("the epoch's sums", snapshot.sums, np.dtype(np.float64), (2,))
    counts = {
        "epoch": (state.epoch, engine.recipe.epochs),
        "position": (state.position, block.visits),
        "step": (state.step, 2**62),
        "piece": (state.piece, 2**31),
        "seed": (state.seed, 2**64 - 1),
        "rows": (snapshot.rows, 2**62),
    }
    for name, (count, most) in counts.items():
        if not 0 <= count <= most:
            raise FileError(f"Its {name} must lie between 0 and {most}, but {count} came.")
    if (state.piece > 0) != (state.carried is not None):
        raise FileError("It has carried states without a piece of sequences, or the reverse.")
    if state.carried is not None:
        rows = min(engine.recipe.batch_size, block.visits - state.position)
        _expect("the carried states", state.carried, dtype, (rows, _width(engine)))


def _width(engine: Engine) -> int:
    """Return how many numbers the states of all recurrent layers are."""
    return sum(
        operation.size * len(operation.ways) * len(CELLS[operation.cell].states)
        for operation in engine.network.recurrences
    )


def _expect(what: str, array: Any, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise FileError(
            f"Of {what} {dtype} of shape {shape} was expected, but {array.dtype} of shape "
            f"{array.shape} came."
        )
