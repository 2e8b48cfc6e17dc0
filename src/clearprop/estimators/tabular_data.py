"""What a tabular estimator makes of the data: frames, held-out rows and folds, weights.

Public names: `FEWEST_TO_HOLD_OUT`, `ROWS_AT_ONCE`, `Holdout`, `TrainingTable`, `check_rows`,
`class_weights`, `factors_of_classes`, `named`, `names_of`, `target_frame`, `target_names`.
May import: `clearprop.tables`, `clearprop.errors`; NumPy, Polars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from clearprop.errors import DataError, SettingError, ShapeError
from clearprop.tables import (
    ClassTarget,
    TableEncoder,
    Target,
    as_frame,
    fold_rows,
    split_rows,
)

# rows that are encoded in one go, where the whole is not wanted
ROWS_AT_ONCE = 65_536
# tables smaller than this have no rows to spare for validation
FEWEST_TO_HOLD_OUT = 40


@dataclass(frozen=True)
class Holdout:
    """Rows to train on, and the table to validate on, if any."""

    train: np.ndarray
    frame: pl.DataFrame | None = None
    targets: pl.DataFrame | None = None
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class TrainingTable:
    """The columns to learn from, the targets, and what is known of each row."""

    frame: pl.DataFrame
    targets: pl.DataFrame
    weights: np.ndarray | None
    groups: Any
    time: Any

    @classmethod
    def of(
        cls, frame: pl.DataFrame, targets: pl.DataFrame, weights: Any, groups: Any, time: Any
    ) -> TrainingTable:
        """Check that all parts have as many rows as the table."""
        if weights is not None:
            weights = _checked_weights(weights, frame.height)
        return cls(frame, targets, weights, groups, time)

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return self.frame.height

    def hold_out(self, fraction: float, seed: int, strata: np.ndarray | None) -> Holdout:
        """Hold out a share of the rows, by group, by time, or by class.

        None are held out where fewer than `FEWEST_TO_HOLD_OUT` rows count, nor where all of
        them are of one group or time.
        """
        everything = Holdout(np.arange(self.rows))
        counts = np.ones(self.rows) if self.weights is None else self.weights
        if fraction == 0 or np.count_nonzero(counts) < FEWEST_TO_HOLD_OUT or self._undivided():
            return everything
        if self.time is not None or (strata is not None and np.bincount(strata).max() < 2):
            strata = None
        train, held = split_rows(
            self.rows, fraction=fraction, seed=seed, strata=strata, groups=self.groups,
            time=self.time,
        )  # fmt: skip
        if not (counts[train].any() and counts[held].any()):
            return everything
        return self._without(train, held)

    def fold(self, folds: int, seed: int, strata: np.ndarray | None) -> list[Holdout]:
        """Hold out one fold of the rows after another; see `clearprop.tables.fold_rows`."""
        divided = fold_rows(
            self.rows,
            folds=folds,
            seed=seed,
            strata=None if self.time is not None else strata,
            groups=self.groups,
            time=self.time,
        )
        for number, rows in enumerate(divided, start=1):
            if self.weights is not None and not all(self.weights[part].any() for part in rows):
                raise DataError(
                    f"Of fold {number} of {folds}, or of the rows beside it, all weights are 0. "
                    f"Take fewer folds, or leave rows of weight 0 out."
                )
        return [self._without(train, held) for train, held in divided]

    def _without(self, train: np.ndarray, held: np.ndarray) -> Holdout:
        weights = None if self.weights is None else self.weights[held]
        return Holdout(train, self.frame[held], self.targets[held], weights)

    def _undivided(self) -> bool:
        known = [values for values in (self.groups, self.time) if values is not None]
        return any(len(set(np.asarray(values).tolist())) == 1 for values in known)


def _checked_weights(given: Any, rows: int) -> np.ndarray:
    try:
        weights = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"Sample weights must be numbers, but: {error}.") from error
    if weights.shape != (rows,):
        raise ShapeError(f"Sample weights must have shape ({rows},), but {weights.shape} came.")
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"Sample weights must be finite and 0 or above, but row {row + 1} has {weights[row]}."
        )
    if not weights.any():
        raise DataError("All sample weights are zero, so there is nothing to learn from.")
    return weights


def check_rows(frame: pl.DataFrame, encoder: TableEncoder | None) -> None:
    """Look through all rows before some are held out, so that messages name rows of this table.

    Parameters
    ----------
    frame : polars.DataFrame
    encoder : TableEncoder, optional
        The encoding that the rows must fit, where there is one already.

    Raises
    ------
    DataError
        A value is infinite, or does not fit the encoding.
    """
    if encoder is not None:
        for start in range(0, frame.height, ROWS_AT_ONCE):
            encoder.transform(frame[start : start + ROWS_AT_ONCE], first_row=start)
        return
    for column in frame.iter_columns():
        if not column.dtype.is_float():
            continue
        rows = column.is_infinite().arg_true()
        if len(rows):
            raise DataError(
                f"Column {column.name!r} holds {column[rows[0]]} in row {rows[0] + 1} (infinite "
                f"values in all: {len(rows)}): expected finite numbers. Correct them, or leave "
                f"them empty if they are missing."
            )


def target_frame(X: Any, y: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the columns to learn from and the targets, both as Polars frames.

    Parameters
    ----------
    X : table, (n, columns)
    y : array, series or table of n rows, or the name or names of columns of X
    """
    if y is None:
        raise DataError(
            "Learning from a table requires y to be passed, but the target y is None. Give the "
            "name of a column of X, or an array of its values."
        )
    frame = as_frame(X)
    names = _names_of_columns(y)
    if names is not None:
        unknown = [name for name in names if name not in frame.columns]
        if unknown:
            raise SettingError(
                f"y names the column {unknown[0]!r}, which the table does not have. Its columns "
                f"are: {', '.join(frame.columns[:20])}."
            )
        return frame.drop(names), frame.select(names)
    targets = _as_targets(y)
    if targets.height != frame.height:
        raise ShapeError(f"X has {frame.height} rows, but y has {targets.height}.")
    return frame, targets


def _names_of_columns(y: Any) -> list[str] | None:
    if isinstance(y, str):
        return [y]
    if isinstance(y, list | tuple) and y and all(isinstance(name, str) for name in y):
        # a list of labels is far more often meant where it is as long as a table than names are
        return list(y) if len(y) <= 50 and len(set(y)) == len(y) else None
    return None


def _as_targets(y: Any) -> pl.DataFrame:
    if isinstance(y, pl.Series):
        return y.rename(y.name or "target").to_frame()
    if hasattr(y, "to_frame"):
        return as_frame(y.to_frame(y.name if isinstance(y.name, str) else "target"))
    if hasattr(y, "columns"):
        return as_frame(y)
    array = np.asarray(y)
    if array.ndim == 1:
        return as_frame({"target": array})
    if array.ndim == 2 and array.shape[1] == 1:
        return as_frame({"target": array[:, 0]})
    if array.ndim == 2:
        return as_frame({f"target{k}": array[:, k] for k in range(array.shape[1])})
    raise ShapeError(f"y must have one or two dimensions, but its shape is {array.shape}.")


def named(targets: pl.DataFrame, target: Any) -> pl.DataFrame:
    """Return target columns under the names that were fitted, as arrays have none."""
    names = target_names(target)
    fits = targets.width == len(names) and set(targets.columns) != set(names)
    return targets.rename(dict(zip(targets.columns, names, strict=True))) if fits else targets


def target_names(target: Any) -> tuple[str, ...]:
    """Return the columns that a fitted target stands for."""
    return (target.name,) if isinstance(target, ClassTarget) else tuple(target.names)


def class_weights(wish: Any, target: Target, codes: np.ndarray) -> np.ndarray:
    """Return the factor of each row: n / (classes · rows of its class), or what a dict says."""
    if not isinstance(target, ClassTarget):
        raise SettingError("class_weight is for one target column; several came.")
    counts = np.bincount(codes, minlength=len(target.classes))
    return factors_of_classes(wish, target, counts)[codes]


def factors_of_classes(wish: Any, target: ClassTarget, counts: np.ndarray) -> np.ndarray:
    """Return the factor of each class, (classes,), of which so many rows there are."""
    if isinstance(wish, str) and wish == "balanced":
        return counts.sum() / (len(counts) * np.maximum(counts, 1))
    if not isinstance(wish, dict):
        raise SettingError(f"class_weight must be 'balanced' or a dict, but {wish!r} came.")
    unknown = [label for label in wish if label not in target.classes]
    if unknown:
        raise SettingError(
            f"class_weight names {unknown[0]!r}, which is no class. Classes: {target.classes}."
        )
    return np.array([float(wish.get(label, 1.0)) for label in target.classes])


def names_of(columns: Any) -> tuple[str, ...]:
    """Return names of columns; a single one may come as a string."""
    return (columns,) if isinstance(columns, str) else tuple(str(name) for name in columns)
