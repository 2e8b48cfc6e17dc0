"""Temperatures against SciPy's minimiser, and what they do to a network."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

import clearprop
from clearprop import TabularClassifier
from clearprop.estimators.calibration import (
    COLDEST,
    HOTTEST,
    Answers,
    log_loss_at_best,
    temperature_of,
)

SHORT = {"hidden_layer_sizes": (8,), "max_epochs": 30}


def _platt(hits, rows, classes):
    return np.where(hits, (rows + 1) / (rows + classes), 1 / (rows + classes))


def test_the_least_log_loss_of_a_softmax():
    draw = np.random.default_rng(0)
    z, y = draw.normal(size=(200, 4)) * 3, draw.integers(0, 4, 200)
    z[np.arange(200), y] += 2
    weights = draw.random(200)
    targets = _platt(y[:, None] == np.arange(4), 200, 4)

    def loss(log_t):
        each = -(targets * log_softmax(z / np.exp(log_t), axis=1)).sum(axis=1)
        return np.average(each, weights=weights)

    best = minimize_scalar(loss, bounds=(-2, 2), method="bounded", options={"xatol": 1e-10})
    answers = Answers.of(softmax(z, axis=1), y, weights)
    assert temperature_of(answers) == pytest.approx(np.exp(best.x), rel=1e-5)
    assert log_loss_at_best(answers) == pytest.approx(best.fun, rel=1e-9)


def test_the_least_log_loss_of_sigmoids():
    draw = np.random.default_rng(1)
    z = draw.normal(size=(300, 2)) * 0.3
    y = (draw.random((300, 2)) < expit(5 * z)).astype(float)
    targets = _platt(y == 1, 300, 2)

    def loss(log_t):
        p = expit(z / np.exp(log_t))
        return -np.mean((targets * np.log(p) + (1 - targets) * np.log(1 - p)).sum(axis=1))

    best = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10})
    assert temperature_of(Answers.of(expit(z), y, None)) == pytest.approx(np.exp(best.x), rel=1e-5)


def test_few_rows_that_are_all_right_do_not_freeze():
    z = np.full((10, 1), 2.0)
    found = temperature_of(Answers.of(expit(z), np.ones((10, 1)), None))
    # all targets are 11/12, whose log-odds are log 11
    assert found == pytest.approx(2 / np.log(11), rel=1e-6)


def test_temperatures_have_bounds():
    wrong = Answers.of(expit(np.full((10, 1), 2.0)), np.zeros((10, 1)), None)
    assert temperature_of(wrong) == HOTTEST
    timid = Answers.of(expit(np.full((9999, 1), 1e-3)), np.ones((9999, 1)), None)
    assert temperature_of(timid) == COLDEST


def _table(classes, rows=200):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 2))
    noisy = x[:, 0] + draw.normal(0, 0.5, rows)
    y = np.digitize(noisy, np.linspace(-1, 1, classes + 1)[1:-1])
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1]}), y


@pytest.mark.parametrize("classes", [2, 3])
def test_the_output_layer_holds_the_temperature(classes, tmp_path):
    X, y = _table(classes)
    plain = TabularClassifier(**SHORT, calibrate=False).fit(X, y)
    model = TabularClassifier(**SHORT).fit(X, y)
    assert plain.temperature_ is None
    t = model.temperature_
    assert t != pytest.approx(1, abs=1e-3)
    before, after = plain.raw_outputs(X).astype(float), model.raw_outputs(X)
    if classes == 2:
        expected = expit(np.log(before / (1 - before)) / t)
    else:
        expected = softmax(np.log(before) / t, axis=1)
    np.testing.assert_allclose(after, expected, atol=1e-6)
    clearprop.save(model, tmp_path / "m.clearprop")
    loaded = clearprop.load(tmp_path / "m.clearprop")
    assert loaded.temperature_ == t
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_it_is_that_of_the_validation_rows():
    X, y = _table(3)
    plain = TabularClassifier(**SHORT, calibrate=False)
    prepared = plain.prepare(X, y)
    outcomes = prepared.finish()
    plain.keep(prepared, outcomes)
    held = prepared.held_out(0)
    outputs = plain.raw_outputs(prepared.divisions[0].frame)
    expected = temperature_of(Answers.of(outputs, held.y, None))
    model = TabularClassifier(**SHORT).fit(X, y)
    assert model.temperature_ == pytest.approx(expected, rel=1e-6)
    best = model.history_.validation_score[model.history_.best_epoch - 1]
    assert -best == pytest.approx(log_loss_at_best(Answers.of(outputs, held.y, None)), rel=1e-5)


def test_without_validation_rows_nothing_is_calibrated():
    X, y = _table(2)
    assert TabularClassifier(**SHORT, validation_fraction=0).fit(X, y).temperature_ is None
