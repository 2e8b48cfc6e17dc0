"""Streamed statistics against NumPy's of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearprop.tables.summaries import LevelCounts, Moments, Sample, row_keys


def test_row_keys_are_splitmix64():
    # The first outputs of SplitMix64 seeded with 0, as published with the generator.
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert row_keys(0, 3).tolist() == expected
    assert row_keys(1, 2).tolist() == expected[1:]


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-1e6, 1e6), max_size=8), min_size=1, max_size=6))
def test_moments_of_chunks_are_those_of_the_whole(chunks):
    whole = np.array([v for chunk in chunks for v in chunk])
    moments, back = Moments(), Moments()
    for chunk in chunks:
        moments.update(np.array(chunk, dtype=float))
    for chunk in reversed(chunks):
        part = Moments()
        part.update(np.array(chunk, dtype=float))
        back.merge(part)
    for summary in (moments, back):
        assert summary.count == len(whole)
        if len(whole):
            size = np.abs(whole).max()
            assert summary.mean == pytest.approx(whole.mean(), abs=1e-13 * size)
            assert summary.minimum == whole.min()
            assert summary.maximum == whole.max()
            assert summary.deviations == pytest.approx(
                whole.var() * len(whole), abs=1e-13 * size**2 * len(whole)
            )


def test_moments_do_not_cancel():
    # Sums of squares would lose all digits of this variance, which is 2/3.
    moments = Moments()
    for value in (1e9, 1e9 + 1, 1e9 + 2):
        moments.update(np.array([value]))
    assert moments.scale == pytest.approx(np.sqrt(2 / 3), rel=1e-12)


def test_scale_of_tiny_and_constant_values():
    moments = Moments()
    moments.update(np.array([0.1, 0.1, 0.1]))
    assert moments.constant
    assert moments.scale == 1.0
    moments = Moments()
    moments.update(np.array([1e-200, 3e-200]))
    assert moments.scale == 2e-200


def test_sample_is_exact_up_to_its_size():
    values = np.random.default_rng(1).normal(size=100)
    sample = Sample(100)
    sample.update(row_keys(0, 100), values)
    assert sample.exact
    fractions = (0.25, 0.5, 0.9)
    assert sample.quantiles(fractions) == tuple(np.quantile(values, fractions))


def test_sample_keeps_the_rows_of_the_smallest_keys_whatever_the_chunks():
    n, size = 1000, 64
    values, keys = np.random.default_rng(2).normal(size=n), row_keys(0, n)
    expected = np.median(values[np.argsort(keys)[:size]])
    for cuts in ([], [500], list(range(7, n, 7)), [10, 999]):
        parts = np.split(np.arange(n), cuts)
        sample, merged = Sample(size), Sample(size)
        for part in parts:
            sample.update(keys[part], values[part])
        for part in reversed(parts):
            one = Sample(size)
            one.update(keys[part], values[part])
            merged.merge(one)
        for s in (sample, merged):
            assert not s.exact
            assert s.seen == n
            assert s.quantiles((0.5,)) == (expected,)


def test_sampled_quantiles_are_near_the_true_ones():
    values = np.random.default_rng(3).normal(size=200_000)
    sample = Sample(20_000)
    sample.update(row_keys(0, len(values)), values)
    # Standard error of a normal sample's median: 1.2533 / sqrt(20000) = 0.0089.
    assert abs(sample.quantiles((0.5,))[0]) < 4 * 0.0089


def test_level_counts():
    import polars as pl

    counts = LevelCounts()
    counts.update(pl.Series(["b", None, "a", "b"]), 0)
    other = LevelCounts()
    other.update(pl.Series(["c", "a", "c"]), 10)
    counts.merge(other)
    assert counts.by_frequency().rows() == [("a", 2, 2), ("b", 2, 0), ("c", 2, 10)]
