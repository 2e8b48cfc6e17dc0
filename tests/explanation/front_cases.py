"""Traces of networks with layers that prepare inputs, every number of them from JAX.

The forward pass is written out here once more, and δ and the gradient are derivatives of it by
JAX: nothing of the package's equations takes part.
"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from clearprop import Dense, Network, Parameters
from clearprop.engines import Recipe, Trace
from clearprop.equations import GradientDescent
from clearprop.explanation import Explanation, Names
from clearprop.explanation.explanation import explanation_of
from clearprop.network import Periodic, Scaling

RATE = 0.5

CASES = {
    "scaling": (Scaling(),),
    "periodic": (Periodic((1, 2), frequencies=3, features=3),),
    "both": (Periodic((0,), frequencies=4, features=3), Scaling(rate=6.0)),
    "scaled first": (Scaling(), Periodic((2, 0), frequencies=2, features=2)),
}
NAMES = ("age", "size", "kind=a")


def dense(learnt=True):
    """Return a hidden layer and an output layer."""
    return (
        Dense(4, "tanh", scale="ntk", parametric=learnt),
        Dense(3, "mish", parametric=learnt),
        Dense(2, "softmax", scale="ntk"),
    )


def network_of(case: str, members: int = 1, dtype: str = "float64") -> Network:
    return Network(3, (*CASES[case], *dense()), "cross_entropy", dtype, members=members)


def parameters_of(network: Network, seed: int = 4) -> Parameters:
    draw = np.random.default_rng(seed)
    return Parameters(network, draw.normal(size=network.size).astype(network.dtype) * 0.7)


def _view(segment, vector):
    """Return an array of the vector, its columns one behind another, with members in front."""
    lead, inner = segment.shape[: int(segment.own)], segment.shape[int(segment.own) :]
    array = vector[segment.start : segment.stop].reshape(*lead, *inner[::-1])
    return array if len(inner) == 1 else jnp.swapaxes(array, -1, -2)


def _bent(name, z):
    if name == "softmax":
        return jax.nn.softmax(z, axis=-1)
    return {"tanh": jnp.tanh, "mish": jax.nn.mish}[name](z)


def forward(network: Network, vector, x, nudges, masks):
    """Return what each layer received, z and a, for all members at once, (k, n, …)."""
    k = network.members
    here, found = jnp.broadcast_to(x, (k, *x.shape)), []
    for operation, nudge, mask in zip(network.operations, nudges, masks, strict=True):
        own = {s.name[0]: _view(s, vector) for s in operation.segments}
        received = here
        if operation.kind == "scaling":
            z = here * own["g"].reshape(-1, 1, operation.units)
        elif operation.kind == "periodic":
            parts = []
            for number, column in enumerate(operation.columns):
                values = here[..., [column]]
                cosines = jnp.cos(2 * jnp.pi * (values * own["f"][number] + own["p"][number]))
                made = operation.features - 1
                W = own["W"][number * made : (number + 1) * made]
                b = own["b"][number * made : (number + 1) * made]
                parts += [values, cosines @ W.T + b]
            z = jnp.concatenate([*parts, here[..., list(operation.others)]], axis=-1)
        else:
            W = own["W"] if operation.own else own["W"][None]
            b = own["b"] if operation.own else own["b"][None]
            z = operation.scale * jnp.einsum(
                "knu,kvu->knv", here, jnp.broadcast_to(W, (k, *W.shape[1:]))
            )
            z = z + b[:, None]
        z = z + nudge
        a = z
        if operation.kind == "dense":
            bent = _bent(operation.activation.name, z)
            a = z + own["t"] * (bent - z) if "t" in own else bent
        found.append((received, z, a))
        here = a if mask is None else a * mask
    return found


@cache
def trace_of(case: str, members: int = 1, rows: int = 5, dropout: bool = False) -> Trace:
    """Return the trace of a step of gradient descent, in float64."""
    jax.config.update("jax_enable_x64", True)
    network = network_of(case, members)
    vector = parameters_of(network).vector
    draw = np.random.default_rng(11)
    x, codes = draw.normal(size=(rows, 3)), draw.integers(0, 2, rows)
    y, weights = np.eye(2)[codes], draw.uniform(0.5, 2.0, rows)
    c = weights / weights.sum()
    masks = [None] * len(network.operations)
    if dropout:
        masks[len(CASES[case])] = jnp.asarray(draw.integers(0, 2, (members, rows, 4)) * 2.0)
    nudges = [jnp.zeros((members, rows, o.units)) for o in network.operations]

    def losses(theta, nudged):
        z = forward(network, theta, jnp.asarray(x), nudged, masks)[-1][1]
        return -jnp.sum(y * jax.nn.log_softmax(z, axis=-1), axis=-1)

    def total(theta, nudged):
        return jnp.sum(losses(theta, nudged) * c) / members

    gradient, deltas = jax.grad(total, argnums=(0, 1))(jnp.asarray(vector), nudges)
    passes = forward(network, jnp.asarray(vector), jnp.asarray(x), nudges, masks)

    def flat(array):
        return np.asarray(array).reshape(members * rows, -1)

    gradient = np.asarray(gradient)
    rates = np.concatenate([np.full(s.stop - s.start, s.rate) for s in network.segments])
    update = -RATE * rates * gradient
    return Trace(
        network=network,
        recipe=Recipe(rule=GradientDescent(RATE), batch_size=rows),
        engine="reference",
        step=0,
        rows=np.tile(np.arange(rows), members),
        vector=vector,
        slots=np.zeros((0, network.size)),
        x=np.tile(x, (members, 1)),
        y=np.tile(y, (members, 1)),
        coefficients=np.tile(c / members, members),
        inputs=[flat(part[0]) for part in passes],
        z=[flat(part[1]) for part in passes],
        a=[flat(part[2]) for part in passes],
        delta=[flat(delta) for delta in deltas],
        masks=[None if mask is None else flat(mask) for mask in masks],
        losses=np.asarray(losses(jnp.asarray(vector), nudges)).reshape(-1),
        penalty=0.0,
        penalty_factor=0.0,
        gradient=gradient,
        terms={"gradient": update},
        update=update,
        rate=RATE,
        constants=np.array([RATE, 0, 0, 0, 0, 1.0]),
    )


def explained(case: str, member: int = 0, **options) -> Explanation:
    """Return the explanation of a trace, with columns and classes named."""
    trace = trace_of(case, **options)
    names = Names(trace.network, NAMES, ("no", "yes"))
    found = explanation_of(trace, names, member=member)
    assert isinstance(found, Explanation)
    return found
