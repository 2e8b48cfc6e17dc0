"""How good a tabular network is on validation rows, by the metric that chooses the best epoch.

Public names: `validation_score`.
May import: `clearprop.estimators.calibration`, `clearprop.engines`; scikit-learn, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clearprop.engines import Block
from clearprop.errors import SettingError
from clearprop.estimators.calibration import Answers, calibrates, log_loss_at_best
from clearprop.network import Network

Score = Callable[[np.ndarray], float]


def validation_score(metric: str, network: Network, block: Block) -> Score | None:
    """Return the function that scores outputs (n, outputs) on a block's rows, higher being better.

    None for `"loss"`, which the run follows by itself. Outputs that are not finite score -∞.
    """
    if metric == "loss":
        return None
    score = _score(metric, network, block)
    return lambda outputs: score(outputs) if np.isfinite(outputs).all() else -np.inf


def _score(metric: str, network: Network, block: Block) -> Score:
    if metric == "log_loss":
        if not calibrates(network):
            raise SettingError(
                "validation_metric='log_loss' needs outputs that are probabilities, with a "
                "cross-entropy as the loss. Use validation_metric='loss'."
            )
        return lambda outputs: -log_loss_at_best(Answers.of(outputs, block.y, block.weights))
    truth = _marks(block.y, network.outputs)
    if metric == "accuracy":
        return lambda outputs: _hit_rate(outputs, block.y, block.weights)
    return lambda outputs: _area(outputs, truth, block.weights)


def _marks(targets: np.ndarray, outputs: int) -> np.ndarray:
    """Return 1 for each output that is right, else 0, (n, outputs)."""
    if targets.ndim == 1:
        return (targets[:, None] == np.arange(outputs)).astype(int)
    return targets.astype(int)


def _hit_rate(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> float:
    if targets.ndim == 1:
        hits = outputs.argmax(axis=1) == targets
    else:
        hits = ((outputs > 0.5) == (targets > 0.5)).mean(axis=1)
    return float(np.average(hits, weights=weights))


def _area(outputs: np.ndarray, marks: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the mean area under the outputs' ROC curves; outputs that tell nothing are left out.

    There is nothing to tell where all rows, or none, are of an output's class.
    """
    from sklearn.metrics import roc_auc_score

    mixed = np.flatnonzero(marks.any(axis=0) & ~marks.all(axis=0))
    areas = [roc_auc_score(marks[:, k], outputs[:, k], sample_weight=weights) for k in mixed]
    return float(np.mean(areas)) if areas else 0.5
