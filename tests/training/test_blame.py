"""What is not finite is caught where it arises and named: every engine, every kind of network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from clearprop import GRU, LSTM, Dense, Network, Parameters, Periodic, Scaling, Settings, train
from clearprop.engines import Block, Recipe, build
from clearprop.equations import Adam, GradientDescent
from clearprop.estimators import MLPRegressor, RNNRegressor, TabularRegressor
from clearprop.training import Epoch, InOrder, Run, Stopping, Validation, minimise
from clearprop.training.blame import blame, find_fault

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(24, 3))
Y = X @ np.array([[1.0], [2.0], [-1.0]])
SERIES = [RANDOM.normal(size=(n, 2)) for n in (6, 4, 5, 3, 6, 2)]
HALF = "half_squared_error"

PLAIN = Network(3, (Dense(4, "tanh"), Dense(1)), HALF, "float64")
MEMBERS = Network(3, (Periodic((0, 1)), Scaling(), Dense(4, "relu"), Dense(1)), HALF, members=2)
LAST = Network(2, (GRU(3, direction="both"), Dense(1)), HALF, "float64")
EVERY = Network(2, (LSTM(3), Dense(1)), HALF, "float64", readout="every")
NETWORKS = {"plain": PLAIN, "members": MEMBERS, "last": LAST, "every": EVERY}
ENGINES = [(name, engine) for name in NETWORKS for engine in ("reference", "native")]


def run_of(name, engine, validation=None, **changes):
    network = NETWORKS[name]
    if network.recurrent:
        targets = [steps[:, :1] for steps in SERIES]
        y = targets if name == "every" else np.array([t.sum(axis=0) for t in targets])
        block = Block.of(network, SERIES, y)
        # a poisoned copy must not reach the other tests
        block = replace(block, x=replace(block.x, values=block.x.values.copy()))
    else:
        block = Block.of(network, X.astype(network.dtype, copy=True), Y)
    truncate = 2 if name == "every" else None
    recipe = Recipe(Adam(0.01), batch_size=4, epochs=4, truncate=truncate)
    asked = {"orders": InOrder(), "stopping": Stopping(patience=99), **changes}
    return Run(network, block, Settings(recipe, engine, **asked), validation=validation)


def until(run, epoch, spoil):
    """Run, spoil something at the end of an epoch, and return what came of it."""
    return run.finish([lambda event: isinstance(event, Epoch) and event.epoch == epoch and spoil()])


@pytest.mark.parametrize(("name", "engine"), [*ENGINES, ("plain", "xla")])
def test_a_parameter_that_is_not_finite(name, engine, monkeypatch):
    # whether JAX computes right is another test's
    monkeypatch.setattr("clearprop.engines.xla.engine.check_jax", lambda *given: None)
    run = run_of(name, engine)
    network, best = run.network, []
    segment = network.segments[-2]  # a weight matrix of the last layer
    place = segment.view(np.arange(network.size)).ravel()[1]

    def spoil():
        best.append(run.state.vector.copy())
        run.state.vector[place] = np.nan

    outcome = until(run, 2, spoil)
    assert outcome.stop.reason == "diverged"
    assert "Training diverged in epoch 3, step" in outcome.stop.message
    where = rf"is {segment.name}[" if name != "members" else f"is {segment.name}"
    assert where in outcome.stop.message
    assert f"of layer {segment.layer}, which is nan. Lower the learning" in outcome.stop.message
    assert np.array_equal(outcome.parameters.vector, best[0])


@pytest.mark.parametrize(("name", "engine"), ENGINES)
def test_an_input_that_is_not_finite(name, engine):
    run = run_of(name, engine)
    sequences = run.network.recurrent
    values = run.block.x.values if sequences else run.block.x

    def spoil():
        # sequence 2 begins at row 10
        values[10 + 3 if sequences else 13, 1] = -np.inf

    message = until(run, 1, spoil).stop.message
    row = "sequence 2, step 3" if sequences else "row 13"
    assert f"is input, input column 1, {row}, which is -inf." in message
    step = {"plain": 10, "members": 10, "last": 3, "every": 7 + 1}[name]
    if name != "every":  # whose pieces are steps of their own
        assert f"epoch 2, step {step}:" in message


@pytest.mark.parametrize(("name", "engine"), ENGINES)
def test_what_overflows_on_the_way_is_what_the_trace_shows(name, engine):
    """Parameters that are finite and too large: the first that overflows is named, and no other."""
    run = run_of(name, engine)

    def spoil():
        run.state.vector[...] = np.finfo(run.network.dtype).max / 4

    outcome = until(run, 1, spoil)
    message = outcome.stop.message
    assert outcome.stop.reason == "diverged"
    oracle = build("reference", run.network, run.settings.recipe)
    rows = run.block.visited(run.state.position, run.state.position + 4)
    with np.errstate(all="ignore"):
        fault = find_fault(oracle.trace(run.state, run.block, rows))
    assert fault is not None
    assert fault.operation in ("z", "a", "loss")
    first = str(fault).rsplit(", which is ", 1)[0]
    assert f"not finite is {first}" in message


def test_an_update_that_is_too_long_is_caught_in_its_epoch():
    """There is no step behind it that would notice."""
    recipe = Recipe(GradientDescent(1e308), batch_size=24, epochs=1)
    block = Block.of(PLAIN, X, 1e3 * Y)
    stop = train(PLAIN, block, Settings(recipe, "reference")).stop
    assert stop.reason == "diverged"
    assert (
        "Training diverged in epoch 1, step 1: its update left a parameter that is" in stop.message
    )
    assert stop.epoch == 0


def test_validation_rows_with_a_loss_that_is_not_finite():
    """That is no end: it is warned of, once and with the blame, and no such epoch is the best."""
    held = Block.of(PLAIN, X[:6].copy(), Y[:6])
    good = held.x[4, 2]
    stopping = Stopping("validation_loss", restore_best=True)
    run = run_of("plain", "native", Validation(held), stopping=stopping)

    def listen(event):
        if isinstance(event, Epoch):
            held.x[4, 2] = np.nan if event.epoch < 3 else good

    words = (
        r"After epoch 2 the loss on validation rows is nan: .*input column 2, row 4, which is nan"
    )
    with pytest.warns(RuntimeWarning, match=words) as caught:
        outcome = run.finish([listen])
    assert len(caught) == 1
    assert outcome.stop.best_epoch == 4
    assert run.progress.waited == 0


def test_l_bfgs_keeps_the_best_and_says_what_broke():
    network = Network(3, (Dense(4, "relu"), Dense(1, "exp")), "poisson", "float64")
    block = Block.of(network, X.copy(), np.abs(Y))

    def spoil(event):
        if isinstance(event, Epoch) and event.epoch == 2:
            block.x[5, 1] = np.nan

    settings = Settings(Recipe(epochs=20), "reference")
    outcome, result = minimise(network, block, settings, listeners=[spoil])
    assert result is None
    assert outcome.stop.reason == "diverged"
    assert "input column 1, row 5, which is nan." in outcome.stop.message
    assert np.isfinite(outcome.parameters.vector).all()
    block.x[5, 1] = 0
    two, _ = minimise(network, block, replace(settings, recipe=Recipe(epochs=2)))
    assert outcome.stop.epoch == 2
    assert two.stop.epoch == 2


@pytest.mark.parametrize("model", [MLPRegressor, RNNRegressor, TabularRegressor])
def test_every_estimator_says_it(model):
    large = {"learning_rate": 1e30} if model is TabularRegressor else {"learning_rate_init": 1e30}
    given = {"max_epochs": 3} if model is TabularRegressor else {"max_iter": 3, "solver": "sgd"}
    x = np.array(SERIES[:1] * 6) if model is RNNRegressor else X
    y = np.arange(6.0) if model is RNNRegressor else Y[:, 0]
    estimator = model(random_state=0, engine="reference", **large, **given)
    words = (
        r"Training diverged in epoch \d, step \d: .*(layer \d|the loss of row \d).*"
        r"Lower the learning rate.* The parameters of epoch 1 are kept"
    )
    with pytest.warns(ConvergenceWarning, match=words):
        estimator.fit(x, y)
    assert np.isfinite(estimator.parameters_.vector).all()


def test_blame_without_a_fault_speaks_of_the_gradient():
    engine = build("reference", PLAIN, Recipe())
    state = engine.initial_state(Parameters.initial(PLAIN, 0))
    trace = engine.trace(state, Block.of(PLAIN, X, Y), np.arange(3))
    assert find_fault(trace) is None
    assert blame(trace) == "the gradient"
