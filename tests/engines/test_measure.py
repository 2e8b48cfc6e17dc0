"""The measured parts of a step: all of them, in order, and the state left as it is."""

from __future__ import annotations

import time

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Network, Parameters
from clearprop.engines import Block, Plan, Recipe, build
from clearprop.equations import Adam

NETWORK = Network(5, (Dense(4, "tanh", dropout=0.5), Dense(3, "softmax")), "cross_entropy")
OWN = CustomLoss(lambda y, a: ((a - y) ** 2).sum(1), lambda y, z, a: 2 * (a - y), "own")
PARTS = [
    ("gather", 0), ("z", 1), ("a", 1), ("z", 2), ("a", 2), ("loss", 0), ("bp3", 2), ("bp4", 2),
    ("delta", 1), ("bp3", 1), ("bp4", 1), ("update", 0),
]  # fmt: skip
DRAW = np.random.default_rng(0)
X, Y = DRAW.normal(size=(8, 5)), DRAW.integers(0, 3, 8)


def _measured(name, network, y, plan=None):
    engine = build(name, network, Recipe(rule=Adam(), batch_size=8), threads=1, plan=plan)
    state = engine.initial_state(Parameters.initial(network))
    block = Block.of(network, X, y)
    before = state.copy()
    began = time.perf_counter()
    parts = engine.measure(state, block, np.arange(8), 3)
    whole = time.perf_counter() - began
    assert np.array_equal(state.vector, before.vector)
    assert np.array_equal(state.slots, before.slots)
    assert state.step == before.step
    assert all(part.seconds > 0 for part in parts)
    # the medians of three steps cannot add up to more than all the four that were taken
    assert sum(part.seconds for part in parts) < whole
    return [(part.part, part.layer) for part in parts]


@pytest.mark.parametrize("name", ["reference", "native"])
def test_every_part_is_measured_in_the_order_of_the_step(name):
    assert _measured(name, NETWORK, Y) == PARTS


@pytest.mark.parametrize("split", ["batch", "neurons"])
def test_on_two_threads(split):
    plan = Plan("native", 2, split, (False, True))
    assert _measured("native", NETWORK, Y, plan) == PARTS


def test_a_loss_of_ones_own_is_measured_in_its_place():
    network = Network(5, (Dense(4, "tanh"), Dense(1, "identity")), OWN)
    assert _measured("native", network, DRAW.normal(size=(8, 1))) == PARTS


def test_measuring_changes_no_step():
    engine = build("native", NETWORK, Recipe(rule=Adam(), batch_size=8), threads=1)
    block, start = Block.of(NETWORK, X, Y), Parameters.initial(NETWORK)
    state = engine.initial_state(start)
    engine.measure(state, block, np.arange(8), 1)
    measured = engine.advance(state, block, 1)[0].vector
    plain = engine.advance(engine.initial_state(start), block, 1)[0].vector
    assert measured.tobytes() == plain.tobytes()
