"""`clearprop info`: what a model file holds."""

from __future__ import annotations

from typing import Any

import click

from clearprop.cli.common import console, json_option, print_json, target_names


@click.command("info")
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
        f"[bold]{model}[/bold]: {type(estimator).__name__}, {description['bytes']:,} bytes, "
        f"format {description['version']}, written by clearprop {description['writer']}."
    )
    network = getattr(estimator, "network_", None) or getattr(estimator, "network", estimator)
    screen.print(f"Network: {network}   (loss {network.objective}, {network.dtype})")
    if hasattr(estimator, "encoder_"):
        _show_columns(screen, estimator)
        _show_metrics(screen, estimator)


def _show_columns(screen: Any, estimator: Any) -> None:
    from rich import box
    from rich.table import Table

    from clearprop.tables import DroppedColumn

    classes = getattr(estimator.target_, "classes", None)
    what = f", classes {', '.join(map(str, classes))}" if classes else ""
    screen.print(f"Predicts: {', '.join(target_names(estimator))}{what}.")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("column")
    table.add_column("kind")
    table.add_column("features", justify="right")
    for column in estimator.encoder_.columns:
        kind = type(column).__name__.removesuffix("Column").lower()
        note = f": {column.reason}" if isinstance(column, DroppedColumn) else ""
        table.add_row(column.name, kind + note, str(len(column.feature_names)))
    screen.print(table)


def _show_metrics(screen: Any, estimator: Any) -> None:
    from clearprop.explanation.numbers import figure

    for metric in getattr(estimator, "metrics_", []):
        baseline = metric.get("baseline")
        beside = "" if baseline is None else f" (baseline {figure(baseline)})"
        screen.print(f"{metric['name']}: [bold]{figure(metric['value'])}[/bold]{beside}")
