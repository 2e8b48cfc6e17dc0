"""What columns of text turn out to be."""

import datetime

import polars as pl
import pytest

from clearprop.tables.text import settle_text

UTC = datetime.UTC


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", " 2 ", "?", "-", "N/A", "none"], [1, 2, None, None, None, None]),
        (["1", "2.5e3", "#n/a", "-.5"], [1.0, 2500.0, None, -0.5]),
        (["1", "inf"], [1.0, float("inf")]),
        (["TRUE", "false", "-"], [True, False, None]),
        (["true", "yes"], ["true", "yes"]),
        (["+", "-", " ? "], ["+", "-", None]),
        (["None", "BrkFace", "NULL"], ["None", "BrkFace", None]),
        (["-", "none", ""], ["-", "none", None]),
        ([None, "", "NaN"], [None, None, None]),
        (["1,5", "2"], ["1,5", "2"]),
        (["0x10", "1"], ["0x10", "1"]),
        (["2020-01", "NaT"], [datetime.date(2020, 1, 1), None]),
        (["2020-01-31", "2020-02-30"], ["2020-01-31", "2020-02-30"]),
        (["1001-02", "1003-04"], ["1001-02", "1003-04"]),
        (
            ["2020-01-31 10:11", "2020-01-31T10:11:12.5", "2020-02-01"],
            [
                datetime.datetime(2020, 1, 31, 10, 11),
                datetime.datetime(2020, 1, 31, 10, 11, 12, 500_000),
                datetime.datetime(2020, 2, 1),
            ],
        ),
        (
            ["2020-01-31T10:00Z", "2020-01-31 10:00+01:30", "2020-01-31 10:00-0200"],
            [
                datetime.datetime(2020, 1, 31, 10, tzinfo=UTC),
                datetime.datetime(2020, 1, 31, 8, 30, tzinfo=UTC),
                datetime.datetime(2020, 1, 31, 12, tzinfo=UTC),
            ],
        ),
        (["2020-01-31T10:00Z", "2020-01-31"], ["2020-01-31T10:00Z", "2020-01-31"]),
    ],
)
def test_settled(texts, expected):
    assert settle_text(pl.Series("t", texts, dtype=pl.String)).to_list() == expected


def test_decimal_comma_only_where_asked():
    series = pl.Series(["1,5", "2", "?"])
    assert settle_text(series, decimal_comma=True).to_list() == [1.5, 2.0, None]
