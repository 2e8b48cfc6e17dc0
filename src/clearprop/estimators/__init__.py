"""Estimators: scikit-learn classes around the trainer.

The idea: `fit`, `predict`, `score` and everything that scikit-learn builds on them (pipelines,
searches, calibration) work as with scikit-learn's own classes, on clearprop's engines.

    mlp_classifier.py, mlp_regressor.py   parameters and public methods of the two
    mlp_base.py    what these two share: rows of arrays, scikit-learn's views
    rnn_classifier.py, rnn_regressor.py   RNNClassifier, RNNRegressor: the same for sequences
    rnn_base.py, rnn_settings.py, sequence_*.py, step_labels.py   what these two stand on
    forecasting.py    windows of a series, forecasts fed back on themselves
    base.py        what all four share: fitting, fitted attributes, traces, pickling
    settings.py    constructor parameters as Network, Recipe and Settings
    tasks.py       labels and numbers as network targets, and back
    rows.py        training and validation rows, sample and class weights
    scores.py      validation scores
    naming.py      names of units, and of parameters to record
    legacy.py      scikit-learn's own shuffles and inverse scaling, number for number
    fitting.py     one run: start, memory between calls, warnings at its end
    listeners.py   what is shown while it runs
    mlp_parts.py, rnn_parts.py   to and from the model file
    tabular.py     TabularClassifier, TabularRegressor: take a table as it comes
    tabular_base.py, tabular_choices.py   what these two share; what "auto" stands for
    tabular_*.py, metrics.py   what tabular.py stands on
    calibration.py, intervals.py, validation_scores.py   temperatures; conformal intervals; epochs
    search.py, search_*.py   TabularSearch: random search within a time budget

May import: everything below, scikit-learn. Each class is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from clearprop.importing import uncollected

_EXPORTS = {
    "MLPClassifier": "clearprop.estimators.mlp_classifier",
    "MLPRegressor": "clearprop.estimators.mlp_regressor",
    "RNNClassifier": "clearprop.estimators.rnn_classifier",
    "RNNRegressor": "clearprop.estimators.rnn_regressor",
    "TabularClassifier": "clearprop.estimators.tabular",
    "TabularRegressor": "clearprop.estimators.tabular",
    "TabularSearch": "clearprop.estimators.search",
}

__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Import a class when it is first asked for."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with uncollected():
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
