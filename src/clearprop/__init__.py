"""clearprop: back-propagation you can see through, at full speed.

Everything public is here and is imported when it is first used, so that `import clearprop` takes a
moment only:

- `MLPClassifier`, `MLPRegressor`: scikit-learn's classes, faster and with what they lack
- `RNNClassifier`, `RNNRegressor`: the same for sequences of steps, and forecasts of a series
- `TabularClassifier`, `TabularRegressor`: take a table as it comes
- `Stream`: a table in Parquet or Arrow files that is larger than memory, for both
- `TabularSearch`: looks for their parameters within a time budget
- `Network`, `Dense`, `Scaling`, `Periodic`, `Recurrent`, `GRU`, `LSTM`, `Loss`, `CustomLoss`,
  `Parameters`: the network itself
- `train`, `Settings`, `Watch`: the fit loop underneath
- `explain`, `Explanation`, `check_gradient`: every number accounted for
- `report`: a page on how good a model is on a table, to read and to send on
- `save`, `load`: model files; `Checkpoints`: a run kept on disk while it goes
- `to_onnx`, `onnx_inputs`, `check_onnx`; `to_sklearn`, `from_sklearn`; `to_torch`, `from_torch`:
  models to and from other libraries
- `errors`: what can go wrong
"""

from __future__ import annotations

import importlib
from typing import Any

from clearprop.importing import uncollected

# public name → the module that defines it
_EXPORTS = {
    "Checkpoints": "clearprop.files",
    "CustomLoss": "clearprop.functions",
    "Dense": "clearprop.network",
    "Explanation": "clearprop.explanation",
    "GRU": "clearprop.network",
    "LSTM": "clearprop.network",
    "Loss": "clearprop.functions",
    "MLPClassifier": "clearprop.estimators",
    "MLPRegressor": "clearprop.estimators",
    "Network": "clearprop.network",
    "Parameters": "clearprop.network",
    "Periodic": "clearprop.network",
    "RNNClassifier": "clearprop.estimators",
    "RNNRegressor": "clearprop.estimators",
    "Recurrent": "clearprop.network",
    "Scaling": "clearprop.network",
    "Settings": "clearprop.training",
    "Stream": "clearprop.tables.streams",
    "TabularClassifier": "clearprop.estimators",
    "TabularRegressor": "clearprop.estimators",
    "TabularSearch": "clearprop.estimators",
    "Watch": "clearprop.training",
    "check_gradient": "clearprop.explanation",
    "check_onnx": "clearprop.interchange",
    "errors": "clearprop",
    "explain": "clearprop.explanation",
    "from_sklearn": "clearprop.interchange",
    "from_torch": "clearprop.interchange",
    "load": "clearprop.files",
    "onnx_inputs": "clearprop.interchange",
    "report": "clearprop.reporting",
    "save": "clearprop.files",
    "to_onnx": "clearprop.interchange",
    "to_sklearn": "clearprop.interchange",
    "to_torch": "clearprop.interchange",
    "train": "clearprop.training",
}

__version__ = "0.1.0"
__all__ = [*_EXPORTS, "__version__"]  # noqa: PLE0604  names, from the table above


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'clearprop' has no attribute {name!r}")
    if name == "errors":
        return importlib.import_module("clearprop.errors")
    with uncollected():
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
