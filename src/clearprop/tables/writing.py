"""Write a table (predictions, say) to a file or to standard output.

Public names: `write_table`. Imports Polars, `clearprop.storage` and `clearprop.errors`.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import IO

import polars as pl

from clearprop.errors import FileError
from clearprop.storage import replacing
from clearprop.tables.formats import format_of


def write_table(frame: pl.DataFrame, destination: str | Path, format: str | None = None) -> None:
    """Write a table whole or not at all.

    Parameters
    ----------
    frame : polars.DataFrame
    destination : str or Path
        A file, replaced if it exists; or ``"-"`` for standard output, CSV unless `format` says
        otherwise.
    format : {"csv", "tsv", "parquet", "arrow", "jsonl"}, optional
        What to write, where the name does not say.

    Raises
    ------
    FileError
        The name says no format, the folder is missing or not writable, or the format cannot hold
        a column (CSV has no lists, for instance).
    """
    name = str(destination)
    if name == "-":
        buffer = io.BytesIO()
        _write(frame, buffer, format_of("-", format or "csv"), "standard output")
        sys.stdout.buffer.write(buffer.getvalue())
        sys.stdout.buffer.flush()
        return
    path = Path(destination)
    chosen = format_of(name, format)
    with replacing(path) as file:
        _write(frame, file, chosen, name)


def _write(frame: pl.DataFrame, file: IO[bytes], format: str, name: str) -> None:
    try:
        if format in ("csv", "tsv"):
            frame.write_csv(file, separator="\t" if format == "tsv" else ",")
        elif format == "parquet":
            frame.write_parquet(file)
        elif format == "arrow":
            frame.write_ipc(file)
        else:
            frame.write_ndjson(file)
    except pl.exceptions.PolarsError as error:
        raise FileError(f"{name!r} could not be written as {format}: {error}.") from error
