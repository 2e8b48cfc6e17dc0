"""`clearprop check`: back-propagation against finite differences, on a model and a table."""

from __future__ import annotations

import sys
from dataclasses import asdict
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


@click.command("check")
@click.argument("model", type=click.Path())
@click.argument("table")
@click.option("--rows", type=click.IntRange(1), default=32, show_default=True)
@click.option(
    "--tolerance", type=click.FloatRange(0, min_open=True), default=1e-6, show_default=True
)
@format_option
@labels_option
@json_option
def command(
    model: str,
    table: str,
    rows: int,
    tolerance: float,
    file_format: str | None,
    labels: str | None,
    as_json: bool,
) -> None:
    """Hold MODEL's gradients on rows of TABLE against finite differences, in float64.

    Exits with 1 where they differ by more than the tolerance.
    """
    from clearprop.explanation import check_gradient

    estimator = load_tabular(model)
    text = estimator.encoder_.text_columns
    frame = load_frame(table, file_format, labels, text, target_names(estimator)[0])
    inputs, targets = split_target(estimator, frame[:rows], table)
    x = estimator.encoder_.transform(inputs, "float64")
    found = check_gradient(
        estimator.parameters_, x, estimator.encode_target(targets), tolerance=tolerance
    )
    if as_json:
        print_json({**asdict(found), "passed": found.passed})
    else:
        _show(found, len(x))
    sys.exit(0 if found.passed else 1)


def _show(found: Any, rows: int) -> None:
    from clearprop.explanation.numbers import figure

    screen = console()
    mark = "[#009E73]✓[/]" if found.passed else "[bold red]✗[/]"
    verb = "agree" if found.passed else "do not agree"
    screen.print(
        f"{mark} Back-propagation and finite differences {verb}: relative difference "
        f"[bold]{figure(found.error)}[/bold] (tolerance {figure(found.tolerance)})."
    )
    screen.print(
        f"{found.checked:,} of {found.size:,} parameters on {rows} rows; "
        f"{found.kinks} left out where the loss has a kink."
    )
    screen.print(
        f"Worst: {found.worst}, back-propagation {figure(found.backprop, 8)}, "
        f"difference {figure(found.differences, 8)}."
    )
