"""The counter-based generator: its published answers, and the same numbers everywhere."""

import numpy as np
import pytest
from numba import njit

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Plan, Recipe
from clearprop.engines.native import NativeEngine
from clearprop.equations import dropout_mask, key_of, random_bits
from clearprop.equations.chance import drop_threshold, threefry
from problems import vector_for

# Random123's kat_vectors: threefry2x32 with 20 rounds, counter, key → answer
KNOWN = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]
LARGE = (1 << 40) + 12345


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter, key, answer):
    assert threefry(*key, *counter) == answer


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers_of_the_kernels_form(counter, key, answer):
    from clearprop.engines.native import chance

    # parts of a kernel are for other compiled functions to call
    compiled = chance.threefry

    @njit
    def call(k0, k1, x0, x1):
        return compiled(k0, k1, x0, x1)

    words = [np.uint32(word) for word in (*key, *counter)]
    assert tuple(int(word) for word in call(*words)) == answer


def _plain(key, samples, units):
    """The bits one by one, from the definition on plain integers."""
    words = [[threefry(*key, int(s) & 0xFFFFFFFF, pair) for pair in range(units)] for s in samples]
    return np.array(words, dtype=np.uint32).reshape(len(samples), -1)[:, :units]


@pytest.mark.parametrize("units", [1, 2, 5, 8])
def test_numpy_and_jax_give_the_bits_of_the_definition(units):
    import jax.numpy

    samples = np.array([0, 1, 7, 1 << 31, (1 << 33) + 5])
    key = key_of(LARGE, 3, LARGE)
    wanted = _plain(key, samples, units)
    assert np.array_equal(random_bits(np, key, samples, units), wanted)
    # JAX without 64 bits has no whole numbers above 2³², so it gets the lower halves
    words = jax.numpy.asarray(samples.astype(np.uint32))
    assert np.array_equal(random_bits(jax.numpy, key, words, units), wanted)


def test_keys_depend_on_all_of_seed_purpose_and_step():
    seen = {
        key_of(seed, purpose, step)
        for seed in (0, 1, 1 << 32)
        for purpose in (0, 1, 1 << 16)
        for step in (0, 1, 1 << 32)
    }
    assert len(seen) == 27


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_masks_drop_at_their_rate_and_keep_the_mean(rate):
    mask = dropout_mask(np, key_of(1, 1, 0), np.arange(2000), 50, rate, np.float64)
    assert set(np.unique(mask)) == {0.0, 1 / (1 - rate)}
    dropped = mask == 0
    deviation = (rate * (1 - rate)) ** 0.5
    # five standard errors, overall and unit by unit
    assert abs(dropped.mean() - rate) < 5 * deviation / 100_000**0.5
    assert np.abs(dropped.mean(axis=0) - rate).max() < 5 * deviation / 2000**0.5
    # neighbouring units are independent
    together = (dropped[:, :-1] & dropped[:, 1:]).mean()
    assert abs(together - rate**2) < 5 * deviation / 98_000**0.5


def test_thresholds():
    assert drop_threshold(0.5) == 1 << 31
    assert drop_threshold(0.0) == 0
    assert drop_threshold(1 - 2**-40) == 0xFFFFFFFF


def _masks(threads, split, rows, dtype="float64", first_row=0, seed=LARGE, step=LARGE):
    """The masks that the kernel used, (n, units) a layer, read from its Trace."""
    layers = (Dense(5, "tanh", 0.3), Dense(1, "tanh", 0.6), Dense(8, "tanh", 0.5), Dense(2))
    network = Network(3, layers, "half_squared_error", dtype)
    plan = Plan("native", threads, split, (False,) * 4)
    engine = NativeEngine(network, Recipe(), plan)
    state = engine.initial_state(Parameters(network, vector_for(network)), seed)
    state.step = step
    x, y = np.ones((20, 3), dtype), np.ones((20, 2), dtype)
    block = Block(x, y, first_row=first_row)
    return network, engine.trace(state, block, np.asarray(rows)).masks


@pytest.mark.parametrize(("threads", "split"), [(1, "none"), (2, "batch"), (2, "neurons")])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_kernels_masks_are_those_of_the_equations(threads, split, dtype):
    rows = np.array([3, 0, 19, 7, 7])
    network, masks = _masks(threads, split, rows, dtype, first_row=1000)
    assert masks[-1] is None
    for layer, operation in enumerate(network.operations[:-1]):
        key = key_of(LARGE, layer + 1, LARGE)
        samples = rows + 1000
        wanted = dropout_mask(np, key, samples, operation.units, operation.dropout, dtype)
        assert masks[layer].dtype == dtype
        assert np.array_equal(masks[layer], wanted)


def test_a_split_batch_equals_the_whole_one():
    rows = np.arange(12)
    whole = _masks(1, "none", rows)[1]
    parts = [_masks(1, "none", part)[1] for part in (rows[:5], rows[5:])]
    later = _masks(1, "none", rows[5:] - 5, first_row=5)[1]
    for layer in range(3):
        assert np.array_equal(whole[layer], np.concatenate([part[layer] for part in parts]))
        assert np.array_equal(whole[layer][5:], later[layer])


@pytest.mark.parametrize("seed", [(1 << 63) + 5, (1 << 64) - 1, -3])
def test_any_seed_of_64_bits_serves(seed):
    from clearprop.engines.native import call

    _masks(1, "none", np.arange(5))
    before = len(call._run.overloads)
    _, masks = _masks(1, "none", np.arange(5), seed=seed)
    key = key_of(seed, 1, LARGE)
    assert np.array_equal(masks[0], dropout_mask(np, key, np.arange(5), 5, 0.3, np.float64))
    assert len(call._run.overloads) == before
