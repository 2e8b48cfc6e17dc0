"""Arrays as matrices in formulas, and what of a wide layer is shown.

A layer of up to `ROOM` units is shown whole. A wider one is folded: its first unit, the most
important ones and its last stand in their order, with ⋯ and ⋮ for those between. Where the order
does not matter, as in a sum, the largest come first and the rest is one number.

Public names: `Fold`, `by_sign`, `column`, `fold`, `leading`, `line`, `matrix`, `numbered`.
May import: `formulas`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.explanation.formulas import Formula, Grid, Number, Sign

# units of a layer that is shown whole
ROOM = 8
# units that are shown of a wider one
FOLDED = 5

Role = str | Callable[[float], str]


@dataclass(frozen=True)
class Fold:
    """Which of the units of a layer (samples of a batch, terms of a sum) are shown.

    Attributes
    ----------
    count : int
        How many there are.
    shown : tuple of int
        Those shown, counted from 0, in ascending order.
    """

    count: int
    shown: tuple[int, ...]

    @property
    def hidden(self) -> int:
        """How many are left out."""
        return self.count - len(self.shown)

    @property
    def places(self) -> tuple[int | None, ...]:
        """What is shown, with None where some are left out."""
        places: list[int | None] = []
        after = 0
        for unit in self.shown:
            places += [None, unit] if unit > after else [unit]
            after = unit + 1
        return tuple(places if after == self.count else [*places, None])

    def labels(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the name of each place, out of the names of all units."""
        return tuple("" if place is None else names[place] for place in self.places)


def fold(sizes: Any, always: Iterable[int] = (), *, room: int = ROOM, folded: int = FOLDED) -> Fold:
    """Choose what is shown: all of up to `room`, else the first, the largest and the last.

    Parameters
    ----------
    sizes : (count,) array
        How important each is; the sign does not matter, and what is not finite comes first.
    always : iterable of int
        What is shown in any case, such as the unit that a page is about.
    room, folded : int
        Up to so many are shown whole; so many of more.
    """
    sizes = _absolute(sizes)
    count = len(sizes)
    if count <= room:
        return Fold(count, tuple(range(count)))
    kept = dict.fromkeys([0, count - 1, *always])
    for unit in np.argsort(-sizes, kind="stable"):
        if len(kept) >= folded:
            break
        kept[int(unit)] = None
    return Fold(count, tuple(sorted(kept)))


def leading(
    sizes: Any, always: Iterable[int] = (), *, room: int = ROOM, folded: int = FOLDED
) -> tuple[int, ...]:
    """Return the summands to write out: all of up to `room` in their order, else the largest first.

    Those in `always` are among them; the others are meant to be summed in one number.
    """
    sizes = _absolute(sizes)
    if len(sizes) <= room:
        return tuple(range(len(sizes)))
    order = [int(place) for place in np.argsort(-sizes, kind="stable")]
    wanted = set(always)
    kept = wanted | set([place for place in order if place not in wanted][: folded - len(wanted)])
    return tuple(place for place in order if place in kept)


def _absolute(sizes: Any) -> np.ndarray:
    sizes = np.abs(np.asarray(sizes, dtype=np.float64))
    return np.where(np.isfinite(sizes), sizes, np.inf)


def by_sign(value: float) -> str:
    """Return the role of a weight: its sign."""
    return "negative" if value < 0 else "positive"


def matrix(
    values: np.ndarray,
    rows: Fold,
    columns: Fold,
    *,
    key: Callable[[int, int], str] = lambda row, place: "",
    role: Role = "",
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
) -> Grid:
    """Return an array as a folded matrix.

    Parameters
    ----------
    values : (rows.count, columns.count) array
    rows, columns : Fold
    key : callable
        Gives the key of the cell of a row and a column.
    role : str or callable
        Of all cells, or a function of a cell's value.
    row_labels, column_labels : sequence of str
        Names of all rows and columns; none where empty.
    """

    def cell(row: int | None, place: int | None) -> Formula:
        if row is None or place is None:
            return Sign(_gap(row, place), role="muted")
        value = float(values[row, place])
        return Number(value, role=role(value) if callable(role) else role, key=key(row, place))

    return Grid(
        tuple(tuple(cell(row, place) for place in columns.places) for row in rows.places),
        rows.labels(row_labels) if row_labels else (),
        columns.labels(column_labels) if column_labels else (),
    )


def _gap(row: int | None, place: int | None) -> str:
    if row is None and place is None:
        return "⋱"
    return "⋮" if row is None else "⋯"


_ONE = Fold(1, (0,))


def column(
    values: np.ndarray,
    units: Fold,
    *,
    key: Callable[[int], str] = lambda unit: "",
    role: Role = "",
    labels: Sequence[str] = (),
) -> Grid:
    """Return a vector as a folded column; `labels` name all its entries."""
    return matrix(
        np.asarray(values)[:, None],
        units,
        _ONE,
        key=lambda unit, _: key(unit),
        role=role,
        row_labels=labels,
    )


def line(
    values: np.ndarray,
    units: Fold,
    *,
    key: Callable[[int], str] = lambda unit: "",
    role: Role = "",
    labels: Sequence[str] = (),
) -> Grid:
    """Return a vector as a folded row; `labels` name all its entries."""
    return matrix(
        np.asarray(values)[None, :],
        _ONE,
        units,
        key=lambda _, unit: key(unit),
        role=role,
        column_labels=labels,
    )


def numbered(letter: str, layer: int) -> Callable[..., str]:
    """Return the function that gives keys: `numbered("w", 1)(0, 2)` is `w1.0.2`."""
    return lambda *places: ".".join([f"{letter}{layer}", *map(str, places)])
