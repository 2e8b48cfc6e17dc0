"""Rows are held out as promised."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearprop.errors import DataError, SettingError, ShapeError
from clearprop.tables import split_rows


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 99),
)
def test_classes_keep_their_shares(sizes, fraction, seed):
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    n = len(classes)
    if n < 2 or max(sizes) == 1:
        with pytest.raises(DataError):
            split_rows(n, fraction=fraction, seed=seed, strata=classes)
        return
    train, test = split_rows(n, fraction=fraction, seed=seed, strata=classes)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(n))
    held = min(max(round(n * fraction), 1), n - 1)
    room = n - len(sizes)  # every class keeps a row for training
    assert len(test) == min(held, room)
    counts = np.bincount(classes[test], minlength=len(sizes))
    assert np.all(counts <= np.array(sizes) - 1)
    if held <= room and min(sizes) * (1 - fraction) > 2:
        assert np.all(np.abs(counts - np.array(sizes) * held / n) < 1)


def test_largest_remainders_by_hand():
    # 3 of 10 rows: shares 1.8, 0.9 and 0.3 go to 2, 1 and 0.
    classes = np.array(list("aaaaaabbbc"))
    for seed in range(5):
        _, test = split_rows(10, fraction=0.3, seed=seed, strata=classes)
        assert sorted(classes[test]) == ["a", "a", "b"]


def test_seeds():
    first = split_rows(100, fraction=0.2, seed=1)
    again = split_rows(100, fraction=0.2, seed=1)
    other = split_rows(100, fraction=0.2, seed=2)
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])
    assert len(first[1]) == 20
    assert np.all(np.diff(first[0]) > 0)
    # Philox and the shuffle are fixed by NumPy: a seed means the same rows on every machine.
    order = np.random.Generator(np.random.Philox(1)).permutation(100)
    np.testing.assert_array_equal(first[1], np.sort(order[:20]))


def test_every_row_is_held_out_as_often():
    counts = np.zeros(20)
    for seed in range(400):
        counts[split_rows(20, fraction=0.25, seed=seed)[1]] += 1
    # 100 expected, standard deviation sqrt(400 · 0.25 · 0.75) = 8.7.
    assert np.all(np.abs(counts - 100) < 4 * 8.7)


def test_groups_stay_together():
    groups = np.repeat([f"g{i}" for i in range(50)], np.arange(50) % 4 + 1)
    n = len(groups)
    for seed in range(5):
        train, test = split_rows(n, fraction=0.3, seed=seed, groups=groups)
        assert not set(groups[train]) & set(groups[test])
        assert abs(len(test) - 0.3 * n) <= 4
        assert len(train) + len(test) == n


def test_groups_with_classes_keep_shares():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 2000)
    classes = (groups % 4 == 0).astype(int)
    _, test = split_rows(2000, fraction=0.25, seed=3, groups=groups, strata=classes)
    for c in (0, 1):
        total = np.count_nonzero(classes == c)
        assert abs(np.count_nonzero(classes[test] == c) - 0.25 * total) < 0.02 * total


def test_a_group_is_held_out_if_that_comes_nearer_to_the_share():
    # Of 10 rows 5 are wanted: whichever group comes first, of 6 or of 4, is nearer than none.
    groups = np.repeat([0, 1], [6, 4])
    held = {len(split_rows(10, fraction=0.5, seed=s, groups=groups)[1]) for s in range(20)}
    assert held == {4, 6}


def test_two_groups_of_any_size():
    for groups in ([0, 0, 0, 1], [0, 1, 1, 1]):
        train, test = split_rows(4, fraction=0.25, seed=0, groups=groups)
        assert len(train) == 3
        assert len(test) == 1


def test_later_rows_are_held_out_and_ties_kept():
    times = [3, 1, 2, 3, 1, 2, 3, 0, 0, 2]  # 0 0 | 1 1 | 2 2 2 | 3 3 3
    train, test = split_rows(10, fraction=0.4, seed=0, time=times)
    assert test.tolist() == [0, 3, 6]
    train, test = split_rows(10, fraction=0.5, seed=0, time=times)
    assert sorted(np.array(times)[test]) == [2, 2, 2, 3, 3, 3]
    assert len(train) == 4


@pytest.mark.parametrize(
    "times",
    [
        ["2020-01-09", "2020-01-10T00:30", "2019-12-31"],
        [datetime.date(2020, 1, 9), datetime.date(2020, 1, 10), datetime.date(2019, 12, 31)],
        pl.Series(["9", "10", "8"]),
        np.array([0.5, 1.5, -3.0]),
    ],
)
def test_times_of_all_kinds(times):
    train, test = split_rows(3, fraction=0.3, seed=0, time=times)
    assert test.tolist() == [1]
    assert train.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("n", "options", "error", "words"),
    [
        (1, {}, DataError, "at least 2 rows"),
        (10, {"fraction": 1.0}, SettingError, "between 0 and 1"),
        (3, {"groups": ["a"] * 3}, DataError, "one group"),
        (3, {"time": [1, 1, 1]}, DataError, "same time"),
        (3, {"time": ["x", "y", "z"]}, DataError, "'x'"),
        (3, {"time": [1.0, np.nan, 2.0]}, DataError, "row 2"),
        (3, {"time": ["2020-01-01", "?", "2020-01-02"]}, DataError, "row 2"),
        (3, {"groups": [1, None, 2]}, DataError, "row 2"),
        (3, {"strata": [1, 2]}, ShapeError, "3 rows; got 2"),
        (3, {"strata": [1, 2, 3]}, DataError, "single row"),
        (3, {"time": [1, 2, 3], "groups": [1, 2, 3]}, SettingError, "not both"),
    ],
)
def test_what_cannot_be_divided(n, options, error, words):
    with pytest.raises(error, match=words):
        split_rows(n, **{"fraction": 0.3, "seed": 0, **options})
