"""`clearprop predict`: a model and rows in, predictions out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearprop.cli.loading import (
    Table,
    load_for_tables,
    load_table,
    reads_series,
    target_names,
)
from clearprop.cli.options import json_option, memory_option, table_options
from clearprop.cli.output import check_destination, print_json
from clearprop.cli.unseen import UnseenSoFar, say_unseen, unseen_in

if TYPE_CHECKING:
    import polars as pl


@click.command("predict", short_help="Predict the rows of a table.")
@click.argument("model", type=click.Path())
@click.argument("table", type=click.Path(), default="-")
@click.option(
    "--out",
    default="-",
    metavar="FILE",
    help="Where to: .csv, .tsv, .parquet, .arrow, .jsonl; CSV on standard output if absent.",
)
@click.option("--probabilities", is_flag=True, help="A column of probabilities for each class.")
@click.option(
    "--interval",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="COVERAGE",
    help="Of numbers: two columns between which the answer lies with this probability.",
)
@click.option("--append", is_flag=True, help="Put the predictions behind the table's own columns.")
@click.option(
    "--steps",
    type=click.IntRange(1),
    metavar="N",
    help="How many steps to forecast, for a model of a series; 12 if absent.",
)
@memory_option
@table_options
@json_option
def command(
    model: str,
    table: str,
    out: str,
    probabilities: bool,
    interval: float | None,
    append: bool,
    steps: int | None,
    memory: str | None,
    file_format: str | None,
    labels: str | None,
    as_json: bool,
) -> None:
    """Predict the rows of TABLE (standard input if absent) with MODEL.

    A model of series answers with a row for each series, or for each step where it learned one
    answer a step; a model that forecasts goes on from the end of TABLE.
    """
    from clearprop.tables import write_table

    if out != "-":
        _check_out(out, model)
    estimator = load_for_tables(model)
    if steps and not getattr(estimator, "forecasts_", False):
        raise click.UsageError("--steps is for models that forecast a series; this one does not.")
    if probabilities and not hasattr(estimator, "predict_proba"):
        raise click.UsageError("--probabilities is for classifiers; this model regresses.")
    if interval and not hasattr(estimator, "predict_interval"):
        raise click.UsageError("--interval is for tables whose target is numbers.")

    def answers(frame: pl.DataFrame) -> pl.DataFrame:
        if interval:
            return _with_ends(estimator, frame, interval, append=append)
        return _result(estimator, frame, steps or 12, probabilities=probabilities, append=append)

    loaded: Any
    if memory:
        from clearprop.cli.streaming import open_for_answers

        given = {"memory": memory, "file_format": file_format, "labels": labels}
        loaded = open_for_answers(table, given, estimator)
        if not isinstance(loaded, Table):
            _streamed(estimator, loaded, answers, out, append=append, as_json=as_json)
            return
    else:
        loaded = load_table(table, file_format, labels, estimator)
    frame = loaded.frame
    result = answers(frame)
    unseen = unseen_in(estimator, frame)
    say_unseen(estimator, unseen)
    told = {"unseen": [one.to_document() for one in unseen]}
    if as_json and out == "-":
        print_json({"predictions": result.to_dicts(), **told})
        return
    write_table(result, out)
    if as_json:
        print_json({"rows": result.height, "columns": result.columns, "out": out, **told})


def _streamed(
    estimator: Any, stream: Any, answers: Any, out: str, *, append: bool, as_json: bool
) -> None:
    """Answer on a table piece by piece, and write as it goes."""
    from clearprop.tables.streams import write_frames

    if as_json and out == "-":
        raise click.UsageError(
            "Predictions of a stream are written as they come, and one JSON object comes at its "
            "end. Give a file with --out, .jsonl say."
        )
    unseen = UnseenSoFar(estimator)

    def frames() -> Iterator[pl.DataFrame]:
        for _, frame in stream.frames(None if append else estimator.encoder_.used_columns):
            unseen.add(frame)
            yield answers(frame)

    rows, columns = write_frames(frames(), out)
    say_unseen(estimator, unseen.found())
    if as_json:
        told = {"unseen": [one.to_document() for one in unseen.found()]}
        print_json({"rows": rows, "columns": columns, "out": out, **told})


def _check_out(out: str, model: str) -> None:
    from clearprop.tables import FORMATS

    check_destination(out, "--out", keep=model)
    endings = [ending for several in FORMATS.values() for ending in several]
    if Path(out).suffix.lower() not in endings:
        raise click.BadParameter(
            f"{out!r} must end in one of {', '.join(endings)}.", param_hint="'--out'"
        )


def _result(
    estimator: Any, frame: pl.DataFrame, steps: int, *, probabilities: bool, append: bool
) -> pl.DataFrame:
    if getattr(estimator, "forecasts_", False):
        if append:
            raise click.UsageError("--append is for rows; forecasts have rows of their own.")
        return _forecasts(estimator, frame, steps)
    if reads_series(estimator):
        return _of_series(estimator, frame, probabilities=probabilities, append=append)
    result = _predictions(estimator, frame, probabilities=probabilities)
    return _beside(frame, result) if append else result


def _forecasts(estimator: Any, frame: pl.DataFrame, steps: int) -> pl.DataFrame:
    import polars as pl

    from clearprop.cli.forecast_job import series_in

    (name,) = target_names(estimator)
    series = series_in(frame, name, estimator.order_by, sort=estimator.sort)
    found = estimator.forecast(series, steps)
    return pl.DataFrame({"steps ahead": range(1, steps + 1), name: found})


def _of_series(
    estimator: Any, frame: pl.DataFrame, *, probabilities: bool, append: bool
) -> pl.DataFrame:
    """Return a row for each series with its name, or for each row where each step has an answer."""
    import polars as pl

    given, outputs = estimator.raw_outputs(frame)
    answers = {target_names(estimator)[0]: estimator.decoded(outputs)}
    if probabilities:
        from clearprop.estimators.scores import probabilities as shares_of

        shares = shares_of(outputs)
        name = target_names(estimator)[0]
        answers |= {f"P({name}={c})": shares[:, k] for k, c in enumerate(estimator.classes_)}
    found = {name: estimator.as_it_came(given, values) for name, values in answers.items()}
    result = pl.DataFrame({name: values.tolist() for name, values in found.items()})
    if estimator.per_step_:
        return _beside(frame, result) if append else _beside(frame[given.layout.columns], result)
    if append:
        return _beside(frame, result[given.layout.series_of_rows])
    return _beside(given.layout.ids.to_frame(), result)


def _predictions(estimator: Any, frame: pl.DataFrame, *, probabilities: bool) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    names = target_names(estimator)
    # once through the network, whatever is asked for
    outputs = estimator.raw_outputs(frame)
    predicted = np.asarray(estimator.labels_of(outputs)).reshape(frame.height, len(names))
    # a column of labels keeps its own type
    columns = [pl.Series(name, predicted[:, k].tolist()) for k, name in enumerate(names)]
    if probabilities:
        shares = estimator.shares_of(outputs)
        several = len(names) > 1
        labels = names if several else [f"{names[0]}={c}" for c in estimator.classes_]
        columns += [pl.Series(f"P({label})", shares[:, k]) for k, label in enumerate(labels)]
    return pl.DataFrame(columns)


def _with_ends(
    estimator: Any, frame: pl.DataFrame, coverage: float, *, append: bool
) -> pl.DataFrame:
    """Return predictions, and behind each target's the lower and upper end of its interval."""
    import polars as pl

    names = target_names(estimator)
    ends = estimator.predict_interval(frame, coverage).reshape(frame.height, len(names), 2)
    found = _predictions(estimator, frame, probabilities=False)
    columns = []
    for k, name in enumerate(names):
        columns.append(found[name])
        columns.append(pl.Series(f"{name} from", ends[:, k, 0]))
        columns.append(pl.Series(f"{name} to", ends[:, k, 1]))
    result = pl.DataFrame(columns)
    return _beside(frame, result) if append else result


def _beside(frame: pl.DataFrame, result: pl.DataFrame) -> pl.DataFrame:
    """Put predictions behind a table; where a name is taken, they are called `predicted …`."""
    taken = {}
    for name in result.columns:
        new = name
        while new in frame.columns:
            new = f"predicted {new}"
        taken[name] = new
    return frame.hstack(result.rename(taken))
