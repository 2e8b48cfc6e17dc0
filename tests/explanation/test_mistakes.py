"""Updates made too early, against the number in the origin texts and a step written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.equations import Adam, GradientDescent, Momentum, Penalty
from clearprop.explanation import Place
from clearprop.explanation.mistakes import early_update
from problems import block_for, hidden_network, vector_for

W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
HELD = (Dense(2, "sigmoid", bias_rate=0), Dense(2, "sigmoid", bias_rate=0))
NINE = 0.5e-9


def _trace(network, block, vector, engine="reference", **recipe):
    runner = build(engine, network, Recipe(batch_size=block.rows, **recipe))
    state = runner.initial_state(Parameters(network, vector), 3)
    return runner.trace(state, block, np.arange(block.rows))


@pytest.fixture(scope="module", params=["reference", "native"])
def example(request):
    network = Network(2, HELD, "half_squared_error", "float64")
    vector = Parameters.from_arrays(network, [W1, W2], [[0.35] * 2, [0.60] * 2]).vector
    block = Block.of(network, [[0.05, 0.10]], [[0.01, 0.99]])
    return _trace(network, block, vector, request.param, rule=GradientDescent(0.5))


def test_the_worked_example(example):
    mistake = early_update(example)
    w1 = mistake.of(Place(1, 0, 0))
    assert w1.before == 0.15
    assert w1.right == pytest.approx(0.149780716, abs=NINE)
    assert w1.wrong == pytest.approx(0.149817639, abs=NINE)
    assert w1.gradient == pytest.approx(0.000438568, abs=NINE)
    # the error of h1 through w5' and w7' in place of w5 and w7
    error = 0.35891648 * 0.13849856162 + 0.511301270 * -0.03809823652
    assert w1.mistaken == pytest.approx(error * 0.241300709 * 0.05, abs=NINE)
    assert mistake.mistaken_deltas[0][0, 0] == pytest.approx(error * 0.241300709, abs=NINE)
    w5 = mistake.of(Place(2, 0, 0))
    assert w5.right == w5.wrong == pytest.approx(0.35891648, abs=NINE)
    first, last = mistake.layers
    assert (last.angle, last.ratio) == (pytest.approx(0, abs=1e-9), pytest.approx(1))
    # δ of h1 and h2: with weights as they were, and with new ones; inputs 0.05 and 0.10
    outputs = np.array([0.13849856162, -0.03809823652])
    slopes = np.array([0.241300709, 0.596884378 * 0.403115622])
    right = outputs @ np.array([[0.40, 0.45], [0.50, 0.55]]) * slopes
    wrong = outputs @ np.array([[0.35891648, 0.408666186], [0.51130127, 0.561370121]]) * slopes
    # the inputs are a common factor of all weights, and so do not turn the gradient
    lengths = np.linalg.norm(wrong), np.linalg.norm(right)
    assert first.ratio == pytest.approx(lengths[0] / lengths[1], rel=1e-6)
    angle = np.degrees(np.arctan2(*wrong) - np.arctan2(*right))
    assert first.angle == pytest.approx(abs(angle), rel=1e-4)


def test_held_parameters_stay(example):
    mistake = early_update(example)
    bias = mistake.of(Place(1, 0, None))
    assert bias.before == bias.right == bias.wrong == 0.35
    assert bias.mistaken != bias.gradient


@pytest.mark.parametrize("rule", [GradientDescent(0.1), Momentum(0.1), Adam(0.01)])
def test_layer_by_layer_with_dropout_scale_and_penalty(rule):
    """The loop in one line a layer: each layer's new weights come from its own wrong gradient."""
    network = hidden_network("tanh", dropout=0.3)
    trace = _trace(
        network,
        block_for(network, 4, weighted=True),
        vector_for(network),
        rule=rule,
        penalty=Penalty(l2=0.3),
    )
    mistake = early_update(trace)
    operations = network.operations
    delta, seen = trace.delta[-1], {}
    for index in (2, 1, 0):
        operation = operations[index]
        W = operation.weight.view(trace.vector)
        gradient = operation.scale * delta.T @ trace.inputs[index]
        seen[operation.layer] = gradient
        total = gradient + trace.penalty_factor * 0.3 * W
        # from slots of zero at step 0
        change = {"gd": -0.1 * total, "momentum": -0.1 * total, "adam": -0.01 * np.sign(total)}[
            rule.name
        ]
        new = W + change
        assert operation.weight.view(mistake.mistaken) == pytest.approx(gradient, rel=1e-10)
        assert operation.weight.view(mistake.wrong) == pytest.approx(new, abs=1e-7)
        if index:
            slopes = (1 - trace.a[index - 1] ** 2) * trace.masks[index - 1]
            new = operation.weight.view(mistake.wrong)
            delta = operation.scale * (delta @ new) * slopes
    assert np.abs(seen[1] - operations[0].weight.view(trace.gradient)).max() > 1e-6
    assert mistake.right == pytest.approx(trace.vector + trace.update, rel=1e-15)
    assert mistake.gradient == pytest.approx(trace.gradient, rel=1e-15)


def test_one_layer_has_nothing_to_mistake():
    network = Network(3, (Dense(2, "softmax"),), "cross_entropy", "float64")
    mistake = early_update(_trace(network, block_for(network, 3), vector_for(network)))
    assert np.array_equal(mistake.mistaken, mistake.gradient)
    assert mistake.wrong == pytest.approx(mistake.right, rel=1e-12)


def test_the_length_of_a_gradient_of_zero_has_no_ratio():
    network = Network(2, (Dense(2), Dense(1, "identity")), "half_squared_error", "float64")
    vector = vector_for(network)
    Parameters(network, vector).biases[0][:] = -100
    mistake = early_update(_trace(network, block_for(network, 1), vector))
    assert mistake.layers[0].angle is None
    assert mistake.layers[0].ratio is None
