"""The fit loop: events, stopping, validation, restoring, interruption, divergence."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris

from clearprop import Dense, Network, Parameters, Settings, train
from clearprop.engines import Block, Recipe, build
from clearprop.equations import Adam, GradientDescent, Penalty
from clearprop.errors import SettingError
from clearprop.training import (
    Adaptive,
    Batches,
    Epoch,
    InOrder,
    Run,
    Shuffled,
    Stop,
    Stopping,
    Validation,
    minimise,
)

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
NETWORK = Network(4, (Dense(6, "tanh"), Dense(3, "softmax")), "cross_entropy", "float64")
NEVER = Stopping(patience=np.inf)


def block(rows=slice(None)):
    return Block.of(NETWORK, X[rows], Y[rows])


def settings(epochs=3, rate=0.01, **changes):
    recipe = Recipe(Adam(rate), batch_size=32, epochs=epochs)
    return Settings(recipe, **{"stopping": NEVER, **changes})


def log_loss(vector, rows=slice(None)):
    probabilities = build("reference", NETWORK, Recipe()).predict(vector, X[rows])
    return float(-np.log(probabilities[np.arange(len(Y[rows])), Y[rows]]).mean())


def test_events_tell_the_whole_run_in_order():
    events = list(Run(NETWORK, block(), settings()).events())
    epochs = [e for e in events if isinstance(e, Epoch)]
    assert [e.epoch for e in epochs] == [1, 2, 3]
    assert isinstance(events[-1], Stop)
    assert events[-1].reason == "finished"
    batches = [e for e in events if isinstance(e, Batches)]
    # 150 rows in batches of 32 are 5 steps an epoch
    assert sum(len(e.losses) for e in batches) == 15
    assert batches[-1].rows_done == 150
    assert batches[-1].step == 15


def test_an_epochs_loss_is_the_mean_over_its_rows():
    network, penalty = NETWORK, Penalty(l2=0.1)
    recipe = Recipe(GradientDescent(1e-12), penalty=penalty, batch_size=32, epochs=1)
    start = Parameters.initial(network, 4)
    outcome = train(network, block(), Settings(recipe, orders=InOrder()), parameters=start)
    # with a vanishing step the parameters stay, so the epoch's loss is the whole data's
    assert outcome.history.loss[0] == pytest.approx(log_loss(start.vector), rel=1e-9)
    squares = sum(float((W**2).sum()) for W in start.weights)
    assert outcome.history.objective[0] - outcome.history.loss[0] == pytest.approx(0.05 * squares)


def test_the_pieces_of_an_epoch_do_not_change_its_numbers(monkeypatch):
    whole = train(NETWORK, block(), settings()).parameters.vector
    monkeypatch.setattr("clearprop.training.loop.GRAIN", 1e-9)
    assert np.array_equal(train(NETWORK, block(), settings()).parameters.vector, whole)


def test_same_seed_same_bits_and_another_seed_another_run():
    one, two = (train(NETWORK, block(), settings(seed=5)).parameters.vector for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(train(NETWORK, block(), settings(seed=6)).parameters.vector, one)


def test_shuffles_are_permutations_and_a_function_of_seed_and_epoch():
    orders = Shuffled(3)
    first, second = orders.order(0, 50), orders.order(1, 50)
    assert sorted(first) == sorted(second) == list(range(50))
    assert not np.array_equal(first, second)
    assert np.array_equal(Shuffled(3).order(1, 50), second)
    assert not np.array_equal(Shuffled(4).order(1, 50), second)


def test_validation_loss_is_measured_after_the_epoch_without_dropout():
    network = replace(NETWORK, layers=(Dense(6, "tanh", dropout=0.5), NETWORK.layers[1]))
    held = np.arange(0, 150, 5)
    validation = Validation(Block.of(network, X[held], Y[held]))
    outcome = train(network, Block.of(network, X, Y), settings(1), validation=validation)
    plain = Parameters(NETWORK, outcome.parameters.vector)
    assert outcome.history.validation_loss[0] == pytest.approx(log_loss(plain.vector, held))


def test_stopping_counts_epochs_without_progress_and_restores_the_best():
    scores = iter([0.1, 0.5, 0.4, 0.45, 0.3, 0.2, 0.2])
    vectors = []

    def remember(event):
        if isinstance(event, Epoch):
            vectors.append(run.state.vector.copy())

    stopping = Stopping("validation_score", patience=2, tolerance=0.0, restore_best=True)
    validation = Validation(block(), score=lambda outputs: next(scores))
    run = Run(NETWORK, block(), settings(20, stopping=stopping), validation=validation)
    outcome = run.finish([remember])
    # epochs 3, 4 and 5 are three without progress, one more than the patience
    assert outcome.stop.reason == "converged"
    assert outcome.stop.epoch == 5
    assert outcome.stop.best_epoch == outcome.history.best_epoch == 2
    assert np.array_equal(outcome.parameters.vector, vectors[1])
    assert np.array_equal(outcome.state.vector, vectors[4])


def test_tolerance_asks_for_more_than_any_progress():
    scores = iter([0.5, 0.505, 0.51, 0.515])
    stopping = Stopping("validation_score", patience=1, tolerance=0.1)
    validation = Validation(block(), score=lambda outputs: next(scores))
    outcome = train(NETWORK, block(), settings(20, stopping=stopping), validation=validation)
    assert outcome.stop.epoch == 3


def test_an_adaptive_schedule_divides_the_rate_where_a_constant_one_stops():
    stopping = Stopping(patience=0, tolerance=10.0)
    recipe = Recipe(GradientDescent(1e-4), schedule=Adaptive(), batch_size=150, epochs=50)
    history = train(NETWORK, block(), Settings(recipe, stopping=stopping)).history
    # the first epoch betters -∞; from then on each one is a plateau, until the rate is ≤ 1e-6
    expected = [1e-4, 1e-4, 2e-5, 4e-6, 8e-7]
    assert history.learning_rate == pytest.approx(expected)


def test_a_listener_that_returns_true_stops_the_run():
    heard = []

    def listener(event):
        heard.append(type(event))
        return isinstance(event, Epoch) and event.epoch == 2

    outcome = train(NETWORK, block(), settings(50), listeners=[listener])
    assert outcome.stop.reason == "listener"
    assert len(outcome.history) == 2
    assert heard[-1] is Stop


def test_ctrl_c_ends_cleanly_and_keeps_the_best():
    def interrupt(event):
        if isinstance(event, Epoch) and event.epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

    outcome = train(NETWORK, block(), settings(10_000), listeners=[interrupt])
    assert outcome.stop.reason == "interrupted"
    assert outcome.stop.epoch == 3
    best = int(np.argmin(outcome.history.objective)) + 1
    assert outcome.stop.best_epoch == best
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_diverging_run_stops_and_names_epoch_layer_and_value():
    # the loss falls in the first epoch, and then one input is made infinite
    data = Block.of(NETWORK, X.copy(), Y)

    def poison(event):
        if isinstance(event, Epoch) and event.epoch == 2:
            data.x[7, 2] = np.inf

    outcome = train(NETWORK, data, settings(10), listeners=[poison])
    assert outcome.stop.reason == "diverged"
    assert "epoch 3" in outcome.stop.message
    assert "input column 2, row 7, which is inf" in outcome.stop.message
    assert np.isfinite(outcome.parameters.vector).all()


def test_divergence_through_the_rate_names_a_layer():
    network = Network(4, (Dense(6, "relu"), Dense(1, "identity")), "half_squared_error")
    target = Block.of(network, X, Y.astype(float))
    outcome = train(network, target, Settings(Recipe(GradientDescent(1e25), epochs=5)))
    assert outcome.stop.reason == "diverged"
    assert "layer" in outcome.stop.message


def test_watching_validation_without_validation_rows_is_refused():
    with pytest.raises(SettingError, match="no validation rows"):
        Run(NETWORK, block(), settings(stopping=Stopping("validation_loss")))


def test_history_round_trips_and_says_what_it_shows():
    history = train(NETWORK, block(), settings(), validation=Validation(block())).history
    again = type(history).from_document(history.to_document())
    assert again == history
    history.validation_loss[:] = [0.3, 0.2, 0.4]
    assert history.finding() == "Validation loss stopped falling at epoch 2"


def test_history_plots_both_curves_and_the_best_epoch():
    import matplotlib as mpl

    mpl.use("Agg")
    history = train(NETWORK, block(), settings(), validation=Validation(block())).history
    axes = history.plot()
    training, validation = axes.lines[:2]
    assert training.get_ydata().tolist() == history.loss
    assert validation.get_ydata().tolist() == history.validation_loss
    assert training.get_linestyle() != validation.get_linestyle()
    assert axes.get_title(loc="left") == history.finding()


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_lbfgs_reaches_the_optimum_of_logistic_regression(engine):
    from sklearn.linear_model import LogisticRegression

    network = Network(4, (Dense(3, "softmax"),), "cross_entropy", "float64")
    # scikit-learn minimises C Σ loss + ½‖w‖²; ours is the mean loss + ½ λ‖w‖², λ = 1 / (C n)
    oracle = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(X, Y)
    recipe = Recipe(penalty=Penalty(l2=1 / 150), epochs=500)
    chosen = Settings(recipe, engine, stopping=Stopping(tolerance=1e-10))
    outcome, result = minimise(network, Block.of(network, X, Y), chosen)
    assert result.success
    weights = outcome.parameters.weights[0]
    centred = weights - weights.mean(axis=0)
    # SciPy stops where the loss falls by less than 2e-9 of itself
    assert centred == pytest.approx(oracle.coef_ - oracle.coef_.mean(axis=0), abs=3e-4)
