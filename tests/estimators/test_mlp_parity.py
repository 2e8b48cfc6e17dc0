"""The numbers of scikit-learn's own networks, for the same `random_state`."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.neural_network as original
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning

import clearprop

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS_X, IRIS_Y = load_iris(return_X_y=True)
WEIGHTS = np.random.RandomState(3).randint(1, 4, len(IRIS_Y)).astype(float)
MANY_X, MANY_Y = make_multilabel_classification(120, 6, n_classes=3, random_state=0)

# name → class, X, y
TASKS = {
    "binary": ("MLPClassifier", IRIS_X, np.array(["no", "yes"])[(IRIS_Y == 1).astype(int)]),
    "multiclass": ("MLPClassifier", IRIS_X, IRIS_Y),
    "multilabel": ("MLPClassifier", MANY_X, MANY_Y),
    "regression": ("MLPRegressor", IRIS_X[:, 1:], IRIS_X[:, 0]),
    "poisson": ("MLPRegressor", IRIS_X[:, 1:] / 10, np.round(IRIS_X[:, 0])),
}
SOLVERS = ("sgd", "adam", "lbfgs")
OPTIONS = {
    "plain": {},
    "none hidden": {"hidden_layer_sizes": ()},
    "two hidden": {"hidden_layer_sizes": (7, 5), "activation": "tanh"},
    "logistic": {"activation": "logistic", "alpha": 0.5},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 4},
    "not shuffled": {"shuffle": False, "batch_size": 17},
    "weighted": {"weighted": True, "batch_size": 32},
    "weighted and early": {"weighted": True, "early_stopping": True},
}


def both(name, X, y, *, sample_weight=None, **parameters):
    """Fit scikit-learn's class and ours on the same data."""
    parameters = {"hidden_layer_sizes": (8,), "random_state": 1, "max_iter": 12, **parameters}
    return [
        getattr(room, name)(**parameters).fit(X, y, sample_weight) for room in (original, clearprop)
    ]


def assert_same(theirs, ours, rtol=1e-6, *, curves=True):
    """Hold every fitted attribute against scikit-learn's."""
    for a, b in zip(
        theirs.coefs_ + theirs.intercepts_, ours.coefs_ + ours.intercepts_, strict=True
    ):
        assert b.shape == a.shape
        assert_allclose(b, a, rtol=rtol, atol=rtol * np.abs(a).max())
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    names = ["loss_"]
    if theirs.solver != "lbfgs":
        names += [
            "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_",
        ]  # fmt: skip
    for name in names if curves else []:
        if getattr(theirs, name) is None:
            assert getattr(ours, name) is None
        else:
            assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=rtol, err_msg=name)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_numbers_are_the_original_s(task, solver, option):
    name, X, y = TASKS[task]
    options = dict(OPTIONS[option])
    weights = WEIGHTS[: len(X)] if options.pop("weighted", False) else None
    if task == "poisson":
        options["loss"] = "poisson"
    if solver == "lbfgs":
        # rounding grows along the way; that the way is the same shows in its first part
        options["max_iter"] = 8
    theirs, ours = both(
        name, X, y, sample_weight=weights, solver=solver, learning_rate_init=0.02, **options
    )
    assert_same(theirs, ours)
    assert np.mean(ours.predict(X) == theirs.predict(X)) == 1 or name == "MLPRegressor"
    if name == "MLPClassifier":
        assert np.array_equal(ours.classes_, theirs.classes_)
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)
        assert_allclose(
            ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-6, atol=1e-9
        )
    else:
        assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)


@pytest.mark.parametrize("schedule", ["invscaling", "adaptive"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_learning_rates_are_the_original_s(schedule, solver):
    theirs, ours = both(
        "MLPClassifier", IRIS_X, IRIS_Y, solver=solver, learning_rate=schedule, power_t=0.3,
        learning_rate_init=0.1, n_iter_no_change=1, tol=0.02, max_iter=150,
    )  # fmt: skip
    assert_same(theirs, ours)
    if schedule == "adaptive" and solver == "sgd":
        # it stopped because the rate had become too small, not at the first plateau
        assert 20 < ours.n_iter_ < 150


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("nesterov", [True, False])
def test_momentum_is_the_original_s(momentum, nesterov):
    assert_same(
        *both(
            "MLPRegressor",
            IRIS_X[:, 1:],
            IRIS_X[:, 0],
            solver="sgd",
            momentum=momentum,
            nesterovs_momentum=nesterov,
        )
    )


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("solver", SOLVERS)
def test_sparse_rows(kind, solver):
    X = kind(np.where(IRIS_X > 3, IRIS_X, 0))
    theirs, ours = both("MLPClassifier", X, IRIS_Y, solver=solver, max_iter=8)
    assert_same(theirs, ours)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize(("name", "y"), [("MLPClassifier", IRIS_Y), ("MLPRegressor", IRIS_X[:, 0])])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_single_precision_stays(name, y, solver):
    X = IRIS_X.astype(np.float32)
    theirs, ours = both(name, X, y, solver=solver)
    assert {a.dtype for a in ours.coefs_ + ours.intercepts_} == {np.dtype(np.float32)}
    assert_same(theirs, ours, rtol=1e-4)
    double = getattr(clearprop, name)(max_iter=1).fit(IRIS_X, y)
    assert double.coefs_[0].dtype == np.float64


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_several_columns_take_the_same_steps(solver):
    """scikit-learn's loss is a mean over columns, ours a sum; the gradient is the same."""
    X, Y = IRIS_X[:, 2:], IRIS_X[:, :2]
    theirs, ours = both("MLPRegressor", X, Y, solver=solver, alpha=0, tol=0)
    assert_same(theirs, ours, curves=False)
    assert_allclose(ours.loss_curve_, 2 * np.array(theirs.loss_curve_), rtol=1e-9)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_partial_fit_goes_on(solver, schedule):
    theirs, ours = (
        room.MLPClassifier(
            (6,),
            solver=solver,
            learning_rate=schedule,
            learning_rate_init=0.05,
            batch_size=20,
            random_state=5,
            tol=0.5,
            n_iter_no_change=1,
        )
        for room in (original, clearprop)
    )
    for start in (0, 50, 20, 90, 0, 30):
        rows = slice(start, start + 50)
        for model in (theirs, ours):
            model.partial_fit(IRIS_X[rows], IRIS_Y[rows], classes=[0, 1, 2])
        assert_same(theirs, ours)


def test_partial_fit_after_fit():
    theirs, ours = both("MLPRegressor", IRIS_X, IRIS_X[:, 0], solver="adam")
    for model in (theirs, ours):
        model.partial_fit(IRIS_X[:70], IRIS_X[:70, 1], WEIGHTS[:70])
    assert_same(theirs, ours)


@pytest.mark.parametrize("schedule", ["constant", "invscaling"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_warm_start_goes_on(solver, schedule):
    theirs, ours = both(
        "MLPClassifier", IRIS_X, IRIS_Y, solver=solver, learning_rate=schedule, warm_start=True,
        max_iter=5, learning_rate_init=0.05,
    )  # fmt: skip
    for model in (theirs, ours):
        model.fit(IRIS_X, IRIS_Y)
    assert_same(theirs, ours)
    if solver != "lbfgs":
        assert len(ours.loss_curve_) == 10


def test_stopping_carries_on_with_warm_start():
    """The count of epochs without progress runs on from one call to the next, as the best does."""
    theirs, ours = both(
        "MLPClassifier", IRIS_X, IRIS_Y, warm_start=True, max_iter=2, tol=10.0, n_iter_no_change=3
    )
    for _ in range(3):
        for model in (theirs, ours):
            model.fit(IRIS_X, IRIS_Y)
        assert_same(theirs, ours)


def test_a_generator_is_used_up_as_the_original_uses_it():
    streams = [np.random.RandomState(7) for _ in range(2)]
    for room, stream in zip((original, clearprop), streams, strict=True):
        room.MLPClassifier((4,), random_state=stream, max_iter=3, early_stopping=True).fit(
            IRIS_X, IRIS_Y
        )
    assert streams[0].randint(2**31) == streams[1].randint(2**31)


def test_verbose_prints_the_original_s_lines(capsys):
    said = []
    for room in (original, clearprop):
        for options in (
            {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30, "solver": "adam"},
            {"learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.1, "max_iter": 40},
        ):
            options = {"solver": "sgd", "learning_rate_init": 0.1, **options}
            room.MLPClassifier((4,), random_state=0, verbose=True, **options).fit(IRIS_X, IRIS_Y)
        said.append(capsys.readouterr().out)
    assert said[1] == said[0]
    assert "Setting learning rate" in said[1]
    assert "Stopping" in said[1]


def test_warnings_and_errors_are_the_original_s():
    for room in (original, clearprop):
        model = room.MLPClassifier((3,), max_iter=2, random_state=0)
        with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached and"):
            model.fit(IRIS_X, IRIS_Y)
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 2 iteration"):
            model.set_params(solver="lbfgs").fit(IRIS_X, IRIS_Y)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(solver="adam", batch_size=len(IRIS_X)).fit(IRIS_X, IRIS_Y)
        with pytest.warns(UserWarning, match="It is going to be clipped"):
            model.set_params(batch_size=1000).fit(IRIS_X, IRIS_Y)
        with pytest.raises(AttributeError, match="partial_fit"):
            room.MLPClassifier(solver="lbfgs").partial_fit  # noqa: B018
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            room.MLPClassifier().partial_fit(IRIS_X, IRIS_Y)
        with pytest.raises(ValueError, match="does not support early_stopping"):
            room.MLPRegressor(early_stopping=True).partial_fit(IRIS_X, IRIS_Y)
        with pytest.raises(ValueError, match="not the same as on last call"):
            model.partial_fit(IRIS_X, IRIS_Y, classes=[0, 1, 2, 3])
        with pytest.raises(ValueError, match="has classes not in"):
            model.partial_fit(IRIS_X, IRIS_Y + 1)
        with pytest.raises(ValueError, match="warm_start can only be used where"):
            model.set_params(warm_start=True).fit(IRIS_X, IRIS_Y + 1)
        with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0"):
            room.MLPRegressor(hidden_layer_sizes=(3, 0)).fit(IRIS_X, IRIS_Y)
        with pytest.raises(ValueError, match="validation set is too small"):
            room.MLPRegressor(early_stopping=True, validation_fraction=0.01).fit(
                IRIS_X[:50], IRIS_Y[:50]
            )
