"""Tables in memory keep their names, their values and what is missing."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from clearprop.errors import DataError, ShapeError
from clearprop.tables import as_frame

COLUMNS = {
    "n": [1, 2, 3],
    "x": [0.5, None, 1.5],
    "s": ["a", None, "b"],
    "b": [True, False, None],
    "d": [datetime.datetime(2020, 1, 1, 12), None, datetime.datetime(2021, 3, 4)],
}


def test_polars_is_passed_on_untouched():
    frame = pl.DataFrame(COLUMNS)
    assert as_frame(frame) is frame
    assert as_frame(frame.lazy()).equals(frame)


def test_pyarrow_and_mappings():
    assert as_frame(pa.table(COLUMNS)).to_dict(as_series=False) == COLUMNS
    assert as_frame(COLUMNS).to_dict(as_series=False) == COLUMNS
    mixed = as_frame({"a": [1, 2.5, float("nan")], "b": np.array([1, 2, 3], dtype=">i2")})
    assert mixed.to_dict(as_series=False) == {"a": [1.0, 2.5, None], "b": [1, 2, 3]}


def test_pandas_dtypes():
    dates = pd.to_datetime(["2020-01-01 12:00", None, "2020-07-01 00:00"])
    frame = as_frame(
        pd.DataFrame(
            {
                "float": [0.5, np.nan, 1.5],
                "text": ["a", None, "b"],
                "object": pd.Series(["a", pd.NA, "b"], dtype=object),
                "integer": pd.array([1, None, 3], dtype="Int64"),
                "whole": pd.array([1, 2, 3], dtype="Int32"),
                "boolean": pd.array([True, None, False], dtype="boolean"),
                "category": pd.Categorical(["u", None, "v"], categories=["v", "u"]),
                "codes": pd.Categorical([3, 1, 3]),
                "date": dates,
                "zoned": dates.tz_localize("Europe/Berlin"),
                "span": pd.to_timedelta([1, 2, 3], unit="h"),
            }
        ).set_index(pd.Index([7, 8, 9]))
    )
    values = frame.with_columns(pl.col("float").fill_nan(None)).to_dict(as_series=False)
    assert values["float"] == [0.5, None, 1.5]
    assert values["text"] == values["object"] == ["a", None, "b"]
    assert values["integer"] == [1, None, 3]
    assert values["whole"] == [1, 2, 3]
    assert values["boolean"] == [True, None, False]
    assert values["category"] == ["u", None, "v"]
    assert values["codes"] == ["3", "1", "3"]
    assert frame.schema["codes"] == pl.Categorical
    assert values["date"] == [
        datetime.datetime(2020, 1, 1, 12),
        None,
        datetime.datetime(2020, 7, 1),
    ]
    assert [None if v is None else v.utcoffset() for v in values["zoned"]] == [
        datetime.timedelta(hours=1),
        None,
        datetime.timedelta(hours=2),
    ]
    assert [v.replace(tzinfo=None) if v else v for v in values["zoned"]] == values["date"]
    assert values["span"] == [datetime.timedelta(hours=h) for h in (1, 2, 3)]


def test_arrays_are_named_as_scikit_learn_names_them():
    assert as_frame(np.array([[1, 2], [3, 4]])).to_dict(as_series=False) == {
        "x0": [1, 3],
        "x1": [2, 4],
    }
    assert as_frame([[1, "a"], [None, "b"]][::-1]).columns == ["x0", "x1"]
    objects = np.array([[1, "a"], [None, "b"]], dtype=object)
    assert as_frame(objects).to_dict(as_series=False) == {"x0": [1, None], "x1": ["a", "b"]}
    assert as_frame(pd.DataFrame([[1, 2.5]])).to_dict(as_series=False) == {"0": [1], "1": [2.5]}
    half = as_frame(np.array([[0.5]], dtype=np.float16))
    assert half.schema["x0"] == pl.Float32
    assert as_frame(np.array([["2020-01-02"]], dtype="M8[h]"))["x0"].to_list() == [
        datetime.datetime(2020, 1, 2)
    ]


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        (pd.DataFrame(np.ones((2, 2)), columns=[0.5, "b"]), DataError, "0.5 (float)"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), DataError, "'1' more than once"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), DataError, "'a' more than once"),
        (pa.table([[1], [2]], names=["a", "a"]), DataError, "'a' more than once"),
        ({1: [1]}, DataError, "1 (int)"),
        (pd.DataFrame({"a": [1, "x"]}), DataError, "int (row 1), str (row 2)"),
        ({"a": 5}, DataError, "sequence"),
        ({"a": [1], "b": [1, 2]}, ShapeError, "'a' 1, 'b' 2"),
        (np.ones(3), ShapeError, "(3,)"),
        (np.ones((3, 0)), DataError, "0 feature(s) (shape=(3, 0))"),
        ([[1], [1, 2]], ShapeError, "equal length"),
        (5, ShapeError, "int of shape ()"),
        (np.ones((2, 2), dtype=complex), DataError, "complex"),
        (sparse.csr_matrix(np.eye(2)), DataError, "toarray"),
    ],
)
def test_what_is_no_table(table, error, words):
    with pytest.raises(error) as caught:
        as_frame(table)
    assert words in str(caught.value)
