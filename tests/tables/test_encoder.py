"""What a table becomes: against scikit-learn's transformers and numbers worked by hand."""

import datetime
import json
import math

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from clearprop.errors import DataError, FileError, SettingError
from clearprop.tables import (
    BooleanColumn,
    CategoryColumn,
    DateColumn,
    DroppedColumn,
    EncoderOptions,
    NumberColumn,
    TableEncoder,
)

STANDARD = EncoderOptions(numbers="standard")


def _fit(columns, **options):
    return TableEncoder.fit(pl.DataFrame(columns), EncoderOptions(**options))


def _encode(encoder, columns, dtype=np.float64):
    return encoder.transform(pl.DataFrame(columns), dtype).tolist()


def test_numbers_as_standard_scaler():
    X = np.random.default_rng(0).normal(3, 20, size=(50, 4))
    frame = pl.DataFrame(X, schema=list("abcd"))
    encoder = TableEncoder.fit(frame, STANDARD)
    expected = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(encoder.transform(frame, np.float64), expected, rtol=1e-12)
    single = encoder.transform(frame)
    assert single.dtype == np.float32
    assert single.flags.c_contiguous
    np.testing.assert_array_equal(single, encoder.transform(frame, np.float64).astype(np.float32))


def test_statistics_of_a_number_by_hand():
    encoder = _fit({"x": [1, 2, None, 3, 10]}, numbers="standard")
    assert encoder.columns == (
        NumberColumn(
            "x",
            source="number",
            scaling="standard",
            mean=4.0,
            deviation=math.sqrt(12.5),  # deviations −3, −2, −1, 6
            minimum=1.0,
            lower_quartile=1.75,
            median=2.5,
            upper_quartile=4.75,
            maximum=10.0,
            quantiles_exact=True,
            missing_seen=True,
        ),
    )
    assert encoder.feature_names == ("x", "x=(missing)")
    root = math.sqrt(12.5)
    expected = [[6 / root, 0], [-1.5 / root, 1], [-1.5 / root, 1]]
    rows = _encode(encoder, {"x": [10.0, None, float("nan")]})
    np.testing.assert_allclose(rows, expected, rtol=1e-15)


def test_missing_in_prediction_only_is_the_median():
    encoder = _fit({"x": [0.0, 1.0, 5.0], "c": ["a", "b", "c"], "b": [True, False, True]})
    gone = {"x": [None, 1.0], "c": [None, "new"], "b": [None, True]}
    assert encoder.feature_names == ("x", "c=a", "c=b", "c=c", "b")
    assert _encode(encoder, gone) == [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
    standard = _fit({"x": [0.0, 1.0, 5.0]}, numbers="standard")
    assert _encode(standard, {"x": [None]}) == [[(1 - 2) / np.std([0, 1, 5])]]


def test_categories_as_one_hot_encoder():
    values = ["b", "a", "c", "b", "a", "b", "d"]
    encoder = _fit({"c": values})
    assert encoder.feature_names == ("c=b", "c=a", "c=c", "c=d")
    theirs = OneHotEncoder(
        categories=[["b", "a", "c", "d"]], handle_unknown="ignore", sparse_output=False
    )
    theirs.fit(np.array(values)[:, None])
    seen = np.array(["a", "new", "d", "b"])
    np.testing.assert_array_equal(_encode(encoder, {"c": seen}), theirs.transform(seen[:, None]))


def test_two_levels_share_one_feature():
    encoder = _fit({"sex": ["Male", "Female", "Male"], "known": ["yes", None, "?"]})
    assert encoder.feature_names == ("sex=Female", "known=(missing)")
    rows = _encode(encoder, {"sex": [" Male", "Female", "new"], "known": ["yes", "", "no"]})
    assert rows == [[-1, -1], [1, 1], [0, 0]]


def test_levels_beyond_the_cap_share_a_feature():
    encoder = _fit({"c": ["a"] * 3 + ["b"] * 2 + ["d", "c", None]}, max_levels=3)
    assert encoder.columns == (CategoryColumn("c", ("a", "b", "c"), other=True, missing_seen=True),)
    assert encoder.feature_names == ("c=a", "c=b", "c=c", "c=(other)", "c=(missing)")
    rows = _encode(encoder, {"c": ["c", "d", "new", None]})
    assert rows == [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]


def test_levels_named_as_our_own_words_are_told_apart():
    encoder = _fit({"c": ["(missing)", None, "a", "a"]})
    assert encoder.feature_names == ("c=a", "c='(missing)'", "c=(missing)")


def test_text_of_numbers_is_numbers_and_categorical_is_not():
    encoder = TableEncoder.fit(
        pl.DataFrame(
            {
                "text": ["1", " 3", "-", "?"],
                "codes": pl.Series(["1", "3", "1", "2"], dtype=pl.Categorical),
            }
        )
    )
    text, codes = encoder.columns
    assert isinstance(text, NumberColumn)
    assert (text.mean, text.deviation, text.missing_seen) == (2.0, 1.0, True)
    assert codes == CategoryColumn("codes", ("1", "2", "3"), other=False, missing_seen=False)
    assert encoder.text_columns == ("codes",)


def test_categories_that_come_back_as_other_types():
    encoder = _fit({"zip": ["7", "8", "x"], "flag": ["True", "False", "maybe"]})
    rows = _encode(encoder, {"zip": [8, 7], "flag": [True, False]})
    assert encoder.feature_names == (
        "zip=7", "zip=8", "zip=x", "flag=False", "flag=True", "flag=maybe"
    )  # fmt: skip
    assert rows == [[0, 1, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0]]
    assert _encode(encoder, {"zip": [8.0, None], "flag": ["x", "x"]})[0][:3] == [0, 1, 0]


def test_booleans():
    encoder = _fit({"b": [True, False, None]})
    assert encoder.columns == (BooleanColumn("b", missing_seen=True),)
    assert _encode(encoder, {"b": [True, False, None]}) == [[1], [-1], [0]]
    assert _encode(encoder, {"b": [1, 0, None]}) == [[1], [-1], [0]]
    assert _encode(encoder, {"b": ["TRUE", "false", "?"]}) == [[1], [-1], [0]]


def test_dates_by_hand():
    # 2020-01-06 is a Monday, 2020-04-08 a Wednesday; 93 days lie between them.
    days = [datetime.date(2020, 1, 6), datetime.date(2020, 4, 8)]
    encoder = _fit({"sold": days}, numbers="standard")
    (column,) = encoder.columns
    assert isinstance(column, DateColumn)
    fitted = {part.name: (part.centre, part.scale) for part in column.parts}
    assert set(fitted) == {
        "month_sin", "month_cos", "day", "weekday_sin", "weekday_cos", "epoch_seconds"
    }  # fmt: skip
    first = datetime.datetime(2020, 1, 6, tzinfo=datetime.UTC).timestamp()
    weekday = 2 * math.pi * 2 / 7
    expected = {
        "month_sin": (0.5, 0.5),  # sin 0 and sin 90°
        "month_cos": (0.5, 0.5),
        "day": (7.0, 1.0),
        "weekday_sin": (math.sin(weekday) / 2, math.sin(weekday) / 2),
        "weekday_cos": ((1 + math.cos(weekday)) / 2, (1 - math.cos(weekday)) / 2),
        "epoch_seconds": (first + 93 * 43_200, 93 * 43_200),
    }
    for name, values in expected.items():
        assert fitted[name] == pytest.approx(values, rel=1e-14), name
    texts = {"sold": ["2020-01-06", "2020-04-08T00:00:00"]}
    rows = dict(zip(encoder.feature_names, np.array(_encode(encoder, texts)).T, strict=True))
    np.testing.assert_allclose(rows["sold.day"], [-1, 1])
    np.testing.assert_allclose(rows["sold.epoch_seconds"], [-1, 1])
    np.testing.assert_allclose(rows["sold.month_cos"], [1, -1], atol=1e-15)


def test_time_of_day_and_missing_dates():
    times = [datetime.datetime(2020, 1, 6, 6), datetime.datetime(2020, 1, 6, 18), None]
    encoder = _fit({"t": times}, numbers="standard")
    assert encoder.feature_names == ("t.hour_sin", "t.hour_cos", "t.epoch_seconds", "t=(missing)")
    rows = np.array(_encode(encoder, {"t": times}))
    np.testing.assert_allclose(rows[:, 0], [1, -1, 0], atol=1e-15)
    np.testing.assert_array_equal(rows[:, 3], [0, 0, 1])
    np.testing.assert_array_equal(rows[2], [0, 0, 0, 1])
    # Half past seven and thirty seconds is 112.625° past midnight on a clock of 24 hours.
    (late,) = _encode(encoder, {"t": [datetime.datetime(2020, 1, 6, 7, 30, 30)]})
    assert late[0] == pytest.approx(math.sin(math.radians(112.625)), rel=1e-14)


def test_time_zones_follow_the_wall_clock_that_was_fitted():
    noon = pl.Series([datetime.datetime(2020, 1, 6, h) for h in (0, 12)]).dt.replace_time_zone(
        "Asia/Shanghai"
    )
    encoder = TableEncoder.fit(pl.DataFrame({"t": noon}))
    expected = encoder.transform(pl.DataFrame({"t": noon}), np.float64)
    utc = noon.dt.convert_time_zone("UTC")
    np.testing.assert_array_equal(encoder.transform(pl.DataFrame({"t": utc}), np.float64), expected)
    text = {"t": ["2020-01-05T16:00Z", "2020-01-06T12:00+08:00"]}
    np.testing.assert_array_equal(_encode(encoder, text), expected)
    with pytest.raises(DataError, match="time zone"):
        _encode(encoder, {"t": ["2020-01-05T16:00", "2020-01-06T12:00"]})


def test_durations_and_times_are_seconds():
    encoder = _fit(
        {
            "span": [datetime.timedelta(minutes=1), datetime.timedelta(minutes=3)],
            "clock": [datetime.time(0, 1), datetime.time(0, 2)],
        }
    )
    span, clock = encoder.columns
    assert isinstance(span, NumberColumn)
    assert isinstance(clock, NumberColumn)
    assert (span.source, span.mean, span.deviation) == ("duration", 120.0, 60.0)
    assert (clock.source, clock.mean, clock.deviation) == ("time of day", 90.0, 30.0)
    with pytest.raises(DataError, match="'span' held durations"):
        _encode(encoder, {"span": [60, 180], "clock": [None, None]})


def test_columns_that_tell_nothing_are_dropped():
    encoder = _fit(
        {
            "x": [1.0, 2.0, 3.0],
            "same": [0.1, 0.1, 0.1],
            "word": ["a", "a", "a"],
            "none": [None, None, None],
            "marks": ["?", "", None],
            "copy": [1, 2, 3],
            "mine": ["p", "q", "r"],
            "half": [7, None, 7],
            "text": ["u", "v", "v"],
            "text2": ["u", " v", "v"],
        },
        drop=("mine",),
    )
    dropped = {c.name: c.reason for c in encoder.columns if isinstance(c, DroppedColumn)}
    assert dropped == {
        "same": "constant",
        "word": "constant",
        "none": "all missing",
        "marks": "all missing",
        "copy": "duplicate of 'x'",
        "mine": "left out",
        "text2": "duplicate of 'text'",
    }
    assert encoder.feature_names == ("x", "half=(missing)", "text=u")
    assert encoder.used_columns == ("x", "half", "text")
    with pytest.raises(DataError, match="none is left: 'a' is constant"):
        _fit({"a": [1, 1]})
    with pytest.raises(SettingError, match=r"'agee' to leave out. Did you mean 'age'"):
        _fit({"age": [1, 2]}, drop=("agee",))


def test_bad_training_values():
    with pytest.raises(DataError, match=r"'x' holds inf in row 3 \(2 such values\)"):
        _fit({"x": [1.0, None, math.inf, -math.inf]})
    with pytest.raises(DataError, match=r"'x' holds -inf in row 2"):
        _fit({"x": ["1", "-inf", "3"]})
    with pytest.raises(DataError, match=r"'x' ranges from -1e\+300"):
        _fit({"x": [-1e300, 1e300]})
    with pytest.raises(DataError, match="'x' holds values of type List"):
        _fit({"x": [[1], [2]]})
    with pytest.raises(DataError, match="at least one row"):
        _fit({"x": pl.Series([], dtype=pl.Int64)})


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"x": ["1", "?", "old"]}, ["'x' held numbers", "row 13 holds 'old'", "--drop x"]),
        ({"x": [None, True]}, ["'x' held numbers", "row 12 holds True"]),
        ({"x": [datetime.date(2020, 1, 1)]}, ["row 11 holds 2020-01-01 (date)"]),
        ({"x": [0.0, math.inf]}, ["'x' holds inf in row 12"]),
        ({"x": [0.0, "-inf"]}, ["'x' holds -inf in row 12"]),
        ({"b": ["true", "maybe"]}, ["'b' held booleans", "row 12 holds 'maybe'"]),
        ({"b": [0, 2]}, ["row 12 holds 2"]),
        ({"d": ["2020-01-01", "2020-01-05", "soon", "2020-02-30"]}, ["row 13 holds 'soon'"]),
        ({"d": [3]}, ["'d' held dates", "row 11 holds 3"]),
    ],
)
def test_types_that_change_between_training_and_prediction(columns, words):
    encoder = _fit(
        {
            "x": [1.0, 2.0],
            "b": [True, False],
            "d": [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)],
        }
    )
    rows = len(next(iter(columns.values())))
    table = {name: columns.get(name, [None] * rows) for name in "xbd"}
    with pytest.raises(DataError) as caught:
        encoder.transform(pl.DataFrame(table, strict=False), first_row=10)
    for word in words:
        assert word in str(caught.value)


def test_missing_and_extra_columns():
    encoder = _fit({"age": [1, 2], "job": ["a", "b"], "same": [1, 1]})
    rows = _encode(encoder, {"extra": ["?"], "job": ["b"], "age": [2]})
    # the quartiles of 1 and 2 are half apart, so 2 is 1 from the median
    np.testing.assert_allclose(rows, [[1 / math.sqrt(10 / 9), 1]])
    with pytest.raises(DataError, match=r"'age' is missing. Did you mean 'Age'"):
        _encode(encoder, {"Age": [1], "job": ["a"]})
    with pytest.raises(SettingError, match="float32 or float64"):
        encoder.transform(pl.DataFrame({"age": [1], "job": ["a"]}), np.int64)
    empty = pl.DataFrame(schema={"age": pl.Int64, "job": pl.String})
    assert encoder.transform(empty).shape == (0, 2)


def _document():
    return _fit(
        {
            "x": [0.1, 1 / 3, None],
            "c": ["a", "b", "c"],
            "b": [True, False, None],
            "t": pl.Series(["2020-01-06", "2021-05-07", "2021-05-08"]),
            "same": [1, 1, 1],
        }
    ).to_document()


def test_document_round_trip():
    document = _document()
    encoder = TableEncoder.from_document(json.loads(json.dumps(document, allow_nan=False)))
    assert encoder.to_document() == document
    x = encoder.columns[0]
    assert isinstance(x, NumberColumn)
    assert x.mean == np.mean([0.1, 1 / 3])


def _broken(change):
    document = json.loads(json.dumps(_document()))
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(version=3), "version up to 2; got 3"),
        (lambda d: d.update(version=True), "version up to 2; got True"),
        (lambda d: d["columns"][0].update(scaling="log"), "robust"),
        (lambda d: d.update(columns=3), "list of columns"),
        (lambda d: d["columns"].append("x"), "column 6"),
        (lambda d: d["columns"][0].update(kind="secret"), "'secret'"),
        (lambda d: d["columns"][0].update(kind=["number"]), "['number']"),
        (lambda d: d["columns"][0].update(deviation=0.0), "positive deviation"),
        (lambda d: d["columns"][0].update(median=9.0), "ordered quantiles"),
        (lambda d: d["columns"][0].update(mean=math.nan), "'mean' of column 1"),
        (lambda d: d["columns"][0].update(mean="1"), "float"),
        (lambda d: d["columns"][0].update(mean=True), "float"),
        (lambda d: d["columns"][0].update(mean=10**400), "float"),
        (lambda d: d["columns"][0].update(source="eval"), "duration"),
        (lambda d: d["columns"][0].pop("mean"), "missing: ['mean']"),
        (lambda d: d["columns"][0].update(more=1), "unknown: ['more']"),
        (lambda d: d["columns"][1].update(levels=["a", 3]), "item 1 of 'levels'"),
        (lambda d: d["columns"][1].update(levels=["a", "a"]), "distinct"),
        (lambda d: d["columns"][1].update(levels=[]), "at least two levels"),
        (lambda d: d["columns"][1].update(name="x"), "distinct names"),
        (lambda d: d["columns"][3]["parts"][0].update(name="century"), "part of a date"),
        (lambda d: d["columns"][3].update(zone=5), "str or null"),
    ],
)
def test_damaged_documents(change, words):
    with pytest.raises(FileError) as caught:
        TableEncoder.from_document(_broken(change))
    assert words in str(caught.value)


@pytest.mark.parametrize("document", [None, [], {}, {"columns": []}, 3, {"version": 1}])
def test_documents_that_are_none(document):
    with pytest.raises(FileError):
        TableEncoder.from_document(document)
