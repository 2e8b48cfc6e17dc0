"""What `clearprop train` does, apart from saying it: model, run, metrics.

Public names: `Job`, `run`.
May import: `clearprop.estimators`, `clearprop.tables` and what they may import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from clearprop.cli.choices import (
    columns_apart,
    divide_rows,
    grouped,
    model_of,
    settle_seed,
    targets_of,
    task_of,
    weights_of,
)
from clearprop.cli.loading import Table
from clearprop.cli.output import note, notes_from_warnings
from clearprop.tables import Task, inspect_columns

if TYPE_CHECKING:
    from clearprop.estimators.metrics import Metric
    from clearprop.estimators.tabular_fitting import Prepared
    from clearprop.training import Keeper, Listener


@dataclass
class Job:
    """One training, ready to run, and what it found.

    Attributes
    ----------
    table : Table
    task : Task
    model : TabularClassifier or TabularRegressor
    continued : bool
        Whether the model goes on from what a file held.
    train, test : polars.DataFrame
        Rows to learn from and to measure on, with the targets, without the columns that are apart.
    train_rows : (n,) array
        Where the training rows stand in the table, from 0.
    test_rows : (n,) array
        The same of the rows to measure on.
    prepared : Prepared
        The encoding and the run.
    notes : list of str
        What to heed.
    given : dict
        What is known of the training rows: weights, groups, times.
    metrics : list of Metric
        Empty where no rows were held out.
    """

    table: Table
    task: Task
    model: Any
    continued: bool
    train: pl.DataFrame
    test: pl.DataFrame
    train_rows: np.ndarray
    test_rows: np.ndarray
    prepared: Prepared
    notes: list[str]
    given: dict[str, Any]
    metrics: list[Metric] = field(default_factory=list)

    @classmethod
    def of(cls, table: Table, options: dict[str, Any], previous: Any) -> Job:
        """Settle columns, task, rows and model; raises an error where they do not fit."""
        from clearprop.estimators.tabular_data import check_rows

        targets = targets_of(table, options, previous)
        apart = columns_apart(table.frame, options, targets)
        task = task_of(table.frame, targets, options, previous)
        inputs = table.frame.drop([*apart, *targets])
        if previous is not None:
            previous.target_.encode(table.frame)
        advice = inspect_columns(inputs, table.frame.select(targets), task.name)
        check_rows(inputs, None if previous is None else previous.encoder_)
        model = model_of(task, options, previous)
        train, test = divide_rows(table.frame, task, options, settle_seed(model))
        kept = table.frame.drop(apart)
        given = {
            "sample_weight": weights_of(table.frame, options["weight"], train),
            "groups": table.frame[options["group"]][train] if options["group"] else None,
            "time": table.frame[options["time"]][train] if options["time"] else None,
        }
        rows = kept[train]
        prepared = model.prepare(rows.drop(targets), rows.select(targets), **given)
        return cls(
            table,
            task,
            model,
            continued=previous is not None,
            train=kept[train],
            test=kept[test],
            train_rows=train,
            test_rows=test,
            prepared=prepared,
            notes=[*task.warnings, *grouped(advice)],
            given=given,
        )

    def with_parameters(self, parameters: dict[str, Any]) -> Job:
        """Return this job with other parameters of the model."""
        model, targets = self.model.set_params(**parameters), list(self.task.targets)
        rows = self.train.drop(targets), self.train.select(targets)
        return replace(self, model=model, prepared=model.prepare(*rows, **self.given))

    def say_notes(self) -> None:
        """Say what to heed."""
        for message in self.notes:
            note(message)

    @property
    def validation_rows(self) -> int:
        """Rows that find the best epoch."""
        validation = self.prepared.run.validation
        return validation.block.rows if validation else 0

    @property
    def tested(self) -> int:
        """Rows to measure on."""
        return self.test.height

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the table."""
        return self.table.frame.height, self.table.frame.width

    def further_lines(self) -> list[tuple[str, str]]:
        """Return what else there is to say of the plan."""
        return []

    def measured(self) -> list[Metric]:
        """Measure the model on the held-out rows."""
        from clearprop.estimators.metrics import measure

        if not self.test.height:
            return []
        names = list(self.task.targets)
        train, test = self.train, self.test
        return measure(self.model, test.drop(names), test.select(names), train.select(names))

    def to_document(self) -> dict[str, Any]:
        """Return the job and what it found as plain data."""
        run, network = self.prepared.run, self.prepared.run.network
        recipe = run.settings.recipe
        return {
            "task": {
                "name": self.task.name,
                "targets": list(self.task.targets),
                "reason": self.task.reason,
            },
            "notes": self.notes,
            "rows": {
                "training": run.block.rows,
                "validation": self.validation_rows,
                "test": self.tested,
            },
            "training": {
                "continued": self.continued,
                "loss": str(network.objective),
                "learning_rate": recipe.rule.learning_rate,
                "batch_size": recipe.batch_size,
                "epochs": recipe.epochs,
                "patience": self.model.patience,
                "folds": len(self.prepared.divisions),
                "choices": self.prepared.choices.to_document(),
                "seed": run.settings.seed,
                "engine": run.engine.plan.engine,
                "threads": run.engine.plan.threads,
            },
            "network": {
                "shape": list(network.shape),
                "summary": str(network),
                "parameters": network.size,
                "dtype": network.dtype,
            },
            "stop": asdict(self.model.stop_),
            "temperature": self.model.temperature_,
            "history": self.model.history_.to_document(),
            "metrics": [metric.to_document() for metric in self.metrics],
        }


def run(
    job: Job, listeners: Sequence[Listener] = (), checkpoint: Keeper | None = None, *, loud: bool
) -> None:
    """Train, measure on the held-out rows, and leave both with the model."""
    from clearprop.training.running import fitted

    with notes_from_warnings() as messages:
        if loud:
            from clearprop.cli.progress import ProgressBar

            choices, runs = job.prepared.choices, len(job.prepared.divisions)
            with ProgressBar(choices.max_epochs, runs) as bar:
                outcomes = job.prepared.finish([bar, *listeners], checkpoint)
        else:
            outcomes = job.prepared.finish(listeners, checkpoint)
        job.model.keep(job.prepared, outcomes)
    job.notes += messages
    job.metrics = job.measured()
    job.model.metrics_ = [metric.to_document() for metric in job.metrics]
    # how this run began is no property of the model
    job.model.set_params(warm_start=False)
    fitted(listeners, job.model)
