"""What is settled before training: targets, columns, task, model, rows to learn from.

What the command line did not say is inferred; what does not fit is refused before any work.

Public names: `columns_apart`, `divide_rows`, `grouped`, `model_of`, `settle_seed`, `targets_of`,
`task_of`, `weights_of`.
May import: `clearprop.estimators`, `clearprop.tables` and what they may import.
"""

from __future__ import annotations

from typing import Any

import click
import numpy as np
import polars as pl

from clearprop.cli.loading import Table, target_names
from clearprop.errors import DataError, SettingError
from clearprop.functions.spelling import suggest
from clearprop.tables import Task, infer_task, split_rows

# options that are handed to the estimator as they are, by their names there
SETTINGS = {
    "hidden": "hidden_layer_sizes",
    "activation": "activation",
    "loss": "loss",
    "dropout": "dropout",
    "l2": "l2",
    "epochs": "max_epochs",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "patience": "patience",
    "members": "members",
    "folds": "n_cv",
    "seed": "random_state",
    "engine": "engine",
    "threads": "threads",
    "device": "device",
    "precision": "precision",
}
# what a model that goes on keeps
_OF_THE_NETWORK = ("hidden", "activation", "loss", "dropout", "members")
# options that name a column which says something of its rows and is no input
_OF_ROWS = ("weight", "group", "time")
# as many columns with the same fault are named
_NAMED = 3


def targets_of(table: Table, options: dict[str, Any], previous: Any) -> tuple[str, ...]:
    """Return what to predict: as asked, as the model did, or as the table says itself."""
    asked = tuple(options["target"])
    if previous is not None:
        known = tuple(target_names(previous))
        if asked and asked != known:
            raise SettingError(
                f"The model of --from predicts {', '.join(map(repr, known))}, so it cannot go on "
                f"with --target {asked[0]}. Leave --target out, or train a new model."
            )
        return known
    if asked or table.answers:
        return asked or table.answers
    columns = table.frame.columns
    shown = ", ".join(columns if len(columns) <= 12 else ["…", *columns[-12:]])
    raise click.UsageError(f"Name the column to predict with --target. The table has: {shown}.")


def columns_apart(
    frame: pl.DataFrame, options: dict[str, Any], targets: tuple[str, ...]
) -> list[str]:
    """Return the columns that say something about rows, or are left out: no inputs, all of them."""
    named = [(f"--{name}", options[name]) for name in _OF_ROWS if options[name]]
    named += [("--drop", name) for name in options["drop"]]
    for option, name in named:
        if name not in frame.columns:
            raise SettingError(
                f"{option} names {name!r}, but there is no such column. "
                f"{suggest(name, frame.columns)}"
            )
        if name in targets:
            raise click.UsageError(f"{option} and --target both name {name!r}; only one can.")
    return list(dict.fromkeys(name for _, name in named))


def task_of(
    frame: pl.DataFrame, targets: tuple[str, ...], options: dict[str, Any], previous: Any
) -> Task:
    """Return what is to be learned: as asked, as the model did, or as the target looks."""
    known = getattr(previous, "_task", None)
    if known and options["task"] not in (None, known):
        raise click.UsageError(
            f"The model of --from learned {known}, so it cannot go on with --task "
            f"{options['task']}. Leave --task out, or train a new model."
        )
    return infer_task(frame, targets, options["task"] or known)


def model_of(task: Task, options: dict[str, Any], previous: Any) -> Any:
    """Return the model with what the command line said; one that goes on keeps its network."""
    from clearprop.estimators import TabularClassifier, TabularRegressor

    given = {key: options[key] for key in SETTINGS if options[key] is not None}
    fixed = [key for key in _OF_THE_NETWORK if key in given]
    if previous is not None and fixed:
        raise click.UsageError(
            f"A model that goes on keeps its network, so --{fixed[0]} cannot be given with --from. "
            f"Leave it out, or train a new model."
        )
    model = previous
    if model is None:
        model = TabularClassifier() if task.name == "classification" else TabularRegressor()
    values = {SETTINGS[key]: value for key, value in given.items()}
    return model.set_params(**values, warm_start=previous is not None)


def settle_seed(model: Any) -> int:
    """Return the model's seed, a number from here on so that it can be told."""
    from clearprop.estimators.tabular_fitting import seed_of

    seed = seed_of(model.random_state)
    model.set_params(random_state=seed)
    return seed


def weights_of(frame: pl.DataFrame, name: str | None, rows: np.ndarray) -> np.ndarray | None:
    """Return the sample weights of some rows, (k,); raises DataError unless all are numbers ≥ 0."""
    if name is None:
        return None
    column = frame[name]
    values = column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"--weight {name!r} must hold a number from 0 on in every row, but row {row + 1} holds "
            f"{column[row]!r} ({len(wrong)} such rows). Correct them, or name another column."
        )
    return values[rows]


def divide_rows(
    frame: pl.DataFrame, task: Task, options: dict[str, Any], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and to measure on, as places in the table."""
    if not options["test_share"]:
        return np.arange(frame.height), np.arange(0)
    single = task.name == "classification" and len(task.targets) == 1
    classes = frame[task.targets[0]].to_numpy() if single else None
    try:
        train, test = split_rows(
            frame.height,
            fraction=options["test_share"],
            seed=seed,
            strata=None if options["time"] else classes,
            groups=frame[options["group"]] if options["group"] else None,
            time=frame[options["time"]] if options["time"] else None,
        )
    except DataError as error:
        raise DataError(
            f"No rows can be held out to measure the model on. {error} To train on all rows and "
            f"measure nothing: --test-share 0."
        ) from error
    for name in task.targets:
        if frame.height > 1 and frame[name][train].n_unique() == 1:
            raise DataError(
                f"Of {frame.height} rows, {len(train)} are left to learn from, in which the target "
                f"{name!r} is always {frame[name][int(train[0])]!r}. Add rows, or measure nothing: "
                f"--test-share 0."
            )
    if classes is not None:
        _check_classes(classes, train, test)
    return train, test


def _check_classes(classes: np.ndarray, train: np.ndarray, test: np.ndarray) -> None:
    known = set(classes[train].tolist())
    for row in test:
        if classes[row] not in known:
            raise DataError(
                f"Row {row + 1}, which is held out to measure the model, is of class "
                f"{classes[row]!r}, of which no row is left to learn from. Take another "
                f"--test-share, --group or --time, or none of them."
            )


def grouped(advice: list[Any]) -> list[str]:
    """Return what there is to say of the columns; one sentence for many with the same fault."""
    messages = []
    kinds = dict.fromkeys(warning.kind for warning in advice)
    for kind in kinds:
        alike = [warning for warning in advice if warning.kind == kind]
        if len(alike) <= _NAMED:
            messages += [warning.message for warning in alike]
            continue
        names = ", ".join(repr(warning.column) for warning in alike[:_NAMED])
        messages.append(f"{len(alike)} columns {_OF_MANY[kind]}: {names}, ….")
    return messages


# kind of fault → what is said of many columns
_OF_MANY = {
    "identifier": "have a value of their own in every row, as row numbers and names have; nothing "
    "in them carries over to new rows, and --drop leaves them out",
    "gives target away": "alone predict the target (nearly) perfectly; if they are not known "
    "before the target is, leave them out with --drop",
    "constant": "are the same in every row and are not used",
    "duplicate": "repeat another column and are not used",
    "mostly missing": "are missing in more than half of the rows",
    "many levels": "hold text with very many distinct values",
}
