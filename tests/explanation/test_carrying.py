"""Errors carried back four ways, against the worked example and the matrices written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shown import shows

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.explanation import Explanation, Names, explain
from clearprop.explanation.carrying import ORDER, compare_carriers
from clearprop.explanation.chapters import page_of
from clearprop.explanation.chapters.carriers import OTHERS
from clearprop.explanation.render.markdown import markdown_of
from clearprop.explanation.words import words

W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]


def _trace(network, parameters, x, y, recipe=None, **options):
    engine = build("reference", network, recipe or Recipe(batch_size=len(x)))
    state = engine.initial_state(parameters, 9)
    return engine.trace(state, Block.of(network, x, y), np.arange(len(x)), **options)


def _example(weights=W2, bias_rate=0.0):
    layers = tuple(Dense(2, "sigmoid", bias_rate=bias_rate) for _ in range(2))
    network = Network(2, layers, "half_squared_error", "float64")
    parameters = Parameters.from_arrays(network, [W1, weights], [[0.35] * 2, [0.60] * 2])
    return _trace(network, parameters, [[0.05, 0.10]], [[0.01, 0.99]])


def _deep(loss="mean_squared_error", last="tanh", dropout=0.3):
    layers = (
        Dense(5, "tanh", dropout=dropout, scale=0.7),
        Dense(4, "sigmoid", scale="ntk"),
        Dense(3, last, scale=1.3),
    )
    network = Network(6, layers, loss, "float64")
    draw = np.random.default_rng(4)
    y = np.eye(3)[draw.integers(0, 3, 8)]
    return _trace(network, Parameters.initial(network, 4), draw.normal(size=(8, 6)), y)


def test_errors_of_the_worked_example():
    carriers = compare_carriers(_example()).carriers
    assert tuple(carriers) == ORDER
    # in the package's sign, a - y
    transposed, proportional = carriers["transposed"], carriers["proportional"]
    assert transposed.errors[0][0] == pytest.approx([0.18801026, 0.21422494], abs=5e-9)
    assert proportional.errors[0][0] == pytest.approx([0.24551028, 0.27878325], abs=5e-9)
    assert transposed.weights[0][0, 0] == pytest.approx(0.00226835, abs=5e-9)
    assert carriers["exact"].weights[0][0, 0] == pytest.approx(0.00043857, abs=5e-9)
    assert transposed.errors[1][0] == pytest.approx([0.74136507, -0.217071535], abs=5e-9)


def test_angle_and_length_of_the_worked_example():
    transposed = compare_carriers(_example()).carriers["transposed"]
    # both updates are e ⊗ (0.05, 0.10), so their angle is that of the two e
    e = np.array([0.18801026, 0.21422494])
    slopes = np.array([0.593269992 * (1 - 0.593269992), 0.596884378 * (1 - 0.596884378)])
    delta = np.array([0.74136507 * 0.186815602, -0.217071535 * 0.175510053])
    true = (np.array(W2).T @ delta) * slopes
    carried = e * slopes
    cosine = carried @ true / np.linalg.norm(carried) / np.linalg.norm(true)
    assert transposed.angles[0] == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-4)
    ratio = np.linalg.norm(carried) / np.linalg.norm(true)
    assert transposed.ratios[0] == pytest.approx(ratio, rel=1e-7)
    assert transposed.ratios[0] == pytest.approx(5.2, abs=0.05)
    assert transposed.angles[1] == 0
    assert transposed.ratios[1] == 1


def test_biases_that_move_are_part_of_the_update():
    held, moving = (compare_carriers(_example(bias_rate=r)).carriers for r in (0.0, 1.0))
    random, with_biases = held["random"], moving["random"]
    update = np.concatenate([random.weights[0].ravel(), random.biases[0]])
    true = np.concatenate([held["exact"].weights[0].ravel(), held["exact"].biases[0]])
    ratio = np.linalg.norm(update) / np.linalg.norm(true)
    assert with_biases.ratios[0] == pytest.approx(ratio, rel=1e-12)


def test_carried_through_a_deep_network_with_dropout():
    trace = _deep()
    found = compare_carriers(trace, seed=3)
    last = trace.a[-1]
    e = trace.coefficients[:, None] * 2 * (last - trace.y) / 3
    W2_, W3_ = (trace.network.operations[i].weight.view(trace.vector) for i in (1, 2))
    s2, s3 = 5**-0.5, 1.3
    transposed, exact = found.carriers["transposed"], found.carriers["exact"]
    e2 = s3 * e @ W3_
    e1 = s2 * (e2 @ W2_) * trace.masks[0]
    assert transposed.errors[2] == pytest.approx(e, rel=1e-12)
    assert transposed.errors[1] == pytest.approx(e2, rel=1e-12)
    assert transposed.errors[0] == pytest.approx(e1, rel=1e-12)
    delta = e1 * (1 - trace.a[0] ** 2)
    assert transposed.deltas[0] == pytest.approx(delta, rel=1e-12)
    assert transposed.weights[0] == pytest.approx(0.7 * delta.T @ trace.x, rel=1e-12)
    assert transposed.biases[0] == pytest.approx(delta.sum(axis=0), rel=1e-12)
    assert exact.deltas[0] is not trace.delta[0]
    assert np.array_equal(exact.deltas[0], trace.delta[0])
    shares = found.carriers["proportional"].matrices[2]
    assert shares.sum(axis=1) == pytest.approx(np.ones(3), rel=1e-12)


def test_the_same_seed_draws_the_same_feedback():
    trace = _deep()
    first, again, other = (
        compare_carriers(trace, seed).carriers["random"].errors[0] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_output_delta_in_one_piece_is_carried_itself():
    found = compare_carriers(_deep("cross_entropy", "softmax"))
    assert not found.separable
    exact = found.carriers["exact"]
    for name in ("transposed", "proportional"):
        assert found.carriers[name].errors[-1] == pytest.approx(exact.deltas[-1], rel=1e-12)
        assert found.carriers[name].ratios[-1] == pytest.approx(1, rel=1e-12)


def test_a_vanishing_sum_is_named():
    found = compare_carriers(_example([[0.40, -0.40], [0.50, 0.55]]))
    (unit,) = found.vanishing
    assert (unit.layer, unit.unit, unit.total, unit.size) == (2, 0, 0, 0.8)
    proportional = found.carriers["proportional"]
    assert proportional.errors[0] is None
    assert proportional.weights[0] is None
    assert (proportional.angles[0], proportional.ratios[0]) == (None, None)
    assert proportional.reached == 2
    assert np.isfinite(proportional.matrices[1]).all()
    assert proportional.ratios[1] == 1
    assert found.carriers["transposed"].reached == 1


def test_the_weakest_sum():
    found = compare_carriers(_example([[0.40, -0.30], [0.50, 0.55]]))
    assert found.vanishing == ()
    assert (found.weakest.layer, found.weakest.unit) == (2, 0)
    assert found.weakest.total == pytest.approx(0.1)


def test_a_network_trained_with_another_carrier_is_held_against_the_gradient():
    trace = _deep()
    other = _trace(
        trace.network,
        Parameters(trace.network, trace.vector),
        trace.x,
        trace.y,
        Recipe(batch_size=8, carrier="transposed"),
    )
    expected, found = compare_carriers(trace), compare_carriers(other)
    for name in ORDER:
        assert found.carriers[name].ratios == pytest.approx(expected.carriers[name].ratios)


def test_a_trace_is_what_is_read():
    trace = _example()
    gradient = trace.gradient.copy()
    gradient[:4] *= 2
    found = compare_carriers(replace(trace, gradient=gradient)).carriers["transposed"]
    assert found.ratios[0] == pytest.approx(5.175584243820322 / 2)


def test_feedback_that_cannot_be_drawn_is_left_out():
    layers = (Dense(2, "tanh"), Dense(1, "identity", init="zeros"))
    network = Network(2, layers, dtype="float64")
    trace = _trace(network, Parameters.initial(network), [[1.0, 2.0]], [[1.0]])
    found = compare_carriers(trace)
    assert "random" not in found.carriers
    # no weight at all leads to the output, so no error can be shared out
    assert [unit.layer for unit in found.vanishing] == [2]
    assert found.weakest is None
    # no error comes through by the gradient either
    assert found.carriers["transposed"].ratios[0] is None


def test_one_layer_has_nothing_to_carry():
    network = Network(2, (Dense(1, "sigmoid"),), "binary_cross_entropy", "float64")
    trace = _trace(network, Parameters.initial(network), [[1.0, 2.0]], [[1.0]])
    found = compare_carriers(trace)
    assert found.weakest is None
    assert all(carried.ratios == (1.0,) for carried in found.carriers.values())


# the chapter


def _page(trace, lang):
    explanation = Explanation(trace, Names(trace.network))
    return page_of(explanation, explanation.focus(), ["carriers"], lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_shows_the_worked_example(lang):
    page = _page(_example(), lang)
    for value in (0.18801026, 0.21422494, 0.24551028, 0.27878325, 0.74136507, -0.217071535):
        assert shows(page, value, 1e-7)
    assert shows(page, 0.036350306 * 0.241300709, 1e-7)  # δ of h1
    assert "5.18" in markdown_of(page)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_of_other_networks(lang):
    wide = Network(20, (Dense(30, scale="ntk"), Dense(12, "softmax")), "cross_entropy")
    draw = np.random.default_rng(0)
    many = explain(wide, draw.normal(size=(5, 20)), draw.integers(0, 12, 5)).trace
    for trace in (_deep(), _deep("cross_entropy", "softmax"), many):
        for carried in compare_carriers(trace).carriers.values():
            assert carried.name == "exact" or shows(_page(trace, lang), carried.ratios[0])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_without_anything_to_carry(lang):
    single = Network(2, (Dense(1, "sigmoid"),), "binary_cross_entropy")
    page = _page(explain(single, [[1.0, 2.0]], [[1]]).trace, lang)
    assert words(lang)("carriers.one_layer") in markdown_of(page)
    page = _page(_example([[0.40, -0.40], [0.50, 0.55]]), lang)
    note = words(lang)("carriers.vanishing", unit="o1", layer=2, total=0.0, size=0.8)
    assert note in markdown_of(page)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_words_for_every_finding(lang):
    entries = words(lang).entries
    for direction in ("same", "off", "across", "against"):
        for length in ("long", "short", "right"):
            assert f"carriers.finding_{direction}_{length}" in entries
    assert all(f"carriers.name_{name}" in entries for name in OTHERS)
