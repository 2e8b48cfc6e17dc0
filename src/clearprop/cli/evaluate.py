"""`clearprop evaluate`: how good a model is on a table that holds the answers."""

from __future__ import annotations

from typing import Any

import click

from clearprop.cli.loading import load_table, load_tabular, split_target
from clearprop.cli.options import json_option, table_options
from clearprop.cli.output import console, print_json


@click.command("evaluate", short_help="Measure a model on a table with the answers.")
@click.argument("model", type=click.Path())
@click.argument("table")
@table_options
@json_option
def command(
    model: str, table: str, file_format: str | None, labels: str | None, as_json: bool
) -> None:
    """Measure MODEL on the rows of TABLE, which holds the target column too."""
    from clearprop.estimators.metrics import measure

    estimator = load_tabular(model)
    loaded = load_table(table, file_format, labels, estimator)
    inputs, targets = split_target(estimator, loaded)
    metrics = measure(estimator, inputs, targets, None)
    if as_json:
        documents = [metric.to_document() for metric in metrics]
        print_json({"rows": inputs.height, "metrics": documents})
        return
    _show(metrics, estimator, inputs.height)


def _show(metrics: list[Any], estimator: Any, rows: int) -> None:
    from clearprop.cli import report
    from clearprop.explanation.numbers import figure

    before = {metric["name"]: metric["value"] for metric in estimator.metrics_}
    grid = report.table()
    grid.add_column(report.rows_of(rows))
    grid.add_column("here", justify="right", style="bold")
    if before:
        grid.add_column("held out in training", justify="right", style="dim")
    grid.add_column("", style="dim")
    for metric in metrics:
        known = [figure(before[metric.name]) if metric.name in before else ""] if before else []
        grid.add_row(metric.name, figure(metric.value), *known, report.better_when(metric))
    console().print(grid)
