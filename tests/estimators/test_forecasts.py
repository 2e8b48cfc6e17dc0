"""Series cut into windows, forecasts fed back on themselves, and rolling origins."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rnn_cases import ENGINES, regressor

from clearprop import load, save
from clearprop.errors import DataError, SettingError, ShapeError
from clearprop.estimators.forecasting import rolling, windows_of

WAVE = 50 + 10 * np.sin(np.arange(160) / 4)


def test_windows_written_out():
    series = np.arange(10.0)[:, None]
    found = windows_of([series], 4)
    # windows begin at every step, since a quarter of 4 is 1; each is followed by its next steps
    assert [part[:, 0].tolist() for part in found.steps] == [
        [k, k + 1, k + 2, k + 3] for k in range(6)
    ]
    assert [part[-1, 0] for part in found.following] == [4, 5, 6, 7, 8, 9]
    apart = windows_of([np.arange(22.0)[:, None]], 8)
    assert [part[0, 0] for part in apart.steps] == [0, 2, 4, 6, 8, 10, 12, 13]
    short = windows_of([series[:3]], 8)
    assert [part[:, 0].tolist() for part in short.steps] == [[0, 1]]
    assert [part[:, 0].tolist() for part in short.following] == [[1, 2]]


def test_a_forecast_reads_its_own_forecasts_from_the_last_window():
    model = regressor(window=6, dtype="float64").fit(WAVE)
    assert model.per_step_
    assert model.network_.readout == "every"
    assert model.network_.layers[0].direction == "forward"
    end, expected = WAVE[-6:].tolist(), []
    for _ in range(9):
        answers = model.predict([np.array(end[-6:])[:, None]])
        expected.append(float(answers[0][-1]))
        end.append(expected[-1])
    found = model.forecast(WAVE, 9)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(model.forecast(WAVE[-6:], 9), found, rtol=1e-12)
    assert not np.allclose(model.forecast(WAVE[-5:], 9), found)
    # several series at once are each alone
    several = model.forecast([WAVE[:100], WAVE[:77]], 3)
    assert several.shape == (2, 3)
    np.testing.assert_allclose(several[1], model.forecast(WAVE[:77], 3), rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_wave_goes_on(engine):
    model = regressor(window=24, units=16, max_iter=60, engine=engine).fit(WAVE[:120])
    ahead = model.forecast(WAVE[:120], 40)
    assert np.abs(ahead - WAVE[120:]).max() < 2.5


def test_all_columns_are_fed_back():
    two = np.column_stack([WAVE, -3 * WAVE])
    model = regressor(window=6).fit(two)
    assert model.network_.outputs == model.network_.inputs == 2
    assert model.forecast(two, 5).shape == (5, 2)
    assert model.forecast([two, two[:50]], 5).shape == (2, 5, 2)
    assert model.forecast(two[None], 5).shape == (1, 5, 2)
    box = regressor(window=6).fit(np.stack([two, two + 1]))
    np.testing.assert_array_equal(
        box.parameters_.vector, regressor(window=6).fit([two, two + 1]).parameters_.vector
    )
    frame = pl.Series("w", WAVE)
    same = regressor(window=6).fit(frame)
    np.testing.assert_array_equal(
        same.parameters_.vector, regressor(window=6).fit(WAVE).parameters_.vector
    )


def test_early_stopping_watches_the_end_of_the_series():
    model = regressor(window=6, early_stopping=True, validation_fraction=0.25, max_iter=3)
    model.fit(WAVE)
    given = regressor(window=6, early_stopping=True, max_iter=3)
    given.fit(WAVE[:120], validation_data=WAVE[120:])
    assert model.validation_loss_curve_ == given.validation_loss_curve_
    np.testing.assert_array_equal(model.parameters_.vector, given.parameters_.vector)


def test_a_model_file_forecasts_alike(tmp_path):
    model = regressor(window=6).fit(WAVE)
    loaded = load(save(model, tmp_path / "m"))
    np.testing.assert_array_equal(loaded.forecast(WAVE, 4), model.forecast(WAVE, 4))
    assert loaded.forecasts_


@pytest.mark.parametrize(
    ("series", "error", "match"),
    [
        ([1.0, np.nan, 2.0], DataError, "Series 0 holds nan at step 1 "),
        ([[1.0, 2.0], [3.0, np.inf]], DataError, "Series 1 holds inf at step 1"),
        ([1.0], DataError, "Series 0 has a single step"),
        ([], ShapeError, r"series 0 has shape \(0,\)"),
        (["a", "b"], DataError, "Series 0 must hold numbers"),
        ([np.ones((3, 2)), np.ones((3, 1))], ShapeError, "Series 1 has 1 columns, but series 0"),
    ],
)
def test_no_series(series, error, match):
    with pytest.raises(error, match=match):
        regressor(window=4).fit(series)


def test_what_does_not_go_with_a_forecast():
    with pytest.raises(SettingError, match=r"say how many steps the network looks back: window=…"):
        regressor().fit(WAVE)
    with pytest.raises(SettingError, match="read forward, step by step, but direction='both'"):
        regressor(window=4, direction="both").fit(WAVE)
    with pytest.raises(SettingError, match="sample_weight is for sequences with targets"):
        regressor(window=4).fit(WAVE, None, np.ones(160))
    with pytest.raises(DataError, match="has 3 steps, too few to hold its end out"):
        regressor(window=2, early_stopping=True).fit(WAVE[:3])
    model = regressor(window=4).fit(WAVE)
    with pytest.raises(SettingError, match="steps must be a whole number from 1 on, but 0 came"):
        model.forecast(WAVE, 0)
    targets = regressor(window=4).fit([WAVE[:5, None], WAVE[:9, None]], [1.0, 2.0])
    with pytest.raises(SettingError, match="was fitted on targets, y, so it cannot go on"):
        targets.forecast(WAVE, 3)


def test_rolling_origins_by_hand():
    series = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])[:, None]

    def doubled(beginnings, steps):
        last = np.array([part[-1] for part in beginnings])
        return last[:, None] * 2.0 ** np.arange(1, steps + 1)[None, :, None]

    found = rolling(doubled, series, 3, 2, season=2)
    assert found.origins == 2
    assert found.errors["network"].tolist() == [0.0, 0.0]
    # origins 3 and 4: 8 and 16 one step ahead, 16 and 32 two steps ahead, last values 4 and 8
    expected = [np.sqrt((4**2 + 8**2) / 2), np.sqrt((12**2 + 24**2) / 2)]
    np.testing.assert_allclose(found.errors["last value"], expected)
    season = [np.sqrt((6**2 + 12**2) / 2), np.sqrt((12**2 + 24**2) / 2)]
    np.testing.assert_allclose(found.errors["same step of the last season"], season)
    overall = np.sqrt(np.mean(np.square(expected)))
    assert found.overall()["last value"] == pytest.approx(overall)
    with pytest.raises(DataError, match="Behind step 5 there are 1 steps, fewer than the 2"):
        rolling(doubled, series, 5, 2)
    with pytest.raises(SettingError, match="season of 4 steps is longer than the 3 steps before"):
        rolling(doubled, series, 3, 2, season=4)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif("CLEARPROP_DATA" not in os.environ, reason="needs CLEARPROP_DATA")
def test_sunspots_a_year_ahead_beat_both_baselines():
    path = Path(os.environ["CLEARPROP_DATA"]) / "sunspots-monthly.csv"
    series = pl.read_csv(path)["value"].to_numpy()
    first = 2648
    model = regressor(window=64, units=32, max_iter=20).fit(series[:first])
    found = rolling(model.forecast, series[:, None], first, 12, season=132)
    rmse = found.overall()
    assert rmse["network"] < 0.9 * rmse["last value"]
    assert rmse["network"] < 0.7 * rmse["same step of the last season"]
    assert (found.errors["network"] < found.errors["last value"]).all()
