"""Errors of predictions; of all of them less is better, and 0 is perfect.

- error: share of rows whose most probable class is not theirs
- log loss: mean of -log p(own class), p not below LEAST, in nats
- 1 - AUC: one against the rest, mean over classes where there are more than two
- RMSE/std: root mean squared error over the standard deviation of the test rows' target
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

ERROR, LOG_LOSS, AUC, RMSE = "error", "log loss", "1 - AUC", "RMSE/std"
# a probability of 0 would cost infinitely much, and float32 knows nothing smaller beside 1
LEAST = 2.0**-23


def of_classes(y: np.ndarray, classes: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Return the errors of probabilities p (rows, classes) for the labels y (rows,)."""
    p = np.asarray(p, dtype=float)
    p = p / p.sum(axis=1, keepdims=True)
    codes = np.searchsorted(classes, y)
    own = p[np.arange(len(y)), codes]
    return {
        ERROR: float(np.mean(p.argmax(axis=1) != codes)),
        LOG_LOSS: float(-np.log(np.maximum(own, LEAST)).mean()),
        AUC: 1 - _area(codes, p),
    }


def _area(codes: np.ndarray, p: np.ndarray) -> float:
    """Return the area under the ROC curve."""
    if p.shape[1] == 2:
        return float(roc_auc_score(codes, p[:, 1]))
    return float(roc_auc_score(codes, p, multi_class="ovr"))


def of_number(y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return the error of predicted numbers (rows,)."""
    return {RMSE: float(np.sqrt(np.mean((y - np.ravel(predicted)) ** 2)) / np.std(y))}
