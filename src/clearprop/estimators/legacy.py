"""scikit-learn's own stream of chance and its inverse scaling, number for number.

Elsewhere in clearprop a shuffle is a function of (seed, epoch), drawn with Philox, so that a run
can be resumed anywhere. Here reproducing scikit-learn counts for more: whoever puts these classes
in the place of scikit-learn's gets the same weights for the same `random_state`, and can see that
by comparing. So initial weights, the split for early stopping and the shuffles are drawn, in this
order, from the one `RandomState` that scikit-learn would have used.

Public names: `InverseScalingFrom`, `LegacyOrders`, `Planned`.
May import: `clearprop.engines`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clearprop.engines import Horizon, Schedule


class LegacyOrders:
    """Orders of the epochs as scikit-learn draws them: each shuffles the order before it.

    Parameters
    ----------
    places : (m,) int array
        The training rows, in the order of the first epoch before its shuffle.
    random : RandomState
        The stream; each epoch draws from it, so orders must be asked for one after another.
    shuffle : bool
        Without it every epoch visits `places` as they are.
    """

    def __init__(self, places: np.ndarray, random: np.random.RandomState, *, shuffle: bool) -> None:
        self._places, self._random, self._shuffle = places, random, shuffle

    def order(self, epoch: int, rows: int) -> np.ndarray:
        """Return the rows of the next epoch in order."""
        if self._shuffle:
            # a new array: the block of the last epoch may still be looked at
            self._places = self._places.copy()
            self._random.shuffle(self._places)
        return self._places


@dataclass(frozen=True)
class InverseScalingFrom:
    """1 / (rows seen + 1)^power, renewed every epoch, on top of rows seen in earlier calls.

    Attributes
    ----------
    power : float
    seen : int
        Rows seen before this call, `t_`.
    first_step : int
        The number of this call's first step.
    fresh : bool
        The optimiser starts anew, and its first epoch has the full rate, whatever `seen` is.
    """

    power: float
    seen: int
    first_step: int
    fresh: bool

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return the factor of each step."""
        epochs = (steps - self.first_step) // horizon.steps
        factors = (self.seen + epochs * float(horizon.rows) + 1) ** -self.power
        return np.where((epochs == 0) & self.fresh, 1.0, factors)


@dataclass(frozen=True)
class Planned:
    """A schedule over `epochs` epochs, whatever length the run at hand has.

    `partial_fit` runs one epoch at a time of a run that is planned to take `max_iter`.
    """

    schedule: Schedule
    epochs: int

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return the factor of each step."""
        return self.schedule.factors(steps, replace(horizon, epochs=self.epochs))
