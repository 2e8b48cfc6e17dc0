"""Exercises on networks of sequences: answers against scalar work, wrong turns, sheets."""

from __future__ import annotations

import math

import pytest
from sequence_cases import Echo, explained

from clearprop.errors import SettingError
from clearprop.explanation.examples import example
from clearprop.explanation.exercises import check, exercise, exercises_for, sheet
from clearprop.explanation.render.html import html_of

SCALAR = Echo()
VALUES = [SCALAR.delta[t][0] * SCALAR.x[t] for t in range(4)]
BACK = [SCALAR.delta[t][0] * SCALAR.before[t][1] for t in range(4)]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("z h1 1", SCALAR.z[0][0]),
        ("z h2 3", SCALAR.z[2][1]),
        ("h h2 4", SCALAR.h[3][1]),
        ("delta h1 4", SCALAR.delta[3][0]),
        ("δ h2 2", SCALAR.delta[1][1]),
        ("gradient w1", math.fsum(VALUES)),
        ("gradient u12", math.fsum(BACK)),
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_answers_are_those_of_scalar_work(asked, answer, lang):
    one = exercise(example("echo").explain(), asked, lang=lang)
    assert one.answer == pytest.approx(answer, rel=1e-12)
    assert one.steps[-1].value == one.answer
    assert check(one, answer).right
    assert not check(one, answer * 1.05).right


def total_of(unit, step, *, transposed=True):
    later = SCALAR.delta[step + 1]
    if transposed:
        return sum(SCALAR.u[j][unit] * later[j] for j in (0, 1))
    return sum(SCALAR.u[unit][j] * later[j] for j in (0, 1))


@pytest.mark.parametrize(
    ("asked", "turn", "value"),
    [
        ("z h2 3", "without_state", SCALAR.w[1] * SCALAR.x[2]),
        (
            "z h1 2",
            "state_of_now",
            SCALAR.w[0] * SCALAR.x[1] + sum(SCALAR.u[0][j] * SCALAR.h[1][j] for j in (0, 1)),
        ),
        ("delta h1 2", "without_slope", total_of(0, 1)),
        (
            "delta h2 1",
            "not_transposed",
            total_of(1, 0, transposed=False) * (1 - SCALAR.h[0][1] ** 2),
        ),
        ("gradient w1", "one_step_only", VALUES[3]),
        ("gradient w1", "averaged_over_steps", math.fsum(VALUES) / 4),
        ("gradient w1", "left_out", math.fsum(VALUES[:3]) - VALUES[1] + VALUES[3]),
    ],
)
def test_a_usual_mistake_is_known_by_its_number(asked, turn, value):
    verdict = check(exercise(example("echo").explain(), asked), value)
    assert not verdict.right
    assert verdict.turn == turn


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ("slope h1 2", "z, h, delta, gradient"),
        ("z h1 5", "from 1 to 4"),
        ("z h3 1", "as in 'delta h1 1'"),
        ("z h1", "a step from 1 to 4"),
        ("gradient q", "no parameter 'q'"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_a_way_out(asked, what):
    with pytest.raises(SettingError, match=what):
        exercise(example("echo").explain(), asked)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sheet_of_a_recurrent_network(lang):
    found = exercises_for(example("echo").explain(), lang=lang, count=8, seed=3)
    assert len(found) == 8
    assert {one.kind for one in found} == {"z", "h", "delta", "gradient"}
    assert [one.key for one in found] == [
        one.key for one in exercises_for(example("echo").explain(), lang=lang, count=8, seed=3)
    ]
    assert html_of(sheet(found, solutions=True))
    assert all(check(one, one.answer).right for one in found)


def test_layers_with_gates_are_asked_for_their_gradients():
    found = exercises_for(explained("lstm"), count=3)
    assert {one.kind for one in found} == {"gradient"}


def test_a_way_back_is_worked_out_in_its_own_time():
    explanation = explained("both", "every")
    for asked in ("z h1r.2 3", "delta h1r.1 2", "delta h1r.3 1", "h h1r.1 5", "z h1r.1 5"):
        one = exercise(explanation, asked)
        kind, name, step = asked.split()
        unit = 3 + int(name[-1]) - 1
        arrays = {
            "z": explanation.trace.z,
            "h": explanation.trace.a,
            "delta": explanation.trace.delta,
        }
        row = explanation.trace.packing.of(0)[int(step) - 1]
        assert one.answer == pytest.approx(arrays[kind][0][row, unit], rel=1e-12)
