"""The health pane: its numbers against loops written out here, its jobs, and what it forgets."""

import re
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from clearprop.errors import SettingError
from clearprop.studio.desk import Desk
from clearprop.studio.health.charts import histogram_chart
from clearprop.studio.health.experiment import KINDS, RATE, UNITS, duel
from clearprop.studio.health.hills import hills, taken
from clearprop.studio.health.watching import Watch, rows_of
from clearprop.studio.jobs import Job
from clearprop.studio.samples import toy_samples

SLOPES = {"tanh": lambda a: 1 - a * a, "sigmoid": lambda a: a * (1 - a), "relu": lambda a: a > 0.0}
VALUES = {
    "tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "relu": lambda z: z * (z > 0)
}  # fmt: skip


def desk(**chosen):
    work = Desk(engine="reference")
    work.choose({"rows": 40, "hidden": [[4, "tanh"], [3, "tanh"]]} | chosen)
    return work


def by_hand(trainer, vector, rows):
    """Return activations and ‖∂E/∂W‖ of each layer, the chain rule written out for one output."""
    x, y = trainer.samples.x[rows], trainer.samples.y[rows]
    weights, place, shape = [], 0, trainer.network.shape
    for before, units in pairwise(shape):
        w = vector[place : place + before * units].reshape(before, units).T
        place += before * units
        weights.append((w, vector[place : place + units]))
        place += units
    names = [layer.function.name for layer in trainer.network.layers]
    signals = [x]
    for (w, b), name in zip(weights, names, strict=True):
        signals.append(VALUES[name](signals[-1] @ w.T + b))
    # binary cross-entropy behind a sigmoid, the mean over rows
    delta, norms = (signals[-1] - y) / len(rows), []
    for layer in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ signals[layer]))
        if layer:
            delta = (delta @ weights[layer][0]) * SLOPES[names[layer - 1]](signals[layer])
    return signals[1:], norms[::-1]


def test_a_reading_is_what_the_loops_give():
    trainer = desk().trainer
    trainer.advance(2)
    watch = Watch(trainer)
    assert watch.look(playing=False)
    rows = rows_of(trainer, 128, 4_000_000)
    assert watch.rows == len(rows) == len(trainer.samples.x)
    signals, norms = by_hand(trainer, trainer.state.vector, rows)
    reading = watch.readings[-1]
    np.testing.assert_allclose(reading.gradients, norms, rtol=1e-12)
    flat = [np.mean(np.abs(1 - a * a) < 1e-3) for a in signals[:2]]
    np.testing.assert_allclose(reading.flat[:2], flat)
    for bins, a in zip(watch.bins, signals, strict=True):
        assert bins.counts.sum() == a.size
        middle = (bins.low + bins.high) / 2
        assert bins.counts[:12].sum() == np.sum(a < middle)
        np.testing.assert_allclose(bins.quartiles, np.quantile(a, (0.25, 0.75)))


def test_what_went_by_unseen_is_read_from_the_kept_states():
    trainer = desk().trainer
    for _ in range(30):
        trainer.advance(1)
    watch = Watch(trainer)
    watch.catch_up()
    while not watch.complete:
        watch.look(playing=False)
    assert watch.readings[0].step == 0
    assert len(watch.readings) > 20
    past = watch.readings[7]
    rows = np.arange(len(trainer.samples.x))
    trainer.go_to(past.step)
    _, norms = by_hand(trainer, trainer.state.vector, rows)
    np.testing.assert_allclose(past.gradients, norms, rtol=1e-12)
    # what lies ahead stays until the run goes another way
    watch.look(playing=False)
    assert watch.readings[-1].step == 30
    trainer.set_parameter(0, 3.0)
    watch.look(playing=False)
    assert watch.readings[-1].step == past.step
    _, norms = by_hand(trainer, trainer.state.vector, rows)
    np.testing.assert_allclose(watch.readings[-1].gradients, norms, rtol=1e-12)


def test_a_run_that_plays_is_read_now_and_then():
    trainer = desk().trainer
    watch, looks = Watch(trainer), 0
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        trainer.advance(1)
        looks += watch.look(playing=True)
    assert 1 <= looks <= 4


def test_dead_units_are_named():
    work = desk(hidden=[[3, "relu"]])
    work.look({"pane": "health"})
    trainer = work.trainer
    bias = 3 * 2 + 1
    trainer.set_parameter(bias, -50.0)
    contents = work.pane.contents()
    assert "h1.2" in contents.html["health-verdict"]
    assert "silent" in contents.html["health-verdict"]
    assert "Layer 1 is the most saturated" in contents.pictures["health-saturation"].title
    bins = contents.pictures["health-bins"]
    share = re.search(r"(\d+) of (\d+)", next(m.title for m in bins.marks if m.key == "bin1.0"))
    signals, _ = by_hand(trainer, trainer.state.vector, np.arange(len(trainer.samples.x)))
    width = signals[0].max() / 24
    assert int(share[1]) == np.sum(signals[0] < width)
    work.look({"lang": "zh"})
    assert "静默" in work.pane.contents().html["health-verdict"]


def test_without_hidden_layers_and_without_finite_numbers_it_says_what_to_do():
    work = desk(hidden=[])
    work.look({"pane": "health"})
    contents = work.pane.contents()
    assert "Add a layer" in contents.html["health-verdict"]
    assert "Press Play" in contents.html["health-verdict"]
    assert "Press Play first" in contents.texts["health-hills-said"]
    work = desk(learning_rate=10.0, hidden=[[4, "identity"]], data="plane")
    work.look({"pane": "health"})
    for _ in range(400):
        work.trainer.advance(5)
    assert work.trainer.failure
    contents = work.pane.contents()
    assert "stopped being finite" in contents.html["health-verdict"]
    assert "Lower the learning rate" in contents.html["health-verdict"]
    assert histogram_chart(work.pane._watch, _say("en")).marks


def _say(lang):
    from clearprop.explanation.words import words

    return words(lang)


@pytest.mark.parametrize("depth", [2, 5])
def test_both_networks_start_from_the_same_weights(depth):
    samples = toy_samples("xor", rows=60, noise=0.1, train_share=0.7, seed=2)
    told = []
    found = duel(samples, depth, 2, lambda share, seen: told.append((share, seen)))
    assert found.depth == depth
    assert [len(course.start.layers) for course in (found.sigmoid, found.relu)] == [depth] * 2
    norms = [line.weight_norm for line in found.sigmoid.start.layers]
    assert norms == [line.weight_norm for line in found.relu.start.layers]
    assert told[0][0] < 0.1
    assert told[-1] == (1.0, found)
    if depth == 2:
        # one hidden layer by hand: the drawn weights, then ten updates down the gradient
        from clearprop.network import Dense, Network, Parameters

        layers = (Dense(UNITS, "sigmoid", init="he_uniform"),
                  Dense(1, "sigmoid", init="he_uniform"))  # fmt: skip
        network = Network(2, layers, "binary_cross_entropy", dtype="float64")
        first = Parameters.initial(network, 2)
        w, b, v, c = (first[name].copy() for name in ("W1", "b1", "W2", "b2"))
        x, y, f = samples.x, samples.y, VALUES["sigmoid"]
        for _ in range(10):
            h = f(x @ w.T + b)
            delta = (f(h @ v.T + c) - y) / len(x)
            back = (delta @ v) * h * (1 - h)
            v, c = v - RATE * delta.T @ h, c - RATE * delta.sum(axis=0)
            w, b = w - RATE * back.T @ x, b - RATE * back.sum(axis=0)
        a = f(f(x @ w.T + b) @ v.T + c)
        loss = -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))
        assert found.sigmoid.steps[1] == 10
        assert found.sigmoid.losses[1] == pytest.approx(loss, rel=1e-12)
    else:
        first, last = (found.sigmoid.start.layers[place].gradient_norm for place in (0, -1))
        assert first < 1e-2 * last
        first, last = (found.relu.start.layers[place].gradient_norm for place in (0, -1))
        assert first > 0.1 * last


def test_the_depth_has_bounds():
    samples = toy_samples("xor", rows=20, noise=0.1, train_share=0.7, seed=2)
    for depth in (1, 21):
        with pytest.raises(SettingError, match="2 to 20"):
            duel(samples, depth, 0, lambda *_: None)
    assert KINDS == ("sigmoid", "relu")


def test_the_landscape_lies_under_the_path():
    trainer = desk().trainer
    for _ in range(20):
        trainer.advance(2)
    shares = []
    found = hills(taken(trainer), shares.append)
    assert shares[-1] == 1.0
    assert len(shares) == len(found.surface.second)
    surface = found.surface
    assert surface.recorded
    assert tuple(surface.steps[[0, -1]]) == (0, trainer.state.step)
    np.testing.assert_allclose(surface.path[-1], surface.here, atol=1e-12)
    rows, x, y = np.arange(len(trainer.samples.x)), trainer.samples.x, trainer.samples.y

    def loss(vector):
        a = by_hand(trainer, vector, rows)[0][-1]
        return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))

    assert len(x) == len(rows)
    assert found.after == pytest.approx(loss(trainer.state.vector), rel=1e-12)
    start = trainer.timeline.kept(0)[0].state.vector
    assert found.before == pytest.approx(loss(start), rel=1e-12)
    # a corner of the plane
    corner = np.array([surface.first[0], surface.second[-1]])
    vector = trainer.state.vector + corner @ surface.directions
    assert surface.heights[-1, 0] == pytest.approx(loss(vector), rel=1e-10)


# jobs


def finished(job):
    assert job.join(10)
    return job.state


def test_a_job_says_how_far_it_is_and_what_it_found():
    go, heard, seen = threading.Event(), threading.Event(), []

    def work(tell):
        assert go.wait(5)
        tell(0.5, "half")
        assert heard.wait(5)
        seen.append((job.state, job.share, job.found))
        return "all"

    job = Job(work, heard.set)
    go.set()
    assert finished(job) == "done"
    assert seen == [("running", 0.5, "half")]
    assert (job.share, job.found) == (1.0, "all")


def test_a_job_that_is_stopped_keeps_what_it_found():
    went = threading.Event()

    def work(tell):
        for place in range(1000):
            tell(place / 1000, place)
            went.set()
            time.sleep(0.01)

    job = Job(work, lambda: None)
    assert went.wait(5)
    job.stop()
    assert finished(job) == "stopped"
    assert job.found is not None
    assert job.share < 1


def test_jobs_run_one_at_a_time_and_one_that_waits_can_be_stopped():
    first_began, go = threading.Event(), threading.Event()

    def first(tell):
        first_began.set()
        go.wait(10)
        return 1

    one = Job(first, lambda: None)
    assert first_began.wait(5)
    other, third = Job(lambda tell: 2, lambda: None), Job(lambda tell: 3, lambda: None)
    time.sleep(0.25)
    assert other.state == third.state == "waiting"
    other.stop()
    assert finished(other) == "stopped"
    go.set()
    assert finished(one) == "done"
    assert finished(third) == "done"


def test_a_job_that_fails_says_why():
    def wrong(tell):
        raise SettingError("It cannot be.")

    job = Job(wrong, lambda: None)
    assert finished(job) == "failed"
    assert job.problem == "It cannot be."


def test_commands_of_the_pane_go_through_the_desk():
    work = desk()
    work.trainer.advance(3)
    work.look({"pane": "health"})
    work.command("health.start_duel", 3)
    work.command("health.draw_hills")
    for job in (work.pane._duel, work.pane._hills):
        assert finished(job) == "done"
    contents = work.pane.contents()
    assert set(contents.pictures) >= {"health-duel-gradients", "health-duel-losses"}
    assert "<svg" in contents.html["health-hills"]
    assert work.to_document()["health"]["duel"]["state"] == "done"
    # other data: what was found is of others
    work.choose({"data": "circles"})
    contents = work.pane.contents()
    assert "health-duel-gradients" not in contents.pictures
    assert contents.html["health-hills"] == ""
    work.close()
