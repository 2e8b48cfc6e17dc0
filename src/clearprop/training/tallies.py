"""Sums over the steps of an epoch, which do not depend on how many steps a call takes.

Public names: `Tally`. Imports `clearprop.engines`, NumPy.
"""

from __future__ import annotations

import numpy as np

from clearprop.engines import Record


class Tally:
    """Adds up the records of an epoch.

    The terms are added one after another, from the first step to the last. So the sums are the same
    to the bit whether the loop comes back after each step or after a thousand, and whether the run
    was broken off in between or not.

    Attributes
    ----------
    sums : (2,) float64 array
        Σ rows · loss, and the same of the loss with its penalty.
    rows : int
    failed : bool
        The last record ended at a step that could not be taken.
    """

    def __init__(self, sums: np.ndarray | None = None, rows: int = 0) -> None:
        self.sums = np.zeros(2) if sums is None else sums
        self.rows = rows
        self.failed = False

    def add(self, record: Record) -> None:
        """Take in a record."""
        terms = np.empty((len(record.losses) + 1, 2))
        terms[0] = self.sums
        np.multiply(record.losses, record.rows, out=terms[1:, 0])
        np.multiply(record.losses + record.penalties, record.rows, out=terms[1:, 1])
        # cumsum adds in order, whereas sum adds in pairs
        self.sums = np.cumsum(terms, axis=0)[-1]
        self.rows += int(record.rows.sum())
        self.failed = record.failed

    @property
    def loss(self) -> float:
        """The mean over the rows so far."""
        return float(self.sums[0]) / max(1, self.rows)

    @property
    def objective(self) -> float:
        """The mean with the penalty."""
        return float(self.sums[1]) / max(1, self.rows)
