"""On sequences the native engine steps as the reference does, in all a recipe can ask for."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from agreement import used_gradient
from clearprop import CustomLoss, Dense, Loss, Network, Parameters, equations
from clearprop.engines import Block, Recipe, SequenceTrace, build, unrolled
from clearprop.engines.native.recurrent import SequenceNativeEngine
from clearprop.engines.native.recurrent import engine as native_engine
from clearprop.engines.native.recurrent.plans import plan_for
from clearprop.engines.reference import ReferenceEngine
from clearprop.engines.reference_sequences import SequenceReferenceEngine
from clearprop.equations import RULES, GradientDescent, Penalty
from clearprop.errors import EngineError
from clearprop.network import GRU, LSTM, Recurrent
from problems import HIDDEN, PAIR_NAMES, PAIRS, apart, targets_for, vector_for

BOUND = {"float64": 1e-10, "float32": 1e-4}
CELLS = [Recurrent, GRU, LSTM]
DIRECTIONS = ["forward", "backward", "both"]
READOUTS = ["last", "every", "mean"]
BATCH = 4
# the last batch has three sequences, one of them of length 1
LENGTHS = (5, 1, 7, 7, 2, 3, 9, 4, 1, 6, 2)
RECIPE = Recipe(GradientDescent(0.1), batch_size=BATCH)
CUSTOM = CustomLoss(
    lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3 * (1 - a**2)
)


def _block(network, lengths=LENGTHS, *, weighted=False, seed=2):
    draw = np.random.default_rng(seed)
    x = [draw.normal(size=(steps, network.inputs)) for steps in lengths]
    rows = sum(lengths) if network.readout == "every" else len(lengths)
    weights = None
    if weighted:
        weights = draw.uniform(0.5, 2, len(lengths)) * (np.arange(len(lengths)) % 4 != 1)
    return Block.of(network, x, targets_for(network, rows), weights)


def _network(layers, readout="last", dtype="float64", output="softmax", loss="cross_entropy"):
    return Network(3, (*layers, Dense(3, output)), loss, dtype, readout)


def _native(network, recipe, threads, blas=False):
    plan = plan_for(network, max(recipe.batch_size, threads), threads)
    return SequenceNativeEngine(network, recipe, replace(plan, blas=(blas,) * len(network.layers)))


def _compare_arrays(one, two):
    errors = [apart(getattr(one, n), getattr(two, n)) for n in ("gradient", "losses", "x", "y")]
    errors += [apart(getattr(one, name), getattr(two, name)) for name in ("coefficients", "update")]
    for name in ("inputs", "z", "a", "delta"):
        errors += map(apart, getattr(one, name), getattr(two, name))
    for name in ("fed_back", "before", "masks"):
        for mine, theirs in zip(getattr(one, name), getattr(two, name), strict=True):
            assert (mine is None) == (theirs is None)
            errors += [] if mine is None else [apart(mine, theirs)]
    for mine, theirs in zip(one.states, two.states, strict=True):
        assert list(mine) == list(theirs)
        errors += [apart(mine[name], theirs[name]) for name in mine]
    assert list(one.terms) == list(two.terms)
    assert np.array_equal(one.rows, two.rows)
    assert np.array_equal(one.packing.lengths, two.packing.lengths)
    assert (one.begin, one.cut, one.step) == (two.begin, two.cut, two.step)
    assert one.penalty == pytest.approx(two.penalty, rel=1e-5)
    return max(errors)


def _agree(network, recipe=RECIPE, block=None, *, threads=1, blas=False, steps=None, size=1.0):
    """Step both engines from equal states; hold them together in all that a step leaves.

    `size` is a factor on the parameters.
    """
    block = _block(network) if block is None else block
    native = _native(network, recipe, threads, blas)
    reference = SequenceReferenceEngine(network, recipe)
    start = (size * vector_for(network)).astype(network.dtype)
    state = reference.initial_state(Parameters(network, start), seed=5)
    worst = 0.0
    for step in range(steps or reference.steps_left(state, block)):
        rows = block.visited(state.position, state.position + recipe.batch_size)
        traces = [engine.trace(state, block, rows) for engine in (native, reference)]
        worst = max(worst, _compare_arrays(*traces))
        before = state.copy()
        other, told = native.advance(state.copy(), block, 1)
        state, record = reference.advance(state, block, 1)
        places = [(s.step, s.position, s.piece) for s in (other, state)]
        assert places[0] == places[1]
        assert (other.carried is None) == (state.carried is None)
        if state.carried is not None:
            worst = max(worst, apart(other.carried, state.carried))
        assert told.rows.tolist() == record.rows.tolist()
        assert not told.failed
        change = before.vector if network.dtype == "float64" else 0
        worst = max(
            worst,
            apart(told.losses, record.losses),
            apart(told.penalties, record.penalties),
            apart(other.vector - change, state.vector - change),
            *(apart(*pair) for pair in zip(other.slots, state.slots, strict=True)),
        )
        assert worst < BOUND[network.dtype], step
    vector = state.vector
    mine, theirs = (engine.gradient(vector, block) for engine in (native, reference))
    assert apart(mine[0], theirs[0]) < BOUND[network.dtype]
    assert apart(mine[1], theirs[1]) < BOUND[network.dtype]
    values = [engine.evaluate(vector, block) for engine in (native, reference)]
    assert apart(*values) < BOUND[network.dtype]
    outputs = [engine.predict(vector, block.x) for engine in (native, reference)]
    assert apart(*outputs) < BOUND[network.dtype]


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_direction_and_readout(cell, direction, readout, dtype):
    network = _network([cell(5, direction=direction)], readout, dtype)
    for threads in (1, 2):
        _agree(network, threads=threads)


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("threads", [1, 2])
def test_stacked_and_mixed_with_dense_layers_and_dropout(threads, readout, dtype):
    layers = [
        Dense(6, "relu", dropout=0.3, scale=0.7),
        LSTM(5, direction="both", dropout=0.4),
        GRU(7, direction="backward"),
        Dense(4, "elu", scale="ntk"),
        Recurrent(18, dropout=0.2),
        Dense(5, "tanh"),
    ]
    network = _network(layers, readout, dtype)
    _agree(network, block=_block(network, weighted=True), threads=threads)


@pytest.mark.parametrize("readout", ["every", "last"])
def test_dropout_behind_the_readout(readout):
    network = _network([GRU(4, dropout=0.3), Dense(6, "tanh", dropout=0.4)], readout)
    _agree(network, threads=2)


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("units", [1, 16, 17, 33, 70])
@pytest.mark.parametrize("cell", CELLS)
def test_any_number_of_units(cell, units, dtype):
    """Registers that are full, and some lanes of them; more columns than a panel has."""
    _agree(_network([cell(units, direction="both")], "every", dtype), threads=2, steps=2)


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
def test_products_through_blas(cell, dtype):
    network = _network([Dense(5, "tanh"), cell(9, direction="both"), cell(4)], "mean", dtype)
    recipe = replace(RECIPE, rule=GradientDescent(1.0), batch_size=40)
    block = _block(network, (15, 20, 1, 18) * 15)
    _agree(network, recipe, block, threads=2, blas=True, size=0.5)


@pytest.mark.parametrize("name", HIDDEN)
def test_every_activation_of_an_elman_layer(name):
    # activations that grow without bounds would do so here with each step
    _agree(_network([Recurrent(5, activation=name)], "mean"), threads=2, steps=2, size=0.2)


@pytest.mark.parametrize(("name", "output"), PAIRS, ids=PAIR_NAMES)
def test_every_loss_with_every_output(name, output):
    smoothing = 0.2 if name.endswith("cross_entropy") else 0.0
    for readout in ("last", "every"):
        objective = Loss(name, label_smoothing=smoothing)
        network = _network([GRU(4)], readout, output=output, loss=objective)
        _agree(network, block=_block(network, weighted=True), threads=2, steps=2)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_with_penalties_and_clipping(name):
    network = _network([LSTM(4, rate=0.5, bias_rate=2.0)])
    penalty = Penalty(0.02, 0.1, per_sample=True)
    recipe = Recipe(RULES[name](learning_rate=0.05), penalty=penalty, batch_size=BATCH)
    _agree(network, recipe, threads=2)
    _agree(network, replace(recipe, clip_norm=0.05, clip_value=0.02), threads=2)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("cell", CELLS)
def test_truncated(cell, readout, threads):
    """By pieces with carried states where every step is read, else by errors that stop."""
    network = _network([cell(5), LSTM(4, dropout=0.2)], readout)
    recipe = replace(RECIPE, truncate=3)
    _agree(network, recipe, _block(network, weighted=True), threads=threads)
    both = _network([cell(5, direction="both")], readout)
    _agree(both, recipe, threads=threads)


@pytest.mark.parametrize("readout", ["mean", "every"])
@pytest.mark.parametrize("truncate", [None, 2])
def test_a_loss_of_ones_own(truncate, readout):
    network = _network([GRU(4, dropout=0.2)], readout, output="tanh", loss=CUSTOM)
    _agree(network, replace(RECIPE, truncate=truncate), threads=2)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("truncate", [None, 2])
def test_one_go_is_many_steps_to_the_bit(truncate, threads):
    network = _network([GRU(5, dropout=0.3), LSTM(3)], "every", "float32")
    recipe = replace(RECIPE, truncate=truncate)
    block = _block(network)
    block = block.ordered(np.random.default_rng(0).permutation(block.rows))
    engine = _native(network, recipe, threads)
    start = engine.initial_state(Parameters(network, vector_for(network)), seed=3)
    one, record = engine.advance(start.copy(), block, 99)
    many, losses, steps = start.copy(), [], 0
    while engine.steps_left(many, block):
        many, part = engine.advance(many, block, 1 + steps % 2)
        losses += part.losses.tolist()
        steps += 1
    assert np.array_equal(one.vector, many.vector)
    assert record.losses.tolist() == losses
    assert (one.step, one.position, one.piece) == (many.step, many.position, many.piece)
    assert one.position == block.visits


class _Watch:
    entries, every = (0, 7, 11), 2


@pytest.mark.parametrize("truncate", [None, 2])
def test_watching(truncate):
    network = _network([GRU(4)], "every")
    recipe, block = replace(RECIPE, truncate=truncate), _block(network)
    records = []
    for engine in (_native(network, recipe, 2), SequenceReferenceEngine(network, recipe)):
        state = engine.initial_state(Parameters(network, vector_for(network)))
        records.append(engine.advance(state, block, 99, _Watch())[1])
    mine, theirs = records
    assert mine.watched_steps.tolist() == theirs.watched_steps.tolist() != []
    assert apart(mine.watched, theirs.watched) < 1e-10


@pytest.mark.parametrize("truncate", [None, 2])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_step_that_is_not_finite_is_not_taken(threads, truncate):
    """Targets of the second batch are infinitely far; the state before it is left intact."""
    network = _network([LSTM(4)], "every", output="identity", loss="half_squared_error")
    recipe, block = replace(RECIPE, truncate=truncate), _block(network)
    y = block.y.copy()
    y[block.x.starts[BATCH]] = np.inf
    block = replace(block, y=y)
    ends = []
    for engine in (_native(network, recipe, threads), SequenceReferenceEngine(network, recipe)):
        state = engine.initial_state(Parameters(network, vector_for(network)))
        with np.errstate(all="ignore"):
            ends.append(engine.advance(state, block, 99))
    (mine, told), (theirs, record) = ends
    assert told.failed
    assert record.failed
    assert len(told.losses) == len(record.losses)
    assert (mine.step, mine.position, mine.piece) == (theirs.step, theirs.position, theirs.piece)
    assert mine.carried is None
    assert apart(mine.vector, theirs.vector) < 1e-10


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("readout", READOUTS)
def test_whole_blocks_in_chunks(readout, threads, monkeypatch):
    monkeypatch.setattr(native_engine, "CHUNK_ROWS", 5)
    network = _network([GRU(4, direction="both")], readout)
    block = _block(network, weighted=True).ordered(np.array([3, 0, 6, 6, 2, 1, 9]))
    engine, reference = _native(network, RECIPE, threads), SequenceReferenceEngine(network, RECIPE)
    vector = vector_for(network)
    mine, theirs = engine.gradient(vector, block), reference.gradient(vector, block)
    assert apart(mine[0], theirs[0]) < 1e-10
    assert apart(mine[1], theirs[1]) < 1e-10
    assert apart(engine.evaluate(vector, block), theirs[0]) < 1e-10
    assert apart(engine.predict(vector, block.x), reference.predict(vector, block.x)) < 1e-10


@pytest.mark.parametrize("loss", ["cross_entropy", CUSTOM])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", BOUND)
def test_a_trace_is_what_the_update_used_to_the_bit(dtype, threads, loss, monkeypatch):
    def gone(*arguments, **options):
        raise AssertionError("the native engine asked the reference")

    for name in ("forward", "backward", "bp2", "bp3", "bp4", "affine"):
        monkeypatch.setattr(equations, name, gone)
    for name in ("forward", "backward"):
        monkeypatch.setattr(unrolled, name, gone)
    monkeypatch.setattr(ReferenceEngine, "_step", gone)
    monkeypatch.setitem(sys.modules, "clearprop.engines.reference", None)
    output = "softmax" if isinstance(loss, str) else "tanh"
    network = _network([LSTM(5, direction="both", dropout=0.2)], "mean", dtype, output, loss)
    block = _block(network, weighted=True)
    engine = _native(network, RECIPE, threads)
    state = engine.initial_state(Parameters(network, vector_for(network)), seed=4)
    state, _ = engine.advance(state, block, 1)
    kept = state.copy()
    trace = engine.trace(state, block, block.visited(state.position, state.position + BATCH))
    assert isinstance(trace, SequenceTrace)
    assert np.array_equal(state.vector, kept.vector)
    state, record = engine.advance(state, block, 1)
    assert np.array_equal(trace.gradient, used_gradient(engine._workspace))
    assert np.array_equal(trace.update, state.vector - kept.vector)
    assert record.losses[0] == pytest.approx(trace.loss, rel=1e-6)


def test_parts_are_measured_layer_by_layer():
    network = _network([Dense(4, "tanh"), LSTM(4)])
    block = _block(network)
    engine = _native(network, RECIPE, 2)
    state = engine.initial_state(Parameters(network, vector_for(network)))
    times = engine.measure(state, block, np.arange(4), repeats=3)
    forward = [("forward", layer) for layer in (1, 2, 3)]
    backward = [("backward", layer) for layer in (3, 2, 1)]
    wanted = [("gather", 0), *forward, ("loss", 0), *backward, ("update", 0)]
    assert [(time.part, time.layer) for time in times] == wanted
    assert all(time.seconds > 0 for time in times)
    assert state.step == 0


def test_built_by_name():
    network = _network([GRU(4)])
    for name in ("auto", "native"):
        assert isinstance(build(name, network, RECIPE), SequenceNativeEngine)
    short = replace(plan_for(network, BATCH, 2), split="neurons")
    with pytest.raises(EngineError, match="'batch'"):
        build("native", network, RECIPE, plan=short)
    with pytest.raises(EngineError, match="1 layers, but the network has 2"):
        build("native", network, RECIPE, plan=replace(plan_for(network, BATCH, 1), blas=(False,)))
