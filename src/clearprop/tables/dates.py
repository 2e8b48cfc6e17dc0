"""A date as numbers: what repeats as a point on a circle, what goes on as a count.

December is next to January and Sunday to Monday, so month, weekday and time of day become a sine
and a cosine; year, day of the month and seconds since 1970 grow.

Public names: `DATE_PARTS`, `date_parts`. Imports NumPy and Polars.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

_DAY = 24 * 60 * 60


def _turn(position: pl.Expr, length: float) -> pl.Expr:
    return position.cast(pl.Float64) * (2 * np.pi / length)


def _clock(date: pl.Expr) -> pl.Expr:
    """Seconds since midnight by the wall clock."""
    return (
        date.dt.hour().cast(pl.Int32) * 3600
        + date.dt.minute().cast(pl.Int32) * 60
        + (date.dt.second())
    )


DATE_PARTS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "year": lambda date: date.dt.year(),
    "month_sin": lambda date: _turn(date.dt.month() - 1, 12).sin(),
    "month_cos": lambda date: _turn(date.dt.month() - 1, 12).cos(),
    "day": lambda date: date.dt.day(),
    "weekday_sin": lambda date: _turn(date.dt.weekday() - 1, 7).sin(),
    "weekday_cos": lambda date: _turn(date.dt.weekday() - 1, 7).cos(),
    "hour_sin": lambda date: _turn(_clock(date), _DAY).sin(),
    "hour_cos": lambda date: _turn(_clock(date), _DAY).cos(),
    "epoch_seconds": lambda date: date.dt.timestamp("us") / 1e6,
}
"""Each part's name and how it is read off a date; weekdays count from Monday, hours from midnight.

All but `epoch_seconds` follow the wall clock of the column's time zone.
"""


def date_parts(dates: pl.Series, names: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
    """Compute parts of a Datetime column (n,): float64 arrays (n,), NaN where missing.

    `names` are the parts that are wanted; all of `DATE_PARTS` without.
    """
    wanted = DATE_PARTS if names is None else names
    named = [DATE_PARTS[name](pl.col("date")).alias(name) for name in wanted]
    parts = dates.alias("date").to_frame().select(named)
    return {
        column.name: column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        for column in parts.iter_columns()
    }
