"""Hold rows out for testing: at random, by class, by group, or the latest in time.

Chance comes from NumPy's Philox generator alone, so a seed names the same split everywhere.

Public names: `codes_of`, `ranks_of_time`, `split_rows`. Imports NumPy, Polars and
`clearprop.errors`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from clearprop.errors import DataError, SettingError, ShapeError
from clearprop.tables.text import settle_text
from clearprop.tables.wording import row_names


def split_rows(
    n: int,
    *,
    fraction: float,
    seed: int,
    strata: Any = None,
    groups: Any = None,
    time: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows into those to train on and those held out.

    Parameters
    ----------
    n : int
        The number of rows.
    fraction : float
        The share to hold out, between 0 and 1; met as closely as classes, groups or ties allow.
    seed : int
        Says which split; not used with `time`.
    strata : array-like, (n,), optional
        Classes whose shares both parts keep. A class of one row goes to training, and every class
        keeps at least one row there.
    groups : array-like, (n,), optional
        Rows of one group stay together; with `strata`, the classes' shares are kept as well as
        whole groups allow.
    time : array-like, (n,), optional
        Numbers, dates, or text in ISO 8601: the latest rows are held out, and rows of one time
        stay together. Not with `groups`; `strata` then has no part in it.

    Returns
    -------
    train, test : int64 arrays
        Row numbers, each in rising order.

    Raises
    ------
    DataError
        Too few rows, groups or times to divide, or one of them is missing.
    SettingError
        `fraction` is not between 0 and 1, or `time` and `groups` are both given.
    """
    if not 0 < fraction < 1:
        raise SettingError(
            f"Expected the fraction of rows to hold out between 0 and 1; got {fraction}."
        )
    if n < 2:
        raise DataError(f"Expected at least 2 rows to divide; got {n}. Add rows.")
    if time is not None and groups is not None:
        raise SettingError("Split by time or by group, not both: leave one of them out.")
    held = min(max(round(n * fraction), 1), n - 1)
    if time is not None:
        test = _latest(ranks_of_time(time, n), held)
    else:
        generator = np.random.Generator(np.random.Philox(seed))
        classes = codes_of(strata, n, "strata") if strata is not None else np.zeros(n, dtype=int)
        if groups is not None:
            test = _grouped(codes_of(groups, n, "groups"), classes, fraction, generator)
        else:
            test = _stratified(classes, held, generator)
    return np.flatnonzero(~test), np.flatnonzero(test)


def _stratified(classes: np.ndarray, held: int, generator: np.random.Generator) -> np.ndarray:
    """Hold out of each class its share, by largest remainders, and at most all rows but one."""
    order = generator.permutation(len(classes))
    sizes = np.bincount(classes)
    exact = sizes * (held / len(classes))
    taken = np.floor(exact).astype(int)  # below sizes, as held < n
    while (missing := held - taken.sum()) > 0 and (taken < sizes - 1).any():
        # One more for the classes furthest below their shares; ties go to the larger class.
        need = np.where(taken < sizes - 1, exact - taken, -np.inf)
        nearest = np.lexsort((-sizes, -need))[:missing]
        taken[nearest[need[nearest] > -np.inf]] += 1
    if taken.sum() == 0:
        raise DataError(
            f"Each of the {len(sizes)} classes has a single row, so none can be held out: expected "
            "a class with two rows or more. Add rows, or split without regard to classes."
        )
    shuffled = classes[order]
    by_class = np.argsort(shuffled, kind="stable")
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(classes), dtype=int)
    rank[by_class] = np.arange(len(classes)) - np.repeat(starts, sizes)
    test = np.zeros(len(classes), dtype=bool)
    test[order] = rank < taken[shuffled]
    return test


def _grouped(
    groups: np.ndarray, classes: np.ndarray, fraction: float, generator: np.random.Generator
) -> np.ndarray:
    """Hold groups out in random order, each if it brings the classes' counts nearer their share."""
    count, width = groups.max() + 1, classes.max() + 1
    if count < 2:
        raise DataError(
            "All rows are of one group, so none can be held out: expected two groups or more. "
            "Add rows of other groups, or split without groups."
        )
    held = np.bincount(groups * width + classes, minlength=count * width).reshape(count, width)
    wanted = held.sum(axis=0) * fraction
    chosen = np.zeros(count, dtype=bool)
    for group in generator.permutation(count):
        # |wanted − held|² < |wanted|², written out
        if held[group] @ held[group] < 2 * (held[group] @ wanted):
            chosen[group] = True
            wanted = wanted - held[group]
    if not chosen.any():
        chosen[np.argmin(held.sum(axis=1))] = True
    return chosen[groups]


def _latest(ranks: np.ndarray, held: int) -> np.ndarray:
    """Hold out the latest rows, cut between distinct times as near to `held` rows as can be."""
    sizes = np.bincount(ranks)
    if len(sizes) < 2:
        raise DataError(
            "All rows have the same time, so none is later: expected two times or more. Split "
            "without time, or name another column."
        )
    later = np.cumsum(sizes[::-1])[:-1]  # rows held out if the last 1, 2, … times are
    times = int(np.argmin(np.abs(later - held))) + 1
    return ranks >= len(sizes) - times


def ranks_of_time(time: Any, n: int) -> np.ndarray:
    """Rank times (n,), numbers, dates or text in ISO 8601, from 0, equal ones alike: int64 (n,)."""
    series = _series(time, n, "time")
    if series.dtype == pl.String:
        series = settle_text(series)
        if series.dtype == pl.String:
            raise DataError(
                f"Expected times as numbers, dates or ISO 8601 text (2026-01-31 14:05); got "
                f"{series.drop_nulls()[0]!r} among others. Rewrite the column."
            )
        _check_present(series, "time")
    return (series.rank("dense") - 1).to_numpy().astype(np.int64)


def codes_of(values: Any, n: int, what: str) -> np.ndarray:
    """Rank the values of an array (n,), equal ones alike, from 0: int64 (n,)."""
    return (_series(values, n, what).rank("dense") - 1).to_numpy().astype(np.int64)


def _series(values: Any, n: int, what: str) -> pl.Series:
    series = values if isinstance(values, pl.Series) else _from_array(np.asarray(values))
    if len(series) != n:
        raise ShapeError(f"Expected {what} with a value for each of {n} rows; got {len(series)}.")
    if series.dtype in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    _check_present(series, what)
    return series


def _from_array(values: np.ndarray) -> pl.Series:
    # Polars takes an array of Python objects for opaque ones, but reads a list of them.
    return pl.Series(values.tolist() if values.dtype.kind in "OU" else values, strict=False)


def _check_present(series: pl.Series, what: str) -> None:
    missing = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
    if missing.any():
        rows = missing.arg_true().to_list()
        raise DataError(
            f"The {what} column is missing in {len(rows)} rows ({row_names(rows)}): expected a "
            "value in every row. Fill them in, or remove those rows."
        )
