"""scikit-learn's own stream of chance and its inverse scaling, number for number.

Elsewhere in clearprop a shuffle is a function of (seed, epoch), drawn with Philox, so that a run
can be resumed anywhere. Here reproducing scikit-learn counts for more: whoever puts these classes
in the place of scikit-learn's gets the same weights for the same `random_state`, and can see that
by comparing. So initial weights, the split for early stopping and the shuffles are drawn, in this
order, from the one `RandomState` that scikit-learn would have used.

Public names: `InverseScalingFrom`, `LegacyOrders`, `Planned`.
May import: `clearprop.engines`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clearprop.engines import Horizon, Schedule
from clearprop.errors import FileError, SettingError


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
        self._epoch = -1

    def __repr__(self) -> str:
        """Return what it does, without the rows."""
        return f"LegacyOrders(shuffle={self._shuffle})"

    def order(self, epoch: int, rows: int) -> np.ndarray:
        """Return the rows of the next epoch in order; the same again for the same epoch."""
        if self._shuffle and epoch != self._epoch:
            # a new array: the block of the last epoch may still be looked at
            self._places = self._places.copy()
            self._random.shuffle(self._places)
        self._epoch = epoch
        return self._places

    def memory(self) -> dict[str, np.ndarray]:
        """Return the places as they are now, and where the stream stands.

        Raises
        ------
        SettingError
            The stream is no Mersenne Twister, whose state is the one that can be kept.
        """
        stream = self._random.get_state(legacy=False)
        if stream["bit_generator"] != "MT19937":
            raise SettingError(
                f"The state of random_state, a {stream['bit_generator']}, cannot be kept in a "
                f"checkpoint. Give a whole number, or a RandomState made from one."
            )
        counts = self._epoch, stream["state"]["pos"], stream["has_gauss"]
        return {
            "places": self._places.astype(np.int64),
            "key": stream["state"]["key"].astype(np.int64),
            "counts": np.array(counts, dtype=np.int64),
            "gauss": np.array([stream["gauss"]], dtype=np.float64),
        }

    def recall(self, memory: dict[str, np.ndarray]) -> None:
        """Go on from what `memory` gave; FileError where the rows are others."""
        shapes = {"places": self._places.shape, "key": (624,), "counts": (3,), "gauss": (1,)}
        if {name: array.shape for name, array in memory.items()} != shapes or not np.array_equal(
            np.sort(memory["places"]), np.sort(self._places)
        ):
            raise FileError("The order of the rows is of other rows than these.")
        epoch, place, has_gauss = memory["counts"].tolist()
        key = memory["key"].astype(np.uint32)
        if not (0 <= place <= 624 and has_gauss in (0, 1)):
            raise FileError("The state of the random stream is none of a Mersenne Twister.")
        state = ("MT19937", key, place, has_gauss, float(memory["gauss"][0]))
        self._random.set_state(state)
        self._places, self._epoch = memory["places"].astype(self._places.dtype), epoch


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
