"""What `clearprop train --sequence-id …` does, apart from saying it: model, run, metrics.

Public names: `SequenceJob`, `check_wishes`, `run_sequences`.
May import: `clearprop.estimators`, `clearprop.tables` and what they may import.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import polars as pl

from clearprop.cli.choices import columns_apart, settle_seed, targets_of, task_of
from clearprop.cli.loading import Table
from clearprop.cli.output import note, notes_from_warnings
from clearprop.errors import DataError
from clearprop.tables import SeriesLayout, Task, series_of, split_rows

if TYPE_CHECKING:
    from clearprop.estimators.base import Prepared
    from clearprop.estimators.metrics import Metric
    from clearprop.training import Listener

# options that are handed to the estimator as they are, by their names there
SETTINGS = {
    "hidden": "units",
    "cell": "cell",
    "loss": "loss",
    "dropout": "dropout",
    "l2": "alpha",
    "epochs": "max_iter",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate_init",
    "seed": "random_state",
    "engine": "engine",
    "threads": "threads",
    "device": "device",
    "precision": "precision",
}
# what a model that goes on keeps
_OF_THE_NETWORK = ("hidden", "cell", "loss", "dropout", "per")
# options of tables whose rows are single
_OF_SINGLE_ROWS = ("activation", "weight", "group", "time")
_FEWEST_TO_HOLD_OUT = 10
# from so many series on, some find the best epoch, as for tables whose rows are single
_FEWEST_TO_VALIDATE, _VALIDATED, _PATIENCE = 40, 0.15, 20


def check_wishes(options: dict[str, Any]) -> None:
    """Refuse options that have no meaning for series.

    Raises
    ------
    UsageError
        If there is one.
    """
    if options["forecast"]:
        for name in ("sequence_id", "task", "per", "start", "drop"):
            if options[name]:
                shown = {"sequence_id": "sequence-id", "start": "from"}.get(name, name)
                raise click.UsageError(f"--{shown} does not go with --forecast. Leave one out.")
    elif options["window"] or options["season"]:
        raise click.UsageError("--window and --season go with --forecast.")
    for name in _OF_SINGLE_ROWS:
        if options[name] is not None:
            raise click.UsageError(
                f"--{name} is for tables whose rows are single; with --sequence-id or --forecast "
                f"it has no meaning. Leave it out."
            )


def settings_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return the estimator's parameters that the command line gave."""
    return {SETTINGS[key]: options[key] for key in SETTINGS if options[key] is not None}


def stopping_of(options: dict[str, Any], series: int) -> dict[str, Any]:
    """Return the estimator's parameters that say when it ends, for so many series to learn from."""
    patience = options["patience"]
    if patience is None and series < _FEWEST_TO_VALIDATE:
        return {"early_stopping": False}
    return {
        "early_stopping": True,
        "validation_fraction": _VALIDATED,
        "n_iter_no_change": _PATIENCE if patience is None else patience,
        "tol": 0.0,
    }


@dataclass
class SequenceJob:
    """One training on the series of a long table, and what it found.

    Attributes
    ----------
    table : Table
    task : Task
    layout : SeriesLayout
    per_step : bool
        Whether there is one target a step.
    forced : bool
        Whether that was said, and not seen from the table.
    model : RNNClassifier or RNNRegressor
    continued : bool
        Whether the model goes on from what a file held.
    train, test : polars.DataFrame
        Rows of the series to learn from and to measure on.
    series : (int, int)
        How many series are in each.
    prepared : Prepared
    notes : list of str
    metrics : list of Metric
        Empty where no series were held out.
    measured : int
        Predictions that the metrics go over.
    """

    table: Table
    task: Task
    layout: SeriesLayout
    per_step: bool
    forced: bool
    model: Any
    continued: bool
    train: pl.DataFrame
    test: pl.DataFrame
    series: tuple[int, int]
    prepared: Prepared
    notes: list[str]
    metrics: list[Metric] = field(default_factory=list)
    measured: int = 0

    @classmethod
    def of(cls, table: Table, options: dict[str, Any], previous: Any) -> SequenceJob:
        """Settle series, task, rows and model; raises an error where they do not fit."""
        targets = targets_of(table, options, previous)
        if len(targets) > 1:
            raise click.UsageError("--sequence-id goes with one --target.")
        target = targets[0]
        apart = columns_apart(table.frame, options, targets)
        frame = table.frame.drop(apart)
        layout = series_of(frame, options["sequence_id"], options["order_by"], sort=options["sort"])
        if target in layout.columns:
            raise click.UsageError(f"--target names {target!r}, which says where a row belongs.")
        if target not in frame.columns:
            task_of(frame, targets, options, None)  # says which columns there are
        per_step = _per_step(frame, target, layout, options["per"], previous)
        counted = frame if per_step else frame[layout.first_rows]
        task = task_of(counted, targets, options, None)
        model = _model_of(task, options, previous, per_step=per_step)
        train, test = _divide(layout, counted, task, options, settle_seed(model), per_step)
        of_rows = layout.series_of_rows
        frames = [frame.filter(pl.Series(np.isin(of_rows, part))) for part in (train, test)]
        model.set_params(**stopping_of(options, len(train)))
        prepared = model.prepare(frames[0], target)
        return cls(
            table,
            task,
            layout,
            per_step,
            options["per"] is not None,
            model,
            previous is not None,
            frames[0],
            frames[1],
            (len(train), len(test)),
            prepared,
            list(task.warnings),
        )

    @property
    def target(self) -> str:
        """The target column."""
        return self.task.targets[0]

    @property
    def network(self) -> Any:
        """The network that is trained."""
        return self.prepared.job.network

    @property
    def held_for_validation(self) -> int:
        """Series that find the best epoch."""
        validation = self.prepared.job.rows.validation
        return validation.block.rows if validation else 0

    def say_notes(self) -> None:
        """Say what to heed."""
        for message in self.notes:
            note(message)

    def to_document(self) -> dict[str, Any]:
        """Return the job and what it found as plain data."""
        return {
            "task": {
                "name": self.task.name,
                "targets": list(self.task.targets),
                "reason": self.task.reason,
                "per": "step" if self.per_step else "series",
            },
            "notes": self.notes,
            "series": {
                "training": self.series[0] - self.held_for_validation,
                "validation": self.held_for_validation,
                "test": self.series[1],
                "shortest": int(self.layout.lengths.min()),
                "longest": int(self.layout.lengths.max()),
            },
            **run_document(self),
            "metrics": [metric.to_document() for metric in self.metrics],
        }


def run_document(job: Any) -> dict[str, Any]:
    """Return how a network was trained as plain data."""
    settings, network = job.prepared.job.settings, job.network
    recipe = settings.recipe
    return {
        "training": {
            "continued": job.continued,
            "loss": str(network.objective),
            "learning_rate": recipe.rule.learning_rate,
            "batch_size": recipe.batch_size,
            "epochs": recipe.epochs,
            "seed": job.model.random_state,
            "engine": job.model.engine,
        },
        "network": {
            "shape": list(network.shape),
            "summary": str(network),
            "parameters": network.size,
            "dtype": network.dtype,
        },
        "epochs": job.model.n_iter_,
        "history": job.model.history_.to_document(),
    }


def _per_step(
    frame: pl.DataFrame, target: str, layout: SeriesLayout, asked: str | None, previous: Any
) -> bool:
    if previous is not None:
        return bool(previous.per_step_)
    return layout.varies(frame[target]) if asked is None else asked == "step"


def _model_of(task: Task, options: dict[str, Any], previous: Any, *, per_step: bool) -> Any:
    from clearprop.estimators import RNNClassifier, RNNRegressor

    fixed = [key for key in _OF_THE_NETWORK if options[key] is not None]
    if previous is not None and fixed:
        raise click.UsageError(
            f"A model that goes on keeps its network, so --{fixed[0]} cannot be given with --from. "
            f"Leave it out, or train a new model."
        )
    kind = RNNClassifier if task.name == "classification" else RNNRegressor
    if previous is not None and type(previous) is not kind:
        raise click.UsageError(
            f"The model of --from is a {type(previous).__name__}, which cannot learn what the "
            f"table holds ({task.reason}). Train a new model."
        )
    model = kind(random_state=0) if previous is None else previous
    return model.set_params(
        **settings_of(options),
        readout=model.readout if previous is not None else _readout(options["per"], per_step),
        sequence_id=options["sequence_id"],
        order_by=options["order_by"],
        sort=options["sort"],
        warm_start=previous is not None,
    )


def _readout(asked: str | None, per_step: bool) -> str:
    """Return the readout; what was asked for is said, so that a table that differs is refused."""
    if per_step:
        return "every"
    return "auto" if asked is None else "mean"


def _divide(
    layout: SeriesLayout,
    counted: pl.DataFrame,
    task: Task,
    options: dict[str, Any],
    seed: int,
    per_step: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the series to learn from and to measure on, as their places."""
    count = len(layout)
    if not options["test_share"]:
        return np.arange(count), np.arange(0)
    if count < _FEWEST_TO_HOLD_OUT:
        raise DataError(
            f"The table has {count} series, too few to hold some out to measure the model on. Add "
            f"series, or train on all of them and measure nothing: --test-share 0."
        )
    classes = task.name == "classification" and not per_step
    strata = counted[task.targets[0]].to_numpy() if classes else None
    return split_rows(count, fraction=options["test_share"], seed=seed, strata=strata)


def run_sequences(job: SequenceJob, listeners: Sequence[Listener] = (), *, loud: bool) -> None:
    """Train, measure on the held-out series, and leave both with the model."""
    from clearprop.estimators.metrics import measure_sequences

    fit(job, lambda: job.model.finish(job.prepared), listeners, loud=loud)
    if job.test.height:
        job.metrics, job.measured = measure_sequences(
            job.model, job.test, job.target, (job.train, job.target)
        )
    job.model.metrics_ = [metric.to_document() for metric in job.metrics]


def fit(
    job: Any, train: Callable[[], Any], listeners: Sequence[Listener] = (), *, loud: bool
) -> None:
    """Run a training with its progress bar; its warnings become notes."""
    with notes_from_warnings() as messages:
        if loud:
            from clearprop.cli.progress import ProgressBar

            with ProgressBar(job.model.max_iter) as bar:
                job.model.set_params(callbacks=[bar, *listeners])
                train()
        else:
            job.model.set_params(callbacks=listeners)
            train()
    job.notes += messages
    # how this run was watched and began is no property of the model
    job.model.set_params(callbacks=None, warm_start=False)
