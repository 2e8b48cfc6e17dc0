"""Prediction intervals against quantiles worked by hand, and their coverage by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import clearprop
from clearprop import TabularRegressor
from clearprop.errors import DataError, SettingError
from clearprop.estimators.intervals import interval, rank_for

SHORT = {"hidden_layer_sizes": (8,), "max_epochs": 20}


def test_the_rank_is_that_of_finite_samples():
    # ⌈(n + 1) c⌉ of 9, 10 and 99 rows
    assert [rank_for(c, n) for c, n in ((0.9, 9), (0.5, 10), (0.9, 99))] == [9, 6, 90]
    with pytest.raises(DataError, match=r"0\.889 at most"):
        rank_for(0.9, 8)
    with pytest.raises(SettingError, match="coverage"):
        rank_for(1.0, 8)


def test_one_network_reaches_as_far_as_its_error_of_that_rank():
    errors = np.array([0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 9.0])
    found = interval([np.array([10.0, -1.0])], [errors], 0.7)
    # ⌈10 · 0.7⌉ = 7
    assert found.tolist() == [[6.0, 14.0], [-5.0, 3.0]]


def test_folds_propose_ends_of_their_own():
    draw = np.random.default_rng(0)
    errors = [np.sort(draw.exponential(size=n)) for n in (11, 12, 13)]
    predictions = [draw.normal(size=5) for _ in errors]
    found = interval(predictions, errors, 0.8)
    for row in range(5):
        pairs = list(zip(predictions, errors, strict=True))
        upper = np.sort(np.concatenate([p[row] + e for p, e in pairs]))
        lower = np.sort(np.concatenate([p[row] - e for p, e in pairs]))
        # n = 36: ⌈37 · 0.8⌉ = 30 and ⌊37 · 0.2⌋ = 7
        np.testing.assert_allclose(found[row], [lower[6], upper[29]], rtol=1e-12)


def _line(rows, seed):
    draw = np.random.default_rng(seed)
    x = draw.uniform(-1, 1, rows)
    return pd.DataFrame({"x": x}), 100 + 20 * x + draw.laplace(0, 3, rows)


@pytest.mark.parametrize("folds", [1, 4])
def test_new_rows_are_covered_as_often_as_promised(folds, tmp_path):
    X, y = _line(600, 0)
    options = {"n_cv": folds, "validation_fraction": 0.5, "random_state": 1}
    model = TabularRegressor((), max_epochs=30, **options).fit(X, y)
    new, truth = _line(4000, 1)
    for coverage in (0.5, 0.9):
        low, high = model.predict_interval(new, coverage).T
        inside = np.mean((low <= truth) & (truth <= high))
        assert inside == pytest.approx(coverage, abs=0.05)
    clearprop.save(model, tmp_path / "m.clearprop")
    loaded = clearprop.load(tmp_path / "m.clearprop")
    np.testing.assert_array_equal(loaded.predict_interval(new), model.predict_interval(new))


def test_errors_are_those_of_the_held_out_rows_in_the_targets_units():
    X, y = _line(200, 0)
    given = (X[150:], y[150:])
    model = TabularRegressor(**SHORT).fit(X[:150], y[:150], validation_data=given)
    expected = np.sort(np.abs(model.predict(given[0]) - given[1]))
    np.testing.assert_allclose(model.errors_[0][:, 0], expected, rtol=1e-4)


def test_each_target_has_an_interval():
    X, y = _line(200, 0)
    model = TabularRegressor(**SHORT).fit(X, np.column_stack([y, 10 * y]))
    found = model.predict_interval(X[:7], 0.8)
    assert found.shape == (7, 2, 2)
    assert ((found[:, :, 0] < model.predict(X[:7])) & (model.predict(X[:7]) < found[:, :, 1])).all()


def test_counts_are_never_below_zero():
    draw = np.random.default_rng(0)
    x = draw.normal(size=300)
    model = TabularRegressor(**SHORT, loss="poisson")
    model.fit(pd.DataFrame({"x": x}), draw.poisson(np.exp(x)))
    assert model.predict_interval(pd.DataFrame({"x": x})).min() == 0


def test_without_validation_rows_there_is_a_way_out():
    X, y = _line(100, 0)
    with pytest.raises(DataError, match="n_cv=5"):
        TabularRegressor(**SHORT, validation_fraction=0).fit(X, y).predict_interval(X)
