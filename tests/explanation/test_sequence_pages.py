"""Pages on networks of sequences: every printer, both languages, and what their chapters show."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from sequence_cases import Echo, explained, truncated
from shown import numbers_in, shows

from clearprop.explanation import explain
from clearprop.explanation.chapters import SEQUENCE_CHAPTERS
from clearprop.explanation.examples import example
from clearprop.explanation.pages import Check
from clearprop.explanation.render.html import html_of
from clearprop.explanation.render.terminal import rich_of
from clearprop.explanation.scenes.scene import Heat, Line, Words
from clearprop.explanation.scenes.unrolled import unrolled_scene
from clearprop.network import LSTM, Dense, Network, Parameters, Recurrent

CASES = [("elman", "last"), ("both", "every"), ("stacked", "mean"), ("dropped", "last")]


def checks(page):
    return [block for section in page.sections for block in section.blocks if type(block) is Check]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("cells", "readout"), CASES)
def test_every_printer_prints_the_page(cells, readout, lang):
    found = explained(cells, readout)
    page = found.page(lang=lang)
    assert [section.key for section in page.sections] == list(found.chapters)
    assert checks(page)
    assert all(check.ok for check in checks(page))
    assert html_of(page).startswith("<!doctype html>")
    assert found.to_markdown(lang=lang).startswith("# ")
    assert "\\begin{document}" in found.to_latex(lang=lang)
    from rich.console import Console

    console = Console(width=100, record=True, file=io.StringIO())
    console.print(rich_of(page))
    assert console.export_text().strip()


def test_chapters_are_chosen_by_the_kind_of_network():
    assert explained("elman").chapters == tuple(c for c in SEQUENCE_CHAPTERS if c != "gates")
    assert explained("lstm").chapters == SEQUENCE_CHAPTERS


def test_a_parameter_behind_the_readout_has_a_page_too():
    found = explained("elman")
    page = found.page(weight="o1<-h1.2", sample=0)
    assert all(check.ok for check in checks(page))
    assert found.over_time("o1<-h1.2", 0).steps.tolist() == [4]


@pytest.mark.parametrize("name", ["h1.1.n<-inner", "h1r.2.u<-h1r.1", "h1.2.r<-bias"])
def test_any_parameter_of_a_gated_layer_has_a_page(name):
    page = explained("gru", "every").page(weight=name)
    assert all(check.ok for check in checks(page))


def test_truncated_training_is_told():
    text = truncated(3).to_markdown()
    assert "not the whole gradient" in text
    assert "truncate" in text


def test_the_page_of_echo_shows_the_scalar_numbers():
    scalar, page = Echo(), example("echo").page("en")
    wanted = [scalar.output, scalar.loss, scalar.error]
    wanted += [value for row in (*scalar.z, *scalar.h, *scalar.delta) for value in row]
    wanted += [product for _, product in scalar.paths()]
    wanted += [scalar.delta[t][0] * scalar.x[t] for t in range(4)]
    shown = np.array(sorted(numbers_in(page.sections)))
    for value in wanted:
        assert np.isclose(shown, value, rtol=1e-12, atol=0).any(), value
    # a number that is off in its last digits is not found
    assert not shows(page.sections, scalar.loss * (1 + 1e-9))


# pictures


def scene_of(found, name=None, sample=0):
    return unrolled_scene(found, found.focus(name, sample))


def test_the_focused_weight_is_drawn_at_every_step_with_one_key():
    found = example("echo").explain()
    scene = scene_of(found, "u12")
    edges = [mark for mark in scene.marks if isinstance(mark, Line) and mark.key == "u1.0.1"]
    assert len(edges) == 3
    assert {edge.role for edge in edges} == {"positive"}
    halos = [mark for mark in scene.marks if isinstance(mark, Line) and mark.role == "halo"]
    shares = np.abs(found.over_time("u12", 0).values[1:])
    # the last is the legend's
    assert [halo.opacity for halo in halos[:3]] == pytest.approx(
        0.25 + 0.75 * shares / shares.max()
    )


def test_errors_run_back_along_the_second_line():
    scene = scene_of(example("echo").explain(), "w1")
    back = [m for m in scene.marks if isinstance(m, Line) and m.role == "error" and m.key]
    # four edges between each pair of steps, and two from the output
    assert len(back) == 3 * 4 + 2
    assert all(line.x2 < line.x1 for line in back)
    assert scene.narrow is not None
    upright = [m for m in scene.narrow.marks if isinstance(m, Line) and m.role == "error" and m.key]
    assert len(upright) == len(back)


def test_long_sequences_are_folded_with_the_most_telling_steps():
    network = Network(1, (Recurrent(2), Dense(1, "identity")), "half_squared_error", "float64")
    found = explain(network, np.ones((1, 30, 1)), [[5.0]])
    scene = scene_of(found)
    texts = [mark.text for mark in scene.marks if isinstance(mark, Words)]
    steps = [int(text.split()[-1]) for text in texts if text.startswith("t = ")]
    left_out = [int(re.findall(r"\d+", text)[0]) for text in texts if text.startswith("…")]
    assert steps[0] == 1
    assert steps[-1] == 30
    assert len(steps) == 4
    assert sum(left_out) == 26
    values = np.abs(found.over_time(found.focus().weight, 0).values)
    assert int(np.argmax(values)) + 1 in steps


def test_a_way_back_runs_against_time():
    network = Network(1, (LSTM(1, direction="backward"), Dense(1, "identity")), dtype="float64")
    scene = scene_of(explain(network, np.ones((1, 3, 1)), [[0.0]]))
    edges = [m for m in scene.marks if isinstance(m, Line) and m.key.startswith("u")]
    assert len(edges) == 2
    assert all(edge.x2 < edge.x1 for edge in edges)


def test_wide_layers_are_folded_and_not_a_blot():
    network = Network(20, (LSTM(64), Dense(9, "softmax")), "cross_entropy")
    found = explain(network, np.ones((1, 12, 20)), [3])
    scene = scene_of(found)
    assert scene.width < 800
    assert len(scene.marks) < 500
    heats = [m for b in found.page(["steps"]).sections[0].blocks for m in _marks(b, Heat)]
    assert len(heats[0].values) == 20


def _marks(block, kind):
    scene = getattr(block, "scene", None)
    return [mark for mark in scene.marks if isinstance(mark, kind)] if scene else []


def test_scenes_are_data():
    scene = scene_of(explained("stacked", "mean"))
    assert json.loads(json.dumps(scene.to_document()))["narrow"]["marks"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("layer", [LSTM(3), Recurrent(3)])
def test_numbers_that_are_not_finite_are_told(layer, value):
    network = Network(2, (layer, Dense(2, "softmax")), "cross_entropy", "float64")
    parameters = Parameters.initial(network)
    parameters["U1"][0, 0] = value
    with np.errstate(all="ignore"):
        found = explain(parameters, np.ones((2, 6, 2)), [0, 1])
    text = found.to_markdown()
    assert "NaN" in text or "∞" in text
    assert "not a finite number" in text
    assert html_of(found.page(lang="zh"))
    assert found.to_svg()


def test_a_network_that_gets_no_error_back_has_a_page():
    network = Network(2, (Recurrent(3), Dense(2, "softmax")), "cross_entropy", "float64")
    parameters = Parameters.initial(network)
    parameters["W2"][...] = 0
    page = explain(parameters, np.ones((2, 6, 2)), [0, 1]).page()
    assert all(check.ok for check in checks(page))


def test_a_model_brings_its_trace_and_its_names():
    found = explained("gru", "every")

    class Model:
        def trace(self, X, y, sample_weight, *, engine, dropout):
            return found.trace

        def unit_names(self):
            return {"inputs": ("age", "size", "weight"), "outputs": ("no", "yes")}

    told = explain(Model(), [], [])
    assert told.names.of(told.names.find("h1.2.r<-size")) == "h1.2.r<-size"
    assert "age" in told.to_markdown(chapters=["moved"])


def test_a_page_of_a_long_sequence_comes_in_good_time():
    """Nothing goes through the network more often than it must: calls are counted, not seconds."""
    from clearprop.engines import unrolled

    network = Network(3, (LSTM(16), Dense(2, "softmax")), "cross_entropy")
    found = explain(network, np.ones((4, 120, 3)), [0, 1, 0, 1])
    count, forward = 0, unrolled.forward

    def counted(*arguments, **options):
        nonlocal count
        count += 1
        return forward(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unrolled, "forward", counted)
        found.page([name for name in found.chapters if name != "check"])
    # three twins; four pieces of the integral, zeros, and the nudged inputs
    assert count == 3 + 4 + 1 + 1
