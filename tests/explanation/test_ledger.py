"""The ledger of one step, against the worked example and the rules written out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from shown import shows

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.equations import (
    RULES,
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    Penalty,
    RMSprop,
)
from clearprop.explanation import Explanation, Names, Place
from clearprop.explanation.chapters import page_of
from clearprop.explanation.ledger import BOOK, ledger_of
from clearprop.explanation.pages import Picture
from clearprop.explanation.render.markdown import markdown_of
from clearprop.training import Recording
from clearprop.training.schedules import Cosine

W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
NINE = 0.5e-9


def _example(**options):
    layers = (Dense(2, "sigmoid", bias_rate=0), Dense(2, "sigmoid", bias_rate=0))
    network = Network(2, layers, "half_squared_error", "float64")
    recipe = Recipe(rule=GradientDescent(0.5), batch_size=1, **options)
    engine = build("reference", network, recipe)
    parameters = Parameters.from_arrays(network, [W1, W2], [[0.35] * 2, [0.60] * 2])
    block = Block.of(network, [[0.05, 0.10]], [[0.01, 0.99]])
    return engine.trace(engine.initial_state(parameters), block, np.arange(1))


def _run(recipe, steps=3, dtype="float64", engine="reference"):
    """Take some steps on four batches of a little network; return each step's trace."""
    network = Network(3, (Dense(4, "tanh"), Dense(2, "softmax")), "cross_entropy", dtype)
    draw = np.random.default_rng(7)
    block = Block.of(network, draw.normal(size=(20, 3)), draw.integers(0, 2, 20))
    runner = build(engine, network, recipe)
    state = runner.initial_state(Parameters.initial(network, 1))
    traces = []
    for _ in range(steps):
        rows = block.visited(state.position, state.position + recipe.batch_size)
        traces.append(runner.trace(state, block, rows))
        state, _ = runner.advance(state, block, 1)
    return traces


@pytest.mark.parametrize(
    ("place", "new"),
    [
        (Place(2, 0, 0), 0.35891648),
        (Place(2, 0, 1), 0.408666186),
        (Place(2, 1, 0), 0.511301270),
        (Place(2, 1, 1), 0.561370121),
        (Place(1, 0, 0), 0.149780716),
        (Place(1, 0, 1), 0.19956143),
        (Place(1, 1, 0), 0.24975114),
        (Place(1, 1, 1), 0.29950229),
    ],
)
def test_new_weights_of_the_worked_example(place, new):
    ledger = ledger_of(_example(), place)
    assert ledger.new == pytest.approx(new, abs=5e-9)
    assert ledger.adds_up
    assert ledger.agrees


def test_the_ledger_of_w5():
    ledger = ledger_of(_example(), Place(2, 0, 0))
    assert ledger.old == 0.40
    assert ledger.gradient == pytest.approx(0.082167041, abs=NINE)
    assert list(ledger.terms) == ["gradient"]
    assert ledger.terms["gradient"] == pytest.approx(-0.5 * 0.082167041, abs=NINE)
    assert (ledger.step, ledger.slots, ledger.scaling, ledger.length) == (1, (), None, None)


def test_a_bias_that_is_held_fixed():
    ledger = ledger_of(_example(), Place(2, 0, None))
    assert ledger.held
    # its gradient is δ of o1, and it stays where it is
    assert ledger.gradient == pytest.approx(0.74136507 * 0.186815602, abs=NINE)
    assert (ledger.update, ledger.book, ledger.new) == (0, 0, 0.60)
    assert ledger.adds_up
    assert ledger.agrees


def test_every_rule_has_its_formula():
    assert set(BOOK) == set(RULES)


PLACE = Place(1, 2, 0)
ENTRY = 2


@pytest.mark.parametrize("rule", [Momentum(0.1, momentum=0.8), Nesterov(0.1, momentum=0.8)])
def test_memory_of_momentum(rule):
    traces = _run(Recipe(rule=rule, batch_size=5))
    v = 0.0
    for trace in traces:
        g = trace.gradient[ENTRY]
        before, v = v, 0.8 * v - 0.1 * g
        ahead = v if rule.name == "momentum" else 0.8 * v - 0.1 * g
        ledger = ledger_of(trace, PLACE)
        assert ledger.slots[0].before == pytest.approx(before, rel=1e-12)
        assert ledger.slots[0].after == pytest.approx(v, rel=1e-12)
        assert ledger.update == pytest.approx(ahead, rel=1e-12)
        assert ledger.new == pytest.approx(ledger.old + ahead, rel=1e-12)
        assert ledger.adds_up
        assert ledger.agrees
    assert ledger.terms["momentum"] != 0


def test_scaling_of_rmsprop():
    trace = _run(Recipe(rule=RMSprop(0.01, decay=0.7, epsilon=1e-3), batch_size=5))
    v = 0.0
    for each in trace:
        v = 0.7 * v + 0.3 * each.gradient[ENTRY] ** 2
    ledger = ledger_of(trace[-1], PLACE)
    assert ledger.scaling == pytest.approx(1 / (math.sqrt(v) + 1e-3), rel=1e-12)
    assert ledger.update == pytest.approx(-0.01 * ledger.scaling * ledger.gradient, rel=1e-12)
    assert ledger.agrees


@pytest.mark.parametrize("hat", [False, True])
def test_moments_of_adam(hat):
    rule = Adam(0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-3, epsilon_hat=hat)
    m = v = 0.0
    for t, trace in enumerate(_run(Recipe(rule=rule, batch_size=5)), start=1):
        g = trace.gradient[ENTRY]
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g * g
        m_hat, v_hat = m / (1 - 0.8**t), v / (1 - 0.95**t)
        if hat:
            step = -0.02 * math.sqrt(1 - 0.95**t) / (1 - 0.8**t) * m / (math.sqrt(v) + 1e-3)
        else:
            step = -0.02 * m_hat / (math.sqrt(v_hat) + 1e-3)
        ledger = ledger_of(trace, PLACE)
        mean, square = ledger.slots
        assert (mean.after, mean.corrected) == pytest.approx((m, m_hat), rel=1e-12)
        assert (square.after, square.corrected) == pytest.approx((v, v_hat), rel=1e-12)
        assert ledger.update == pytest.approx(step, rel=1e-12)
        assert -0.02 * ledger.scaling * mean.corrected == pytest.approx(step, rel=1e-12)
        assert ledger.book == pytest.approx(step, rel=1e-12)
        assert ledger.adds_up
        assert ledger.agrees


def test_decay_reaches_weights_only():
    trace = _run(Recipe(rule=AdamW(0.02, weight_decay=0.1), batch_size=5))[-1]
    weight, bias = ledger_of(trace, PLACE), ledger_of(trace, Place(1, 2, None))
    assert weight.decay == pytest.approx(0.002)
    assert weight.terms["decay"] == pytest.approx(-0.002 * weight.old, rel=1e-12)
    assert (bias.decay, bias.terms["decay"]) == (0, 0)
    assert weight.agrees
    assert bias.agrees


def test_penalty_and_clipping():
    recipe = Recipe(
        rule=GradientDescent(0.1), batch_size=5, penalty=Penalty(l1=0.02, l2=0.5), clip_norm=0.3
    )
    trace = _run(recipe, 1)[0]
    ledger = ledger_of(trace, PLACE)
    whole = trace.gradient.copy()
    for operation in trace.network.operations:
        w = operation.weight.view(trace.vector)
        operation.weight.view(whole)[...] += 0.02 * np.sign(w) + 0.5 * w
    length = math.sqrt(float(whole @ whole))
    assert length > 0.3
    assert ledger.length == pytest.approx(length, rel=1e-12)
    w = ledger.old
    assert ledger.parts["penalty"] == pytest.approx(0.02 * np.sign(w) + 0.5 * w, rel=1e-12)
    assert ledger.gradient == pytest.approx(whole[ENTRY] * 0.3 / length, rel=1e-12)
    assert ledger.update == pytest.approx(-0.1 * whole[ENTRY] * 0.3 / length, rel=1e-12)
    assert set(ledger.terms) == {"gradient", "penalty", "clipping"}
    assert ledger.adds_up
    assert ledger.agrees


def test_the_schedule_is_a_factor():
    recipe = Recipe(rule=GradientDescent(0.1), schedule=Cosine(), batch_size=5, epochs=2)
    ledger = ledger_of(_run(recipe, 3)[-1], PLACE)
    # two of eight steps are done
    factor = 0.5 * (1 + math.cos(math.pi * 2 / 8))
    assert ledger.schedule == pytest.approx(factor, rel=1e-12)
    assert ledger.update == pytest.approx(-0.1 * factor * ledger.gradient, rel=1e-12)


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_single_precision(engine):
    for trace in _run(Recipe(rule=AdamW(0.01), batch_size=5), 3, "float32", engine):
        for entry in range(trace.network.size):
            ledger = ledger_of(trace, Place.of_entry(trace.network, entry))
            assert ledger.adds_up
            assert ledger.agrees


def test_a_changed_term_does_not_add_up():
    trace = _example()
    wrong = {"gradient": trace.terms["gradient"] * (1 + 1e-6)}
    ledger = ledger_of(replace(trace, terms=wrong), Place(2, 0, 0))
    assert not ledger.adds_up
    assert ledger.agrees


def test_history_where_it_was_recorded():
    trace = _example()
    recording = Recording(
        np.array([6]), np.array([0, 1]), np.array([[0.4], [0.36]]), np.zeros(0), np.zeros((0, 12))
    )
    steps, values = ledger_of(trace, Place(2, 0, 0), recording).history
    assert (steps.tolist(), values.tolist()) == ([0, 1], [0.4, 0.36])
    assert ledger_of(trace, Place(1, 0, 0), recording).history is None
    assert ledger_of(trace, Place(1, 0, 0)).history is None


# the chapter


def _page(trace, place, lang="en", recording=None):
    explanation = Explanation(trace, Names(trace.network), recording)
    return page_of(explanation, explanation.focus(place), ["update"], lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_shows_the_worked_example(lang):
    printed = markdown_of(_page(_example(), Place(2, 0, 0), lang))
    assert "0.358916480" in printed  # the new value
    assert "−0.0410835203" in printed  # -0.5 · 0.0821670406
    assert "0.149780716" in markdown_of(_page(_example(), Place(1, 0, 0), lang))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", RULES)
def test_the_chapter_of_every_rule(name, lang):
    recipe = Recipe(
        rule=RULES[name](), batch_size=5, penalty=Penalty(l2=0.1), clip_norm=0.1, clip_value=0.05
    )
    trace = _run(recipe, 2)[-1]
    steps = np.array([0, 1])
    snapshots = np.stack([trace.vector * 2, trace.vector])
    recording = Recording(steps[:0], steps[:0], np.zeros((0, 0)), steps, snapshots)
    ledger = ledger_of(trace, PLACE)
    page = _page(trace, PLACE, lang, recording)
    values = [ledger.old, ledger.new, ledger.update, ledger.gradient, ledger.length]
    values += [*ledger.parts.values(), *ledger.terms.values()]
    values += [value for slot in ledger.slots for value in (slot.before, slot.after)]
    assert all(shows(page, value) for value in values)
    assert isinstance(page.sections[0].blocks[-1], Picture)
