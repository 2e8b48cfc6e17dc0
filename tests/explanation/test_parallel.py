"""What of a pass can run at the same time: the graph, its longest way, its times, its picture."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from clearprop import Dense, Loss, Network, explain
from clearprop.explanation import parallel
from clearprop.explanation.chapters import parallel as chapter_of_parallel
from clearprop.explanation.pages import Picture, Span, Table
from clearprop.explanation.parallel import Schedule, Task, schedule_of
from clearprop.explanation.scenes.scene import Rect, Words
from clearprop.explanation.scenes.tasks import label_of, seconds_text, tasks_scene
from clearprop.explanation.words import words


def _schedule(*shape, rows=1):
    layers = tuple(Dense(units, "sigmoid") for units in shape[1:])
    network = Network(shape[0], layers, "half_squared_error", "float64")
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(rows, shape[0])), draw.uniform(size=(rows, shape[-1]))
    return schedule_of(explain(network, x, y).trace, measured=False)


def test_the_two_two_two_network_counted_by_hand():
    found = _schedule(2, 2, 2)
    # products: W a forward, 1 a function value, W^T δ and f' back, δ a; η g at the update
    work = {
        "gather": 0, "z.1": 4, "a.1": 2, "z.2": 4, "a.2": 2, "loss": 2, "delta.2": 2,
        "bp3.2": 2, "bp4.2": 4, "delta.1": 6, "bp3.1": 2, "bp4.1": 4, "update": 12,
    }  # fmt: skip
    assert {task.name: task.work for task in found.tasks} == work
    path = ["gather", "z.1", "a.1", "z.2", "a.2", "delta.2", "delta.1", "bp4.1", "update"]
    assert [task.name for task in found.critical_path] == path
    assert [task.depth for task in found.critical_path] == [0, 2, 1, 2, 1, 1, 3, 1, 1]
    assert (found.length, found.work, found.critical_work) == (9, 46, 12)
    assert found.speedup == pytest.approx(46 / 12)


def test_what_waits_for_what():
    found = _schedule(3, 4, 5, 2, rows=7)
    after = {task.name: set(task.after) for task in found.tasks}
    assert after["z.2"] == {"a.1"}
    # δ needs the outputs, and not the value of the loss
    assert after["delta.3"] == {"a.3"}
    assert after["loss"] == {"a.3"}
    assert after["delta.1"] == {"delta.2", "a.1"}
    assert after["bp4.2"] == {"delta.2", "a.1"}
    assert after["bp4.1"] == {"delta.1", "gather"}
    # every gradient, and through them every δ, before a weight may change
    assert after["update"] == {f"{part}.{n}" for part in ("bp3", "bp4") for n in (1, 2, 3)}
    seen = set()
    for task in found.tasks:
        assert after[task.name] <= seen
        seen.add(task.name)


def test_width_is_samples_times_neurons():
    found = _schedule(784, 512, 256, 10, rows=32)
    assert (found["z.1"].width, found["z.1"].depth) == (32 * 512, 784)
    assert (found["delta.2"].width, found["delta.2"].depth) == (32 * 256, 10 + 1)
    # a gradient sums over the samples: they are its depth
    assert (found["bp4.1"].width, found["bp4.1"].depth) == (512 * 784, 32)
    assert found.widest.name == "update"
    # more samples are more work, and not a longer way apart from the sum over them
    double = _schedule(784, 512, 256, 10, rows=64)
    assert double.critical_work - found.critical_work == 32
    assert double.length == found.length


def test_the_path_grows_with_the_layers():
    # batch, z and a of L layers, δ of L, ∂E/∂W^1, update
    assert [_schedule(4, *[6] * n, 2).length for n in (1, 2, 9)] == [9, 12, 33]


def _longest(tasks):
    """The greatest sum of depths over every way through the graph, tried one by one."""
    by_name = {task.name: task for task in tasks}

    def ways(name):
        task = by_name[name]
        return [w + task.depth for before in task.after for w in ways(before)] or [task.depth]

    return max(way for task in tasks for way in ways(task.name))


def test_the_critical_path_of_any_graph():
    draw = np.random.default_rng(1)
    for _ in range(30):
        tasks = []
        for layer in range(1, 9):
            before = [t.name for t in tasks if draw.random() < 0.4]
            tasks.append(Task("z", layer, tuple(before), 1, 1, int(draw.integers(1, 9))))
        found = Schedule(tuple(tasks), 1, "reference")
        assert found.critical_work == _longest(tasks)
        path = found.critical_path
        assert all(here.name in after.after for here, after in pairwise(path))


def test_times_are_the_engines_own_on_the_traces_rows(monkeypatch):
    loss = Loss("cross_entropy", label_smoothing=0.3)
    network = Network(3, (Dense(4, "tanh"), Dense(2, "softmax")), loss)
    trace = explain(network, np.eye(3), [0, 1, 1], sample_weight=[1.0, 2.0, 1.0]).trace
    seen = []

    class Engine:
        plan = object()

        def __init__(self, name, network, recipe):
            self.given = name, network, recipe

        def measure(self, state, block, rows, repeats):
            seen.append((*self.given, state, block, rows))
            places = [("gather", 0), ("z", 1), ("z", 2), ("delta", 1), ("bp4", 2), ("update", 0)]
            return tuple(
                SimpleNamespace(part=part, layer=layer, seconds=10.0**-place)
                for place, (part, layer) in enumerate(places)
            )

    monkeypatch.setattr(parallel, "build", Engine)
    found = schedule_of(trace)
    assert [found[n].seconds for n in ("gather", "z.1", "z.2", "delta.1", "bp4.2", "update")] == [
        10.0**-place for place in range(6)
    ]
    assert found["a.1"].seconds is None
    assert found.seconds == pytest.approx(1.11111)
    (engine, net, recipe, state, block, rows) = seen[0]
    assert (engine, recipe) == ("reference", trace.recipe)
    # the targets are smoothed already
    assert net.objective.label_smoothing == 0
    assert np.array_equal(block.y, trace.y)
    assert block.weights == pytest.approx([0.25, 0.5, 0.25])
    assert np.array_equal(state.vector, trace.vector)
    assert state.vector is not trace.vector
    assert list(rows) == [0, 1, 2]


def _timed(schedule):
    return replace(
        schedule, tasks=tuple(replace(task, seconds=1e-6 * task.work) for task in schedule.tasks)
    )


def _boxes(scene):
    """The boxes of tasks: they have something to say when pointed at, and are higher than a bar."""
    return [m for m in scene.marks if isinstance(m, Rect) and m.title and m.h > 20]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_task_is_drawn_and_none_over_another(lang):
    found = _timed(_schedule(3, 4, 5, 2, rows=7))
    scene = tasks_scene(found, words(lang))
    boxes = _boxes(scene)
    assert len(boxes) == len(found.tasks)
    for index, one in enumerate(boxes):
        assert 0 < one.x < one.x + one.w < scene.width
        assert 0 < one.y < one.y + one.h < scene.height
        for other in boxes[:index]:
            apart = abs(one.x - other.x) >= one.w or abs(one.y - other.y) >= one.h + 20
            assert apart
    texts = {mark.text for mark in scene.marks if isinstance(mark, Words)}
    assert {label_of(task, words(lang)) for task in found.tasks} <= texts
    assert {"7 × 4", "7 × 5", "12", "20"} <= texts
    roles = {box.title.split(":")[0].split("：")[0]: box.role for box in boxes}
    assert (roles["z⁽²⁾"], roles["δ⁽²⁾"], roles["∂E/∂W⁽¹⁾"]) == ("signal", "error", "error")
    assert roles[label_of(found["update"], words(lang))] == "update"


def test_bars_are_as_long_as_times():
    found = _timed(_schedule(3, 4, 5, 2, rows=7))
    scene = tasks_scene(found, words("en"))
    bars = {
        m.title.split(":")[0]: m.w
        for m in scene.marks
        if isinstance(m, Rect) and m.h < 8 and m.title
    }
    longest = max(bars.values())
    largest = max(task.work for task in found.tasks)
    assert bars["z⁽²⁾"] / longest == pytest.approx(7 * 5 * 4 / largest)
    assert bars["∂E/∂W⁽³⁾"] / longest == pytest.approx(7 * 2 * 5 / largest)


def test_a_deep_network_is_drawn_by_its_ends():
    scene = tasks_scene(_schedule(4, *[6] * 9, 2, rows=20), words("en"))
    texts = [mark.text for mark in scene.marks if isinstance(mark, Words)]
    assert texts.count("8 layers") == 2  # forward and back
    assert "z⁽¹⁾" in texts
    assert "z⁽¹⁰⁾" in texts
    assert "z⁽⁵⁾" not in texts
    assert scene.width < 720


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.5, "2.50 s"), (0.0123, "12.3 ms"), (3.41e-5, "34.1 µs"), (5e-9, "5 ns"), (0.0, "0 ns")],
)
def test_times_have_units(seconds, text):
    assert seconds_text(seconds) == text


def _plain(text):
    return "".join(part.text for part in text if isinstance(part, Span))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_says_the_rule_and_its_figures(lang):
    found = _timed(_schedule(784, 512, 256, 10, rows=32))
    section = chapter_of_parallel.section_of(found, words(lang))
    said = "\n".join(_plain(b.text) for b in section.blocks if hasattr(b, "text"))
    assert {"en": "not the layers", "zh": "不能跨层"}[lang] in said
    assert "16,384" in said
    assert f"{found.work:,}" in said
    assert any(isinstance(block, Picture) for block in section.blocks)
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert len(table.rows) <= 13
    work = [int(_plain(row[3]).replace(",", "")) for row in table.rows]
    assert sum(work) == found.work  # what is not shown is one row


def test_without_times_the_chapter_says_so():
    section = chapter_of_parallel.section_of(_schedule(2, 2, 2), words("en"))
    said = "\n".join(_plain(b.text) for b in section.blocks if hasattr(b, "text"))
    assert "not timed" in said
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert len(table.columns) == 4
