"""Folding: what of a wide layer is shown, and where the gaps are."""

from __future__ import annotations

import numpy as np
import pytest

from clearprop.explanation.formulas import Number, Sign
from clearprop.explanation.matrices import (
    Fold,
    by_sign,
    column,
    fold,
    leading,
    line,
    matrix,
    numbered,
)


def test_a_narrow_layer_is_whole():
    units = fold(np.arange(8))
    assert units.shown == tuple(range(8))
    assert units.hidden == 0
    assert units.places == units.shown


def test_a_wide_layer_shows_its_first_its_largest_and_its_last():
    sizes = np.zeros(20)
    sizes[[3, 4, 11]] = 5, -7, 6
    units = fold(sizes)
    assert units.shown == (0, 3, 4, 11, 19)
    assert units.places == (0, None, 3, 4, None, 11, None, 19)
    assert units.hidden == 15


def test_what_is_asked_for_takes_a_place():
    sizes = np.zeros(20)
    sizes[[3, 4, 11]] = 5, -7, 6
    assert fold(sizes, [15]).shown == (0, 4, 11, 15, 19)


def test_what_is_not_finite_comes_first():
    sizes = np.arange(20.0)
    sizes[[2, 5, 6]] = np.nan, np.inf, -np.inf
    assert fold(sizes).shown == (0, 2, 5, 6, 19)


def test_a_gap_at_the_end():
    assert Fold(9, (0, 1)).places == (0, 1, None)


def test_leading_summands():
    assert leading([1, 5, 3]) == (0, 1, 2)
    sizes = [1, -9, 3, 4, 8, 2, 7, 6, 5]
    assert leading(sizes) == (1, 4, 6, 7, 8)
    # index 0 is small but wanted; four places are left
    assert leading(sizes, [0]) == (1, 4, 6, 7, 0)
    assert leading(sizes, room=4, folded=2) == (1, 4)


def test_cells_know_their_numbers():
    values = np.arange(90.0).reshape(10, 9) - 40
    rows, columns = fold(np.arange(10), folded=3), fold(np.arange(9), folded=3)
    grid = matrix(
        values,
        rows,
        columns,
        key=numbered("w", 2),
        role=by_sign,
        row_labels=[f"h{unit}" for unit in range(10)],
        column_labels=[f"x{unit}" for unit in range(9)],
    )
    assert rows.places == (0, None, 8, 9)
    assert columns.places == (0, None, 7, 8)
    assert grid.row_labels == ("h0", "", "h8", "h9")
    assert grid.column_labels == ("x0", "", "x7", "x8")
    assert grid.rows[0][0] == Number(-40.0, role="negative", key="w2.0.0")
    assert grid.rows[2][3] == Number(40.0, role="positive", key="w2.8.8")
    gaps = [grid.rows[0][1], grid.rows[1][0], grid.rows[1][1]]
    assert gaps == [Sign(text, role="muted") for text in "⋯⋮⋱"]


@pytest.mark.parametrize("shape", ["column", "line"])
def test_vectors(shape):
    units = fold(np.ones(3))
    build = column if shape == "column" else line
    grid = build(np.array([1.0, 2.0, 3.0]), units, key=numbered("a", 0), labels=list("pqr"))
    cells = [cell for row in grid.rows for cell in row]
    assert len(grid.rows) == (3 if shape == "column" else 1)
    assert [cell.value for cell in cells] == [1, 2, 3]
    assert [cell.key for cell in cells] == ["a0.0", "a0.1", "a0.2"]
    assert (grid.row_labels or grid.column_labels) == ("p", "q", "r")
