"""The four equations as matrices, against hand-worked numbers and PyTorch."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import chapter_cases as cases
import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.explanation import Explanation, Names
from clearprop.explanation.chapters import deltas as chapter
from clearprop.explanation.deltas import deltas_of
from clearprop.explanation.words import words
from clearprop.functions import CustomLoss
from problems import PAIR_NAMES, PAIRS, apart, block_for, hidden_network, pair_network

NINE = 0.5e-9


def _trace(network, block, *, seed=0, dropout=False, engine="reference", parameters=None):
    runner = build(engine, network, Recipe(batch_size=block.rows))
    state = runner.initial_state(parameters or Parameters.initial(network, seed), seed)
    return runner.trace(state, block, np.arange(block.rows), dropout=dropout)


def test_the_worked_example():
    deltas = cases.worked_example().deltas
    hidden, output = deltas.layers
    ends = deltas.ends(0)
    assert ends.loss_slopes == pytest.approx([0.74136507, -0.217071535], abs=NINE)
    assert output.slopes[0] == pytest.approx([0.186815602, 0.175510053], abs=NINE)
    assert output.delta[0] == pytest.approx([0.138498562, -0.0380982365], abs=NINE)
    assert hidden.carried[0] == pytest.approx([0.036350306, 0.0413703228], abs=NINE)
    assert hidden.slopes[0, 0] == pytest.approx(0.241300709, abs=NINE)
    assert hidden.gradients["W"][0, 0] == pytest.approx(0.000438568, abs=NINE)
    assert output.gradients["W"][0, 0] == pytest.approx(0.082167041, abs=NINE)
    assert output.gradients["b"] == pytest.approx([0.138498562, -0.0380982365], abs=NINE)
    assert deltas.error < 1e-15
    assert not deltas.matched


def test_who_reads_a_delta():
    network = Network(4, (Dense(10, "tanh"), Dense(3, "softmax")), "cross_entropy", "float64")
    first, second = deltas_of(_trace(network, block_for(network, 2))).sharing
    # h1.j: 4 weights and a bias; o.k: 10 weights, a bias and the 10 δs of layer 1
    assert (first.deltas, first.weights, first.biases, first.earlier) == (10, 4, 1, 0)
    assert (second.deltas, second.weights, second.biases, second.earlier) == (3, 10, 1, 10)
    assert (first.reads, second.reads) == (50, 63)


def test_delta_is_the_slope_along_z():
    torch = pytest.importorskip("torch")
    network = hidden_network("tanh")
    trace = _trace(network, block_for(network, 5, weighted=True))
    x, y, c = (torch.tensor(array) for array in (trace.x, trace.y, trace.coefficients))
    saved = []
    for operation in network.operations:
        W, b = (
            np.ascontiguousarray(s.view(trace.vector)) for s in (operation.weight, operation.bias)
        )
        W, b = (torch.tensor(array, requires_grad=True) for array in (W, b))
        z = operation.scale * (x @ W.T) + b
        z.retain_grad()
        saved.append((z, W, b))
        x = torch.softmax(z, 1) if operation.activation.name == "softmax" else torch.tanh(z)
    (c * -(y * torch.log(x)).sum(1)).sum().backward()
    deltas = deltas_of(trace)
    for layer, (z, W, b) in zip(deltas.layers, saved, strict=True):
        assert apart(layer.delta, z.grad) < 1e-12
        assert apart(layer.gradients["W"], W.grad) < 1e-12
        assert apart(layer.gradients["b"], b.grad) < 1e-12
    assert deltas.error < 1e-12


@pytest.mark.parametrize(("name", "output"), PAIRS, ids=PAIR_NAMES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_equations_hold_for_every_pair(name, output, dtype):
    network = pair_network(name, output, dtype, dropout=0.4)
    trace = _trace(network, block_for(network, 6, weighted=True), dropout=True)
    deltas = deltas_of(trace)
    assert deltas.error <= deltas.tolerance
    for sample in range(6):
        ends = deltas.ends(sample)
        if not ends.collapsed:
            factors = ends.loss_slopes
            jacobian = ends.jacobian
            product = jacobian @ factors if jacobian.shape[1] > 1 else jacobian[:, 0] * factors
            wanted = deltas.layers[-1].delta[sample]
            assert trace.coefficients[sample] * product == pytest.approx(wanted, rel=1e-4, abs=1e-6)


def test_the_jacobian_of_softmax():
    explanation = cases.batch_of_classes("float64")
    a = explanation.trace.a[-1][4]
    wanted = np.diag(a) - np.outer(a, a)
    assert explanation.deltas.ends(4).jacobian == pytest.approx(wanted, rel=1e-12)
    assert explanation.deltas.layers[-1].slopes is None
    assert explanation.deltas.matched


@pytest.mark.parametrize("piece", ["delta", "weights", "bias"])
def test_a_changed_number_is_found(piece):
    explanation = cases.worked_example()
    trace = explanation.trace
    gradient, delta = trace.gradient.copy(), [array.copy() for array in trace.delta]
    first = trace.network.operations[0]
    if piece == "delta":
        delta[0][0, 1] += 1e-8
    elif piece == "weights":
        first.weight.view(gradient)[1, 0] += 1e-8
    else:
        first.bias.view(gradient)[1] += 1e-8
    explanation = replace(explanation, trace=replace(trace, gradient=gradient, delta=delta))
    layer = explanation.deltas.layers[0]
    found = {"delta": layer.delta_error, "weights": layer.errors["W"], "bias": layer.errors["b"]}
    assert found[piece] > 1e-8
    section = chapter.chapter(explanation, explanation.focus(), words("en"))
    assert [check.ok for check in cases.checks(section)] == [True, False]


def test_saturated_units_do_not_trip_the_check():
    for dtype in ("float32", "float64"):
        network = Network(2, (Dense(3, "tanh"), Dense(2, "sigmoid")), "half_squared_error", dtype)
        weights = [np.full((3, 2), 6.0), np.full((2, 3), 9.0)]
        parameters = Parameters.from_arrays(network, weights, [np.zeros(3), np.zeros(2)])
        block = Block.of(network, [[0.9, 0.8], [0.1, 0.2]], [[0.0, 1.0], [1.0, 0.0]])
        deltas = deltas_of(_trace(network, block, parameters=parameters))
        assert deltas.error <= deltas.tolerance


def test_the_native_engine_is_read():
    network = hidden_network("tanh", "float32", dropout=0.3)
    trace = _trace(network, block_for(network, 40, weighted=True), dropout=True, engine="native")
    deltas = deltas_of(trace)
    assert trace.engine == "native"
    assert deltas.error <= deltas.tolerance
    assert np.array_equal(deltas.layers[1].delta, trace.delta[1])


def test_a_step_that_carried_errors_otherwise_gets_the_exact_ones():
    trace = cases.worked_example().trace
    wrong = [array * 0 + 7 for array in trace.delta]
    recipe = SimpleNamespace(carrier="transposed")
    other = replace(trace, recipe=recipe, delta=wrong, gradient=trace.gradient * 0)
    deltas = deltas_of(other)
    assert not deltas.own
    assert deltas.layers[0].gradients["W"][0, 0] == pytest.approx(0.000438568, abs=NINE)
    assert deltas.layers[0].delta == pytest.approx(trace.delta[0], rel=1e-12)


# the chapter


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_on_the_worked_example(lang):
    explanation = cases.worked_example()
    section = chapter.chapter(explanation, explanation.focus("w1"), words(lang))
    found = cases.keyed(section)
    assert found["g1.0.0"].pop() == pytest.approx(0.000438568, abs=NINE)
    assert found["d2.0"].pop() == pytest.approx(0.138498562, abs=NINE)
    assert found["c1.0"].pop() == pytest.approx(0.036350306, abs=NINE)
    assert found["f1.0"].pop() == pytest.approx(0.241300709, abs=NINE)
    assert found["e0"].pop() == pytest.approx(0.741365070, abs=NINE)
    assert [check.ok for check in cases.checks(section)] == [True, True]
    for name in ("BP1", "BP2", "BP3", "BP4"):
        assert name in cases.text(section)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_key_stands_for_one_number(lang):
    explanation = cases.batch_of_classes()
    focus = explanation.focus("h1.7<-x2", sample=11)
    section = chapter.chapter(explanation, focus, words(lang))
    for key, values in cases.keyed(section).items():
        assert len(values) == 1, key
    deltas = explanation.deltas
    found = cases.keyed(section)
    assert found["d1.6"] == {float(deltas.layers[0].delta[11, 6])}
    assert found["g1.6.1"] == {float(deltas.layers[0].gradients["W"][6, 1])}
    W = explanation.trace.network.operations[1].weight.view(explanation.trace.vector)
    assert found["w2.2.6"] == {float(W[2, 6])}
    assert found["w2.1.0"] == {float(W[1, 0])}
    assert all(check.ok for check in cases.checks(section))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_wide_layers_are_folded(lang):
    explanation = cases.wide()
    section = chapter.chapter(explanation, explanation.focus("h2.99<-h1.7"), words(lang))
    grids = cases.grids(section)
    assert max(len(grid.rows) for grid in grids) <= 10
    assert max(len(grid.rows[0]) for grid in grids) <= 10
    assert {"g2.98.6", "d2.98", "a1.6"} <= set(cases.keyed(section))
    assert all(check.ok for check in cases.checks(section))


def _own(y, z, a):
    return 4 * (a - y) ** 3


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("case", ["own loss", "saturated", "carried"])
def test_chapters_of_unusual_steps(case, lang):
    rows = 1 if case == "saturated" else 3
    if case == "own loss":
        loss = CustomLoss(lambda y, a: ((a - y) ** 4).sum(axis=1), _own, "quartic")
        network = Network(3, (Dense(2, "tanh", dropout=0.5), Dense(2, "identity")), loss, "float64")
    else:
        layers = (Dense(2, "tanh", scale=0.5), Dense(2, "softmax", scale=0.5))
        network = Network(3, layers, "cross_entropy", "float64")
    parameters = Parameters.initial(network, 1)
    if case == "saturated":
        parameters["W2"][:] *= 4000
    trace = _trace(network, block_for(network, rows), dropout=True, parameters=parameters)
    if case == "carried":
        trace = replace(trace, recipe=SimpleNamespace(carrier="random"))
    explanation = Explanation(trace, Names(network))
    section = chapter.chapter(explanation, explanation.focus(sample=0), words(lang))
    assert all(check.ok for check in cases.checks(section))
    # the equations' gradients are not those of an update that went another way
    assert len(cases.checks(section)) == (0 if case == "carried" else 2)
    assert np.isfinite(cases.numbers(section)).all()
