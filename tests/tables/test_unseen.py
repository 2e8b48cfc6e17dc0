"""New rows as people bring them: other values, other types, other columns; never silently wrong."""

import datetime
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from clearprop.errors import DataError
from clearprop.tables import EncoderOptions, TableEncoder, Unseen, as_frame


def _fit(columns, **options):
    return TableEncoder.fit(pl.DataFrame(columns), EncoderOptions(**options))


def _encode(encoder, columns):
    return encoder.transform(as_frame(columns), np.float64).tolist()


MIXED = {
    "x": [0.0, 1.0, 5.0],
    "gaps": [1.0, None, 2.0],
    "c": ["a", "b", "c"],
    "two": ["p", "q", "p"],
    "b": [True, False, True],
    "d": [datetime.date(2020, 1, d) for d in (1, 2, 3)],
}


def test_counts_of_what_training_had_not():
    encoder = _fit(MIXED)
    rows = {
        "x": [None, 1.0, float("nan"), 2.0],
        "gaps": [None, None, 1.0, 2.0],
        "c": ["new", " a ", "other", "new"],
        "two": ["?", "p", None, "r"],
        "b": [None, True, True, False],
        "d": [None, None, None, datetime.date(2020, 1, 1)],
    }
    frame = pl.DataFrame(rows)
    told = encoder.unseen_values(frame)
    assert told == (
        Unseen("x", missing=2),
        Unseen("c", 3, ("new", "other")),
        Unseen("two", 1, ("r",), 2),
        Unseen("b", missing=1),
        Unseen("d", missing=3),
    )
    assert encoder.unseen(frame) == {"x": 2, "c": 3, "two": 3, "b": 1, "d": 3}
    assert json.loads(json.dumps(told[2].to_document())) == {
        "column": "two", "categories": 1, "examples": ["r"], "missing": 2
    }  # fmt: skip
    known = frame[:0]
    assert encoder.unseen_values(known) == ()


def test_where_rare_levels_share_a_feature_nothing_is_unseen_but_what_is_missing():
    encoder = _fit({"c": ["a"] * 3 + ["b"] * 2 + ["d", "c"]}, max_levels=2)
    assert encoder.unseen(pl.DataFrame({"c": ["new", "d", None, "?"]})) == {"c": 2}


def test_a_value_means_the_same_whatever_rows_are_beside_it():
    encoder = _fit({"code": ["7", "8", "8.5", "x", "x"]})
    assert encoder.feature_names == ("code=x", "code=7", "code=8", "code=8.5")
    whole = _encode(encoder, {"code": [7.0, 8.0, 8.5]})
    assert whole == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert [_encode(encoder, {"code": [value]})[0] for value in (7.0, 8.0, 8.5)] == whole


@pytest.mark.parametrize(
    ("levels", "given", "read"),
    [
        (["007", "08", "x"], [7, 8, 9], ["007", "08", None]),
        (["007", "7", "x"], [7, 7, 7], ["7", "7", "7"]),
        (["0.1", "1.0", "x"], pl.Series([0.1, 1, None], dtype=pl.Float32), ["0.1", "1.0", None]),
        (["true", "false", "x"], [True, False, None], ["true", "false", None]),
        (["yes", "no", "x"], [True, False, None], ["yes", "no", None]),
        (["a", "b", "c"], [True, False, None], [None, None, None]),
        (["a", "b", "c"], pl.Series(["c", "z", "a"], dtype=pl.Categorical), ["c", None, "a"]),
        (["a", "b", "c"], pl.Series(["c", "z", "a"], dtype=pl.Enum("zca")), ["c", None, "a"]),
        (["a", "b", "c"], pd.Series(["c", "z", "a"], dtype="category"), ["c", None, "a"]),
        (["1", "2", "x"], pd.Series([2, 1, None], dtype="category"), ["2", "1", None]),
        (["a", "b", "c"], [" c", "B", "?"], ["c", None, None]),
        (["2020-01-01", "b", "c"], [datetime.date(2020, 1, 1)] * 3, ["2020-01-01"] * 3),
    ],
)
def test_categories_in_other_types(levels, given, read):
    encoder = _fit({"c": levels})
    names = [name.removeprefix("c=") for name in encoder.feature_names]
    assert sorted(names) == sorted(levels)
    expected = [[float(name == level) for name in names] for level in read]
    assert _encode(encoder, {"c": given}) == expected


def test_arrow_dictionaries_are_categories():
    encoder = _fit({"c": ["a", "b", "c"], "n": [1, 2, 3]})
    words = pa.array(["c", "z", None, "a"]).dictionary_encode()
    table = pa.table({"n": pa.array([1, 2, 3, None]), "c": words})
    rows = encoder.transform(as_frame(table))
    assert rows[:, :3].tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert encoder.unseen(as_frame(table)) == {"c": 2, "n": 1}


@pytest.mark.parametrize(
    "given",
    [
        [True, False, None],
        [1, 0, None],
        [1.0, 0.0, float("nan")],
        ["YES", "no", "?"],
        ["t", "F", ""],
        ["1", "0", "-"],
        ["on", " off", "none"],
        pd.Series([True, False, None], dtype="boolean"),
        pd.Series(["true", "false", None], dtype="category"),
    ],
)
def test_booleans_spelled_otherwise(given):
    encoder = _fit({"b": [True, False, True]})
    assert _encode(encoder, {"b": given}) == [[1], [-1], [0]]


def test_booleans_where_zero_and_one_were_and_nowhere_else():
    zero_one = _fit({"x": [0, 1, 1, 0]})
    assert _encode(zero_one, {"x": [True, False]}) == _encode(zero_one, {"x": [1, 0]})
    with pytest.raises(DataError, match=r"'x' held numbers .* row 1 holds True"):
        _encode(_fit({"x": [0, 1, 2]}), {"x": [True, False]})


@pytest.mark.parametrize(
    "given",
    [
        [1, 2, None],
        ["1", " 2.0", "NA"],
        ["1e0", "2", "none"],
        pd.Series([1, 2, None], dtype="Int64"),
        pd.Series(["1", "2", None], dtype="category"),
        np.array([1, 2, np.nan], dtype=np.float16),
        pl.Series([1, 2, None], dtype=pl.UInt8),
        pl.Series(["1.0", "2.0", None]).cast(pl.Decimal(10, 2)),
    ],
)
def test_numbers_in_other_types(given):
    encoder = _fit({"x": [1.0, 2.0, 3.0]})
    expected = _encode(encoder, {"x": [1.0, 2.0, None]})
    assert _encode(encoder, {"x": given}) == expected


def test_numbers_with_an_unknown_word_name_the_row():
    encoder = _fit({"x": [1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match=r"row 2 holds 'unknown'\. Correct it, leave it empty"):
        _encode(encoder, {"x": ["1", "unknown", "3"]})
    with pytest.raises(DataError, match="row 2 holds '1,5'"):
        encoder.unseen(pl.DataFrame({"x": ["1", "1,5", "3"]}))


def test_columns_of_missing_values_only():
    encoder = _fit(MIXED)
    alike = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    for nothing in (None, "", "?", float("nan")):
        frame = {name: [nothing] * 2 for name in MIXED}
        assert _encode(encoder, frame) == [alike] * 2
        assert encoder.unseen(as_frame(frame)) == {n: 2 for n in MIXED if n != "gaps"}


def test_other_orders_and_more_columns_shift_nothing():
    encoder = _fit(MIXED)
    expected = _encode(encoder, MIXED)
    turned = {"id": [1, 2, 3], **dict(reversed(MIXED.items())), "more": [[1], [2], [3]]}
    assert _encode(encoder, pl.DataFrame(turned)) == expected
    assert _encode(encoder, pd.DataFrame(MIXED)[[*reversed(MIXED)]]) == expected


def test_columns_that_are_absent_are_named_with_the_way_out():
    encoder = _fit(MIXED)
    rest = {name: values for name, values in MIXED.items() if name not in ("c", "two")}
    for ask in (encoder.transform, encoder.unseen):
        with pytest.raises(DataError, match=r"'c' and 'two' are missing\..* with empty cells"):
            ask(pl.DataFrame(rest))
