"""`clearprop check`: back-propagation against finite differences, on a model and a table."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from clearprop.cli.loading import (
    Series,
    load_for_tables,
    load_table,
    reads_series,
    split_target,
)
from clearprop.cli.options import json_option, table_options
from clearprop.cli.output import console, print_json


@click.command("check", short_help="Hold a model's gradients against finite differences.")
@click.argument("model", type=click.Path())
@click.argument("table", type=click.Path())
@click.option(
    "--rows",
    type=click.IntRange(1),
    metavar="N",
    default=32,
    show_default=True,
    help="The first rows of TABLE to check on; series, for a model that reads these.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, min_open=True),
    metavar="NUMBER",
    default=1e-6,
    show_default=True,
    help="Relative difference that is put up with.",
)
@table_options
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
    from clearprop.cli.report import rows_of
    from clearprop.explanation import check_gradient

    estimator = load_for_tables(model)
    loaded = load_table(table, file_format, labels, estimator)
    if reads_series(estimator):
        series = Series.of(estimator, loaded)
        count, what = min(rows, len(series)), "series"
        found = check_gradient(estimator, *series.rows(0, count), tolerance=tolerance)
    else:
        inputs, targets = (part[:rows] for part in split_target(estimator, loaded))
        count, what = inputs.height, "rows"
        x = estimator.encoder_.transform(inputs, "float64")
        y = estimator.encode_target(targets)
        found = check_gradient(estimator.parameters_, x, y, tolerance=tolerance)
    if as_json:
        print_json({**asdict(found), what: count, "passed": found.passed})
    else:
        _show(found, rows_of(count) if what == "rows" else f"{count:,} series")
    sys.exit(0 if found.passed else 1)


def _show(found: Any, where: str) -> None:
    from rich.text import Text

    from clearprop.cli.report import UPDATE
    from clearprop.explanation.numbers import figure

    screen = console()
    mark = ("✓", UPDATE) if found.passed else ("✗", "bold red")
    verb = "agree" if found.passed else "do not agree"
    screen.print(
        Text.assemble(
            mark,
            f" Back-propagation and finite differences {verb}: relative difference ",
            (figure(found.error), "bold"),
            f" (tolerance {figure(found.tolerance)}).",
        )
    )
    kinks = f"; {found.kinks} left out at a kink of the loss" if found.kinks else ""
    screen.print(f"{found.checked:,} of {found.size:,} parameters on {where}{kinks}.")
    screen.print(
        f"Worst: {found.worst}, back-propagation {figure(found.backprop, 8)}, "
        f"difference {figure(found.differences, 8)}."
    )
