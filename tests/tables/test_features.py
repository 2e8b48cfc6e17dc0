"""Which features an encoding has: places, numbers among them, levels that share one."""

import datetime

import numpy as np
import polars as pl
import pytest

from clearprop.errors import SettingError
from clearprop.tables import CategoryColumn, DroppedColumn, EncoderOptions, TableEncoder


def test_places_of_columns_and_of_numbers():
    encoder = TableEncoder.fit(
        pl.DataFrame(
            {
                "flag": [True, False, True],
                "size": [1.0, None, 3.0],
                "same": [1, 1, 1],
                "half": [7, None, 7],
                "kind": ["a", "b", "c"],
                "sold": [datetime.date(2020, 1, d) for d in (1, 2, 3)],
            }
        )
    )
    assert encoder.feature_names == (
        "flag", "size", "size=(missing)", "half=(missing)", "kind=a", "kind=b", "kind=c",
        "sold.day", "sold.weekday_sin", "sold.weekday_cos", "sold.epoch_seconds",
    )  # fmt: skip
    assert encoder.features_of == {
        "flag": range(1),
        "size": range(1, 3),
        "half": range(3, 4),
        "kind": range(4, 7),
        "sold": range(7, 11),
    }
    assert encoder.number_features == (1, 7, 8, 9, 10)


def test_features_that_are_no_numbers_are_few_values():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "x": rng.normal(size=50),
            "c": rng.choice(list("abc"), 50),
            "t": rng.choice(["p", "q"], 50),
            "m": [None if i % 5 else float(i) for i in range(50)],
        }
    )
    encoder = TableEncoder.fit(frame)
    X = encoder.transform(frame)
    others = [i for i in range(encoder.width) if i not in encoder.number_features]
    assert set(np.unique(X[:, others])) == {-1.0, 0.0, 1.0}
    assert [encoder.feature_names[i] for i in encoder.number_features] == ["x", "m"]


def test_many_levels_of_one_row_share_a_feature():
    single = [f"s{i}" for i in range(10)]
    encoder = TableEncoder.fit(pl.DataFrame({"c": ["a", "a", "b", "b", "b", *single]}))
    (column,) = encoder.columns
    assert column == CategoryColumn("c", ("b", "a"), other=True, missing_seen=False)
    rows = encoder.transform(pl.DataFrame({"c": ["b", "s3", "never seen", None]}))
    assert rows.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
    few = TableEncoder.fit(pl.DataFrame({"c": ["a", "a", *single[:9]]}))
    assert len(few.feature_names) == 10
    every = TableEncoder.fit(
        pl.DataFrame({"c": ["a", "a", *single]}), EncoderOptions(rare_levels=11)
    )
    assert len(every.feature_names) == 11
    with pytest.raises(SettingError, match="rare_levels of at least 1; got 0"):
        EncoderOptions(rare_levels=0)


def test_text_of_another_value_in_every_row_tells_only_where_it_is_missing():
    names = [f"name {i}" for i in range(12)]
    frame = pl.DataFrame({"x": range(12), "name": names, "cabin": [*names[:10], None, None]})
    encoder = TableEncoder.fit(frame)
    assert encoder.columns[1] == DroppedColumn("name", "of another value in every row")
    assert encoder.feature_names == ("x", "cabin=(missing)")
    rows = encoder.transform(pl.DataFrame({"x": [1, 2], "cabin": ["new", None]}))
    assert rows[:, 1].tolist() == [-1, 1]


def test_some_rows_of_a_table_are_encoded_as_a_table_of_them():
    rng = np.random.default_rng(2)
    frame = pl.DataFrame({"x": rng.normal(size=300), "c": rng.choice(list("abcdefg"), 300)})
    rows = rng.permutation(300)[:200]
    some = TableEncoder.fit(frame, rows=rows)
    assert some == TableEncoder.fit(frame[rows])
    np.testing.assert_array_equal(some.transform(frame, rows=rows), some.transform(frame[rows]))


def test_a_table_longer_than_a_block_is_encoded_as_its_parts_are():
    rng = np.random.default_rng(1)
    n = 40_000
    frame = pl.DataFrame(
        {"x": rng.normal(size=n), "c": rng.choice(list("abcd"), n), "b": rng.random(n) < 0.5}
    )
    encoder = TableEncoder.fit(frame)
    whole = encoder.transform(frame)
    parts = [encoder.transform(frame[a : a + 999]) for a in range(0, n, 999)]
    np.testing.assert_array_equal(whole, np.vstack(parts))
    values = frame["x"].to_list()
    values[39_000] = np.inf
    with pytest.raises(Exception, match="row 39001"):
        encoder.transform(frame.with_columns(x=pl.Series(values)))
