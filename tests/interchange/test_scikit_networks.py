"""scikit-learn's networks and ours change places with the same weights, to the bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neural_network
from sklearn.datasets import load_iris

import clearprop
from clearprop import MLPClassifier, MLPRegressor, TabularClassifier
from clearprop.errors import SettingError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
FEW = {"hidden_layer_sizes": (5, 4), "max_iter": 4, "random_state": 0}
TARGETS = {
    "words": NAMES,
    "two": NAMES == "setosa",
    "several": np.column_stack([Y > 0, Y > 1]).astype(int),
}


def same_weights(a, b):
    for one, other in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        assert one.dtype == other.dtype
        assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("activation", ["relu", "logistic"])
def test_classifiers_come_and_go(target, activation, dtype):
    rows = X.astype(dtype)
    theirs = neural_network.MLPClassifier(**FEW, activation=activation).fit(rows, TARGETS[target])
    ours = clearprop.from_sklearn(theirs).set_params(engine="reference")
    same_weights(ours, theirs)
    tolerance = 1e-6 if dtype == np.float32 else 1e-13
    assert_allclose(ours.predict_proba(rows), theirs.predict_proba(rows), atol=tolerance)
    assert_array_equal(ours.predict(rows), theirs.predict(rows))
    back = clearprop.to_sklearn(ours)
    same_weights(back, theirs)
    assert_array_equal(back.predict_proba(rows), theirs.predict_proba(rows))
    assert back.get_params() == theirs.get_params()


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_regressors_come_and_go(loss):
    theirs = neural_network.MLPRegressor(loss=loss, **FEW).fit(X, np.exp(X[:, 0] / 4))
    ours = clearprop.from_sklearn(theirs).set_params(engine="reference")
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12)
    assert_array_equal(clearprop.to_sklearn(ours).predict(X), theirs.predict(X))


def test_both_go_on_from_there():
    frame = pd.DataFrame(X, columns=list("abcd"))
    theirs = neural_network.MLPClassifier(**FEW, warm_start=True).fit(frame, NAMES)
    ours = clearprop.from_sklearn(theirs).set_params(engine="reference")
    assert list(ours.feature_names_in_) == list("abcd")
    back = clearprop.to_sklearn(ours)
    # a fit that is gone on with draws its order from random_state anew in both
    for model in (ours, back, theirs):
        model.fit(frame, NAMES)
    assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9)
    assert_allclose(back.coefs_[0], theirs.coefs_[0], rtol=1e-9)
    back.partial_fit(frame, NAMES)
    ours.partial_fit(frame, NAMES)


def test_an_adopted_model_is_like_any_other(tmp_path):
    theirs = neural_network.MLPClassifier(**FEW).fit(X, NAMES)
    ours = clearprop.from_sklearn(theirs).set_params(engine="reference")
    clearprop.save(ours, tmp_path / "m.clearprop")
    loaded = clearprop.load(tmp_path / "m.clearprop")
    assert_array_equal(loaded.predict_proba(X), ours.predict_proba(X))
    ours.coefs_[0][:] = 0
    assert theirs.coefs_[0].any()


def test_what_scikit_learn_lacks_is_left_out_or_refused():
    few = {**FEW, "engine": "reference"}
    model = MLPRegressor("huber(0.5)", dropout=0.5, solver="adamw", learning_rate="cosine", **few)
    gone = clearprop.to_sklearn(model.fit(X, Y))
    assert (gone.loss, gone.solver, gone.learning_rate) == ("squared_error", "adam", "constant")
    assert_allclose(gone.predict(X), model.predict(X), rtol=1e-9)
    for activation, word in ((["relu", "tanh"], "one activation"), ("gelu", "'gelu'")):
        other = MLPClassifier(activation=activation, **few).fit(X, Y)
        with pytest.raises(SettingError, match=rf"{word}.*to_onnx"):
            clearprop.to_sklearn(other)
    with pytest.raises(SettingError, match=r"TabularClassifier came.*to_onnx"):
        clearprop.to_sklearn(TabularClassifier())
    for thing in (neural_network.MLPClassifier(), model):
        with pytest.raises(SettingError, match="fitted MLPClassifier or MLPRegressor of scikit"):
            clearprop.from_sklearn(thing)
