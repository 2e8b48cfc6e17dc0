"""One weight's chain rule, against the example worked by hand in the origin texts."""

from __future__ import annotations

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.errors import SettingError
from clearprop.explanation import chain_of_weight, slope_of_weight, strongest_weight

W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
LAYERS = (Dense(2, "sigmoid"), Dense(2, "sigmoid"))
NETWORK = Network(2, LAYERS, "half_squared_error", "float64")
NINE = 0.5e-9


def _trace(engine="reference", rows=1):
    runner = build(engine, NETWORK, Recipe(batch_size=rows))
    parameters = Parameters.from_arrays(NETWORK, [W1, W2], [[0.35] * 2, [0.60] * 2])
    block = Block.of(NETWORK, [[0.05, 0.10]] * rows, [[0.01, 0.99]] * rows)
    return runner.trace(runner.initial_state(parameters), block, np.arange(rows))


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_an_output_weight(engine):
    chain = chain_of_weight(_trace(engine), 2, 0, 0)
    assert chain.signal == pytest.approx(0.593269992, abs=NINE)
    assert chain.delta == pytest.approx(0.74136507 * 0.186815602, abs=NINE)
    assert chain.slope is None
    assert chain.terms == ()
    assert chain.product == pytest.approx(0.082167041, abs=NINE)
    assert chain.gradient == pytest.approx(0.082167041, abs=NINE)
    assert chain.error < 1e-12


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_hidden_weight_sums_over_its_paths(engine):
    chain = chain_of_weight(_trace(engine), 1, 0, 0)
    assert chain.signal == 0.05
    assert chain.slope == pytest.approx(0.241300709, abs=NINE)
    # w5 δ_o1 and w7 δ_o2, the larger first; the two add up to 0.036350306
    assert [term.unit for term in chain.terms] == [0, 1]
    assert [term.weight for term in chain.terms] == [0.40, 0.50]
    assert chain.terms[0].product == pytest.approx(0.40 * 0.74136507 * 0.186815602, abs=NINE)
    assert sum(term.product for term in chain.terms) == pytest.approx(0.036350306, abs=NINE)
    assert chain.product == pytest.approx(0.000438568, abs=NINE)
    assert chain.gradient == pytest.approx(0.000438568, abs=NINE)
    assert chain.size > abs(chain.product)  # one path is negative
    assert chain.error < 1e-12


def test_the_difference_along_a_weight_is_the_gradient():
    assert slope_of_weight(_trace(), 1, 0, 0) == pytest.approx(0.000438568, abs=NINE)
    assert slope_of_weight(_trace(), 2, 0, 0) == pytest.approx(0.082167041, abs=NINE)


def test_dropout_and_forward_scale_are_factors_of_the_chain():
    layers = (Dense(6, "tanh", dropout=0.5, scale=0.3), Dense(2, "softmax", scale="ntk"))
    network = Network(3, layers, "cross_entropy", "float64")
    engine = build("reference", network, Recipe(batch_size=1))
    state = engine.initial_state(Parameters.initial(network, 3), 3)
    draw = np.random.default_rng(0)
    block = Block.of(network, draw.normal(size=(1, 3)), np.array([1]))
    trace = engine.trace(state, block, np.array([0]))
    dropped = trace.masks[0][0] == 0
    assert 0 < dropped.sum() < 6
    for unit in range(6):
        chain = chain_of_weight(trace, 1, unit, 2)
        assert chain.error < 1e-12
        assert (chain.gradient == 0) == dropped[unit]


def test_the_strongest_weight():
    gradient = np.abs(_trace().weight_gradients()[1])
    unit, source = strongest_weight(_trace(), 2)
    assert gradient[unit, source] == gradient.max()


@pytest.mark.parametrize(
    ("place", "part"),
    [((3, 0, 0), "layers 1 to 2"), ((1, 2, 0), "from 2 units into 2"), ((1, 0, -1), "from -1")],
)
def test_weights_that_are_not_there(place, part):
    with pytest.raises(SettingError, match=part):
        chain_of_weight(_trace(), *place)


def test_a_chain_is_of_one_sample():
    with pytest.raises(SettingError, match="for one sample, but the trace holds 3"):
        chain_of_weight(_trace(rows=3), 1, 0, 0)
