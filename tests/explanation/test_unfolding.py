"""The loss as one nested expression: what is printed is evaluated again, by a small calculator."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.explanation import Names, Place
from clearprop.explanation import formulas as fm
from clearprop.explanation.unfolding import unfold
from problems import PAIR_NAMES, PAIRS, block_for, pair_network, vector_for

W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
SIGMOIDS = (Dense(2, "sigmoid"), Dense(2, "sigmoid"))
EXAMPLE = Network(2, SIGMOIDS, "half_squared_error", "float64")
ALIASES = {f"w{1 + 2 * j + k}": Place(1, j, k) for j in range(2) for k in range(2)} | {
    f"w{5 + 2 * j + k}": Place(2, j, k) for j in range(2) for k in range(2)
}
NAMED = Names(EXAMPLE, ("i1", "i2"), ("o1", "o2"), (("h1", "h2"),), ALIASES)


def _trace(network, block, vector=None, dropout=True):
    runner = build("reference", network, Recipe(batch_size=block.rows))
    vector = vector_for(network) if vector is None else vector
    state = runner.initial_state(Parameters(network, vector), 3)
    return runner.trace(state, block, np.arange(block.rows), dropout=dropout)


@pytest.fixture(scope="module")
def example():
    vector = Parameters.from_arrays(EXAMPLE, [W1, W2], [[0.35] * 2, [0.60] * 2]).vector
    return _trace(EXAMPLE, Block.of(EXAMPLE, [[0.05, 0.10]], [[0.01, 0.99]]), vector)


def _text(formula):
    match formula:
        case fm.Symbol():
            return formula.name + formula.sub + formula.sup
        case fm.Number():
            return f"{formula.value:g}"
        case fm.Label() | fm.Sign():
            return formula.text
        case fm.Row():
            return "".join(map(_text, formula.parts))
        case fm.Fraction():
            return f"{_text(formula.top)}/{_text(formula.bottom)}"
        case fm.Script():
            return f"{_text(formula.base)}^{_text(formula.sup)}"
        case fm.Group():
            return formula.brackets[0] + _text(formula.body) + formula.brackets[1]
    raise AssertionError(formula)


def _python(formula):
    """Return a formula of numbers as Python; every name in it becomes a function of that name."""
    match formula:
        case fm.Symbol():
            return "ell" if formula.name == "ℓ" else formula.name
        case fm.Label():
            return "log" if formula.text == "log " else formula.text
        case fm.Number():
            return f"({float(formula.value)!r})"
        case fm.Sign():
            return {"·": "*", "−": "-"}.get(formula.text, formula.text)
        case fm.Row(parts=parts):
            texts = [_python(part) for part in parts]
            if texts and texts[0] == "log" and len(texts) == 2:
                return f"log({texts[1]})"
            # a fraction before a bracket multiplies it
            return "".join(
                text + ("*" if isinstance(part, fm.Fraction) else "")
                for text, part in zip(texts, parts, strict=True)
            )
        case fm.Fraction():
            return f"({_python(formula.top)})/({_python(formula.bottom)})"
        case fm.Script():
            return f"{_python(formula.base)}**{_python(formula.sup)}"
        case fm.Group():
            inside = _python(formula.body)
            return f"abs({inside})" if formula.brackets == "||" else f"({inside})"
    raise AssertionError(formula)


def _evaluated(formula, **functions):
    return eval(_python(formula), {"log": math.log, "abs": abs, **functions})


def _sigmoid(z):
    return 1 / (1 + math.exp(-z))


def test_the_worked_example_in_symbols(example):
    unfolded = unfold(example, NAMED, 0)
    assert [(step.layer, step.half) for step in unfolded.steps] == [
        (2, "a"),
        (2, "z"),
        (1, "a"),
        (1, "z"),
        (0, "a"),
    ]
    assert unfolded.whole
    texts = [_text(step.symbols).replace(" ", "") for step in unfolded.steps]
    assert texts[0] == "1/2(ao1−yo1)^2+1/2(ao2−yo2)^2"
    assert texts[1] == "1/2(fo1(zo1)−yo1)^2+1/2(fo2(zo2)−yo2)^2"
    assert texts[2].startswith("1/2(fo1(w5·ah1+w6·ah2+bo1)−yo1)^2+1/2(fo2(w7·ah1")
    assert texts[3].startswith("1/2(fo1(w5·fh1(zh1)+w6·fh2(zh2)+bo1)−yo1)^2")
    assert texts[4].startswith("1/2(fo1(w5·fh1(w1·i1+w2·i2+bh1)+w6·fh2(w3·i1+w4·i2+bh2)+bo1)−yo1)")


def test_the_worked_example_in_numbers(example):
    unfolded = unfold(example, NAMED, 0)
    assert unfolded.loss == pytest.approx(0.298371109, abs=0.5e-9)
    assert unfolded.agrees
    for step in unfolded.steps:
        assert step.value == pytest.approx(0.298371109, abs=0.5e-9)
        assert _evaluated(step.numbers, f=_sigmoid) == pytest.approx(0.298371109, abs=0.5e-9)


def test_numbers_and_symbols_carry_the_same_keys(example):
    last = unfold(example, NAMED, 0).steps[-1]

    def keys(formula):
        own = [formula.key] if formula.key else []
        for part in getattr(formula, "parts", ()):
            own += keys(part)
        for name in ("body", "base", "top", "bottom"):
            if isinstance(getattr(formula, name, None), fm.Formula):
                own += keys(getattr(formula, name))
        return own

    assert keys(last.symbols) == keys(last.numbers)
    assert {"w1.0.0", "w2.1.1", "b2.0", "a0.1"} <= set(keys(last.symbols))


@pytest.mark.parametrize(("name", "output"), PAIRS, ids=PAIR_NAMES)
def test_every_loss_with_every_output(name, output):
    trace = _trace(pair_network(name, output), block_for(pair_network(name, output), 4))
    for sample in range(4):
        unfolded = unfold(trace, Names(trace.network), sample)
        assert unfolded.loss == trace.losses[sample]
        assert unfolded.agrees
        for step in unfolded.steps:
            assert step.value == pytest.approx(trace.losses[sample], rel=1e-10)
            assert step.numbers is not None


@pytest.mark.parametrize("loss", ["half_squared_error", "mean_squared_error", "absolute_error"])
def test_what_is_written_is_the_loss(loss):
    layers = (Dense(4, "tanh", dropout=0.4), Dense(2, "tanh", scale=0.3), Dense(2, "tanh"))
    network = Network(2, layers, loss, "float64")
    trace = _trace(network, block_for(network, 3))
    assert any((mask == 0).any() for mask in trace.masks if mask is not None)
    for sample in range(3):
        unfolded = unfold(trace, Names(network), sample)
        assert unfolded.whole
        for step in unfolded.steps:
            # m stands for dropout's mask, s for the forward scale, both written as numbers here
            value = _evaluated(step.numbers, f=math.tanh)
            assert value == pytest.approx(trace.losses[sample], rel=1e-12)


def test_softmax_takes_all_weighted_inputs():
    network = Network(3, (Dense(2, "tanh"), Dense(3, "softmax")), "cross_entropy", "float64")
    trace = _trace(network, Block.of(network, [[0.3, -0.2, 0.9]], np.array([1])))
    unfolded = unfold(trace, Names(network), 0)

    def softmax_of_second(*z):
        return math.exp(z[1]) / sum(map(math.exp, z))

    for step in unfolded.steps:
        value = _evaluated(step.numbers, f=math.tanh, softmax=softmax_of_second)
        assert value == pytest.approx(trace.losses[0], rel=1e-12)
    # the two classes that it is not have no share in the loss
    assert _text(unfolded.steps[0].symbols).replace(" ", "") == "−yo2·logao2"


def test_a_wide_network_is_folded_and_keeps_its_value():
    layers = (Dense(512, "tanh"), Dense(256, "tanh"), Dense(10, "tanh"))
    network = Network(784, layers, "half_squared_error", "float64")
    trace = _trace(network, block_for(network, 2), Parameters.initial(network).vector)
    unfolded = unfold(trace, Names(network), 1)
    assert not unfolded.whole
    last = unfolded.steps[-1]
    assert _evaluated(last.numbers, f=math.tanh) == pytest.approx(trace.losses[1], rel=1e-12)
    text = _text(last.symbols).replace(" ", "")
    assert "⋯(7)" in text
    assert "⋯(253)" in text
    assert "⋯(509)" in text
    assert "⋯(781)" in text
    assert len(text) < 1200
    # the first, the largest and the last product of the largest output's sum
    products = trace.network.operations[2].weight.view(trace.vector) * trace.inputs[2][1]
    terms = 0.5 * (trace.a[-1][1] - trace.y[1]) ** 2
    unit = int(np.argmax(terms))
    largest = int(np.argmax(np.abs(products[unit])))
    for source in (0, largest, 255):
        assert f"wo{unit + 1}←h2.{source + 1}·" in text


def test_many_layers_do_not_grow_past_reading():
    layers = (*(Dense(6, "sigmoid") for _ in range(10)), Dense(2, "sigmoid"))
    network = Network(2, layers, "half_squared_error", "float64")
    trace = _trace(network, block_for(network, 1))
    unfolded = unfold(trace, Names(network), 0)
    assert len(unfolded.steps) == 23
    assert _evaluated(unfolded.steps[-1].numbers, f=_sigmoid) == pytest.approx(
        trace.losses[0], rel=1e-12
    )
    assert len(_text(unfolded.steps[-1].symbols)) < 1500


def test_float32_is_evaluated_in_float64():
    network = Network(
        20, (Dense(30, "relu"), Dense(5, "identity")), "half_squared_error", "float32"
    )
    trace = _trace(network, block_for(network, 3))
    for sample in range(3):
        unfolded = unfold(trace, Names(network), sample)
        assert unfolded.agrees
        assert unfolded.steps[-1].value == pytest.approx(float(trace.losses[sample]), rel=1e-4)


def test_a_wrong_number_in_the_trace_is_seen(example):
    a = [array.copy() for array in example.a]
    a[-1][0, 0] *= 1.001
    changed = unfold(replace(example, a=a), NAMED, 0)
    assert changed.steps[0].value != pytest.approx(0.298371109, abs=1e-6)
    losses = example.losses * 1.001
    assert not unfold(replace(example, losses=losses), NAMED, 0).agrees


def test_a_loss_of_ones_own_is_called_by_its_name():
    loss = CustomLoss(
        lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3, "fourth"
    )
    network = Network(2, (Dense(2, "tanh"), Dense(2, "identity")), loss, "float64")
    trace = _trace(network, block_for(network, 1))
    unfolded = unfold(trace, Names(network), 0)
    assert unfolded.agrees
    assert _text(unfolded.steps[0].symbols).replace(" ", "") == "fourth(ao1,ao2)"
