"""Where `clearprop train` keeps what a run tells: --log, --tensorboard, --mlflow.

Public names: `tracking_options`, `trackers_of`.
May import: click; `clearprop.tracking` when one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from clearprop.cli.output import check_destination


def tracking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --log, --tensorboard and --mlflow to a verb."""
    options = (
        click.option("--log", type=click.Path(), metavar="FILE",
                     help="Append a line of JSON an epoch to this file, as training goes on."),
        click.option("--tensorboard", type=click.Path(), metavar="FOLDER",
                     help="Write the curves there, for tensorboard --logdir."),
        click.option("--mlflow", metavar="URI",
                     help="Log curves and model to this MLflow server."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def trackers_of(options: dict[str, Any], table: str) -> list[Any]:
    """Return the listeners that the options ask for, checked as far as that goes beforehand."""
    if not (options["log"] or options["tensorboard"] or options["mlflow"]):
        return []
    from clearprop import tracking

    found: list[Any] = []
    if options["log"]:
        path = check_destination(options["log"], "--log", keep=table)
        found.append(tracking.JSONLines(path))
    if options["tensorboard"]:
        found.append(tracking.TensorBoard(options["tensorboard"]))
    if options["mlflow"]:
        found.append(tracking.MLflow(options["mlflow"]))
    return found
