"""`clearprop explain`: every number of a model on rows of a table, accounted for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from clearprop.cli.loading import (
    Series,
    Table,
    load_for_tables,
    load_table,
    reads_series,
    split_target,
)
from clearprop.cli.options import json_option, table_options
from clearprop.cli.output import print_json
from clearprop.cli.pages import (
    destinations,
    language_option,
    page_files,
    printed,
    show_page,
    write_files,
)
from clearprop.errors import SettingError

if TYPE_CHECKING:
    from clearprop.explanation import Explanation, SequenceExplanation

# what `explain` is given: inputs and targets, or a table and its target column
Data = tuple[Any, Any]
# rows or series of the batch where none are named
DEFAULT_ROWS = 32
# chapters of the terminal: those of one weight
SHORT = ("chain", "update", "samples")
SHORT_OF_SERIES = ("unrolled", "over_time", "time_norms", "update")
ALL = ["all"]


class Rows(click.ParamType):
    """`7` or `5-36` as the first and the last row, counted from 1."""

    name = "rows"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Return (first, last)."""
        if isinstance(value, tuple):
            return value
        first, _, last = value.partition("-")
        try:
            pair = int(first), int(last or first)
        except ValueError:
            pair = 0, 0
        if not 1 <= pair[0] <= pair[1]:
            self.fail(f"{value!r} is no range of rows such as 5-36, counted from 1.", param, ctx)
        return pair


class Chapters(click.ParamType):
    """`chain,update` as a list of chapters; `all` for every one."""

    name = "chapters"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        """Return the chapters' names."""
        from clearprop.explanation.chapters import CHAPTERS, SEQUENCE_CHAPTERS

        if isinstance(value, list):
            return value
        if value.strip() == "all":
            return ALL
        names = [name.strip() for name in value.split(",")]
        known = list(dict.fromkeys((*CHAPTERS, *SEQUENCE_CHAPTERS)))
        for name in names:
            if name not in known:
                from clearprop.functions.spelling import suggest

                self.fail(f"There is no chapter {name!r}. {suggest(name, known)}", param, ctx)
        return names


@click.command("explain", short_help="Account for every number of a model on rows of a table.")
@click.argument("model", type=click.Path())
@click.argument("table", type=click.Path())
@click.option(
    "--row",
    type=click.IntRange(1),
    metavar="N",
    help="The row, from 1, that single numbers belong to; alone, the only row explained. For a "
    "model of sequences rows are whole series, as they first come in the table.",
)
@click.option(
    "--rows",
    type=Rows(),
    metavar="A-B",
    help=f"The rows, from 1, that form the batch; the first {DEFAULT_ROWS} where nothing is said.",
)
@click.option(
    "--weight",
    metavar="NAME",
    help="The parameter to take apart, such as 'h2.1<-age', 'h2.1<-bias' or 'age<-gain'; the "
    "weight of largest gradient in the first dense layer where nothing is said.",
)
@click.option(
    "--chapters",
    type=Chapters(),
    metavar="NAMES",
    help=f"Chapters of the page, with commas, or all; {', '.join(SHORT)} (of series "
    f"{', '.join(SHORT_OF_SERIES)}) in the terminal and all in a file where nothing is said.",
)
@click.option(
    "--paths",
    type=click.IntRange(1),
    metavar="N",
    default=10,
    show_default=True,
    help="How many paths of the chain rule are written out.",
)
@click.option(
    "--engine",
    type=click.Choice(["native", "reference"]),
    help="Compute with this engine; with the model's own where nothing is said.",
)
@click.option(
    "--member",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="Which member is explained, from 1, where the model is several networks that share their "
    "weights.",
)
@language_option
@page_files
@click.option(
    "--svg",
    type=click.Path(),
    metavar="FILE",
    help="Write the network with signals and errors as SVG, in place of the terminal.",
)
@table_options
@json_option
def command(model: str, table: str, **options: Any) -> None:
    """Account for every number of MODEL on rows of TABLE, which holds the target column too."""
    names = ("html", "markdown", "latex", "svg")
    places = destinations({name: options[name] for name in names}, (model, table))
    explanation, sample = explained(model, table, options)
    if options["as_json"]:
        print_json(explanation.to_document())
    page_options = {"weight": options["weight"], "sample": sample, "paths": options["paths"]}
    lang, chapters = options["lang"], options["chapters"]
    if chapters == ALL:
        chapters = list(explanation.chapters)
    if "svg" in places:
        drawn = explanation.to_svg(weight=options["weight"], sample=sample, lang=lang)
        write_files({"svg": places.pop("svg")}, lambda _: drawn)
        if not places:
            return
    if places:
        page = explanation.page(chapters, lang=lang, **page_options)
        write_files(places, lambda kind: printed(page, kind))
    elif not options["as_json"]:
        show_page(explanation.page(chapters or _short(explanation), lang=lang, **page_options))


def explained(
    model: str, table: str, options: dict[str, Any]
) -> tuple[Explanation | SequenceExplanation, int | None]:
    """Return the explanation of some rows of a table, and the sample that was asked for.

    Parameters
    ----------
    options : dict
        `row`, `rows`, `engine`, `file_format`, `labels` as they were typed.

    Raises
    ------
    SettingError
        If the table has no such rows.
    """
    from clearprop.explanation import explain

    estimator = load_for_tables(model)
    loaded = load_table(table, options["file_format"], options["labels"], estimator)
    if reads_series(estimator):
        data, first = _some_series(estimator, loaded, options)
    else:
        data, first = _some_rows(estimator, loaded, options)
    member = _member(estimator, options.get("member", 1))
    found: Any = explain(estimator, *data, engine=options["engine"], member=member)
    # rows are told by their places in the whole table
    trace = replace(found.trace, rows=found.trace.rows + first - 1)
    row = options["row"]
    return replace(found, trace=trace), None if row is None else row - first


def _member(estimator: Any, asked: int) -> int:
    """Return the place of the member that was asked for by its number, from 1."""
    there = estimator.network_.members
    if asked > there:
        has = f"has {there} members" if there > 1 else "is one network and has no members"
        raise SettingError(f"--member {asked}: the model {has}. Members are counted from 1.")
    return asked - 1


def _some_rows(estimator: Any, table: Table, options: dict[str, Any]) -> tuple[Data, int]:
    """Return inputs and targets of the rows that were asked for, and the first's number."""
    inputs, targets = split_target(estimator, table)
    first, last = _wanted(options, inputs.height, f"{table.name!r} has {inputs.height:,} rows")
    return (inputs[first - 1 : last], targets[first - 1 : last]), first


def _some_series(estimator: Any, table: Table, options: dict[str, Any]) -> tuple[Data, int]:
    """Return the rows of the series that were asked for with the target, and the first's number."""
    series = Series.of(estimator, table)
    first, last = _wanted(options, len(series), f"{table.name!r} has {len(series):,} series")
    return series.rows(first - 1, last), first


def _wanted(options: dict[str, Any], height: int, what_there_is: str) -> tuple[int, int]:
    """Return the first and the last row of the batch, counted from 1."""
    row, rows = options["row"], options["rows"]
    first, last = rows or ((row, row) if row else (1, min(DEFAULT_ROWS, height)))
    if last > height:
        raise SettingError(
            f"{what_there_is}, so there is no row {last:,}. Rows are counted from 1."
        )
    if row is not None and not first <= row <= last:
        raise SettingError(
            f"--row {row} is not among the rows {first} to {last} of --rows. Name one of them."
        )
    return first, last


def _short(explanation: Explanation | SequenceExplanation) -> list[str]:
    """Return the terminal's chapters; one sample alone has no others beside it."""
    from clearprop.explanation import SequenceExplanation

    if isinstance(explanation, SequenceExplanation):
        return list(SHORT_OF_SERIES)
    return list(SHORT if len(explanation.trace.rows) > 1 else SHORT[:-1])
