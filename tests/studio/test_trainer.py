"""Runs that are edited and taken back: the same bits as when the steps were first taken."""

import numpy as np
import pytest

from clearprop.engines import build
from clearprop.errors import SettingError
from clearprop.studio.measuring import score_of
from clearprop.studio.samples import toy_samples
from clearprop.studio.setups import Setup
from clearprop.studio.timeline import Timeline
from clearprop.studio.trainer import Trainer

ENGINES = ("reference", "native")


def trainer(engine="reference", **chosen):
    setup = Setup(**chosen)
    samples = toy_samples(
        setup.data, rows=setup.rows, noise=setup.noise, train_share=setup.train_share,
        seed=setup.seed,
    )  # fmt: skip
    return Trainer(setup, samples, engine)


def walked(run, steps):
    """The parameters at each of the next steps, as bytes, from the present one on."""
    seen = {run.state.step: run.state.vector.tobytes()}
    while run.state.step < steps:
        run.advance(1)
        seen[run.state.step] = run.state.vector.tobytes()
    return seen


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rule", ["gd", "adam", "momentum"])
def test_every_step_is_reached_again_to_the_bit(engine, rule):
    run = trainer(engine, rule=rule, dropout=0.2)
    seen = walked(run, 60)
    for step in (59, 13, 0, 31, 60, 14):
        run.go_to(step)
        assert run.state.step == step
        assert run.state.vector.tobytes() == seen[step]
    # and on from there: what is done again is the same
    run.go_to(20)
    assert walked(run, 60) == {step: bits for step, bits in seen.items() if step >= 20}


@pytest.mark.parametrize("engine", ENGINES)
def test_changes_by_hand_are_gone_back_over(engine):
    run = trainer(engine)
    seen = walked(run, 10)
    run.set_parameter(3, 1.5)
    run.change(Setup(learning_rate=0.05, batch_size=7, l2=0.01))
    seen |= walked(run, 25)
    run.advance_sample()
    seen |= walked(run, 40)
    for step in range(40, -1, -1):
        run.go_to(step)
        assert run.state.vector.tobytes() == seen[step], step
    run.go_to(12)
    assert run.setup.learning_rate == 0.05
    run.go_to(9)
    assert run.setup.learning_rate == 0.3
    run.go_to(10)
    assert run.state.vector[3] == 1.5


def test_kept_states_may_be_few():
    run = trainer()
    run.timeline._most = 8
    seen = walked(run, 100)
    assert len(run.timeline) <= 9
    for step in (99, 50, 3, 77):
        run.go_to(step)
        assert run.state.vector.tobytes() == seen[step]


def test_a_change_that_was_forgotten_is_not_stepped_over():
    run = trainer()
    timeline = Timeline(run.state, run.engine.recipe)
    timeline._most = 2
    for step in range(1, 6):
        run.state.step = step
        timeline.changed(run.state, run.engine.recipe)
    kept, reached = timeline.before(4)
    assert kept.step <= reached <= (kept.until or 5)
    kept, reached = timeline.before(1)
    assert (kept.step, reached) == (0, 1)


def test_going_on_from_an_earlier_step_forgets_the_later_ones():
    run = trainer()
    walked(run, 30)
    run.go_to(10)
    assert run.end == 30
    run.change(Setup(learning_rate=0.01))
    assert run.end == 10
    assert all(point.step <= 10 for point in run.points)
    run.advance(1)
    assert run.end == 11


def test_another_learning_rate_is_used_from_the_next_step_on():
    run = trainer(hidden=((2, "tanh"),))
    walked(run, 5)
    before = run.state.vector.copy()
    block = run.ordered
    rows = block.visited(run.state.position, run.state.position + 4)
    part = run.block.ordered(rows)
    _, gradient = build("reference", run.network, run.engine.recipe).gradient(before, part)
    run.change(Setup(learning_rate=0.125, batch_size=4))
    run.advance(1)
    np.testing.assert_allclose(run.state.vector, before - 0.125 * gradient, rtol=1e-12)


def test_a_step_of_one_sample_is_that_samples():
    run = trainer()
    walked(run, 3)
    before, row = run.state.vector.copy(), run.ordered.visited(run.state.position, 99)[0]
    one = run.block.ordered(np.array([row]))
    _, gradient = build("reference", run.network, run.engine.recipe).gradient(before, one)
    run.advance_sample()
    np.testing.assert_allclose(run.state.vector, before - 0.3 * gradient, rtol=1e-12)
    assert run.engine.recipe.batch_size == 10


def test_a_run_that_diverges_says_why_and_can_be_taken_back():
    run = trainer(data="plane", learning_rate=10.0, hidden=((3, "relu"),))
    for _ in range(2000):
        if not run.advance(50):
            break
    assert "learning rate" in run.failure
    assert np.isfinite(run.state.vector).all()
    run.go_to(0)
    assert run.failure == ""


def test_a_weight_must_be_a_number():
    run = trainer()
    with pytest.raises(SettingError, match="finite"):
        run.set_parameter(0, float("nan"))
    with pytest.raises(SettingError, match="parameters, no 999"):
        run.set_parameter(999, 1.0)


def test_scores_by_hand():
    outputs = np.array([[0.9], [0.2], [0.6]])
    assert score_of("binary", outputs, np.array([[1.0], [0], [0]])) == 2 / 3
    assert score_of("number", np.array([[1.0], [2], [3]]), np.array([[1.0], [2], [4]])) == (
        pytest.approx(1 - 1 / (42 / 9))
    )


@pytest.mark.parametrize(
    "chosen",
    [
        {"learning_rate": 0}, {"noise": 2}, {"batch_size": 0}, {"rule": "sgd"}, {"seed": -1},
        {"hidden": ((0, "tanh"),)}, {"hidden": ((4, "softmax"),)}, {"hidden": ((4, "tanh"),) * 9},
        {"learning_rate": float("nan")}, {"l2": True}, {"carrier": "none"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(chosen):
    with pytest.raises(SettingError):
        Setup(**chosen)


def test_learning_gets_somewhere():
    run = trainer("native")
    while run.state.epoch < 150:
        run.advance(50)
    assert run.measure().score > 0.9
    assert run.points[-1].loss < run.points[0].loss / 2
