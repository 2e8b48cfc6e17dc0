"""The order in which an epoch visits the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from clearprop.equations.chance import PURPOSES
from clearprop.errors import SettingError


class Orders(Protocol):
    """Gives each epoch its order."""

    def order(self, epoch: int, rows: int) -> np.ndarray | None:
        """Return the rows of an epoch (0 for the first) in order, None for their own order."""


@runtime_checkable
class Remembering(Orders, Protocol):
    """Orders that depend on those before them, and so remember something from epoch to epoch.

    Asked again for the order of the epoch that was asked for last, they give the same.
    """

    def memory(self) -> dict[str, np.ndarray]:
        """Return what is remembered, as arrays of their own."""

    def recall(self, memory: dict[str, np.ndarray]) -> None:
        """Go on from there; FileError where it is nothing that could have been remembered."""


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
        return _generator(self.seed, epoch).permutation(rows)


@dataclass(frozen=True, eq=False)
class ByLength:
    """Batches of sequences of similar length, in an order of chance.

    A batch goes as many steps one after another as its longest sequence has, so time is lost where
    short ones stand beside long ones. The rows are shuffled; each window of `batches` batches is
    sorted by length and cut into batches; and the batches are shuffled. So a batch is of chance
    within its window, and all of it is a function of (seed, epoch), as in `Shuffled`. Nothing is
    padded, here or elsewhere. The last batch, which may be smaller, stays the last, since engines
    count batches from the beginning.

    Attributes
    ----------
    lengths : (rows of the block,) int array
        Steps of each sequence.
    batch_size : int
        That of the recipe.
    seed : int
    places : (m,) int array, optional
        The rows to visit; all where absent.
    batches : int
        Batches of a window; 1 is a plain shuffle.
    """

    lengths: np.ndarray
    batch_size: int
    seed: int = 0
    places: np.ndarray | None = None
    batches: int = 16

    def __post_init__(self) -> None:
        for name in ("batch_size", "batches"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} must be at least 1, but {getattr(self, name)} came.")

    def order(self, epoch: int, rows: int) -> np.ndarray | None:
        """Return the rows of an epoch in order."""
        generator = _generator(self.seed, epoch)
        places = np.arange(rows) if self.places is None else self.places
        found = generator.permutation(places)
        window = self.batches * self.batch_size
        for start in range(0, len(found), window):
            part = found[start : start + window]
            found[start : start + window] = part[np.argsort(-self.lengths[part], kind="stable")]
        whole = len(found) // self.batch_size * self.batch_size
        shuffled = generator.permutation(found[:whole].reshape(-1, self.batch_size))
        return np.concatenate([shuffled.ravel(), found[whole:]])


def _generator(seed: int, epoch: int) -> np.random.Generator:
    key = np.array([seed & (2**64 - 1), PURPOSES["shuffle"]], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, epoch]))
