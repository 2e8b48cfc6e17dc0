"""`clearprop evaluate`: how good a model is on a table that holds the answers."""

from __future__ import annotations

from typing import Any

import click

from clearprop.cli.common import (
    console,
    format_option,
    json_option,
    labels_option,
    load_frame,
    load_tabular,
    print_json,
    split_target,
    target_names,
)


@click.command("evaluate")
@click.argument("model", type=click.Path())
@click.argument("table")
@format_option
@labels_option
@json_option
def command(
    model: str, table: str, file_format: str | None, labels: str | None, as_json: bool
) -> None:
    """Measure MODEL on the rows of TABLE, which holds the target column too."""
    from clearprop.estimators.metrics import measure

    estimator = load_tabular(model)
    text = (*estimator.encoder_.text_columns, *_text_targets(estimator))
    frame = load_frame(table, file_format, labels, text, target_names(estimator)[0])
    inputs, targets = split_target(estimator, frame, table)
    metrics = measure(estimator, inputs, targets, None)
    if as_json:
        documents = [metric.to_document() for metric in metrics]
        print_json({"rows": frame.height, "metrics": documents})
        return
    _show(metrics, estimator, frame.height)


def _text_targets(estimator: Any) -> tuple[str, ...]:
    """Return the target column where its classes are text, which must not be read as numbers."""
    classes = getattr(estimator.target_, "classes", ())
    return (estimator.target_.name,) if classes and isinstance(classes[0], str) else ()


def _show(metrics: list[Any], estimator: Any, rows: int) -> None:
    from rich import box
    from rich.table import Table

    from clearprop.explanation.numbers import figure

    before = {m["name"]: m["value"] for m in getattr(estimator, "metrics_", [])}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"{rows:,} rows")
    table.add_column("here", justify="right", style="bold")
    table.add_column("held out in training", justify="right", style="dim")
    for metric in metrics:
        arrow = "higher is better" if metric.higher_is_better else "lower is better"
        known = figure(before[metric.name]) if metric.name in before else ""
        table.add_row(f"{metric.name} [dim]({arrow})[/dim]", figure(metric.value), known)
    console().print(table)
