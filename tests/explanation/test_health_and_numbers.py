"""Layer health, the gradient check, and how numbers are shown."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.explanation import check_gradient, gradient_check, health
from clearprop.explanation.numbers import figure


def _trace(network, weights, biases, x, y):
    engine = build("reference", network, Recipe(batch_size=len(x)))
    state = engine.initial_state(Parameters.from_arrays(network, weights, biases))
    return engine.trace(state, Block.of(network, x, y), np.arange(len(x)))


def test_dead_units_and_norms():
    network = Network(2, (Dense(3, "relu"), Dense(1, "identity")), "half_squared_error", "float64")
    # unit 0 is always on, unit 1 never, unit 2 for the first sample only
    w1, b1 = [[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]], [10.0, -10.0, -1.5]
    trace = _trace(
        network, [w1, [[1.0, 2.0, 3.0]]], [b1, [0.0]], [[2.0, 1.0], [1.0, 2.0]], [[0.0]] * 2
    )
    hidden, output = health(trace)
    assert (hidden.layer, hidden.units, hidden.activation) == (1, 3, "relu")
    assert hidden.dead == 1
    assert output.dead == 0
    assert hidden.weight_norm == pytest.approx(math.sqrt(5))
    # outputs 13 + 3·0.5 and 13; δ = a/2 for a mean over two samples
    delta = np.array([14.5, 13.0]) / 2
    assert output.delta_norm == pytest.approx(np.linalg.norm(delta))
    gradient = np.array([13 * delta.sum(), 0, 0.5 * delta[0]])
    assert output.gradient_norm == pytest.approx(np.linalg.norm(gradient))


def test_a_saturated_sigmoid_is_silent():
    network = Network(1, (Dense(2, "sigmoid"), Dense(2, "softmax")), "cross_entropy", "float64")
    trace = _trace(network, [[[0.0], [0.0]], np.eye(2)], [[9.0, 1.0], [0, 0]], [[1.0]], [0])
    assert [line.dead for line in health(trace)] == [1, 0]


def _model():
    network = Network(3, (Dense(5, "tanh"), Dense(2, "identity")), "half_squared_error", "float64")
    draw = np.random.default_rng(0)
    return Parameters.initial(network, 1), draw.normal(size=(9, 3)), draw.normal(size=(9, 2))


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_right_gradient_passes(engine):
    found = check_gradient(*_model(), engine=engine)
    assert found.passed
    assert found.checked == found.size == 32
    assert found.error < 1e-8


@pytest.mark.parametrize(("name", "unit", "source"), [("W1", 3, 2), ("W2", 1, 4)])
def test_a_wrong_gradient_is_found_and_named(monkeypatch, name, unit, source):
    parameters, x, y = _model()
    segment = next(s for s in parameters.network.segments if s.name == name)
    real = gradient_check.build

    def build_wrong(engine, network, recipe):
        runner = real(engine, network, recipe)
        if engine == "native":
            right = runner.gradient

            def wrong(vector, block):
                value, gradient = right(vector, block)
                segment.view(gradient)[unit, source] += 1e-3
                return value, gradient

            runner.gradient = wrong
        return runner

    monkeypatch.setattr(gradient_check, "build", build_wrong)
    found = check_gradient(parameters, x, y)
    assert not found.passed
    assert found.worst == f"{name}[{unit}, {source}]"
    assert found.backprop - found.differences == pytest.approx(1e-3, rel=1e-4)


def test_kinks_are_left_out_and_counted():
    network = Network(1, (Dense(1, "relu"), Dense(1, "identity")), "half_squared_error", "float64")
    # z of the hidden unit lies within a step of 0 for the first sample
    parameters = Parameters.from_arrays(network, [[[1.0]], [[1.0]]], [[-1.0], [0.0]])
    found = check_gradient(parameters, [[1.0 + 4e-6], [3.0]], [[1.0], [1.0]])
    assert found.kinks == 2  # w1 and b1 move z over the kink
    assert found.passed


def test_entries_of_large_networks_are_drawn():
    network = Network(
        30, (Dense(40, "tanh"), Dense(1, "identity")), "half_squared_error", "float64"
    )
    x = np.random.default_rng(0).normal(size=(4, 30))
    found = check_gradient(Parameters.initial(network, 0), x, x[:, :1], entries=50)
    assert (found.checked, found.size) == (50, 1281)
    assert found.passed


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.83721, "0.8372"),
        (-1.25, "−1.250"),
        (2.0, "2"),
        (12345, "12345"),
        (12345.6, "12346"),
        (9.99996, "10.00"),
        (0.001, "0.001000"),
        (0.00099996, "0.001000"),
        (0.000999, "9.990×10⁻⁴"),
        (99_999.6, "1.000×10⁵"),
        (100_000, "1.000×10⁵"),
        (-3.14159e-12, "−3.142×10⁻¹²"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "not a number"),
    ],
)
def test_figures(value, shown):
    assert figure(value) == shown


def test_figures_with_more_digits():
    assert figure(0.000438568, 6) == "4.38568×10⁻⁴"
    assert figure(0.082167041, 8) == "0.082167041"
