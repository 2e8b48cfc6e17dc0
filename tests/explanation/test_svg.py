"""SVG: well-formed, keyed and titled, coloured for both schemes, nothing fetched or run."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from drawn_networks import ALL, drawn, perceptron, worked

from clearprop.explanation import Explanation
from clearprop.explanation.render.svg import page_style, svg_inline, svg_of
from clearprop.explanation.scenes.network import network_scene
from clearprop.explanation.scenes.palette import PALETTE
from clearprop.explanation.scenes.scene import (
    Circle,
    Heat,
    Line,
    Path,
    Rect,
    Scene,
    Words,
)

SVG = "{http://www.w3.org/2000/svg}"


def picture(explanation, **options):
    return network_scene(explanation, explanation.focus(), **options)


def scene(*marks):
    return Scene(100, 50, marks, "a title", "a description")


def root_of(*marks):
    return ElementTree.fromstring(svg_of(scene(*marks)))


def drawn_by(*marks):
    """Return the elements of some marks, without title, style and ground."""
    return [
        child for child in root_of(*marks)
        if child.tag.removeprefix(SVG) not in ("title", "desc", "style")
        and child.get("width") != "100%"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_pictures_are_well_formed_and_complete(name):
    drawing = picture(ALL[name]())
    root = ElementTree.fromstring(svg_of(drawing))
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == root.get("aria-label") == drawing.title
    assert root.find(f"{SVG}desc").text == drawing.description
    assert root.get("viewBox").split()[:2] == ["0", "0"]
    keys = [element.get("data-key") for element in root.iter() if element.get("data-key")]
    assert sorted(keys) == sorted(mark.key for mark in drawing.marks if mark.key)
    titles = [element.text for element in root.iter(f"{SVG}title")][1:]
    assert sorted(titles) == sorted(mark.title for mark in drawing.marks if mark.title)
    shown = ["".join(element.itertext()) for element in
             root.iter(f"{SVG}text")]  # fmt: skip
    for mark in drawing.marks:
        if isinstance(mark, Words):
            assert any(text.endswith(mark.text) for text in shown)


def test_nothing_is_fetched_or_run():
    text = svg_of(picture(drawn((2, 3, 2, 1), rows=3), planes=True))
    assert "<script" not in text
    assert not re.search(r'href="(?!data:image/png;base64,|#)', text)
    assert not re.search(r"\son\w+=", text)
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {
        f"#{name}" for name in re.findall(r'id="([^"]+)"', text)
    }


def test_numbers_that_are_none_leave_the_drawing_whole():
    trace = perceptron().trace
    vector, z = trace.vector.copy(), [array.copy() for array in trace.z]
    vector[0], vector[8], z[0][0, 0] = np.nan, np.inf, np.nan
    spoilt = replace(trace, vector=vector, z=z, losses=np.array([np.nan]))
    explanation = Explanation(spoilt, perceptron().names)
    drawing = network_scene(explanation, perceptron().focus())
    assert {"NaN", "∞"} <= {mark.text for mark in drawing.marks if isinstance(mark, Words)}
    for element in ElementTree.fromstring(svg_of(drawing)).iter():
        for name in {"d", "points", "x1", "y2", "width", "stroke-width", "opacity"}:
            assert not re.search("nan|inf", element.get(name, "")), (name, element.attrib)


def test_texts_are_escaped():
    (text,) = drawn_by(Words(1, 2, 'a < b & "c"', title="x < 1", key='"k"'))
    assert "".join(text.itertext()) == 'x < 1a < b & "c"'
    assert text.get("data-key") == '"k"'


def test_both_schemes_are_in_a_file_and_none_in_a_page():
    alone, inside = svg_of(picture(worked())), svg_inline(picture(worked()))
    style = re.search(r"<style>(.*)</style>", alone, re.S).group(1)
    light, dark = style.split("@media screen and (prefers-color-scheme: dark)")
    for role, colour in PALETTE.items():
        assert f".s-{role}{{stroke:{colour.light}}}" in light
        assert f".t-{role}{{fill:{colour.dark_text}}}" in dark
        assert f".f-{role}{{fill:{colour.dark}}}" in page_style()
    assert "<style" not in inside
    assert "xmlns" not in inside
    # print takes the light colours
    assert "@media (prefers" not in style


@pytest.mark.parametrize("name", ["perceptron", "flowers", "digits"])
def test_a_narrow_page_gets_the_narrow_form(name):
    both = ElementTree.fromstring(f"<div>{svg_inline(picture(ALL[name]()))}</div>")
    broad, narrow = both.findall("svg")
    assert broad.get("class") == "scene broad"
    assert narrow.get("class") == "scene narrow"
    assert float(narrow.get("width")) < 420 < float(broad.get("width"))
    # on a phone of 390 pixels, 350 of them for the page, it need not be scrolled
    least = float(re.search(r"--least:([\d.]+)px", narrow.get("style")).group(1))
    assert least <= 350


def test_ids_are_unique_on_a_page():
    planes = [picture(drawn((2, 3, 2, 1), rows=rows), planes=True) for rows in (3, 4)]
    page = "".join(map(svg_inline, planes))
    page += svg_inline(planes[0], prefix="again")
    names = re.findall(r'\bid="([^"]+)"', page)
    assert len(names) == len(set(names)) == 3 * 2 * 6


def test_marks_keep_their_measures():
    line, path, circle, rect = drawn_by(
        Line(1, 2, 3.456, 4, role="negative", width=2.5, dash=(4, 2), opacity=0.5),
        Path((("M", 0, 0), ("A", 5, 5, 0, 0, 1, 0, 10), ("Z",)), fill="panel"),
        Circle(5, 6, 7, role="ink", fill="ground"),
        Rect(1, 2, 3, 4, 1.5, fill="halo"),
    )
    assert (line.get("x2"), line.get("stroke-width")) == ("3.46", "2.5")
    assert line.get("stroke-dasharray") == "4 2"
    assert line.get("opacity") == "0.5"
    assert line.get("class") == "s-negative"
    assert line.get("stroke") == "#D55E00"  # for programs that read no style
    assert path.get("d") == "M0 0A5 5 0 0 1 0 10Z"
    assert (path.get("class"), path.get("stroke")) == ("f-panel", None)
    assert (circle.get("cx"), circle.get("class")) == ("5", "f-ground s-ink")
    assert (rect.get("rx"), rect.get("fill")) == ("1.5", "#F0E442")


def test_an_arrow_points_at_the_end_of_its_line():
    (group,) = drawn_by(Line(0, 0, 30, 40, role="error", arrow=True, key="d1.0", title="t"))
    line, head = group.findall(f"{SVG}line")[0], group.findall(f"{SVG}polygon")[0]
    corners = [tuple(map(float, pair.split(","))) for pair in head.get("points").split()]
    assert corners[0] == (30, 40)
    # both other corners lie behind, on either side
    along = [(30 - x) * 0.6 + (40 - y) * 0.8 for x, y in corners[1:]]
    aside = [(30 - x) * 0.8 - (40 - y) * 0.6 for x, y in corners[1:]]
    assert along[0] == pytest.approx(along[1], abs=0.02)
    assert along[0] > 4
    assert aside[0] == pytest.approx(-aside[1], abs=0.02)
    # the line stops inside its head
    assert 0.6 * float(line.get("x2")) + 0.8 * float(line.get("y2")) < 50
    assert (group.get("data-key"), line.get("data-key")) == ("d1.0", None)


def test_a_plate_lies_behind_its_text():
    plate, text = drawn_by(Words(50, 20, "0.5933", 10.0, plate=True))
    assert plate.get("class") == "f-ground"
    left, width = float(plate.get("x")), float(plate.get("width"))
    assert left + width / 2 == pytest.approx(50, abs=0.02)
    assert 31 < width < 36
    assert text.text == "0.5933"
    assert drawn_by(Words(0, 0, "1", role="pen", plate=True))[0].get("class") == "f-paper"


def test_a_heat_map_is_an_image_of_its_values():
    values = ((1.0, 0.0), (-2.0, 0.5), (2.0, -1.0))
    (image,) = drawn_by(Heat(0, 0, 20, 30, values, limit=2.0))
    data = base64.b64decode(image.get("href").removeprefix("data:image/png;base64,"))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (2, 3)
    length = struct.unpack(">I", data[33:37])[0]
    raw = zlib.decompress(data[41 : 41 + length])
    rows = [raw[at : at + 7] for at in range(0, len(raw), 7)]
    assert all(row[0] == 0 for row in rows)
    assert tuple(rows[0][4:7]) == (255, 255, 255)
    assert tuple(rows[1][1:4]) == (213, 94, 0)
    assert tuple(rows[2][1:4]) == (0, 114, 178)
