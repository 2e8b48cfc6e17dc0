"""Columns of a table in ONNX: the features of `clearprop.tables`, as nodes.

There is one input a column, of shape (…, 1), as `clearprop.tables.plain_values` gives it: float64
for numbers, booleans (1, 0) and dates (seconds since 1970), NaN where missing; text for categories,
"" where missing. What the tables refuse (a word among numbers, an infinite number) cannot be
refused in a graph: the first has no such input, the second goes on as it is.

Public names: `encoded`, `inputs_of`.
May import: `dates`, `functions`, `graph`, `clearprop.tables`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clearprop.errors import SettingError
from clearprop.interchange.onnx.dates import date_features
from clearprop.interchange.onnx.functions import scalar
from clearprop.interchange.onnx.graph import REAL, TEXT, Graph
from clearprop.tables import (
    BooleanColumn,
    CategoryColumn,
    DateColumn,
    DroppedColumn,
    NumberColumn,
    TableEncoder,
)
from clearprop.tables.columns import UsedColumn
from clearprop.tables.scaling import CLIP, FAR, Scaling
from clearprop.tables.text import MISSING_MARKS

_NOTES = {
    NumberColumn: "a number, NaN where missing",
    BooleanColumn: "1 true, 0 false, NaN missing",
    CategoryColumn: "text without spaces around it, empty where missing",
}


def inputs_of(graph: Graph, encoder: TableEncoder, axes: Sequence[str]) -> None:
    """Add an input for each column that has features, of shape (*axes, 1)."""
    for column in _used(encoder):
        if not column.name:
            raise SettingError(
                "A column of the table has the name '', by which ONNX means that an input is left "
                "out. Rename the column and train again."
            )
        kind = TEXT if isinstance(column, CategoryColumn) else REAL
        graph.input(column.name, kind, [*axes, 1], _note(column))


def encoded(graph: Graph, encoder: TableEncoder, dtype: np.dtype) -> str:
    """Return the features of all columns, (…, width)."""
    features = [part for column in _used(encoder) for part in _features(graph, column)]
    return graph.cast(graph.add("Concat", *features, axis=-1), dtype)


def _used(encoder: TableEncoder) -> list[UsedColumn]:
    return [column for column in encoder.columns if not isinstance(column, DroppedColumn)]


def _note(column: UsedColumn) -> str:
    if isinstance(column, NumberColumn) and column.source != "number":
        return f"a {column.source} in seconds, NaN where missing"
    if not isinstance(column, DateColumn):
        return _NOTES[type(column)]
    clock = "by the calendar" if column.zone is None else "in UTC"
    return f"seconds since 1970-01-01 {clock}, NaN where missing"


def _features(graph: Graph, column: UsedColumn) -> list[str]:
    if isinstance(column, CategoryColumn):
        return [_one_hot(graph, column)]
    missing = graph.add("IsNaN", column.name)
    if isinstance(column, BooleanColumn):
        signs = scalar(graph, "Sub", scalar(graph, "Mul", column.name, 2.0, REAL), 1.0, REAL)
        return [_filled(graph, missing, signs)]
    found = _date(graph, column, missing) if isinstance(column, DateColumn) else []
    if isinstance(column, NumberColumn) and column.varies:
        given = graph.add("Where", missing, graph.constant(column.median, REAL), column.name)
        found.append(_scaled(graph, given, (column.centre, column.scale), column.scaling))
    return [*found, graph.cast(missing, REAL)] if column.missing_seen else found


def _date(graph: Graph, column: DateColumn, missing: str) -> list[str]:
    names = [part.name for part in column.parts]
    values = date_features(graph, column.name, column.zone, names)
    return [
        _filled(graph, missing, _scaled(graph, value, (part.centre, part.scale), column.scaling))
        for part, value in zip(column.parts, values, strict=True)
    ]


def _filled(graph: Graph, missing: str, values: str) -> str:
    return graph.add("Where", missing, graph.constant(0.0, REAL), values)


def _scaled(graph: Graph, x: str, place: tuple[float, float], scaling: Scaling) -> str:
    """Return what `clearprop.tables.scaling.scaled` gives."""
    centre, scale = place
    z = scalar(graph, "Div", scalar(graph, "Sub", x, centre, REAL), scale, REAL)
    if scaling != "robust":
        return z
    far, near = graph.constant(FAR, REAL), graph.constant(-FAR, REAL)
    z = graph.add("Clip", z, near, far)
    ratio = scalar(graph, "Div", z, CLIP, REAL)
    square = scalar(graph, "Add", graph.add("Mul", ratio, ratio), 1.0, REAL)
    return graph.add("Div", z, graph.add("Sqrt", square))


def _one_hot(graph: Graph, column: CategoryColumn) -> str:
    """Look the slot of each text up, and its row of features: (…, 1) → (…, features)."""
    slots = len(column.slots)
    rows = np.array([[-1.0], [1.0]]) if slots == 2 else np.eye(slots)
    table = np.vstack([rows, np.zeros((1, rows.shape[1]))])
    known = len(column.levels)
    places = {level: place for place, level in enumerate(column.levels)}
    for mark in _marks():
        places.setdefault(mark, known + column.other if column.missing_seen else slots)
    place = graph.add_many(
        "LabelEncoder",
        [column.name],
        1,
        domain="ai.onnx.ml",
        keys_strings=list(places),
        values_int64s=list(places.values()),
        default_int64=known if column.other else slots,
    )[0]
    chosen = graph.add("Gather", graph.constant(table, REAL), place, axis=0)
    return graph.squeeze(chosen, -2)


def _marks() -> list[str]:
    """Return what reads as missing, as it is usually written."""
    spelled = [(mark, mark.upper(), mark.capitalize(), mark.title()) for mark in MISSING_MARKS]
    return list(dict.fromkeys([*(word for words in spelled for word in words), "NaN"]))
