"""What a column's rows come down to: statistics that are gathered in one pass and can be merged.

Every summary is the same, up to rounding, however its rows were cut into chunks, in whatever
order the chunks came, and however partial summaries were merged.

- `Moments`: count, mean, sum of squared deviations, extremes; merged by the formulas of Welford
  (1962) and Chan, Golub and LeVeque (1979), which do not cancel as sums of squares do.
- `Sample`: all values up to a bound; beyond it those whose rows have the smallest keys, a uniform
  sample without replacement (bottom-k), since keys are a fixed shuffle of the row numbers.
- `LevelCounts`: how often every distinct text came, and in which row first. With a bound on the
  texts it holds, the rarest are let go; then counts may be short, by no more than `lost` says
  (lossy counting, after Manku and Motwani 2002), and how rows were cut up does matter.

Public names: `Moments`, `Sample`, `LevelCounts`, `row_keys`, `number_hashes`. Imports NumPy and
Polars.
"""

from __future__ import annotations

import numpy as np
import polars as pl


def row_keys(first: int, count: int) -> np.ndarray:
    """Scatter the row numbers first … first + count − 1 over all 64-bit integers.

    These are outputs first + 1 … first + count of SplitMix64 seeded with 0. Distinct rows have
    distinct keys. Returns uint64, (count,).
    """
    rows = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(first)
    return _scatter(rows * np.uint64(0x9E3779B97F4A7C15))


def number_hashes(values: np.ndarray) -> np.ndarray:
    """Hash float64 values (n,): equal ones alike, −0 as 0. Returns uint64, (n,)."""
    return _scatter((values + 0.0).view(np.uint64))


def _scatter(z: np.ndarray) -> np.ndarray:
    """Map 64-bit integers one to one, in place: SplitMix64's finaliser (Steele et al., 2014)."""
    shifted = z >> np.uint64(30)
    z ^= shifted
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= np.right_shift(z, np.uint64(27), out=shifted)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= np.right_shift(z, np.uint64(31), out=shifted)
    return z


class Moments:
    """Count, mean, sum of squared deviations from it, minimum and maximum of a stream."""

    __slots__ = ("count", "deviations", "maximum", "mean", "minimum")

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.deviations = 0.0
        self.minimum = np.inf
        self.maximum = -np.inf

    def update(self, values: np.ndarray) -> None:
        """Add finite values (n,), float64."""
        if len(values) == 0:
            return
        with np.errstate(over="ignore", invalid="ignore"):  # `scale` reports what overflows
            mean = float(values.mean())
            centred = values - mean
            self._combine(len(values), mean, float(centred @ centred))
        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))

    def merge(self, other: Moments) -> None:
        """Add the values that another summary has seen."""
        if other.count == 0:
            return
        self._combine(other.count, other.mean, other.deviations)
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)

    def _combine(self, count: int, mean: float, deviations: float) -> None:
        total = self.count + count
        step = mean - self.mean
        self.deviations += deviations + step * step * (self.count * count / total)
        self.mean += step * (count / total)
        self.count = total

    @property
    def constant(self) -> bool:
        """Whether at most one distinct value has come."""
        return self.minimum >= self.maximum

    @property
    def scale(self) -> float:
        """Standard deviation (over n, as scikit-learn's StandardScaler); never 0; 1 if constant.

        Not finite where the values' squares overflow.
        """
        if self.constant:
            return 1.0
        deviation = float(np.sqrt(self.deviations / self.count))
        return deviation or self.maximum - self.minimum  # squares that underflow


class Sample:
    """All values of a stream up to `size` of them, then a uniform sample of that size."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.seen = 0
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []  # keys and values, kept since
        self._waiting = 0
        self._bound = np.uint64(2**64 - 1)  # the largest key that can still be kept

    @property
    def exact(self) -> bool:
        """Whether every value is still held."""
        return self.seen <= self.size

    def update(self, keys: np.ndarray, values: np.ndarray) -> None:
        """Add values (n,) whose rows have the keys (n,)."""
        self.seen += len(values)
        if self._bound < 2**64 - 1:
            chosen = keys <= self._bound
            keys, values = keys[chosen], values[chosen]
        self._parts.append((keys, values))
        self._waiting += len(keys)
        if self._waiting > 2 * self.size:
            self._compact()

    def merge(self, other: Sample) -> None:
        """Add the values that another sample has seen."""
        seen = self.seen + other.seen
        for keys, values in other._parts:
            self.update(keys, values)
        self.seen = seen

    def quantiles(self, fractions: tuple[float, ...]) -> tuple[float, ...]:
        """Interpolate linearly between order statistics, as `numpy.quantile` does."""
        if not self.exact:
            self._compact()
        values = [part for _, part in self._parts]
        whole = values[0] if len(values) == 1 else np.concatenate(values)
        return tuple(map(float, np.quantile(whole, fractions)))

    def _compact(self) -> None:
        keys = np.concatenate([part for part, _ in self._parts])
        values = np.concatenate([part for _, part in self._parts])
        if len(keys) > self.size:
            kept = np.argpartition(keys, self.size - 1)[: self.size]
            keys, values = keys[kept], values[kept]
            self._bound = keys.max()
        self._parts, self._waiting = [(keys, values)], len(keys)


class LevelCounts:
    """How often each distinct text came, and the first row that held it.

    Parameters
    ----------
    most : int, optional
        Texts that are held at most, between two chunks.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.lost = 0
        """Of how many rows, at most, the count of any text may be short; 0 where all are exact."""
        schema = {"level": pl.String(), "count": pl.Int64(), "row": pl.Int64()}
        self._tables = [pl.DataFrame(schema=schema)]

    def update(self, levels: pl.Series, first_row: int) -> None:
        """Add text (n,), whose first value is in row `first_row`; nulls do not count."""
        rows = pl.int_range(first_row, first_row + len(levels), dtype=pl.Int64, eager=True)
        counted = pl.DataFrame({"level": levels, "row": rows}).drop_nulls("level")
        self._add(
            counted.group_by("level").agg(pl.len().cast(pl.Int64).alias("count"), pl.min("row"))
        )

    def merge(self, other: LevelCounts) -> None:
        """Add the texts that another summary has seen."""
        self._add(other.by_frequency())
        self.lost += other.lost

    def by_frequency(self) -> pl.DataFrame:
        """Give level, count and first row, ordered by falling count, then by name."""
        self._compact()
        return self._tables[0].sort(["count", "level"], descending=[True, False])

    def _add(self, table: pl.DataFrame) -> None:
        self._tables.append(table)
        if sum(waiting.height for waiting in self._tables[1:]) > self._tables[0].height:
            self._compact()

    def _compact(self) -> None:
        grouped = pl.concat(self._tables).group_by("level")
        table = grouped.agg(pl.sum("count"), pl.min("row"))
        if self.most is not None and table.height > self.most:
            table = table.sort(["count", "level"], descending=[True, False])
            # the most frequent of those that are let go; a text may be let go every time
            self.lost += int(table["count"][self.most])
            table = table.head(self.most)
        self._tables = [table]
