"""The loss along one parameter and over two, held against the engine and against algebra."""

from __future__ import annotations

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.equations import GradientDescent, Penalty
from clearprop.errors import SettingError
from clearprop.explanation import Explanation, Names, Place, terrain
from clearprop.explanation.chapters import page_of
from clearprop.explanation.landscape import slice_of, surface_of
from clearprop.explanation.pages import Check, Picture
from clearprop.explanation.words import words
from clearprop.training import Recording

W5 = Place(2, 0, 0)


def _example():
    layers = (Dense(2, "sigmoid", bias_rate=0), Dense(2, "sigmoid", bias_rate=0))
    network = Network(2, layers, "half_squared_error", "float64")
    engine = build("reference", network, Recipe(rule=GradientDescent(0.5), batch_size=1))
    W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
    parameters = Parameters.from_arrays(network, [W1, W2], [[0.35] * 2, [0.60] * 2])
    block = Block.of(network, [[0.05, 0.10]], [[0.01, 0.99]])
    return engine.trace(engine.initial_state(parameters), block, np.arange(1))


def _line(weights=None, rule=None, **options):
    """One linear unit: its squared error is a parabola along every parameter."""
    network = Network(2, (Dense(1, "identity"),), "half_squared_error", "float64")
    x = np.array([[1.0, 0.5], [-1.0, 2.0], [0.5, 1.5], [2.0, -1.0]])
    y = np.array([[1.0], [-2.0], [0.5], [3.0]])
    recipe = Recipe(rule=rule or GradientDescent(0.1), batch_size=4, **options)
    engine = build("reference", network, recipe)
    parameters = Parameters.from_arrays(network, [[[0.3, -0.4]]], [[0.1]])
    block = Block.of(network, x, y, weights)
    trace = engine.trace(engine.initial_state(parameters), block, np.arange(4))
    return trace, engine, block


def test_the_worked_example_along_w5():
    found = slice_of(_example(), W5)
    assert found.here == pytest.approx((0.40, 0.298371109), abs=5e-10)
    assert found.there.value == pytest.approx(0.35891648, abs=5e-9)
    assert found.slope == pytest.approx(0.082167041, abs=5e-10)
    out_h1, out_h2 = 0.593269992, 0.596884378
    net = found.there.value * out_h1 + 0.45 * out_h2 + 0.60
    out = 1 / (1 + np.exp(-net))
    height = 0.5 * (0.01 - out) ** 2 + 0.5 * (0.99 - 0.772928465) ** 2
    assert found.there.height == pytest.approx(height, abs=1e-9)
    # out_o1 falls towards 0.01 as w5 falls, beyond what the picture shows
    assert not found.inside
    assert found.lowest.value == found.values[0]


def test_heights_are_the_engines_loss_with_weights():
    trace, engine, block = _line(weights=np.array([1.0, 2.0, 0.5, 3.0]))
    found = slice_of(trace, Place(1, 0, 1))
    for value, loss in zip(found.values[::20], found.losses[::20], strict=True):
        moved = trace.vector.copy()
        moved[1] = value
        assert loss == pytest.approx(engine.evaluate(moved, block), rel=1e-12)
    assert found.penalties is None
    assert found.heights is found.losses


def test_the_minimum_of_a_parabola():
    trace, _, _ = _line()
    found = slice_of(trace, Place(1, 0, 0))
    x, rest = trace.x[:, 0], trace.y[:, 0] - trace.x[:, 1] * -0.4 - 0.1
    assert found.inside
    assert found.lowest.value == pytest.approx((x @ rest) / (x @ x), abs=1e-3)
    middle = len(found.values) // 2
    assert found.values[middle] == pytest.approx(0.3)
    around = found.heights[middle + 1] - found.heights[middle - 1]
    width = found.values[middle + 1] - found.values[middle - 1]
    # the central difference of a parabola is its slope
    assert found.slope == pytest.approx(around / width, rel=1e-9)


def test_the_penalty_is_a_curve_of_its_own():
    trace, _, _ = _line(penalty=Penalty(l1=0.1, l2=0.6))
    found = slice_of(trace, Place(1, 0, 0))
    other = 0.1 * 0.4 + 0.3 * 0.4**2
    expected = 0.1 * np.abs(found.values) + 0.3 * found.values**2 + other
    assert found.penalties == pytest.approx(expected, rel=1e-12)
    assert found.here.height == pytest.approx(trace.loss + trace.penalty, rel=1e-12)
    assert found.slope == pytest.approx(trace.gradient[0] + 0.1 + 0.6 * 0.3, rel=1e-12)


def test_the_step_is_seen_however_small():
    trace, _, _ = _line(rule=GradientDescent(1e-7))
    found = slice_of(trace, Place(1, 0, 0))
    share = abs(found.there.value - found.here.value) / np.ptp(found.values)
    assert 1 / 70 < share < 1 / 4


def test_a_step_below_rounding_is_not_drawn_as_noise():
    trace, _, _ = _line(rule=GradientDescent(1e-13))
    found = slice_of(trace, Place(1, 0, 0))
    # the step changes the loss in the last digits only; the curve goes where it can be seen
    assert abs(found.there.height - found.here.height) < 1e-12
    assert np.ptp(found.heights) > 1e-6 * found.here.height


def test_dropped_units_stay_dropped():
    network = Network(2, (Dense(8, "tanh", dropout=0.5), Dense(1, "identity")), dtype="float64")
    draw = np.random.default_rng(0)
    block = Block.of(network, draw.normal(size=(5, 2)), draw.normal(size=(5, 1)))
    engine = build("reference", network, Recipe(batch_size=5))
    trace = engine.trace(engine.initial_state(Parameters.initial(network, 1)), block, np.arange(5))
    assert slice_of(trace, Place(1, 0, 0)).here.height == pytest.approx(trace.loss, rel=1e-12)


def test_fewer_rows_where_all_would_take_too_long(monkeypatch):
    network = Network(3, (Dense(4, "tanh"), Dense(1, "identity")), dtype="float64")
    draw = np.random.default_rng(0)
    block = Block.of(
        network, draw.normal(size=(400, 3)), draw.normal(size=(400, 1)), draw.uniform(1, 2, 400)
    )
    engine = build("reference", network, Recipe(batch_size=400))
    state = engine.initial_state(Parameters.initial(network, 1))
    trace = engine.trace(state, block, np.arange(400))
    monkeypatch.setattr(terrain, "BUDGET", 2 * 81 * (8 * 21 + (21 + 20 * 8) * 50.5))
    found = slice_of(trace, Place(1, 2, 1))
    assert (len(found.rows), found.samples) == (50, 400)
    assert (found.rows[0], found.rows[-1]) == (0, 399)
    assert len(set(np.diff(found.rows))) == 2  # 8 and 9: evenly chosen
    some = Block(block.x[found.rows], block.y[found.rows], block.weights[found.rows])
    assert found.here.height == pytest.approx(engine.evaluate(trace.vector, some), rel=1e-12)
    slope = engine.gradient(trace.vector, some)[1][Place(1, 2, 1).entry(network)]
    assert found.slope == pytest.approx(slope, rel=1e-10)


def test_a_surface_over_two_parameters():
    trace, engine, block = _line()
    found = surface_of(trace, (Place(1, 0, 0), Place(1, 0, None)), side=9)
    assert found.chosen == "asked"
    moved = trace.vector.copy()
    moved[[0, 2]] = found.first[7], found.second[3]
    assert found.losses[3, 7] == pytest.approx(engine.evaluate(moved, block), rel=1e-12)
    assert found.here == (0.3, 0.1)
    assert found.path[1] == pytest.approx(found.path[0] - 0.1 * trace.gradient[[0, 2]])
    assert not found.recorded


def test_without_a_run_the_largest_gradients_that_move():
    found = surface_of(_example(), side=3)
    # the biases' gradients are larger, but they are held fixed
    assert found.chosen == "gradient"
    assert found.places == (Place(2, 0, 1), Place(2, 0, 0))


def _recording(snapshots, entries=(), values=None):
    steps = np.arange(len(snapshots)) * 10
    values = np.zeros((len(snapshots), 0)) if values is None else values
    return Recording(np.array(entries, dtype=int), steps, values, steps, snapshots)


def test_the_main_directions_of_a_run():
    trace, engine, block = _line()
    turn = np.array([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    along = np.array([[-4.0, 0.0, 0.0], [-1.0, 1.0, 0.1], [1.0, -1.0, -0.1], [4.0, 0.0, 0.0]])
    snapshots = trace.vector + (along - along[-1]) @ turn
    found = surface_of(trace, None, _recording(snapshots), side=5)
    assert found.chosen == "path"
    assert found.recorded
    _, sizes, axes = np.linalg.svd(snapshots - snapshots.mean(axis=0))
    assert np.abs(found.directions @ axes[:2].T) == pytest.approx(np.eye(2), abs=1e-10)
    assert found.shares == pytest.approx(sizes[:2] ** 2 / (sizes**2).sum(), rel=1e-9)
    # the run ends where the trace is, to the right of where it began
    assert found.path[-1] == pytest.approx((0, 0), abs=1e-12)
    assert found.path[0, 0] == pytest.approx(-8, abs=0.05)
    assert np.linalg.norm(found.path[0]) == pytest.approx(8, abs=0.01)
    point = trace.vector + found.first[1] * found.directions[0]
    point += found.second[4] * found.directions[1]
    assert found.losses[4, 1] == pytest.approx(engine.evaluate(point, block), rel=1e-12)
    assert found.first[0] < found.path[:, 0].min()
    assert found.first[-1] > found.path[:, 0].max()


def test_a_run_along_a_straight_line_has_no_plane():
    trace, _, _ = _line()
    snapshots = trace.vector + np.outer([3.0, 2.0, 1.0, 0.0], [1.0, 2.0, 3.0])
    assert surface_of(trace, None, _recording(snapshots), side=3).chosen == "gradient"
    assert surface_of(trace, None, _recording(snapshots[:2]), side=3).chosen == "gradient"


def test_two_watched_parameters_have_a_path():
    trace, _, _ = _line()
    values = np.array([[0.0, 1.0], [0.2, 0.5], [0.3, 0.1]])
    recording = _recording(np.zeros((3, 3)), (0, 2), values)
    found = surface_of(trace, (Place(1, 0, 0), Place(1, 0, None)), recording, side=3)
    assert found.path == pytest.approx(values)
    assert found.steps.tolist() == [0, 10, 20]
    assert found.first[0] <= 0
    assert found.second[-1] >= 1


def test_a_surface_needs_two_parameters():
    with pytest.raises(SettingError, match="over two different parameters"):
        surface_of(_example(), (W5, W5))


def test_a_diverged_network_has_a_slice_without_a_lowest_point():
    trace, _, _ = _line()
    trace.vector[0] = np.nan
    found = slice_of(trace, Place(1, 0, 1))
    assert found.lowest is None
    assert not found.inside


# the chapter


def _section(trace, place, lang, recording=None):
    explanation = Explanation(trace, Names(trace.network), recording)
    return page_of(explanation, explanation.focus(place, 0), ["landscape"], lang).sections[0]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_shows_slice_and_surface(lang):
    traces = [
        _example(),
        _line(penalty=Penalty(l2=0.1))[0],
        _line(rule=GradientDescent(30.0))[0],
        _line(rule=GradientDescent(1e-17))[0],
    ]
    for trace in traces:
        section = _section(trace, Place(1, 0, 0), lang)
        assert sum(isinstance(block, Picture) for block in section.blocks) == 2
        assert [block.ok for block in section.blocks if isinstance(block, Check)] == [True]
    assert len(_section(_example(), Place(1, 0, None), lang).blocks) == 6


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_shows_the_run(lang):
    trace, _, _ = _line()
    draw = np.random.default_rng(0).normal(size=(6, 3))
    section = _section(trace, Place(1, 0, 0), lang, _recording(trace.vector + draw))
    scene = section.blocks[-1].scene
    assert sum(type(mark).__name__ == "Circle" for mark in scene.marks) >= 6


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_of_a_diverged_network(lang):
    trace, _, _ = _line()
    trace.vector[0] = np.nan
    assert len(_section(trace, Place(1, 0, 1), lang).blocks) == 1


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_step_into_what_is_not_finite_is_not_drawn(lang):
    trace, _, _ = _line()
    trace.update[0] = np.nan
    (note,) = _section(trace, Place(1, 0, 0), lang).blocks
    assert note.text == words(lang).text("landscape.step_not_finite")
    # along another parameter the step can be seen
    assert len(_section(trace, Place(1, 0, 1), lang).blocks) > 1
