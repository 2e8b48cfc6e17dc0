"""The microscope without a page: moments and numbers against equations worked by hand."""

import re

import numpy as np
import pytest

from clearprop.errors import SettingError
from clearprop.explanation.places import Place
from clearprop.studio.desk import Desk
from clearprop.studio.frames import Frames
from clearprop.studio.setups import Setup
from clearprop.studio.toys import TOYS


def opened(**chosen):
    """Return a desk at its third step, with the microscope open."""
    work = Desk(Setup(**chosen), engine="reference")
    work.trainer.advance(3)
    work.look({"pane": "microscope"})
    return work


def numbers(html):
    """Return all numbers of a fragment, with all their digits."""
    return [float(found) for found in re.findall(r'<mn[^>]* title="([^"]+)"', html)]


def walk(work):
    """Yield the contents of every moment."""
    work.pane.go_to(0)
    for moment in range(work.pane.contents().data["moments"]):
        work.pane.go_to(moment)
        yield work.pane.contents()


def by_hand(work, row=0):
    """Return z, a, δ of each layer and E, for tanh, tanh, sigmoid and binary cross-entropy."""
    trainer = work.trainer
    parts = [s.view(trainer.state.vector) for s in trainer.network.segments]
    weights, biases = parts[0::2], parts[1::2]
    x, y = trainer.samples.x[row], trainer.samples.y[row]
    z, a = [], [x]
    for W, b in zip(weights, biases, strict=True):
        z.append(W @ a[-1] + b)
        a.append(np.tanh(z[-1]) if len(z) < len(weights) else 1 / (1 + np.exp(-z[-1])))
    deltas = [a[-1] - y]
    for W, signal in zip(weights[:0:-1], a[-2:0:-1], strict=True):
        deltas.insert(0, (W.T @ deltas[0]) * (1 - signal**2))
    loss = -float(np.sum(y * np.log(a[-1]) + (1 - y) * np.log(1 - a[-1])))
    return weights, z, a, deltas, loss


def texts(scene):
    """Return what the marks of a picture say, by their keys; of errors, the neurons' own."""
    said = [mark for mark in scene.marks if mark.key and hasattr(mark, "text")]
    errors = ("d", "c")
    return {m.key: m.text for m in said if m.key[0] not in errors or m.text[0] in "δe"}


def holds(values, value, rel=1e-13):
    """Whether a number is among others."""
    return any(one == pytest.approx(value, rel=rel) for one in values)


def shown(text):
    """Return the number that a label ends with."""
    return float(text.split()[-1].replace("−", "-"))


@pytest.mark.parametrize("zoom", ["layer", "neuron", "product"])
def test_every_zoom_ends_with_the_same_numbers(zoom):
    work = opened()
    _, z, a, deltas, loss = by_hand(work)
    work.pane.set_zoom(zoom)
    slides = list(walk(work))
    phases = slides[0].data["phases"]
    assert list(phases) == ["forward", "loss", "error", "backward", "update"]
    count = {"layer": 10, "neuron": 8 + 2 + 7 + 8}
    edges, inner = 2 * 4 + 4 * 3 + 3 * 1, 4 * 3
    # a neuron with one edge out has no multiplication of its own on the way back
    count["product"] = count["neuron"] + edges + inner + edges
    assert len(slides) == count[zoom]
    told = texts(slides[phases["backward"][0] + phases["backward"][1] - 1].pictures["pass"])
    for layer in (1, 2, 3):
        for unit in range((4, 3, 1)[layer - 1]):
            for letter, value in (
                ("z", z[layer - 1][unit]), ("a", a[layer][unit]), ("d", deltas[layer - 1][unit]),
            ):  # fmt: skip
                assert shown(told[f"{letter}{layer}.{unit}"]) == pytest.approx(value, rel=1e-3)
    assert shown(told["E"]) == pytest.approx(loss, rel=1e-3)
    # what is not yet known is not told
    assert "a3.0" not in texts(slides[0].pictures["pass"])
    assert "d1.0" not in texts(slides[phases["error"][0]].pictures["pass"])


def test_formulas_of_a_moment_hold_the_numbers_of_the_step():
    work = opened()
    weights, z, a, deltas, _ = by_hand(work)
    work.pane.set_zoom("product")
    found = [(c.data["phase"], numbers(c.html["reading"])) for c in walk(work)]
    forward = [values for phase, values in found if phase == "forward"]
    # z of h1.1: two products, then the whole sum
    for k in (0, 1):
        product = [weights[0][0, k], a[0][k], weights[0][0, k] * a[0][k]]
        assert forward[k] == pytest.approx(product, rel=1e-14)
    assert holds(forward[2], z[0][0])
    back = [values for phase, values in found if phase == "backward"]
    # three neurons of layer 2, then h1.1 with its three products and their sum
    products = [weights[1][j, 0] * deltas[1][j] for j in range(3)]
    assert [values[-1] for values in back[3:6]] == pytest.approx(products, rel=1e-13)
    assert back[6][0] == pytest.approx(deltas[0][0], rel=1e-13)
    update = [values for phase, values in found if phase == "update"]
    rate = work.trainer.setup.learning_rate
    after = weights[0][0, 0] - rate * deltas[0][0] * a[0][0]
    assert update[0][0] == pytest.approx(after, rel=1e-14)


@pytest.mark.parametrize("carrier", ["proportional", "transposed", "random"])
def test_another_carrier_is_shown_and_not_trained_with(carrier):
    work = opened()
    weights, _, a, deltas, _ = by_hand(work)
    before = work.trainer.state.vector.copy()
    work.pane.carry(carrier)
    phases = work.pane.contents().data["phases"]
    work.pane.set_zoom("layer")
    contents = list(walk(work))[-1]
    told = texts(contents.pictures["pass"])
    error = deltas[2]
    # binary cross-entropy with sigmoid starts every way with a - y
    for layer in (2, 1):
        W = weights[layer]
        if carrier == "random":
            B = work.pane._slide().found.carriers["random"].matrices[layer]
            assert not np.allclose(B, W)
            error = (B.T @ error) * (1 - a[layer] ** 2)
        else:
            C = W / W.sum(axis=1, keepdims=True) if carrier == "proportional" else W
            error = C.T @ error
        letter = "d" if carrier == "random" else "c"
        for unit, value in enumerate(error):
            assert shown(told[f"{letter}{layer}.{unit}"]) == pytest.approx(value, rel=1e-3)
    used = error if carrier == "random" else error * (1 - a[1] ** 2)
    after = weights[0] - work.trainer.setup.learning_rate * np.outer(used, a[0])
    # W, ΔW and W + ΔW of the last layer are shown last; of the first, three layers earlier
    work.pane.go_to(contents.data["phases"]["update"][0])
    assert numbers(work.pane.contents().html["reading"])[-8:] == pytest.approx(
        after.ravel().tolist(), rel=1e-12
    )
    assert holds(numbers(contents.html["difference"]), used[0])
    assert holds(numbers(contents.html["difference"]), deltas[0][0])
    assert (work.trainer.state.vector == before).all()
    assert work.trainer.setup.carrier == work.trainer.engine.recipe.carrier == "exact"
    assert phases


def test_a_weight_is_derived_from_all_its_paths():
    work = opened()
    work.pane.pick("h1.2<-x1")
    assert work.view.weight == Place(1, 1, 0)
    contents = work.pane.contents()
    html = contents.html["reading"]
    entry = work.view.weight.entry(work.trainer.network)
    assert holds(numbers(html), gradient(work, entry), rel=1e-6)
    halos = [m for m in contents.pictures["pass"].marks if m.role == "halo"]
    # its own edge, three out of h1.2, three into the output, and from there to the loss
    assert len(halos) == 1 + 3 + 3 + 1
    assert "δ" in html
    for name in ("deltas", "update", "carriers"):
        work.pane.read(name)
        assert work.pane.contents().html["reading"] != html


def gradient(work, entry, step=1e-6):
    """Return ∂E/∂θ of the first row by central differences of a forward pass by hand."""
    vector, losses = work.trainer.state.vector, []
    kept = vector[entry]
    for sign in (1, -1):
        vector[entry] = kept + sign * step
        losses.append(by_hand(work)[-1])
    vector[entry] = kept
    return (losses[0] - losses[1]) / (2 * step)


def test_zoom_keeps_its_place():
    work = opened()
    start = work.pane.contents().data["phases"]["backward"][0]
    work.pane.go_to(start + 4)  # h1.2
    for zoom, said in (("layer", "layer 1"), ("product", "h1.1"), ("neuron", "h1.1")):
        work.pane.set_zoom(zoom)
        contents = work.pane.contents()
        assert contents.data["phase"] == "backward"
        assert said in contents.texts["moment"]
    work.pane.zoom_by(-5)
    assert work.pane.to_document()["zoom"] == "layer"
    with pytest.raises(SettingError, match="zoom"):
        work.pane.set_zoom("atom")
    with pytest.raises(SettingError, match="carrier"):
        work.pane.carry("pigeon")


def test_a_step_back_moves_the_same_things_the_other_way_round():
    work = opened()
    work.pane.contents()
    work.pane.go_to(3)
    work.pane.step(1)
    there = work.pane.contents().data["flow"]
    work.pane.step(-1)
    back = work.pane.contents().data["flow"]
    assert (there["ways"], there["back"], back["back"]) == (back["ways"], False, True)
    assert len(there["ways"]) == 4, "the signals of h1.1 to h1.4"
    work.pane.step(2)
    assert work.pane.contents().data["flow"]["ways"] == [], "a leap moves nothing"


def test_it_stands_still_while_the_run_plays():
    work = opened()
    first = work.pane.contents()
    assert work.pane.contents() is first, "nothing is made twice"
    work.play()
    work.trainer.advance(2)
    playing = work.pane.contents()
    assert playing.data["behind"]
    assert playing.pictures == first.pictures
    work.pane.step(1)
    assert work.pane.contents().texts["slide"] == first.texts["slide"]
    work.pane.look_again()
    assert "step 5" in work.pane.contents().texts["slide"]
    work.trainer.advance(1)
    work.pause()
    assert "step 6" in work.pane.contents().texts["slide"]
    work.set_weight(1.25)
    assert numbers(work.pane.contents().html["reading"])[0] != 0
    work.pane.go_to(0)
    assert 1.25 in numbers(work.pane.contents().html["reading"])


@pytest.mark.parametrize("data", ["clusters", "gaussians", "sine"])
def test_any_network_goes_under_it(data):
    work = opened(data=data, hidden=((9, "relu"),), rule="adam", rows=50)
    frames = Frames()
    assert data in TOYS
    for zoom in ("product", "layer"):
        work.pane.set_zoom(zoom)
        for carrier in ("exact", "proportional"):
            work.pane.carry(carrier)
            for contents in walk(work):
                assert contents.texts["moment"]
        frame = frames.make(work.trainer, work.view, pane=work.pane)
        assert frame["panes"]["microscope"]
    work.choose({"hidden": []})
    for reading in ("chain", "deltas", "update", "carriers"):
        work.pane.read(reading)
        assert work.pane.contents().html["reading"]
