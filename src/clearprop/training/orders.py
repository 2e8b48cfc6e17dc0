"""The order in which an epoch visits the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from clearprop.equations.chance import PURPOSES


class Orders(Protocol):
    """Gives each epoch its order."""

    def order(self, epoch: int, rows: int) -> np.ndarray | None:
        """Return the rows of an epoch (0 for the first) in order, None for their own order."""


@dataclass(frozen=True)
class InOrder:
    """Every epoch visits the rows as they come."""

    def order(self, epoch: int, rows: int) -> np.ndarray | None:
        """Return None."""
        return None


@dataclass(frozen=True)
class Shuffled:
    """A permutation that is a function of (seed, epoch), drawn with NumPy's Philox.

    Nothing is remembered, so that a run can be resumed at any epoch.
    """

    seed: int = 0

    def order(self, epoch: int, rows: int) -> np.ndarray | None:
        """Return a permutation of the rows."""
        key = np.array([self.seed & (2**64 - 1), PURPOSES["shuffle"]], dtype=np.uint64)
        generator = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, epoch]))
        return generator.permutation(rows)
