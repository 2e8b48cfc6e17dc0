"""Exercises: answers, worked solutions and wrong turns, against numbers worked by hand."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Network, Parameters, explain
from clearprop.engines import Recipe
from clearprop.equations import Adam, GradientDescent
from clearprop.errors import SettingError
from clearprop.explanation.examples import example
from clearprop.explanation.exercises import (
    KINDS,
    asked_of,
    check,
    exercise,
    exercises_for,
    parse_number,
    sheet,
)
from clearprop.explanation.pages import Blank, Details, Math, Span
from problems import PAIR_NAMES, PAIRS, block_for, pair_network, vector_for

# the 2-2-2 example, worked with Python's floats alone
I1, I2, T1, T2, ETA = 0.05, 0.10, 0.01, 0.99, 0.5
W1, W2, W3, W4, W5, W6, W7, W8, B1, B2 = 0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55, 0.35, 0.60


def f(z):
    return 1 / (1 + math.exp(-z))


Z_H1, Z_H2 = W1 * I1 + W2 * I2 + B1, W3 * I1 + W4 * I2 + B1
H1, H2 = f(Z_H1), f(Z_H2)
Z_O1, Z_O2 = W5 * H1 + W6 * H2 + B2, W7 * H1 + W8 * H2 + B2
O1, O2 = f(Z_O1), f(Z_O2)
D_O1, D_O2 = (O1 - T1) * O1 * (1 - O1), (O2 - T2) * O2 * (1 - O2)
BACK = W5 * D_O1 + W7 * D_O2
D_H1 = BACK * H1 * (1 - H1)


@pytest.fixture(scope="module")
def worked():
    return example("two-two-two").explain()


ANSWERS = {
    "z h1": Z_H1,
    "z o2": Z_O2,
    "a h1": H1,
    "slope o1": O1 * (1 - O1),
    "loss": 0.5 * (O1 - T1) ** 2 + 0.5 * (O2 - T2) ** 2,
    "error o2": O2 - T2,
    "delta o1": D_O1,
    "delta h1": D_H1,
    # the package takes out − target
    "carried h1": W5 * (O1 - T1) + W7 * (O2 - T2),
    "share h1": W5 / (W5 + W6) * (O1 - T1) + W7 / (W7 + W8) * (O2 - T2),
    "gradient w5": D_O1 * H1,
    "gradient w1": D_H1 * I1,
    "gradient h1<-bias": D_H1,
    "path w1 o1": (O1 - T1) * O1 * (1 - O1) * W5 * H1 * (1 - H1) * I1,
    "new w5": W5 - ETA * D_O1 * H1,
    "new w1": W1 - ETA * D_H1 * I1,
}


@pytest.mark.parametrize(("asked", "answer"), ANSWERS.items(), ids=ANSWERS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_answers_are_those_worked_by_hand(worked, asked, answer, lang):
    one = exercise(worked, asked, lang=lang)
    assert one.answer == pytest.approx(answer, rel=1e-12)
    assert one.steps[-1].value == one.answer
    assert check(one, answer).right
    # four digits are what the question gives
    assert check(one, f"{answer:.{max(4, one.digits) - 1}e}").right
    assert one.key == asked


# asked, name of the wrong turn, what it leads to, the step counted from 0
TURNS = [
    ("z h1", "without_bias", W1 * I1 + W2 * I2, 3),
    ("z h1", "left_out", W1 * I1 + B1, 2),
    ("z h1", "transposed", W1 * I1 + W3 * I2 + B1, 0),
    ("z o1", "z_for_a", W5 * Z_H1 + W6 * Z_H2 + B2, 0),
    ("a h1", "sign_of_exponent", f(-Z_H1), 0),
    ("a h1", "without_function", Z_H1, 0),
    ("a h1", "slope_for_value", H1 * (1 - H1), 0),
    ("slope o1", "z_in_slope", Z_O1 * (1 - Z_O1), 0),
    ("loss", "without_half", (O1 - T1) ** 2 + (O2 - T2) ** 2, 0),
    ("loss", "left_out", 0.5 * (O1 - T1) ** 2, 2),
    ("loss", "averaged", 0.25 * (O1 - T1) ** 2 + 0.25 * (O2 - T2) ** 2, 2),
    ("delta o1", "without_slope", O1 - T1, 1),
    ("delta o1", "value_for_slope", (O1 - T1) * O1, 1),
    ("delta h1", "without_slope", BACK, 3),
    ("delta h1", "left_out", W5 * D_O1 * H1 * (1 - H1), 2),
    ("delta h1", "not_transposed", (W5 * D_O1 + W6 * D_O2) * H1 * (1 - H1), 0),
    ("carried h1", "shared_out", 0.24551028, 0),
    ("carried h1", "with_slope", 0.18801026 * H1 * (1 - H1), 2),
    ("share h1", "denominators_dropped", 0.18801026, 0),
    ("gradient w5", "weight_for_signal", D_O1 * W5, 2),
    ("gradient w1", "signal_of_target", D_H1 * H1, 4),
    ("path w1 o1", "without_this_slope", (O1 - T1) * W5 * H1 * (1 - H1) * I1, 0),
    ("path w1 o1", "all_paths", D_H1 * I1, 2),
    ("new w5", "uphill", W5 + ETA * D_O1 * H1, 3),
    ("new w5", "without_rate", W5 - D_O1 * H1, 3),
    # the number that FIGURES of the origin texts give for this mistake
    ("new w1", "updated_weights", 0.149817639, 0),
    ("new w1", "change_only", -ETA * D_H1 * I1, 5),
]


@pytest.mark.parametrize(
    ("asked", "turn", "value", "step"), TURNS, ids=[f"{t[0]}: {t[1]}" for t in TURNS]
)
def test_a_usual_mistake_is_met_with_its_step(worked, asked, turn, value, step):
    one = exercise(worked, asked)
    verdict = check(one, value)
    assert not verdict.right
    assert (verdict.turn, verdict.step) == (turn, step)
    text = "".join(part.text for part in verdict.said if isinstance(part, Span))
    assert f"step {step + 1}" in text
    assert verdict.formula == one.steps[step].rule


def test_a_question_gives_the_functions_that_it_needs(worked):
    from clearprop.explanation.render.inline import flat_of

    def told(asked):
        return [flat_of(formula).plain for formula in exercise(worked, asked).functions]

    sigmoid, squares = "f(z) = 1/(1 + e^(−z))", "E = Σ_k (1/2 (a_k − y_k)²)"
    assert told("z h1") == told("path w1 o1") == told("carried h1") == []
    assert told("a h1") == told("delta h1") == told("new w1") == [sigmoid]
    assert told("loss") == [squares]
    assert sorted(told("gradient w5")) == sorted([sigmoid, squares])


def test_a_part_of_the_way_a_sign_a_point_and_rounding_are_told(worked):
    one = exercise(worked, "delta h1")
    assert check(one, W5 * D_O1).turn == "part"
    assert check(one, W5 * D_O1).step == 1
    assert check(one, -D_H1).turn == "sign"
    assert check(one, 10 * D_H1).turn == "point"
    assert check(one, D_H1 * 1.02).turn == "rounded"
    assert check(one, 7.0).turn == "first"
    assert check(one, D_H1 * 1.001).right


def test_a_new_weight_must_show_its_change(worked):
    # 0.15 is the old weight and near the new one in every other respect
    one = exercise(worked, "new w1")
    assert not check(one, 0.15).right
    assert not check(one, "0.1498").right
    assert check(one, "0.14978").right
    assert one.digits == 5


def test_a_held_parameter_has_no_new_value(worked):
    with pytest.raises(SettingError, match="does not change in this step"):
        exercise(worked, "new h1<-bias")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("delt h1", "no kind"),
        ("delta", "of what"),
        ("delta h9", "no hidden or output unit"),
        ("error h1", "no output unit"),
        ("carried o1", "no hidden unit"),
        ("gradient w9", "no parameter"),
        ("path w1", "for layer 2 ''"),
        ("path w1 o1 o2", "leads no further"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_a_way_out(worked, text, what):
    with pytest.raises(SettingError, match=what):
        asked_of(worked.names, text)


def test_every_kind_has_its_words(worked):
    for name, answer in ANSWERS.items():
        assert asked_of(worked.names, name).typed(worked.names) == name, answer
    assert {name.split()[0] for name in ANSWERS} == set(KINDS)


# other networks


def _explained(network, rows, *, rule=None, seed=0):
    block = block_for(network, rows)
    recipe = Recipe(rule=rule or GradientDescent(0.5), batch_size=rows)
    return explain(Parameters(network, vector_for(network, seed)), block.x, block.y, recipe=recipe)


@pytest.mark.parametrize(("loss", "output"), PAIRS, ids=PAIR_NAMES)
@pytest.mark.parametrize("rows", [1, 3])
def test_the_last_step_is_the_engines_number_with_every_loss(loss, output, rows):
    explanation = _explained(pair_network(loss, output), rows)
    trace = explanation.trace
    last = len(trace.network.layers)
    for one in exercises_for(explanation, count=30, seed=2, sample=rows - 1):
        asked = asked_of(explanation.names, one.key)
        engine = {
            "z": lambda a: trace.z[a.layer - 1][rows - 1, a.unit],
            "a": lambda a: trace.a[a.layer - 1][rows - 1, a.unit],
            "loss": lambda a: trace.losses[rows - 1],
            "delta": lambda a: trace.delta[a.layer - 1][rows - 1, a.unit],
            "gradient": lambda a: trace.gradient[a.place.entry(trace.network)],
            "new": lambda a: (trace.vector + trace.update)[a.place.entry(trace.network)],
        }.get(one.kind)
        if engine:
            assert one.answer == pytest.approx(float(engine(asked)), rel=1e-9), one.key
        assert check(one, one.answer).right
        for turn in one.turns:
            assert not check(one, turn.value).right
    assert last > 1


def test_paths_of_softmax_begin_with_delta():
    explanation = _explained(pair_network("cross_entropy", "softmax"), 1)
    names, trace = explanation.names, explanation.trace
    one = exercise(explanation, f"path {names.of(names.find('W1[0, 0]'))} o2")
    slope = trace.network.operations[0].activation.derivative(np, trace.z[0], trace.a[0])[0, 0]
    after = trace.network.operations[1]
    weight = after.scale * after.weight.view(trace.vector)[1, 0]
    assert one.answer == pytest.approx(trace.delta[1][0, 1] * weight * slope * trace.x[0, 0])


def test_a_gradient_over_a_batch_is_a_sum_over_its_samples():
    explanation = _explained(pair_network("half_squared_error", "tanh"), 4)
    trace = explanation.trace
    one = exercise(explanation, "gradient o1<-h1.2")
    scale = trace.network.operations[1].scale
    pushes = scale * trace.delta[1][:, 0] * trace.inputs[1][:, 1]
    assert one.answer == pytest.approx(pushes.sum())
    assert check(one, pushes.sum() - pushes[2]).turn == "left_out"
    assert check(one, pushes.sum() * 4).turn == "without_coefficient"
    assert check(one, pushes.sum() / 4).turn == "averaged_again"


def test_other_rules_give_the_terms_of_the_update():
    explanation = _explained(pair_network("half_squared_error", "tanh"), 1, rule=Adam(0.1))
    trace = explanation.trace
    one = exercise(explanation, "new o1<-h1.1")
    entry = explanation.names.find("o1<-h1.1").entry(trace.network)
    assert one.answer == pytest.approx(trace.vector[entry] + trace.update[entry])
    assert "gradient term" in {getattr(q.symbol, "text", "") for q in one.given}
    assert check(one, trace.vector[entry] - trace.update[entry]).turn == "uphill"


def test_wide_layers_give_the_rest_of_a_sum():
    network = Network(50, (Dense(20, "tanh"), Dense(1)), "half_squared_error", "float64")
    one = exercise(_explained(network, 1), "z h1.1")
    assert len(one.given) < 20
    assert "45 others" in {getattr(q.symbol, "text", "") for q in one.given}
    assert len(one.steps) == 2


def test_a_loss_of_ones_own_is_asked_around():
    loss = CustomLoss(
        lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3, "quartic"
    )
    network = Network(2, (Dense(2, "tanh"), Dense(1, "identity")), loss, "float64")
    explanation = _explained(network, 1)
    for asked in ("loss", "error o1", "delta o1"):
        with pytest.raises(SettingError, match="quartic"):
            exercise(explanation, asked)
    one = exercise(explanation, "gradient o1<-h1.1")
    assert one.answer == pytest.approx(explanation.trace.weight_gradients()[1][0, 0])
    assert {"loss", "error", "delta o1"}.isdisjoint({e.key for e in exercises_for(explanation)})


def test_forward_scale_and_its_being_forgotten():
    network = Network(3, (Dense(2, "tanh", scale=0.5), Dense(1)), "half_squared_error", "float64")
    explanation = _explained(network, 1)
    trace = explanation.trace
    one = exercise(explanation, "z h1.1")
    row, bias = trace.network.operations[0].weight.view(trace.vector)[0], 0.0
    bias = trace.network.operations[0].bias.view(trace.vector)[0]
    assert one.answer == pytest.approx(0.5 * row @ trace.x[0] + bias)
    assert check(one, row @ trace.x[0] + bias).turn == "without_scale"


def test_carried_errors_of_another_carrier_are_no_gradient():
    explanation = example("perceptron").explain(carrier="transposed")
    with pytest.raises(SettingError, match="transposed"):
        exercise(explanation, "delta f1")
    assert exercise(explanation, "z f1").answer == pytest.approx(0.35)


# choosing, printing, typing


def test_the_same_seed_chooses_the_same_numbers(worked):
    first, again = (exercises_for(worked, count=8, seed=3) for _ in range(2))
    assert [one.key for one in first] == [one.key for one in again]
    assert len({one.key for one in first}) == 8
    other = exercises_for(worked, count=8, seed=4)
    assert [one.key for one in other] != [one.key for one in first]


def test_exercises_come_in_the_order_of_the_pass(worked):
    kinds = [one.kind for one in exercises_for(worked, count=9)]
    assert kinds.index("z") < kinds.index("loss") < kinds.index("delta") < kinds.index("new")


def test_relu_asks_for_nothing_that_is_given():
    network = Network(3, (Dense(4, "relu"), Dense(2, "relu")), "half_squared_error", "float64")
    explanation = _explained(network, 1)
    for one in exercises_for(explanation, count=40):
        assert one.answer not in [0.0, 1.0, *(q.value for q in one.given)]


def test_exercises_can_be_pickled(worked):
    one = exercise(worked, "delta h1", lang="zh")
    assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sheet_has_room_for_answers_or_the_solutions(worked, lang):
    exercises = exercises_for(worked, lang=lang, count=4)
    plain, solved = sheet(exercises), sheet(exercises, solutions=True, title="G")
    assert plain.lang == solved.lang == lang
    for section, one in zip(plain.sections, exercises, strict=True):
        assert isinstance(section.blocks[-1], Blank)
        assert section.blocks[0].text == one.question
    for section, one in zip(solved.sections, exercises, strict=True):
        assert [b.formula for b in section.blocks if isinstance(b, Math)] == [
            step.formula for step in one.steps
        ]
        (turns,) = [b for b in section.blocks if isinstance(b, Details)]
        assert len(turns.blocks[0].items) == len(one.turns)


def test_a_sheet_without_solutions_does_not_tell_them(worked):
    from clearprop.explanation.render.html import html_of

    one = exercise(worked, "new w5")
    shown = html_of(sheet([one]))
    assert "0.3589" not in shown
    assert "0.3589" in html_of(sheet([one], solutions=True))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0123", 0.0123),
        ("−0.0123", -0.0123),
        ("-.5", -0.5),
        (" 1.2e-3 ", 1.2e-3),
        ("1.2×10⁻³", 1.2e-3),
        ("1.2*10^-3", 1.2e-3),
        ("4.386 × 10^−4", 4.386e-4),
        ("1/8", 0.125),
        ("0,5", 0.5),
        ("０．５", 0.5),
        ("0。5", 0.5),
        ("－1，5", -1.5),
    ],
)
def test_numbers_as_people_type_them(text, value):
    assert parse_number(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "text", ["", "abc", "1,234", "1.234,5", "1/0", "inf", "nan", "0.1.2", "1e999"]
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(SettingError, match="is not a number"):
        parse_number(text)
