"""The engines agree, step by step from equal state, in everything that a recipe can ask for."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from agreement import BATCH, DTYPES, PLAN_NAMES, PLANS, agree, plan
from clearprop import CustomLoss, Dense, Loss, Network, Parameters
from clearprop.engines import Block, Recipe
from clearprop.engines.native import NativeEngine
from clearprop.engines.reference import ReferenceEngine
from clearprop.equations import RULES, Adam, GradientDescent, Momentum, Penalty
from clearprop.functions import ACTIVATIONS
from problems import (
    HIDDEN,
    NUMBERED,
    PAIR_NAMES,
    PAIRS,
    apart,
    block_for,
    hidden_network,
    pair_network,
    vector_for,
)

ROWS = 11  # the last batch of an epoch has 3 rows

# what goes up and down by a rule's own constants is tried with gradient descent
RECIPE = Recipe(GradientDescent(0.1), batch_size=BATCH)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*HIDDEN, *NUMBERED])
def test_every_hidden_activation(name, dtype):
    for how in PLANS[::3]:
        network = hidden_network(name, dtype, dropout=0.3)
        agree(network, RECIPE, block_for(network, ROWS), how)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "output"), PAIRS, ids=PAIR_NAMES)
def test_every_loss_with_every_output(name, output, dtype):
    network = pair_network(name, output, dtype)
    agree(network, RECIPE, block_for(network, ROWS, weighted=True))
    agree(network, RECIPE, block_for(network, ROWS), {"threads": 2, "split": "neurons"})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("split", ["batch", "neurons"])
def test_wide_layers_whose_bands_are_packed(split, dtype):
    """Rows of weights that lie far apart: each thread packs bands of its own."""
    network = Network(150, (Dense(400, "tanh"), Dense(60, "softmax")), "cross_entropy", dtype)
    recipe = Recipe(GradientDescent(0.1), batch_size=90)
    agree(network, recipe, block_for(network, 270), {"threads": 2, "split": split}, epochs=4)


SETTINGS = {
    "gd": {},
    "momentum": {"momentum": 0.8},
    "nesterov": {"momentum": 0.8},
    "rmsprop": {"decay": 0.7},
    "adam": {"beta_1": 0.8, "beta_2": 0.9, "epsilon_hat": True},
    "adamw": {"weight_decay": 0.3},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
def test_every_rule(name, dtype):
    rule = RULES[name](learning_rate=0.05, **SETTINGS[name])
    layers = (Dense(6, "tanh", rate=0.5, bias_rate=2.0), Dense(3, "softmax", bias_rate=0.0))
    network = Network(4, layers, "cross_entropy", dtype)
    for how in PLANS[::2]:
        for penalty in (Penalty(), Penalty(0.02, 0.1, per_sample=True)):
            recipe = Recipe(rule, penalty=penalty, batch_size=BATCH)
            agree(network, recipe, block_for(network, ROWS), how, epochs=2)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(Momentum(0.1), penalty=Penalty(l1=0.1), batch_size=BATCH),
        Recipe(Momentum(0.1), penalty=Penalty(l2=0.3), batch_size=BATCH),
        Recipe(Momentum(0.1), penalty=Penalty(0.1, 0.3, per_sample=True), batch_size=BATCH),
        Recipe(Momentum(0.1), batch_size=BATCH, clip_norm=0.05),
        Recipe(Momentum(0.1), batch_size=BATCH, clip_value=0.01),
        Recipe(
            Momentum(0.1), penalty=Penalty(0.1), batch_size=BATCH, clip_value=0.1, clip_norm=0.2
        ),
    ],
    ids=["l1", "l2", "per sample", "norm", "value", "all"],
)
def test_penalties_and_clipping(recipe, dtype, how):
    network = hidden_network("silu", dtype, dropout=0.2)
    agree(network, recipe, block_for(network, ROWS, weighted=True), how)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("batch", [1, 2, 3, 5, 16, 100])
def test_every_batch_size(batch, how):
    network = hidden_network("tanh", dropout=0.5)
    recipe = Recipe(Adam(), batch_size=batch, penalty=Penalty(l2=0.1, per_sample=True))
    agree(network, recipe, block_for(network, 21, weighted=True), how)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
def test_no_weight_in_the_whole_batch(how):
    network = hidden_network("tanh")
    block = block_for(network, 8)
    block = replace(block, weights=np.array([0.0] * 4 + [1.0] * 4))
    recipe = Recipe(GradientDescent(), batch_size=4, penalty=Penalty(l2=0.1, per_sample=True))
    agree(network, recipe, block, how)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sparse_inputs(how, dtype):
    network = hidden_network("tanh", dtype, dropout=0.2)
    block = block_for(network, ROWS)
    x = block.x * (np.random.default_rng(0).uniform(size=block.x.shape) < 0.4)
    x[2] = 0
    order = np.random.default_rng(1).permutation(ROWS)
    dense = Block.of(network, x, block.y).ordered(order)
    sparse = Block.of(network, scipy.sparse.csr_array(x), block.y).ordered(order)
    agree(network, RECIPE, sparse, how)
    engine = NativeEngine(network, RECIPE, plan(network, **how))
    one, other = (
        engine.advance(engine.initial_state(Parameters(network, vector_for(network))), b, 3)[0]
        for b in (dense, sparse)
    )
    assert np.array_equal(one.vector, other.vector)


def test_sparse_inputs_that_name_a_place_twice():
    network = hidden_network("tanh")
    block = block_for(network, 2)
    twice = scipy.sparse.csr_array(
        (np.array([1.0, 2.0, 5.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 4)
    )
    agree(network, RECIPE, Block.of(network, twice, block.y))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
def test_class_codes_are_one_hot_rows(how, smoothing):
    network = Network(
        4,
        (Dense(5, "tanh"), Dense(3, "softmax")),
        Loss("cross_entropy", label_smoothing=smoothing),
        "float64",
    )
    codes = np.random.default_rng(0).integers(0, 3, ROWS)
    x = block_for(network, ROWS).x
    block = Block.of(network, x, codes)
    assert block.y.ndim == 1
    agree(network, RECIPE, block, how)
    engine = NativeEngine(network, RECIPE, plan(network, **how))
    vector = vector_for(network)
    one, other = (
        engine.gradient(vector, Block.of(network, x, y)) for y in (codes, np.eye(3)[codes])
    )
    assert one[0] == pytest.approx(other[0], rel=1e-14)
    assert apart(one[1], other[1]) < 1e-14


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_loss_of_ones_own(how, dtype):
    mine = CustomLoss(
        lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3 * (1 - a**2)
    )
    layers = (Dense(5, "silu", dropout=0.2), Dense(3, "tanh"))
    network = Network(4, layers, mine, dtype)
    recipe = Recipe(
        Momentum(0.05), penalty=Penalty(l2=0.1, per_sample=True), batch_size=BATCH, clip_norm=1.0
    )
    agree(network, recipe, block_for(network, ROWS, weighted=True), how)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
def test_layers_narrower_than_the_team_and_none_hidden(how):
    narrow = Network(
        1, (Dense(1, "tanh", dropout=0.5), Dense(1, "tanh"), Dense(1, "sigmoid")),
        "binary_cross_entropy", "float64",
    )  # fmt: skip
    agree(narrow, RECIPE, block_for(narrow, ROWS), how)
    linear = Network(4, (Dense(3, "softmax"),), "cross_entropy", "float64")
    agree(linear, RECIPE, block_for(linear, ROWS), how)


@pytest.mark.parametrize("how", PLANS[::5], ids=PLAN_NAMES[::5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_network_wide_enough_for_full_lanes(how, dtype):
    layers = (Dense(70, "relu", dropout=0.1), Dense(33, "gelu"), Dense(10, "softmax"))
    network = Network(50, layers, "cross_entropy", dtype)
    agree(network, Recipe(Adam(), batch_size=64), block_for(network, 150), how)


def test_rows_at_random_places_and_first_row():
    network = hidden_network("tanh", dropout=0.5)
    order = np.random.default_rng(0).integers(0, ROWS, 30)
    block = replace(block_for(network, ROWS, weighted=True), order=order, first_row=10**6)
    agree(network, RECIPE, block, {"threads": 2, "split": "batch"})


# random networks ---------------------------------------------------------------------------------


@st.composite
def cases(draw):
    """A network, a recipe, a block and a plan."""
    name, output = draw(st.sampled_from(PAIRS))
    layer = st.builds(
        Dense,
        units=st.integers(1, 9),
        activation=st.sampled_from([h for h in HIDDEN if h != "exp"]),
        dropout=st.sampled_from([0.0, 0.0, 0.3]),
        scale=st.sampled_from([1.0, 0.5, "ntk"]),
        rate=st.sampled_from([1.0, 0.0, 0.3]),
        bias_rate=st.sampled_from([1.0, 0.0, 3.0]),
    )
    hidden = draw(st.lists(layer, max_size=3))
    outputs = draw(st.integers(2 if output == "softmax" else 1, 5))
    last = Dense(outputs, output, scale=0.3)
    network = Network(draw(st.integers(1, 7)), (*hidden, last), name, "float64")
    penalty = Penalty(
        draw(st.sampled_from([0.0, 0.05])), draw(st.sampled_from([0.0, 0.2])), draw(st.booleans())
    )
    recipe = Recipe(
        Momentum(0.02),
        penalty=penalty,
        batch_size=draw(st.integers(1, 12)),
        clip_norm=draw(st.sampled_from([None, 0.3])),
        clip_value=draw(st.sampled_from([None, 0.1])),
    )
    block = block_for(network, draw(st.integers(1, 25)), weighted=draw(st.booleans()))
    return network, recipe, block, draw(st.sampled_from(PLANS))


@given(cases())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_random_networks(case):
    agree(*case)


# numbers that are not numbers --------------------------------------------------------------------


@pytest.mark.parametrize("how", PLANS[::2], ids=PLAN_NAMES[::2])
@pytest.mark.parametrize("name", HIDDEN)
def test_a_nan_in_any_weight_is_reported(name, how):
    network = hidden_network(name, dropout=0.3)
    block = block_for(network, 16)
    recipe = Recipe(GradientDescent(), batch_size=8)
    for engine in (
        ReferenceEngine(network, recipe),
        NativeEngine(network, recipe, plan(network, **how)),
    ):
        for segment in network.segments:
            state = engine.initial_state(Parameters(network, vector_for(network)))
            state.vector[segment.start] = np.nan
            before = state.vector.copy()
            state, record = engine.advance(state, block, 2)
            assert record.failed
            assert np.isnan(record.losses).tolist() == [True]
            assert (state.step, state.position) == (0, 0)
            assert np.array_equal(state.vector, before, equal_nan=True)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("name", ["relu", "elu", "leaky_relu", "identity"])
def test_a_nan_in_the_inputs_is_reported_at_its_step(name, how):
    network = hidden_network(name)
    block = block_for(network, 12)
    block.x[9, 2] = np.nan
    recipe = Recipe(GradientDescent(), batch_size=4)
    for engine in (
        ReferenceEngine(network, recipe),
        NativeEngine(network, recipe, plan(network, **how)),
    ):
        state = engine.initial_state(Parameters(network, vector_for(network)))
        state, record = engine.advance(state, block, 3)
        assert record.failed
        assert np.isnan(record.losses).tolist() == [False, False, True]
        assert (state.step, state.position) == (2, 8)
        assert np.isfinite(state.vector).all()


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
def test_a_failed_step_leaves_nothing_behind(how):
    network = hidden_network("relu")
    block = block_for(network, 12)
    engine = NativeEngine(network, RECIPE, plan(network, **how))
    state = engine.initial_state(Parameters(network, vector_for(network)))
    sound, _ = engine.advance(state.copy(), block, 3)
    poisoned = state.copy()
    poisoned.vector[:] = np.nan
    assert engine.advance(poisoned, block, 3)[1].failed
    again, record = engine.advance(state.copy(), block, 3)
    assert not record.failed
    assert np.array_equal(again.vector, sound.vector)
    engine.gradient(poisoned.vector, block)
    assert np.isfinite(engine.gradient(state.vector, block)[1]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", PLANS[:2], ids=PLAN_NAMES[:2])
@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"exp"}))
def test_extreme_weighted_inputs(name, how, dtype):
    """From -10000 to 10000 through every fine step, both engines say the same."""
    z = np.concatenate([[-1e4, -800.0], np.linspace(-130, 130, 2601), [800.0, 1e4]])
    units = 2 if name == "softmax" else 1
    network = Network(1, (Dense(units, name),), "half_squared_error", dtype)
    vector = np.array([1.0, -0.5, 0.0, 0.0] if units == 2 else [1.0, 0.0], dtype=dtype)
    x = z.astype(dtype)[:, None]
    with np.errstate(over="raise", invalid="raise"):
        wanted = ReferenceEngine(network, RECIPE).predict(vector, x)
    got = NativeEngine(network, RECIPE, plan(network, **how)).predict(vector, x)
    bound = {"float64": 1e-14, "float32": 1e-6}[dtype]
    assert np.abs(got - wanted).max() <= bound * np.maximum(1, np.abs(z)).max()
    middle = np.abs(z) < 10
    assert apart(got[middle], wanted[middle]) < bound
    block = Block.of(network, x, np.zeros((len(z), units)))
    gradients = (
        engine.trace(
            engine.initial_state(Parameters(network, vector)), block, np.arange(len(z))
        ).delta[0]
        for engine in (
            ReferenceEngine(network, RECIPE),
            NativeEngine(network, RECIPE, plan(network, **how)),
        )
    )
    assert apart(*gradients) < bound


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
def test_a_gradient_that_overflows_changes_nothing(how):
    """The loss is 5e35, its slope 1e18 · 1e25, beyond float32."""
    network = Network(1, (Dense(1, "identity"),), "half_squared_error", "float32")
    block = Block.of(network, [[1.0], [1e25]], [1.0, 1e18])
    recipe = Recipe(Momentum(0.1), batch_size=1)
    for engine in (
        ReferenceEngine(network, recipe),
        NativeEngine(network, recipe, plan(network, **how)),
    ):
        state = engine.initial_state(Parameters(network, np.zeros(2, dtype=np.float32)))
        with np.errstate(over="ignore", invalid="ignore"):
            state, record = engine.advance(state.copy(), block.ordered(np.array([1, 0])), 2)
        assert record.failed
        assert record.losses == pytest.approx([5e35])
        assert (state.step, state.position) == (0, 0)
        assert state.vector.tolist() == [0.0, 0.0]
        assert state.slots.tolist() == [[0.0, 0.0]]
        assert not engine.advance(state, block, 1)[1].failed
