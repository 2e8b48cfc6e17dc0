"""The fitted encoding does not depend on how the rows came."""

import dataclasses
import datetime
import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearprop.errors import DataError, SettingError
from clearprop.tables import (
    EncoderFitting,
    EncoderOptions,
    NumberColumn,
    TableEncoder,
)

OPTIONS = EncoderOptions(max_levels=3, quantile_rows=16)


def _table(seed, n):
    rng = np.random.default_rng(seed)

    def holed(values):
        return [None if gone else v for v, gone in zip(values, rng.random(n) < 0.1, strict=True)]

    start = datetime.datetime(2020, 1, 1)
    steps = rng.integers(0, 10**6, n).tolist()
    numbers = holed(rng.normal(5, 2, n).round(2).tolist())
    return pl.DataFrame(
        {
            "number": pl.Series(numbers, dtype=pl.Float64),
            "text_number": pl.Series([None if v is None else f" {v}" for v in numbers]),
            "copy": pl.Series(numbers, dtype=pl.Float64),
            "category": pl.Series(holed(rng.choice(list("abcdef"), n).tolist()), dtype=pl.String),
            "flag": pl.Series(holed((rng.random(n) < 0.5).tolist()), dtype=pl.Boolean),
            "date": pl.Series(
                holed([start + datetime.timedelta(minutes=s) for s in steps]),
                dtype=pl.Datetime("us"),
            ),
            "iso": pl.Series([str(start + datetime.timedelta(days=s % 90)) for s in steps]),
        }
    )


def _assert_alike(left: TableEncoder, right: TableEncoder):
    """Equal in everything; means and scales up to rounding."""
    assert left.feature_names == right.feature_names
    for a, b in zip(left.columns, right.columns, strict=True):
        for one, other in zip(_leaves(a), _leaves(b), strict=True):
            assert one == (pytest.approx(other, rel=1e-9, abs=1e-9) if _is_float(other) else other)


def _is_float(value):
    return isinstance(value, float)


def _leaves(record):
    for value in dataclasses.astuple(record):
        if isinstance(value, tuple):
            for item in value:
                yield from item if isinstance(item, tuple) else (item,)
        else:
            yield value


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(3, 60),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    shuffle=st.randoms(use_true_random=False),
)
def test_chunks_in_any_order_and_merges_fit_alike(seed, n, cuts, shuffle):
    frame = _table(seed, n)
    whole = TableEncoder.fit(frame, OPTIONS)
    edges = [0, *sorted(min(cut, n) for cut in cuts), n]
    chunks = [(a, frame[a:b]) for a, b in itertools.pairwise(edges)]

    inorder = EncoderFitting(OPTIONS)
    for _, chunk in chunks:
        inorder.update(chunk)
    _assert_alike(inorder.finish(), whole)

    shuffle.shuffle(chunks)
    anyhow, merged = EncoderFitting(OPTIONS), EncoderFitting(OPTIONS)
    for start, chunk in chunks:
        anyhow.update(chunk, first_row=start)
        part = EncoderFitting(OPTIONS)
        part.update(chunk, first_row=start)
        merged.merge(part)
    _assert_alike(anyhow.finish(), whole)
    _assert_alike(merged.finish(), whole)
    assert merged.rows == n


def test_quantiles_say_whether_they_are_exact():
    values = np.arange(1000.0)
    for size, exact in ((1000, True), (999, False)):
        options = EncoderOptions(quantile_rows=size)
        (column,) = TableEncoder.fit(pl.DataFrame({"x": values}), options).columns
        assert isinstance(column, NumberColumn)
        assert column.quantiles_exact is exact
        quartiles = (column.lower_quartile, column.median, column.upper_quartile)
        assert quartiles == pytest.approx((249.75, 499.5, 749.25), abs=0 if exact else 1.0)


def test_a_chunk_of_missing_values_fits_any_kind():
    fitting = EncoderFitting()
    for chunk in ([None, None], ["?", None], [1.5, 2.5]):
        fitting.update(pl.DataFrame({"x": chunk}))
    (column,) = fitting.finish().columns
    assert isinstance(column, NumberColumn)
    assert (column.mean, column.missing_seen) == (2.0, True)


def test_a_value_that_is_infinite_late_is_named_by_its_row_in_the_table():
    fitting = EncoderFitting()
    fitting.update(pl.DataFrame({"x": [1.0] * 100}))
    with pytest.raises(DataError, match="in row 102"):
        fitting.update(pl.DataFrame({"x": [1.0, np.inf]}))


def test_chunks_that_do_not_fit_together():
    fitting = EncoderFitting()
    fitting.update(pl.DataFrame({"x": [1, 2], "y": [1, 2]}))
    with pytest.raises(DataError, match="'y' are missing and 'z' are new"):
        fitting.update(pl.DataFrame({"x": [1], "z": [1]}))
    with pytest.raises(DataError, match=r"'x' held values of kind number.*text"):
        fitting.update(pl.DataFrame({"x": ["a"], "y": [1]}))
    other = EncoderFitting()
    other.update(pl.DataFrame({"x": [True], "y": [1]}))
    with pytest.raises(DataError, match=r"'x' held values of kind number.*boolean"):
        fitting.merge(other)
    with pytest.raises(SettingError, match="options"):
        fitting.merge(EncoderFitting(OPTIONS))
    with pytest.raises(DataError, match="at least one row"):
        EncoderFitting().finish()


def test_near_duplicates_are_not_duplicates():
    x = [0.0, 1.0] * 250
    swapped = [*x[:3], x[4], x[3], *x[5:]]
    gone = [None if i == 7 else v for i, v in enumerate(x)]
    minus = [-v for v in x]
    encoder = TableEncoder.fit(
        pl.DataFrame({"x": x, "swapped": swapped, "gone": gone, "minus": minus})
    )
    assert encoder.used_columns == ("x", "swapped", "gone", "minus")


def test_numbers_as_text_fit_as_numbers():
    number, text, *_ = TableEncoder.fit(_table(4, 50).drop("copy")).columns
    assert isinstance(number, NumberColumn)
    assert number.missing_seen
    _assert_alike(
        TableEncoder((dataclasses.replace(number, name="text_number"),)), TableEncoder((text,))
    )
