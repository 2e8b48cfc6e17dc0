"""The xla engine and the reference, from equal states, in everything that a recipe can ask for."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

from clearprop import CustomLoss, Dense, Network, Parameters, Periodic, Scaling
from clearprop.engines import Block, Plan, Recipe, build
from clearprop.equations import AdamW, GradientDescent, Momentum, Nesterov, Penalty
from clearprop.network import GRU, LSTM, Recurrent
from problems import apart, block_for, hidden_network, pair_network, vector_for

pytest.importorskip("jax")

BOUND = {"float64": 1e-10, "float32": 1e-4}


def both(network, recipe, plan=None):
    return build("reference", network, recipe), build("xla", network, recipe, plan=plan)


def agree(network, recipe, block, *, plan=None, epochs=1, traces=True):
    """Compare both engines in all they do: train, evaluate, predict, and trace if asked for."""
    oracle, xla, start, bound = train_alike(network, recipe, block, plan=plan, epochs=epochs)
    vector = start.vector
    (objective, gradient), wanted = xla.gradient(vector, block), oracle.gradient(vector, block)
    assert objective == pytest.approx(wanted[0], rel=bound)
    assert apart(gradient, wanted[1]) < bound
    assert xla.evaluate(vector, block) == pytest.approx(oracle.evaluate(vector, block), rel=bound)
    assert apart(xla.predict(vector, block.x), oracle.predict(vector, block.x)) < bound
    if traces:
        _traces_agree(oracle, xla, start, block, recipe, bound)


def train_alike(network, recipe, block, *, plan=None, epochs=1):
    """Train both engines and compare what they tell and where they came to."""
    oracle, xla = both(network, recipe, plan)
    bound = BOUND[network.dtype]
    start = Parameters(network, vector_for(network))
    one, two = (engine.initial_state(start, seed=2**40 + 5) for engine in (oracle, xla))
    for _ in range(epochs):
        one.position = two.position = 0
        one, wanted = oracle.advance(one, block, 100)
        two, told = xla.advance(two, block, 100)
        assert told.rows.tolist() == wanted.rows.tolist()
        assert (two.step, two.position, two.piece) == (one.step, one.position, one.piece)
        assert not told.failed
        assert apart(told.losses, wanted.losses) < bound
        assert apart(told.penalties, wanted.penalties) < bound
    assert apart(two.vector, one.vector) < bound
    for got, right in zip(two.slots, one.slots, strict=True):
        assert apart(got, right) < bound
    return oracle, xla, start, bound


def _traces_agree(oracle, xla, start, block, recipe, bound):
    rows = block.visited(0, recipe.batch_size)
    wanted, got = (e.trace(e.initial_state(start, 3), block, rows) for e in (oracle, xla))
    assert got.engine == "xla"
    for name in ("x", "y", "coefficients", "losses", "gradient", "update"):
        assert apart(getattr(got, name), getattr(wanted, name)) < bound
    for name in ("inputs", "z", "a", "delta"):
        for mine, right in zip(getattr(got, name), getattr(wanted, name), strict=True):
            assert apart(mine, right) < bound
    for mine, right in zip(got.masks, wanted.masks, strict=True):
        assert right is None or np.array_equal(mine, right)
    assert list(got.terms) == list(wanted.terms)


RECIPES = {
    "adamw": Recipe(
        AdamW(0.01, weight_decay=0.3),
        penalty=Penalty(0.1, 0.3, per_sample=True),
        batch_size=4,
        clip_value=0.1,
        clip_norm=0.2,
    ),
    "transposed": Recipe(Nesterov(0.05), batch_size=50, carrier="transposed"),
    "random": Recipe(GradientDescent(0.1), batch_size=5, carrier="random"),
}


@pytest.mark.parametrize(
    ("name", "dtype"), [("adamw", "float64"), ("transposed", "float32"), ("random", "float32")]
)
def test_rows(name, dtype):
    network = hidden_network("silu", dtype, dropout=0.3)
    block = block_for(network, 11, weighted=True)
    block = replace(block.ordered(np.random.default_rng(0).permutation(11)), first_row=7)
    agree(network, RECIPES[name], block, epochs=2, traces=name != "random")


class Halving:
    """1, ½, ¼, …."""

    def factors(self, steps, horizon):
        return 0.5**steps


@pytest.mark.parametrize(("members", "dtype"), [(1, "float32"), (3, "float64")])
def test_front_layers_learnt_activations_and_members(members, dtype):
    network = Network(
        4,
        (
            Periodic((2, 0), frequencies=3, sigma=0.5),
            Scaling(6.0),
            Dense(5, "selu", parametric=True, parametric_rate=0.1, scale="ntk", dropout=0.4),
            Dense(4, "mish", dropout=0.2),
            Dense(3, "softmax"),
        ),
        "cross_entropy",
        dtype,
        members=members,
    )
    draw = np.random.default_rng(0)
    x, y, weights = draw.normal(size=(11, 4)), draw.integers(0, 3, 11), draw.uniform(0.5, 2, 11)
    block = replace(Block.of(network, x, y, weights).ordered(draw.permutation(11)), first_row=7)
    recipe = Recipe(
        AdamW(0.01, weight_decay=0.3),
        batch_size=4,
        dropout_schedule=Halving(),
        decay_schedule=Halving(),
    )
    agree(network, recipe, block, epochs=2, traces=members > 1)
    if members > 1:
        xla = both(network, recipe)[1]
        state = xla.initial_state(Parameters.initial(network))
        parts = {part.part for part in xla.measure(state, block, np.arange(4), 1)}
        assert parts >= {"z", "a", "bp3", "bp4", "delta", "update"}


def test_class_codes_sparse_rows_and_rows_without_weight():
    network = pair_network("cross_entropy", "softmax")
    draw = np.random.default_rng(0)
    x = draw.normal(size=(9, 4)) * (draw.uniform(size=(9, 4)) < 0.5)
    block = Block.of(network, scipy.sparse.csr_array(x), draw.integers(0, 3, 9))
    block = replace(block, weights=np.array([0.0] * 4 + [1.0] * 5))
    recipe = Recipe(Momentum(0.1), batch_size=4, penalty=Penalty(l2=0.1, per_sample=True))
    agree(network, recipe, block, traces=False)


def test_a_loss_of_ones_own_is_called_back():
    own = CustomLoss(
        lambda y, a: (np.abs(a - y) ** 3).sum(axis=1),
        lambda y, z, a: 3 * np.sign(a - y) * (a - y) ** 2 * (1 - a**2),
    )
    network = Network(4, (Dense(5, "silu"), Dense(3, "tanh")), own, "float64")
    agree(network, Recipe(batch_size=4), block_for(network, 10, weighted=True), traces=False)


def ragged(network, *, lengths=(4, 1, 8, 3, 3, 7, 6), weighted=True, seed=3):
    """A block of sequences of these lengths, one of them without weight, in another order."""
    draw = np.random.default_rng(seed)
    x = [draw.normal(size=(steps, network.inputs)) for steps in lengths]
    if network.readout == "every":
        y = [draw.integers(0, network.outputs, steps) for steps in lengths]
    else:
        y = draw.integers(0, network.outputs, len(lengths))
    weights = draw.uniform(size=len(lengths)) if weighted else None
    if weighted:
        weights[2] = 0
    return Block.of(network, x, y, weights).ordered(draw.permutation(len(lengths)))


def network_of(cell, readout, dtype="float64", direction="both"):
    layers = (Dense(4, "tanh", dropout=0.2), cell(5, direction=direction, dropout=0.3))
    return Network(3, (*layers, Dense(2, "softmax")), "cross_entropy", dtype, readout=readout)


@pytest.mark.parametrize(
    ("cell", "readout", "truncate", "way", "dtype"),
    [(Recurrent, "mean", None, "scan", "float32"), (LSTM, "every", 3, "serial", "float64")],
)
def test_sequences(cell, readout, truncate, way, dtype):
    network = network_of(cell, readout, dtype, "both" if truncate is None else "forward")
    recipe = Recipe(batch_size=3, truncate=truncate)
    agree(network, recipe, ragged(network), plan=Plan("xla", through_time=way), traces=False)


def test_a_trace_of_sequences():
    network = network_of(GRU, "last", direction="both")
    block, recipe = ragged(network), Recipe(batch_size=3, truncate=3)
    oracle, xla = both(network, recipe, Plan("xla", through_time="chain"))
    start = Parameters(network, vector_for(network))
    _traces_agree(oracle, xla, start, block, recipe, 1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "readout", "truncate", "way", "direction"),
    [
        (Recurrent, "every", 3, "chain", "forward"),
        (Recurrent, "last", 3, "scan", "both"),
        (GRU, "every", None, "scan", "backward"),
        (GRU, "mean", 3, "serial", "both"),
        (LSTM, "mean", None, "chain", "both"),
        (LSTM, "last", 3, "scan", "forward"),
    ],
)
def test_stacked_sequences_on_two_grids(cell, readout, truncate, way, direction):
    network = network_of(cell, readout, direction=direction)
    network = replace(network, layers=(*network.layers[:2], GRU(3), network.layers[2]))
    recipe = Recipe(batch_size=3, truncate=truncate)
    block = ragged(network, lengths=(4, 1, 9, 3, 3, 7, 10))
    # passes and products are those of the tests above; what differs is how training goes through
    train_alike(network, recipe, block, plan=Plan("xla", through_time=way))
