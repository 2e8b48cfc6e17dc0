"""predict, evaluate, gradient: the same on both engines, whatever the chunks; repeatable runs."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

from clearprop import CustomLoss, Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.engines.native import NativeEngine, call, engine
from clearprop.engines.native.plans import plan_for
from clearprop.equations import RULES, Adam, Penalty
from clearprop.errors import SettingError
from problems import apart, block_for, hidden_network, pair_network, vector_for

PLANS = [(1, "none"), (2, "batch"), (2, "neurons")]
CUSTOM = CustomLoss(
    lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3 * (1 - a**2)
)


def _native(network, recipe, threads=1, split="none", blas=False):
    how = plan_for(network, recipe.batch_size, threads)
    how = replace(how, threads=threads, split=split, blas=(blas,) * len(network.layers))
    return NativeEngine(network, recipe, how)


NETWORKS = {
    "softmax": hidden_network("gelu", dropout=0.3),
    "poisson": pair_network("poisson", "exp"),
    "unmatched": pair_network("binary_cross_entropy", "softmax"),
    "own loss": Network(4, (Dense(5, "silu"), Dense(3, "tanh")), CUSTOM, "float64"),
}


@pytest.mark.parametrize("blas", [False, True])
@pytest.mark.parametrize(("threads", "split"), PLANS)
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_blocks_in_chunks(name, threads, split, blas, monkeypatch):
    network, rows = NETWORKS[name], 53
    recipe = Recipe(Adam(), penalty=Penalty(0.1, 0.2, per_sample=True), batch_size=1)
    reference = build("reference", network, recipe)
    block = block_for(network, rows, weighted=True)
    block = block.ordered(np.random.default_rng(0).permutation(rows)[:50])
    vector = vector_for(network)
    wanted = reference.gradient(vector, block)
    for chunk in (7, 10, 50, 1024):
        monkeypatch.setattr(engine, "CHUNK", chunk)
        native = _native(network, recipe, threads, split, blas)
        objective, gradient = native.gradient(vector, block)
        assert objective == pytest.approx(wanted[0], rel=1e-12)
        assert apart(gradient, wanted[1]) < 1e-12
        loss = native.evaluate(vector, block)
        assert loss == pytest.approx(reference.evaluate(vector, block), rel=1e-12)
        outputs = native.predict(vector, block.x)
        assert outputs.shape == (rows, network.outputs)
        assert apart(outputs, reference.predict(vector, block.x)) < 1e-12


def test_the_reference_in_chunks(monkeypatch):
    from clearprop.engines import reference

    network = NETWORKS["softmax"]
    block, vector = block_for(network, 53, weighted=True), vector_for(network)
    oracle = build("reference", network, Recipe())
    whole = oracle.gradient(vector, block), oracle.evaluate(vector, block)
    outputs = oracle.predict(vector, block.x)
    monkeypatch.setattr(reference, "CHUNK", 7)
    (objective, gradient), loss = oracle.gradient(vector, block), oracle.evaluate(vector, block)
    assert [objective, loss] == pytest.approx([whole[0][0], whole[1]], rel=1e-13)
    assert apart(gradient, whole[0][1]) < 1e-13
    assert apart(oracle.predict(vector, block.x), outputs) < 1e-14


@pytest.mark.parametrize("which", ["softmax", "own loss"])
@pytest.mark.parametrize("name", ["reference", "native"])
def test_no_rows(name, which):
    network = NETWORKS[which]
    oracle, vector = build(name, network, Recipe()), vector_for(network)
    assert oracle.predict(vector, np.empty((0, 4))).shape == (0, 3)
    block = Block.of(network, np.empty((0, 4)), np.empty((0, 3)))
    assert oracle.evaluate(vector, block) == 0
    state = oracle.initial_state(Parameters(network, vector))
    state, record = oracle.advance(state, block, 5)
    assert (len(record.losses), record.failed, state.step) == (0, False, 0)
    assert record.rows.dtype == np.int64


@pytest.mark.parametrize("name", ["reference", "native"])
def test_sparse_prediction(name):
    network = NETWORKS["softmax"]
    oracle, vector = build(name, network, Recipe()), vector_for(network)
    x = block_for(network, 30).x
    x[x < 0.5] = 0
    dense = oracle.predict(vector, x)
    assert np.array_equal(oracle.predict(vector, scipy.sparse.csr_array(x)), dense)


@pytest.mark.parametrize("name", ["reference", "native"])
def test_an_epoch_ends_at_its_end(name):
    network = NETWORKS["softmax"]
    oracle = build(name, network, Recipe(batch_size=8))
    block = block_for(network, 20)
    state = oracle.initial_state(Parameters(network, vector_for(network)))
    assert oracle.steps_left(state, block) == 3
    state, record = oracle.advance(state, block, 2)
    assert (state.position, record.rows.tolist()) == (16, [8, 8])
    state, record = oracle.advance(state, block, 100)
    assert (state.position, state.step, record.rows.tolist()) == (20, 3, [4])
    state, record = oracle.advance(state, block, 100)
    assert (state.step, len(record.losses)) == (3, 0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("threads", "split"), PLANS)
@pytest.mark.parametrize("rule", RULES)
def test_one_go_is_many_pieces_to_the_bit(rule, threads, split, dtype):
    network = hidden_network("mish", dtype, dropout=0.3)
    block = block_for(network, 45, weighted=True)
    block = block.ordered(np.random.default_rng(0).permutation(45))
    recipe = Recipe(
        RULES[rule](learning_rate=0.01),
        penalty=Penalty(l2=0.1, per_sample=True),
        batch_size=4,
        clip_norm=0.5,
    )

    def run(pieces):
        native = _native(network, recipe, threads, split, blas=True)
        state = native.initial_state(Parameters(network, vector_for(network)), seed=11)
        losses = []
        for steps in pieces:
            state, record = native.advance(state, block, steps)
            losses += record.losses.tolist()
            # what is asked of an engine between two steps leaves the run as it is
            native.predict(state.vector, block.x[:7])
            native.trace(state, block, np.arange(3))
            state = state.copy()
        assert state.position == 45
        return state.vector, state.slots, losses

    whole = run([12])
    for pieces in ([1] * 12, [5, 4, 3], [12]):
        vector, slots, losses = run(pieces)
        assert np.array_equal(vector, whole[0])
        assert np.array_equal(slots, whole[1])
        assert losses == whole[2]


def test_another_seed_drops_other_units():
    network = hidden_network("tanh", dropout=0.5)
    native, block = _native(network, Recipe(batch_size=4)), block_for(network, 8)
    start = Parameters(network, vector_for(network))
    one, same, other = (
        native.advance(native.initial_state(start, seed), block, 2)[0].vector for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_state_begins_with_a_copy():
    network = hidden_network("tanh")
    start = Parameters(network, vector_for(network))
    native, block = _native(network, Recipe(batch_size=4)), block_for(network, 8)
    kept = start.vector.copy()
    state, _ = native.advance(native.initial_state(start), block, 2)
    assert np.array_equal(start.vector, kept)
    assert not np.array_equal(state.vector, kept)


def test_buffers_do_not_pile_up():
    network = hidden_network("tanh")
    native, vector = _native(network, Recipe(batch_size=4)), vector_for(network)
    x = block_for(network, 300).x
    largest = native.predict(vector, x)
    space = native.workspace(1)
    # a single row has a kernel of its own, which rounds in its own way
    assert apart(native.predict(vector, x[:1]), largest[:1]) < 1e-14
    for rows in range(2, 300, 7):
        assert np.array_equal(native.predict(vector, x[:rows]), largest[:rows])
    assert native.workspace(1) is space


def test_read_only_arrays_compile_nothing_anew():
    """Workers of joblib get their arrays as read-only memory maps."""
    network = hidden_network("tanh")
    native, vector = _native(network, Recipe(batch_size=4)), vector_for(network)
    block = block_for(network, 12, weighted=True).ordered(np.arange(12)[::-1])
    native.gradient(vector, block)
    before = len(call._run.overloads)
    wanted = native.gradient(vector, block), native.predict(vector, block.x)
    locked = [array.copy() for array in (block.x, block.y, block.weights, block.order, vector)]
    for array in locked:
        array.flags.writeable = False
    x, y, weights, order, theta = locked
    locked_block = Block.of(network, x, y, weights).ordered(order)
    got = native.gradient(theta, locked_block), native.predict(theta, x)
    assert np.array_equal(got[0][1], wanted[0][1])
    assert np.array_equal(got[1], wanted[1])
    state = native.initial_state(Parameters(network, theta))
    assert native.advance(state, locked_block, 3)[0].step == 3
    sparse = scipy.sparse.csr_array(x)
    for part in (sparse.data, sparse.indices, sparse.indptr):
        part.flags.writeable = False
    assert np.array_equal(native.predict(theta, sparse), wanted[1])
    assert len(call._run.overloads) == before
    assert not x.flags.writeable


def test_engines_by_name():
    network = hidden_network("tanh")
    assert build("auto", network, Recipe()).name == "native"
    assert build("native", network, Recipe(), threads=1).plan.threads == 1
    assert build("reference", network, Recipe()).plan.engine == "reference"
    with pytest.raises(SettingError, match=r"no engine 'navite'.*Did you mean 'native'"):
        build("navite", network, Recipe())
