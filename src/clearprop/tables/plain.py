"""A column as a program without clearprop can hold it: float64 and text, nothing else.

========= =========================================================================================
number    float64, NaN where missing; durations and times of day in seconds
boolean   float64: 1 true, 0 false, NaN missing
date      float64 seconds since the beginning of 1970, NaN where missing: by the calendar where the
          column has no time zone, in UTC where it has one
category  text: a level as it was learned, "" where missing, and what is no level as it is
========= =========================================================================================

What a value means is settled here, as in training: `"yes"` in a column of booleans, 7.0 in one of
codes, an ISO date as text.

Public names: `plain_values`. Imports NumPy and Polars.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from clearprop.tables.categories import CategoryColumn
from clearprop.tables.columns import BooleanColumn, DateColumn, UsedColumn
from clearprop.tables.conversion import as_booleans, as_dates


def plain_values(column: UsedColumn, series: pl.Series) -> np.ndarray:
    """Return the values of a column (n,), float64 or objects that are all strings.

    Raises
    ------
    DataError
        A value is of another type than in training.
    """
    if isinstance(column, CategoryColumn):
        return column.texts(series)
    if isinstance(column, BooleanColumn):
        return as_booleans(series).cast(pl.Float64).fill_null(np.nan).to_numpy()
    if isinstance(column, DateColumn):
        dates = as_dates(series, column.zone)
        return (dates.dt.timestamp("us") / 1e6).fill_null(np.nan).to_numpy()
    return column.numbers(series)
