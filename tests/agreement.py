"""Both engines stepped from equal states, and how far apart they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clearprop import Parameters
from clearprop.engines.native import NativeEngine
from clearprop.engines.native.plans import plan_for
from clearprop.engines.reference import ReferenceEngine
from problems import apart, vector_for

BOUND = {"float64": 1e-10, "float32": 1e-4}
DTYPES = ["float64", "float32"]
BATCH = 4


def plan(network, *, threads=1, split="batch", blas=False):
    """Say a plan outright: threads and how they share, BLAS for all layers or none."""
    chosen = plan_for(network, BATCH, threads)
    return replace(
        chosen,
        threads=threads,
        split=split if threads > 1 else "none",
        blas=(blas,) * len(network.layers),
    )


PLANS = [
    {"threads": 1},
    {"threads": 1, "blas": True},
    {"threads": 2, "split": "batch"},
    {"threads": 2, "split": "batch", "blas": True},
    {"threads": 2, "split": "neurons"},
    {"threads": 2, "split": "neurons", "blas": True},
]
PLAN_NAMES = ["-".join(str(value) for value in p.values()) for p in PLANS]


def agree(network, recipe, block, how=None, *, seed=5, epochs=1):
    """Step both engines from the same state; return the largest norm-wise error seen.

    Compared are the loss, the penalty, the change of the parameters, the slots, and every array of
    the Trace.
    """
    how = how or {}
    native = NativeEngine(network, recipe, plan(network, **how))
    reference = ReferenceEngine(network, recipe)
    state = reference.initial_state(Parameters(network, vector_for(network)), seed)
    worst = 0.0
    for step in range(epochs * reference.steps_left(state, block)):
        if state.position >= block.visits:
            state.position = 0
        rows = block.visited(state.position, state.position + recipe.batch_size)
        if step in (0, 1):
            worst = max(worst, _traces_apart(native, reference, state, block, rows))
        before = state.copy()
        other, told = native.advance(state.copy(), block, 1)
        state, record = reference.advance(state, block, 1)
        assert (other.step, other.position) == (state.step, state.position)
        assert told.rows.tolist() == record.rows.tolist()
        assert not told.failed
        worst = max(
            worst,
            apart(told.losses, record.losses),
            apart(told.penalties, record.penalties),
            apart(other.vector - before.vector, state.vector - before.vector)
            if network.dtype == "float64"
            else apart(other.vector, state.vector),
            *(apart(*pair) for pair in zip(other.slots, state.slots, strict=True)),
        )
    assert worst < BOUND[network.dtype]
    return worst


def _traces_apart(native, reference, state, block, rows):
    one, two = (engine.trace(state, block, rows) for engine in (native, reference))
    errors = [apart(one.gradient, two.gradient), apart(one.losses, two.losses)]
    for name in ("x", "y", "coefficients", "update"):
        errors.append(apart(getattr(one, name), getattr(two, name)))
    for name in ("inputs", "z", "a", "delta"):
        errors += map(apart, getattr(one, name), getattr(two, name))
    for mine, theirs in zip(one.masks, two.masks, strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or np.array_equal(mine, theirs)
    assert list(one.terms) == list(two.terms)
    errors += [apart(one.terms[name], two.terms[name]) for name in two.terms]
    assert np.array_equal(one.rows, two.rows)
    assert one.penalty == pytest.approx(two.penalty, rel=BOUND[state.vector.dtype.name])
    return max(errors)


def used_gradient(workspace):
    """Return what the last update used: each thread left its part of the sum in its own row."""
    rows = workspace.gradients
    size, count = rows.shape[1], len(rows)
    parts = [rows[t, size * t // count : size * (t + 1) // count] for t in range(count)]
    return np.concatenate(parts)
