"""Robust scaling and smooth clipping against numbers worked by hand and scikit-learn's scaler."""

import math

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import RobustScaler

from clearprop.errors import DataError, SettingError
from clearprop.tables import EncoderOptions, NumberColumn, TableEncoder
from clearprop.tables.scaling import robust_scale, scaled


def _unclipped(y):
    return y / np.sqrt(1 - (y / 3) ** 2)


def test_numbers_as_robust_scaler_before_clipping():
    X = np.random.default_rng(0).standard_t(2, size=(200, 3)) * [1, 50, 1e-6] + [0, 7, 3]
    frame = pl.DataFrame(X, schema=list("abc"))
    got = TableEncoder.fit(frame).transform(frame, np.float64)
    assert np.abs(got).max() < 3
    np.testing.assert_allclose(_unclipped(got), RobustScaler().fit_transform(X), rtol=1e-9)


@pytest.mark.parametrize(
    ("values", "centre", "scale"),
    [
        ([1, 2, 3, 4, 10], 3.0, 2.0),  # quartiles 2 and 4
        ([0, 0, 0, 0, 0, 8], 0.0, 4.0),  # no distance between the quartiles: half the range
        ([-5, 1, 1, 1, 1, 1, 1], 1.0, 3.0),
    ],
)
def test_centre_and_scale_by_hand(values, centre, scale):
    (column,) = TableEncoder.fit(pl.DataFrame({"x": values})).columns
    assert isinstance(column, NumberColumn)
    assert (column.scaling, column.centre, column.scale) == ("robust", centre, scale)


def test_clipping_by_hand():
    # z = 3 is where clipping takes the most that is still easily worked: 3 / √2
    got = scaled(np.array([-4.0, 2.0, 8.0, 2.0 + 6e-5]), 2.0, 2.0, "robust")
    np.testing.assert_allclose(got, [-3 / math.sqrt(2), 0, 3 / math.sqrt(2), 3e-5], rtol=1e-9)


def test_no_finite_number_is_too_large_to_be_clipped():
    column = {"x": [0.0, 1.0, 2.0]}
    encoder = TableEncoder.fit(pl.DataFrame(column))
    far = pl.DataFrame({"x": [1e300, -1.7e308, 1e20]})
    np.testing.assert_allclose(encoder.transform(far)[:, 0], [3, -3, 3])
    standard = TableEncoder.fit(pl.DataFrame(column), EncoderOptions(numbers="standard"))
    with pytest.raises(DataError, match=r"1e\+300 in row 1: .* float32 can hold"):
        standard.transform(far)
    for given in ([0.0, np.inf], [-np.inf, np.nan]):
        with pytest.raises(DataError, match=r"'x' holds -?inf in row"):
            encoder.transform(pl.DataFrame({"x": given}))


def test_scales_of_the_smallest_numbers():
    least = 5e-324
    assert robust_scale(0.0, 0.0, 0.0, least) == least
    (column,) = TableEncoder.fit(pl.DataFrame({"x": [0.0] * 9 + [least]})).columns
    out = np.empty((2, 1))
    column.encode(pl.Series("x", [least, 1.0]), out)
    np.testing.assert_allclose(out[:, 0], [1 / math.sqrt(10 / 9), 3])


def test_parts_of_dates_are_scaled_as_numbers():
    # the years 2019 to 2023: median 2021, quartiles 2020 and 2022
    days = pl.Series([f"{year}-07-01" for year in range(2019, 2024)]).str.to_date()
    encoder = TableEncoder.fit(pl.DataFrame({"d": days}))
    years = encoder.transform(pl.DataFrame({"d": days}), np.float64)[:, 0]
    assert encoder.feature_names[0] == "d.year"
    np.testing.assert_allclose(_unclipped(years), [-1, -0.5, 0, 0.5, 1], rtol=1e-12)


def test_scalings_that_there_are_not():
    with pytest.raises(SettingError, match="'robust' and 'standard'; got 'log'"):
        EncoderOptions(numbers="log")
