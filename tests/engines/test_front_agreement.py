"""Front layers, learnt activations, members and schedules: step by step beside the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.sparse

from agreement import BATCH, DTYPES, PLAN_NAMES, PLANS, agree, plan, used_gradient
from clearprop import CustomLoss, Dense, Network, Parameters, Periodic, Scaling
from clearprop.engines import Block, Recipe
from clearprop.engines.native import NativeEngine, plans
from clearprop.equations import AdamW, GradientDescent, Momentum, Penalty
from problems import HIDDEN, block_for, vector_for

ROWS = 11  # the last batch of an epoch has 3 rows
OWN = CustomLoss(
    lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3 * (1 - a**2)
)


@dataclass(frozen=True)
class Halving:
    """A factor that halves with each step."""

    def factors(self, steps, horizon):
        return 0.5 ** np.asarray(steps, dtype=float)


def network(dtype, members=1, activation="selu", *, dropout=0.3, loss="cross_entropy"):
    """Inputs 4, all that may be at the front, two parametric layers of odd units, 3 outputs."""
    last = Dense(3, "tanh" if loss is OWN else "softmax", scale="ntk")
    layers = (
        Periodic(columns=(2, 0), frequencies=5, features=3),
        Scaling(rate=6.0),
        Dense(7, activation, dropout=dropout, scale="ntk", parametric=True, parametric_rate=0.5),
        Dense(5, activation, dropout=dropout, bias_rate=0.1),
        last,
    )
    return Network(4, layers, loss, dtype, members=members)


@pytest.fixture(params=[False, True], ids=["at once", "in pieces"])
def small_pieces(request, monkeypatch):
    """Let batches go through whole, and a few rows at a time."""
    if request.param:
        for name, value in (("PIECE_BYTES", 1), ("LEAST_ROWS", 3), ("LEAST_ROWS_OF_LARGE", 3)):
            monkeypatch.setattr(plans, name, value)
    return request.param


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("members", [1, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_steps_with_everything(dtype, members, how, small_pieces):
    recipe = Recipe(
        AdamW(0.01, weight_decay=0.3),
        penalty=Penalty(0.01, 0.1, per_sample=True),
        batch_size=BATCH,
        clip_norm=0.5,
        clip_value=0.2,
        dropout_schedule=Halving(),
        decay_schedule=Halving(),
    )
    net = network(dtype, members)
    agree(net, recipe, block_for(net, ROWS, weighted=True), how, epochs=2)


@pytest.mark.parametrize("how", PLANS[::2], ids=PLAN_NAMES[::2])
@pytest.mark.parametrize("activation", HIDDEN)
def test_every_activation_with_a_learnt_shape(activation, how):
    net = network("float64", 2, activation, dropout=0.2)
    agree(net, Recipe(GradientDescent(0.05), batch_size=BATCH), block_for(net, ROWS), how)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("members", [1, 3])
def test_every_batch_size_on_sparse_rows(members, batch, how, small_pieces):
    net = network("float64", members)
    block = block_for(net, ROWS)
    x = block.x * (np.random.default_rng(0).uniform(size=block.x.shape) < 0.5)
    sparse = Block.of(net, scipy.sparse.csr_array(x), block.y)
    order = np.random.default_rng(1).permutation(ROWS)
    recipe = Recipe(Momentum(0.05), batch_size=batch)
    agree(net, recipe, replace(sparse.ordered(order), first_row=10**6), how)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
def test_a_loss_of_ones_own(how, small_pieces):
    net = network("float64", 3, loss=OWN)
    recipe = Recipe(Momentum(0.05), penalty=Penalty(l2=0.1, per_sample=True), batch_size=BATCH)
    agree(net, recipe, block_for(net, ROWS, weighted=True), how)


@pytest.mark.parametrize("how", PLANS[::2], ids=PLAN_NAMES[::2])
@pytest.mark.parametrize("dtype", DTYPES)
def test_layers_wide_enough_for_full_lanes(dtype, how):
    layers = (
        Periodic(columns=tuple(range(9)), frequencies=16),
        Scaling(),
        Dense(70, "mish", parametric=True, dropout=0.1),
        Dense(33, "selu", parametric=True),
        Dense(10, "softmax"),
    )
    net = Network(20, layers, "cross_entropy", dtype, members=4)
    agree(net, Recipe(AdamW(), batch_size=64), block_for(net, 150), how)


@pytest.mark.parametrize("how", PLANS, ids=PLAN_NAMES)
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_trace_is_what_the_update_used_to_the_bit(dtype, members, how, small_pieces):
    net = network(dtype, members)
    block = block_for(net, 37, weighted=True)
    recipe = Recipe(GradientDescent(0.05), batch_size=16, dropout_schedule=Halving())
    engine = NativeEngine(net, recipe, plan(net, **how))
    state = engine.initial_state(Parameters(net, vector_for(net)), seed=9)
    state, _ = engine.advance(state, block, 1)
    rows, kept = block.visited(state.position, state.position + 16), state.copy()
    trace = engine.trace(state, block, rows)
    state, record = engine.advance(state, block, 1)
    assert np.array_equal(trace.gradient, used_gradient(engine.workspace(16)))
    assert np.array_equal(trace.update, state.vector - kept.vector)
    assert trace.loss == pytest.approx(record.losses[0], rel=1e-13 if dtype == "float64" else 1e-6)
    assert len(trace.a[-1]) == 16 * members


def test_a_batch_in_pieces_needs_room_for_one_of_them():
    layers = (Scaling(), Dense(256, "selu"), Dense(256, "selu"), Dense(2, "softmax"))
    net = Network(14, layers, "cross_entropy", members=32)
    engine = NativeEngine(net, Recipe(batch_size=256))
    copies = len(engine.workspace(256).work)
    assert engine.workspace(256).work.nbytes < 12_000_000 * copies
    large = NativeEngine(Network(14, layers[1:], "cross_entropy"), Recipe(batch_size=100_000))
    assert large.workspace(100_000).work.nbytes < 12_000_000 * large.plan.threads


@pytest.mark.parametrize("members", [1, 3])
def test_a_nan_at_the_front_is_reported(members):
    net = network("float64", members)
    block = block_for(net, 8)
    engine = NativeEngine(net, Recipe(GradientDescent(), batch_size=8))
    for segment in net.segments:
        state = engine.initial_state(Parameters(net, vector_for(net)))
        state.vector[segment.start] = np.nan
        before = state.vector.copy()
        state, record = engine.advance(state, block, 1)
        assert record.failed, segment.name
        assert np.array_equal(state.vector, before, equal_nan=True)
