"""Tell from the target what is to be learned, and say why.

Public names: `Task`, `infer_task`. Imports Polars and `clearprop.errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from clearprop.errors import DataError, SettingError
from clearprop.tables.conversion import kind_of
from clearprop.tables.wording import listed, nearest, row_names

TaskName = Literal["classification", "regression"]
TargetKind = Literal["binary", "multiclass", "multilabel", "number", "numbers"]

_FEW = 20  # distinct values up to which numbers may be classes …
_SHARE = 0.05  # … if they are at most this share of the rows


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learned.

    Parameters
    ----------
    name : {"classification", "regression"}
    kind : {"binary", "multiclass", "multilabel", "number", "numbers"}
    targets : tuple of str
        The target columns.
    reason : str
        Why, as a sentence for the person at the screen.
    warnings : tuple of str
        What makes the target doubtful, a sentence each.
    """

    name: TaskName
    kind: TargetKind
    targets: tuple[str, ...]
    reason: str
    warnings: tuple[str, ...] = ()


def infer_task(
    frame: pl.DataFrame, targets: str | Sequence[str], task: TaskName | None = None
) -> Task:
    """Choose classification or regression from the target columns, or check the user's choice.

    One column of text, booleans, two distinct numbers, or few distinct whole numbers (at most 20,
    and at most 5 % of the rows) is classification, other numbers regression. Several columns are
    multilabel classification if all hold 0 and 1 or booleans, else regression.

    Parameters
    ----------
    frame : polars.DataFrame, (n, columns)
    targets : str or sequence of str
    task : {"classification", "regression"}, optional
        What to do whatever the columns look like.

    Raises
    ------
    DataError
        A target is missing in some rows, constant, infinite, or does not suit the task.
    SettingError
        No such column, or no such task.
    """
    names = (targets,) if isinstance(targets, str) else tuple(targets)
    if task not in (None, "classification", "regression"):
        raise SettingError(f"Expected the task classification or regression; got {task!r}.")
    if not names or len(set(names)) < len(names):
        raise SettingError(f"Expected one or more distinct target columns; got {listed(names)}.")
    for name in names:
        if name not in frame.columns:
            raise SettingError(
                f"There is no column {name!r} to predict.{nearest(name, frame.columns)} The table "
                f"has {listed(frame.columns, 12)}."
            )
        check_target(frame[name])
    if len(names) > 1:
        return _several(frame.select(names), names, task)
    return _single(frame[names[0]], task)


def check_target(series: pl.Series) -> None:
    """Check that a target column (n,) can be learned from.

    Raises
    ------
    DataError
        Values are missing, infinite or all the same, or their type is not one that can be learned.
    """
    name, dtype = series.name, series.dtype
    missing = series.is_null() | series.is_nan() if dtype.is_float() else series.is_null()
    if len(series) == 0:
        raise DataError(f"Expected rows with the target {name!r}; the table has none.")
    if missing.any():
        rows = missing.arg_true().to_list()
        raise DataError(
            f"The target {name!r} is missing in {len(rows)} of {len(series)} rows "
            f"({row_names(rows)}): expected a value in every row. Remove those rows, or name "
            "another target."
        )
    if kind_of(series) == "date" or dtype in (pl.Duration, pl.Time):
        raise DataError(
            f"The target {name!r} holds dates or times ({dtype}): expected classes or numbers. "
            "Put it as a number first, days since some date, say."
        )
    if dtype.is_float() and series.is_infinite().any():
        rows = series.is_infinite().arg_true().to_list()
        raise DataError(
            f"The target {name!r} is infinite in {row_names(rows)}: expected finite numbers. "
            "Correct or remove those rows."
        )
    if series.n_unique() == 1:
        raise DataError(
            f"The target {name!r} is {series[0]!r} in every row: expected two classes, or two "
            f"distinct numbers, at least, since otherwise there is nothing to learn. "
            "Name another target, or add rows."
        )


def _single(series: pl.Series, task: TaskName | None) -> Task:
    name, distinct, rows = series.name, series.n_unique(), len(series)
    is_number = series.dtype.is_numeric()
    if task == "regression" and not is_number:
        raise DataError(
            f"Regression expects numbers; the target {name!r} holds {_kind_word(series)} such as "
            f"{series[0]!r}. Choose classification, or name another target."
        )
    whole = is_number and bool((series.cast(pl.Float64) % 1 == 0).all())
    few = distinct <= _FEW and distinct <= _SHARE * rows
    classes = not is_number or distinct == 2 or (whole and few)
    if task == "classification" and is_number and not whole and not classes and distinct > _FEW:
        raise DataError(
            f"Classification expects classes; the target {name!r} is continuous: it holds "
            f"{distinct} distinct numbers such as {series[0]!r}. Choose regression, or cut it "
            f"into classes."
        )
    what = f"{name!r} holds {'whole ' if whole else ''}{_kind_word(series)} with {distinct} " + (
        "distinct values"
    )
    chosen: TaskName = task or ("classification" if classes else "regression")
    reason = f"{what}: {chosen}{', as asked' if task else ''}."
    if chosen == "regression":
        return Task("regression", "number", (name,), reason)
    kind: TargetKind = "binary" if distinct == 2 else "multiclass"
    return Task("classification", kind, (name,), reason, _lonely_classes(series))


def _several(frame: pl.DataFrame, names: tuple[str, ...], task: TaskName | None) -> Task:
    words = [series.name for series in frame if not _numeric(series)]
    flags = not words and all(column.cast(pl.Float64).is_in([0.0, 1.0]).all() for column in frame)
    if words:
        raise DataError(
            f"Several targets must be all numbers, or all 0 and 1 or booleans; {listed(words)} "
            "hold text. Name one target of classes at a time."
        )
    if task == "classification" and not flags:
        raise DataError(
            f"Classification of several targets expects columns of 0 and 1; of {listed(names)} "
            "some hold other numbers. Choose regression, or name one target at a time."
        )
    if flags and task != "regression":
        reason = f"{listed(names)} hold 0 and 1 only: classification with several labels a row."
        return Task("classification", "multilabel", names, reason)
    reason = f"{listed(names)} hold numbers: regression with {len(names)} outputs."
    return Task("regression", "numbers", names, reason)


def _numeric(series: pl.Series) -> bool:
    return series.dtype.is_numeric() or series.dtype == pl.Boolean


def _kind_word(series: pl.Series) -> str:
    if series.dtype == pl.Boolean:
        return "booleans"
    return "numbers" if series.dtype.is_numeric() else "text"


def _lonely_classes(series: pl.Series) -> tuple[str, ...]:
    counts = series.value_counts().filter(pl.col("count") == 1)[series.name]
    if len(counts) == 0:
        return ()
    lonely = listed(np.sort(counts.cast(series.dtype).to_numpy()).tolist())
    return (
        f"Of the target {series.name!r}, {lonely} {'has' if len(counts) == 1 else 'have'} a single "
        "row: too few to learn from and to test on.",
    )
