"""Write a table that comes frame by frame, without ever holding all of it.

Public names: `write_frames`. Imports Polars, `clearprop.storage` and `clearprop.errors`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from clearprop.errors import ClearpropError, FileError
from clearprop.storage import replacing
from clearprop.tables.formats import format_of

# rows of a group of a Parquet or Arrow file
_ROWS_OF_A_GROUP = 65_536


def write_frames(frames: Iterable[pl.DataFrame], destination: str | Path) -> tuple[int, list[str]]:
    """Write frames of the same columns, one behind another, whole or not at all.

    Parameters
    ----------
    frames : iterable of polars.DataFrame
    destination : str or Path
        A file, replaced if it exists; or ``"-"`` for CSV on standard output, as it comes.

    Returns
    -------
    rows, columns

    Raises
    ------
    FileError
        As `clearprop.tables.write_table`.
    """
    coming = iter(frames)
    first = next(coming)
    counter = _Counter(itertools.chain([first], coming))
    name = str(destination)
    if name == "-":
        for number, frame in enumerate(counter):
            text = frame.write_csv(include_header=number == 0)
            sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return counter.rows, first.columns
    kind = format_of(name, None)
    with replacing(Path(destination)) as file:
        _sink(counter, first.schema, file, kind, name)
    return counter.rows, first.columns


class _Counter:
    """Counts the rows that go by, and keeps the error that ended them."""

    def __init__(self, frames: Iterator[pl.DataFrame]) -> None:
        self.frames = frames
        self.rows = 0
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[pl.DataFrame]:
        try:
            for frame in self.frames:
                self.rows += frame.height
                yield frame
        except Exception as error:
            self.error = error
            raise


def _sink(frames: _Counter, schema: pl.Schema, file: Any, kind: str, name: str) -> None:
    from polars.io.plugins import register_io_source

    def source(columns: Any, predicate: Any, rows: Any, batch: Any) -> Iterator[pl.DataFrame]:
        for frame in frames:
            yield frame if columns is None else frame.select(columns)

    scan = register_io_source(source, schema=schema)
    try:
        if kind in ("csv", "tsv"):
            scan.sink_csv(file, separator="\t" if kind == "tsv" else ",")
        elif kind == "parquet":
            scan.sink_parquet(file, row_group_size=_ROWS_OF_A_GROUP)
        elif kind == "arrow":
            scan.sink_ipc(file)
        else:
            scan.sink_ndjson(file)
    except Exception as error:
        # Polars may wrap what a frame's making raised
        if isinstance(frames.error, ClearpropError):
            raise frames.error from None
        if isinstance(error, pl.exceptions.PolarsError):
            raise FileError(f"{name!r} could not be written as {kind}: {error}.") from error
        raise
