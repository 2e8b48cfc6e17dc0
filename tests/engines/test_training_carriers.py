"""Carriers in the engines: the two agree, networks learn, and no number is made up."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris

from agreement import BATCH, DTYPES, PLAN_NAMES, PLANS, agree, plan
from clearprop import CustomLoss, Dense, Network, Parameters, Settings, train
from clearprop.engines import Block, Recipe, build
from clearprop.engines.native import NativeEngine
from clearprop.equations import CARRIERS, Adam, GradientDescent, Momentum, Penalty
from clearprop.errors import SettingError
from clearprop.training import minimise
from problems import apart, block_for, hidden_network, pair_network, vector_for

OTHERS = [name for name in CARRIERS if name != "exact"]
CUSTOM = CustomLoss(
    lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3 * (1 - a**2)
)
NETWORKS = {
    "matched softmax": lambda dtype: hidden_network("gelu", dtype, dropout=0.3),
    "unmatched": lambda dtype: pair_network("huber", "tanh", dtype, dropout=0.2),
    "unmatched softmax": lambda dtype: pair_network("half_squared_error", "softmax", dtype),
    "matched": lambda dtype: pair_network("poisson", "exp", dtype, scale=0.7),
    "own loss": lambda dtype: Network(
        4, (Dense(5, "relu", dropout=0.2), Dense(4, "silu"), Dense(3, "tanh")), CUSTOM, dtype
    ),
}


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("carrier", OTHERS)
def test_engines_agree(carrier, name, dtype, how):
    network = NETWORKS[name](dtype)
    penalty = Penalty(0.01, 0.1, per_sample=True)
    recipe = Recipe(
        Momentum(0.02), penalty=penalty, batch_size=BATCH, clip_norm=5.0, carrier=carrier
    )
    agree(network, recipe, block_for(network, 11, weighted=True), how)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("carrier", OTHERS)
def test_engines_agree_on_wide_layers_and_single_samples(carrier, how):
    layers = (
        Dense(70, "relu", dropout=0.1, scale="ntk"),
        Dense(33, "gelu", scale="ntk"),
        Dense(10, "sigmoid", scale="ntk"),
    )
    network = Network(50, layers, "half_squared_error", "float64")
    recipe = Recipe(GradientDescent(0.5), batch_size=64, carrier=carrier)
    agree(network, recipe, block_for(network, 100), how)
    agree(network, replace(recipe, batch_size=1), block_for(network, 2), how)


@pytest.mark.parametrize("how", PLANS[::2], ids=PLAN_NAMES[::2])
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", ["unmatched", "own loss"])
def test_the_gradient_stays_the_gradient(name, carrier, how):
    network = NETWORKS[name]("float64")
    block, vector = block_for(network, 9), vector_for(network)
    exact = build("reference", network, Recipe(GradientDescent())).gradient(vector, block)[1]
    recipe = Recipe(GradientDescent(), batch_size=9, carrier=carrier)
    engine = NativeEngine(network, recipe, plan(network, **how))
    state = engine.initial_state(Parameters(network, vector), 3)
    # what training with a carrier leaves behind does not get into it
    trace = engine.trace(state, block, np.arange(9), dropout=False)
    assert apart(engine.gradient(vector, block)[1], exact) < 1e-13
    assert apart(build("reference", network, recipe).gradient(vector, block)[1], exact) < 1e-13
    assert (apart(trace.gradient, exact) < 1e-13) == (carrier == "exact")


@pytest.mark.parametrize("name", ["reference", "native"])
@pytest.mark.parametrize(
    ("carrier", "slope"),
    [("exact", 0.00043857), ("transposed", 0.00226835), ("proportional", 0.00296209)],
)
def test_the_worked_example(carrier, slope, name):
    """FIGURES of the origin texts; in proportion: 0.24551028 · 0.241300709 · 0.05."""
    network = Network(2, (Dense(2, "sigmoid"), Dense(2, "sigmoid")), dtype="float64")
    start = Parameters.from_arrays(
        network,
        [[[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]],
        [[0.35, 0.35], [0.60, 0.60]],
    )
    recipe = Recipe(GradientDescent(0.5), batch_size=1, carrier=carrier)
    engine = build(name, network, recipe)
    block = Block.of(network, [[0.05, 0.10]], [[0.01, 0.99]])
    state = engine.initial_state(start)
    trace = engine.trace(state, block, np.array([0]))
    assert trace.weight_gradients()[0][0, 0] == pytest.approx(slope, abs=5e-9)
    # the last layer's is the gradient's own: w5' of the texts
    after = Parameters(network, engine.advance(state, block, 1)[0].vector)
    assert after.weights[1][0, 0] == pytest.approx(0.35891648, abs=5e-9)
    assert after.weights[0][0, 0] == pytest.approx(0.15 - 0.5 * slope, abs=5e-9)


X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize("name", ["reference", "native"])
@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_network_learns_with_each(carrier, name):
    network = Network(4, (Dense(8, "tanh"), Dense(3, "softmax")), "cross_entropy")
    recipe = Recipe(Adam(0.02), batch_size=30, epochs=40, carrier=carrier)
    outcome = train(network, Block.of(network, X, Y), Settings(recipe, name, seed=2))
    assert outcome.history.loss[-1] < 0.1 * outcome.history.loss[0]
    # and not by its last layer alone
    start = Parameters.initial(network, 2)
    moved = np.abs(outcome.parameters.weights[0] - start.weights[0]).mean()
    assert moved > 0.02


def test_feedback_is_fixed_over_a_run_and_a_function_of_the_seed():
    network = NETWORKS["unmatched"]("float64")
    block = block_for(network, 16)
    recipe = Recipe(GradientDescent(0.1), batch_size=4, carrier="random")
    engine = NativeEngine(network, recipe)
    start = Parameters(network, vector_for(network))
    whole, _ = engine.advance(engine.initial_state(start, 1), block, 4)
    state = engine.initial_state(start, 1)
    for _ in range(4):
        # another state in between does not change this one's feedback
        engine.advance(engine.initial_state(start, 8), block, 1)
        state, _ = engine.advance(state, block, 1)
    assert np.array_equal(state.vector, whole.vector)
    other, _ = engine.advance(engine.initial_state(start, 8), block, 4)
    assert not np.allclose(other.vector, whole.vector)


# sums that vanish --------------------------------------------------------------------------------


def without_shares(dtype, activation="tanh"):
    """A 2-3-2-2 network whose unit 1 of layer 2 has weights that add up to nothing."""
    network = Network(2, (Dense(3, activation), Dense(2, activation), Dense(2)), dtype=dtype)
    draw = np.random.default_rng(0)
    weights = [np.abs(draw.normal(size=o.weight.shape)) for o in network.operations]
    weights[1][1] = [0.75, -0.5, -0.25]
    biases = [np.zeros(o.units) for o in network.operations]
    return network, Parameters.from_arrays(network, weights, biases)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_no_step_is_taken_without_shares(activation, dtype, how):
    network, start = without_shares(dtype, activation)
    block = block_for(network, 8)
    if activation == "relu":
        # no unit of the first layer is active, and its slope of 0 must not hide the missing share
        start["b1"][:] = -100
    recipe = Recipe(GradientDescent(0.1), batch_size=4, carrier="proportional")
    for engine in (
        NativeEngine(network, recipe, plan(network, **how)),
        build("reference", network, recipe),
    ):
        state, record = engine.advance(engine.initial_state(start), block, 2)
        assert record.failed
        assert np.isfinite(record.losses).all()
        assert (state.step, state.position) == (0, 0)
        assert np.array_equal(state.vector, start.vector)
        trace = engine.trace(state, block, np.arange(4))
        assert np.isnan(trace.delta[0]).all()
        assert np.isfinite(trace.delta[1]).all()


@pytest.mark.parametrize("name", ["reference", "native"])
def test_a_run_says_which_unit_and_what_to_do(name):
    network, start = without_shares("float64")
    recipe = Recipe(GradientDescent(0.1), batch_size=4, carrier="proportional")
    outcome = train(network, block_for(network, 8), Settings(recipe, name), parameters=start)
    assert outcome.stop.reason == "diverged"
    assert outcome.stop.message == (
        "Training diverged in epoch 1, step 1: the error of unit 1 of layer 2 cannot be shared out "
        "in proportion to its weights: they add up to 0, which is next to nothing beside the sum "
        "of their sizes, 1.5. Use carrier='transposed', which does not divide, or start from other "
        "weights (another seed)."
    )
    assert np.array_equal(outcome.parameters.vector, start.vector)


@pytest.mark.parametrize("carrier", OTHERS)
def test_lbfgs_needs_the_gradient(carrier):
    network = NETWORKS["unmatched"]("float64")
    settings = Settings(Recipe(carrier=carrier), "reference")
    with pytest.raises(SettingError, match="L-BFGS needs the gradient"):
        minimise(network, block_for(network, 8), settings)
