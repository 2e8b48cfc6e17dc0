"""Fit the encoding of a table in one pass over its rows, chunk by chunk, in any order.

`EncoderFitting.update` takes a chunk, `merge` another fitting's rows, `finish` gives the encoder.
What comes out does not depend on how the rows were cut up (means and scales: up to rounding).
Memory is bounded by the distinct texts of a column and `EncoderOptions.quantile_rows` numbers.

Public names: `EncoderFitting`, `fit_table`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from clearprop.errors import DataError, SettingError
from clearprop.tables.column_fitting import ColumnFitting
from clearprop.tables.columns import Column, DroppedColumn
from clearprop.tables.conversion import Kind
from clearprop.tables.encoder import TableEncoder
from clearprop.tables.options import EncoderOptions
from clearprop.tables.summaries import row_keys
from clearprop.tables.wording import listed, nearest

_NO_ROWS = "Expected a table with at least one row; got none."


class EncoderFitting:
    """An encoding being fitted.

    Parameters
    ----------
    options : EncoderOptions
    """

    def __init__(self, options: EncoderOptions | None = None) -> None:
        self.options = options or EncoderOptions()
        self.rows = 0
        self._columns: dict[str, ColumnFitting] = {}

    def update(self, chunk: pl.DataFrame, first_row: int | None = None) -> None:
        """Add rows.

        Parameters
        ----------
        chunk : polars.DataFrame, (n, columns)
        first_row : int, optional
            The chunk's place in the table, counted from 0: what makes the order of chunks not
            matter. By default it follows the rows that this fitting has seen.

        Raises
        ------
        DataError
            A value is infinite, a column's type is not one that can be encoded, or its type or
            the set of columns differs from that of earlier chunks.
        SettingError
            A column to drop does not exist.
        """
        if not self._columns:
            self._start(chunk.columns)
        self._check_same_columns(chunk.columns)
        first = self.rows if first_row is None else first_row
        keys = row_keys(first, chunk.height)
        for series in chunk.iter_columns():
            if series.name not in self.options.drop:
                self._columns[series.name].update(series, keys, first)
        self.rows += chunk.height

    def merge(self, other: EncoderFitting) -> None:
        """Add the rows of another fitting, of the same options and columns."""
        if other.options != self.options:
            raise SettingError(
                f"Expected a fitting with the options {self.options}; got {other.options}."
            )
        if not other._columns:
            return
        if not self._columns:
            self._start(list(other._columns))
        self._check_same_columns(list(other._columns))
        for name, column in self._columns.items():
            column.merge(other._columns[name])
        self.rows += other.rows

    def finish(self) -> TableEncoder:
        """Make the encoder of all rows seen.

        Raises
        ------
        DataError
            There were no rows, or no column is left to learn from.
        """
        if self.rows == 0:
            raise DataError(_NO_ROWS)
        return _assemble(self._columns.values(), self.options)

    @property
    def sketched(self) -> dict[str, str]:
        """What of each column is not exact, in words, with its error; empty where all is."""
        told = {}
        for name, column in self._columns.items():
            if any(not sample.exact for sample in column.samples.values()):
                told[name] = "quartiles"
            elif column.levels.lost:
                told[name] = f"levels, counts short by {column.levels.lost:,} rows at most"
        return told

    def _start(self, names: list[str]) -> None:
        _check_dropped(self.options, names)
        self._columns = {name: ColumnFitting(name, self.options) for name in names}

    def _check_same_columns(self, names: list[str]) -> None:
        given = set(names)
        missing = [name for name in self._columns if name not in given]
        extra = [name for name in names if name not in self._columns]
        if missing or extra:
            raise DataError(
                "Expected every chunk to have the same columns; from row "
                f"{self.rows + 1} on, {listed(missing) or 'none'} are missing and "
                f"{listed(extra) or 'none'} are new."
            )


def fit_table(
    frame: pl.DataFrame, options: EncoderOptions | None = None, rows: np.ndarray | None = None
) -> TableEncoder:
    """Fit the encoding of a whole table, column by column: only one column's values are held.

    The same as one `EncoderFitting.update` (with `frame[rows]` where there are rows) and `finish`,
    and raises what they raise.
    """
    options = options or EncoderOptions()
    _check_dropped(options, frame.columns)
    count = frame.height if rows is None else len(rows)
    if count == 0:
        raise DataError(_NO_ROWS)
    keys = row_keys(0, count)

    def fitted() -> Iterator[ColumnFitting]:
        for series in frame.iter_columns():
            fitting = ColumnFitting(series.name, options)
            if series.name not in options.drop:
                fitting.update(series if rows is None else series.gather(rows), keys, 0)
            yield fitting

    return _assemble(fitted(), options)


def _assemble(fittings: Iterable[ColumnFitting], options: EncoderOptions) -> TableEncoder:
    columns: list[Column] = []
    originals: dict[tuple[Kind, int], str] = {}
    for fitting in fittings:
        name = fitting.name
        column = DroppedColumn(name, "left out") if name in options.drop else fitting.finish()
        if not isinstance(column, DroppedColumn):
            original = originals.setdefault((fitting.kind, fitting.fingerprint), name)
            if original != name:
                column = DroppedColumn(name, f"duplicate of {original!r}")
        columns.append(column)
    encoder = TableEncoder(tuple(columns))
    if encoder.width == 0:
        reasons = [f"{c.name!r} is {c.reason}" for c in columns if isinstance(c, DroppedColumn)]
        left = (
            f"of {len(columns)} none is left: {'; '.join(reasons[:6])}" if reasons else "got none"
        )
        raise DataError(
            f"Expected at least one column to learn from, beside the target; {left}. Add columns "
            "that say something about each row."
        )
    return encoder


def _check_dropped(options: EncoderOptions, names: list[str]) -> None:
    for name in options.drop:
        if name not in names:
            raise SettingError(
                f"There is no column {name!r} to leave out.{nearest(name, names)} "
                f"The table has {listed(names, 12)}."
            )
