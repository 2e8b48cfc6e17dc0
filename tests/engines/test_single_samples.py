"""The kernel for single samples: values against the reference, the Trace, and who runs what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

from agreement import DTYPES, agree
from clearprop import CustomLoss, Dense, Network, Parameters, equations
from clearprop.engines import Block, Recipe, build
from clearprop.engines.native import NativeEngine, call, prediction
from clearprop.engines.reference import ReferenceEngine
from clearprop.equations import RULES, Adam, GradientDescent, Momentum, Penalty
from clearprop.functions import Loss
from clearprop.training import Watch
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

ONE = {"threads": 1}
OWN = CustomLoss(
    lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3 * (1 - a**2)
)


@pytest.fixture
def ran(monkeypatch):
    """Tell which kernels ran, in their order."""
    kernels = []
    for kernel, name in (("_run_single", "samples"), ("run_kernel", "batches")):
        run = getattr(call, kernel)

        def noted(*arguments, run=run, name=name):
            kernels.append(name)
            return run(*arguments)

        monkeypatch.setattr(call, kernel, noted)
    return kernels


def _single(rule=None, **settings):
    return Recipe(rule or Adam(), batch_size=1, **settings)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "output"), PAIRS, ids=PAIR_NAMES)
def test_every_loss(name, output, dtype, ran):
    network = pair_network(name, output, dtype)
    agree(network, _single(), block_for(network, 7, weighted=True), ONE)
    assert set(ran) == {"samples"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HIDDEN + NUMBERED)
def test_every_activation(name, dtype, ran):
    network = hidden_network(name, dtype)
    agree(network, _single(GradientDescent(0.01)), block_for(network, 6), ONE)
    assert set(ran) == {"samples"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("penalty", [Penalty(), Penalty(0.01, 0.1, per_sample=True)])
@pytest.mark.parametrize("name", RULES)
def test_every_rule(name, penalty, dtype, ran):
    layers = (Dense(6, "tanh", rate=0.5), Dense(3, "softmax", bias_rate=2.0, scale="ntk"))
    network = Network(4, layers, Loss("cross_entropy", label_smoothing=0.1), dtype)
    block = block_for(network, 8, weighted=True)
    agree(network, _single(RULES[name](learning_rate=0.01), penalty=penalty), block, ONE, epochs=2)
    assert set(ran) == {"samples"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "sizes", [(1, 1), (2, 2, 2), (3, 16, 17), (33, 70, 5), (9, 31, 64, 20), (5, 131, 3)]
)
def test_sizes_around_a_register(sizes, dtype, ran):
    output = "softmax" if sizes[-1] > 1 else "identity"
    loss = "cross_entropy" if sizes[-1] > 1 else "half_squared_error"
    names = ["relu"] * (len(sizes) - 2) + [output]
    pairs = zip(sizes[1:], names, strict=True)
    layers = tuple(Dense(units, name, scale="ntk") for units, name in pairs)
    network = Network(sizes[0], layers, loss, dtype)
    # a rule that divides by |g| would blow up the rounding of entries near 0
    agree(network, _single(Momentum(0.01)), block_for(network, 3), ONE)
    assert set(ran) == {"samples"}


@pytest.mark.parametrize("dtype", DTYPES)
def test_class_codes_and_an_order(dtype, ran):
    loss = Loss("cross_entropy", label_smoothing=0.1)
    network = Network(4, (Dense(5, "silu"), Dense(20, "softmax")), loss, dtype)
    x = np.random.default_rng(0).normal(size=(20, 4))
    block = Block.of(network, x, np.arange(20)).ordered(np.array([19, 3, 3, 0, 16, 15]))
    agree(network, _single(), block, ONE)
    assert set(ran) == {"samples"}


def test_many_steps_in_one_call_are_those_steps_one_by_one():
    network = hidden_network("tanh", "float32")
    block = block_for(network, 30, weighted=True)
    engine = NativeEngine(network, _single(Momentum(0.05), penalty=Penalty(l2=0.01)))
    start = Parameters(network, vector_for(network))
    at_once, record = engine.advance(engine.initial_state(start), block, 30)
    state, losses = engine.initial_state(start), []
    for _ in range(30):
        state, one = engine.advance(state, block, 1)
        losses.append(one.losses[0])
    assert state.vector.tobytes() == at_once.vector.tobytes()
    assert losses == record.losses.tolist()
    # every third row weighs nothing: its loss does not count
    assert [loss == 0 for loss in losses] == [row % 3 == 1 for row in range(30)]


@pytest.mark.parametrize("rule", ["gd", "adam"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_that_is_not_finite_stops_before_its_update(value, rule, ran):
    network = hidden_network("relu", "float32")
    block = block_for(network, 9)
    block.x[5, 1] = value
    engine = NativeEngine(network, _single(RULES[rule](learning_rate=0.01)))
    start = Parameters(network, vector_for(network))
    before, _ = engine.advance(engine.initial_state(start), block, 5)
    kept = before.copy()
    after, record = engine.advance(before, block, 4)
    assert record.failed
    assert len(record.losses) == 1
    assert (after.step, after.position) == (5, 5)
    assert after.vector.tobytes() == kept.vector.tobytes()
    assert after.slots.tobytes() == kept.slots.tobytes()
    assert set(ran) == {"samples"}


def test_a_gradient_that_overflows_stops_before_its_update():
    """Loss and δ are finite, the product of δ and input is not."""
    network = Network(1, (Dense(1, "identity"),), "half_squared_error", "float32")
    block = Block.of(network, [[1e30]], [[1e18]])
    engine = NativeEngine(network, _single(GradientDescent(1e-30)))
    state = engine.initial_state(Parameters.from_arrays(network, [[[0.0]]], [[0.0]]))
    state, record = engine.advance(state, block, 1)
    assert np.isfinite(record.losses).all()
    assert record.failed
    assert not state.vector.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("penalty", [Penalty(), Penalty(0.01, 0.1)])
def test_a_trace_is_the_step_to_the_bit(name, penalty, dtype, monkeypatch, ran):
    def gone(*arguments, **options):
        raise AssertionError("the native engine asked the reference")

    for function in ("forward", "backward", "bp2", "bp3", "bp4", "affine"):
        monkeypatch.setattr(equations, function, gone)
    monkeypatch.setattr(ReferenceEngine, "_step", gone)
    network = hidden_network("tanh", dtype)
    block = block_for(network, 8, weighted=True)
    engine = NativeEngine(network, _single(RULES[name](learning_rate=0.1), penalty=penalty))
    state = engine.initial_state(Parameters(network, vector_for(network)))
    state, _ = engine.advance(state, block, 2)
    before = state.copy()
    trace = engine.trace(state, block, np.array([2]))
    state, record = engine.advance(state, block, 1)
    assert np.array_equal(trace.update, state.vector - before.vector)
    assert np.any(trace.update)
    assert trace.penalty == record.penalties[0]
    assert np.float64(trace.coefficients[0]) * np.float64(trace.losses[0]) == record.losses[0]
    if penalty == Penalty():
        assert np.array_equal(trace.gradient, engine.workspace(1).gradients[0])
    if name == "gd" and penalty == Penalty():
        # the update alone, from the traced gradient: θ - η g, rounded once or twice
        stepped = before.vector - np.asarray(0.1, dtype) * trace.gradient
        assert apart(state.vector, stepped) < {"float32": 1e-7, "float64": 1e-15}[dtype]
    assert set(ran) == {"samples"}


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_loss_of_ones_own(dtype, ran):
    network = Network(4, (Dense(5, "silu"), Dense(3, "tanh")), OWN, dtype)
    agree(network, _single(Momentum(0.01)), block_for(network, 5, weighted=True), ONE)
    assert "samples" in ran


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("units", [3, 40, 150])
def test_prediction_of_one_row(units, dropout, dtype):
    network = Network(7, (Dense(20, "tanh", dropout=dropout), Dense(units, "softmax")),
                      "cross_entropy", dtype)  # fmt: skip
    block, vector = block_for(network, 4), vector_for(network)
    engine, reference = NativeEngine(network, Recipe()), build("reference", network, Recipe())
    bound = {"float32": 1e-6, "float64": 1e-14}[dtype]
    for row in range(4):
        x = block.x[row : row + 1]
        assert apart(engine.predict(vector, x), reference.predict(vector, x)) < bound


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rows", [2, 127, 128, 129, 256, 300])
def test_prediction_of_chunks(rows, threads, monkeypatch):
    monkeypatch.setattr(prediction, "SHARED_FROM", 1)
    network = Network(7, (Dense(20, "tanh", dropout=0.3), Dense(3, "softmax")), dtype="float64")
    generator = np.random.default_rng(rows)
    x, vector = generator.normal(size=(rows, 7)), vector_for(network)
    engine, reference = (
        NativeEngine(network, Recipe(), None, threads),
        ReferenceEngine(network, Recipe()),
    )
    wanted = reference.predict(vector, x)
    for part in (x, scipy.sparse.csr_array(x)):
        assert apart(engine.predict(vector, part), wanted) < 1e-14
    # the buffers of a larger call serve a smaller one
    assert apart(engine.predict(vector, x[:2]), wanted[:2]) < 1e-14


def test_watching(ran):
    network = hidden_network("tanh", "float32")
    block = block_for(network, 10)
    engine = NativeEngine(network, _single())
    start = Parameters(network, vector_for(network))
    watch = Watch(entries=(3, 0), every=4)
    state, _ = engine.advance(engine.initial_state(start), block, 3)
    state, record = engine.advance(state, block, 7, watch)
    state, seen = engine.initial_state(start), []
    for step in range(1, 11):
        state, _ = engine.advance(state, block, 1)
        if step in (4, 8):
            seen.append(state.vector[[3, 0]])
    assert record.watched_steps.tolist() == [4, 8]
    assert np.array_equal(record.watched, seen)
    assert set(ran) == {"samples"}


NETWORK, SINGLE = hidden_network("tanh", "float32"), _single()
DROPPING = hidden_network("tanh", "float32", dropout=0.3)


@pytest.mark.parametrize(
    ("network", "recipe", "sparse"),
    [
        (NETWORK, replace(SINGLE, batch_size=2), False),
        (NETWORK, SINGLE, True),
        (NETWORK, replace(SINGLE, clip_norm=1.0), False),
        (NETWORK, replace(SINGLE, clip_value=1.0), False),
        (NETWORK, replace(SINGLE, carrier="random"), False),
        (DROPPING, SINGLE, False),
    ],
    ids=["batches", "sparse rows", "clipped norm", "clipped entries", "carrier", "dropout"],
)
def test_what_is_left_to_the_kernel_for_batches(network, recipe, sparse, ran):
    # one row is left of an epoch, and in the trace
    block = block_for(network, 5)
    if sparse:
        block = replace(block, x=scipy.sparse.csr_array(block.x))
    agree(network, recipe, block, ONE)
    assert set(ran) == {"batches"}


def test_several_threads_are_left_to_the_kernel_for_batches(ran):
    for split in ("batch", "neurons"):
        agree(NETWORK, SINGLE, block_for(NETWORK, 3), {"threads": 2, "split": split})
    assert set(ran) == {"batches"}


def test_parts_are_measured_in_the_order_of_the_step(ran):
    """z and a are one pass here, and so are BP3, BP4 and the update."""
    engine, block = NativeEngine(NETWORK, SINGLE), block_for(NETWORK, 3)
    state = engine.initial_state(Parameters(NETWORK, vector_for(NETWORK)))
    parts = engine.measure(state, block, np.array([1]), 3)
    assert [(part.part, part.layer) for part in parts] == [
        ("gather", 0), ("z", 1), ("z", 2), ("z", 3), ("a", 3), ("loss", 0),
        ("delta", 2), ("delta", 1), ("update", 0),
    ]  # fmt: skip
    assert set(ran) == {"samples"}
