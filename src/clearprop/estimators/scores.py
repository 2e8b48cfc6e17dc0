"""Validation scores: a scikit-learn scorer, asked about outputs that are already there.

Public names: `score_for`.
May import: `clearprop.estimators.tasks`, scikit-learn; its metrics where one is asked for, since a
fit without does not need their import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from clearprop.estimators.tasks import Classification, Task


def score_for(
    monitor: str, task: Task, labels: Any, targets: np.ndarray, weights: np.ndarray | None
) -> Callable[[np.ndarray], float]:
    """Return the function that scores outputs (n, units) on the validation rows.

    Parameters
    ----------
    monitor : str
        `"score"` and `"loss"` give the estimator's own score, else a scorer's name.
    labels : (n,) or (n, columns) array
        The rows' targets as the user gave them.
    targets : array
        The same, encoded.
    weights : (n,) array, optional
    """
    if monitor in ("score", "loss"):
        return lambda outputs: task.score(targets, outputs, weights)
    from sklearn.metrics import get_scorer

    scorer = get_scorer(monitor)
    stand_in = _Classifier(task) if isinstance(task, Classification) else _Regressor(task)
    extra = {} if weights is None else {"sample_weight": weights}

    def score(outputs: np.ndarray) -> float:
        # the scorer hands its X to the estimator, and here the outputs are what it predicts from
        return float(scorer(stand_in, outputs, labels, **extra))

    return score


class _StandIn(BaseEstimator):
    """Answers a scorer as the fitted estimator would; its X is the network's output."""

    def __init__(self, task: Any) -> None:
        self.task = task

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: np.ndarray) -> Any:
        return self.task.decode(X)


class _Regressor(RegressorMixin, _StandIn):
    pass


class _Classifier(ClassifierMixin, _StandIn):
    @property
    def classes_(self) -> np.ndarray:
        return self.task.classes

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return probabilities(X)


def probabilities(outputs: np.ndarray) -> np.ndarray:
    """Return a column for each class: one logistic unit gives 1 - p and p."""
    if outputs.shape[1] > 1:
        return outputs
    # as np.column_stack would, which takes longer than the network of a few rows
    both = np.empty((len(outputs), 2), outputs.dtype)
    np.subtract(1, outputs, out=both[:, :1])
    both[:, 1:] = outputs
    return both
