"""Front layers, learnt activations and members, by hand, by differences, and member by member."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters, Periodic, Scaling
from clearprop.engines import Block, Recipe, build
from clearprop.equations import AdamW

LAYERS = {
    "scaling": (Scaling(), Dense(3, "tanh"), Dense(2, "softmax")),
    "periodic": (Periodic((2, 0), frequencies=3, sigma=0.7), Dense(3, "tanh"), Dense(2, "softmax")),
    "parametric": (Dense(4, "selu", parametric=True, scale="ntk"), Dense(2, "softmax")),
    "together": (
        Periodic((1,), frequencies=2, features=3, sigma=0.7),
        Scaling(),
        Dense(4, "mish", parametric=True, scale="ntk"),
        Dense(2, "softmax", scale="ntk"),
    ),
}


def _case(name, members=1):
    network = Network(3, LAYERS[name], "cross_entropy", "float64", members=members)
    draw = np.random.default_rng(1)
    vector = Parameters.initial(network, 3).vector + 0.2 * draw.standard_normal(network.size)
    x, y = draw.standard_normal((5, 3)), np.array([0, 1, 1, 0, 1])
    return network, vector, Block.of(network, x, y, draw.uniform(0.5, 2, 5))


@pytest.mark.parametrize(
    ("name", "members"),
    [*((name, 1) for name in LAYERS), ("scaling", 3), ("together", 3)],
)
def test_gradients_are_those_of_differences(name, members):
    network, vector, block = _case(name, members)
    engine = build("reference", network, Recipe())
    gradient = engine.gradient(vector, block)[1]
    step = 1e-5
    for i in range(network.size):
        ends = [vector.copy(), vector.copy()]
        ends[0][i] -= step
        ends[1][i] += step
        low, high = (engine.evaluate(end, block) for end in ends)
        assert gradient[i] == pytest.approx((high - low) / (2 * step), abs=1e-9), i


@pytest.mark.parametrize("name", ["scaling", "together"])
def test_members_are_networks_of_their_own(name):
    network, vector, block = _case(name, members=3)
    parameters, whole = Parameters(network, vector), build("reference", network, Recipe())
    loss, gradient = whole.gradient(vector, block)
    losses, outputs, sums = [], [], np.zeros_like(vector)
    for m in range(3):
        own = parameters.member(m)
        engine = build("reference", own.network, Recipe())
        found = engine.gradient(own.vector, block)
        losses.append(found[0])
        outputs.append(engine.predict(own.vector, block.x))
        for segment, part in zip(network.segments, own.network.segments, strict=True):
            place = segment.view(sums)
            (place[m] if segment.own else place)[...] += part.view(found[1]) / 3
    assert loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert gradient == pytest.approx(sums, rel=1e-10, abs=1e-14)
    assert whole.predict(vector, block.x) == pytest.approx(np.mean(outputs, axis=0), rel=1e-12)


def test_one_gain_one_wave_and_one_learnt_shape_by_hand():
    layers = (
        Periodic((0,), frequencies=1, features=2),
        Scaling(),
        Dense(1, "relu", parametric=True),
        Dense(1, "identity"),
    )
    network = Network(1, layers, "half_squared_error", "float64")
    parts = {
        "f1": [[0.25]], "p1": [[0.125]], "W1": [[2.0]], "b1": [0.5],
        "g2": [3.0, -1.0], "W3": [[1.0, 1.0]], "b3": [-4.0], "t3": [0.5],
        "W4": [[2.0]], "b4": [0.0],
    }  # fmt: skip
    vector = Parameters.from_names(network, parts).vector
    block = Block.of(network, np.array([[0.5]]), np.array([[1.0]]))
    engine = build("reference", network, Recipe())
    # φ = 2π (0.25 · 0.5 + 0.125) = π/2, so v = 2 cos φ + 0.5 = 0.5; z² = (1.5, -0.5); z³ = -3
    # relu(-3) = 0, a³ = -3 + 0.5 (0 + 3) = -1.5; a⁴ = -3, δ⁴ = -4
    assert engine.predict(vector, block.x) == pytest.approx(np.array([[-3.0]]))
    gradient = Parameters(network, engine.gradient(vector, block)[1])
    # ∂E/∂a³ = -8; ∂a³/∂z³ = 1 + 0.5 (0 - 1) = 0.5, δ³ = -4; ∂E/∂t = -8 · (0 + 3)
    assert gradient["t3"] == pytest.approx([-24.0])
    assert gradient["W3"] == pytest.approx(np.array([[-6.0, 2.0]]))
    # δ² = (-4, -4), times what came in, (0.5, 0.5); behind the gains (-12, 4) arrive
    assert gradient["g2"] == pytest.approx([-2.0, -2.0])
    # ψ = 4 · 2 · (-2π sin π/2) = -16π
    assert gradient["b1"] == pytest.approx([4.0])
    assert gradient["W1"] == pytest.approx(np.array([[0.0]]), abs=1e-15)
    assert gradient["p1"] == pytest.approx(np.array([[-16 * math.pi]]))
    assert gradient["f1"] == pytest.approx(np.array([[-8 * math.pi]]))


class Halving:
    """1, ½, ¼, …."""

    def factors(self, steps, horizon):
        return 0.5**steps


def test_schedules_of_dropout_and_decay():
    layers = (Dense(40, "tanh", dropout=0.8), Dense(2, "softmax"))
    network = Network(3, layers, "cross_entropy", "float64")
    _, _, block = _case("scaling")
    rule = AdamW(0.1, weight_decay=0.5)
    recipe = Recipe(rule, batch_size=5, dropout_schedule=Halving(), decay_schedule=Halving())
    engine = build("reference", network, recipe)
    state = replace(engine.initial_state(Parameters.initial(network, 1)), step=2)
    trace = engine.trace(state, block, np.arange(5))
    # dropout 0.8 / 4, decay 0.1 · 0.5 / 4, of weights and not of biases
    assert set(np.unique(trace.masks[0])) == {0.0, 1.25}
    W = network.segments[0]
    assert W.view(trace.terms["decay"]) == pytest.approx(-0.0125 * W.view(state.vector))
    assert not network.segments[1].view(trace.terms["decay"]).any()


def test_members_drop_units_of_their_own():
    layers = (Scaling(), Dense(3, "tanh", dropout=0.5), Dense(2, "softmax"))
    network = Network(3, layers, "cross_entropy", "float64", members=4)
    _, _, block = _case("scaling")
    engine = build("reference", network, Recipe(batch_size=5))
    state = engine.initial_state(Parameters.initial(network, 1))
    mask = engine.trace(state, block, np.arange(5)).masks[1].reshape(4, 5, 3)
    single = build("reference", replace(network, members=1), Recipe(batch_size=5))
    alone = single.trace(
        single.initial_state(Parameters.initial(single.network, 1)), block, np.arange(5)
    )
    assert np.array_equal(mask[0], alone.masks[1])
    assert not np.array_equal(mask[1], mask[0])
