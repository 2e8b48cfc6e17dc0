"""Long tables: which series and which step of it each row is.

    series  step  x      y
    a       1     0.2    up        rows of one series need not stand together; within a series
    b       1     0.7    down      they stand in the order of their steps
    a       2     0.3    up

Public names: `SeriesLayout`, `series_of`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from clearprop.errors import DataError, SettingError
from clearprop.tables.text import settle_text
from clearprop.tables.wording import listed, nearest, row_name


@dataclass(frozen=True, eq=False)
class SeriesLayout:
    """Where the series of a long table are.

    Attributes
    ----------
    ids : polars.Series, (n,)
        The series, in the order in which they first come.
    starts : (n + 1,) int array
        Where each begins when the table's rows are put series by series.
    rows : (N,) int array
        The row of each step then: `frame[rows]` is the table, series by series.
    steps : polars.Series, (N,), or None
        What the table calls each step, in the order of `rows`; None where they have no names.
    """

    ids: pl.Series
    starts: np.ndarray
    rows: np.ndarray
    steps: pl.Series | None = None

    def __len__(self) -> int:
        """Return how many series there are."""
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each series, (n,)."""
        return np.diff(self.starts)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that say where a row belongs; they are nothing to learn from."""
        return (self.ids.name,) if self.steps is None else (self.ids.name, self.steps.name)

    @property
    def first_rows(self) -> np.ndarray:
        """The row of each series' first step, (n,)."""
        return self.rows[self.starts[:-1]]

    def varies(self, column: pl.Series) -> bool:
        """Whether a column (N,) of the table differs within a series."""
        values = column.gather(self.rows)
        first = column.gather(np.repeat(self.first_rows, self.lengths))
        return not values.equals(first, null_equal=True, check_names=False)

    @property
    def series_of_rows(self) -> np.ndarray:
        """The series of each row of the table, as its place in `ids`, (N,)."""
        found = np.empty(len(self.rows), dtype=np.int64)
        found[self.rows] = np.repeat(np.arange(len(self)), self.lengths)
        return found

    def name(self, place: int) -> str:
        """Say which step stands at a place among all, as "series 'a', step 3 (row 7)"."""
        series = int(np.searchsorted(self.starts, place, side="right")) - 1
        number = place - int(self.starts[series]) + 1
        step = number if self.steps is None else _shown(self.steps[place])
        where = f"series {_shown(self.ids[series])}, step {step}"
        return f"{where} ({row_name(int(self.rows[place]))})"

    def steps_first(self, values: np.ndarray) -> np.ndarray:
        """Put an array of one row a step (N, …), series by series, into the table's order."""
        found = np.empty_like(values)
        found[self.rows] = values
        return found


def series_of(
    frame: pl.DataFrame, sequence_id: str, order_by: str | None = None, *, sort: bool = False
) -> SeriesLayout:
    """Find the series of a long table.

    Parameters
    ----------
    frame : polars.DataFrame, (N, columns)
    sequence_id : str
        The column that says which series a row belongs to.
    order_by : str, optional
        The column of steps or times: numbers, dates, or text in ISO 8601. Steps may leave gaps.
        The rows of each series stand in its order; without it the order of rows is taken as it is.
    sort : bool
        Bring each series into the order of `order_by`, whatever order its rows have.

    Raises
    ------
    DataError
        The table has no rows, a series or a step is missing or comes twice, or a step comes before
        an earlier one.
    SettingError
        There is no such column.
    """
    for option, name in (("sequence id", sequence_id), ("order", order_by)):
        if name is not None and name not in frame.columns:
            raise SettingError(
                f"There is no column {name!r}, which is to give the {option} of each row."
                f"{nearest(name, frame.columns)} The table has {listed(frame.columns, 12)}."
            )
    if sort and order_by is None:
        raise SettingError("Sorting needs to know by what: name the column of steps (order_by).")
    if frame.height == 0:
        raise DataError("Expected a table of series with at least one row; got none.")
    names = frame[sequence_id]
    _check_present(names, "says which series a row belongs to")
    ids = names.unique(maintain_order=True)
    codes = names.replace_strict(ids, np.arange(len(ids)), return_dtype=pl.Int64).to_numpy()
    ranks = None if order_by is None else _ranks(frame[order_by])
    rows = np.lexsort((ranks, codes)) if sort and ranks is not None else _grouped(codes)
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(ids)))])
    steps = None if order_by is None else frame[order_by].gather(rows)
    layout = SeriesLayout(ids, starts.astype(np.int64), rows, steps)
    if ranks is not None:
        _check_order(layout, ranks[rows])
    return layout


def _grouped(codes: np.ndarray) -> np.ndarray:
    return np.argsort(codes, kind="stable")


def _ranks(series: pl.Series) -> np.ndarray:
    """Return numbers (N,) that are ordered as the steps are, equal ones alike."""
    if series.dtype in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    if series.dtype == pl.String:
        _check_present(series, "gives the order of each series")
        settled = settle_text(series)
        if settled.dtype == pl.String:
            raise DataError(
                f"Expected the steps {series.name!r} as numbers, dates or ISO 8601 text (2026-01-31"
                f" 14:05), so that they have an order; got {series[0]!r} among others. Rewrite the "
                "column, or leave it out, and the order of rows counts."
            )
        series = settled
    _check_present(series, "gives the order of each series")
    return (series.rank("dense") - 1).to_numpy().astype(np.int64)


def _check_present(series: pl.Series, what: str) -> None:
    missing = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
    if missing.any():
        row = int(missing.arg_true()[0])
        raise DataError(
            f"Column {series.name!r}, which {what}, is empty in {row_name(row)} "
            f"({int(missing.sum())} such rows). Fill it in, or remove those rows."
        )


def _check_order(layout: SeriesLayout, ranks: np.ndarray) -> None:
    within = np.ones(len(ranks) - 1, dtype=bool)
    within[layout.starts[1:-1] - 1] = False
    wrong = np.flatnonzero(within & (np.diff(ranks) <= 0))
    if not len(wrong):
        return
    place = int(wrong[0]) + 1
    assert layout.steps is not None  # there are ranks
    series = int(np.searchsorted(layout.starts, place, side="right")) - 1
    named, step = _shown(layout.ids[series]), _shown(layout.steps[place])
    before, row = _shown(layout.steps[place - 1]), row_name(int(layout.rows[place]))
    more = f" ({len(wrong)} such rows in all)" if len(wrong) > 1 else ""
    if ranks[place] == ranks[place - 1]:
        raise DataError(
            f"Series {named} has step {step} twice, in {row_name(int(layout.rows[place - 1]))} and "
            f"in {row}{more}: expected each step once. Remove one of the two, or give the series "
            f"names of their own in {layout.ids.name!r}."
        )
    raise DataError(
        f"Series {named} has step {step} in {row}, behind step {before}{more}: expected the rows "
        f"of a series in the order of {layout.steps.name!r}. Sort the table by "
        f"{layout.ids.name!r} and {layout.steps.name!r}, or have it sorted: --sort, in Python "
        f"sort=True."
    )


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float | bool) else str(value)
