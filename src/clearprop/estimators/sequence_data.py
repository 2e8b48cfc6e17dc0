"""Sequences in whatever form people hold them, and their answers in the same form.

    a list (or object array) of (steps, features) arrays; one array (sequences, steps, features);
    a long table, whose column `sequence_id` says which series a row belongs to

`Given` is what came, checked and brought into one shape: the steps of all sequences one behind
another. It also knows how answers go back: a list for a list, rows for a table.

Public names: `Given`, `read_sequences`.
May import: `clearprop.tables`, `clearprop.engines`, `clearprop.errors`, NumPy; Polars where a table
came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop.engines import Sequences
from clearprop.engines.checks import check_finite_steps
from clearprop.errors import DataError, SettingError, ShapeError

if TYPE_CHECKING:
    import polars as pl

    from clearprop.tables import SeriesLayout


@dataclass(frozen=True, eq=False)
class Given:
    """Sequences as they came.

    Attributes
    ----------
    starts : (n + 1,) int array
        Where each sequence begins; the last entry is the number of all steps.
    values : (steps of all sequences, features) float64 array, or None
        None where a table came.
    steps : polars.DataFrame or None
        The rows of a table, series by series, without the columns that say which series and step.
    layout : SeriesLayout or None
        Of a table.
    box : bool
        One array (sequences, steps, features) came.
    """

    starts: np.ndarray
    values: np.ndarray | None = None
    steps: pl.DataFrame | None = None
    layout: SeriesLayout | None = None
    box: bool = False

    def __len__(self) -> int:
        """Return how many sequences there are."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each sequence, (n,)."""
        return np.diff(self.starts)

    @property
    def width(self) -> int:
        """Features of a step, or columns of the table."""
        return self.values.shape[1] if self.values is not None else self.steps.width  # type: ignore[union-attr]

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of the columns, where they have any."""
        return None if self.steps is None else tuple(self.steps.columns)

    def where(self, place: int) -> str:
        """Say which step stands at a place among all."""
        if self.layout is not None:
            return self.layout.name(place)
        sequence = int(np.searchsorted(self.starts, place, side="right")) - 1
        return f"sequence {sequence}, step {place - int(self.starts[sequence])}"

    def sequence(self, number: int) -> str:
        """Say which sequence this is."""
        return (
            f"sequence {number}" if self.layout is None else f"series {self.layout.ids[number]!r}"
        )

    def drop(self, names: list[str]) -> Given:
        """Return this without some columns of its table."""
        return self if self.steps is None else replace(self, steps=self.steps.drop(names))

    def as_it_came(self, values: np.ndarray) -> Any:
        """Return answers of one row a step in the form in which the steps came.

        For a table in the order of its rows, for one array as one array, for a list as a list.
        """
        if self.layout is not None:
            return self.layout.steps_first(values)
        if self.box:
            return values.reshape(len(self), -1, *values.shape[1:])
        return np.split(values, self.starts[1:-1])


def read_sequences(estimator: Any, X: Any) -> Given:
    """Bring sequences into one shape.

    Parameters
    ----------
    estimator : estimator
        Its `sequence_id`, `order_by` and `sort` say how a table is read.

    Raises
    ------
    DataError
        There are none, one has no steps, or a value is not finite; of a table, an order that is
        none. The message names series and step.
    ShapeError
        A step has another width than the others.
    SettingError
        A table came, and no column is known to tell series apart.
    """
    if isinstance(X, Mapping) or hasattr(X, "collect_schema") or hasattr(X, "columns"):
        return _from_table(estimator, X)
    if not hasattr(X, "__len__") or isinstance(X, str | bytes):
        raise ShapeError(
            f"Sequences must come as a list of (steps, features) arrays, one array (sequences, "
            f"steps, features), or a table, but {type(X).__name__} came."
        )
    try:
        found = Sequences.of(X, np.float64)
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError | ShapeError):
            raise
        raise DataError(f"Sequences must hold numbers, but: {_culprit(X) or error}.") from error
    check_finite_steps(found, found.values, "X")
    if not found.shape[1]:
        raise ShapeError("Sequences need at least one feature a step, but they have none.")
    box = isinstance(X, np.ndarray) and X.ndim == 3
    return Given(found.starts, values=found.values, box=box)


def _culprit(X: Any) -> str:
    """Say which sequence cannot be read as numbers, and why."""
    for number, part in enumerate(X):
        try:
            np.asarray(part, dtype=np.float64)
        except (TypeError, ValueError) as error:
            return f"sequence {number}: {error}"
    return ""


def _from_table(estimator: Any, X: Any) -> Given:
    from clearprop.tables import as_frame, series_of
    from clearprop.tables.wording import listed

    frame = as_frame(X)
    if estimator.sequence_id is None:
        raise SettingError(
            f"A table came, but not which of its columns says what series a row belongs to. Name "
            f"it: {type(estimator).__name__}(sequence_id=…, order_by=…). The table has "
            f"{listed(frame.columns, 12)}."
        )
    layout = series_of(frame, estimator.sequence_id, estimator.order_by, sort=bool(estimator.sort))
    steps = frame[layout.rows].drop(layout.columns)
    return Given(layout.starts, steps=steps, layout=layout)
