"""The fitted encoding of one column, as plain data: what its features are and how to fill them.

=============== ===================================================================================
number          on a common scale (`clearprop.tables.scaling`); missing: the median, and a feature
                that says so where training had missing values
category        one feature a level, 1 where it holds; a column of two levels has one feature, −1
                for the more frequent level and +1 for the other (`clearprop.tables.categories`)
boolean         −1 or +1; missing: 0
date            its parts (`clearprop.tables.dates`), each scaled as a number; missing: 0
dropped         none, and the reason
=============== ===================================================================================

Public names: `NumberColumn`, `BooleanColumn`, `DateColumn`, `DatePart`, `DroppedColumn`,
`UsedColumn`, `Column`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from clearprop.errors import DataError
from clearprop.tables.categories import CategoryColumn
from clearprop.tables.conversion import NumberSource, as_booleans, as_dates, as_numbers
from clearprop.tables.dates import DATE_PARTS, date_parts
from clearprop.tables.records import MISSING, Unseen, require
from clearprop.tables.scaling import Scaling, robust_scale, scaled
from clearprop.tables.wording import row_name


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """Numbers on a common scale, robust or standard (`clearprop.tables.scaling`).

    `deviation` is the standard deviation. `median` and the quartiles are those of all training
    values where `quantiles_exact`, else of a uniform sample of them. Durations and times of day
    (`source`) are in seconds.
    """

    name: str
    source: NumberSource
    scaling: Scaling
    mean: float
    deviation: float
    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float
    quantiles_exact: bool
    missing_seen: bool

    def __post_init__(self) -> None:
        require(self.deviation > 0, self.name, f"a positive deviation, got {self.deviation}")
        ordered = (
            self.minimum, self.lower_quartile, self.median, self.upper_quartile, self.maximum
        )  # fmt: skip
        require(list(ordered) == sorted(ordered), self.name, f"ordered quantiles, got {ordered}")

    @property
    def varies(self) -> bool:
        """Whether the values differ; if not, only their being missing tells anything."""
        return self.minimum < self.maximum

    @property
    def centre(self) -> float:
        """What is taken away from values."""
        return self.median if self.scaling == "robust" else self.mean

    @property
    def scale(self) -> float:
        """What values are then divided by."""
        if self.scaling == "standard":
            return self.deviation
        return robust_scale(self.minimum, self.lower_quartile, self.upper_quartile, self.maximum)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the column's features."""
        names = (self.name,) if self.varies else ()
        return (*names, f"{self.name}={MISSING}") if self.missing_seen else names

    @property
    def number_features(self) -> int:
        """How many of the features, from the first on, are numbers."""
        return int(self.varies)

    def encode(self, series: pl.Series, out: np.ndarray, first_row: int = 0) -> None:
        """Write the features of a column (n,) into out (n, features)."""
        values = self.numbers(series, first_row)
        missing = np.isnan(values)
        if self.varies:
            given = np.where(missing, self.median, values) if missing.any() else values
            features = scaled(given, self.centre, self.scale, self.scaling)
            _check_range(features, out.dtype, self.name, given, first_row)
            out[:, 0] = features
        if self.missing_seen:
            out[:, -1] = missing

    def unseen(self, series: pl.Series) -> Unseen:
        """Count the missing values of a column (n,), where training had none."""
        missing = 0 if self.missing_seen else int(np.isnan(self.numbers(series)).sum())
        return Unseen(self.name, missing=missing)

    def numbers(self, series: pl.Series, first_row: int = 0) -> np.ndarray:
        """Read a column (n,): float64, NaN where missing."""
        if series.dtype == pl.Boolean and (self.minimum, self.maximum) == (0.0, 1.0):
            series = series.cast(pl.Int8)  # 0 and 1 are often kept as booleans, and the reverse
        return as_numbers(series, self.source, first_row)


@dataclass(frozen=True, slots=True)
class BooleanColumn:
    """Booleans, as −1 (false), +1 (true) and 0 (missing)."""

    name: str
    missing_seen: bool

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of the column's one feature."""
        return (self.name,)

    @property
    def number_features(self) -> int:
        """None."""
        return 0

    def encode(self, series: pl.Series, out: np.ndarray, first_row: int = 0) -> None:
        """Write the feature of a column (n,) into out (n, 1)."""
        values = as_booleans(series, first_row).cast(pl.Int8).fill_null(-1).to_numpy()
        out[:, 0] = np.array([-1, 1, 0], dtype=out.dtype)[values]

    def unseen(self, series: pl.Series) -> Unseen:
        """Count the missing values of a column (n,), where training had none."""
        missing = 0 if self.missing_seen else as_booleans(series).null_count()
        return Unseen(self.name, missing=missing)


@dataclass(frozen=True, slots=True)
class DatePart:
    """One part of a date: what is taken away from it, and what it is then divided by."""

    name: str
    centre: float
    scale: float

    def __post_init__(self) -> None:
        require(self.name in DATE_PARTS, self.name, f"a part of a date ({', '.join(DATE_PARTS)})")
        require(self.scale > 0, self.name, f"a positive scale, got {self.scale}")


@dataclass(frozen=True, slots=True)
class DateColumn:
    """Dates and times, as those of their parts that varied in training.

    Dates with a time zone are read by the wall clock of `zone`, wherever they come from.
    """

    name: str
    zone: str | None
    scaling: Scaling
    parts: tuple[DatePart, ...]
    missing_seen: bool

    def __post_init__(self) -> None:
        require(bool(self.parts) or self.missing_seen, self.name, "at least one part")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the column's features."""
        names = tuple(f"{self.name}.{part.name}" for part in self.parts)
        return (*names, f"{self.name}={MISSING}") if self.missing_seen else names

    @property
    def number_features(self) -> int:
        """How many of the features, from the first on, are numbers."""
        return len(self.parts)

    def encode(self, series: pl.Series, out: np.ndarray, first_row: int = 0) -> None:
        """Write the features of a column (n,) into out (n, features)."""
        dates = as_dates(series, self.zone, first_row)
        values = date_parts(dates, tuple(part.name for part in self.parts))
        for i, part in enumerate(self.parts):
            features = scaled(values[part.name], part.centre, part.scale, self.scaling)
            out[:, i] = np.nan_to_num(features, copy=False, nan=0.0)
        if self.missing_seen:
            out[:, -1] = dates.is_null().to_numpy()

    def unseen(self, series: pl.Series) -> Unseen:
        """Count the missing values of a column (n,), where training had none."""
        missing = 0 if self.missing_seen else as_dates(series, self.zone).null_count()
        return Unseen(self.name, missing=missing)


@dataclass(frozen=True, slots=True)
class DroppedColumn:
    """A column without features, and why."""

    name: str
    reason: str

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def number_features(self) -> int:
        """None."""
        return 0


UsedColumn = NumberColumn | CategoryColumn | BooleanColumn | DateColumn
Column = UsedColumn | DroppedColumn


def _check_range(
    features: np.ndarray, dtype: np.dtype, name: str, values: np.ndarray, first_row: int
) -> None:
    """Refuse values that are infinite, or whose features would be in the type of the features."""
    if len(values) == 0:
        return
    limit = np.finfo(dtype).max
    extremes = (features.min(), features.max(), values.min(), values.max())
    if np.isfinite(extremes).all() and max(-extremes[0], extremes[1]) <= limit:
        return
    index = int(np.flatnonzero(np.isinf(values) | ~(np.abs(features) <= limit))[0])
    raise DataError(
        f"Column {name!r} holds {values[index]} in {row_name(first_row + index)}: expected a "
        f"finite number that {np.dtype(dtype).name} can hold. Correct it, or leave it empty if it "
        "is missing."
    )
