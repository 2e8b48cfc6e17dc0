"""From a table and an estimator's parameters to runs that are ready to go.

Nothing of the estimator is changed here: a fit that fails or is broken off leaves it as it was.

Public names: `Prepared`, `choices_for`, `fitting_loss`, `prepare`, `recipe_of`, `seed_of`,
`settings_of`, `weighted`.
May import: `clearprop.tables`, `clearprop.training` and what they may import; scikit-learn, Polars.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from sklearn.utils import check_random_state

from clearprop.engines import Block, Recipe
from clearprop.equations import Adam, AdamW, Penalty
from clearprop.errors import SettingError
from clearprop.estimators.naming import watch_for
from clearprop.estimators.settings import hardware_for
from clearprop.estimators.tabular_choices import Choices, held_out_share
from clearprop.estimators.tabular_data import (
    Holdout,
    TrainingTable,
    check_rows,
    class_weights,
    names_of,
    target_frame,
)
from clearprop.estimators.tabular_network import block_of, names_of_units, network_for, smooths
from clearprop.estimators.validation_scores import validation_score
from clearprop.functions import LOSSES, CustomLoss
from clearprop.functions import loss as loss_of
from clearprop.network import Network, Parameters
from clearprop.tables import (
    ClassTarget,
    EncoderOptions,
    NumberTarget,
    TableEncoder,
    Target,
    fit_target,
    infer_task,
)
from clearprop.training import (
    CosLog,
    FlatCosine,
    Keeper,
    Listener,
    Outcome,
    Run,
    Settings,
    Shuffled,
    Stopping,
    Validation,
)


@dataclass
class Prepared:
    """What was fitted on the table, and the runs that are ready to go: one, or one a fold.

    Attributes
    ----------
    encoder : TableEncoder
    target : Target
    network : Network
    choices : Choices
    table : TrainingTable
    divisions : list of Holdout
        The rows of each run.
    settings : Settings
        Of the first run; each other has the next seed.
    starts : list of Parameters
        Where the runs go on from; empty where they begin anew.
    """

    encoder: TableEncoder
    target: Target
    network: Network
    choices: Choices
    table: TrainingTable
    divisions: list[Holdout]
    settings: Settings
    starts: list[Parameters]

    @property
    def columns(self) -> tuple[str, ...]:
        """The table's columns, without the targets."""
        return tuple(self.table.frame.columns)

    @cached_property
    def run(self) -> Run:
        """The first run."""
        return self._run(0)

    def runs(self) -> Iterator[Run]:
        """Yield the runs; each but the first is set up when it is asked for."""
        yield self.run
        for number in range(1, len(self.divisions)):
            yield self._run(number)

    def finish(
        self, listeners: Iterable[Listener] = (), checkpoint: Keeper | None = None
    ) -> list[Outcome]:
        """Make the runs, one after another; one that is broken off is the last.

        Of several each is kept in a folder of its own, `fold-1` and so on; those that were done
        when all was broken off are read and not made again.
        """
        outcomes, listeners, several = [], list(listeners), len(self.divisions) > 1
        for number, run in enumerate(self.runs(), start=1):
            keeper = checkpoint.part(f"fold-{number}") if checkpoint and several else checkpoint
            outcomes.append(run.finish(listeners, keeper))
            if outcomes[-1].stop.reason in ("interrupted", "listener"):
                break
        return outcomes

    def held_out(self, number: int) -> Block | None:
        """Return the validation rows of a run; None where it has none."""
        if number == 0 and "run" in self.__dict__:
            return self.run.validation.block if self.run.validation else None
        rows = self.divisions[number]
        if rows.frame is None or rows.targets is None:
            return None
        parts = (self.network, self.encoder, self.target, rows.frame, rows.targets)
        return block_of(*parts, rows.weights)

    def _run(self, number: int) -> Run:
        table, train = self.table, self.divisions[number].train
        weights = None if table.weights is None else table.weights[train]
        parts = (self.network, self.encoder, self.target, table.frame, table.targets[train])
        block = block_of(*parts, weights, train)
        held, validation = self.held_out(number), None
        if held is not None:
            score = validation_score(self.choices.validation_metric, self.network, held)
            validation = Validation(held, score)
        seed = self.settings.seed + number
        settings = replace(self.settings, seed=seed, orders=Shuffled(seed))
        start = self.starts[number] if self.starts else None
        return Run(self.network, block, settings, validation=validation, parameters=start)


def prepare(
    estimator: Any,
    table: TrainingTable,
    task: Any,
    validation_data: tuple[Any, ...] | None = None,
) -> Prepared:
    """Encode a table and set up its runs; see `TabularClassifier.fit`.

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
    divisions = _divide(estimator, target, table, validation_data, seed)
    choices = choices_for(estimator, target, len(divisions[0].train))
    if continued:
        encoder, network = estimator.encoder_, estimator.network_
    else:
        # folds share one encoding, which knows all rows of the table but not their targets
        seen = None if len(divisions) > 1 else divisions[0].train
        options = EncoderOptions(drop=names_of(estimator.drop), numbers=choices.numbers)
        encoder = TableEncoder.fit(table.frame, options, rows=seen)
        network = network_for(estimator.loss, choices, encoder, target)
    settings = settings_of(estimator, choices, seed, validated=divisions[0].frame is not None)
    watch = watch_for(estimator.record, network, names_of_units(encoder, target))
    starts = _starts(estimator, len(divisions)) if continued else []
    settings = replace(settings, watch=watch)
    return Prepared(encoder, target, network, choices, table, divisions, settings, starts)


def _starts(estimator: Any, runs: int) -> list[Parameters]:
    if len(estimator.bagged_) != runs:
        raise SettingError(
            f"The estimator has {len(estimator.bagged_)} networks and would go on with {runs}. "
            f"Put n_cv back, or set warm_start=False."
        )
    return list(estimator.bagged_)


def choices_for(estimator: Any, target: Target, rows: int) -> Choices:
    """Return an estimator's parameters with nothing left open, for so many rows to learn from."""
    classes = not isinstance(target, NumberTarget)
    smooth = smooths(estimator.loss, target)
    return Choices.of(estimator, rows, classes=classes, smooths=smooth)


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
    return fitting_loss(estimator, fit_target(targets, infer_task(targets, targets.columns, task)))


def fitting_loss(estimator: Any, fitted: Target) -> Target:
    """Return a target as the estimator's loss takes it."""
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


def _divide(
    estimator: Any, target: Target, table: TrainingTable, given: Any, seed: int
) -> list[Holdout]:
    """Return the rows of each run: to learn from, and to validate on, if any."""
    folds = estimator.n_cv
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or folds < 1:
        raise SettingError(f"n_cv must be a whole number from 1 on, but {folds!r} came.")
    strata = target.encode(table.targets) if isinstance(target, ClassTarget) else None
    if folds > 1:
        if given is not None:
            raise SettingError(
                "validation_data and n_cv do not go together: each fold is the others' validation. "
                "Leave one of them out."
            )
        return table.fold(int(folds), seed, strata)
    if given is None:
        share = held_out_share(estimator.validation_fraction, table.rows)
        return [table.hold_out(share, seed, strata)]
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise SettingError("validation_data must be (X, y) or (X, y, sample_weight).")
    weights = given[2] if len(given) == 3 else None
    held = TrainingTable.of(*target_frame(given[0], given[1]), weights, None, None)
    held = weighted(estimator, target, held)
    return [Holdout(np.arange(table.rows), held.frame, held.targets, held.weights)]


def weighted(estimator: Any, target: Target, table: TrainingTable) -> TrainingTable:
    """Return the table with class weights multiplied into its sample weights."""
    if estimator.class_weight is None:
        return table
    factors = class_weights(estimator.class_weight, target, target.encode(table.targets))
    return replace(table, weights=factors if table.weights is None else table.weights * factors)


def recipe_of(choices: Choices, l2: float) -> Recipe:
    """Return the recipe that the choices ask for.

    Adam with β₂ = 0.95, whose memory of squared gradients is short (Holzmüller et al. 2024).
    """
    rate, decay = choices.learning_rate, choices.weight_decay
    rule = AdamW(rate, beta_2=0.95, weight_decay=decay) if decay else Adam(rate, beta_2=0.95)
    return Recipe(
        rule=rule,
        schedule=CosLog(),
        penalty=Penalty(l2=l2),
        batch_size=choices.batch_size,
        epochs=choices.max_epochs,
        dropout_schedule=FlatCosine() if choices.dropout else None,
        decay_schedule=FlatCosine() if choices.weight_decay else None,
    )


def settings_of(estimator: Any, choices: Choices, seed: int, *, validated: bool) -> Settings:
    """Return how the runs of an estimator go."""
    threads, patience = estimator.threads, estimator.patience
    if threads is not None and not threads >= 1:
        raise SettingError(f"threads must be at least 1, or None, but {threads!r} came.")
    if patience is not None and not patience >= 0:
        raise SettingError(f"patience must be 0 or above, or None, but {patience!r} came.")
    by_loss = choices.validation_metric == "loss"
    return Settings(
        recipe_of(choices, estimator.l2),
        estimator.engine,
        threads,
        seed,
        stopping=Stopping(
            ("validation_loss" if by_loss else "validation_score") if validated else "objective",
            np.inf if patience is None else patience,
            0.0,
            # without validation rows nothing says that an epoch before the last is better
            restore_best=validated,
            latest=True,
        ),
        hardware=hardware_for(estimator),
    )
