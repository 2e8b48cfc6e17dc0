"""Measures of a model's answers, each a function of how often every row counts.

With every count 1 they are scikit-learn's; with a bootstrap's counts they are those of the draw.

    accuracy, balanced accuracy, log loss, ROC AUC (several classes: the mean of one against the
    rest); all labels right, labels right; R², mean absolute error, root mean squared error, each
    the mean over the targets

Public names: `Measure`, `measures_of`.
May import: `answers`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clearprop.reporting.answers import Answers

# counts (draws, n) → values (draws,)
Weighted = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Measure:
    """A measure of some answers.

    Attributes
    ----------
    key : str
        Its name in the catalogue.
    higher_is_better : bool
    of : callable
        Counts of the rows (draws, n) → values (draws,).
    is_share : bool
        Whether it is a share of rows that are right.
    """

    key: str
    higher_is_better: bool
    of: Weighted
    is_share: bool = False


def measures_of(answers: Answers) -> list[Measure]:
    """Return the measures of some answers, the most telling first."""
    if answers.kind == "classes":
        return _of_classes(answers)
    if answers.kind == "labels":
        each = ((answers.given > 0.5) == (answers.truth > 0.5)).mean(axis=1)
        return [
            Measure("all_right", True, _mean(answers.hits), is_share=True),
            Measure("labels_right", True, _mean(each)),
        ]
    return _of_numbers(answers)


def _mean(values: np.ndarray) -> Weighted:
    """Return the mean of a value a row."""
    values = values.astype(np.float64)
    return lambda counts: counts @ values / counts.sum(axis=1)


def _of_classes(answers: Answers) -> list[Measure]:
    found = [
        Measure("accuracy", True, _mean(answers.hits), is_share=True),
        Measure("balanced", True, _balanced(answers)),
        Measure("log_loss", False, _mean(answers.losses)),
    ]
    classes = len(answers.names)
    if len(np.unique(answers.truth)) == classes:
        wanted = [1] if classes == 2 else range(classes)
        areas = [_area(answers.given[:, k], answers.truth == k) for k in wanted]
        found.append(
            Measure("auc", True, lambda counts: np.mean([area(counts) for area in areas], axis=0))
        )
    return found


def _balanced(answers: Answers) -> Weighted:
    """Return the mean over classes of the share of their rows that is right."""
    of_class = np.eye(len(answers.names))[answers.truth]
    of_class = of_class[:, of_class.any(axis=0)]
    right = of_class * answers.hits[:, None]

    def value(counts: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.asarray((counts @ right / (counts @ of_class)).mean(axis=1))

    return value


def _area(scores: np.ndarray, positive: np.ndarray) -> Weighted:
    """Return the chance that a positive row scores above a negative one, ties counting half."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    is_positive = positive[order].astype(np.float64)

    def value(counts: np.ndarray) -> np.ndarray:
        sorted_counts = counts[:, order]
        above = np.add.reduceat(sorted_counts * is_positive, starts, axis=1)
        below = np.add.reduceat(sorted_counts * (1 - is_positive), starts, axis=1)
        pairs = (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return np.asarray(pairs / (above.sum(axis=1) * below.sum(axis=1)))

    return value


def _of_numbers(answers: Answers) -> list[Measure]:
    errors = answers.errors
    squares = np.square(errors)

    def root(counts: np.ndarray) -> np.ndarray:
        total = counts.sum(axis=1, keepdims=True)
        return np.asarray(np.sqrt(counts @ squares / total).mean(axis=1))

    found = [
        Measure("mae", False, _mean(np.abs(errors).mean(axis=1))),
        Measure("rmse", False, root),
    ]
    if len(answers) > 1:
        found.insert(0, Measure("r2", True, _explained(answers.truth, squares)))
    return found


def _explained(truth: np.ndarray, squares: np.ndarray) -> Weighted:
    """Return 1 − Σ (y − ŷ)² / Σ (y − ȳ)², the mean over the targets."""
    # about a value near the mean, so that the squares do not cancel
    centred = truth - truth.mean(axis=0)

    def value(counts: np.ndarray) -> np.ndarray:
        total = counts.sum(axis=1, keepdims=True)
        spread = counts @ np.square(centred) - np.square(counts @ centred) / total
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((1 - counts @ squares / spread).mean(axis=1))

    return value
