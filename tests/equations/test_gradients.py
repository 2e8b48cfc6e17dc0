"""Two oracles for BP1 to BP4: central differences, and JAX's automatic differentiation.

Both differentiate the *value* of the objective, composed of the forward pass and the loss; neither
sees a derivative or a delta of ours. The third oracle, a case worked by hand, is in
`engines/test_worked_example.py`.
"""

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Network, Periodic, Scaling
from clearprop import equations as eq
from clearprop.engines import Recipe
from clearprop.engines.batches import dense_inputs, dense_targets, row_coefficients
from clearprop.engines.ledger import dropout_masks
from clearprop.engines.reference import ReferenceEngine
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

ROWS = 7
BY_DIFFERENCES, BY_JAX = 1e-7, 1e-12


@pytest.fixture(scope="module")
def jax():
    """JAX in float64 for the tests of this module."""
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


class Problem:
    """A weighted batch with dropout masks: E(θ) = Σ c_i E_i(θ) on any array namespace."""

    def __init__(self, network, *, dropout=True):
        self.network = network
        self.block = block_for(network, ROWS, weighted=True)
        rows = np.arange(ROWS)
        self.x = dense_inputs(self.block, rows, network.members)
        self.y = dense_targets(network, self.block, rows)
        self.c = row_coefficients(network, self.block, rows)
        state = ReferenceEngine(network, Recipe()).initial_state(
            _Vector(vector_for(network)), seed=3
        )
        self.vector = state.vector
        self.masks = dropout_masks(network, state, self.block, rows, 1.0 if dropout else None)

    def value(self, xp, vector):
        saved = eq.forward(xp, self.network, vector, self.x, self.masks)
        f = self.network.operations[-1].activation
        losses = self.network.objective.value(xp, f, self.y, saved.z[-1], saved.a[-1])
        return eq.total_loss(xp, losses, self.c)

    def gradient(self, xp, vector):
        saved = eq.forward(xp, self.network, vector, self.x, self.masks)
        return eq.backward(xp, self.network, vector, self.y, self.c, saved, self.masks).vector

    def differences(self, step=1e-6):
        slope = np.empty_like(self.vector)
        for place in range(len(slope)):
            up, down = self.vector.copy(), self.vector.copy()
            up[place] += step
            down[place] -= step
            slope[place] = (self.value(np, up) - self.value(np, down)) / (2 * step)
        return slope


class _Vector:
    def __init__(self, vector):
        self.vector = vector


def _hold_against_both(problem, jax):
    gradient = problem.gradient(np, problem.vector)
    assert np.linalg.norm(gradient) > 1e-3
    assert apart(gradient, problem.differences()) < BY_DIFFERENCES
    theta = jax.numpy.asarray(problem.vector)
    by_jax = jax.grad(lambda vector: problem.value(jax.numpy, vector))(theta)
    assert by_jax.dtype == np.float64
    assert apart(gradient, by_jax) < BY_JAX
    # and the very same equations, on JAX's arrays
    assert apart(problem.gradient(jax.numpy, theta), by_jax) < BY_JAX


@pytest.mark.parametrize(("name", "output"), PAIRS, ids=PAIR_NAMES)
def test_every_loss_with_every_output(name, output, jax):
    _hold_against_both(Problem(pair_network(name, output, dropout=0.3)), jax)


@pytest.mark.parametrize("name", [*HIDDEN, *NUMBERED])
def test_every_hidden_activation(name, jax):
    _hold_against_both(Problem(hidden_network(name, dropout=0.4)), jax)


@pytest.mark.parametrize("name", [*HIDDEN, *NUMBERED])
def test_every_activation_that_is_learnt(name, jax):
    layers = (
        Dense(5, name, dropout=0.4, parametric=True, scale=0.8),
        Dense(4, name, parametric=True),
        Dense(3, "softmax"),
    )
    _hold_against_both(Problem(Network(4, layers, "cross_entropy", "float64")), jax)


FRONTS = {
    "scaling": (Scaling(),),
    "periodic": (Periodic((2, 0), frequencies=3, features=3),),
    "all columns": (Periodic((3, 1, 2, 0), frequencies=1, features=2),),
    "periodic, scaling": (Periodic((1,), frequencies=2), Scaling()),
    "scaling, periodic": (Scaling(), Periodic((3, 0), frequencies=2)),
    "periodic twice": (
        Periodic((3, 1), frequencies=2, features=2),
        Periodic((0, 5), frequencies=3),
        Scaling(),
    ),
}


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("name", FRONTS)
def test_every_front_with_members_and_depths(name, depth, members, jax):
    front = FRONTS[name]
    if members > 1 and not isinstance(front[-1], Scaling):
        if any(isinstance(layer, Scaling) for layer in front):
            pytest.skip("members have one scaling, directly before the dense layers")
        front = (*front, Scaling())
    hidden = (
        Dense(4, "selu", dropout=0.3, parametric=True, scale="ntk"),
        Dense(3, "mish", dropout=0.2),
    )
    layers = (*front, *hidden[:depth], Dense(3, "softmax"))
    network = Network(4, layers, "cross_entropy", "float64", members=members)
    _hold_against_both(Problem(network), jax)


def test_a_network_without_hidden_layers(jax):
    _hold_against_both(Problem(Network(4, (Dense(3, "softmax"),), "cross_entropy", "float64")), jax)


def test_a_loss_of_ones_own(jax):
    mine = CustomLoss(
        lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3 * (1 - a**2)
    )
    network = Network(4, (Dense(5, "silu"), Dense(3, "tanh")), mine, "float64")
    _hold_against_both(Problem(network), jax)


@pytest.mark.parametrize("per_sample", [False, True])
def test_the_penalty_is_part_of_the_objective(per_sample):
    network = pair_network("half_squared_error", "identity")
    penalty = eq.Penalty(l1=0.3, l2=0.7, per_sample=per_sample)
    engine = ReferenceEngine(network, Recipe(penalty=penalty))
    block, vector = block_for(network, ROWS, weighted=True), vector_for(network)
    objective, gradient = engine.gradient(vector, block)
    weights = np.concatenate([s.view(vector).ravel() for s in network.segments if s.penalised])
    size = 0.3 * np.abs(weights).sum() + 0.35 * (weights**2).sum()
    factor = 1 / block.weights.sum() if per_sample else 1
    assert objective == pytest.approx(engine.evaluate(vector, block) + factor * size, rel=1e-13)
    slope = np.empty_like(vector)
    for place in range(len(vector)):
        nudge = 1e-6 * (np.arange(len(vector)) == place)
        up, down = engine.gradient(vector + nudge, block), engine.gradient(vector - nudge, block)
        slope[place] = (up[0] - down[0]) / 2e-6
    assert apart(gradient, slope) < BY_DIFFERENCES


def test_the_penalty_leaves_biases_alone():
    network = pair_network("half_squared_error", "identity")
    gradient = eq.penalty_gradient(np, network, vector_for(network), eq.Penalty(l1=1.0, l2=2.0))
    for segment in network.segments:
        assert np.any(segment.view(gradient)) == (segment.name[0] == "W")


def test_a_batch_is_the_weighted_mean_of_its_samples():
    """Repeating a row k times is giving it the weight k; a weight of 0 is leaving it out."""
    network = hidden_network("tanh")
    engine, vector = ReferenceEngine(network, Recipe()), vector_for(network)
    block = block_for(network, 3)
    counts = np.array([2, 0, 3])
    weighted = type(block)(block.x, block.y, counts.astype(float))
    repeated = block.ordered(np.repeat(np.arange(3), counts))
    one, other = engine.gradient(vector, weighted), engine.gradient(vector, repeated)
    assert one[0] == pytest.approx(other[0], rel=1e-14)
    assert apart(one[1], other[1]) < 1e-14


def test_clipping():
    g = np.array([3.0, -4.0, 12.0])
    assert eq.clip(np, g, 6.5, None) == pytest.approx(g / 2)
    assert eq.clip(np, g, 100.0, None) == pytest.approx(g)
    assert eq.clip(np, g, None, 3.5).tolist() == [3.0, -3.5, 3.5]
    assert eq.clip(np, g, 1.0, 1.0) == pytest.approx(np.array([1, -1, 1]) / 3**0.5)
    assert eq.clip(np, np.zeros(3), 1.0, None).tolist() == [0, 0, 0]
