"""Targets of every step of some sequences.

Public names: `StepLabels`. May import: NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class StepLabels:
    """One target a step; stands where an array of one target a sequence stands.

    Attributes
    ----------
    values : (steps of all sequences,) or (steps of all sequences, outputs) array
        One sequence behind another.
    starts : (n + 1,) int array
        Where each begins; the last entry is the number of all steps.
    """

    values: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        """Return how many sequences there are."""
        return len(self.starts) - 1

    def __getitem__(self, rows: Any) -> StepLabels:
        """Return those of some sequences."""
        chosen = np.arange(len(self))[rows]
        parts = [self.values[self.starts[row] : self.starts[row + 1]] for row in chosen]
        lengths = np.diff(self.starts)[chosen]
        return StepLabels(np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)]))
