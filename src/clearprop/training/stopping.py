"""When no more is to be gained: count epochs without progress, and remember the best one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearprop.errors import SettingError

Monitor = Literal["objective", "validation_loss", "validation_score"]
_WORDS = {
    "objective": "The training loss",
    "validation_loss": "The validation loss",
    "validation_score": "The validation score",
}


@dataclass(frozen=True)
class Stopping:
    """Stop after more than `patience` epochs in a row without progress.

    Attributes
    ----------
    monitor : {"objective", "validation_loss", "validation_score"}
        What is watched. The objective is the training loss with its penalty.
    patience : float
        Epochs without progress that are put up with; infinity never stops.
    tolerance : float
        An epoch is progress when it betters the best one by at least this much.
    restore_best : bool
        End with the parameters of the best epoch, and not with the last.
    latest : bool
        Of epochs that are equally good the last is the best, and not the first: a later one has
        learned more that the watched number does not show (Holzmüller et al. 2024). Such an epoch
        is no progress to patience.
    """

    monitor: Monitor = "objective"
    patience: float = 10
    tolerance: float = 1e-4
    restore_best: bool = False
    latest: bool = False

    def __post_init__(self) -> None:
        if self.monitor not in _WORDS:
            raise SettingError(
                f"There is no monitor {self.monitor!r}. Known monitors: {', '.join(_WORDS)}."
            )


class Progress:
    """Follows the monitored number of one run. Comparisons are scikit-learn's."""

    def __init__(self, stopping: Stopping) -> None:
        self.stopping = stopping
        self.best = -np.inf
        self.best_epoch = 0
        self.best_vector: np.ndarray | None = None
        self.waited = 0

    def see(self, epoch: int, value: float, vector: np.ndarray) -> bool:
        """Take in an epoch's number and parameters; return whether it is the best so far."""
        gain = value if self.stopping.monitor == "validation_score" else -value
        # a number that is not finite is no progress, so NaN must not pass as any
        stale = not gain >= self.best + self.stopping.tolerance
        self.waited = self.waited + 1 if stale else 0
        if not (
            gain > self.best or (self.stopping.latest and self.best_epoch and gain == self.best)
        ):
            return False
        self.best, self.best_epoch = gain, epoch
        if self.best_vector is None:
            self.best_vector = vector.copy()
        else:
            self.best_vector[...] = vector
        return True

    def copy(self) -> Progress:
        """Return the same, with an array of its own."""
        other = Progress(self.stopping)
        other.best, other.best_epoch, other.waited = self.best, self.best_epoch, self.waited
        other.best_vector = None if self.best_vector is None else self.best_vector.copy()
        return other

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.waited > self.stopping.patience

    def sentence(self) -> str:
        """Say why the run stopped."""
        tolerance = self.stopping.tolerance
        by = f" by more than {tolerance:g}" if tolerance else ""
        return (
            f"{_WORDS[self.stopping.monitor]} did not improve{by} for "
            f"{self.stopping.patience:g} epochs in a row."
        )
