"""Which rows test, which validate and which train, told by each row's number or group alone.

A row's number (or the value of its group) and a seed give a number u in [0, 1), the same one
whenever it is asked for: rows with u below the share of the test test, those behind them validate,
and the rest train. Nothing is kept for it, however many rows there are. Shares are met up to chance
(0.2 of a million rows: to within 0.1 %); classes keep theirs up to chance as well.

Public names: `Part`, `Shares`. Imports NumPy and Polars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from clearprop.tables.summaries import row_keys

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Shares:
    """How the rows of a stream are divided.

    Attributes
    ----------
    test, validation : float
        Shares of all rows.
    seed : int
    group : str, optional
        A column whose equal values stay together.
    """

    test: float = 0.0
    validation: float = 0.0
    seed: int = 0
    group: str | None = None

    def draws(self, frame: pl.DataFrame, first_row: int) -> np.ndarray:
        """Return u of each row of a frame (n, columns) that begins with this row: float64 (n,)."""
        if self.group is not None:
            keys = frame[self.group].hash(self.seed).to_numpy()
        else:
            keys = row_keys(first_row + (self.seed << 40) % 2**62, frame.height)
        return (keys >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def rows(self, frame: pl.DataFrame, first_row: int, part: Part) -> np.ndarray:
        """Return which rows of a frame are of a part, as places in it."""
        return self.divided(self.draws(frame, first_row))[part]

    def divided(self, draws: np.ndarray) -> dict[Part, np.ndarray]:
        """Return the places of each part's rows among draws (n,)."""
        behind = self.test + self.validation
        return {
            "train": np.flatnonzero(draws >= behind),
            "validation": np.flatnonzero((draws >= self.test) & (draws < behind)),
            "test": np.flatnonzero(draws < self.test),
        }
