"""What `clearprop train` says of series and of forecasts: the plan, the metrics, the account.

Public names: `print_forecast_outcome`, `print_sequence_outcome`, `print_sequence_plan`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clearprop.cli.forecast_job import ForecastJob
from clearprop.cli.report import (
    ERROR,
    features_of,
    heading,
    mark,
    metrics_table,
    print_lines,
    rows_of,
    table,
)
from clearprop.cli.sequence_account import TOLERANCE, SequenceAccount
from clearprop.cli.sequence_job import SequenceJob
from clearprop.explanation.numbers import figure

# steps of a sum over time that are written out
SHOWN_STEPS = 4


def print_sequence_plan(screen: Console, job: SequenceJob | ForecastJob) -> None:
    """Say what will be done: what was asked for, and what was inferred."""
    settings, model = job.prepared.job.settings, job.model
    recipe, network = settings.recipe, job.network
    start = "goes on from the saved model; " if job.continued else ""
    lines = _series_plan(job) if isinstance(job, SequenceJob) else _forecast_plan(job)
    patience = f", patience {model.n_iter_no_change:g}" if model.early_stopping else ""
    print_lines(
        screen,
        [
            *lines,
            ("Network", f"{network}   ({network.size:,} parameters, {network.dtype})"),
            (
                "Training",
                f"{start}{network.objective}, Adam, learning rate {recipe.rule.learning_rate:g}, "
                f"batches of {recipe.batch_size} {_what(job)}, at most {recipe.epochs} epochs"
                f"{patience}",
            ),
            ("Engine", f"{model.engine}, seed {model.random_state}"),
        ],
    )


def _what(job: SequenceJob | ForecastJob) -> str:
    return "series" if isinstance(job, SequenceJob) else "windows"


def _series_plan(job: SequenceJob) -> list[tuple[str, str]]:
    frame, lengths = job.table.frame, job.layout.lengths
    ids = job.layout.ids.name
    learn = job.series[0] - job.held_for_validation
    best = f", {job.held_for_validation:,} to find the best epoch" if learn < job.series[0] else ""
    test = f", {job.series[1]:,} held out to measure the model" if job.series[1] else ""
    order = "their rows" if job.layout.steps is None else repr(job.layout.steps.name)
    steps = f"{lengths.min()} to {lengths.max()}" if lengths.min() < lengths.max() else lengths[0]
    encoding = job.model.encoding_
    return [
        ("Table", f"{job.table.name}: {rows_of(frame.height)}, {frame.width} columns"),
        ("Series", f"{len(job.layout):,} by {ids!r}, of {steps} steps, in the order of {order}"),
        ("Task", f"{job.task.reason.rstrip('.')}; {_per(job)}"),
        ("Split", f"{learn:,} series to learn from{best}{test}"),
        ("Features", f"{features_of(encoding)}, standardised over all steps"),
    ]


def _per(job: SequenceJob) -> str:
    if job.forced:
        return f"one answer a {'step' if job.per_step else 'series'}, as asked"
    if job.per_step:
        return "it changes within a series, so there is one answer a step"
    return "it is the same in all rows of a series, so there is one answer a series"


def _forecast_plan(job: ForecastJob) -> list[tuple[str, str]]:
    held = len(job.series) - job.first
    test = f", the last {held:,} held out to measure the forecasts" if held else ""
    return [
        ("Table", f"{job.table.name}: {rows_of(job.table.frame.height)}"),
        ("Task", f"forecast {job.target!r} {job.steps} steps ahead, from the {job.window} before"),
        ("Split", f"{job.first:,} steps to learn from{test}"),
    ]


def print_sequence_outcome(
    screen: Console, job: SequenceJob, account: SequenceAccount, destination: Path
) -> None:
    """Say what came out of series."""
    _print_end(screen, job)
    if job.metrics:
        screen.print(heading("How good it is on series it has not seen"))
        screen.print(metrics_table(job.metrics, _measured(job)))
    _print_account(screen, account)
    _print_model(screen, destination, "NEW-ROWS.csv")


def _measured(job: SequenceJob) -> str:
    if job.per_step:
        return f"{job.measured:,} held-out steps"
    return f"{job.measured:,} held-out series"


def print_forecast_outcome(
    screen: Console, job: ForecastJob, account: SequenceAccount, destination: Path
) -> None:
    """Say what came out of a series that is forecast."""
    _print_end(screen, job)
    if job.backtest is not None:
        screen.print(heading("How far off its forecasts are on steps it has not seen"))
        screen.print(_errors(job))
        screen.print(
            Text("Forecasts are fed back: each is read as if it had been observed.", style="dim")
        )
    _print_account(screen, account)
    _print_model(screen, destination, f"SERIES.csv --steps {job.steps}")


def _errors(job: ForecastJob) -> Table:
    found = job.backtest
    assert found is not None  # it is shown where there is one
    grid = table()
    grid.add_column(f"RMSE from {found.origins:,} origins")
    for name in found.errors:
        grid.add_column(name, justify="right", style="" if name == "network" else "dim")
    ahead = sorted({1, (job.steps + 1) // 2, job.steps})
    for step in ahead:
        label = f"{step} step{'s' * (step > 1)} ahead"
        _add(grid, label, [float(errors[step - 1]) for errors in found.errors.values()])
    if len(ahead) > 1:
        _add(grid, f"1 to {job.steps} steps ahead", list(found.overall().values()))
    return grid


def _add(grid: Table, label: str, values: list[float]) -> None:
    best = min(values)
    grid.add_row(label, *(Text(figure(v), style="bold" if v == best else "") for v in values))


def _print_end(screen: Console, job: Any) -> None:
    epochs, loss = job.model.n_iter_, figure(job.model.history_.loss[-1])
    best = job.model.history_.best_epoch
    kept = f" Best epoch: {best}." if job.model.early_stopping else ""
    screen.print(f"\n{epochs} epochs were run; the training loss is {loss}.{kept}")


def _print_account(screen: Console, account: SequenceAccount) -> None:
    screen.print(heading("How the error travels back through time"))
    grid = table()
    grid.add_column("layer")
    grid.add_column("parameters")
    grid.add_column("shape", justify="right")
    grid.add_column("norm", justify="right")
    grid.add_column("‖∂E/∂·‖", justify="right", style=ERROR)
    shown = ""
    for line in account.parameters:
        layer = line.layer if line.layer != shown else ""
        shown = line.layer
        shape = " × ".join(str(size) for size in line.shape)
        grid.add_row(layer, line.name, shape, figure(line.norm), figure(line.gradient_norm))
    screen.print(grid)
    _print_weight(screen, account)
    verb = "agree" if account.agrees else "do not agree"
    several = "sequences" if account.sequences > 1 else "sequence"
    screen.print(
        Text.assemble(
            mark(account.agrees),
            f" Back-propagation through time and finite differences {verb} on {account.checked} "
            f"entries, over {account.sequences} {several}: relative difference "
            f"{figure(account.error)}, in {account.worst}.",
        )
    )


def _print_weight(screen: Console, account: SequenceAccount) -> None:
    """Write one weight's gradient out as a sum over the steps of one sequence."""
    found, names = account.over_time, account.names
    weight = names.of(found.place)
    screen.print(
        f"\nHow much does the loss of sequence {found.sequence + 1} of the batch change with the "
        f"weight {weight}?\nIt is the same weight at every step, so each step adds its error δ "
        f"times what came in:\n",
        highlight=False,
    )
    grid = Table.grid(padding=(0, 1))
    for justify in ("left", "right", "left", "right", "left", "right", "left"):
        grid.add_column(justify=justify, no_wrap=True)
    values, lead = found.values, "∂E/∂w ="
    largest = np.sort(np.argsort(-np.abs(values), kind="stable")[:SHOWN_STEPS])
    for place in largest:
        numbers = (figure(found.deltas[place]), "·", figure(found.signals[place]), "=")
        step = Text(f"at step {found.steps[place] + 1}", style="dim")
        grid.add_row(lead, *numbers, figure(values[place]), step)
        lead = ""
    others = len(values) - len(largest)
    if others:
        rest = found.total - float(np.sum(values[largest]))
        told = Text(f"at {others} other{'s' * (others > 1)}", style="dim")
        grid.add_row("", "", "", "", "", figure(rest), told)
    grid.add_row("", "", "", "", "", figure(found.total), Text("altogether", style="dim"))
    screen.print(grid)
    screen.print()
    screen.print(
        Text.assemble(
            mark(found.adds_up),
            f" Σ over {account.sequences} sequences and their steps {figure(found.batch_total, 6)} "
            f"= gradient from the engine {figure(found.gradient, 6)}",
        )
    )
    largest_entry = max(abs(found.gradient), abs(account.difference)) or 1.0
    close = abs(found.gradient - account.difference) <= TOLERANCE * largest_entry
    agrees = "agrees" if close else "does not agree"
    screen.print(
        Text.assemble(mark(close), f" finite difference {figure(account.difference, 6)} {agrees}")
    )


def _print_model(screen: Console, destination: Path, what: str) -> None:
    screen.print(heading("The model"))
    # names of files are never broken over two lines
    screen.print(f"Saved to {destination}. Predict with:", soft_wrap=True)
    screen.print(f"  clearprop predict {destination} {what}", soft_wrap=True)
