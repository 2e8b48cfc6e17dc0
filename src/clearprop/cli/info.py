"""`clearprop info`: what a model file holds."""

from __future__ import annotations

from typing import Any

import click

from clearprop.cli.loading import reads_series, target_names
from clearprop.cli.options import json_option
from clearprop.cli.output import console, print_json


@click.command("info", short_help="Say what a model file holds.")
@click.argument("model", type=click.Path())
@json_option
def command(model: str, as_json: bool) -> None:
    """Say what the file MODEL holds: network, columns, target, metrics."""
    from clearprop.files import describe, load

    description = describe(model)
    if as_json:
        print_json(description)
        return
    estimator = load(model)
    screen = console()
    screen.print(
        f"{model}: {type(estimator).__name__}, {description['bytes']:,} bytes, "
        f"format {description['version']}, written by clearprop {description['writer']}",
        soft_wrap=True,
    )
    network = _network_of(estimator)
    if network is not None:
        screen.print(f"Network: {network}   ({network.size:,} parameters, {network.dtype})")
        screen.print(f"Loss: {network.objective}")
    if hasattr(estimator, "snapshot"):
        _show_checkpoint(screen, estimator)
    elif hasattr(estimator, "encoder_"):
        _show_training(screen, estimator)
        _show_metrics(screen, estimator)
        _show_columns(screen, estimator.encoder_)
    elif reads_series(estimator):
        _show_series(screen, estimator)
        _show_metrics(screen, estimator, "steps" if estimator.per_step_ else "series")
        if not getattr(estimator, "forecasts_", False):
            _show_columns(screen, estimator.encoding_)


def _show_checkpoint(screen: Any, checkpoint: Any) -> None:
    snapshot = checkpoint.snapshot
    state, plan = snapshot.state, snapshot.state.plan
    screen.print(
        f"A run after {state.epoch} epochs, step {state.step}, best epoch "
        f"{snapshot.progress.best_epoch}; engine {plan.engine}, threads {plan.threads}"
    )
    screen.print(snapshot.stop.message if snapshot.stop else "It can be gone on with.")


def _show_series(screen: Any, estimator: Any) -> None:
    name = ", ".join(target_names(estimator))
    if getattr(estimator, "forecasts_", False):
        screen.print(f"Forecasts: {name}, from the {estimator.window} steps before")
    else:
        classes = getattr(estimator, "classes_", None)
        what = "" if classes is None else f", classes {_listed(tuple(classes))}"
        each = "step" if estimator.per_step_ else "series"
        screen.print(f"Predicts: {name}, one a {each}{what}")
        order = f", ordered by {estimator.order_by!r}" if estimator.order_by else ""
        screen.print(f"Series: by {estimator.sequence_id!r}{order}")
    screen.print(f"Trained: {estimator.n_iter_} epochs.")


def _network_of(model: Any) -> Any:
    """Return the network of an estimator or of parameters, or the model that is one."""
    for name in ("network_", "network"):
        if hasattr(model, name):
            return getattr(model, name)
    return model if hasattr(model, "objective") else None


def _show_training(screen: Any, estimator: Any) -> None:
    from clearprop.cli import report

    classes = getattr(estimator.target_, "classes", None)
    what = f", classes {_listed(classes)}" if classes else ""
    screen.print(f"Predicts: {', '.join(target_names(estimator))}{what}")
    stop, networks = estimator.stop_, len(estimator.bagged_)
    screen.print(f"Trained: {stop.message} Best epoch: {stop.best_epoch} of {stop.epoch}.")
    if networks > 1:
        screen.print(f"Networks: {networks}, one for each fold of the rows; they answer together.")
    if estimator.temperature_ is not None:
        screen.print(f"Calibrated: temperature {estimator.temperature_:.3g}")
    if estimator.errors_:
        rows = sum(len(errors) for errors in estimator.errors_)
        screen.print(f"Intervals: from the errors of {report.rows_of(rows, 'held-out')}")


def _listed(classes: tuple[Any, ...]) -> str:
    shown = [str(label) for label in classes[:12]]
    return ", ".join(shown if len(classes) <= 12 else [*shown, f"… ({len(classes)} in all)"])


def _show_columns(screen: Any, encoder: Any) -> None:
    from clearprop.cli import report
    from clearprop.tables import DroppedColumn

    grid = report.table()
    grid.add_column("column")
    grid.add_column("kind")
    grid.add_column("features", justify="right")
    for column in encoder.columns:
        kind = type(column).__name__.removesuffix("Column").lower()
        note = f": {column.reason}" if isinstance(column, DroppedColumn) else ""
        grid.add_row(column.name, kind + note, str(len(column.feature_names)))
    screen.print()
    screen.print(grid)


def _show_metrics(screen: Any, estimator: Any, what: str = "rows") -> None:
    from clearprop.cli import report
    from clearprop.estimators.metrics import Metric

    if estimator.metrics_:
        metrics = [Metric(**metric) for metric in estimator.metrics_]
        screen.print()
        screen.print(report.metrics_table(metrics, f"held-out {what}"))
