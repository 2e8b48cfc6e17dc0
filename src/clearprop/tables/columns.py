"""The fitted encoding of one column, as plain data: what its features are and how to fill them.

=============== ===================================================================================
number          (x − mean) / scale; missing: the median, and a feature that says so where training
                had missing values
category        one feature a level, 1 where it holds; a column of two levels has one feature, −1
                for the more frequent level and +1 for the other
boolean         −1 or +1; missing: 0
date            its parts (`clearprop.tables.dates`), each standardised; missing: 0
dropped         none, and the reason
=============== ===================================================================================

Public names: `NumberColumn`, `CategoryColumn`, `BooleanColumn`, `DateColumn`, `DatePart`,
`DroppedColumn`, `Column`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from clearprop.errors import DataError
from clearprop.tables.conversion import (
    NumberSource,
    as_booleans,
    as_dates,
    as_levels,
    as_numbers,
)
from clearprop.tables.dates import DATE_PARTS, date_parts
from clearprop.tables.wording import row_name

MISSING, OTHER = "(missing)", "(other)"
"""How the features of missing values and of rare levels are named; no level's own name is."""


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """Numbers, standardised.

    `median` and the quartiles are those of all training values where `quantiles_exact`, else of a
    uniform sample of them. Durations and times of day (`source`) are in seconds.
    """

    name: str
    source: NumberSource
    mean: float
    scale: float
    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float
    quantiles_exact: bool
    missing_seen: bool

    def __post_init__(self) -> None:
        _require(self.scale > 0, self.name, f"a positive scale, got {self.scale}")
        ordered = (
            self.minimum, self.lower_quartile, self.median, self.upper_quartile, self.maximum
        )  # fmt: skip
        _require(list(ordered) == sorted(ordered), self.name, f"ordered quantiles, got {ordered}")

    @property
    def varies(self) -> bool:
        """Whether the values differ; if not, only their being missing tells anything."""
        return self.minimum < self.maximum

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the column's features."""
        names = (self.name,) if self.varies else ()
        return (*names, f"{self.name}={MISSING}") if self.missing_seen else names

    def encode(self, series: pl.Series, out: np.ndarray, first_row: int = 0) -> None:
        """Write the features of a column (n,) into out (n, features)."""
        values = as_numbers(series, self.source, first_row)
        missing = np.isnan(values)
        if self.varies:
            standardised = (values - self.mean) / self.scale
            standardised[missing] = (self.median - self.mean) / self.scale
            _check_range(standardised, out.dtype, self.name, values, first_row)
            out[:, 0] = standardised
        if self.missing_seen:
            out[:, -1] = missing

    def unseen(self, series: pl.Series) -> int:
        """Count the missing values of a column (n,), where training had none."""
        return 0 if self.missing_seen else int(np.isnan(as_numbers(series, self.source)).sum())


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """Categories, one-hot.

    `levels` are ordered by falling frequency, then by name. With `other`, training had more of
    them than the encoding keeps, and every level not kept shares one feature, those never seen
    included. Otherwise a level never seen is all zeros, and so is a missing value, unless training
    had some (`missing_seen`): then it is a level too.
    """

    name: str
    levels: tuple[str, ...]
    other: bool
    missing_seen: bool

    def __post_init__(self) -> None:
        distinct = len(set(self.levels)) == len(self.levels) > 0
        _require(distinct, self.name, "at least one level, all distinct")
        _require(len(self.slots) > 1, self.name, "at least two levels")

    @property
    def slots(self) -> tuple[str, ...]:
        """What a value can be: a level, another level, missing."""
        shown = tuple(repr(level) if level in (MISSING, OTHER) else level for level in self.levels)
        return shown + (OTHER,) * self.other + (MISSING,) * self.missing_seen

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the column's features; of two slots, the one that is +1."""
        slots = self.slots
        return tuple(f"{self.name}={slot}" for slot in (slots if len(slots) != 2 else slots[1:]))

    def encode(self, series: pl.Series, out: np.ndarray, first_row: int = 0) -> None:
        """Write the features of a column (n,) into out (n, features)."""
        slots = self._slot_of(series)
        if out.shape[1] == 1:
            out[:, 0] = np.array([-1, 1, 0], dtype=out.dtype)[slots]
            return
        out[:] = 0
        rows = np.flatnonzero(slots >= 0)
        out[rows, slots[rows]] = 1

    def unseen(self, series: pl.Series) -> int:
        """Count the values of a column (n,) that training did not have."""
        return int(np.count_nonzero(self._slot_of(series) < 0))

    def _slot_of(self, series: pl.Series) -> np.ndarray:
        """Find the slot of every value (n,); −1 where it has none."""
        known = len(self.levels)
        levels = as_levels(series)
        if series.dtype == pl.Boolean:  # a file that happens to hold only "True" and "False"
            lower = {level.lower(): level for level in self.levels}
            levels = levels.replace(lower | {level: level for level in self.levels})
        slots = levels.replace_strict(
            self.levels,
            range(known),
            default=known if self.other else -1,
            return_dtype=pl.Int64,
        ).to_numpy(writable=True)
        slots[levels.is_null().to_numpy()] = known + self.other if self.missing_seen else -1
        return slots


@dataclass(frozen=True, slots=True)
class BooleanColumn:
    """Booleans, as −1 (false), +1 (true) and 0 (missing)."""

    name: str
    missing_seen: bool

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of the column's one feature."""
        return (self.name,)

    def encode(self, series: pl.Series, out: np.ndarray, first_row: int = 0) -> None:
        """Write the feature of a column (n,) into out (n, 1)."""
        values = as_booleans(series, first_row).cast(pl.Int8).fill_null(-1).to_numpy()
        out[:, 0] = np.array([-1, 1, 0], dtype=out.dtype)[values]

    def unseen(self, series: pl.Series) -> int:
        """Count the missing values of a column (n,), where training had none."""
        return 0 if self.missing_seen else as_booleans(series).null_count()


@dataclass(frozen=True, slots=True)
class DatePart:
    """One part of a date, standardised."""

    name: str
    mean: float
    scale: float

    def __post_init__(self) -> None:
        _require(self.name in DATE_PARTS, self.name, f"a part of a date ({', '.join(DATE_PARTS)})")
        _require(self.scale > 0, self.name, f"a positive scale, got {self.scale}")


@dataclass(frozen=True, slots=True)
class DateColumn:
    """Dates and times, as those of their parts that varied in training.

    Dates with a time zone are read by the wall clock of `zone`, wherever they come from.
    """

    name: str
    zone: str | None
    parts: tuple[DatePart, ...]
    missing_seen: bool

    def __post_init__(self) -> None:
        _require(bool(self.parts) or self.missing_seen, self.name, "at least one part")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the column's features."""
        names = tuple(f"{self.name}.{part.name}" for part in self.parts)
        return (*names, f"{self.name}={MISSING}") if self.missing_seen else names

    def encode(self, series: pl.Series, out: np.ndarray, first_row: int = 0) -> None:
        """Write the features of a column (n,) into out (n, features)."""
        dates = as_dates(series, self.zone, first_row)
        values = date_parts(dates)
        for i, part in enumerate(self.parts):
            standardised = (values[part.name] - part.mean) / part.scale
            out[:, i] = np.nan_to_num(standardised, copy=False, nan=0.0)
        if self.missing_seen:
            out[:, -1] = dates.is_null().to_numpy()

    def unseen(self, series: pl.Series) -> int:
        """Count the missing values of a column (n,), where training had none."""
        return 0 if self.missing_seen else as_dates(series, self.zone).null_count()


@dataclass(frozen=True, slots=True)
class DroppedColumn:
    """A column without features, and why."""

    name: str
    reason: str

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None."""
        return ()


Column = NumberColumn | CategoryColumn | BooleanColumn | DateColumn | DroppedColumn


def _require(holds: bool, name: str, expected: str) -> None:
    if not holds:
        raise DataError(f"Expected the encoding of column {name!r} to have {expected}.")


def _check_range(
    standardised: np.ndarray, dtype: np.dtype, name: str, values: np.ndarray, first_row: int
) -> None:
    """Refuse values that are infinite, or would be in the type of the features."""
    if len(standardised) == 0:
        return
    limit = np.finfo(dtype).max
    if standardised.max() <= limit and standardised.min() >= -limit:
        return
    index = int(np.flatnonzero(~(np.abs(standardised) <= limit))[0])
    raise DataError(
        f"Column {name!r} holds {values[index]} in {row_name(first_row + index)}: expected a "
        f"finite number that {np.dtype(dtype).name} can hold. Correct it, or leave it empty if it "
        "is missing."
    )
