"""A step's parts: which product is which, and how they stand beside the whole."""

from __future__ import annotations

import pytest
from benchmarks.problems import Case, multiplications

from benchmarks import profile

CASE = Case((2, 3, 4), 5, 2)
PARTS = ["gather", "z", "a", "z", "a", "loss", "bp3", "bp4", "delta", "bp3", "bp4", "update"]
LAYERS = [0, 1, 1, 2, 2, 0, 2, 2, 1, 1, 1, 0]


@pytest.fixture
def record():
    """Three turns in which every part takes 1, 3 and 2 µs."""
    turns = [
        (13e-6, [(p, layer, us * 1e-6) for p, layer in zip(PARTS, LAYERS, strict=True)])
        for us in (1, 3, 2)
    ]
    return profile._record(CASE, turns, "threads 1")


def test_medians_add_up_and_every_multiplication_is_somebodys(record):
    assert record["sum"] == pytest.approx(12 * 2e-6)
    assert record["step"] == 13e-6
    assert sum(part["multiplications"] for part in record["parts"]) == multiplications(CASE)
    before = next(part for part in record["parts"] if part["part"] == "delta")
    assert before["multiplications"] == 5 * 4 * 3  # δ of layer 2 times its weights


def test_tables_show_sums_by_kind_and_the_whole(record):
    whole, parts = profile.tables({"cases": [record]})
    # one gathering, five products, five passes over vectors, one update, of 2 µs each
    assert whole.rows == [["2-3-4 b5", "2.00", "10.0", "10.0", "2.00", "24.0", "13.0", "1.85"]]
    assert parts.rows[1] == ["z = a W + b", "1", "2.00", "8 %", "0.0300"]
    assert parts.rows[-1][2] == "24.0"
