"""Folds: every row once, classes in their shares, groups together, time going on."""

from __future__ import annotations

import numpy as np
import pytest

from clearprop.errors import DataError, SettingError
from clearprop.tables import fold_rows


def test_every_row_is_held_out_once_and_classes_keep_their_shares():
    classes = np.repeat(["a", "b", "c"], [50, 20, 7])
    folds = fold_rows(77, folds=5, seed=3, strata=classes)
    held = np.concatenate([test for _, test in folds])
    assert sorted(held.tolist()) == list(range(77))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(77))
        assert np.sum(classes[test] == "a") == 10
        assert np.sum(classes[test] == "b") == 4
        assert np.sum(classes[test] == "c") in (1, 2)
        assert len(test) in (15, 16)
    again = fold_rows(77, folds=5, seed=3, strata=classes)
    other = fold_rows(77, folds=5, seed=4, strata=classes)
    assert all((a[1] == b[1]).all() for a, b in zip(folds, again, strict=True))
    assert any(a[1].tolist() != b[1].tolist() for a, b in zip(folds, other, strict=True))


def test_a_class_of_one_row_is_in_every_training():
    classes = np.array([0] * 9 + [1])
    for train, _ in fold_rows(10, folds=3, seed=0, strata=classes):
        assert 9 in train


def test_groups_are_in_one_fold_and_share_the_classes_out():
    groups = np.repeat(np.arange(12), 5)
    classes = groups % 2
    for train, test in fold_rows(60, folds=3, seed=0, strata=classes, groups=groups):
        assert not set(groups[train]) & set(groups[test])
        assert classes[test].mean() == 0.5
        assert len(test) == 20


def test_with_time_the_held_out_rows_are_later_than_those_learned_from():
    time = np.random.default_rng(0).permutation(40) // 2
    folds = fold_rows(40, folds=4, seed=0, time=time)
    assert [len(train) for train, _ in folds] == [20, 24, 30, 34]
    for train, test in folds:
        assert time[train].max() < time[test].min()
    assert sorted(np.concatenate([test for _, test in folds])) == sorted(np.flatnonzero(time >= 10))


@pytest.mark.parametrize(
    ("wish", "error", "part"),
    [
        ({"folds": 1}, SettingError, "2 folds or more"),
        ({"folds": 11}, DataError, "at least 11 rows"),
        ({"folds": 3, "groups": [0] * 5 + [1] * 5}, DataError, "2 groups"),
        ({"folds": 3, "time": [0] * 5 + [1] * 5}, DataError, "2 distinct times"),
        ({"folds": 2, "time": [0] * 10, "groups": [0] * 10}, SettingError, "not both"),
        ({"folds": 2, "strata": list(range(10))}, DataError, "two rows or more"),
    ],
)
def test_folds_that_cannot_be_had(wish, error, part):
    with pytest.raises(error, match=part):
        fold_rows(10, seed=0, **wish)
