"""What several verbs need: options, tables, models, consoles."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearprop.errors import FileError

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --json to a verb."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object, for machines."
    )(command)


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --format to a verb."""
    return click.option(
        "--format",
        "file_format",
        type=click.Choice(["csv", "tsv", "parquet", "arrow", "jsonl"]),
        help="What the table is, where its name does not say.",
    )(command)


def labels_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --labels to a verb."""
    return click.option(
        "--labels",
        type=click.Path(),
        help="The IDX file of the labels, where the table is an IDX file of images.",
    )(command)


def console(*, error: bool = False) -> Console:
    """Return a Rich console on standard output or standard error."""
    from rich.console import Console

    # without a terminal lines are cut nowhere, so that a log reads well
    width = None if (sys.stderr if error else sys.stdout).isatty() else 100
    return Console(stderr=error, highlight=False, width=width)


def print_json(document: dict[str, Any]) -> None:
    """Print a document; numbers that JSON lacks become null."""
    click.echo(json.dumps(_finite(document), ensure_ascii=False, indent=2))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return None
    return value


def load_frame(
    source: str,
    file_format: str | None = None,
    labels: str | None = None,
    text_columns: tuple[str, ...] = (),
    target: str = "target",
) -> pl.DataFrame:
    """Read a table, or a file of arrays, as a frame.

    Arrays become columns x0, x1, …; their labels become the column `target` (or target0,
    target1, …).
    """
    import polars as pl

    from clearprop.tables import as_frame, holds_arrays, read_arrays, read_table

    if source == "-" or not holds_arrays(source):
        return read_table(source, format=file_format, text_columns=text_columns)
    arrays = read_arrays(source, labels=labels)
    frame = as_frame(arrays.X)
    if arrays.y is None:
        return frame
    if arrays.y.ndim == 1:
        return frame.with_columns(pl.Series(target, arrays.y))
    columns = [pl.Series(f"{target}{k}", arrays.y[:, k]) for k in range(arrays.y.shape[1])]
    return frame.with_columns(columns)


def load_tabular(path: str) -> Any:
    """Load a model that reads tables.

    Raises
    ------
    FileError
        If the file holds another kind of model.
    """
    from clearprop.files import load

    model = load(path)
    if not hasattr(model, "encoder_"):
        raise FileError(
            f"{path!r} holds a {type(model).__name__}, which knows no columns of a table. Load it "
            f"in Python with clearprop.load({path!r})."
        )
    return model


def split_target(model: Any, frame: pl.DataFrame, source: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the columns to learn from and the model's target columns."""
    names = target_names(model)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise FileError(
            f"{source!r} has no column {missing[0]!r}, which is the model's target. Its columns "
            f"are: {', '.join(frame.columns[:20])}. For rows without the answer use "
            f"clearprop predict."
        )
    return frame.drop(names), frame.select(names)


def target_names(model: Any) -> list[str]:
    """Return the model's target columns."""
    target = model.target_
    return list(target.names) if hasattr(target, "names") else [target.name]


def check_destination(path: str, option: str) -> Path:
    """Refuse a destination that cannot be written to, before hours of work.

    Raises
    ------
    FileError
        If it is a folder, or its folder is missing or cannot be written to.
    """
    destination = Path(path)
    if destination.is_dir():
        raise FileError(f"{option} names the folder {path!r}; a file name was expected.")
    folder = destination.resolve().parent
    if not folder.is_dir():
        raise FileError(f"The folder of {option} {path!r} does not exist. Create it first.")
    if not os.access(folder, os.W_OK):
        raise FileError(f"The folder of {option} {path!r} cannot be written to.")
    return destination


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show the warnings raised inside as single lines on standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        click.echo(f"Note: {message}", err=True)
