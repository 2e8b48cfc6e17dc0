"""Read a column as one of the kinds that the encoding knows, or say which row is at fault.

A column may come in another type than it was trained on and still mean the same: numbers written
as text, dates as ISO 8601, codes that this file happens to hold as integers. Those are converted;
anything else is an error that names the column, the row and the value.

Public names: `Kind`, `NumberSource`, `kind_of`, `number_source`, `number_values`, `date_values`,
`as_numbers`, `as_booleans`, `as_dates`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from clearprop.errors import DataError
from clearprop.tables.text import FALSE_WORDS, LOOSE_MARKS, TRUE_WORDS, clean_text, text_to_dates
from clearprop.tables.wording import row_name

Kind = Literal["number", "boolean", "date", "text", "category", "empty"]
"""What a typed column holds. Text may yet turn out as numbers; categories stay categories."""

NumberSource = Literal["number", "duration", "time of day"]
"""Where numbers come from; durations and times of day are counted in seconds."""

_STEPS_A_SECOND = {"ns": 1e9, "us": 1e6, "ms": 1e3}


def kind_of(series: pl.Series) -> Kind:
    """Tell the kind of a column by its type; a column of missing values only is "empty".

    Raises
    ------
    DataError
        The column holds lists, structures or other objects.
    """
    dtype = series.dtype
    if series.null_count() == len(series) or (
        dtype.is_float() and np.isnan(series.to_numpy()).all()
    ):
        return "empty"
    if dtype.is_numeric() or dtype in (pl.Duration, pl.Time):
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype in (pl.Date, pl.Datetime):
        return "date"
    if dtype == pl.String:
        return "text"
    if dtype in (pl.Categorical, pl.Enum):
        return "category"
    raise DataError(
        f"Column {series.name!r} holds values of type {dtype}: expected numbers, text, booleans "
        f"or dates. Spread it over columns of its own, or leave it out (--drop {series.name})."
    )


def number_source(dtype: pl.DataType) -> NumberSource:
    """Tell what a column of kind "number" counts."""
    if dtype == pl.Duration:
        return "duration"
    return "time of day" if dtype == pl.Time else "number"


def number_values(series: pl.Series) -> np.ndarray:
    """Turn a column of kind "number" into float64 values (n,), NaN where missing."""
    steps = 1.0
    if isinstance(series.dtype, pl.Duration):
        steps = _STEPS_A_SECOND[series.dtype.time_unit or "us"]
    elif series.dtype == pl.Time:
        steps = _STEPS_A_SECOND["ns"]
    if steps != 1.0:
        series = series.cast(pl.Int64)
    values = series.cast(pl.Float64).to_numpy()  # nulls become NaN
    return values if steps == 1.0 else values / steps


def date_values(series: pl.Series) -> pl.Series:
    """Turn a column of dates (n,) into Datetime in microseconds, its time zone kept."""
    zone = series.dtype.time_zone if isinstance(series.dtype, pl.Datetime) else None
    return series.cast(pl.Datetime("us", zone))


def as_numbers(series: pl.Series, source: NumberSource, first_row: int = 0) -> np.ndarray:
    """Read a column (n,) that held numbers when it was fitted: float64 (n,), NaN where missing.

    Raises
    ------
    DataError
        A value is no number, or one of another source (a duration where plain numbers were).
    """
    kind = kind_of(series)
    expected = {"number": "numbers", "duration": "durations", "time of day": "times of day"}
    if kind == "empty":
        return np.full(len(series), np.nan)
    if kind == "number" and number_source(series.dtype) == source:
        return number_values(series)
    if kind in ("text", "category"):
        cleaned = clean_text(series, LOOSE_MARKS)
        numbers = cleaned.cast(pl.Float64, strict=False)
        wrong = cleaned.is_not_null() & (numbers.is_null() | (source != "number"))
        if not wrong.any():
            return number_values(numbers)
    else:
        wrong = series.is_not_null()
    raise _changed(series, wrong, expected[source], first_row)


def as_booleans(series: pl.Series, first_row: int = 0) -> pl.Series:
    """Read a column (n,) that held booleans when it was fitted.

    0 and 1 are booleans too, and so are `TRUE_WORDS` and `FALSE_WORDS`.

    Raises
    ------
    DataError
        A value is neither true nor false.
    """
    kind = kind_of(series)
    if kind == "empty":
        return _nulls(series, pl.Boolean())
    if kind == "boolean":
        return series
    if kind == "number" and number_source(series.dtype) == "number":
        numbers = pl.Series(series.name, number_values(series), nan_to_null=True)
        wrong = numbers.is_not_null() & (numbers != 0) & (numbers != 1)
        if not wrong.any():
            return numbers == 1
    elif kind in ("text", "category"):
        cleaned = clean_text(series, LOOSE_MARKS)
        words = dict.fromkeys(TRUE_WORDS, True) | dict.fromkeys(FALSE_WORDS, False)
        booleans = cleaned.str.to_lowercase().replace_strict(
            words, default=None, return_dtype=pl.Boolean
        )
        wrong = cleaned.is_not_null() & booleans.is_null()
        if not wrong.any():
            return booleans
    else:
        wrong = series.is_not_null()
    raise _changed(series, wrong, "booleans (true, false)", first_row)


def as_dates(series: pl.Series, zone: str | None, first_row: int = 0) -> pl.Series:
    """Read a column (n,) that held dates when it was fitted: Datetime in the fitted time zone.

    Raises
    ------
    DataError
        A value is no date, or dates come with a time zone where there was none, or without one.
    """
    kind = kind_of(series)
    expected = "dates" if zone is None else f"dates with a time zone ({zone})"
    if kind == "empty":
        return _nulls(series, pl.Datetime("us", zone))
    wrong = series.is_not_null()
    dates: pl.Series | None = series
    if kind in ("text", "category"):
        cleaned = clean_text(series, LOOSE_MARKS)
        dates = text_to_dates(cleaned)
        wrong = cleaned.is_not_null()
        if dates is None:
            wrong = _from_first_undated(cleaned)
    elif kind != "date":
        dates = None
    if dates is not None:
        moments = date_values(dates)
        given = moments.dtype.time_zone if isinstance(moments.dtype, pl.Datetime) else None
        if (given is None) == (zone is None) or not wrong.any():
            if given is None or zone is None:
                return moments.dt.replace_time_zone(zone)
            return moments.dt.convert_time_zone(zone)
    raise _changed(series, wrong, expected, first_row)


def _nulls(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    return pl.repeat(None, len(series), dtype=dtype, eager=True).alias(series.name)


def _from_first_undated(cleaned: pl.Series) -> pl.Series:
    """Mark the rows from the first that is no date like those before it."""
    low, high = 0, len(cleaned)
    while high - low > 1:
        middle = (low + high) // 2
        if text_to_dates(cleaned.head(middle)) is None:
            high = middle
        else:
            low = middle
    return pl.Series(np.arange(len(cleaned)) >= high - 1)


def _changed(series: pl.Series, wrong: pl.Series, expected: str, first_row: int) -> DataError:
    index = wrong.arg_true()[0]
    return DataError(
        f"Column {series.name!r} held {expected} when the encoding was fitted; "
        f"{row_name(first_row + index)} holds {_shown(series[index])}. Correct it, leave it empty "
        f"if it is missing, or train again without the column (--drop {series.name})."
    )


def _shown(value: object) -> str:
    if isinstance(value, (str, int, float, bool)):
        return repr(value)
    return f"{value} ({type(value).__name__})"
