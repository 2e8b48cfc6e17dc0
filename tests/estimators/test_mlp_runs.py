"""Validation, and how runs are watched, stopped and broken off."""

from __future__ import annotations

import signal
import tracemalloc

import numpy as np
import pytest
from mlp_cases import HELD, TRAIN, X, Y, classifier, equal, regressor
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score, log_loss, mean_absolute_error, roc_auc_score
from sklearn.model_selection import train_test_split

from clearprop import MLPRegressor
from clearprop.errors import DataError, DivergenceError, SettingError
from clearprop.estimators.legacy import LegacyOrders
from clearprop.training import Epoch, Stop

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- validation ----


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_validation_loss_is_the_log_loss_of_those_rows(solver):
    weights = np.linspace(0.5, 2, len(HELD))
    model = classifier(solver=solver)
    model.fit(X[TRAIN], Y[TRAIN], validation_data=(X[HELD], Y[HELD], weights))
    assert len(model.validation_loss_curve_) == model.n_iter_
    wanted = log_loss(Y[HELD], model.predict_proba(X[HELD]), sample_weight=weights)
    assert_allclose(model.validation_loss_curve_[-1], wanted, rtol=1e-9)
    assert model.history_.validation_loss == model.validation_loss_curve_


def test_validation_rows_do_not_train():
    with_rows = classifier().fit(X[TRAIN], Y[TRAIN], validation_data=(X[HELD], Y[HELD]))
    assert equal(with_rows, classifier().fit(X[TRAIN], Y[TRAIN]))
    assert classifier().fit(X, Y).validation_loss_curve_ is None


def test_early_stopping_on_rows_of_ones_own():
    model = classifier(early_stopping=True, n_iter_no_change=5, max_iter=100)
    model.fit(X[TRAIN], Y[TRAIN], validation_data=(X[HELD], Y[HELD]))
    best = int(np.argmax(model.validation_scores_))
    assert model.n_iter_ == best + 7 or model.n_iter_ == 100
    assert model.best_validation_score_ == model.score(X[HELD], Y[HELD])
    assert model.t_ == model.n_iter_ * len(TRAIN)


def test_split_rows_have_a_loss_curve_too():
    model = classifier(early_stopping=True, restore_best=False, validation_fraction=0.2).fit(X, Y)
    # the split comes from the stream behind the initial weights: 6 * 4 + 6 + 6 * 3 + 3 numbers
    stream = np.random.RandomState(0)
    stream.uniform(size=51)
    held = train_test_split(np.arange(len(X)), test_size=0.2, random_state=stream)[1]
    wanted = log_loss(Y[held], model.predict_proba(X[held]), labels=[0, 1, 2])
    assert_allclose(model.validation_loss_curve_[-1], wanted, rtol=1e-9)


def jumpy(**parameters):
    """A run whose validation loss goes up and down."""
    model = classifier(
        solver="sgd", learning_rate_init=1.5, max_iter=25, n_iter_no_change=np.inf, **parameters
    )
    return model.fit(X[TRAIN], Y[TRAIN], validation_data=(X[HELD], Y[HELD]))


def test_restore_best_by_validation_loss():
    model = jumpy(early_stopping=True, monitor="loss")
    curve = model.validation_loss_curve_
    best = int(np.argmin(curve))
    assert best < 24
    assert_allclose(log_loss(Y[HELD], model.predict_proba(X[HELD])), curve[best], rtol=1e-9)
    assert model.history_.best_epoch == best + 1
    last = jumpy(early_stopping=True, monitor="loss", restore_best=False)
    assert_allclose(log_loss(Y[HELD], last.predict_proba(X[HELD])), curve[-1], rtol=1e-9)


def test_restore_best_by_training_loss():
    kept = []

    def keep(event):
        if isinstance(event, Epoch):
            kept.append(event)

    model = jumpy(restore_best=True, callbacks=[keep])
    best = int(np.argmin(model.loss_curve_))
    assert kept[best].improved
    assert best < 24
    curve = model.validation_loss_curve_
    assert_allclose(log_loss(Y[HELD], model.predict_proba(X[HELD])), curve[best], rtol=1e-9)


@pytest.mark.parametrize(
    ("monitor", "score"),
    [
        ("balanced_accuracy", lambda m: balanced_accuracy_score(Y[HELD], m.predict(X[HELD]))),
        ("neg_log_loss", lambda m: -log_loss(Y[HELD], m.predict_proba(X[HELD]))),
    ],
)
def test_monitor_by_a_scorer_s_name(monitor, score):
    model = jumpy(early_stopping=True, monitor=monitor)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert_allclose(score(model), model.best_validation_score_, rtol=1e-9)


def test_monitor_of_the_regressor_and_of_a_binary_task():
    model = regressor(early_stopping=True, monitor="neg_mean_absolute_error")
    model.fit(X[TRAIN, 1:], X[TRAIN, 0], validation_data=(X[HELD, 1:], X[HELD, 0]))
    error = mean_absolute_error(X[HELD, 0], model.predict(X[HELD, 1:]))
    assert_allclose(-model.best_validation_score_, error, rtol=1e-9)
    y = np.where(Y == 1, "b", "a")
    model = classifier(early_stopping=True, monitor="roc_auc")
    model.fit(X[TRAIN], y[TRAIN], validation_data=(X[HELD], y[HELD]))
    wanted = roc_auc_score(y[HELD] == "b", model.predict_proba(X[HELD])[:, 1])
    assert_allclose(model.best_validation_score_, wanted)


def test_validation_data_that_does_not_fit():
    with pytest.raises(DataError, match=r"classes that y has not: .*2"):
        classifier().fit(X[Y < 2], Y[Y < 2], validation_data=(X, Y))
    with pytest.raises(SettingError, match="must be a tuple"):
        classifier().fit(X, Y, validation_data=X)
    with pytest.raises(ValueError, match="features"):
        classifier().fit(X, Y, validation_data=(X[:, :2], Y))


# ---- the run ----


def test_callbacks_see_the_run_and_may_stop_it():
    seen = []

    def watch(event):
        seen.append(event)
        return isinstance(event, Epoch) and event.epoch == 3

    model = classifier(callbacks=[watch]).fit(X, Y)
    assert model.n_iter_ == 3
    assert [e.objective for e in seen if isinstance(e, Epoch)] == model.loss_curve_
    assert isinstance(seen[-1], Stop)
    assert seen[-1].reason == "listener"
    with pytest.raises(SettingError, match="callbacks must be functions"):
        classifier(callbacks=[3]).fit(X, Y)


def test_callbacks_of_lbfgs():
    model = classifier(solver="lbfgs", callbacks=[lambda e: isinstance(e, Epoch) and e.epoch == 4])
    model.fit(X, Y)
    assert model.n_iter_ == 4
    assert_allclose(model.history_.objective[-1], model.loss_, rtol=1e-6)


def test_progress_bar(capsys):
    classifier(progress=True).fit(X, Y)
    said = capsys.readouterr()
    assert "epoch 8/8" in said.err
    assert said.out == ""


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_engines_agree(solver):
    native, reference = (
        classifier(engine=engine, solver=solver, tol=0).fit(X, Y)
        for engine in ("native", "reference")
    )
    assert_allclose(native.parameters_.vector, reference.parameters_.vector, rtol=1e-7, atol=1e-9)
    assert_allclose(native.predict_proba(X), reference.predict_proba(X), rtol=1e-8, atol=1e-12)
    assert reference.trace(X, Y).engine == "reference"


def test_threads():
    one, two = (classifier(threads=n, batch_size=60).fit(X, Y) for n in (1, 2))
    assert_allclose(one.parameters_.vector, two.parameters_.vector, rtol=1e-9, atol=1e-12)
    assert equal(two, classifier(threads=2, batch_size=60).fit(X, Y))


def test_coefs_are_the_parameters():
    model = classifier().fit(X, Y)
    assert all(np.shares_memory(W, model.parameters_.vector) for W in model.coefs_)
    model.coefs_[0][:] = 0
    model.intercepts_[0][:] = 0
    assert np.ptp(model.predict_proba(X), axis=0).max() == 0
    model.coefs_[-1] = np.zeros((6, 3))
    model.intercepts_ = [model.intercepts_[0], np.log([0.5, 0.3, 0.2])]
    assert_allclose(model.predict_proba(X[:1]), [[0.5, 0.3, 0.2]])
    assert_allclose(model.parameters_.biases[-1], np.log([0.5, 0.3, 0.2]))
    model.coefs_[0] = np.zeros((5, 6))
    with pytest.raises(ValueError, match="W1 must have shape"):
        model.predict(X)


def test_trace_is_the_step_that_comes_next():
    model = classifier().partial_fit(X, Y, classes=[0, 1, 2])
    trace = model.trace(X, Y)
    before = model.parameters_.vector.copy()
    assert_array_equal(trace.vector, before)
    model.set_params(shuffle=False).partial_fit(X, Y)
    assert_array_equal(model.parameters_.vector, before + trace.update)
    assert_allclose(trace.loss + trace.penalty, model.loss_, rtol=1e-12)


def test_diverging_keeps_the_best_epoch():
    rows = np.vstack([X, X])

    def spoil(event):
        # a training run that leaves the finite numbers in its third epoch
        if isinstance(event, Epoch) and event.epoch == 2:
            rows[0, 0] = np.inf

    model = classifier(callbacks=[spoil], shuffle=False)
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch 3.*epoch 2 are kept"):
        model.fit(rows, np.r_[Y, Y])
    assert model.n_iter_ == 2
    rows[0] = X[0]
    assert equal(model, classifier(max_iter=2, shuffle=False).fit(rows, np.r_[Y, Y]))


def test_diverging_at_once_is_an_error():
    model = regressor(solver="sgd", learning_rate_init=1e200, batch_size=10)
    with pytest.raises(DivergenceError, match="Training diverged in epoch 1"):
        model.fit(X, X[:, 0])
    assert not hasattr(model, "coefs_")
    with pytest.raises(ValueError, match="not finite"):
        regressor(solver="sgd", learning_rate_init=1e308, max_iter=1).fit(X, 1e10 * X[:, 0])


def test_interrupt_keeps_what_is_there():
    def interrupt(event):
        if isinstance(event, Epoch) and event.epoch == 3:
            signal.raise_signal(signal.SIGINT)

    model = classifier(callbacks=[interrupt])
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, Y)
    assert model.n_iter_ == 3
    assert equal(model, classifier(max_iter=3).fit(X, Y))

    def raise_(event):
        if isinstance(event, Epoch):
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = classifier(callbacks=[raise_]).fit(X, Y)
    assert model.n_iter_ == 1


def test_warm_start_needs_the_same_network():
    model = classifier(warm_start=True).fit(X, Y)
    with pytest.raises(
        SettingError, match=r"4 → 3 relu → 3 softmax, but .* 4 → 6 relu → 3 softmax"
    ):
        model.set_params(hidden_layer_sizes=(3,)).fit(X, Y)


def test_warm_start_does_not_lose_an_earlier_best():
    """A second run that only gets worse ends with the first run's parameters."""
    model = classifier(
        early_stopping=True, warm_start=True, max_iter=60, n_iter_no_change=60, batch_size=20
    ).fit(X, Y)
    best = model.parameters_.vector.copy()
    reached = model.best_validation_score_
    assert reached > 0.9
    # one class is drowned, so that the score on the very same rows falls
    model.set_params(class_weight={0: 0.0, 1: 0.0, 2: 1.0}, learning_rate_init=1.0, max_iter=2)
    model.fit(X, Y)
    assert model.validation_scores_[-1] <= reached
    assert_array_equal(model.parameters_.vector, best)


def test_a_fit_that_fails_leaves_the_model_as_it_was():
    model = classifier().fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(SettingError, match="activation"):
        model.set_params(activation="nothing").fit(X, Y > 0)
    assert_array_equal(model.predict_proba(X), before)
    assert_array_equal(model.classes_, [0, 1, 2])


def test_orders_are_cumulative_permutations():
    orders = LegacyOrders(np.arange(10, 20), np.random.RandomState(0), shuffle=True)
    first, second = orders.order(0, 30), orders.order(1, 30)
    stream = np.random.RandomState(0)
    one, two = stream.permutation(10), stream.permutation(10)
    assert_array_equal(first, 10 + one)
    assert_array_equal(second, 10 + one[two])


def test_data_is_held_once():
    """Neither fit nor predict copies rows that fit the network's precision."""
    big = np.random.RandomState(0).rand(200_000, 20).astype(np.float32)
    y = big[:, 0].copy()
    model = MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, batch_size=10_000, shuffle=False)
    model.fit(big, y)
    tracemalloc.start()
    model.fit(big, y)
    model.predict(big)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.7 * big.nbytes
