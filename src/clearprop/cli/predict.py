"""`clearprop predict`: a model and rows in, predictions out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from clearprop.cli.common import (
    check_destination,
    format_option,
    json_option,
    load_frame,
    load_tabular,
    print_json,
    target_names,
)

if TYPE_CHECKING:
    import polars as pl


@click.command("predict")
@click.argument("model", type=click.Path())
@click.argument("table", default="-")
@click.option(
    "--out", default="-", help="Where to: .csv, .tsv, .parquet, .arrow, .jsonl; - for CSV here."
)
@click.option("--probabilities", is_flag=True, help="A column of probabilities for each class.")
@click.option("--append", is_flag=True, help="Put the predictions behind the table's own columns.")
@format_option
@json_option
def command(
    model: str,
    table: str,
    out: str,
    probabilities: bool,
    append: bool,
    file_format: str | None,
    as_json: bool,
) -> None:
    """Predict the rows of TABLE (standard input where it is absent) with MODEL."""
    from clearprop.tables import write_table

    if out != "-":
        check_destination(out, "--out")
    estimator = load_tabular(model)
    frame = load_frame(table, file_format, text_columns=estimator.encoder_.text_columns)
    result = _predictions(estimator, frame, probabilities=probabilities)
    _say_unseen(estimator, frame)
    if as_json:
        print_json({"predictions": result.to_dicts()})
        return
    write_table(_beside(frame, result) if append else result, out)


def _predictions(estimator: Any, frame: pl.DataFrame, *, probabilities: bool) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    names = target_names(estimator)
    predicted = np.asarray(estimator.predict(frame)).reshape(frame.height, len(names))
    # a column of labels keeps its own type
    columns = [pl.Series(n, predicted[:, k].tolist()) for k, n in enumerate(names)]
    if probabilities:
        if not hasattr(estimator, "predict_proba"):
            raise click.UsageError("--probabilities is for classifiers; this model regresses.")
        shares = estimator.predict_proba(frame)
        several = len(names) > 1
        labels = names if several else [f"{names[0]}={c}" for c in estimator.classes_]
        titles = [f"P({label})" for label in labels]
        columns += [pl.Series(title, shares[:, k]) for k, title in enumerate(titles)]
    return pl.DataFrame(columns)


def _beside(frame: pl.DataFrame, result: pl.DataFrame) -> pl.DataFrame:
    """Put predictions behind a table; where a name is taken, they are called `predicted …`."""
    taken = {name: f"predicted {name}" for name in result.columns if name in frame.columns}
    return frame.hstack(result.rename(taken))


def _say_unseen(estimator: Any, frame: pl.DataFrame) -> None:
    for column, count in estimator.encoder_.unseen(frame).items():
        click.echo(
            f"Note: column {column!r} holds {count} values that training had not seen; they count "
            f"as none of the known ones.",
            err=True,
        )
