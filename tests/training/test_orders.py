"""Orders of an epoch: batches of similar length."""

import numpy as np
import pytest

from clearprop.errors import SettingError
from clearprop.training import ByLength

LENGTHS = np.random.default_rng(0).integers(1, 60, 103)


def batches(order, size):
    return [order[start : start + size] for start in range(0, len(order), size)]


def test_every_row_comes_once_and_epochs_differ():
    orders = ByLength(LENGTHS, 8, seed=5)
    first, second = orders.order(0, 103), orders.order(1, 103)
    assert sorted(first) == sorted(second) == list(range(103))
    assert (first != second).any()
    # nothing is remembered: an epoch can be asked for again, alone
    assert np.array_equal(ByLength(LENGTHS, 8, seed=5).order(1, 103), second)
    assert not np.array_equal(ByLength(LENGTHS, 8, seed=6).order(1, 103), second)


def test_one_window_holds_neighbours_by_length():
    order = ByLength(LENGTHS, 8, batches=100).order(3, 103)
    whole = batches(order, 8)[:-1]
    sorted_lengths = np.sort(LENGTHS)[::-1]
    expected = sorted(tuple(sorted_lengths[k : k + 8]) for k in range(0, 96, 8))
    assert sorted(tuple(LENGTHS[batch]) for batch in whole) == expected
    # the rest, the shortest seven, stays the last batch
    assert sorted(LENGTHS[order[96:]]) == sorted(sorted_lengths[96:])


def test_batches_are_narrower_than_those_of_a_plain_shuffle():
    def steps(orders):
        # what a batch takes is its longest sequence
        found = [batches(orders.order(epoch, 103), 8) for epoch in range(20)]
        return sum(LENGTHS[batch].max() for epoch in found for batch in epoch)

    plain, bucketed = steps(ByLength(LENGTHS, 8, batches=1)), steps(ByLength(LENGTHS, 8))
    assert bucketed < 0.75 * plain


def test_who_meets_whom_changes_and_batches_are_in_no_order_of_length():
    orders = ByLength(LENGTHS, 8, batches=4)
    together = [{frozenset(b) for b in batches(orders.order(e, 103), 8)} for e in range(2)]
    assert len(together[0] & together[1]) == 0
    longest = [LENGTHS[b].max() for b in batches(orders.order(0, 103), 8)]
    assert longest != sorted(longest, reverse=True)


def test_only_the_places_are_visited():
    places = np.arange(50, 81)
    order = ByLength(LENGTHS, 8, places=places).order(0, 103)
    assert sorted(order) == list(places)
    assert np.array_equal(places, np.arange(50, 81))


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"batch_size": 4, "batches": 0}])
def test_sizes_below_one(wrong):
    with pytest.raises(SettingError, match="must be at least 1, but 0 came"):
        ByLength(LENGTHS, **wrong)
