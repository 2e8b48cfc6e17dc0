"""Front layers, learnt activations and members on the native engine, against jax.grad."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from agreement import DTYPES, PLAN_NAMES, PLANS, plan
from clearprop import Dense, Loss, Network, Parameters, Periodic, Scaling
from clearprop.engines import Block, Recipe
from clearprop.engines.native import NativeEngine, plans
from problems import apart, block_for, vector_for

BOUND = {"float64": 1e-11, "float32": 1e-4}
ROWS = 23

LAYERS = {
    "scaling": (Scaling(rate=6.0), Dense(6, "selu", scale="ntk"), Dense(3, "softmax")),
    "periodic": (Periodic(columns=(2, 0), frequencies=5), Dense(6, "tanh"), Dense(3, "softmax")),
    "all columns": (Periodic(columns=(0, 1, 2, 3), features=2), Dense(3, "softmax")),
    "scaled, then periodic": (
        Scaling(),
        Periodic(columns=(1,), frequencies=3, sigma=2.0),
        Scaling(),
        Dense(5, "mish"),
        Dense(3, "softmax"),
    ),
    "waves of waves": (
        Periodic(columns=(3, 1), frequencies=4, features=3),
        Periodic(columns=(0, 2, 4), frequencies=2),
        Dense(3, "softmax"),
    ),
    "parametric": (
        Dense(6, "selu", parametric=True),
        Dense(5, "mish", parametric=True),
        Dense(3, "softmax"),
    ),
    "together": (
        Periodic(columns=(0, 3), frequencies=6),
        Scaling(rate=6.0),
        Dense(9, "selu", scale="ntk", parametric=True),
        Dense(7, "relu", scale="ntk", parametric=True),
        Dense(3, "softmax", scale="ntk"),
    ),
}
SELU = (1.0507009873554805, 1.6732632423543772)
F = {
    "selu": lambda z: SELU[0] * jnp.where(z > 0, z, SELU[1] * (jnp.exp(jnp.minimum(z, 0)) - 1)),
    "mish": lambda z: z * jnp.tanh(jnp.logaddexp(0, z)),
    "tanh": jnp.tanh,
    "relu": lambda z: jnp.maximum(z, 0),
    "softmax": lambda z: jax.nn.softmax(z, axis=-1),
}


def network_of(name, dtype="float64", members=1):
    """A 4-…-3 network of the layers of this name, trained by cross-entropy."""
    layers = LAYERS[name]
    if members > 1 and not any(isinstance(layer, Scaling) for layer in layers):
        front = [layer for layer in layers if isinstance(layer, Periodic)]
        layers = (*front, Scaling(), *layers[len(front) :])
    loss = Loss("cross_entropy", label_smoothing=0.1)
    return Network(4, layers, loss, dtype, members=members)


def _layer(operation, read, x, member):
    """a of one layer, written as in a paper."""
    number = operation.layer

    def array(letter):
        found = read(f"{letter}{number}")
        return found[member] if operation.own and member is not None else found

    if operation.kind == "scaling":
        return array("g") * x
    if operation.kind == "periodic":
        parts = []
        made = operation.features - 1
        for place, c in enumerate(operation.columns):
            rows = slice(place * made, (place + 1) * made)
            waves = jnp.cos(2 * jnp.pi * (array("f")[place] * x[:, c, None] + array("p")[place]))
            v = waves @ array("W")[rows].T + array("b")[rows]
            parts += [x[:, c, None], v]
        rest = [c for c in range(operation.fan_in) if c not in operation.columns]
        return jnp.concatenate([*parts, x[:, rest]], axis=1)
    z = operation.scale * x @ array("W").T + array("b")
    f = F[operation.activation.name](z)
    return z + read(f"t{number}") * (f - z) if operation.parametric else f


def objective(network, vector, x, y, weights=None):
    """The mean over members of the weighted mean cross-entropy, and the mean of their outputs."""
    segments = {segment.name: segment for segment in network.segments}

    def read(name):
        return segments[name].view(vector)

    y = 0.9 * y + 0.1 / y.shape[1]
    c = jnp.ones(len(x)) / len(x) if weights is None else weights / weights.sum()
    total, outputs = 0.0, 0.0
    members = range(network.members) if network.members > 1 else [None]
    for member in members:
        a = x
        for operation in network.operations:
            a = _layer(operation, read, a, member)
        total += jnp.sum(c * -jnp.sum(y * jnp.log(a), axis=1)) / network.members
        outputs += a / network.members
    return total, outputs


@cache
def exact(network, *, sparse=False):
    """Loss, gradient and outputs in float64 on `blocks`."""
    vector, block = vector_for(network), blocks(network)[1 if sparse else 0]
    with jax.enable_x64(True):
        given = [jnp.asarray(array, dtype=jnp.float64) for array in (vector, block.x, block.y)]
        weights = None if block.weights is None else jnp.asarray(block.weights, jnp.float64)
        run = jax.value_and_grad(lambda v: objective(network, v, *given[1:], weights), has_aux=True)
        (loss, outputs), gradient = run(given[0])
        return float(loss), np.asarray(gradient), np.asarray(outputs)


def blocks(network):
    """Random weighted rows, and the same with zeros among the inputs."""
    block = block_for(network, ROWS, weighted=True)
    return block, replace(block, x=np.where(np.abs(block.x) < 0.5, 0, block.x))


@pytest.fixture(params=[4_000_000, 1], ids=["at once", "in pieces"])
def pieces(request, monkeypatch):
    """Let batches go through whole, and a few rows at a time."""
    monkeypatch.setattr(plans, "PIECE_BYTES", request.param)
    if request.param == 1:
        monkeypatch.setattr(plans, "LEAST_ROWS", 4)
        monkeypatch.setattr(plans, "LEAST_ROWS_OF_LARGE", 4)


# all plans are held to the reference engine in test_front_agreement
@pytest.mark.parametrize("how", PLANS[::3], ids=PLAN_NAMES[::3])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_loss_gradient_and_prediction(dtype, name, members, how, pieces):
    if members > 1 and name.startswith("scaled"):
        pytest.skip("a network with members has one scaling")
    network = network_of(name, dtype, members)
    (block, with_zeros), vector = blocks(network), vector_for(network)
    engine = NativeEngine(network, Recipe(batch_size=ROWS), plan(network, **how))
    loss, gradient, outputs = exact(network)
    found = engine.gradient(vector, block)
    assert found[0] == pytest.approx(loss, rel=BOUND[dtype])
    for segment in network.segments:
        part = slice(segment.start, segment.stop)
        assert apart(found[1][part], gradient[part]) < BOUND[dtype], segment.name
    assert engine.evaluate(vector, block) == pytest.approx(loss, rel=BOUND[dtype])
    assert apart(engine.predict(vector, block.x), outputs) < BOUND[dtype]
    assert apart(engine.predict(vector, block.x[:1]), outputs[:1]) < BOUND[dtype]
    sparse = Block.of(network, scipy.sparse.csr_array(with_zeros.x), block.y, block.weights)
    assert apart(engine.gradient(vector, sparse)[1], exact(network, sparse=True)[1]) < BOUND[dtype]
    trace = engine.trace(
        engine.initial_state(Parameters(network, vector)), block, np.arange(ROWS), dropout=False
    )
    assert apart(trace.gradient, gradient) < BOUND[dtype]
    assert trace.loss == pytest.approx(loss, rel=BOUND[dtype])
    by_member = trace.a[-1].reshape(members, ROWS, -1)
    assert apart(by_member.mean(axis=0), outputs) < BOUND[dtype]
