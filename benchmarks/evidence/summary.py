"""What the errors of many tables say together.

Compared are the (table, split) pairs that all methods have a row of; each table counts the same.

    rank                 place of a method among all on one split (1 the best, ties share the mean
                         of their places), mean over splits, then over tables
    normalised error     of a table's mean errors: 0 the best method's, 1 the worst method's; mean
                         over tables
    shifted geometric    exp of the mean over tables of log(mean error + 0.01), as in Holzmüller et
    mean                 al. (2024): ratios count, and errors near 0 do not decide alone
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

SHIFT = 0.01


@dataclass(frozen=True)
class Board:
    """Errors (splits, methods) of each table, of the splits that all methods have.

    `lacking` counts the (table, split) pairs that some method lacks.
    """

    methods: tuple[str, ...]
    tables: dict[str, np.ndarray]
    lacking: int

    @classmethod
    def of(
        cls, rows: dict[tuple[str, int, str], dict], methods: Sequence[str],
        tables: Sequence[str], measures: Collection[str],
    ) -> Board:  # fmt: skip
        """Collect errors from the latest rows: of each table the one of `measures` that it has."""
        found: dict[str, np.ndarray] = {}
        lacking = 0
        for table in tables:
            splits = sorted(
                {split for (name, split, method), row in rows.items()
                 if name == table and method in methods and set(row["errors"]) & set(measures)}
            )  # fmt: skip
            full = [split for split in splits if all((table, split, m) in rows for m in methods)]
            lacking += len(splits) - len(full)
            if full:
                found[table] = np.array(
                    [[_one(rows[table, split, m]["errors"], measures) for m in methods]
                     for split in full]
                )  # fmt: skip
        return cls(tuple(methods), found, lacking)

    @property
    def means(self) -> np.ndarray:
        """Mean errors (tables, methods)."""
        return np.array([errors.mean(axis=0) for errors in self.tables.values()])

    @property
    def pairs(self) -> int:
        """Number of (table, split) pairs."""
        return sum(len(errors) for errors in self.tables.values())

    def ranks(self) -> np.ndarray:
        """Return the mean rank of each method."""
        places = [rankdata(errors, axis=1).mean(axis=0) for errors in self.tables.values()]
        return np.mean(places, axis=0)

    def normalised(self) -> np.ndarray:
        """Return the mean normalised error of each method."""
        means = self.means
        best, worst = means.min(axis=1, keepdims=True), means.max(axis=1, keepdims=True)
        # a table on which all are alike tells nobody apart
        return ((means - best) / np.where(worst > best, worst - best, 1)).mean(axis=0)

    def geometric(self) -> np.ndarray:
        """Return the shifted geometric mean of each method's errors."""
        return np.exp(np.log(self.means + SHIFT).mean(axis=0))

    def duel(self, ours: str, other: str) -> tuple[int, int, int]:
        """Return how many (table, split) pairs `ours` wins, ties and loses against another."""
        a, b = self.methods.index(ours), self.methods.index(other)
        gaps = np.concatenate([errors[:, b] - errors[:, a] for errors in self.tables.values()])
        return int((gaps > 0).sum()), int((gaps == 0).sum()), int((gaps < 0).sum())


def _one(errors: dict[str, float], measures: Collection[str]) -> float:
    return next(errors[name] for name in measures if name in errors)
