"""CSV and TSV: every row checked against the header, every column settled over the whole file.

Polars splits the file, as text; then each column becomes what all of its values are
(`clearprop.tables.text`), so a column that is numeric for ten thousand rows and then is not is
read as text, not as an error. Polars fills short rows up in silence and does not say which line is
at fault, so `clearprop.tables.scanning` counts each row's separators first. A file that the scan
cannot vouch for, or that Polars refuses (other encodings), goes through Python's slower `csv`
reader, which reads it by the rules or names the line.

Public names: `read_delimited`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from clearprop.errors import DataError, FileError
from clearprop.tables.scanning import scan_rows
from clearprop.tables.text import clean_text, settle_text
from clearprop.tables.wording import listed

_HEAD = 1 << 20  # bytes within which the header must end


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the header says: the columns' names and the character between them."""

    names: list[str]
    separator: str


def read_delimited(
    source: Path | bytes, name: str, *, separator: str, text_columns: Collection[str] = ()
) -> pl.DataFrame:
    r"""Read a table of separated text whose first line names its columns.

    Parameters
    ----------
    source : Path or bytes
        The file, or what it holds.
    name : str
        What messages call it.
    separator : str
        ``","`` or ``"\t"``. A file for ``","`` whose header has none, but semicolons or tabs, is
        read with those; where semicolons separate, a comma may be the decimal point.
    text_columns : collection of str
        Columns that stay text whatever they look like (codes with leading zeros, say).

    Raises
    ------
    FileError
        Not UTF-8, a broken header, rows of unequal length: with the line number.
    DataError
        A header without rows.
    """
    layout = _read_header(source, name, separator)
    scanned = scan_rows(source, len(layout.names), layout.separator)
    frame = _read_fast(source, layout, *scanned) if scanned else None
    if frame is None:
        frame = _read_carefully(source, name, layout)
    if frame.height == 0:
        raise DataError(
            f"{name!r} has a header, naming {len(layout.names)} columns, but no rows: expected at "
            "least one row below it."
        )
    decimal_comma = layout.separator == ";"
    return frame.select(
        clean_text(column)
        if column.name in text_columns
        else settle_text(column, decimal_comma=decimal_comma)
        for column in frame.iter_columns()
    )


def _read_header(source: Path | bytes, name: str, separator: str) -> _Layout:
    if isinstance(source, Path):
        with source.open("rb") as file:
            head = file.read(_HEAD)
    else:
        head = source[:_HEAD]
    text = head.decode("utf-8-sig", errors="replace")
    first = text.lstrip("\r\n").splitlines()[0] if text.strip("\r\n") else ""
    if separator == "," and "," not in first:
        separator = next((other for other in (";", "\t") if other in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        cells = next((row for row in reader if row), [])
    except csv.Error as error:
        raise FileError(f"The header of {name!r} (line 1) is broken: {error}.") from error
    if not cells:
        raise FileError(f"{name!r} holds blank lines only: expected a header and rows.")
    return _Layout(_column_names([cell.strip() for cell in cells], name), separator)


def _column_names(cells: list[str], name: str) -> list[str]:
    """Name columns by the header's cells; an empty cell (a saved index) by its position."""
    if len(cells) > 1 and _looks_like_values(cells):
        raise FileError(
            f"The first line of {name!r} ({', '.join(cells[:4])}, …) holds numbers: expected the "
            "names of the columns. Add a line of names at the top of the file."
        )
    names = [cell or f"column_{i}" for i, cell in enumerate(cells, 1)]
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        places = [i for i, column in enumerate(names, 1) if column == twice[0]]
        raise FileError(
            f"The header of {name!r} names {listed(twice)} more than once ({twice[0]!r} in columns "
            f"{' and '.join(map(str, places))}). Give every column its own name."
        )
    return names


def _looks_like_values(cells: list[str]) -> bool:
    """Whether a header is a row of numbers; names counted up from 0 or 1 are honest names."""
    try:
        numbers = [float(cell) for cell in cells if cell]
    except ValueError:
        return False
    counted = [start + i for start in (0, 1) for i in range(len(numbers))]
    return bool(numbers) and numbers not in (counted[: len(numbers)], counted[len(numbers) :])


def _read_fast(
    source: Path | bytes, layout: _Layout, blank: np.ndarray, rows: int
) -> pl.DataFrame | None:
    """Split the file with Polars; None where it disagrees with the scan."""
    if 0 in blank:
        return None  # Polars would take a blank first line for the header
    try:
        frame = pl.read_csv(
            source,
            separator=layout.separator,
            infer_schema=False,
            new_columns=layout.names,
            glob=False,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None  # the careful reader finds the line at fault
    if frame.height != rows - 1 or frame.columns != layout.names:
        return None
    if len(blank):
        keep = np.ones(frame.height, dtype=bool)
        keep[blank - 1] = False
        frame = frame.filter(pl.Series(keep))
    return frame


def _read_carefully(source: Path | bytes, name: str, layout: _Layout) -> pl.DataFrame:
    """Read row by row with Python's `csv`, which knows the line it is on."""
    width = len(layout.names)
    rows = []
    for line, row in _numbered_rows(source, name, layout.separator):
        if len(row) != width:
            raise FileError(
                f"Line {line} of {name!r} has {len(row)} cells where {width} are expected, one "
                "for each name in the header. Correct that line; a cell that holds the separator "
                f"{layout.separator!r} or a line break belongs in double quotes."
            )
        rows.append(row)
    columns = zip(*rows[1:], strict=True) if len(rows) > 1 else ([] for _ in layout.names)
    return pl.DataFrame(
        [
            pl.Series(column, values, dtype=pl.String)
            for column, values in zip(layout.names, columns, strict=True)
        ]
    )


def _numbered_rows(
    source: Path | bytes, name: str, separator: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each row starts (from 1), and its cells; blank lines are passed."""
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
        reader = csv.reader(
            io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), delimiter=separator
        )
        line = 1
        try:
            for row in reader:
                if row:
                    yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise FileError(f"Line {line} of {name!r} is broken: {error}.") from error
        except UnicodeDecodeError:
            raise FileError(_encoding_message(source, name)) from None


def _encoding_message(source: Path | bytes, name: str) -> str:
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return (
                    f"Line {number} of {name!r} holds the byte 0x{line[error.start]:02x}, which is "
                    "not UTF-8: expected text in UTF-8. Save the file as UTF-8, for instance with "
                    "iconv -f gb18030 -t utf-8 (Chinese) or -f cp1252 (Western Windows)."
                )
    return f"{name!r} ends within a character: expected text in UTF-8. Fetch the file again."
