"""`clearprop report`: a page on how good a model is on a table, to read and to send on.

Public names: `command`, `report_of`, `write_report`.
May import: `clearprop.reporting` when a report is made, the other modules of this room.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearprop.cli.loading import load_table, load_tabular, split_target
from clearprop.cli.options import table_options
from clearprop.cli.output import check_destination
from clearprop.cli.pages import language_option

if TYPE_CHECKING:
    from clearprop.cli.training_job import Job
    from clearprop.reporting import Report


@click.command("report", short_help="Write a page on how good a model is on a table.")
@click.argument("model", type=click.Path())
@click.argument("table", type=click.Path())
@click.option(
    "--learned-from",
    "training",
    metavar="TABLE",
    help="The table that MODEL was trained on: other models then learn from it, to compare with.",
)
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    help="The page; else MODEL's name with .html, here.",
)
@language_option
@table_options
def command(model: str, table: str, **options: Any) -> None:
    """Write a report on MODEL: one HTML page, from rows of TABLE that it has not seen.

    TABLE holds the target column too. The page says how good the model is, with intervals and
    beside other models, what mistakes it makes, whether its chances come true, which columns it
    draws from, and explains three rows. clearprop train … --report FILE writes the same for the
    rows that training held out.
    """
    from clearprop.reporting import report

    out = options["out"] or f"{Path(model).name.split('.')[0]}.html"
    destination = check_destination(out, "--out", keep=table)
    estimator = load_tabular(model)
    loaded = load_table(table, options["file_format"], options["labels"], estimator)
    training = None
    if options["training"]:
        learned = load_table(options["training"], None, None, estimator)
        training = split_target(estimator, learned)
    found = report(estimator, *split_target(estimator, loaded), training=training, name=table)
    write_report(found, destination, options["lang"])


def report_of(job: Job, options: dict[str, Any]) -> Report:
    """Return the report on a model that was just trained, from the rows that were held out.

    Where none were, it is from those that it learned from, and says so.
    """
    from clearprop.cli.choices import weights_of
    from clearprop.reporting import report

    names, frame = list(job.task.targets), job.table.frame
    training = job.train.drop(names), job.train.select(names)
    rows, measured = job.test_rows, (job.test.drop(names), job.test.select(names))
    if not len(rows):
        rows, measured = job.train_rows, training
    group = options["group"]
    return report(
        job.model,
        *measured,
        training=training,
        name=Path(job.table.name).name,
        row_numbers=rows + 1,
        validation_rows=job.validation_rows,
        sample_weight=weights_of(frame, options["weight"], job.train_rows),
        groups=frame[group][rows].to_numpy() if group else None,
    )


def write_report(found: Report, destination: Path, lang: str) -> None:
    """Write a report as one HTML page, which appears whole or not at all."""
    from clearprop.storage import replace_file

    replace_file(destination, [found.to_html(lang).encode()])
    click.echo(f"Wrote {destination}.", err=True)
