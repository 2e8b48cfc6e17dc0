"""Constructor parameters, and what they are to the trainer: Network, Recipe, Stopping.

Every function takes the estimator and reads its parameters; nothing here is fitted.

Public names: `CONSTRAINTS`, `PLANNED`, `SHARE`, `STOCHASTIC`, `batch_size_for`,
`hardware_for`, `hidden_sizes`, `is_stochastic`, `network_for`, `recipe_for`, `rule_for`,
`schedule_for`, `stopping_for`, `warn_of_large_batches`.
May import: `clearprop.training`, `clearprop.engines`, `clearprop.equations`, `clearprop.network`,
`clearprop.functions`, `clearprop.errors`, scikit-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from clearprop.engines import ENGINES, Constant, Hardware, Recipe, Schedule
from clearprop.engines.recipes import PLATFORMS, PRECISIONS
from clearprop.equations import (
    CARRIERS,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Penalty,
    RMSprop,
    Rule,
)
from clearprop.errors import SettingError
from clearprop.estimators.legacy import InverseScalingFrom
from clearprop.estimators.tasks import Task
from clearprop.functions import CustomLoss, Loss, activation
from clearprop.network import INITIALISERS, Dense, Network
from clearprop.training import Adaptive, Cosine, OneCycle, Stopping, WarmUp

STOCHASTIC = ("sgd", "adam", "rmsprop", "adamw")
# schedules that are made to end with the last epoch
PLANNED = ("cosine", "one_cycle")

SHARE = Interval(Real, 0, 1, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")


class _Monitor(StrOptions):
    """`"score"`, `"loss"` or a scorer's name.

    Scorers are listed where none of the two came: that imports all of scikit-learn's metrics.
    """

    def __init__(self) -> None:
        super().__init__({"score", "loss"})

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether this is one of them."""
        return super().is_satisfied_by(val) or self._with_scorers().is_satisfied_by(val)

    def __str__(self) -> str:
        """Return all of them, for a message."""
        return str(self._with_scorers())

    def _with_scorers(self) -> StrOptions:
        from sklearn.metrics import get_scorer_names

        return StrOptions({*self.options, *get_scorer_names()})


# what scikit-learn checks each parameter against before fit
CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _COUNT],
    "activation": [str, "array-like"],
    "solver": [StrOptions({"lbfgs", *STOCHASTIC})],
    "alpha": [_NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), _COUNT],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", *PLANNED})],
    "learning_rate_init": [_POSITIVE],
    "power_t": [_NOT_NEGATIVE],
    "max_iter": [_COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [SHARE],
    "beta_1": [SHARE],
    "beta_2": [SHARE],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
    "max_fun": [_COUNT],
    "loss": [str, Loss, CustomLoss, None],
    "dropout": [SHARE, "array-like"],
    "init": [StrOptions(set(INITIALISERS))],
    "clip_norm": [_POSITIVE, None],
    "weight_decay": [_NOT_NEGATIVE],
    "warmup_epochs": [_NOT_NEGATIVE],
    "restore_best": ["boolean", None],
    "monitor": [_Monitor()],
    "progress": ["boolean"],
    "callbacks": [list, tuple, None],
    "checkpoint": [HasMethods(["keeping"]), None],
    "carrier": [StrOptions(set(CARRIERS))],
    "record": [StrOptions({"path"}), list, tuple, None],
    "engine": [StrOptions(set(ENGINES))],
    "threads": [_COUNT, None],
    "device": [StrOptions(set(PLATFORMS)), Hardware, None],
    "precision": [StrOptions(set(PRECISIONS))],
}


def is_stochastic(estimator: Any) -> bool:
    """Whether the solver goes over the rows in batches, as `partial_fit` must."""
    if estimator.solver not in STOCHASTIC:
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not "
            f"stochastic."
        )
    return True


def hidden_sizes(estimator: Any) -> list[int]:
    """Return the units of the hidden layers; ValueError where one is not above 0."""
    given = estimator.hidden_layer_sizes
    sizes = list(given) if isinstance(given, Iterable) else [given]
    if any(size <= 0 for size in sizes):
        raise SettingError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return sizes


def _per_layer(estimator: Any, name: str, count: int) -> list[Any]:
    """Return a parameter's value for each hidden layer: one for all, or a list of them."""
    given = getattr(estimator, name)
    if isinstance(given, str) or not isinstance(given, Iterable):
        return [given] * count
    values = list(given)
    if len(values) != count:
        raise SettingError(
            f"{name} must be one value for all hidden layers, or a list of {count}, one for each "
            f"of hidden_layer_sizes, but {len(values)} came."
        )
    return values


def network_for(estimator: Any, task: Task, inputs: int, dtype: Any) -> Network:
    """Return the network that the parameters describe, for data of this width and dtype."""
    sizes = hidden_sizes(estimator)
    functions = _per_layer(estimator, "activation", len(sizes))
    drops = _per_layer(estimator, "dropout", len(sizes))
    loss = task.loss(estimator.loss, getattr(estimator, "label_smoothing", 0.0))
    one = estimator.activation if isinstance(estimator.activation, str) else "identity"
    # scikit-learn draws the output layer as the hidden ones, also where there is none
    last = functions[-1] if functions else one
    hidden = [
        Dense(size, function, dropout=float(drop), init=_initialiser(estimator.init, function))
        for size, function, drop in zip(sizes, functions, drops, strict=True)
    ]
    output = Dense(task.units, task.activation(loss), init=_initialiser(estimator.init, last))
    return Network(inputs, (*hidden, output), loss, str(np.dtype(dtype)))  # type: ignore[arg-type]


def _initialiser(name: str, function: Any) -> str:
    logistic = name == "sklearn" and activation(function).name == "sigmoid"
    return "sklearn_logistic" if logistic else name


def recipe_for(estimator: Any, rows: int, schedule: Schedule, epochs: int) -> Recipe:
    """Return the recipe for this many training rows."""
    return Recipe(
        rule=rule_for(estimator),
        schedule=schedule,
        penalty=Penalty(l2=float(estimator.alpha), per_sample=True),
        batch_size=batch_size_for(estimator, rows),
        epochs=epochs,
        clip_norm=estimator.clip_norm,
        carrier=getattr(estimator, "carrier", "exact"),
        truncate=getattr(estimator, "truncate", None),
    )


def batch_size_for(estimator: Any, rows: int) -> int:
    """Return the rows of a batch; what "auto" is, a class says."""
    given = estimator.batch_size
    return min(estimator._auto_batch(rows) if given == "auto" else int(given), rows)


def warn_of_large_batches(estimator: Any, rows: int) -> None:
    """Warn, in scikit-learn's words, where a batch would have more than all training rows."""
    given = estimator.batch_size
    if given != "auto" and given > rows and estimator.solver != "lbfgs":
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )


def rule_for(estimator: Any) -> Rule:
    """Return the update rule of a stochastic solver."""
    rate, epsilon = float(estimator.learning_rate_init), float(estimator.epsilon)
    if estimator.solver == "sgd":
        rule = Nesterov if estimator.nesterovs_momentum else Momentum
        return rule(rate, momentum=float(estimator.momentum))
    if estimator.solver == "rmsprop":
        return RMSprop(rate, epsilon=epsilon)
    betas = float(estimator.beta_1), float(estimator.beta_2)
    if estimator.solver == "adamw":
        return AdamW(rate, *betas, epsilon, weight_decay=float(estimator.weight_decay))
    return Adam(rate, *betas, epsilon, epsilon_hat=True)


def schedule_for(estimator: Any, seen: int, first_step: int, *, fresh: bool) -> Schedule:
    """Return the learning rate's schedule; see `InverseScalingFrom` for what went before.

    As in scikit-learn, Adam does not follow `"invscaling"` and `"adaptive"`.
    """
    name = estimator.learning_rate
    schedule: Schedule = Constant()
    if name in PLANNED:
        schedule = Cosine() if name == "cosine" else OneCycle()
    elif name == "invscaling" and estimator.solver != "adam":
        schedule = InverseScalingFrom(float(estimator.power_t), seen, first_step, fresh)
    elif name == "adaptive" and estimator.solver != "adam":
        schedule = Adaptive()
    return WarmUp(estimator.warmup_epochs, schedule) if estimator.warmup_epochs else schedule


def hardware_for(estimator: Any) -> Hardware:
    """Return what the xla engine computes on."""
    device, precision = estimator.device, estimator.precision
    if not isinstance(device, Hardware):
        return Hardware(device, precision)
    return device if precision == "float32" else replace(device, precision=precision)


def stopping_for(estimator: Any) -> Stopping:
    """Return what is watched, how long, and what the run ends with."""
    early = bool(estimator.early_stopping) and estimator.solver != "lbfgs"
    watched = "validation_loss" if estimator.monitor == "loss" else "validation_score"
    return Stopping(
        monitor=watched if early else "objective",  # type: ignore[arg-type]
        patience=float(estimator.n_iter_no_change),
        tolerance=float(estimator.tol),
        restore_best=early if estimator.restore_best is None else bool(estimator.restore_best),
    )
