"""The third oracle: the 2-2-2 example of the origin texts, to nine digits, on every engine."""

import math

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.equations import GradientDescent

X, Y, ETA = [0.05, 0.10], [0.01, 0.99], 0.5
W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
B1, B2 = 0.35, 0.60
# nine digits behind the point
DIGITS = 0.5e-9

LAYERS = (Dense(2, "sigmoid", bias_rate=0), Dense(2, "sigmoid", bias_rate=0))
NETWORK = Network(2, LAYERS, "half_squared_error", "float64")
ENGINES = ["reference", "native"]


def _start(name):
    engine = build(name, NETWORK, Recipe(GradientDescent(ETA), batch_size=1))
    parameters = Parameters.from_arrays(NETWORK, [W1, W2], [[B1, B1], [B2, B2]])
    return engine, engine.initial_state(parameters), Block.of(NETWORK, [X], [Y])


def _by_hand(steps):
    """The same training on single numbers, from the chain rule alone; E before each update."""

    def squash(e):
        return 1 / (1 + math.exp(-e))

    w, v, errors = [row[:] for row in W1], [row[:] for row in W2], []
    for _ in range(steps + 1):
        h = [squash(w[j][0] * X[0] + w[j][1] * X[1] + B1) for j in (0, 1)]
        o = [squash(v[j][0] * h[0] + v[j][1] * h[1] + B2) for j in (0, 1)]
        errors.append(sum((y - out) ** 2 for y, out in zip(Y, o, strict=True)) / 2)
        if len(errors) > steps:
            return errors, w, v, o
        at_output = [(o[j] - Y[j]) * o[j] * (1 - o[j]) for j in (0, 1)]
        carried = [at_output[0] * v[0][j] + at_output[1] * v[1][j] for j in (0, 1)]
        at_hidden = [carried[j] * h[j] * (1 - h[j]) for j in (0, 1)]
        for j in (0, 1):
            for k in (0, 1):
                v[j][k] -= ETA * at_output[j] * h[k]
                w[j][k] -= ETA * at_hidden[j] * X[k]
    raise AssertionError


@pytest.mark.parametrize("name", ENGINES)
def test_forward_and_backward(name):
    engine, state, block = _start(name)
    trace = engine.trace(state, block, np.array([0]))

    def near(numbers):
        return pytest.approx(numbers, abs=DIGITS)

    assert trace.z[0][0, 0] == near(0.3775)
    assert trace.a[0][0].tolist() == near([0.593269992, 0.596884378])
    assert trace.z[1][0, 0] == near(1.105905967)
    assert trace.a[1][0].tolist() == near([0.751365070, 0.772928465])
    assert trace.loss == near(0.298371109)
    assert trace.delta[1][0, 0] == near(0.74136507 * 0.186815602)
    assert trace.delta[0][0, 0] == near(0.036350306 * 0.241300709)
    first, second = trace.weight_gradients()
    assert second[0, 0] == near(0.082167041)
    assert first[0, 0] == near(0.000438568)


@pytest.mark.parametrize("name", ENGINES)
def test_one_update(name):
    engine, state, block = _start(name)
    state, record = engine.advance(state, block, 1)
    after = Parameters(NETWORK, state.vector)
    assert record.losses.tolist() == pytest.approx([0.298371109], abs=DIGITS)
    first = [[0.149780716, 0.19956143], [0.24975114, 0.29950229]]
    second = [[0.35891648, 0.408666186], [0.511301270, 0.561370121]]
    # the texts give some of these with eight digits
    assert after.weights[0] == pytest.approx(np.array(first), abs=0.5e-8)
    assert after.weights[1] == pytest.approx(np.array(second), abs=0.5e-8)
    assert after.weights[0][0, 0] == pytest.approx(0.149780716, abs=DIGITS)
    # with the later weights updated first it would be 0.149817639
    assert after["b1"].tolist() == [B1, B1]
    assert after["b2"].tolist() == [B2, B2]
    assert engine.evaluate(state.vector, block) == pytest.approx(0.291027774, abs=DIGITS)


@pytest.mark.parametrize("name", ENGINES)
def test_ten_thousand_updates(name):
    engine, state, block = _start(name)
    block = block.ordered(np.zeros(10_000, dtype=np.int64))
    state, record = engine.advance(state, block, 10_000)
    errors, first, second, outputs = _by_hand(10_000)
    error = engine.evaluate(state.vector, block)
    assert error == pytest.approx(3.5102e-5, abs=0.5e-9)
    assert engine.predict(state.vector, block.x)[0] == pytest.approx([0.015914, 0.984064], abs=5e-7)
    assert record.losses == pytest.approx(np.array(errors[:-1]), rel=1e-9)
    after = Parameters(NETWORK, state.vector)
    assert after.weights[0] == pytest.approx(np.array(first), rel=1e-9)
    assert after.weights[1] == pytest.approx(np.array(second), rel=1e-9)
    assert error == pytest.approx(errors[-1], rel=1e-9)
    assert engine.predict(state.vector, block.x)[0] == pytest.approx(outputs, rel=1e-9)
