"""What became of each column of a table: its encoding, what was missing, what was not known.

Public names: `ColumnFacts`, `column_facts`.
May import: `clearprop.tables`, Polars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from clearprop.tables import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    DroppedColumn,
    NumberColumn,
)
from clearprop.tables.conversion import kind_of
from clearprop.tables.text import clean_text


@dataclass(frozen=True)
class ColumnFacts:
    """One column.

    Attributes
    ----------
    column : Column
        Its fitted encoding.
    features : int
        Numbers that it became.
    missing : int or None
        Values missing in the rows that were learned from; None where these are not at hand.
    missing_measured : int
        The same in the rows that the network is measured on.
    unseen, unseen_measured : int
        Values that training offered no feature for, among the rows that found the best epoch, and
        among those that the network is measured on.
    """

    column: Column
    features: int
    missing: int | None
    missing_measured: int
    unseen: int
    unseen_measured: int

    @property
    def kind(self) -> str:
        """Its key in the catalogue."""
        return _KINDS[type(self.column)]

    @property
    def dropped(self) -> bool:
        """Whether the network does not read it."""
        return isinstance(self.column, DroppedColumn)


_KINDS: dict[type, str] = {
    NumberColumn: "number",
    CategoryColumn: "category",
    BooleanColumn: "boolean",
    DateColumn: "date",
    DroppedColumn: "dropped",
}


def column_facts(
    encoder: Any, measured: pl.DataFrame, training: pl.DataFrame | None
) -> tuple[ColumnFacts, ...]:
    """Return what there is to say of each column, in the table's order.

    Parameters
    ----------
    encoder : TableEncoder
    measured : table
        The rows that the network is measured on.
    training : table, optional
        Those it learned from, its validation rows included.
    """
    unseen = {} if training is None else encoder.unseen(training)
    unseen_measured = encoder.unseen(measured)
    return tuple(
        ColumnFacts(
            column,
            len(column.feature_names),
            None if training is None else _missing(training, column.name),
            _missing(measured, column.name) or 0,
            unseen.get(column.name, 0),
            unseen_measured.get(column.name, 0),
        )
        for column in encoder.columns
    )


def _missing(frame: pl.DataFrame, name: str) -> int | None:
    """Count the missing values of a column, None where the frame lacks it."""
    if name not in frame.columns:
        return None
    series = frame[name]
    if series.dtype.is_float():
        series = series.fill_nan(None)
    elif series.null_count() < len(series) and kind_of(series) in ("text", "category"):
        series = clean_text(series)
    return series.null_count()
