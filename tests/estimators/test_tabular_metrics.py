"""The metrics and their baselines, against scikit-learn's own and its dummies."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as sk
from sklearn.dummy import DummyClassifier, DummyRegressor

from clearprop import TabularClassifier, TabularRegressor
from clearprop.errors import DataError
from clearprop.estimators.metrics import Metric, measure

SHORT = {"hidden_layer_sizes": (8,), "max_epochs": 5}


def _table(rows=200):
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, rows))
    return pl.DataFrame(
        {
            "a": a,
            "b": b,
            "two": np.where(a > 0.4, "p", "n"),
            "three": np.digitize(a + 0.2 * b, [-0.8, 0.3]),
            "y": 100 + 10 * a,
            "z": 3 * b,
            "f": (a > 0).astype(int),
            "g": (b > 0.5).astype(int),
        }
    )


def _measured(model, names):
    frame = _table()
    X, y = frame.select("a", "b"), frame.select(names)
    model.fit(X[:150], y[:150])
    found = measure(model, X[150:], y[150:], y[:150])
    return {metric.name: metric for metric in found}, X, y


@pytest.mark.parametrize("name", ["two", "three"])
def test_classes(name):
    model = TabularClassifier(**SHORT)
    found, X, y = _measured(model, [name])
    truth, known = y[150:, 0].to_numpy(), y[:150, 0].to_numpy()
    shares = model.predict_proba(X[150:]).astype(float)
    shares /= shares.sum(axis=1, keepdims=True)
    labels = model.predict(X[150:])
    area = (truth, shares[:, 1]) if name == "two" else (truth, shares)
    several = {} if name == "two" else {"multi_class": "ovr"}
    expected = {
        "accuracy": sk.accuracy_score(truth, labels),
        "balanced accuracy": sk.balanced_accuracy_score(truth, labels),
        "log loss": sk.log_loss(truth, shares),
        "ROC AUC": sk.roc_auc_score(*area, **several),
    }
    assert {name: metric.value for name, metric in found.items()} == pytest.approx(expected)
    dummy = DummyClassifier(strategy="prior").fit(X[:150], known)
    baseline = dummy.predict_proba(X[150:])
    assert found["accuracy"].baseline == dummy.score(X[150:], truth)
    assert found["log loss"].baseline == pytest.approx(sk.log_loss(truth, baseline))
    assert found["ROC AUC"].baseline == 0.5


def test_numbers():
    model = TabularRegressor(**SHORT)
    found, X, y = _measured(model, ["y", "z"])
    truth, known = y[150:].to_numpy(), y[:150].to_numpy()
    predicted = model.predict(X[150:])
    mean = DummyRegressor().fit(X[:150], known).predict(X[150:])
    for name, function in (
        ("R²", sk.r2_score),
        ("mean absolute error", sk.mean_absolute_error),
        ("root mean squared error", sk.root_mean_squared_error),
    ):
        assert found[name].value == pytest.approx(function(truth, predicted))
        assert found[name].baseline == pytest.approx(function(truth, mean))
    assert found["R²"].value == pytest.approx(model.score(X[150:], y[150:]))


def test_labels():
    model = TabularClassifier(**SHORT)
    found, X, y = _measured(model, ["f", "g"])
    truth, predicted = y[150:].to_numpy(), model.predict(X[150:])
    assert found["all labels right"].value == sk.accuracy_score(truth, predicted)
    assert found["labels right"].value == pytest.approx(1 - sk.hamming_loss(truth, predicted))
    assert found["labels right"].baseline == pytest.approx(
        1 - sk.hamming_loss(truth, truth * 0 + [0, 0]), abs=0.2
    )


def test_what_a_part_cannot_measure_is_left_out():
    frame = _table()
    model = TabularClassifier(**SHORT).fit(frame.select("a", "b"), frame["two"])
    one_class = frame.filter(pl.col("two") == "n")
    found = measure(model, one_class.select("a", "b"), one_class.select("two"), None)
    assert [metric.name for metric in found] == ["accuracy", "balanced accuracy", "log loss"]
    assert [metric.baseline for metric in found] == [None] * 3
    regressor = TabularRegressor(**SHORT).fit(frame.select("a", "b"), frame["y"])
    single = measure(regressor, frame[:1].select("a", "b"), frame[:1].select("y"), None)
    assert "R²" not in [metric.name for metric in single]


def test_predictions_beyond_all_numbers():
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({"x": draw.normal(size=60), "y": draw.poisson(3, 60).astype(float)})
    model = TabularRegressor((), loss="poisson", max_epochs=20).fit(frame, "y")
    far = frame.with_columns(x=pl.Series([1e9, -1e9] * 30))
    with pytest.raises(DataError, match=r"prediction of row [12] is not finite"):
        measure(model, far.select("x"), far.select("y"), None)


@pytest.mark.parametrize(
    ("metric", "better"),
    [
        (Metric("R²", 0.5, 0.1, True), True),
        (Metric("R²", 0.1, 0.1, True), False),
        (Metric("error", 0.5, 0.1, False), False),
        (Metric("error", 0.05, 0.1, False), True),
        (Metric("error", 0.5, None, False), True),
    ],
)
def test_which_is_better(metric, better):
    assert metric.beats_baseline is better
