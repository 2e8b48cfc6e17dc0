"""Warn of columns that a person would not want to train on, had they looked.

An identifier teaches a network to remember rows; a column that gives the target away makes the
held-out score a lie; constant, repeated and mostly missing columns add nothing. Nothing is left
out here: the person decides.

A single honest feature may predict well. A column is said to give the target away only if it
explains at least 99 % of what a constant prediction gets wrong (99.9 % of the variance, or of the
rank order, for numbers), on at least 30 rows.

Public names: `ColumnWarning`, `WarningKind`, `inspect_columns`. Imports NumPy, Polars and
`clearprop.errors`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from clearprop.tables.conversion import date_values, kind_of, number_values
from clearprop.tables.options import EncoderOptions
from clearprop.tables.tasks import TaskName
from clearprop.tables.text import clean_text, settle_text
from clearprop.tables.wording import listed

WarningKind = Literal[
    "identifier", "gives target away", "constant", "duplicate", "mostly missing",
    "nearly numbers", "many levels", "rare levels",
]  # fmt: skip

_ENOUGH_ROWS = 30  # below, a perfect fit may well be chance
_REPEATS = 5  # rows a level, on average, before levels are held against the target
_ERROR_LEFT = 0.01  # of the mistakes of always naming the largest class
_VARIANCE_LEFT = 0.001
_RANK_CORRELATION = 0.999
_MOSTLY = 0.5
_NEARLY = 0.9
_NOT_USED = "it is not used."
_MOST_CLASSES = 50  # thresholds between more classes than that are not looked for


@dataclass(frozen=True, slots=True)
class ColumnWarning:
    """What is doubtful about a column; `message` says it in sentences, with the way out."""

    column: str
    kind: WarningKind
    message: str


def inspect_columns(
    frame: pl.DataFrame, targets: pl.DataFrame, task: TaskName
) -> list[ColumnWarning]:
    """Look at every column for what commonly goes wrong.

    Parameters
    ----------
    frame : polars.DataFrame, (n, columns)
        The columns to learn from, without the targets and those left out.
    targets : polars.DataFrame, (n, k)
        The target columns.
    task : {"classification", "regression"}

    Returns
    -------
    list of ColumnWarning
        In the order of the columns; at most one warning a column, the gravest.
    """
    settled = {series.name: _settled(series) for series in frame.iter_columns()}
    originals = _originals(settled)
    goals = [_Goal.of(target, task) for target in targets.iter_columns()]
    warnings = []
    for name, series in settled.items():
        found = next(_findings(series, originals.get(name), goals), None)
        if found is not None:
            kind, what = found
            # what the encoding leaves out by itself needs nobody's hand
            remedy = "" if what.endswith(_NOT_USED) else f" To leave it out: --drop {name}."
            message = f"Column {name!r} {what}{remedy}"
            warnings.append(ColumnWarning(name, kind, message))
    return warnings


def _settled(series: pl.Series) -> pl.Series:
    """Read a column (n,) as the encoding would: missing values null, numeric text as numbers."""
    kind = kind_of(series)
    if kind == "empty":
        return pl.repeat(None, len(series), eager=True).alias(series.name)
    if kind == "number" and not series.dtype.is_integer():
        return pl.Series(series.name, number_values(series), nan_to_null=True)
    if kind == "date":
        return date_values(series)
    if kind == "category":
        return clean_text(series)
    return settle_text(series) if kind == "text" else series


def _originals(columns: dict[str, pl.Series]) -> dict[str, str]:
    """Find, for each repeated column, the first that holds the same values."""
    first: dict[tuple[pl.DataType, int], str] = {}
    repeated = {}
    alike = {
        name: series.cast(pl.Float64) if series.dtype.is_integer() else series
        for name, series in columns.items()
    }
    for name, series in alike.items():
        digest = int(series.hash().implode().hash()[0])
        original = first.setdefault((series.dtype, digest), name)
        if original != name and series.equals(alike[original], null_equal=True):
            repeated[name] = original
    return repeated


def _findings(
    series: pl.Series, original: str | None, goals: list[_Goal]
) -> Iterator[tuple[WarningKind, str]]:
    """Yield what is wrong with a column, the gravest first."""
    rows, missing = len(series), series.null_count()
    if missing == rows:
        yield "constant", f"has no values at all; {_NOT_USED}"
        return
    present = series.drop_nulls()
    distinct = present.n_unique()
    if distinct == 1 and not missing:
        yield "constant", f"is {present[0]!r} in every row; {_NOT_USED}"
        return
    for goal in goals:
        if goal.given_away_by(series):
            yield (
                "gives target away",
                f"alone predicts the target {goal.name!r} (nearly) perfectly. If it is not known "
                "before the target is, results will look better than they are.",
            )
    if _is_identifier(series, distinct):
        yield (
            "identifier",
            "has a value of its own in every row, as row numbers and names have: nothing in it "
            "carries over to new rows"
            + (f", and {_NOT_USED}" if series.dtype == pl.String else "."),
        )
    if original is not None:
        yield "duplicate", f"repeats column {original!r}; {_NOT_USED}"
    if missing > _MOSTLY * rows:
        yield "mostly missing", f"is missing in {missing} of {rows} rows."
    if series.dtype == pl.String:
        yield from _findings_in_text(present, rows)


def _findings_in_text(present: pl.Series, rows: int) -> Iterator[tuple[WarningKind, str]]:
    """Yield what is wrong with a column of text, of which these values are not missing."""
    words = present.filter(present.cast(pl.Float64, strict=False).is_null())
    if 0 < len(words) <= (1 - _NEARLY) * len(present):
        yield (
            "nearly numbers",
            f"holds numbers but in {len(words)} of {rows} rows ({listed(words.unique().sort(), 3)})"
            ": it is read as categories, which know nothing of near and far. Leave such cells "
            "empty if their values are not known.",
        )
    options = EncoderOptions()
    counts = present.value_counts()["count"]
    distinct, single = len(counts), int((counts == 1).sum())
    shared = (
        f"the {single} that come once share one feature" if single >= options.rare_levels else ""
    )
    if distinct > min(options.max_levels, rows / 2):
        few = f"at most the {options.max_levels} most frequent get a feature of their own"
        told = "; ".join(filter(None, (few, shared))) if distinct > options.max_levels else shared
        rare = "most of their features have a row or two to learn from"
        yield (
            "many levels",
            f"holds text with {distinct} distinct values in {rows} rows; {told or rare}.",
        )
    elif shared:
        yield "rare levels", f"holds text with {distinct} distinct values; {shared}."


def _is_identifier(series: pl.Series, distinct: int) -> bool:
    """Whether every row has its own text, or its own integer in rising order or without gaps."""
    if len(series) < _ENOUGH_ROWS or distinct < len(series):
        return False
    if series.dtype == pl.String:
        return True
    if not series.dtype.is_integer():
        return False
    low, high = series.min(), series.max()
    gapless = int(high) - int(low) + 1 == len(series)  # type: ignore[arg-type]
    return gapless or series.is_sorted()


@dataclass(frozen=True, slots=True, eq=False)
class _Goal:
    """A target, ready to be compared with columns.

    `values` are class codes (n,) of `classes` classes, or, where that is 0, numbers (n,).
    """

    name: str
    values: np.ndarray
    classes: int

    @classmethod
    def of(cls, target: pl.Series, task: TaskName) -> _Goal:
        if task == "regression":
            return cls(target.name, target.cast(pl.Float64).to_numpy(), 0)
        codes = (target.cast(pl.String).rank("dense") - 1).to_numpy().astype(np.int64)
        return cls(target.name, codes, int(codes.max()) + 1)

    def given_away_by(self, series: pl.Series) -> bool:
        """Whether a column (n,) alone predicts this target, nearly perfectly."""
        present = series.is_not_null().to_numpy()
        values = self.values[present]
        if len(values) < max(_ENOUGH_ROWS, 10 * self.classes, _MOSTLY * len(present)):
            return False
        column = series.drop_nulls()
        levels = (
            (column.rank("dense") - 1).to_numpy().astype(np.int64)
            if column.dtype != pl.Boolean
            else column.cast(pl.Int64).to_numpy()
        )
        repeated = len(values) >= _REPEATS * (levels.max() + 1)
        ordered = column.dtype.is_numeric()
        if self.classes:
            counts = _counted(levels, values, self.classes)
            allowed = _ERROR_LEFT * (len(values) - counts.sum(axis=0).max())
            if allowed == 0:
                return False
            if repeated and len(values) - counts.max(axis=1).sum() <= allowed:
                return True
            return (
                ordered
                and self.classes <= _MOST_CLASSES
                and (_threshold_mistakes(counts) <= allowed)
            )
        if ordered and abs(_rank_correlation(column, values)) > _RANK_CORRELATION:
            return True
        return bool(repeated) and _variance_left(levels, values) <= _VARIANCE_LEFT


def _counted(levels: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:
    """Count the rows of every class at every level: (levels, classes)."""
    size = (int(levels.max()) + 1, classes)
    return np.bincount(levels * classes + codes, minlength=size[0] * size[1]).reshape(size)


def _threshold_mistakes(counts: np.ndarray) -> int:
    """Count the mistakes of the best thresholds between classes on an ordered column.

    `counts` is (levels, classes), levels in rising order. Classes are put in the order of their
    mean level; class by class, the least number of mistakes up to every cut follows from the
    class before (dynamic programming over cuts).
    """
    rows = counts.sum(axis=0)
    counts = counts[:, rows > 0]
    order = np.argsort(np.arange(len(counts)) @ counts / counts.sum(axis=0))
    right = np.vstack([np.zeros(len(order), dtype=int), np.cumsum(counts[:, order], axis=0)])
    wrong = right.sum(axis=1, keepdims=True) - right
    best = wrong[:, 0]
    for k in range(1, wrong.shape[1]):
        best = wrong[:, k] + np.minimum.accumulate(best - wrong[:, k])
    return int(best[-1])


def _rank_correlation(column: pl.Series, values: np.ndarray) -> float:
    """Compute Spearman's rank correlation of two columns (n,); 0 where one is constant."""
    ranks = [s.rank("average").cast(pl.Float64).to_numpy() for s in (column, pl.Series(values))]
    centred = [r - r.mean() for r in ranks]
    norm = np.linalg.norm(centred[0]) * np.linalg.norm(centred[1])
    return float(centred[0] @ centred[1] / norm) if norm else 0.0


def _variance_left(levels: np.ndarray, values: np.ndarray) -> float:
    """Compute the share of the values' variance that is left within levels."""
    centred = values - values.mean()
    sizes = np.bincount(levels)
    means = np.bincount(levels, weights=centred) / np.maximum(sizes, 1)
    total = float(centred @ centred)
    return float(np.sum((centred - means[levels]) ** 2)) / total if total else 1.0
