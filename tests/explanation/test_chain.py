"""The chapter on the chain rule: what its blocks hold, in both languages, and what it says when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.equations import GradientDescent
from clearprop.explanation import Explanation, Names, Place
from clearprop.explanation import formulas as fm
from clearprop.explanation import pages as pg
from clearprop.explanation.chapters.chain import chapter
from clearprop.explanation.words import LANGUAGES, words
from problems import block_for, hidden_network, vector_for

W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
HELD = (Dense(2, "sigmoid", bias_rate=0), Dense(2, "sigmoid", bias_rate=0))
EXAMPLE = Network(2, HELD, "half_squared_error", "float64")
ALIASES = {f"w{1 + 2 * j + k}": Place(1, j, k) for j in range(2) for k in range(2)} | {
    f"w{5 + 2 * j + k}": Place(2, j, k) for j in range(2) for k in range(2)
}
NINE = 0.5e-9


def _explained(network, block, vector=None, names=None, rate=0.5):
    runner = build("reference", network, Recipe(batch_size=block.rows, rule=GradientDescent(rate)))
    vector = vector_for(network) if vector is None else vector
    state = runner.initial_state(Parameters(network, vector), 3)
    trace = runner.trace(state, block, np.arange(block.rows))
    return Explanation(trace, names or Names(network))


@pytest.fixture(scope="module")
def example():
    vector = Parameters.from_arrays(EXAMPLE, [W1, W2], [[0.35] * 2, [0.60] * 2]).vector
    names = Names(EXAMPLE, ("i1", "i2"), ("o1", "o2"), (("h1", "h2"),), ALIASES)
    return _explained(EXAMPLE, Block.of(EXAMPLE, [[0.05, 0.10]], [[0.01, 0.99]]), vector, names)


def _section(explanation, lang="en", **focus):
    return chapter(explanation, explanation.focus(**focus), words(lang))


def _all_blocks(blocks):
    for block in blocks:
        yield block
        if isinstance(block, pg.Details):
            yield from _all_blocks(block.blocks)


def _of_kind(section, kind):
    return [block for block in _all_blocks(section.blocks) if isinstance(block, kind)]


def _nodes(item):
    """Return all formula nodes in blocks, texts and formulas."""
    if isinstance(item, fm.Formula):
        yield item
    for value in vars(item).values() if hasattr(item, "__dict__") else ():
        yield from _nodes(value)
    if isinstance(item, tuple):
        for value in item:
            yield from _nodes(value)


def _numbers(section):
    return [node for node in _nodes(section) if isinstance(node, fm.Number)]


def _holds(section, value):
    return any(abs(number.value - value) <= NINE for number in _numbers(section))


def _said(text):
    return "".join(part.text for part in text if isinstance(part, pg.Span))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_figures_of_the_worked_example(example, lang):
    first = _section(example, lang, weight="w1")
    for value in (
        0.74136507,
        0.186815602,
        0.40,
        0.241300709,
        0.05,
        0.000438568,
        0.149780716,
        0.149817639,
        0.298371109,
        0.36350306e-1 * 0.241300709,
    ):
        assert _holds(first, value), value
    last = _section(example, lang, weight="w5")
    for value in (0.74136507, 0.186815602, 0.593269992, 0.082167041, 0.35891648):
        assert _holds(last, value), value
    # to the digits that tell the wrong new value from the right one
    shown = {round(n.value, 9) for n in _numbers(first) if n.digits >= 9}
    assert {0.149780716, 0.149817639} <= shown
    assert all(check.ok for check in _of_kind(first, pg.Check))


def test_a_sentence_comes_first_and_the_sum_is_followed_by_its_check(example):
    blocks = _section(example, weight="w1").blocks
    assert isinstance(blocks[0], pg.Paragraph)
    table = next(place for place, block in enumerate(blocks) if isinstance(block, pg.Table))
    assert isinstance(blocks[table + 1], pg.Check)
    # two paths and their sum; a path's column, five factors, the product
    assert len(blocks[table].rows) == 3
    assert len(blocks[table].columns) == 7


def test_chips_carry_the_keys_of_their_numbers(example):
    section = _section(example, weight="w1")
    chips = {node.key: node.below.value for node in _nodes(section) if isinstance(node, fm.Stack)}
    assert chips["w2.0.0"] == 0.40
    assert chips["a0.0"] == 0.05
    assert chips["e0"] == pytest.approx(0.74136507, abs=NINE)
    assert chips["f2.0"] == pytest.approx(0.186815602, abs=NINE)
    assert chips["f1.0"] == pytest.approx(0.241300709, abs=NINE)
    assert chips["d1.0"] == pytest.approx(0.008771355, abs=NINE)


def test_both_languages_have_the_same_blocks():
    network = hidden_network("tanh", dropout=0.4)
    explanation = _explained(network, block_for(network, 3))
    english, chinese = (_section(explanation, lang, weight="h1.2<-x1") for lang in LANGUAGES)
    kinds = [
        [type(block) for block in _all_blocks(section.blocks)] for section in (english, chinese)
    ]
    assert kinds[0] == kinds[1]
    values = [[number.value for number in _numbers(section)] for section in (english, chinese)]
    assert values[0] == values[1]


def test_a_change_of_the_trace_changes_the_page(example):
    a = [array.copy() for array in example.trace.a]
    a[0][0, 0] *= 1.01
    section = _section(replace(example, trace=replace(example.trace, a=a)), weight="w1")
    checks = [check.ok for check in _of_kind(section, pg.Check)]
    assert not checks[0]


def test_in_a_batch_the_samples_add_up():
    network = hidden_network("tanh")
    explanation = _explained(network, block_for(network, 4))
    section = _section(explanation, weight="h1.2<-x1", sample=2)
    assert "sample 2 of the batch of 4" in _said(section.blocks[1].text)
    over_paths, over_samples, loss = _of_kind(section, pg.Check)
    assert over_paths.ok
    assert over_samples.ok
    assert loss.ok
    gradient = explanation.trace.gradient[Place(1, 1, 0).entry(network)]
    assert any(
        n.value == gradient and n.key == "g1.1.0"
        for n in _nodes(over_samples.text)
        if isinstance(n, fm.Number)
    )


def test_a_wide_network_gives_a_readable_page():
    layers = (Dense(512), Dense(256), Dense(10, "softmax"))
    network = Network(784, layers, "cross_entropy", "float32")
    draw = np.random.default_rng(0)
    block = Block.of(network, draw.normal(size=(4, 784)), np.array([1, 2, 3, 4]))
    explanation = _explained(network, block, Parameters.initial(network).vector)
    section = _section(explanation)
    (paths, *_) = _of_kind(section, pg.Table)
    assert len(paths.rows) == 12
    assert "25,590 more" in _said(paths.rows[-2][0])
    rest, total = (row[-1][0].value for row in paths.rows[-2:])
    shown = sum(row[-1][0].value for row in paths.rows[:10])
    assert shown + rest == pytest.approx(total, rel=1e-12)
    assert all(check.ok for check in _of_kind(section, pg.Check))
    assert len(list(_nodes(section))) < 3000


def test_one_layer_has_one_product_and_nothing_to_mistake():
    network = Network(3, (Dense(1, "sigmoid"),), "binary_cross_entropy", "float64")
    explanation = _explained(network, Block.of(network, [[0.2, 0.5, -0.4]], [[1.0]]))
    section = _section(explanation, weight="o1<-bias")
    assert not _of_kind(section, pg.Table)
    (details,) = _of_kind(section, pg.Details)
    assert "unfolded" in _said(details.summary)
    assert [check.ok for check in _of_kind(section, pg.Check)] == [True, True]


def _notes(section):
    return " ".join(_said(note.text) for note in _of_kind(section, pg.Note))


def test_dead_units_and_silent_sources_are_named():
    network = Network(2, (Dense(3), Dense(2, "softmax")), "cross_entropy", "float64")
    vector = vector_for(network)
    Parameters(network, vector).biases[0][1] = -100
    explanation = _explained(network, Block.of(network, [[0.3, 0.4]], np.array([1])), vector)
    assert "No error gets through h1.2" in _notes(_section(explanation, weight="h1.2<-x1"))
    assert "h1.2 hands on 0" in _notes(_section(explanation, weight="o1<-h1.2"))
    assert _notes(_section(explanation, weight="o1<-bias")) == ""


def test_a_loss_of_ones_own_and_saturated_outputs_are_said():
    own = CustomLoss(lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3)
    network = Network(2, (Dense(2, "tanh"), Dense(2, "identity")), own, "float64")
    section = _section(_explained(network, block_for(network, 1)), weight="h1.1<-x1")
    assert "one's own" in _notes(section)
    assert all(check.ok for check in _of_kind(section, pg.Check))
    network = Network(2, (Dense(2, "tanh"), Dense(1, "sigmoid")), "binary_cross_entropy", "float64")
    vector = vector_for(network)
    vector[-1] = 800
    block = Block.of(network, [[0.1, 0.2]], [[0.0]])
    section = _section(_explained(network, block, vector), weight="h1.1<-x1")
    assert "zero times infinity" in _notes(section)


def test_errors_carried_in_another_way_are_said(example):
    recipe = replace(example.trace.recipe, carrier="transposed")
    trace = replace(example.trace, recipe=recipe)
    section = _section(replace(example, trace=trace), weight="w1")
    assert "transposed" in _notes(section)
    # no check of the sum against a gradient that it is not; the loss is checked all the same
    assert len(_of_kind(section, pg.Check)) == 1
