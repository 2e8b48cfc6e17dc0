"""The classes among scikit-learn's tools, in pickles, in threads and in model files."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network as original
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import clearprop
from clearprop import CustomLoss, Loss, MLPClassifier, MLPRegressor
from clearprop.errors import ClearpropError, FileError, SettingError
from clearprop.files import Parts, from_parts, load, save, to_parts

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 15, "random_state": 0, "learning_rate_init": 0.02}
PAIR = [original.MLPClassifier, MLPClassifier]


def same(a, b):
    return a.parameters_.vector.tobytes() == b.parameters_.vector.tobytes()


# ---- scikit-learn's tools give what they give around the original ----


def test_grid_search_in_two_processes():
    found = [
        GridSearchCV(cls(**SMALL), {"alpha": [1e-4, 30.0], "solver": ["adam", "lbfgs"]},
                     cv=3, n_jobs=2).fit(X, NAMES)
        for cls in PAIR
    ]  # fmt: skip
    theirs, ours = found
    assert ours.best_params_ == theirs.best_params_
    assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=0.011
    )


def test_cross_validated_pipeline():
    theirs, ours = (
        cross_val_score(make_pipeline(StandardScaler(), cls(**SMALL)), X, NAMES, cv=4)
        for cls in PAIR
    )
    assert_array_equal(ours, theirs)


def test_calibration():
    theirs, ours = (
        CalibratedClassifierCV(cls(**SMALL), cv=3).fit(X, Y).predict_proba(X) for cls in PAIR
    )
    assert_allclose(ours, theirs, rtol=1e-5, atol=1e-8)


def test_permutation_importance():
    theirs, ours = (
        permutation_importance(cls(**SMALL).fit(X, Y), X, Y, n_repeats=3, random_state=0)
        for cls in PAIR
    )
    assert_array_equal(ours.importances, theirs.importances)


def test_frames_and_their_names():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = MLPClassifier(**SMALL).fit(frame, NAMES)
    assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
    assert_array_equal(
        model.predict_proba(frame), MLPClassifier(**SMALL).fit(X, Y).predict_proba(X)
    )
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])


def test_metadata_routing():
    with config_context(enable_metadata_routing=True):
        model = MLPClassifier().set_fit_request(sample_weight=True, validation_data=True)
        requests = model.get_metadata_routing().fit.requests
    assert requests == {"sample_weight": True, "validation_data": True}


# ---- copies ----


def test_clone_keeps_every_parameter():
    given = dict(
        SMALL, activation=["gelu"], loss=Loss("cross_entropy", label_smoothing=0.1),
        class_weight={0: 2.0}, dropout=[0.2],
    )  # fmt: skip
    copied = clone(MLPClassifier(**given))
    parameters = copied.get_params()
    assert {name: parameters[name] for name in given} == given
    assert not hasattr(copied, "coefs_")


@pytest.mark.parametrize("copier", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_copies_predict_to_the_bit_and_go_on(copier):
    model = MLPClassifier(**SMALL, dropout=0.2).partial_fit(X, NAMES, classes=np.unique(NAMES))
    copied = copier(model)
    assert_array_equal(copied.predict_proba(X), model.predict_proba(X))
    assert np.shares_memory(copied.coefs_[0], copied.parameters_.vector)
    assert not np.shares_memory(copied.coefs_[0], model.coefs_[0])
    model.partial_fit(X, NAMES)
    copied.partial_fit(X, NAMES)
    assert same(model, copied)


def test_a_pickle_holds_the_parameters_once():
    model = MLPRegressor(hidden_layer_sizes=(20_000,), solver="lbfgs", max_iter=1).fit(X, Y)
    assert len(pickle.dumps(model)) < 1.2 * model.parameters_.vector.nbytes


def test_a_pickle_holds_what_was_put_into_coefs():
    model = MLPRegressor(hidden_layer_sizes=(), max_iter=1).fit(X, Y)
    model.coefs_[0] = np.ones((4, 1))
    model.intercepts_[0][:] = 0
    assert_allclose(pickle.loads(pickle.dumps(model)).predict(X), X.sum(axis=1))


def test_mapped_from_a_file(tmp_path):
    model = MLPClassifier(**SMALL).fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert_array_equal(mapped.predict_proba(X), model.predict_proba(X))
    mapped.partial_fit(X, Y)


def test_threads_may_predict_at_once():
    model = MLPClassifier((50,), max_iter=3, random_state=0).fit(X, Y)
    rows = np.random.RandomState(0).rand(4000, 4)
    wanted = model.predict_proba(rows)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: model.predict_proba(rows), range(24)):
            assert_array_equal(found, wanted)


def test_import_is_lazy():
    code = (
        "import sys, clearprop.estimators\n"
        "assert not {'sklearn', 'numba', 'polars', 'scipy'} & set(sys.modules)\n"
        "from clearprop import MLPClassifier\n"
        "assert not {'numba', 'matplotlib', 'polars'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- model files ----

BITS = np.random.RandomState(0).rand(len(X)) > 0.5
MANY_X, MANY_Y = make_multilabel_classification(80, 4, n_classes=3, random_state=0)
MODELS = {
    "text labels": (MLPClassifier(**SMALL), X, NAMES),
    "objects": (MLPClassifier(**SMALL), X, NAMES.astype(object)),
    "whole numbers": (MLPClassifier(**SMALL), X, Y.astype(np.int32) - 1),
    "booleans": (MLPClassifier(**SMALL), X.astype(np.float32), BITS),
    "floats": (MLPClassifier(**SMALL), X, Y.astype(float)),
    "one class": (MLPClassifier(**SMALL), X, np.zeros(len(X), int)),
    "multilabel": (MLPClassifier(**SMALL), MANY_X, MANY_Y),
    "all settings": (
        MLPClassifier(
            np.array([5, 4]), ["leaky_relu(0.3)", "tanh"], solver="adamw", dropout=(0.1, 0.0),
            class_weight={0: 1.0, 1: 2.0, 2: 0.5}, n_iter_no_change=np.inf, max_iter=4,
            random_state=np.random.RandomState(0), callbacks=[print and (lambda event: None)],
            label_smoothing=0.1, clip_norm=1.0, early_stopping=True, monitor="loss",
        ),
        X,
        Y,
    ),
    "a loss with a number": (MLPRegressor(Loss("huber", 0.3), **SMALL), X, Y),
    "two columns": (MLPRegressor(**{**SMALL, "solver": "lbfgs"}), X[:, :2], X[:, 2:]),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model_file_brings_the_model_back(name, tmp_path):
    given, rows, targets = MODELS[name]
    model = clone(given).fit(rows, targets)
    save(model, tmp_path / "model.clearprop")
    loaded = load(tmp_path / "model.clearprop")
    assert type(loaded) is type(model)
    assert_array_equal(loaded.predict(rows), model.predict(rows))
    assert loaded.predict(rows).dtype == model.predict(rows).dtype
    if isinstance(model, MLPClassifier):
        assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
        assert_array_equal(loaded.classes_, model.classes_)
        assert loaded.classes_.dtype == model.classes_.dtype
    for attribute in (
        "loss_", "n_iter_", "t_", "loss_curve_", "best_loss_", "validation_scores_",
        "best_validation_score_", "validation_loss_curve_", "n_features_in_", "out_activation_",
        "history_", "network_",
    ):  # fmt: skip
        assert hasattr(loaded, attribute) == hasattr(model, attribute), attribute
        assert getattr(loaded, attribute, None) == getattr(model, attribute, None), attribute
    loaded.set_params(warm_start=True, max_iter=2, random_state=1).fit(rows, targets)
    again = copy.deepcopy(model).set_params(warm_start=True, max_iter=2, random_state=1)
    assert same(loaded, again.fit(rows, targets))


def test_settings_come_back():
    model = clone(MODELS["all settings"][0]).fit(X, Y)
    loaded = from_parts(to_parts(model))
    left_out = {"callbacks", "random_state", "hidden_layer_sizes"}
    for name, value in model.get_params().items():
        if name not in left_out:
            found = getattr(loaded, name)
            assert (list(found) if name == "dropout" else found) == (
                list(value) if name == "dropout" else value
            ), name
    assert loaded.callbacks is loaded.random_state is None
    assert loaded.hidden_layer_sizes == (5, 4)


def test_feature_names_come_back(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"))
    save(MLPRegressor(**SMALL).fit(frame, Y), tmp_path / "m.clearprop")
    loaded = load(tmp_path / "m.clearprop")
    assert list(loaded.feature_names_in_) == list("abcd")
    loaded.predict(frame)


def test_a_loaded_model_goes_on_with_partial_fit():
    model = MLPClassifier(**SMALL).fit(X, NAMES)
    loaded = from_parts(to_parts(model)).partial_fit(X, NAMES)
    assert loaded.t_ == model.t_ + 150
    step = model.trace(X, NAMES)
    assert_allclose(loaded.loss_, step.loss + step.penalty, rtol=1e-12)
    assert not same(loaded, model)
    assert len(loaded.loss_curve_) == 16


def test_parts_share_no_memory_with_a_model_built_from_them():
    model = MLPClassifier(**SMALL).fit(X, Y)
    built = from_parts(to_parts(model))
    built.coefs_[0][:] = 0
    assert model.coefs_[0].all()


def test_a_loss_of_ones_own_is_asked_for_again():
    own = CustomLoss(lambda y, a: ((y - a) ** 2).sum(axis=1), lambda y, z, a: 2 * (a - y), "mine")
    model = MLPRegressor(own, **SMALL).fit(X, Y)
    loaded = from_parts(to_parts(model))
    assert_array_equal(loaded.predict(X), model.predict(X))
    with pytest.raises(SettingError, match=r"'mine'.*give it again"):
        loaded.fit(X, Y)
    loaded.set_params(loss=own, warm_start=True).fit(X, Y)


def test_parts_that_do_not_fit():
    parts = to_parts(MLPClassifier(**SMALL).fit(X, Y))

    def broken(**changes):
        return Parts(parts.kind, {**parts.document, **changes}, {}, dict(parts.children))

    wrong = {
        "settings": {**parts.document["settings"], "alpha": -1},
        "fitted": {"coefs_": 1},
        "classes": {**parts.document["classes"], "dtype": "<M8[s]"},
        "history": {},
    }
    for name, value in wrong.items():
        with pytest.raises(FileError):
            from_parts(broken(**{name: value}))
    with pytest.raises(FileError, match="settings"):
        from_parts(broken(settings={"alpha": 1}))
    with pytest.raises(FileError, match="classes"):
        from_parts(broken(classes={**parts.document["classes"], "values": [0, 1]}))
    with pytest.raises((ClearpropError, ValueError)):
        to_parts(clearprop.MLPClassifier())
