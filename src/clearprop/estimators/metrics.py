"""How good an estimator of tables is on rows it has not seen, beside a trivial baseline.

The baseline knows the training targets and nothing of the columns: it answers the most frequent
class, the classes' shares, or the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn import metrics as sk

from clearprop.errors import DataError
from clearprop.estimators.scores import probabilities
from clearprop.tables import ClassTarget, MultilabelTarget


@dataclass(frozen=True)
class Metric:
    """One figure, and what the baseline reaches.

    Attributes
    ----------
    name : str
    value : float
    baseline : float or None
        None where a baseline has no meaning.
    higher_is_better : bool
    """

    name: str
    value: float
    baseline: float | None
    higher_is_better: bool

    @property
    def beats_baseline(self) -> bool:
        """Whether the value is better than the baseline's, or there is none."""
        if self.baseline is None:
            return True
        ahead = self.value - self.baseline
        return ahead > 0 if self.higher_is_better else ahead < 0

    def to_document(self) -> dict[str, Any]:
        """Return the metric as plain data."""
        return asdict(self)


def measure(
    model: Any, frame: pl.DataFrame, targets: pl.DataFrame, baseline: pl.DataFrame | None
) -> list[Metric]:
    """Measure a fitted tabular estimator.

    Parameters
    ----------
    frame, targets : tables of n rows
    baseline : table of the training targets, optional
        Without it no baseline is given.
    """
    known = None if baseline is None else model.target_.encode(baseline)
    truth = model.target_.encode(targets)
    if isinstance(model.target_, ClassTarget):
        return _class_metrics(truth, model.predict_proba(frame), known)
    if isinstance(model.target_, MultilabelTarget):
        return _label_metrics(truth, model.predict_proba(frame), known)
    numbers = [
        None if table is None else table.select(model.target_.names).to_numpy().astype(np.float64)
        for table in (targets, baseline)
    ]
    return _number_metrics(numbers[0], model.predict(frame), numbers[1])


def measure_sequences(
    model: Any, X: Any, y: Any, baseline: tuple[Any, Any] | None
) -> tuple[list[Metric], int]:
    """Measure a fitted recurrent estimator: over sequences, or over all of their steps.

    Parameters
    ----------
    X, y : as for its `score`
    baseline : (X, y), optional
        What it was trained on; without it no baseline is given.

    Returns
    -------
    metrics, and over how many predictions they go
    """
    truth, outputs, _ = model.truth_and_outputs(X, y)
    known = None if baseline is None else model.targets_of(*baseline)
    if not hasattr(model, "classes_"):
        return _number_metrics(truth, model.decoded(outputs), known), len(truth)
    if truth.ndim > 1:
        return _label_metrics(truth, outputs, known), len(truth)
    codes = np.searchsorted(model.classes_, truth)
    shares = None if known is None else np.searchsorted(model.classes_, known)
    return _class_metrics(codes, probabilities(outputs), shares), len(truth)


def _pair(
    name: str, function: Callable[[Any], float], got: Any, trivial: Any, *, higher: bool
) -> Metric:
    return Metric(
        name, float(function(got)), None if trivial is None else float(function(trivial)), higher
    )


def _class_metrics(
    truth: np.ndarray, chances: np.ndarray, known: np.ndarray | None
) -> list[Metric]:
    classes = np.arange(chances.shape[1])
    got = chances.astype(np.float64)
    got /= got.sum(axis=1, keepdims=True)
    shares = None
    if known is not None:
        counts = np.bincount(known, minlength=len(classes))
        shares = np.tile(counts / counts.sum(), (len(truth), 1))

    def accuracy(p: np.ndarray) -> float:
        return sk.accuracy_score(truth, p.argmax(axis=1))

    def balanced(p: np.ndarray) -> float:
        hits = p.argmax(axis=1) == truth
        return float(np.mean([hits[truth == k].mean() for k in np.unique(truth)]))

    def log_loss(p: np.ndarray) -> float:
        return sk.log_loss(truth, p, labels=classes)

    found = [
        _pair("accuracy", accuracy, got, shares, higher=True),
        _pair("balanced accuracy", balanced, got, shares, higher=True),
        _pair("log loss", log_loss, got, shares, higher=False),
    ]
    if len(np.unique(truth)) == len(classes):

        def area(p: np.ndarray) -> float:
            if len(classes) == 2:
                return sk.roc_auc_score(truth, p[:, 1])
            return sk.roc_auc_score(truth, p, multi_class="ovr", labels=classes)

        found.append(_pair("ROC AUC", area, got, shares, higher=True))
    return found


def _label_metrics(
    truth: np.ndarray, chances: np.ndarray, known: np.ndarray | None
) -> list[Metric]:
    got = chances.astype(np.float64)
    shares = None if known is None else np.tile(known.mean(axis=0), (len(truth), 1))

    def all_right(p: np.ndarray) -> float:
        return sk.accuracy_score(truth, p > 0.5)

    def labels_right(p: np.ndarray) -> float:
        return float(np.mean((p > 0.5) == truth))

    return [
        _pair("all labels right", all_right, got, shares, higher=True),
        _pair("labels right", labels_right, got, shares, higher=True),
    ]


def _number_metrics(truth: Any, predicted: np.ndarray, known: np.ndarray | None) -> list[Metric]:
    got = predicted.reshape(truth.shape)
    wrong = np.flatnonzero(~np.isfinite(got.reshape(len(got), -1)).all(axis=1))
    if len(wrong):
        raise DataError(
            f"The prediction of row {wrong[0] + 1} is not finite ({len(wrong)} such rows): its "
            f"values are far from those the model was trained on. Correct them, or train again."
        )
    mean = None if known is None else np.broadcast_to(known.mean(axis=0), truth.shape)

    def explained(p: np.ndarray) -> float:
        return sk.r2_score(truth, p)

    def root_square(p: np.ndarray) -> float:
        return sk.root_mean_squared_error(truth, p)

    def absolute(p: np.ndarray) -> float:
        return sk.mean_absolute_error(truth, p)

    found = [
        _pair("mean absolute error", absolute, got, mean, higher=False),
        _pair("root mean squared error", root_square, got, mean, higher=False),
    ]
    if len(truth) > 1:
        found.insert(0, _pair("R²", explained, got, mean, higher=True))
    return found
