"""scikit-learn's tools around our estimators give what they give around its own network."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.neural_network as original
from mlp_cases import X, Y
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  makes the search importable
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from clearprop import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FEW = {"hidden_layer_sizes": (4,), "max_iter": 6, "random_state": 0, "learning_rate_init": 0.02}
PAIR = [original.MLPClassifier(**FEW), MLPClassifier(**FEW, engine="reference")]
WEIGHTS = np.random.default_rng(0).integers(0, 4, len(X)).astype(float)
MIXED = pd.DataFrame(
    {"length": X[:, 0], "width": X[:, 1], "colour": np.array(["red", "blue", "white"])[Y - 1]}
)


def both(fit):
    """Return what a function makes of scikit-learn's network and of ours."""
    return [fit(model) for model in PAIR]


@pytest.mark.parametrize("library", ["default", "pandas", "polars"])
def test_column_transformer_and_set_output(library):
    def fit(model):
        columns = ColumnTransformer(
            [
                ("numbers", StandardScaler(), ["length", "width"]),
                ("words", OneHotEncoder(sparse_output=False), make_column_selector("colour")),
            ]
        ).set_output(transform=library)
        return make_pipeline(columns, model).fit(MIXED, Y)

    theirs, ours = both(fit)
    assert_allclose(ours.predict_proba(MIXED), theirs.predict_proba(MIXED), atol=1e-9)
    if library != "default":
        assert list(ours[-1].feature_names_in_) == list(theirs[-1].feature_names_in_)
        assert ours[-1].feature_names_in_[2] == "words__colour_blue"


def test_sample_weights_are_routed():
    with config_context(enable_metadata_routing=True):

        def fit(model):
            weighted = model.set_fit_request(sample_weight=True).set_score_request(
                sample_weight=True
            )
            pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), weighted)
            scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=True)
            grid = {"mlpclassifier__alpha": [1e-3, 10.0]}
            search = GridSearchCV(pipeline, grid, cv=KFold(2, shuffle=True, random_state=0),
                                  scoring=scorer)  # fmt: skip
            return search.fit(X, Y, sample_weight=WEIGHTS)

        theirs, ours = (fit(clone(model)) for model in PAIR)
        scores = ours.cv_results_["mean_test_score"]
        assert_allclose(scores, theirs.cv_results_["mean_test_score"], rtol=1e-7)
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
    # and they count: without them the numbers are others
    plain = make_pipeline(StandardScaler(), PAIR[1]).fit(X, Y)
    assert np.abs(plain.predict_proba(X) - ours.predict_proba(X)).max() > 1e-3


def test_halving_search():
    def fit(model):
        return HalvingRandomSearchCV(
            model,
            {"alpha": [1e-4, 1e-2, 1.0, 30.0], "learning_rate_init": [1e-3, 0.05]},
            n_candidates=4,
            resource="max_iter",
            max_resources=8,
            min_resources=2,
            factor=2,
            cv=2,
            random_state=0,
        ).fit(X, Y)

    theirs, ours = both(fit)
    assert ours.best_params_ == theirs.best_params_
    assert ours.n_resources_ == theirs.n_resources_ == [2, 4, 8]
    assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_stacking_and_bagging():
    def stack(model):
        tree = DecisionTreeClassifier(max_depth=2, random_state=0)
        parts = [("network", model), ("tree", tree)]
        return StackingClassifier(parts, LogisticRegression(), cv=2).fit(X, Y).predict_proba(X)

    theirs, ours = both(stack)
    assert_allclose(ours, theirs, atol=1e-7)
    theirs, ours = both(
        lambda model: BaggingClassifier(model, 2, random_state=0).fit(X, Y).predict_proba(X)
    )
    assert_allclose(ours, theirs, atol=1e-9)


def test_partial_dependence():
    theirs, ours = both(
        lambda model: partial_dependence(model.fit(X, Y), X, [(0, 3)], grid_resolution=4)
    )
    assert ours["average"].shape == (3, 4, 4)
    assert_allclose(ours["average"], theirs["average"], atol=1e-9)
    regressors = [original.MLPRegressor(**FEW), MLPRegressor(**FEW, engine="reference")]
    theirs, ours = (
        partial_dependence(model.fit(X, X[:, 0] * X[:, 1]), X, [1], grid_resolution=5)["average"]
        for model in regressors
    )
    assert_allclose(ours, theirs, rtol=1e-7)


@pytest.mark.parametrize("backend", ["threading", "sequential"])
def test_joblib_backends(backend):
    with joblib.parallel_config(backend, n_jobs=2):
        theirs, ours = both(lambda model: cross_val_score(model, X, Y, cv=3))
    assert_array_equal(ours, theirs)


def test_dask_as_a_backend():
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with (
        distributed.Client(processes=False, dashboard_address=None, n_workers=1),
        joblib.parallel_config("dask"),
    ):
        theirs, ours = both(lambda model: cross_val_score(model, X, Y, cv=3))
    assert_array_equal(ours, theirs)


# ---- tables as they are ----

SHORT = {"hidden_layer_sizes": (4,), "max_epochs": 3, "engine": "reference"}
COLOURS = MIXED["colour"].to_numpy()


def test_a_table_in_a_search():
    model = TabularClassifier(**SHORT)
    cv = KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(model, {"dropout": [0.0, 0.5]}, cv=cv, scoring="neg_log_loss")
    search.fit(MIXED, Y)
    by_hand = []
    for train, test in cv.split(MIXED):
        fitted = TabularClassifier(**SHORT, dropout=0.5).fit(MIXED.iloc[train], Y[train])
        chances = fitted.predict_proba(MIXED.iloc[test])
        by_hand.append(np.log(chances[np.arange(len(test)), Y[test]]).mean())
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(np.mean(by_hand), rel=1e-6)


def test_a_table_with_words_through_inspection():
    # the word alone decides, and the numbers know nothing of it
    words = np.random.default_rng(0).permutation(COLOURS)
    frame, y = MIXED.assign(colour=words), (words == "red").astype(int)
    model = TabularClassifier(**{**SHORT, "max_epochs": 60}).fit(frame, y)
    assert model.score(frame, y) == 1
    found = permutation_importance(model, frame, y, n_repeats=3, random_state=0)
    # a third of the rows are red: mixing the words up costs about 2 · ⅓ · ⅔
    assert found.importances_mean[2] == pytest.approx(4 / 9, abs=0.1)
    assert np.abs(found.importances_mean[:2]).max() < 0.05
    curve = partial_dependence(model, frame, ["colour"], categorical_features=["colour"])
    chances = dict(zip(curve["grid_values"][0], curve["average"][0], strict=True))
    for colour in ("red", "blue", "white"):
        forced = model.predict_proba(frame.assign(colour=colour))[:, 1].mean()
        assert chances[colour] == pytest.approx(forced, rel=1e-5)


def test_weights_of_a_table_are_routed():
    with config_context(enable_metadata_routing=True):
        model = TabularRegressor(**SHORT).set_fit_request(sample_weight=True)
        found = cross_val_predict(model, MIXED, X[:, 2], cv=KFold(2),
                                  params={"sample_weight": WEIGHTS})  # fmt: skip
    half = len(X) // 2
    by_hand = TabularRegressor(**SHORT).fit(MIXED[half:], X[half:, 2], WEIGHTS[half:])
    assert_allclose(found[:half], by_hand.predict(MIXED[:half]), rtol=1e-6)


def frames():
    polars = pl.from_pandas(MIXED)
    yield "lazy Polars", polars.lazy
    yield "PyArrow", polars.to_arrow
    yield "a mapping", lambda: {name: MIXED[name].tolist() for name in MIXED}
    yield "pandas with PyArrow's types", lambda: MIXED.convert_dtypes(dtype_backend="pyarrow")
    yield "DuckDB", lambda: _duckdb(polars.to_arrow())


def _duckdb(table):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    return duckdb.from_arrow(table)


@pytest.mark.parametrize(("name", "made"), [pytest.param(*pair, id=pair[0]) for pair in frames()])
def test_frames_of_every_library(name, made):
    model = TabularClassifier(**SHORT)
    wanted = model.fit(MIXED, Y).predict_proba(MIXED)
    assert_array_equal(model.fit(made(), Y).predict_proba(made()), wanted)
