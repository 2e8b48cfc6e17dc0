"""What the benchmark counts and computes from measurements, against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.problems import (
    CASES,
    PER_SAMPLE,
    Case,
    Problem,
    forward_multiplications,
    multiplications,
    parameters,
    products,
    update_bytes,
)
from benchmarks.statistics import Spread, log_slope

from benchmarks import growth, limit, memory, targets

SMALL = Case((2, 3, 4), 5, 2)


def test_products_of_a_step_are_the_books():
    assert [tuple(p) for p in products(SMALL)] == [
        ("z", 1, 5, 3, 2),
        ("z", 2, 5, 4, 3),
        ("BP4", 2, 3, 4, 5),
        ("BP2", 2, 5, 3, 4),
        ("BP4", 1, 2, 3, 5),
    ]


def test_multiplications_by_hand():
    # z: 5·2·3 + 5·3·4; BP4: the same; BP2: 5·3·4, and none for the input
    assert multiplications(SMALL) == 2 * (30 + 60) + 60
    assert forward_multiplications(SMALL, 7) == 7 * (6 + 12)


def test_parameters_and_bytes_by_hand():
    # 2·3 + 3 and 3·4 + 4 numbers of four bytes; seven passes of Adam
    assert parameters(SMALL) == 25
    assert update_bytes(SMALL) == 7 * 25 * 4
    assert update_bytes(Case((2, 3, 4), 5, 2, dtype="float64")) == 7 * 25 * 8


def test_memory_that_is_needed_by_hand():
    needed = memory.bound(SMALL, 1000)
    assert needed["data"] == 1000
    assert needed["parameters' state"] == 3 * 25 * 4
    # the gradient; five rows of two inputs, and of z, a and delta of 3 + 4 units
    assert needed["one batch's buffers"] == 25 * 4 + 4 * 5 * (2 + 3 * 7)


def test_slope_of_a_power_law():
    x = [1, 2, 4, 8, 16]
    assert log_slope(x, [3 * v**1.5 for v in x]) == pytest.approx(1.5)


def test_spread_has_the_median_and_quartiles():
    spread = Spread.of([5.0, 1.0, 2.0, 4.0, 3.0])
    assert (spread.low, spread.median, spread.high) == (2.0, 3.0, 4.0)
    assert (spread.least, spread.count) == (1.0, 5)


def test_every_process_draws_the_same_problem():
    one, other = Problem.of(SMALL), Problem.of(SMALL)
    assert one.x.tobytes() == other.x.tobytes()
    assert [w.tobytes() for w in one.weights] == [w.tobytes() for w in other.weights]
    # fewer rows: the same first ones and the same start
    short = Problem.of(SMALL, 3)
    np.testing.assert_array_equal(short.x, one.x[:3])
    np.testing.assert_array_equal(short.weights[0], one.weights[0])


def test_targets_speak_of_cases_that_are_measured():
    assert set(targets.TRAINING) == {case.network for case in CASES}
    assert [case.network for case in PER_SAMPLE][:3] == [case.network for case in CASES][:3]


@pytest.mark.parametrize(("slope", "says"), [(1.0, "as the"), (0.5, "slowly"), (1.4, "faster")])
def test_slopes_are_explained_beside_the_multiplications(slope, says):
    assert says in growth.sentence("width", slope, 1.0, 1.9, 2.0)


def test_shares_of_a_split_add_up():
    assert limit.shares(7, 2) == [4, 3]
    assert limit.shares(8, 3) == [3, 3, 2]


@pytest.mark.parametrize("product", products(SMALL))
def test_limit_multiplies_arrays_of_the_steps_layout(product):
    letters, sizes, _, a, b, c = limit.operands(product)
    left = a.T if letters[0] == ord("T") else a
    right = b.T if letters[1] == ord("T") else b
    assert left.shape == (product.m, product.k)
    assert right.shape == (product.k, product.n)
    assert c.shape == (product.m, product.n)
    assert list(sizes) == [product.m, product.n, product.k, a.shape[1], b.shape[1]]


def test_limit_takes_the_least_median_of_each_product():
    case = Case((2, 3), 1, 1)  # z and BP4
    turns = {
        "one": [[{"a": 3.0}, {"a": 5.0}], [{"a": 9.0}, {"a": 5.0}], [{"a": 4.0}, {"a": 5.0}]],
        "other": [[{"b": 6.0}, {"b": 1.0}]] * 3,
        "memory": [[{"all cores": 0.5}]] * 3,
    }
    reached = limit.summary(case, turns)
    assert [row["seconds"] for row in reached["products"]] == [4.0, 1.0]
    assert [row["by"] for row in reached["products"]] == ["one, a", "other, b"]
    assert reached["seconds"] == 5.5
