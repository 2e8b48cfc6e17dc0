"""The fitted encoding of a table: from named columns to one matrix of floats.

A `TableEncoder` is plain data, a tuple with one frozen record a column. It travels in the model
file (`to_document`, `from_document`) and means the same wherever it is read.

Public names: `TableEncoder`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from clearprop.errors import DataError, FileError, SettingError
from clearprop.tables.categories import CategoryColumn
from clearprop.tables.columns import (
    BooleanColumn,
    Column,
    DateColumn,
    DroppedColumn,
    NumberColumn,
    UsedColumn,
)
from clearprop.tables.documents import from_document, to_document
from clearprop.tables.records import Unseen
from clearprop.tables.versions import column_of_version_1
from clearprop.tables.wording import listed, nearest

if TYPE_CHECKING:
    from clearprop.tables.options import EncoderOptions

_VERSION = 2
_ROWS_AT_ONCE = 16_384  # so that a block's features stay in a cache while its columns are written
_KINDS: dict[str, type[Column]] = {
    "number": NumberColumn,
    "category": CategoryColumn,
    "boolean": BooleanColumn,
    "date": DateColumn,
    "dropped": DroppedColumn,
}


@dataclass(frozen=True, slots=True)
class TableEncoder:
    """How each column of a table becomes features.

    Parameters
    ----------
    columns : tuple of column records
        In the order of the table that was fitted; names are distinct.
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise DataError(f"Expected distinct names of columns; got {listed(names, 12)}.")

    @classmethod
    def fit(
        cls,
        frame: pl.DataFrame,
        options: EncoderOptions | None = None,
        *,
        rows: np.ndarray | None = None,
    ) -> TableEncoder:
        """Fit the encoding of a whole table; `clearprop.tables.EncoderFitting` takes it in chunks.

        Parameters
        ----------
        frame : polars.DataFrame
        options : EncoderOptions, optional
        rows : int array, optional
            Fit to these rows only, as to `frame[rows]` but without a copy of them.

        Raises
        ------
        DataError
            No rows, no column worth keeping, an infinite value, or a type that has no encoding.
        SettingError
            A column to drop does not exist.
        """
        from clearprop.tables.fitting import fit_table

        return fit_table(frame, options, rows)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name a feature, as "age", "workclass=Private", "sold.month_sin"."""
        return tuple(name for column in self.columns for name in column.feature_names)

    @property
    def width(self) -> int:
        """The number of features."""
        return sum(len(column.feature_names) for column in self.columns)

    @property
    def features_of(self) -> dict[str, range]:
        """Which features, by place, belong to each column that has some."""
        found, start = {}, 0
        for column in self.columns:
            stop = start + len(column.feature_names)
            if stop > start:
                found[column.name] = range(start, stop)
            start = stop
        return found

    @property
    def number_features(self) -> tuple[int, ...]:
        """The places of the features that are numbers, the parts of dates included.

        All other features are 0 and 1, or −1, 0 and +1.
        """
        places = self.features_of
        return tuple(
            place
            for column in self.columns
            if column.name in places
            for place in places[column.name][: column.number_features]
        )

    @property
    def used_columns(self) -> tuple[str, ...]:
        """The columns that `transform` asks for."""
        return tuple(c.name for c in self.columns if not isinstance(c, DroppedColumn))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns of categories, for `read_table` to keep as text."""
        return tuple(c.name for c in self.columns if isinstance(c, CategoryColumn))

    def transform(
        self,
        frame: pl.DataFrame,
        dtype: Any = np.float32,
        *,
        first_row: int = 0,
        rows: np.ndarray | None = None,
    ) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        frame : polars.DataFrame, (n, columns)
            Holds at least `used_columns`, in any order; others are passed over.
        dtype : float32 or float64
        first_row : int
            The place of the frame's first row in the table, for messages about blocks of it.
        rows : int array, (m,), optional
            Encode these rows only, as those of `frame[rows]` but without a copy of them.

        Returns
        -------
        array of `dtype`, (n, width) or (m, width), C-contiguous

        Raises
        ------
        DataError
            A column is missing, or holds a value that is infinite or of another type than in
            training.
        """
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise SettingError(f"Expected dtype float32 or float64; got {np.dtype(dtype)}.")
        used = self._used(frame)
        out = np.empty((frame.height if rows is None else len(rows), self.width), dtype=dtype)
        for start in range(0, len(out), _ROWS_AT_ONCE):
            stop = min(start + _ROWS_AT_ONCE, len(out))
            for column, series, features in used:
                part = series[start:stop] if rows is None else series.gather(rows[start:stop])
                block = out[start:stop, features.start : features.stop]
                column.encode(part, block, first_row + start)
        return out

    def unseen_values(self, frame: pl.DataFrame) -> tuple[Unseen, ...]:
        """Tell, by column, the values of new rows for which training offered no feature.

        These are categories that training did not have, and missing values where it had none.
        Columns without any are left out.
        """
        found = (column.unseen(series) for column, series, _ in self._used(frame))
        return tuple(unseen for unseen in found if unseen.rows)

    def unseen(self, frame: pl.DataFrame) -> dict[str, int]:
        """Count the rows of `unseen_values` by column."""
        return {unseen.column: unseen.rows for unseen in self.unseen_values(frame)}

    def to_document(self) -> dict[str, Any]:
        """Turn the encoding into JSON data that reads back as the same bits."""
        tags = {cls: tag for tag, cls in _KINDS.items()}
        return {
            "version": _VERSION,
            "columns": [{"kind": tags[type(c)], **to_document(c)} for c in self.columns],
        }

    @classmethod
    def from_document(cls, document: Any) -> TableEncoder:
        """Read an encoding back, trusting nothing.

        Raises
        ------
        FileError
            The document is of a later version, or anything in it is not as `to_document` writes.
        """
        if not isinstance(document, Mapping) or not isinstance(document.get("columns"), list):
            raise FileError("Expected the encoding to be an object with a list of columns.")
        version = document.get("version")
        if type(version) is not int or not 1 <= version <= _VERSION:
            raise FileError(
                f"Expected an encoding of a version up to {_VERSION}; got {version!r}. "
                "Read it with the clearprop that wrote it, or a later one."
            )
        parts = document["columns"]
        if version == 1:
            parts = [column_of_version_1(part) for part in parts]
        columns = tuple(_column(part, i) for i, part in enumerate(parts, 1))
        try:
            return cls(columns)
        except DataError as error:
            raise FileError(f"The encoding is damaged: {error}") from error

    def _used(self, frame: pl.DataFrame) -> list[tuple[UsedColumn, pl.Series, range]]:
        """Pair each column that has features with the frame's and with the features' places."""
        missing = [name for name in self.used_columns if name not in frame.columns]
        if missing:
            raise DataError(
                f"Expected the columns that the encoding was fitted on; {listed(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing."
                f"{nearest(missing[0], frame.columns)} The table has {listed(frame.columns, 12)}. "
                "Add what is missing, with empty cells where a value is not known."
            )
        places = self.features_of
        return [
            (column, frame[column.name], places[column.name])
            for column in self.columns
            if not isinstance(column, DroppedColumn)
        ]


def _column(document: Any, number: int) -> Column:
    where = f"column {number} of the encoding"
    kind = document.get("kind") if isinstance(document, Mapping) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise FileError(f"Expected {where} to be of a kind {', '.join(_KINDS)}; got {kind!r}.")
    fields = {name: value for name, value in document.items() if name != "kind"}
    return from_document(_KINDS[kind], fields, where)
