"""The forward pass neuron by neuron and the loss term by term, against hand-worked numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import chapter_cases as cases
import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.explanation import Explanation, Names
from clearprop.explanation.chapters import forward as forward_chapter
from clearprop.explanation.chapters import loss as loss_chapter
from clearprop.explanation.formulas import Number
from clearprop.explanation.neurons import forward_of
from clearprop.explanation.words import words
from clearprop.functions import LOSSES, CustomLoss
from problems import PAIR_NAMES, PAIRS, block_for, pair_network

NINE = 0.5e-9


def _trace(network, block, *, seed=0, dropout=False):
    engine = build("reference", network, Recipe(batch_size=block.rows))
    state = engine.initial_state(Parameters.initial(network, seed), seed)
    return engine.trace(state, block, np.arange(block.rows), dropout=dropout)


def test_the_worked_example_neuron_by_neuron():
    forward = cases.worked_example().forward()
    h1 = forward.neuron(1, 0)
    assert h1.products == pytest.approx([0.0075, 0.02], abs=1e-15)
    assert h1.z == pytest.approx(0.3775, abs=1e-15)
    assert h1.a == pytest.approx(0.593269992, abs=NINE)
    assert forward.neuron(1, 1).a == pytest.approx(0.596884378, abs=NINE)
    o1 = forward.neuron(2, 0)
    assert o1.products == pytest.approx([0.4 * 0.593269992, 0.45 * 0.596884378], abs=1e-9)
    assert o1.z == pytest.approx(1.105905967, abs=NINE)
    assert o1.sum == pytest.approx(1.105905967, abs=NINE)
    assert forward.layers[1].output == pytest.approx([0.751365070, 0.772928465], abs=NINE)
    assert forward.error <= 1e-15


def test_its_loss_term_by_term():
    loss = cases.worked_example().forward().loss
    wanted = [0.5 * (0.751365070 - 0.01) ** 2, 0.5 * (0.772928465 - 0.99) ** 2]
    assert loss.terms == pytest.approx(wanted, abs=1e-9)
    assert loss.value == pytest.approx(0.298371109, abs=NINE)
    assert loss.total == loss.value
    assert loss.error < 1e-15


def test_scale_and_dropout_are_part_of_a_neuron():
    layers = (Dense(6, "tanh", dropout=0.5, scale=0.3), Dense(2, "identity", scale="ntk"))
    network = Network(3, layers, "half_squared_error", "float64")
    trace = _trace(network, block_for(network, 4), seed=3, dropout=True)
    first, second = forward_of(trace, 2).layers
    assert set(first.mask) == {0.0, 2.0}
    W = network.operations[0].weight.view(trace.vector)
    z = 0.3 * (W @ trace.x[2]) + network.operations[0].bias.view(trace.vector)
    assert first.products.sum(axis=1) + first.biases == pytest.approx(z, rel=1e-12)
    assert first.output == pytest.approx(np.tanh(z) * trace.masks[0][2], rel=1e-12)
    assert second.received == pytest.approx(first.output, rel=1e-15)
    assert second.scale == pytest.approx(6**-0.5)
    assert second.products.sum(axis=1) + second.biases == pytest.approx(second.z, rel=1e-12)
    for unit in range(6):
        neuron = first.neuron(unit)
        assert neuron.output == first.output[unit]
        assert neuron.products == pytest.approx(first.products[unit])
    assert first.error < 1e-12 > second.error


def test_a_changed_trace_is_a_changed_account():
    trace = cases.worked_example().trace
    z = [trace.z[0] + [[0.0, 1e-6]], trace.z[1]]
    forward = forward_of(replace(trace, z=z), 0)
    assert forward.neuron(1, 1).z == pytest.approx(0.392501, abs=1e-12)
    assert forward.error > 1e-7 > forward.tolerance


@pytest.mark.parametrize(("name", "output"), PAIRS, ids=PAIR_NAMES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_terms_add_up_for_every_loss(name, output, dtype):
    network = pair_network(name, output, dtype)
    trace = _trace(network, block_for(network, 5, weighted=True))
    for sample in range(5):
        loss = forward_of(trace, sample).loss
        assert loss.error <= (1e-12 if dtype == "float64" else 1e-5)
        assert loss.terms.shape == (3,)
        assert loss.shares.sum() == pytest.approx(trace.loss, rel=1e-6)


TERMS = {
    "half_squared_error": lambda a, y: 0.5 * (a - y) ** 2,
    "mean_squared_error": lambda a, y: (a - y) ** 2 / 3,
    "absolute_error": lambda a, y: abs(a - y) / 3,
    "huber": lambda a, y: (0.5 * (a - y) ** 2 if abs(a - y) <= 1 else abs(a - y) - 0.5) / 3,
    "poisson": lambda a, y: a - y + (y * math.log(y / a) if y else 0.0),
    "binary_cross_entropy": lambda a, y: -y * math.log(a) - (1 - y) * math.log(1 - a),
    "cross_entropy": lambda a, y: -y * math.log(a),
}


@pytest.mark.parametrize("name", LOSSES)
def test_each_term_is_that_of_its_unit(name):
    for output in [output for loss, output in PAIRS if loss == name]:
        network = pair_network(name, output)
        trace = _trace(network, block_for(network, 4))
        for sample in range(4):
            loss = forward_of(trace, sample).loss
            pairs = zip(trace.a[-1][sample], trace.y[sample], strict=True)
            wanted = [TERMS[name](float(a), float(y)) for a, y in pairs]
            assert loss.terms == pytest.approx(wanted, rel=1e-9, abs=1e-12), output


def test_an_output_that_underflowed_has_its_term_all_the_same():
    network = Network(1, (Dense(2, "softmax"),), "cross_entropy", "float64")
    parameters = Parameters.from_arrays(network, [[[900.0], [-100.0]]], [[0.0, 0.0]])
    engine = build("reference", network, Recipe(batch_size=1))
    block = Block.of(network, [[1.0]], [1])
    trace = engine.trace(engine.initial_state(parameters), block, np.array([0]))
    loss = forward_of(trace, 0).loss
    assert trace.a[0][0, 1] == 0.0
    assert loss.terms == pytest.approx([0.0, 1000.0])
    assert loss.error == 0


def _own_loss():
    return CustomLoss(
        lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3, "quartic"
    )


def test_a_loss_of_ones_own_has_no_terms():
    network = Network(3, (Dense(2, "identity"),), _own_loss(), "float64")
    trace = _trace(network, block_for(network, 2))
    loss = forward_of(trace, 1).loss
    assert loss.terms is None
    assert loss.error == 0
    assert loss.value == pytest.approx(((trace.a[0][1] - trace.y[1]) ** 4).sum())


def test_overflow_is_told_and_not_raised():
    network = Network(1, (Dense(2, "identity"),), "half_squared_error", "float64")
    trace = _trace(network, block_for(network, 1))
    trace = replace(trace, inputs=[np.array([[np.inf]])], z=[np.array([[np.nan, np.inf]])])
    forward = forward_of(trace, 0)
    assert math.isnan(forward.error)
    assert not forward.error <= forward.tolerance


# the chapters


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_writes_every_product_out(lang):
    explanation = cases.worked_example()
    section = forward_chapter.chapter(explanation, explanation.focus(), words(lang))
    found = cases.keyed(section)
    assert found["w1.0.0"] == {0.15}
    assert found["b2.1"] == {0.6}
    assert found["z1.0"].pop() == pytest.approx(0.3775)
    assert found["a2.1"].pop() == pytest.approx(0.772928465, abs=NINE)
    keys = {f"w{layer}.{unit}.{source}" for layer in (1, 2) for unit in (0, 1) for source in (0, 1)}
    assert keys <= set(found)
    assert all(check.ok for check in cases.checks(section))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_wide_layers_are_folded(lang):
    explanation = cases.wide()
    section = forward_chapter.chapter(explanation, explanation.focus("h1.7<-x9"), words(lang))
    grids = cases.grids(section)
    assert max(len(grid.rows) for grid in grids) <= 10
    assert max(len(grid.rows[0]) for grid in grids) <= 10
    assert len(cases.numbers(section)) < 600
    # the focused weight's own neuron is among those shown
    assert {"w1.6.8", "z1.6", "a0.8"} <= set(cases.keyed(section))
    assert "507" in cases.text(section)
    assert cases.checks(section)[0].ok


def test_the_rest_of_a_folded_sum_is_exact():
    explanation = cases.wide()
    section = forward_chapter.chapter(explanation, explanation.focus("h1.7<-x9"), words("en"))
    neuron = explanation.forward(explanation.focus("h1.7<-x9").sample).neuron(1, 6)
    rests = [n.value for n in cases.walk(section) if isinstance(n, Number) and n.role == "muted"]
    order = [k for k in np.argsort(-abs(neuron.products), kind="stable") if k != 8]
    rest = neuron.products.sum() - neuron.products[[8, *order[:4]]].sum()
    assert any(value == pytest.approx(rest, abs=1e-12) for value in rests)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_on_the_loss(lang):
    explanation = cases.batch_of_classes()
    section = loss_chapter.chapter(explanation, explanation.focus(sample=3), words(lang))
    loss = explanation.forward(3).loss
    found = cases.numbers(section)
    assert loss.value in found
    for value in [*loss.terms, loss.shares.max(), loss.total]:
        assert float(value) in found
    assert [check.ok for check in cases.checks(section)] == [True, True]
    shares = np.sort(loss.shares)[::-1]
    assert any(value == pytest.approx(shares[10:].sum(), rel=1e-9) for value in found)


def test_a_wrong_loss_fails_its_check():
    explanation = cases.worked_example()
    trace = replace(explanation.trace, losses=explanation.trace.losses + 1e-6)
    explanation = replace(explanation, trace=trace)
    section = loss_chapter.chapter(explanation, explanation.focus(), words("en"))
    assert [check.ok for check in cases.checks(section)] == [False]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_chapters_of_a_loss_of_ones_own_with_dropout(lang):
    layers = (Dense(12, "relu", dropout=0.25), Dense(2, "identity"))
    network = Network(3, layers, _own_loss(), "float64")
    trace = _trace(network, block_for(network, 2), dropout=True)
    explanation = Explanation(trace, Names(network))
    focus = explanation.focus()
    for chapter in (forward_chapter, loss_chapter):
        section = chapter.chapter(explanation, focus, words(lang))
        assert all(check.ok for check in cases.checks(section))
    assert "quartic" in cases.text(section)
