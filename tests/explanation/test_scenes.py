"""Scenes: marks that stand for numbers of a Trace, wide layers folded, texts with room."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from drawn_networks import ALL, deep, digits, drawn, flowers, perceptron, worked

from clearprop.explanation import Explanation, Place
from clearprop.explanation.chapters.network import chapter
from clearprop.explanation.pages import Paragraph, Picture
from clearprop.explanation.scenes.measure import box_of, width_of, wrap
from clearprop.explanation.scenes.network import network_scene
from clearprop.explanation.scenes.neuron import neuron_scene
from clearprop.explanation.scenes.scene import Circle, Heat, Line, Path, Rect, Words
from clearprop.explanation.scenes.signals import signal_scenes
from clearprop.explanation.words import Words as Catalogue
from clearprop.explanation.words import words

TRUE_MINUS = str.maketrans("−", "-")


def picture(explanation, **options):
    return network_scene(explanation, explanation.focus(), **options)


def both_forms(scene):
    return [scene] if scene.narrow is None else [scene, scene.narrow]


def kind_of(scene, kind, key="", role=None):
    return [
        mark for mark in scene.marks
        if isinstance(mark, kind) and (not key or mark.key == key)
        and (role is None or mark.role == role)
    ]  # fmt: skip


def told(scene, key, pattern=r".*"):
    """Return the numbers at the end of the titles of a key's marks, without repeats."""
    lines = [line for mark in scene.marks if mark.key == key for line in mark.title.split("\n")]
    found = [line for line in lines if line and re.match(pattern, line)]
    return {float(line.split(" ")[-1].translate(TRUE_MINUS)) for line in found}


def the(values):
    """Return the one of them."""
    (value,) = values
    return value


def edge(scene, place):
    """Return the line of a weight."""
    (line,) = [m for m in kind_of(scene, Line, place.key) if m.role in ("positive", "negative")]
    return line


def texts(scene):
    return [mark.text for mark in scene.marks if isinstance(mark, Words)]


# the network's picture


def test_the_figures_of_the_worked_example_are_in_the_picture():
    scene = network_scene(worked(), worked().focus("w1"))
    expected = {
        "z1.0": 0.3775, "a1.0": 0.593269992, "z2.0": 1.105905967, "a2.0": 0.751365070,
        "a2.1": 0.772928465, "d2.0": 0.74136507 * 0.186815602, "e0": 0.74136507,
        "d1.0": 0.036350306 * 0.241300709, "E": 0.298371109, "a0.0": 0.05,
    }  # fmt: skip
    for key, value in expected.items():
        pattern = {"d": r"δ", "a": r".*[a1] ="}.get(key[0], ".*")
        assert the(told(scene, key, pattern)) == pytest.approx(value, rel=2e-8), key
    assert told(scene, "w1.0.0", r"w1 \(h1<-i1\)") == {0.15}
    step = the(told(scene, "w1.0.0", r"w1: 0.15 → "))
    assert step == pytest.approx(0.149780716, abs=5e-10)
    assert the(told(scene, "w1.0.0", r"w·a")) == pytest.approx(0.15 * 0.05)
    # what o1 hands back to h1: w5 δ
    assert pytest.approx(0.05539942, rel=1e-6) == 0.40 * 0.74136507 * 0.186815602
    back = told(scene, "d2.0", r"w·δ")
    assert any(value == pytest.approx(0.05539942, rel=1e-6) for value in back)
    # in view: four digits, the weights' own names, the targets, the step of the focus
    for text in ("0.3775", "0.5933", "δ 0.008771", "w5 0.4000", "target 0.9900", "→ 0.1498"):
        assert text in texts(scene), text


def test_a_changed_trace_changes_the_picture():
    trace = worked().trace
    changed = replace(trace, z=[trace.z[0] + 1, trace.z[1]], delta=[d * 2 for d in trace.delta])
    other = Explanation(changed, worked().names)
    scene = picture(other)
    assert told(scene, "z1.0") == {trace.z[0][0, 0] + 1}
    assert told(scene, "d1.1", "δ") == {2 * trace.delta[0][0, 1]}


def test_every_number_has_its_key():
    scene = picture(perceptron())
    shape = perceptron().trace.network.shape
    wanted = {"E"} | {f"e{unit}" for unit in range(shape[-1])}
    wanted |= {f"a{layer}.{unit}" for layer, units in enumerate(shape) for unit in range(units)}
    for layer in range(1, len(shape)):
        for unit in range(shape[layer]):
            wanted |= {f"{letter}{layer}.{unit}" for letter in "zdb"}
            wanted |= {f"w{layer}.{unit}.{source}" for source in range(shape[layer - 1])}
    for form in both_forms(scene):
        assert wanted <= {mark.key for mark in form.marks}


def test_colour_width_and_dash_of_an_edge_are_its_weight():
    scene = picture(perceptron())
    trace = perceptron().trace
    negative = 0
    for operation in trace.network.operations:
        weights = operation.weight.view(trace.vector)
        most = np.sqrt(np.abs(weights).max())
        for unit, source in np.ndindex(weights.shape):
            line = edge(scene, Place(operation.layer, unit, source))
            weight = weights[unit, source]
            assert line.width == pytest.approx(5 * np.sqrt(abs(weight)) / most)
            assert (line.role == "negative") == bool(line.dash) == (weight < 0)
            negative += weight < 0
    assert negative > 2


def test_errors_run_back_beside_their_edges():
    scene = picture(perceptron())
    back = [mark for mark in kind_of(scene, Line, role="error") if mark.key.startswith("d")]
    assert len(back) == 3 * 2 + 2 * 1  # none into the inputs, which have no δ
    forward = [
        edge(scene, Place(layer, unit, source))
        for layer, unit, source in [(2, u, k) for u in range(2) for k in range(3)]
        + [(3, 0, k) for k in range(2)]
    ]
    for line in forward:
        along = np.array([line.x2 - line.x1, line.y2 - line.y1])
        beside = [
            other for other in back
            if np.dot(along, [other.x2 - other.x1, other.y2 - other.y1])
            < -0.99 * np.hypot(*along) * np.hypot(other.x2 - other.x1, other.y2 - other.y1)
            and abs(other.x2 - line.x1) < 12 and abs(other.y2 - line.y1) < 12
        ]  # fmt: skip
        assert len(beside) == 1
        # apart by more than the edge's rim
        across = along[0] * (beside[0].y1 - line.y1) - along[1] * (beside[0].x1 - line.x1)
        assert abs(across) / np.hypot(*along) > line.width / 2 + 2


def halos(scene):
    """Return the keys of the weights under which a halo lies, with its opacity."""
    found = {}
    for halo in kind_of(scene, Line, role="halo"):
        for line in kind_of(scene, Line):
            ends = (line.x1, line.y1, line.x2, line.y2)
            if line.key[:1] == "w" and ends == (halo.x1, halo.y1, halo.x2, halo.y2):
                found[line.key] = halo.opacity
    return found


def test_all_paths_of_the_focused_weight_are_lit():
    scene = network_scene(worked(), worked().focus("w1"))
    lit = halos(scene)
    assert lit.keys() == {"w1.0.0", "w2.0.0", "w2.1.0"}
    # by the size of their products: 0.05540 against -0.01905
    assert lit["w2.0.0"] == lit["w1.0.0"] == 1
    assert lit["w2.1.0"] == pytest.approx(0.35 + 0.65 * 0.01904912 / 0.05539942, rel=1e-5)
    own = network_scene(worked(), worked().focus("w8"))
    assert halos(own).keys() == {"w2.1.1"}


def test_views():
    forward = picture(perceptron(), view="forward")
    backward = picture(perceptron(), view="backward")
    assert not kind_of(forward, Line, role="error")
    assert not [mark for mark in forward.marks if mark.fill == "update"]
    assert not [text for text in texts(forward) if text.startswith("δ")]
    assert kind_of(forward, Words, role="signal")
    assert kind_of(backward, Line, role="error")
    assert not kind_of(backward, Words, role="signal")


def test_wide_layers_are_folded_and_counted():
    scene = picture(digits())
    for form in both_forms(scene):
        shape = digits().trace.network.shape
        shown = {
            layer: {
                int(mark.key.split(".")[1])
                for mark in form.marks if re.fullmatch(rf"a{layer}\.\d+", mark.key)
            }
            for layer in range(4)
        }  # fmt: skip
        counts = [
            int(m.group(1)) for m in map(re.compile(r"(?:… |\+)(\d+)").match, texts(form)) if m
        ]
        assert sum(counts) + sum(map(len, shown.values())) == sum(shape)
        for layer, units in shown.items():
            assert 3 <= len(units) <= 6
            assert {0, shape[layer] - 1} <= units
        # edges join units that are shown
        for mark in form.marks:
            if re.fullmatch(r"w\d+\.\d+\.\d+", mark.key):
                layer, unit, source = map(int, mark.key[1:].split("."))
                assert unit in shown[layer]
                assert source in shown[layer - 1]
    # the strongest path is whole
    path = digits().chain(digits().focus().weight, 0, paths=1).paths[0]
    keys = {mark.key for mark in scene.marks}
    assert {f"z{3 - depth}.{unit}" for depth, unit in enumerate(path.units)} <= keys


def test_what_the_page_is_about_is_never_folded_away():
    trace = digits().trace
    least = int(np.abs(trace.x[0]).argmin())
    for place in (Place(1, 299, least), Place(2, 100, 7), Place(3, 4, None)):
        scene = network_scene(digits(), digits().focus(place))
        for form in both_forms(scene):
            assert [mark for mark in form.marks if mark.key == place.key], place


def test_deep_networks_tell_their_numbers_on_pointing():
    scene, trace = picture(deep()), deep().trace
    assert not [text for text in texts(scene) if re.search(r"\d\.\d{3}", text)]
    for layer in (1, 5, 10):
        assert told(scene, f"z{layer}.2", r".*z =") == {trace.z[layer - 1][0, 2]}
        assert told(scene, f"z{layer}.2", r"δ =") == {trace.delta[layer - 1][0, 2]}
        assert told(scene, f"a{layer}.2") == {trace.a[layer - 1][0, 2]}
    assert scene.width < 900


def test_the_picture_of_a_batch_says_what_its_sample_counts():
    scene = picture(flowers())
    assert "× 0.1250 in the batch" in texts(scene)
    assert "the batch" not in " ".join(texts(picture(perceptron())))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ALL)
def test_texts_have_room(name, lang):
    scene = picture(ALL[name](), lang=lang)
    for form in both_forms(scene):
        boxes = [(mark.text, box_of(mark)) for mark in form.marks if isinstance(mark, Words)]
        for at, (text, box) in enumerate(boxes):
            assert box.left > 0, text
            assert box.right < form.width, text
            assert box.bottom < form.height, text
            meeting = [other for other, there in boxes[:at] if box.meets(there)]
            assert not meeting, (text, meeting)


def test_all_text_comes_from_the_catalogue():
    """Every text is a name, a number, a letter of the book, or marked by the catalogue."""
    marked = Catalogue("en", {key: _marked(entry) for key, entry in words("en").entries.items()})
    letters = {"z", "a", "E", "δ", "0.12", "tanh", "sigmoid", "Σ w·a + b", "f(z)"}
    pictures = [picture(perceptron(), words=marked), neuron_scene(perceptron(), 1, 0, words=marked)]
    pictures += signal_scenes(perceptron(), perceptron().focus(), words=marked)
    network = perceptron().names
    names = {name for layer in range(4) for name in network.units(layer)}
    for scene in pictures:
        assert "¤" in scene.title
        for text in texts(scene):
            number = re.fullmatch(r"(→ |δ |w = |b = )?−?[\d.]+(×10[⁻⁰-⁹]+)?", text)
            assert "¤" in text or text in letters | names or number, text


def _marked(entry):
    if isinstance(entry, str):
        return f"¤{entry}"
    return {form: f"¤{text}" for form, text in entry.items()}


def test_planes_show_what_each_neuron_gives():
    explanation = drawn((2, 3, 2, 1), rows=4)
    scene = picture(explanation, planes=True)
    heats = {mark.key: mark for mark in kind_of(scene, Heat)}
    assert heats.keys() == {"a1.0", "a1.1", "a1.2", "a2.0", "a2.1", "a3.0"}
    trace = explanation.trace
    low, high = trace.x.min(axis=0), trace.x.max(axis=0)
    # the upper right cell: the largest x1 and x2, half an extent beyond the rows
    corner = high + (high - low) / 2
    W, b = trace.network.operations[0].weight.view(trace.vector), trace.vector[6:9]
    assert heats["a1.1"].values[0][-1] == pytest.approx(np.tanh(W[1] @ corner + b[1]))
    assert heats["a1.1"].clip
    assert not kind_of(picture(flowers(), planes=True), Heat)


def test_the_chapter_says_what_its_marks_mean():
    for lang, first in (("en", "Signals run forward"), ("zh", "信号从输入前向传播")):
        for explanation in (worked(), flowers(), deep()):
            section = chapter(explanation, explanation.focus(), words(lang))
            assert isinstance(section.blocks[0], Paragraph)
            assert section.blocks[0].text[0].text.startswith(first)
            (drawing,) = [block for block in section.blocks if isinstance(block, Picture)]
            assert drawing.scene.narrow is not None
            caption = "".join(span.text for span in drawing.caption)
            assert explanation.names.of(explanation.focus().weight) in caption
    # single numbers belong to a sample of a batch, which is said
    shown = chapter(flowers(), flowers().focus(None, 5), words("en")).blocks[1]
    assert "sample 5, one of the 8" in "".join(span.text for span in shown.text)


# the series


def test_the_series_grows_neuron_by_neuron():
    focus = perceptron().focus()
    scenes = signal_scenes(perceptron(), focus)
    # six neurons forward, the loss, its error, five hidden neurons back, six updates
    assert len(scenes) == 6 + 1 + 1 + 5 + 6
    numbers = [sum(text == "z" for text in texts(scene)) for scene in scenes]
    known = [len([m for m in kind_of(s, Words) if re.match(r"z\d", m.key)]) // 2 for s in scenes]
    assert known == [1, 2, 3, 4, 5, *[6] * 14]
    assert numbers == known
    deltas = [sum(text.startswith("δ ") for text in texts(scene)) for scene in scenes]
    assert deltas == [0] * 7 + [1, 2, 3, 4, 5, 6] + [6] * 6
    ticks = [sum(m.fill == "update" for m in kind_of(s, Path)) for s in scenes]
    assert ticks == [0] * 13 + [2, 4, 6, 9, 12, 14]
    loss = f"E = {float(perceptron().trace.losses[0])!r}"
    losses = [any(mark.title == loss for mark in scene.marks) for scene in scenes]
    assert losses == [False] * 6 + [True] * 13
    assert scenes[0].title.startswith("The signal reaches h1.1")
    # the sizes stay, so that nothing jumps
    assert len({(scene.width, scene.height) for scene in scenes}) == 1


def test_the_series_can_show_other_errors():
    errors = [np.array([7.25, -8.5, 9.75]), np.array([4.5, 5.5]), np.array([2.5])]
    focus = perceptron().focus()
    last = signal_scenes(perceptron(), focus, carried=errors)[-1]
    assert {"δ 7.250", "δ −8.500", "δ 5.500", "δ 2.500"} <= set(texts(last))


# one neuron


def test_products_and_bias_of_a_neuron_add_up():
    trace = digits().trace
    scene = neuron_scene(digits(), 1, 3)
    products = [
        float(mark.title.split(" = ")[1].translate(TRUE_MINUS))
        for mark in kind_of(scene, Words) if " = " in mark.title and "w·a" in mark.title
    ]  # fmt: skip
    bias = trace.network.operations[0].bias.view(trace.vector)[3]
    assert sum(products) + bias == pytest.approx(trace.z[0][0, 3], rel=1e-12)
    assert "… 779 more" in texts(scene)
    assert {"z1.3", "a1.3", "d1.3", "b1.3"} <= {mark.key for mark in scene.marks}


# measures


def test_texts_are_measured_and_wrapped():
    assert width_of("学习率", 10) == 30
    assert width_of("0.5933", 10) == pytest.approx(31.1)
    assert wrap("one two three", 10, 45) == ["one two", "three"]
    lines = wrap("误差每向前传一层，长度约缩小一半。", 10, 85)
    assert "".join(lines) == "误差每向前传一层，长度约缩小一半。"
    assert not any(line[0] in "，。" for line in lines)


def test_a_scene_as_plain_data():
    scene = picture(worked())
    document = scene.to_document()
    assert document["narrow"]["width"] < document["width"]
    kinds = {mark["kind"] for mark in document["marks"]}
    assert kinds == {"line", "path", "circle", "rect", "words"}
    assert len(document["marks"]) == len(scene.marks)
    assert any(isinstance(mark, Circle | Rect) for mark in scene.marks)
