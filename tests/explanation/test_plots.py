"""Plots and their colours: round ticks, gaps, names beside lines, lines of equal height."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from clearprop.explanation.scenes.axes import axis_over
from clearprop.explanation.scenes.contours import contour
from clearprop.explanation.scenes.measure import box_of
from clearprop.explanation.scenes.palette import (
    PALETTE,
    READ_ON_GROUND,
    colours,
    contrast,
    heat_colour,
)
from clearprop.explanation.scenes.plots import (
    Bar,
    Series,
    Spot,
    bars_scene,
    curve_scene,
    heat_scene,
)
from clearprop.explanation.scenes.scene import Circle, Heat, Line, Path, Rect, Words


def of(scene, kind, role=None):
    return [m for m in scene.marks if isinstance(m, kind) and (role is None or m.role == role)]


def texts(scene):
    return [mark.text for mark in of(scene, Words)]


# colours


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(
        4.478, abs=1e-3
    )  # of the WCAG's own table


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read(scheme):
    table = colours(scheme)
    for role in READ_ON_GROUND:
        for ground in ("ground", "panel"):
            assert contrast(table[role][1], table[ground][0]) >= 4.5, (role, ground)
    assert contrast(table["pen"][1], table["paper"][0]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_can_be_seen(scheme):
    table = colours(scheme)
    for role in ("ink", "muted", "positive", "negative", "signal", "error", "update"):
        assert contrast(table[role][0], table["ground"][0]) >= 3, role


def test_the_colours_are_those_of_okabe_and_ito():
    given = {role: PALETTE[role].light for role in ("positive", "negative", "error", "update")}
    assert given == {
        "positive": "#0072B2", "negative": "#D55E00", "error": "#CC79A7", "update": "#009E73",
    }  # fmt: skip
    assert PALETTE["halo"].light == "#F0E442"


def test_heat_runs_from_vermillion_over_white_to_blue():
    assert heat_colour(2, 2) == (0, 114, 178)
    assert heat_colour(-5, 2) == (213, 94, 0)
    assert heat_colour(0, 2) == heat_colour(7, 3, zero=7) == (255, 255, 255)
    assert heat_colour(1, 2) == (128, 184, 216)
    assert heat_colour(math.nan, 2) == (128, 128, 128)


# axes


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ((0.13, 0.2), ["0.12", "0.14", "0.16", "0.18", "0.20"]),
        ((-3.2, 4.9), ["−4", "−2", "0", "2", "4", "6"]),
        ((2e-6, 9e-6), ["2×10⁻⁶", "4×10⁻⁶", "6×10⁻⁶", "8×10⁻⁶", "1.0×10⁻⁵"]),
    ],
)
def test_ticks_are_round(values, expected):
    assert [text for _, text in axis_over(values).ticks] == expected


def test_whole_numbers_have_whole_ticks():
    assert [text for _, text in axis_over([1, 2, 3], whole=True).ticks] == ["1", "2", "3"]
    assert [text for _, text in axis_over([1, 3]).ticks] == ["1", "1.5", "2", "2.5", "3"]


def test_an_axis_of_one_value_has_room_on_both_sides():
    axis = axis_over([0.5]).over(0, 100)
    assert 20 < axis.at(0.5) < 80


def test_equal_ratios_are_equally_long_on_a_log_axis():
    axis = axis_over([3e-7, 0.2, -1, math.nan], log=True).over(0, 700)
    assert (axis.low, axis.high) == (pytest.approx(1e-7), 1)
    assert axis.at(1e-3) == pytest.approx(400)
    assert [text for _, text in axis.ticks] == ["10⁻⁷", "10⁻⁵", "0.001", "0.1"]


# curves


def test_points_lie_where_their_values_are():
    scene = curve_scene(
        "t", [Series("", [0, 10], [0, 1])], x_label="epoch", y_label="loss", marks=[Spot(5, 0.5)]
    )
    (line,) = [mark for mark in of(scene, Path) if mark.role == "signal"]
    (_, x1, y1), (_, x2, y2) = line.commands
    (spot,) = of(scene, Circle)
    assert (spot.x, spot.y) == (pytest.approx((x1 + x2) / 2), pytest.approx((y1 + y2) / 2))
    ticks = {mark.text: mark for mark in of(scene, Words)}
    assert ticks["10"].x == pytest.approx(x2)
    assert ticks["1"].y - 4 == pytest.approx(y2)
    assert {"t", "epoch", "loss"} <= set(texts(scene))


def test_a_log_scale_is_said_and_what_it_cannot_hold_is_a_gap():
    y = [1, 0.1, 0, 0.01, math.nan, 0.001]
    for lang, said in (("en", "‖δ‖ (log scale)"), ("zh", "‖δ‖（对数刻度）")):
        scene = curve_scene(
            "t", [Series("a", range(6), y)], x_label="layer", y_label="‖δ‖", log_y=True, lang=lang
        )
        assert said in texts(scene)
        assert "layer" in texts(scene)
    lines = [mark for mark in of(scene, Path) if mark.role == "signal"]
    # one stretch, and two points alone
    assert [len(mark.commands) for mark in lines] == [2]
    assert len(of(scene, Circle)) == 2


def test_lines_differ_in_style_and_are_named_at_their_ends():
    lines = [Series(name, [0, 1], [0, 1 + at / 1000]) for at, name in enumerate("abcd")]
    scene = curve_scene("t", lines, x_label="x", y_label="y")
    drawn = [mark for mark in of(scene, Path) if mark.width == 2]
    assert len({mark.dash for mark in drawn}) == len({mark.role for mark in drawn}) == 4
    names = [mark for mark in of(scene, Words) if mark.text in "abcd" and mark.bold]
    boxes = [box_of(mark) for mark in names if mark.text != "t"]
    assert len(boxes) == 4
    assert not any(one.meets(two) for at, one in enumerate(boxes) for two in boxes[:at])
    assert all(box.right < scene.width for box in boxes)
    assert {mark.role for mark in names} == {mark.role for mark in drawn}


def test_long_runs_keep_their_peaks():
    y = np.sin(np.arange(20000) / 300)
    y[12345] = 9
    scene = curve_scene("t", [Series("", np.arange(1, 20001), y)], x_label="x", y_label="y")
    (line,) = [mark for mark in of(scene, Path) if mark.width == 2]
    assert len(line.commands) < 1000
    highest = min(command[2] for command in line.commands)
    tick = {mark.text: mark.y - 4 for mark in of(scene, Words)}
    unit = (tick["0"] - tick["10"]) / 10
    assert tick["0"] - highest == pytest.approx(9 * unit)


def test_a_long_title_is_wrapped():
    title = "the loss of the validation rows stopped falling at epoch 41 and rose from there on"
    scene = curve_scene(title, [Series("a", [0, 1], [0, 1])], x_label="x", y_label="y")
    lines = [mark for mark in of(scene, Words) if mark.bold and mark.size == 14]
    assert len(lines) == 2
    assert " ".join(mark.text for mark in lines) == scene.title == title
    assert all(box_of(mark).right < scene.width for mark in lines)


# bars


def test_bars_are_as_long_as_their_values():
    values = [0.4, -0.1, 0.2]
    scene = bars_scene("t", [Bar(f"s{i}", v) for i, v in enumerate(values)], label="δ·a")
    bars = of(scene, Rect)
    assert bars[0].w / bars[1].w == pytest.approx(4)
    assert bars[0].w / bars[2].w == pytest.approx(2)
    assert bars[1].x + bars[1].w == pytest.approx(bars[0].x)  # to the left of zero
    assert [bar.fill for bar in bars] == ["positive", "negative", "positive"]
    assert bars[1].title == "s1: -0.1"
    assert {"0.4000", "−0.1000", "s2", "δ·a"} <= set(texts(scene))


def test_bars_on_a_log_scale():
    scene = bars_scene("t", [Bar("a", 1e-4), Bar("b", 1e-2), Bar("c", 0.0)], label="n", log=True)
    short, long, none = (bar.w for bar in of(scene, Rect))
    assert none == 0
    assert long > short >= 0
    assert "n (log scale)" in texts(scene)


# surfaces


def test_a_line_of_equal_height_is_where_the_height_is():
    x, y = np.meshgrid(np.linspace(-2, 2, 81), np.linspace(-2, 2, 81))
    segments = contour(x**2 + y**2, 2.2617)
    assert len(segments) > 100
    ends = np.array([(s.x1, s.y1) for s in segments] + [(s.x2, s.y2) for s in segments]) / 20 - 2
    assert np.hypot(*ends.T) == pytest.approx(np.sqrt(2.2617), abs=1e-3)
    # closed: every end is the end of two pieces
    _, counts = np.unique(np.round(ends, 9), axis=0, return_counts=True)
    assert set(counts) == {2}
    assert contour(np.full((3, 3), np.nan), 0) == []


def test_a_surface_with_a_path():
    grid = np.linspace(-1, 1, 5)
    values = grid[None, :] + 2 * grid[:, None]  # x + 2 y
    scene = heat_scene(
        "t", values, (-1, 1), (-1, 1), x_label="w1", y_label="w2", contours=[0.0],
        path=([-1, 0, 1], [-1, 0, 1]),
    )  # fmt: skip
    heat = of(scene, Heat)[0]
    assert len(heat.values) == len(heat.values[0]) == 4
    # the cell at the lower right is the mean of its corners; white is the lowest height
    assert heat.values[-1][-1] == pytest.approx(0.75 + 2 * -0.75)
    assert (heat.zero, heat.limit) == (-3, 6)
    start, end = [mark for mark in of(scene, Circle) if mark.radius == 4.5]
    assert (start.x, start.y) == (pytest.approx(heat.x), pytest.approx(heat.y + heat.h))
    assert (end.x, end.y) == (pytest.approx(heat.x + heat.w), pytest.approx(heat.y))
    level = next(mark for mark in of(scene, Path, "pen") if mark.title == "0")
    points = [(x, y) for _, x, y in level.commands]
    assert any(x == pytest.approx(heat.x + heat.w / 2) for x, _ in points)
    for x, y in points:
        across = -1 + 2 * (x - heat.x) / heat.w
        up = 1 - 2 * (y - heat.y) / heat.h
        assert across + 2 * up == pytest.approx(0, abs=1e-9)
    assert re.fullmatch(r"w[12]", next(text for text in texts(scene) if text.startswith("w")))
    assert of(scene, Line)
