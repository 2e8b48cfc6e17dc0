"""Long tables: where series are, and what is said of tables that are none."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from clearprop.errors import DataError, SettingError
from clearprop.tables import series_of

MIXED = pl.DataFrame(
    {"who": ["b", "a", "b", "c", "a", "b"], "at": [1, 5, 2, 0, 9, 7], "x": [0, 1, 2, 3, 4, 5]}
)


def test_series_in_the_order_of_their_first_rows():
    layout = series_of(MIXED, "who", "at")
    assert layout.ids.to_list() == ["b", "a", "c"]
    assert layout.starts.tolist() == [0, 3, 5, 6]
    assert MIXED["x"][layout.rows].to_list() == [0, 2, 5, 1, 4, 3]
    assert layout.steps.to_list() == [1, 2, 7, 5, 9, 0]
    assert layout.series_of_rows.tolist() == [0, 1, 0, 2, 1, 0]
    assert layout.columns == ("who", "at")
    assert layout.name(4) == "series 'a', step 9 (row 5)"
    # answers of steps, series by series, go back to the rows
    assert layout.steps_first(np.array([0, 2, 5, 1, 4, 3])).tolist() == [0, 1, 2, 3, 4, 5]


def test_without_steps_the_order_of_rows_counts():
    layout = series_of(MIXED.sort("x", descending=True), "who")
    assert layout.ids.to_list() == ["b", "a", "c"]
    assert layout.rows.tolist() == [0, 3, 5, 1, 4, 2]
    assert layout.columns == ("who",)
    assert layout.name(1) == "series 'b', step 2 (row 4)"


def test_sorting_is_done_where_it_is_asked_for():
    shuffled = MIXED[[5, 4, 3, 2, 1, 0]]
    layout = series_of(shuffled, "who", "at", sort=True)
    assert shuffled["x"][layout.rows].to_list() == [0, 2, 5, 1, 4, 3]
    with pytest.raises(SettingError, match="name the column of steps"):
        series_of(shuffled, "who", sort=True)


@pytest.mark.parametrize(
    "steps",
    [
        ["2024-01-09", "2024-01-10", "2024-02-01"],
        ["2024-01-31 09:30", "2024-01-31 10:00", "2024-02-01 08:00"],
        [dt.date(2024, 1, 9), dt.date(2024, 1, 10), dt.date(2024, 2, 1)],
        ["9", "10", "11"],
        [-1.5, 0.0, 2.25],
    ],
    ids=["text dates", "text times", "dates", "text numbers", "numbers"],
)
def test_times_are_ordered_as_what_they_are(steps):
    frame = pl.DataFrame({"who": [1, 1, 1], "when": steps})
    assert series_of(frame, "who", "when").rows.tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="behind step"):
        series_of(frame[[1, 0, 2]], "who", "when")


def test_a_step_out_of_order_is_named_with_the_way_out():
    frame = MIXED.with_columns(at=pl.Series([1.0, 5, 2, 0, 4, 1.5]))
    with pytest.raises(DataError) as caught:
        series_of(frame, "who", "at")
    assert str(caught.value) == (
        "Series 'b' has step 1.5 in row 6, behind step 2.0 (2 such rows in all): expected the rows "
        "of a series in the order of 'at'. Sort the table by 'who' and 'at', or have it sorted: "
        "--sort, in Python sort=True."
    )


@pytest.mark.parametrize("sort", [False, True])
def test_a_step_twice_is_named(sort):
    frame = MIXED.with_columns(at=pl.Series([1, 5, 2, 0, 5, 7]))
    with pytest.raises(DataError, match="Series 'a' has step 5 twice, in row 2 and in row 5: exp"):
        series_of(frame, "who", "at", sort=sort)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"who": ["b", None, "b", "c", "a", "b"]}, r"'who', which says .* empty in row 2 \(1 such"),
        ({"at": [1, 5, 2, None, 9, 7]}, "'at', which gives the order .* empty in row 4"),
        ({"at": [1.0, 5, 2, float("nan"), 9, 7]}, "'at', which gives the order .* empty in row 4"),
        ({"at": ["x", "y", "z", "u", "v", "w"]}, "Expected the steps 'at' as numbers, dates"),
    ],
)
def test_what_says_nothing(change, match):
    frame = MIXED.with_columns(**{name: pl.Series(values) for name, values in change.items()})
    with pytest.raises(DataError, match=match):
        series_of(frame, "who", "at")


def test_columns_that_are_not_there():
    with pytest.raises(SettingError, match=r"no column 'whom', .* Did you mean 'who'\?"):
        series_of(MIXED, "whom", "at")
    with pytest.raises(SettingError, match="no column 'step', which is to give the order"):
        series_of(MIXED, "who", "step")
    with pytest.raises(DataError, match="at least one row"):
        series_of(MIXED[:0], "who", "at")
