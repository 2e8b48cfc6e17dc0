"""Read a table from a file, from standard input, or from those that scikit-learn ships.

Public names: `read_table`. Imports Polars and `clearprop.errors`.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from collections.abc import Collection
from pathlib import Path

import polars as pl

from clearprop.errors import DataError, FileError
from clearprop.tables.delimited import read_delimited
from clearprop.tables.formats import GZIP, TEXT_FORMATS, check_signature, format_of
from clearprop.tables.shipped import SHIPPED, read_shipped
from clearprop.tables.text import clean_text, settle_text
from clearprop.tables.wording import nearest

_HEAD = 4096


def read_table(
    source: str | Path, *, format: str | None = None, text_columns: Collection[str] = ()
) -> pl.DataFrame:
    """Read a table of people's data.

    In text files (CSV, TSV, JSON Lines) a column is what all of its values are: numbers,
    booleans, ISO 8601 dates, or text. Cells that are empty or hold a common mark of missing
    (``NA``, ``?``, ``null``, …; see `clearprop.tables.text`) are missing.

    Parameters
    ----------
    source : str or Path
        A file; ``"-"`` for standard input, CSV unless `format` says otherwise; or, where no such
        file exists, a table that scikit-learn ships: "iris", "wine", "breast_cancer", "digits",
        "diabetes", "linnerud" (targets: `clearprop.tables.SHIPPED`).
    format : {"csv", "tsv", "parquet", "arrow", "jsonl"}, optional
        What the file is, where its name does not say. Text files may be packed with gzip.
    text_columns : collection of str
        Columns of a text file that stay text whatever they look like; give those that were text
        when the model was trained (`TableEncoder.text_columns`).

    Returns
    -------
    polars.DataFrame
        At least one row and one column, names distinct.

    Raises
    ------
    FileError
        No such file, or it is not what its name says.
    DataError
        A table without rows or columns.
    """
    name = str(source)
    if name == "-":
        data: Path | bytes = sys.stdin.buffer.read()
        name, format = "standard input", format_of("-", format or "csv")
    else:
        path = Path(source)
        if not path.exists() and name in SHIPPED and format is None:
            return read_shipped(name)
        _check_path(path)
        format = format_of(name, format)
        data = path
    frame = _read(data, name, format, text_columns)
    if frame.height == 0 or frame.width == 0:
        raise DataError(
            f"{name!r} holds {frame.height} rows and {frame.width} columns: expected at least one "
            "of each."
        )
    return frame


def _check_path(path: Path) -> None:
    if path.is_dir():
        raise FileError(
            f"{str(path)!r} is a folder: expected one file of it. A folder of Parquet or Arrow "
            f"files is read as one table with a bound on memory, as in --memory 1GB (in Python: "
            f"clearprop.Stream)."
        )
    if not path.exists():
        folder = path.parent
        others = [other.name for other in folder.iterdir()] if folder.is_dir() else []
        raise FileError(
            f"There is no file {str(path)!r}.{nearest(path.name, [*others, *SHIPPED])} The tables "
            f"that scikit-learn ships have the names {', '.join(SHIPPED)}."
        )


def _read(
    data: Path | bytes, name: str, format: str, text_columns: Collection[str]
) -> pl.DataFrame:
    try:
        head = _head(data)
        if format in TEXT_FORMATS and head.startswith(GZIP):
            data = gzip.decompress(data if isinstance(data, bytes) else data.read_bytes())
            head = data[:_HEAD]
        check_signature(head, name, format)
        if format == "csv" or format == "tsv":
            separator = "\t" if format == "tsv" else ","
            return read_delimited(data, name, separator=separator, text_columns=text_columns)
        if format == "jsonl":
            return _read_json_lines(data, name, text_columns)
        return _read_columnar(data, format, head)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise FileError(
            f"{name!r} could not be read as {format}: {_first_line(error)}. It is damaged or of "
            "another kind: fetch it again, or say its kind with --format."
        ) from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise FileError(f"{name!r} is a damaged gzip file ({error}). Fetch it again.") from error
    except OSError as error:
        raise FileError(f"{name!r} could not be read: {error.strerror or error}.") from error


def _head(data: Path | bytes) -> bytes:
    if isinstance(data, bytes):
        return data[:_HEAD]
    with data.open("rb") as file:
        return file.read(_HEAD)


def _read_columnar(data: Path | bytes, format: str, head: bytes) -> pl.DataFrame:
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    if format == "parquet":
        return pl.read_parquet(source, glob=False)
    if head.startswith(b"ARROW1"):
        return pl.read_ipc(source)
    return pl.read_ipc_stream(source)


def _read_json_lines(data: Path | bytes, name: str, text_columns: Collection[str]) -> pl.DataFrame:
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    try:
        frame = pl.read_ndjson(source, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        _find_broken_line(data, name)
        raise FileError(f"{name!r} could not be read: {_first_line(error)}.") from error
    return frame.select(
        column
        if column.dtype != pl.String
        else clean_text(column)
        if column.name in text_columns
        else settle_text(column)
        for column in frame.iter_columns()
    )


def _find_broken_line(data: Path | bytes, name: str) -> None:
    """Raise for the first line that is not one JSON object."""
    with io.BytesIO(data) if isinstance(data, bytes) else data.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except ValueError as error:
                raise FileError(
                    f"Line {number} of {name!r} is not JSON ({error}): expected one object a line."
                ) from error
            if not isinstance(value, dict):
                raise FileError(
                    f"Line {number} of {name!r} holds {str(value)[:40]!r}: expected one object a "
                    'line, as in {"age": 39, "sex": "Male"}.'
                )


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].rstrip(".") or type(error).__name__
