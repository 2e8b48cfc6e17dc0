"""Other models on the same rows: a guess, a linear model, gradient-boosted trees.

    guess     the classes' shares, or the mean, of the training rows: it looks at no column
    linear    scikit-learn's LogisticRegression, or Ridge, on the encoded columns
    boosted   scikit-learn's HistGradientBoosting at its defaults, categories as categories

They learn from all rows that the network had, its validation rows included. On large tables they
learn from a random part of them, as many as `WORK` allows; `Baseline.rows` says how many.

Public names: `Baseline`, `baselines_for`.
May import: `answers`, `clearprop.tables`, scikit-learn, threadpoolctl, NumPy, Polars.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from clearprop.reporting.answers import Kind, kind_of, truth_of
from clearprop.tables import (
    CategoryColumn,
    DroppedColumn,
    EncoderOptions,
    NumberColumn,
    TableEncoder,
)
from clearprop.tables.conversion import as_numbers

# rows · features · outputs that a baseline learns from at most, and rows that it has in any case
WORK, FEWEST = {"linear": 12_000_000, "boosted": 8_000_000}, 2_000
# categories that scikit-learn's trees take as such
MOST_CATEGORIES = 255


@dataclass(frozen=True, eq=False)
class Baseline:
    """Another model.

    Attributes
    ----------
    name : {"guess", "linear", "boosted"}
    given : (n, names) float64 array
        What it gives for the rows that the network is measured on; see `Answers`.
    rows : int
        Rows that it learned from.
    """

    name: str
    given: np.ndarray
    rows: int


@dataclass(frozen=True, eq=False)
class _Task:
    """What a baseline learns: rows, truth, weights."""

    kind: Kind
    outputs: int
    frame: pl.DataFrame
    truth: np.ndarray
    weights: np.ndarray | None
    seed: int

    def part(self, name: str, features: int) -> _Task:
        """Return as many rows as the baseline has time for, drawn at random."""
        several = self.kind == "labels" or self.outputs > 2 or self.kind == "numbers"
        outputs = self.outputs if several else 1
        most = max(FEWEST, WORK[name] // (features * outputs))
        if self.frame.height <= most:
            return self
        generator = np.random.Generator(np.random.Philox(self.seed))
        rows = np.sort(generator.choice(self.frame.height, most, replace=False))
        weights = None if self.weights is None else self.weights[rows]
        frame, truth = self.frame[rows], self.truth[rows]
        return _Task(self.kind, self.outputs, frame, truth, weights, self.seed)


def baselines_for(
    model: Any,
    frame: pl.DataFrame,
    training: tuple[pl.DataFrame, pl.DataFrame],
    *,
    weights: np.ndarray | None = None,
    seed: int = 0,
) -> Iterator[Baseline]:
    """Train other models and yield what they give for a table.

    Parameters
    ----------
    model : fitted tabular estimator
    frame : table of n rows
        What is to be predicted.
    training : (frame, targets)
        What the network learned from.
    weights : (rows,) array, optional
        Of the training rows.
    """
    kind, truth = kind_of(model.target_), truth_of(model.target_, training[1])
    outputs = len(model.target_.classes if kind == "classes" else model.target_.names)
    task = _Task(kind, outputs, training[0], truth, weights, seed)
    yield Baseline("guess", np.tile(_shares(task), (frame.height, 1)), task.frame.height)
    dropped = tuple(c.name for c in model.encoder_.columns if isinstance(c, DroppedColumn))
    kept = task.frame.drop(dropped, strict=False)
    encoder = TableEncoder.fit(kept, EncoderOptions())
    for name, features in (("linear", _encoded), ("boosted", _as_they_are)):
        some = task.part(name, encoder.width if name == "linear" else len(encoder.used_columns))
        learn = _LEARNERS[name](encoder, seed)
        # where other programs hold the processors, threads that wait for one another take as long
        # as ten times one thread; alone, two threads would save half
        with threadpool_limits(1):
            given = _given(learn, some, features(encoder, some.frame), features(encoder, frame))
        yield Baseline(name, given, some.frame.height)


def _shares(task: _Task) -> np.ndarray:
    """Return the classes' shares, or the targets' means, of the training rows."""
    weights = np.ones(len(task.truth)) if task.weights is None else task.weights
    if task.kind == "classes":
        counts = np.bincount(task.truth, weights, minlength=task.outputs)
        return np.asarray(counts / counts.sum())
    return np.asarray(np.average(task.truth, axis=0, weights=weights))


def _encoded(encoder: TableEncoder, frame: pl.DataFrame) -> np.ndarray:
    return encoder.transform(frame, np.float64)


def _as_they_are(encoder: TableEncoder, frame: pl.DataFrame) -> np.ndarray:
    """Return a table as trees want it: numbers with NaN, codes of categories, parts of dates."""
    parts = []
    for column in encoder.columns:
        if isinstance(column, DroppedColumn):
            continue
        series = frame[column.name]
        if isinstance(column, NumberColumn):
            parts.append(as_numbers(series, column.source)[:, None])
            continue
        features = np.empty((frame.height, len(column.feature_names)))
        column.encode(series, features)
        if isinstance(column, CategoryColumn) and features.shape[1] > 1:
            codes = np.where(features.any(axis=1), features.argmax(axis=1), np.nan)
            features = codes[:, None]
        parts.append(features)
    return np.hstack(parts)


def _categories(encoder: TableEncoder) -> list[bool]:
    """Return which columns of `_as_they_are` are codes of categories."""
    found: list[bool] = []
    for column in encoder.columns:
        width = len(column.feature_names)
        if isinstance(column, CategoryColumn) and width > 1:
            found.append(width <= MOST_CATEGORIES)
        elif not isinstance(column, DroppedColumn):
            found += [False] * (1 if isinstance(column, NumberColumn) else width)
    return found


# encoder, seed → (kind → a fresh scikit-learn estimator)
Learner = Callable[[Kind], Any]


def _linear(encoder: TableEncoder, seed: int) -> Learner:
    return lambda kind: Ridge() if kind == "numbers" else LogisticRegression(max_iter=200)


def _boosted(encoder: TableEncoder, seed: int) -> Learner:
    categories = _categories(encoder)

    def made(kind: Kind) -> Any:
        regression = kind == "numbers"
        cls = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        return cls(categorical_features=categories, random_state=seed)

    return made


_LEARNERS: dict[str, Callable[[TableEncoder, int], Learner]] = {
    "linear": _linear,
    "boosted": _boosted,
}


def _given(learn: Learner, task: _Task, known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Train on known rows and return what is given for others, as `Answers` holds it."""
    if task.kind == "classes":
        return _chances(learn(task.kind), known, task.truth, task.weights, asked, task.outputs)
    columns = []
    for truth in task.truth.T:
        if task.kind == "numbers":
            model = learn(task.kind).fit(known, truth, sample_weight=task.weights)
            columns.append(model.predict(asked))
        else:
            chances = _chances(learn(task.kind), known, truth.astype(int), task.weights, asked, 2)
            columns.append(chances[:, 1])
    return np.column_stack(columns)


def _chances(
    model: Any,
    known: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    asked: np.ndarray,
    outputs: int,
) -> np.ndarray:
    """Return chances, (n, outputs); a class that no row has has none."""
    found = np.zeros((len(asked), outputs))
    if len(np.unique(codes)) == 1:
        found[:, codes[0]] = 1.0
        return found
    with warnings.catch_warnings():
        # as far as it comes in its iterations is what the figure says
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(known, codes, sample_weight=weights)
    found[:, model.classes_] = model.predict_proba(asked)
    return found
