"""What each sample adds to the gradient of one parameter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shown import shows

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.explanation import Explanation, Names, Place, explain
from clearprop.explanation.chapters import page_of
from clearprop.explanation.contributions import contributions_of

ROWS = np.array([8, 3, 5, 0, 11, 2, 7])


def _trace(engine="reference", dtype="float64", *, dropout=0.0):
    layers = (Dense(6, "tanh", dropout=dropout, scale=0.4), Dense(3, "softmax", scale="ntk"))
    network = Network(4, layers, "cross_entropy", dtype)
    draw = np.random.default_rng(3)
    block = Block.of(
        network, draw.normal(size=(12, 4)), draw.integers(0, 3, 12), draw.uniform(0.5, 2, 12)
    )
    runner = build(engine, network, Recipe(batch_size=7))
    state = runner.initial_state(Parameters.initial(network, 2), 5)
    return runner.trace(state, block, ROWS), block


@pytest.mark.parametrize("place", [Place(1, 4, 2), Place(1, 0, None), Place(2, 1, 3)])
def test_each_sample_alone_gives_its_own_contribution(place):
    trace, block = _trace()
    found = contributions_of(trace, place)
    assert sorted(found.rows) == sorted(ROWS)
    parameters = Parameters(trace.network, trace.vector)
    for sample, row, value in zip(found.samples, found.rows, found.values, strict=True):
        assert ROWS[sample] == row
        # on its own a sample has the coefficient 1
        alone = explain(parameters, block.x[[row]], block.y[[row]])
        share = block.weights[row] / block.weights[ROWS].sum()
        gradient = alone.trace.gradient[place.entry(trace.network)]
        assert value == pytest.approx(share * gradient, rel=1e-11)
    assert np.all(np.diff(np.abs(found.values)) <= 0)
    assert found.gradient == trace.gradient[place.entry(trace.network)]
    assert found.adds_up


@pytest.mark.parametrize(("engine", "dtype"), [("reference", "float32"), ("native", "float32")])
def test_sums_over_dropped_units(engine, dtype):
    trace, _ = _trace(engine, dtype, dropout=0.5)
    dropped = trace.masks[0] == 0
    for unit in range(6):
        found = contributions_of(trace, Place(2, 0, unit))
        assert found.adds_up
        assert np.all(found.values[dropped[found.samples, unit]] == 0)


def test_shares_and_what_cancels():
    trace, _ = _trace()
    found = replace(contributions_of(trace, Place(1, 4, 2)), values=np.array([3.0, -2.0, 1.0]))
    assert (found.total, found.size) == (2, 6)
    assert found.shares.tolist() == [0.5, 1 / 3, 1 / 6]
    assert found.cumulated.tolist() == [3, 1, 2]
    assert found.cancelled == pytest.approx(2 / 3)
    assert not found.adds_up


def test_a_changed_delta_is_noticed():
    trace, _ = _trace()
    delta = [array.copy() for array in trace.delta]
    delta[0][2, 4] *= 1 + 1e-6
    assert not contributions_of(replace(trace, delta=delta), Place(1, 4, 2)).adds_up


# the chapter


def _page(explanation, place, lang):
    return page_of(explanation, explanation.focus(place), ["samples"], lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("place", [Place(1, 4, 2), Place(2, 1, None)])
def test_the_chapter_names_who_pushes(lang, place):
    trace, _ = _trace(dropout=0.2)
    page = _page(Explanation(trace, Names(trace.network)), place, lang)
    found = contributions_of(trace, place)
    assert all(shows(page, value) for value in (*found.values, *found.deltas, found.gradient))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_sums_up_a_large_batch(lang):
    trace, block = _trace()
    many = np.resize(np.arange(12), 100)
    noise = np.random.default_rng(0).normal(size=(100, 4))
    parameters = Parameters(trace.network, trace.vector)
    explanation = explain(parameters, block.x[many] + noise, block.y[many])
    found = explanation.contributions("h1.5<-x3")
    page = _page(explanation, "h1.5<-x3", lang)
    assert all(shows(page, value) for value in found.values[:10])
    assert not shows(page, found.values[10])
    assert shows(page, found.values[10:].sum())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_of_a_single_sample(lang):
    trace, block = _trace()
    explanation = explain(Parameters(trace.network, trace.vector), block.x[:1], block.y[:1])
    page = _page(explanation, "h1.5<-x3", lang)
    for value in (explanation.trace.delta[0][0, 4], block.x[0, 2], 0.4):
        assert shows(page, value)
