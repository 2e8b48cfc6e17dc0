"""The events of a run, as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Reason = Literal["finished", "converged", "interrupted", "diverged", "listener"]


@dataclass(frozen=True)
class Batches:
    """Some steps were taken.

    Attributes
    ----------
    epoch : int
        The running epoch, 1 for the first.
    step : int
        Steps taken since the run began.
    losses : (k,) array
        Loss of each of the batches, before its update, without penalty.
    rows_done, rows : int
        Rows of this epoch that are done, and in all.
    """

    epoch: int
    step: int
    losses: np.ndarray
    rows_done: int
    rows: int


@dataclass(frozen=True)
class Epoch:
    """An epoch was completed.

    Attributes
    ----------
    epoch, epochs : int
        Epochs done, and planned.
    loss : float
        Mean loss over the epoch's batches, as they were met, without penalty.
    objective : float
        The same with the penalty: what was minimised.
    validation_loss : float or None
        Loss on the validation rows after the epoch, without dropout or penalty.
    validation_score : float or None
        The chosen metric on the validation rows, higher is better.
    learning_rate : float
        η of the last step.
    seconds : float
        Time since the run began.
    improved : bool
        Whether this epoch is the best so far.
    """

    epoch: int
    epochs: int
    loss: float
    objective: float
    validation_loss: float | None
    validation_score: float | None
    learning_rate: float
    seconds: float
    improved: bool


@dataclass(frozen=True)
class Stop:
    """The run is over.

    Attributes
    ----------
    reason : str
        `"finished"` (all epochs), `"converged"` (no more to be gained), `"interrupted"` (Ctrl-C),
        `"diverged"` (a value was not finite) or `"listener"` (a listener asked for it).
    message : str
        One sentence for people.
    epoch : int
        Completed epochs.
    best_epoch : int
        The epoch whose parameters were best, 0 where none was completed.
    """

    reason: Reason
    message: str
    epoch: int
    best_epoch: int


Event = Batches | Epoch | Stop

# a listener that returns True asks the run to stop
Listener = Callable[[Event], bool | None]
