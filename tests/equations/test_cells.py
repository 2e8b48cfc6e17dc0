"""Recurrent cells: against scalar formulas written out, differences, and JAX's differentiation.

The last two differentiate the *value* of the objective; they see no derivative of ours.
"""

import math

import numpy as np
import pytest

from clearprop import Dense, Network, Recurrent
from clearprop import equations as eq
from clearprop.engines import Recipe, build, unrolled
from clearprop.functions import activation
from problems import apart, vector_for
from sequence_problems import (
    CASES,
    NAMES,
    sequence_block,
    sequence_network,
    stacked_network,
    whole_batch,
)

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
    """A weighted batch of ragged sequences with dropout: E(θ) on any array namespace."""

    def __init__(self, network, lengths=(3, 1, 5, 2, 5), *, dropout=False):
        self.network = network
        self.vector = vector_for(network)
        self.batch = whole_batch(network, sequence_block(network, lengths, weighted=True))
        draw = np.random.default_rng(3)
        self.masks = [
            (draw.uniform(size=(len(lengths), o.units)) > 0.3) / 0.7 if dropout and k < 2 else None
            for k, o in enumerate(network.operations)
        ]

    def saved(self, xp, vector):
        batch = self.batch
        return unrolled.forward(xp, self.network, vector, batch.x, batch.packing, self.masks)

    def value(self, xp, vector):
        saved, f = self.saved(xp, vector), self.network.operations[-1].activation
        losses = self.network.objective.value(xp, f, self.batch.y, saved.z[-1], saved.a[-1])
        return eq.total_loss(xp, losses, self.batch.c)

    def gradients(self, xp=np):
        batch, vector = self.batch, xp.asarray(self.vector)
        given = (batch.y, batch.c, self.saved(xp, vector), batch.packing, self.masks)
        return unrolled.backward(xp, self.network, vector, *given)

    def differences(self, step=1e-6):
        slope = np.empty_like(self.vector)
        for place in range(len(slope)):
            up, down = self.vector.copy(), self.vector.copy()
            up[place] += step
            down[place] -= step
            slope[place] = (self.value(np, up) - self.value(np, down)) / (2 * step)
        return slope


def _by_jax(jax, problem):
    return jax.grad(lambda v: problem.value(jax.numpy, v))(jax.numpy.asarray(problem.vector))


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_gradient_is_that_of_differences(case):
    problem = Problem(sequence_network(*case), dropout=True)
    gradient = problem.gradients().vector
    assert np.linalg.norm(gradient) > 1e-3
    assert apart(gradient, problem.differences()) < BY_DIFFERENCES


@pytest.mark.parametrize("readout", ["last", "every", "mean"])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_the_gradient_is_jaxs(cell, readout, jax):
    problem = Problem(stacked_network(cell, readout), (3, 1, 2))
    by_jax = _by_jax(jax, problem)
    assert by_jax.dtype == np.float64
    assert apart(problem.gradients().vector, by_jax) < BY_JAX
    # and the very same equations on JAX's arrays
    assert apart(problem.gradients(jax.numpy).vector, by_jax) < BY_JAX


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_sequences_of_one_step(cell, jax):
    problem = Problem(sequence_network(cell, "both"), (1, 1, 1))
    assert apart(problem.gradients().vector, _by_jax(jax, problem)) < BY_JAX


def test_the_error_of_the_inputs_is_that_of_differences():
    problem = Problem(stacked_network("lstm"))
    found, x = problem.gradients().inputs, problem.batch.x
    slope = np.empty_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + 1e-6
        up = problem.value(np, problem.vector)
        x[place] = kept - 1e-6
        slope[place] = (up - problem.value(np, problem.vector)) / 2e-6
        x[place] = kept
    assert apart(found, slope) < BY_DIFFERENCES


@pytest.mark.parametrize("f", ["relu", "sigmoid", "leaky_relu(0.2)", "gelu"])
def test_an_elman_layer_with_another_activation(f):
    layers = (Recurrent(4, activation=f), Dense(2, "identity"))
    problem = Problem(Network(3, layers, dtype="float64"))
    assert apart(problem.gradients().vector, problem.differences()) < BY_DIFFERENCES


@pytest.mark.parametrize("name", ["elman", "gru", "lstm"])
def test_the_jacobian_is_that_of_the_step(name, jax):
    """J, and the error that a step hands back, against JAX's Jacobian of the step."""
    cell, units, f = eq.CELLS[name], 3, activation("tanh")
    draw = np.random.default_rng(0)
    s = draw.normal(size=(2, len(cell.gates) * units))
    U = draw.normal(size=(len(cell.gates) * units, units))
    c = draw.normal(size=units) if name == "gru" else None
    before = tuple(draw.normal(size=(2, units)) for _ in cell.states)
    step = cell.step(np, f, s, U, c, before)
    J = cell.jacobian(np, f, step, U, before)

    def state(flat, i):
        parts = tuple(part[None] for part in jax.numpy.split(flat, len(cell.states)))
        row = cell.step(jax.numpy, f, s[i : i + 1], U, c, parts).state
        return jax.numpy.concatenate([part[0] for part in row])

    error = tuple(draw.normal(size=(2, units)) for _ in cell.states)
    handed = cell.back(np, f, step, U, before, error)[2]
    for i in range(2):
        flat = np.concatenate([part[i] for part in before])
        wanted = jax.jacobian(state)(jax.numpy.asarray(flat), i)
        assert apart(J[i], wanted) < BY_JAX
        e = np.concatenate([part[i] for part in error])
        assert apart(np.concatenate([part[i] for part in handed]), wanted.T @ e) < BY_JAX


def _sigmoid(z):
    return 1 / (1 + math.exp(-z))


def test_an_lstm_of_one_unit_by_hand():
    """Two steps of the published formulas with scalars, gates in the order i, f, g, o."""
    W, U, b = [0.5, -0.3, 0.8, 0.2], [0.1, 0.4, -0.6, 0.7], [0.05, 1.0, -0.1, 0.3]
    h = c = 0.0
    for x in (1.5, -0.5):
        z = [w * x + u * h + k for w, u, k in zip(W, U, b, strict=True)]
        c = _sigmoid(z[1]) * c + _sigmoid(z[0]) * math.tanh(z[2])
        h = _sigmoid(z[3]) * math.tanh(c)
    assert h == pytest.approx(_last("lstm", W, U, b), rel=1e-14)


def test_a_gru_of_one_unit_by_hand():
    """Two steps of the published formulas with scalars, gates in the order r, u, n."""
    W, U, b, inner = [0.5, -0.3, 0.8], [0.1, 0.4, -0.6], [0.05, 1.0, -0.1], 0.25
    h = 0.0
    for x in (1.5, -0.5):
        r = _sigmoid(W[0] * x + U[0] * h + b[0])
        u = _sigmoid(W[1] * x + U[1] * h + b[1])
        n = math.tanh(W[2] * x + b[2] + r * (U[2] * h + inner))
        h = (1 - u) * n + u * h
    assert h == pytest.approx(_last("gru", W, U, b, inner), rel=1e-14)


def _last(name, W, U, b, inner=None):
    cell = eq.CELLS[name]
    state = tuple(np.zeros((1, 1)) for _ in cell.states)
    c = None if inner is None else np.array([inner])
    for x in (1.5, -0.5):
        s = eq.affine(np.array(W)[:, None], np.array(b), np.array([[x]]))
        state = cell.step(np, activation("tanh"), s, np.array(U)[:, None], c, state).state
    return float(state[0][0, 0])


def test_an_elman_unit_by_hand():
    """∂E/∂U as a sum over steps: E = h_3, h_t = tanh(w x_t + u h_(t-1)), written out."""
    w, u, xs = 0.7, -0.4, (1.0, 0.5, -0.25)
    h1 = math.tanh(w * xs[0])
    h2 = math.tanh(w * xs[1] + u * h1)
    h3 = math.tanh(w * xs[2] + u * h2)
    d3 = 1 - h3**2
    d2 = d3 * u * (1 - h2**2)
    d1 = d2 * u * (1 - h1**2)
    network = Network(1, (Recurrent(1), Dense(1, "identity")), dtype="float64")
    vector = np.array([w, u, 0.0, 1.0, 0.0])
    x = np.array(xs)[None, :, None]
    # a target one below the output makes ∂E/∂a = 1
    engine = build("reference", network, Recipe())
    y = engine.predict(vector, _block(network, x, 0.0).x) - 1
    gradient = engine.gradient(vector, _block(network, x, y))[1]
    assert gradient[0] == pytest.approx(d1 * xs[0] + d2 * xs[1] + d3 * xs[2], rel=1e-13)
    assert gradient[1] == pytest.approx(d2 * h1 + d3 * h2, rel=1e-13)
    assert gradient[2] == pytest.approx(d1 + d2 + d3, rel=1e-13)


def _block(network, x, y):
    from clearprop.engines import Block

    return Block.of(network, x, np.full((1, 1), y))
