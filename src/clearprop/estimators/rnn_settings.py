"""Constructor parameters of the recurrent estimators, and the network that they describe.

Public names: `CONSTRAINTS`, `sequence_network`.
May import: `clearprop.estimators.settings`, `clearprop.files`, `clearprop.network`,
`clearprop.errors`, scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from clearprop.errors import SettingError
from clearprop.estimators import settings
from clearprop.estimators.tasks import Task
from clearprop.files.networks import KINDS
from clearprop.network import Dense, Network

_COUNT = Interval(Integral, 1, None, closed="left")
_SHARED = (
    "activation", "solver", "alpha", "batch_size", "learning_rate", "learning_rate_init",
    "max_iter", "random_state", "tol", "verbose", "warm_start", "momentum", "early_stopping",
    "validation_fraction", "n_iter_no_change", "loss", "clip_norm", "weight_decay",
    "warmup_epochs", "restore_best", "monitor", "progress", "callbacks",
    "checkpoint", "record", "engine", "threads", "device", "precision",
)  # fmt: skip

# what scikit-learn checks each parameter against before fit
CONSTRAINTS: dict[str, list[Any]] = {
    **{name: settings.CONSTRAINTS[name] for name in _SHARED},
    "units": ["array-like", _COUNT],
    "cell": [StrOptions(set(KINDS)), "array-like"],
    "direction": [StrOptions({"auto", "forward", "backward", "both"})],
    "readout": [StrOptions({"auto", "last", "mean", "every"})],
    "dense": ["array-like", _COUNT],
    "dropout": [settings.SHARE],
    "truncate": [_COUNT, None],
    "standardize": ["boolean"],
    "sequence_id": [str, None],
    "order_by": [str, None],
    "sort": ["boolean"],
    "dtype": [StrOptions({"float32", "float64"})],
}


def sequence_network(
    estimator: Any, task: Task, inputs: int, dtype: Any, *, every: bool
) -> Network:
    """Return the network that the parameters describe.

    Parameters
    ----------
    every : bool
        There is one target a step.
    """
    units = _sizes(estimator, "units")
    cells = estimator.cell
    cells = [cells] * len(units) if isinstance(cells, str) else list(cells)
    if not units or len(cells) != len(units):
        raise SettingError(
            f"cell must be one name for all recurrent layers, or a list with one for each of "
            f"units={tuple(units)}, of which there must be one at least; {len(cells)} came."
        )
    unknown = [cell for cell in cells if cell not in KINDS]
    if unknown:
        raise SettingError(f"There is no cell {unknown[0]!r}. Known cells: {', '.join(KINDS)}.")
    direction, drop = estimator.direction, float(estimator.dropout)
    if direction == "auto":
        direction = "forward" if every else "both"
    kinds: dict[str, Any] = dict(KINDS)
    layers: list[Any] = [
        kinds[cell](size, direction, drop) for cell, size in zip(cells, units, strict=True)
    ]
    layers += [
        Dense(size, estimator.activation, dropout=drop) for size in _sizes(estimator, "dense")
    ]
    loss = task.loss(estimator.loss, float(getattr(estimator, "label_smoothing", 0.0)))
    layers.append(Dense(task.units, task.activation(loss)))
    readout = _readout(estimator, every=every)
    return Network(inputs, tuple(layers), loss, dtype, readout)


def _readout(estimator: Any, *, every: bool) -> Any:
    """Return the readout: every step where there is one target a step, else as asked."""
    if every:
        return "every"
    return "mean" if estimator.readout == "auto" else estimator.readout


def _sizes(estimator: Any, name: str) -> list[int]:
    given = getattr(estimator, name)
    sizes = list(given) if isinstance(given, Iterable) else [given]
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
            raise SettingError(f"{name} must be whole numbers above 0, but {given!r} came.")
    return [int(size) for size in sizes]
