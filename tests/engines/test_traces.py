"""A native Trace is what the update used, to the bit, and nothing of the reference engine."""

import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.sparse

from agreement import used_gradient
from clearprop import CustomLoss, Dense, Network, Parameters, equations
from clearprop.engines import Recipe, build
from clearprop.engines.native import NativeEngine
from clearprop.engines.native.plans import plan_for
from clearprop.engines.reference import ReferenceEngine
from clearprop.equations import RULES, Adam, GradientDescent, Momentum, Penalty
from problems import PAIRS, apart, block_for, hidden_network, pair_network, vector_for

DTYPES = ["float64", "float32"]
PLANS = [(1, "none"), (2, "batch"), (2, "neurons")]
CUSTOM = CustomLoss(
    lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3 * (1 - a**2)
)


@pytest.fixture
def no_reference(monkeypatch):
    """Take the reference engine and the equations of forward and backward away."""

    def gone(*arguments, **options):
        raise AssertionError("the native engine asked the reference")

    for name in ("forward", "backward", "bp2", "bp3", "bp4", "affine"):
        monkeypatch.setattr(equations, name, gone)
    monkeypatch.setattr(ReferenceEngine, "_step", gone)
    monkeypatch.setitem(sys.modules, "clearprop.engines.reference", None)


def _engine(network, recipe, threads=1, split="none", blas=False):
    how = plan_for(network, recipe.batch_size, threads)
    how = replace(how, threads=threads, split=split, blas=(blas,) * len(network.layers))
    return NativeEngine(network, recipe, how)


def _later_state(engine, network, block):
    """A state some steps on, whose slots are not zero."""
    state = engine.initial_state(Parameters(network, vector_for(network)), seed=9)
    state, _ = engine.advance(state, block, 2)
    return state


def _hold(engine, network, block, *, plain):
    state = _later_state(engine, network, block)
    rows = block.visited(state.position, state.position + engine.recipe.batch_size)
    kept = state.copy()
    trace = engine.trace(state, block, rows)
    assert np.array_equal(state.vector, kept.vector)
    assert np.array_equal(state.slots, kept.slots)
    assert (state.step, state.position) == (kept.step, kept.position)
    state, record = engine.advance(state, block, 1)
    assert np.array_equal(trace.vector, kept.vector)
    assert np.array_equal(trace.update, state.vector - kept.vector)
    assert np.any(trace.update)
    if plain:
        # the update works in place where there is a penalty or a bound; here it does not
        assert np.array_equal(trace.gradient, used_gradient(engine.workspace(1)))
    # a Trace multiplies c and E in their own precision, the kernel in float64
    exact = {"float64": 1e-13, "float32": 1e-6}[network.dtype]
    assert trace.loss == pytest.approx(record.losses[0], rel=exact)
    assert trace.penalty == record.penalties[0]
    return trace


@pytest.mark.parametrize("blas", [False, True])
@pytest.mark.parametrize(("threads", "split"), PLANS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradient_and_update_to_the_bit(threads, split, dtype, blas, no_reference):
    network = hidden_network("gelu", dtype, dropout=0.3)
    block = block_for(network, 23, weighted=True)
    for batch in (1, 5, 8):
        engine = _engine(network, Recipe(GradientDescent(), batch_size=batch), threads, split, blas)
        _hold(engine, network, block, plain=True)


@pytest.mark.parametrize(("threads", "split"), PLANS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
def test_every_rule_to_the_bit(name, threads, split, dtype, no_reference):
    network = hidden_network("tanh", dtype, dropout=0.3)
    # many unequal weights: sums in another order round otherwise
    block = block_for(network, 90, weighted=True)
    recipe = Recipe(
        RULES[name](learning_rate=0.01),
        penalty=Penalty(0.01, 0.1, per_sample=True),
        batch_size=30,
        clip_norm=0.3,
        clip_value=0.1,
    )
    _hold(_engine(network, recipe, threads, split), network, block, plain=False)


def test_weights_are_summed_in_one_order(no_reference):
    """1 and then many tiny weights: one after another they vanish, in pairs they do not."""
    network = hidden_network("tanh")
    weights = np.array([1.0] + [1e-16] * 99)
    block = replace(block_for(network, 100), weights=weights, order=np.tile(np.arange(100), 3))
    recipe = Recipe(GradientDescent(0.1), penalty=Penalty(l2=1.0, per_sample=True), batch_size=100)
    _hold(_engine(network, recipe), network, block, plain=False)


@pytest.mark.parametrize(("name", "output"), PAIRS)
def test_every_loss_to_the_bit(name, output, no_reference):
    network = pair_network(name, output, "float32", dropout=0.2)
    recipe = Recipe(Adam(), batch_size=8)
    _hold(_engine(network, recipe, 2, "batch"), network, block_for(network, 24), plain=True)


@pytest.mark.parametrize(("threads", "split"), PLANS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_loss_of_ones_own_to_the_bit(threads, split, dtype, no_reference):
    layers = (Dense(5, "silu", dropout=0.2), Dense(3, "tanh"))
    network = Network(4, layers, CUSTOM, dtype)
    block = block_for(network, 24, weighted=True)
    recipe = Recipe(Momentum(0.01), batch_size=8)
    _hold(_engine(network, recipe, threads, split), network, block, plain=True)


def test_sparse_rows_to_the_bit(no_reference):
    network = hidden_network("tanh", "float32")
    block = block_for(network, 24)
    block = replace(block, x=scipy.sparse.csr_array(block.x))
    engine = _engine(network, Recipe(Adam(), batch_size=8), 2, "batch", True)
    trace = _hold(engine, network, block, plain=True)
    assert np.array_equal(trace.x, block.x.toarray()[16:24])


@dataclass(frozen=True)
class _Ramp:
    """A schedule that counts on the length of the run."""

    name = "ramp"

    def factors(self, steps, horizon):
        return (1 + steps) / (horizon.steps * horizon.epochs) + horizon.rows / 100


@pytest.mark.parametrize("name", ["reference", "native"])
def test_a_trace_follows_the_schedule_of_the_whole_block(name):
    network = hidden_network("tanh")
    block = block_for(network, 24)
    recipe = Recipe(Momentum(0.01), schedule=_Ramp(), batch_size=8, epochs=2)
    engine = build(name, network, recipe)
    state = _later_state(engine, network, block)
    state.rate_factor = 0.5
    # step 2 of 3 a pass, two passes, over 24 rows
    wanted = 0.01 * 0.5 * (3 / 6 + 0.24)
    assert engine.step_constants(state, block, 1)[0, 0] == pytest.approx(wanted, rel=1e-14)
    trace = engine.trace(state, block, np.arange(16, 24))
    assert trace.constants[0] == pytest.approx(wanted, rel=1e-14)
    before = state.vector.copy()
    state, _ = engine.advance(state, block, 1)
    assert apart(trace.update, state.vector - before) < 1e-12


@pytest.mark.parametrize("name", ["reference", "native"])
@pytest.mark.parametrize("rule", RULES)
def test_named_terms_add_up_to_the_update(name, rule):
    network = hidden_network("tanh", dropout=0.3)
    block = block_for(network, 24, weighted=True)
    recipe = Recipe(
        RULES[rule](learning_rate=0.01), penalty=Penalty(0.01, 0.1), batch_size=8, clip_norm=0.2
    )
    engine = build(name, network, recipe)
    state = _later_state(engine, network, block)
    trace = engine.trace(state, block, np.arange(16, 24))
    wanted = {"gradient", "penalty", "clipping"}
    wanted |= {"momentum"} if rule in ("momentum", "nesterov", "adam", "adamw") else set()
    wanted |= {"decay"} if rule == "adamw" else set()
    assert set(trace.terms) == wanted
    assert all(np.any(term) for term in trace.terms.values())
    assert apart(sum(trace.terms.values()), trace.update) < 1e-12


@pytest.mark.parametrize("name", ["reference", "native"])
def test_a_trace_hangs_together(name):
    """What a Trace holds fits itself: z from inputs, a from z, gradients from δ and inputs."""
    network = hidden_network("elu", dropout=0.4)
    block = block_for(network, 12, weighted=True)
    engine = build(name, network, Recipe(batch_size=6))
    state = _later_state(engine, network, block)
    trace = engine.trace(state, replace(block, first_row=100), np.array([7, 2, 4]))
    assert trace.rows.tolist() == [107, 102, 104]
    assert np.array_equal(trace.x, block.x[[7, 2, 4]])
    assert apart(trace.y, block.y[[7, 2, 4]]) < 1e-15
    weights = block.weights[[7, 2, 4]]
    assert apart(trace.coefficients, weights / weights.sum()) < 1e-15
    parameters = Parameters(network, trace.vector)
    for i, o in enumerate(network.operations):
        W, b = parameters.weights[i], parameters.biases[i]
        assert apart(trace.z[i], o.scale * trace.inputs[i] @ W.T + b) < 1e-13
        assert apart(trace.bias_gradients()[i], trace.delta[i].sum(axis=0)) < 1e-13
        outer = np.einsum("ij,ik->jk", trace.delta[i], trace.inputs[i])
        assert apart(trace.weight_gradients()[i], o.scale * outer) < 1e-13
        if i:
            assert apart(trace.inputs[i], trace.a[i - 1] * trace.masks[i - 1]) < 1e-15
    assert trace.loss == pytest.approx(trace.coefficients @ trace.losses, rel=1e-14)


def test_without_dropout_nothing_is_dropped():
    network = hidden_network("tanh", dropout=0.5)
    block = block_for(network, 6)
    for name in ("reference", "native"):
        engine = build(name, network, Recipe(batch_size=6))
        state = engine.initial_state(Parameters(network, vector_for(network)))
        trace = engine.trace(state, block, np.arange(6), dropout=False)
        assert trace.masks == [None, None, None]
        assert apart(trace.a[-1], engine.predict(state.vector, block.x)) < 1e-15
        assert trace.loss == pytest.approx(engine.evaluate(state.vector, block), rel=1e-14)
