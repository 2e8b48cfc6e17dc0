"""Columns of a table in ONNX give the features of the tables' own encoder, whatever they hold."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearprop.errors import SettingError
from clearprop.tables import EncoderOptions, TableEncoder, plain_values

onnxruntime = pytest.importorskip("onnxruntime")
graphs = pytest.importorskip("clearprop.interchange.onnx.graph")
columns = pytest.importorskip("clearprop.interchange.onnx.columns")


def session_of(encoder):
    """A session whose one output is the features in float64."""
    graph = graphs.Graph(encoder.used_columns)
    columns.inputs_of(graph, encoder, ["rows"])
    features = columns.encoded(graph, encoder, np.dtype(np.float64))
    graph.output("features", features, graphs.REAL, ["rows", encoder.width])
    model = graph.model("test", "")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def run(session, encoder, frame):
    kept = {column.name: column for column in encoder.columns if column.feature_names}
    feed = {name: plain_values(column, frame[name])[:, None] for name, column in kept.items()}
    return session.run(None, feed)[0]


def assert_same(encoder, frame, session=None):
    found = run(session or session_of(encoder), encoder, frame)
    np.testing.assert_allclose(
        found, encoder.transform(frame, np.float64), rtol=1e-9, atol=1e-11, equal_nan=True
    )


TRAINING = pl.DataFrame(
    {
        "number": [0.5, -3.0, 7.25, 1e6, 2.0, 3.0],
        "gaps": [1.0, None, float("nan"), 4.0, 5.0, 7.0],
        "only gaps": [2.0, None, 2.0, 2.0, None, 2.0],
        "whole": [1, 2, 3, 4, 5, 6],
        "two": ["a", "b", "a", "a", "b", "a"],
        "three": ["red", "white", "blue", "red", "red", "blue"],
        "text gaps": ["x", None, "y", "x", "", "y"],
        "level or nothing": ["on air", None, "on air", None, "on air", "on air"],
        "codes": pl.Series(["07", "7a", "8", "07", "8", "8"]),
        "truth": [True, False, True, True, False, False],
        "truth gaps": [True, None, False, True, None, False],
        "day": [datetime(2020, 1, 1) + timedelta(days=41 * k) for k in range(6)],
        "moment": [
            datetime(1969, 12, 31, 23, 59, 59, 999_999),
            None,
            datetime(2000, 2, 29, 12),
            datetime(2024, 3, 1),
            datetime(1900, 3, 1, 6, 30),
            datetime(2100, 2, 28, 18),
        ],
        "length": [timedelta(hours=k, microseconds=k) for k in range(6)],
    }
)
NEW = pl.DataFrame(
    {
        "number": [0.0, None, 1e300, -1e300, 2.0],
        "gaps": [None, 3.0, 1e-300, -5.0, 4.0],
        "only gaps": [None, 3.0, 2.0, 1.0, None],
        "whole": ["1", "7", None, "-4", "?"],
        "two": ["b", "c", None, "a", " b "],
        "three": ["green", "red", "?", " white", "NaN"],
        "text gaps": ["z", "x", "N/A", "y", None],
        "level or nothing": ["on air", "off", None, "on air", "na"],
        "codes": ["07", "7", None, "8", "7a"],
        "truth": ["yes", "no", None, "T", "0"],
        "truth gaps": [1, 0, None, 1, 1],
        "day": ["2021-05-06", None, "1970-01-01", "2031-12-31", "2016-02-29"],
        "moment": [
            "2021-05-06T07:08:09.123456",
            "1912-02-29T23:59:59",
            None,
            "2000-03-01T00:00:00",
            "1999-12-31T23:59:59.999999",
        ],
        "length": [timedelta(days=2), None, timedelta(0), timedelta(seconds=1), timedelta(1)],
    }
)


@pytest.mark.parametrize("numbers", ["robust", "standard"])
def test_every_kind_of_column(numbers):
    encoder = TableEncoder.fit(TRAINING, EncoderOptions(numbers=numbers))
    kinds = {type(column).__name__ for column in encoder.columns}
    assert kinds == {"NumberColumn", "CategoryColumn", "BooleanColumn", "DateColumn"}
    session = session_of(encoder)
    assert_same(encoder, TRAINING, session)
    assert_same(encoder, NEW, session)
    for inside in session.get_inputs():
        text = inside.name in encoder.text_columns
        assert inside.type == ("tensor(string)" if text else "tensor(double)")
        assert inside.shape == ["rows", 1]


def test_levels_that_were_not_kept_share_a_feature():
    frame = pl.DataFrame({"city": ["Oslo"] * 3 + ["Lima"] * 2 + ["Rome", None, "Cairo"]})
    encoder = TableEncoder.fit(frame, EncoderOptions(max_levels=2))
    column = encoder.columns[0]
    assert column.other
    assert column.missing_seen
    assert_same(encoder, pl.DataFrame({"city": ["Lima", "Cairo", "Pisa", None, "Oslo", "nan"]}))


def test_what_is_missing_is_no_other_level():
    frame = pl.DataFrame({"city": ["Oslo"] * 3 + ["Lima"] * 2 + ["Rome", "Cairo"]})
    encoder = TableEncoder.fit(frame, EncoderOptions(max_levels=2))
    new = pl.DataFrame({"city": ["Pisa", None, "?"]})
    assert encoder.transform(new)[:, -1].tolist() == [1, 0, 0]
    assert_same(encoder, new)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo", "America/New_York", "Asia/Kolkata"])
def test_the_wall_clock_of_a_zone(zone):
    hours = [datetime(2023, 3, 25) + timedelta(minutes=97 * k) for k in range(60)]
    hours += [datetime(1950 + k, 10, 29, 0, 59, 59, 999_999) for k in range(0, 120, 7)]
    frame = pl.DataFrame({"at": hours}).with_columns(
        pl.col("at").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    )
    encoder = TableEncoder.fit(frame)
    assert {part.name for part in encoder.columns[0].parts} >= {"hour_sin", "weekday_cos", "day"}
    assert_same(encoder, frame)


def test_every_day_of_four_centuries():
    days = pl.DataFrame({"day": pl.date_range(datetime(1800, 1, 1), datetime(2200, 1, 1), "1d",
                                              eager=True)})  # fmt: skip
    assert_same(TableEncoder.fit(days), days)


def test_columns_may_be_called_anything():
    frame = pl.DataFrame(
        {"/0/Add": [1.0, 2.0, 4.0], "constant": [1, 2, 1], "größe (m²)": ["a", "b", "b"]}
    )
    assert_same(TableEncoder.fit(frame), frame)
    with pytest.raises(SettingError, match="Rename the column"):
        session_of(TableEncoder.fit(frame.rename({"constant": ""})))


ODD = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32))
WORD = st.one_of(st.none(), st.text("abAB? é\n", max_size=3))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(ODD, WORD), min_size=8, max_size=8),
    st.lists(st.tuples(ODD, WORD), min_size=3, max_size=3),
)
def test_any_numbers_and_words(training, new):
    def frame(rows):
        # so that there is always something to learn from, and text stays text
        numbers = [float(number) if number is not None else None for number, _ in rows]
        schema = {"n": pl.Float64, "w": pl.String}
        return pl.DataFrame({"n": numbers, "w": [word for _, word in rows]}, schema=schema)

    anchor = pl.DataFrame({"n": [0.0, 1.0, 2.0], "w": ["word", "other", "word"]})
    encoder = TableEncoder.fit(pl.concat([frame(training), anchor]))
    assert_same(encoder, frame(new))
