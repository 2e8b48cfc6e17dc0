"""From a table and an estimator's parameters to a run that is ready to go.

Nothing of the estimator is changed here: a fit that fails or is broken off leaves it as it was.

Public names: `Prepared`, `prepare`, `block_of`, `names_of_units`, `recipe_of`, `seed_of`,
`targets_for_network`, `weighted`.
May import: `clearprop.tables`, `clearprop.training` and what they may import; scikit-learn, Polars.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from sklearn.utils import check_random_state

from clearprop.engines import Block, Recipe
from clearprop.equations import Adam, Penalty
from clearprop.errors import SettingError
from clearprop.estimators.naming import UnitNames, unit_names, watch_for
from clearprop.estimators.tabular_data import (
    Holdout,
    TrainingTable,
    batch_size_for,
    check_rows,
    class_weights,
    names_of,
    network_for,
    target_frame,
)
from clearprop.functions import LOSSES, CustomLoss
from clearprop.functions import loss as loss_of
from clearprop.network import Network
from clearprop.tables import (
    ClassTarget,
    EncoderOptions,
    NumberTarget,
    TableEncoder,
    Target,
    fit_target,
    infer_task,
)
from clearprop.training import Cosine, Run, Settings, Shuffled, Stopping, Validation

# how many rows of the target a loss of the user's own is checked on
CHECKED_ROWS = 20


@dataclass(frozen=True)
class Prepared:
    """What was fitted on the table, and the run that is ready to go.

    Attributes
    ----------
    encoder : TableEncoder
    target : Target
    columns : tuple of str
        The table's columns, without the targets.
    run : Run
    """

    encoder: TableEncoder
    target: Target
    columns: tuple[str, ...]
    run: Run


def prepare(
    estimator: Any,
    table: TrainingTable,
    task: Any,
    validation_data: tuple[Any, ...] | None = None,
) -> Prepared:
    """Encode a table and set up its run; see `TabularClassifier.fit`.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
        Its parameters, and where it goes on (`warm_start`) what it has learned.
    task : {"classification", "regression"}
    """
    continued = bool(estimator.warm_start) and hasattr(estimator, "parameters_")
    target = estimator.target_ if continued else _fit_target(estimator, table.targets, task)
    seed = seed_of(estimator.random_state)
    check_rows(_used(estimator, table.frame), estimator.encoder_ if continued else None)
    table = weighted(estimator, target, table)
    holdout = _hold_out(estimator, target, table, validation_data, seed)
    rows = table.frame[holdout.train]
    if continued:
        encoder, network = estimator.encoder_, estimator.network_
    else:
        encoder = TableEncoder.fit(rows, EncoderOptions(drop=names_of(estimator.drop)))
        network = network_for(estimator, encoder.width, target)
    weights = None if table.weights is None else table.weights[holdout.train]
    block = block_of(network, encoder, target, rows, table.targets[holdout.train], weights)
    validation = None
    if holdout.frame is not None and holdout.targets is not None:
        validation = Validation(
            block_of(network, encoder, target, holdout.frame, holdout.targets, holdout.weights)
        )
    run = Run(
        network,
        block,
        replace(
            _settings(estimator, block.rows, seed, validated=validation is not None),
            watch=watch_for(estimator.record, network, names_of_units(encoder, target)),
        ),
        validation=validation,
        parameters=estimator.parameters_ if continued else None,
    )
    return Prepared(encoder, target, tuple(table.frame.columns), run)


def _used(estimator: Any, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop(names_of(estimator.drop), strict=False)


def seed_of(random_state: Any) -> int:
    """Return the seed that a `random_state` stands for; a whole number is its own seed.

    Raises
    ------
    SettingError
        If it is no whole number from 0 on, None or RandomState.
    """
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if random_state < 0:
            raise SettingError(f"random_state must be 0 or above, but {random_state} came.")
        return int(random_state)
    try:
        return int(check_random_state(random_state).randint(2**31))
    except ValueError:
        raise SettingError(
            f"random_state must be a whole number, None or a RandomState, but {random_state!r} "
            f"came."
        ) from None


def _fit_target(estimator: Any, targets: pl.DataFrame, task: Any) -> Target:
    fitted = fit_target(targets, infer_task(targets, targets.columns, task))
    if isinstance(fitted, NumberTarget) and _needs_positive(estimator.loss):
        return _in_units_of_mean(fitted)
    return fitted


def _needs_positive(loss: Any) -> bool:
    if loss is None or isinstance(loss, CustomLoss):
        return False
    return LOSSES[loss_of(loss).name].domain == "positive"


def _in_units_of_mean(target: NumberTarget) -> NumberTarget:
    """Return a target that is divided by its mean and not centred: it keeps its sign.

    An exponential output of a fresh network is near 1, which is then the mean.
    """
    scales = tuple(mean if mean > 0 else 1.0 for mean in target.means)
    return replace(target, means=(0.0,) * len(scales), scales=scales)


def _hold_out(
    estimator: Any, target: Target, table: TrainingTable, given: Any, seed: int
) -> Holdout:
    if given is not None:
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise SettingError("validation_data must be (X, y) or (X, y, sample_weight).")
        weights = given[2] if len(given) == 3 else None
        held = TrainingTable.of(*target_frame(given[0], given[1]), weights, None, None)
        held = weighted(estimator, target, held)
        return Holdout(np.arange(table.rows), held.frame, held.targets, held.weights)
    strata = target.encode(table.targets) if isinstance(target, ClassTarget) else None
    return table.hold_out(estimator.validation_fraction, seed, strata)


def weighted(estimator: Any, target: Target, table: TrainingTable) -> TrainingTable:
    """Return the table with class weights multiplied into its sample weights."""
    if estimator.class_weight is None:
        return table
    factors = class_weights(estimator.class_weight, target, target.encode(table.targets))
    return replace(table, weights=factors if table.weights is None else table.weights * factors)


def targets_for_network(target: Target, targets: pl.DataFrame) -> np.ndarray:
    """Return targets as the network is trained on them.

    Class codes (n,) for several classes, else numbers (n, outputs): 0 and 1 for two classes.
    """
    encoded = target.encode(targets)
    binary = isinstance(target, ClassTarget) and target.kind == "binary"
    return encoded.reshape(-1, 1).astype(np.float32) if binary else encoded


def block_of(
    network: Network,
    encoder: TableEncoder,
    target: Target,
    frame: pl.DataFrame,
    targets: pl.DataFrame,
    weights: np.ndarray | None = None,
) -> Block:
    """Encode rows of a table as a block."""
    x = encoder.transform(frame, np.dtype(network.dtype))
    return Block.of(network, x, targets_for_network(target, targets), weights)


def names_of_units(encoder: TableEncoder, target: Target) -> UnitNames:
    """Return what units are called: features, and classes or target columns."""
    if not isinstance(target, ClassTarget):
        return unit_names(encoder.feature_names, target.names)
    classes = target.classes[-1:] if target.kind == "binary" else target.classes
    return unit_names(encoder.feature_names, classes)


def recipe_of(estimator: Any, rows: int) -> Recipe:
    """Return the recipe of an estimator for this many training rows."""
    epochs = estimator.max_epochs
    if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 1:
        raise SettingError(f"max_epochs must be a whole number from 1 on, but {epochs!r} came.")
    return Recipe(
        rule=Adam(estimator.learning_rate),
        schedule=Cosine(floor=0.05),
        penalty=Penalty(l2=estimator.l2),
        batch_size=batch_size_for(estimator.batch_size, rows),
        epochs=int(epochs),
    )


def _settings(estimator: Any, rows: int, seed: int, *, validated: bool) -> Settings:
    threads = estimator.threads
    if threads is not None and not threads >= 1:
        raise SettingError(f"threads must be at least 1, or None, but {threads!r} came.")
    if not estimator.patience >= 0:
        raise SettingError(f"patience must be 0 or above, but {estimator.patience!r} came.")
    return Settings(
        recipe_of(estimator, rows),
        estimator.engine,
        threads,
        seed,
        orders=Shuffled(seed),
        stopping=Stopping(
            "validation_loss" if validated else "objective", estimator.patience, 0.0, True
        ),
    )
