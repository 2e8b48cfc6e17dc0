"""`clearprop evaluate`: how good a model is on a table that holds the answers."""

from __future__ import annotations

from typing import Any

import click

from clearprop.cli.loading import (
    Table,
    load_for_tables,
    load_table,
    reads_series,
    split_target,
    target_names,
)
from clearprop.cli.options import json_option, memory_option, table_options
from clearprop.cli.output import console, print_json
from clearprop.cli.unseen import UnseenSoFar, say_unseen, unseen_in


@click.command("evaluate", short_help="Measure a model on a table with the answers.")
@click.argument("model", type=click.Path())
@click.argument("table", type=click.Path())
@memory_option
@table_options
@json_option
def command(
    model: str,
    table: str,
    memory: str | None,
    file_format: str | None,
    labels: str | None,
    as_json: bool,
) -> None:
    """Measure MODEL on the rows of TABLE, which holds the target column too."""
    from clearprop.estimators.metrics import measure

    estimator = load_for_tables(model)
    if memory:
        from clearprop.cli.streaming import open_for_answers

        given = {"memory": memory, "file_format": file_format, "labels": labels}
        opened = open_for_answers(table, given, estimator)
        if not isinstance(opened, Table):
            _streamed(estimator, opened, as_json=as_json)
            return
        loaded = opened
    else:
        loaded = load_table(table, file_format, labels, estimator)
    inputs, targets = split_target(estimator, loaded)
    if reads_series(estimator):
        metrics, count, what = _of_series(estimator, loaded)
    else:
        metrics, count, what = measure(estimator, inputs, targets, None), inputs.height, "rows"
    _tell(estimator, metrics, count, what, unseen_in(estimator, inputs), as_json=as_json)


def _streamed(estimator: Any, stream: Any, *, as_json: bool) -> None:
    """Measure on a table that is read piece by piece."""
    from clearprop.cli.output import note
    from clearprop.cli.streaming import area_told
    from clearprop.estimators.stream_metrics import measure_stream

    unseen = UnseenSoFar(estimator)
    tally = measure_stream(estimator, stream, watch=unseen.add)
    found = tally.metrics()
    if tally.area_error:
        note(area_told(tally.area_error))
    _tell(estimator, found, tally.rows, "rows", unseen.found(), as_json=as_json)


def _tell(
    estimator: Any, metrics: list[Any], count: int, what: str, unseen: Any, *, as_json: bool
) -> None:
    say_unseen(estimator, unseen)
    if as_json:
        documents = [metric.to_document() for metric in metrics]
        told = [one.to_document() for one in unseen]
        print_json({what: count, "metrics": documents, "unseen": told})
        return
    from clearprop.cli.report import rows_of

    _show(metrics, estimator, rows_of(count) if what == "rows" else f"{count:,} {what}")


def _of_series(estimator: Any, table: Table) -> tuple[list[Any], int, str]:
    from clearprop.estimators.metrics import measure_sequences

    if getattr(estimator, "forecasts_", False):
        raise click.UsageError(
            "A model that forecasts is measured on the end of its series in training: clearprop "
            "train … --forecast N --test-share SHARE."
        )
    found = measure_sequences(estimator, table.frame, target_names(estimator)[0], None)
    return (*found, "steps" if estimator.per_step_ else "series")


def _show(metrics: list[Any], estimator: Any, rows: str) -> None:
    from clearprop.cli import report
    from clearprop.explanation.numbers import figure

    before = {metric["name"]: metric["value"] for metric in estimator.metrics_}
    grid = report.table()
    grid.add_column(rows)
    grid.add_column("here", justify="right", style="bold")
    if before:
        grid.add_column("held out in training", justify="right", style="dim")
    grid.add_column("", style="dim")
    for metric in metrics:
        known = [figure(before[metric.name]) if metric.name in before else ""] if before else []
        grid.add_row(metric.name, figure(metric.value), *known, report.better_when(metric))
    console().print(grid)
