"""The microscope in a real browser, as a person uses it; its numbers are computed anew in NumPy."""

import re
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("nicegui")

from test_studio import CONTRAST, address, live, opened, step

__all__ = ["address", "opened"]  # fixtures
SHAPE = (2, 4, 3, 1)


def number(text):
    """Return the number that a text of the page begins with, as the page writes it."""
    found = re.match(r"[−-]?[\d.]+(e[+-]?\d+)?", text.strip().replace("−", "-"))
    mantissa = float(found[0])
    power = re.search(r"×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    return mantissa * 10.0 ** int(power[1].translate(digits) if power else 0)


def told(page, key):
    """Return the number, with all digits, that pointing at a mark of the network says."""
    label = page.locator(f"#cp-network svg [data-key='{key}'][aria-label]").first
    return number(label.get_attribute("aria-label").split(" = ")[1])


class Hand:
    """The network that the page shows, read from its picture, and one step of it by hand."""

    def __init__(self, page):
        pairs = list(pairwise(SHAPE))
        self.W = [
            np.array([[told(page, f"w{n}.{j}.{k}") for k in range(ins)] for j in range(outs)])
            for n, (ins, outs) in enumerate(pairs, start=1)
        ]
        self.b = [
            np.array([told(page, f"b{n}.{j}") for j in range(outs)])
            for n, (_, outs) in enumerate(pairs, start=1)
        ]
        self.x = np.array([told(page, "a0.0"), told(page, "a0.1")])
        said = page.locator("#cp-network svg text", has_text=re.compile("target|目标")).first
        self.y = float(said.text_content().split()[-1])
        self.run()

    def run(self):
        """Forward, and the deltas back: tanh, tanh, sigmoid, binary cross-entropy."""
        self.a, self.z = [self.x], []
        for layer, (W, b) in enumerate(zip(self.W, self.b, strict=True), start=1):
            self.z.append(W @ self.a[-1] + b)
            last = layer == len(self.W)
            self.a.append(1 / (1 + np.exp(-self.z[-1])) if last else np.tanh(self.z[-1]))
        out = self.a[-1][0]
        self.E = -(self.y * np.log(out) + (1 - self.y) * np.log(1 - out))
        self.d = [self.a[-1] - self.y]
        for W, a in zip(self.W[:0:-1], self.a[-2:0:-1], strict=True):
            self.d.insert(0, (W.T @ self.d[0]) * (1 - a**2))
        return self.E

    def slope(self, layer, j, k, by=1e-6):
        """∂E/∂w by a central difference."""
        kept, found = self.W[layer - 1][j, k], []
        for sign in (1, -1):
            self.W[layer - 1][j, k] = kept + sign * by
            found.append(self.run())
        self.W[layer - 1][j, k] = kept
        self.run()
        return (found[0] - found[1]) / (2 * by)


def show(page):
    page.locator("#cp-open-microscope").click()
    page.locator("#cp-pass svg").wait_for()
    page.locator("#cp-reading mn").first.wait_for()


def at(page, moment):
    """Wait until a moment is shown, counted from 1."""
    page.locator(".microscope .count", has_text=re.compile(rf"^{moment} / ")).wait_for()


def said(page, letter, layer, unit):
    """Return what a neuron of the microscope's picture shows: its z, a, or δ."""
    marks = page.locator(f"#cp-pass svg text[data-key='{letter}{layer}.{unit}']")
    found = [text for text in marks.all_text_contents() if re.search(r"\d", text)]
    mine = [text for text in found if text[0] in "δe"] if letter in "dc" else found
    return number(mine[-1].split()[-1])


def digits(page, place="#cp-reading"):
    """Return all numbers of a text in full."""
    found = page.locator(f"{place} mn").evaluate_all("(all) => all.map((n) => n.dataset.full)")
    return [float(text) for text in found]


def holds(values, value, rel=1e-12):
    return any(one == pytest.approx(value, rel=rel) for one in values)


def test_a_sample_goes_forward_and_back_at_every_zoom(opened):
    with opened() as page:
        hand = Hand(page)
        show(page)
        assert "row 0" in page.locator("#cp-slide").inner_text()
        # whole layers: three forward, loss, error, two back, three updates
        page.locator("#cp-zoom-layer").click()
        at(page, "1")
        for layer in (1, 2, 3):
            at(page, layer)
            for unit in range(SHAPE[layer]):
                # pictures show three digits, which round by up to 5e-3
                z, a = hand.z[layer - 1][unit], hand.a[layer][unit]
                assert said(page, "z", layer, unit) == pytest.approx(z, rel=5e-3)
                assert said(page, "a", layer, unit) == pytest.approx(a, rel=5e-3)
            assert holds(digits(page), hand.z[layer - 1][0])
            page.locator("#cp-pass-on").click()
        at(page, 4)
        assert holds(digits(page), hand.E)
        page.locator("[data-phase=backward]").click()
        at(page, 6)
        page.locator("#cp-scope").focus()
        page.keyboard.press("ArrowRight")
        at(page, 7)
        for layer in (1, 2, 3):
            for unit, delta in enumerate(hand.d[layer - 1]):
                assert said(page, "d", layer, unit) == pytest.approx(delta, rel=1e-3)
        page.wait_for_function(
            "document.querySelectorAll('#cp-pass svg line.s-error').length === 12"
        )  # a line beside each edge, when those of before have faded
        # back in time: the same picture as before, and no δ of the first layer
        page.keyboard.press("ArrowLeft")
        at(page, 6)
        page.wait_for_function("!document.querySelector(\"#cp-pass svg text[data-key='d1.0']\")")
        # closer: neurons, then single multiplications, at the same place
        page.keyboard.press("]")
        page.locator(".microscope .count", has_text="/ 25").wait_for()
        assert "h2.1" in live(page, "moment")
        page.keyboard.press("]")
        page.locator(".microscope .count", has_text="/ 83").wait_for()
        page.locator("#cp-moment").fill("27")
        at(page, 28)
        factors = digits(page)
        assert len(factors) == 3
        assert factors[0] * factors[1] == pytest.approx(factors[2], rel=1e-14)
        page.locator("[data-phase=update]").click()
        at(page, 53)
        rate = float(page.locator("#cp-rate").input_value())
        new = hand.W[0][0, 0] - rate * hand.d[0][0] * hand.x[0]
        assert holds(digits(page), new)
        assert number(live(page, "moment").split(" to ")[1]) == pytest.approx(new, rel=1e-3)


def test_a_weight_is_clicked_and_derived_and_all_lights_together(opened):
    with opened() as page:
        hand = Hand(page)
        show(page)
        page.locator("#cp-pass svg [data-key='w1.1.0'] .near").dispatch_event("click")
        page.locator("#cp-reading", has_text="chain rule").wait_for()
        page.wait_for_function(
            "document.querySelector('#cp-weight-name').textContent === 'h1.2<-x1'"
        )
        assert "3 paths" in live(page, "moment")
        page.wait_for_function(
            "document.querySelectorAll('#cp-pass svg line.s-halo').length === 8"
        )  # its own edge, three, three, and the one to the loss
        slope = hand.slope(1, 1, 0)
        assert holds(digits(page), slope, rel=1e-6), "a finite difference of a pass by hand"
        assert holds(digits(page), hand.d[0][1] * hand.x[0])
        # pointing at an edge lights its chip; at a chip, its edge
        edge = page.locator("#cp-pass svg [data-key='w3.0.1']").first
        edge.dispatch_event("pointerover", {"pointerType": "mouse"})
        page.locator("#cp-reading [data-key='w3.0.1'].lit").first.wait_for()
        chip = page.locator("#cp-reading [data-key='w2.0.1'].chip").first
        chip.hover()
        page.locator("#cp-pass svg [data-key='w2.0.1'][data-lit]").first.wait_for()
        assert page.locator("#cp-reading [data-key='w3.0.1'].lit").count() == 0
        # the four equations: their matrices are those of the step
        page.locator("#cp-read-deltas").click()
        page.locator("#cp-reading", has_text="BP4").wait_for()
        page.locator("#cp-reading [data-key='g1.1.0']").first.wait_for()
        found = digits(page)
        for layer, deltas in enumerate(hand.d, start=1):
            for j, delta in enumerate(deltas):
                assert holds(found, delta)
                for k, signal in enumerate(hand.a[layer - 1]):
                    cell = page.locator(f"#cp-reading mn[data-key='g{layer}.{j}.{k}']").first
                    full = float(cell.get_attribute("data-full"))
                    assert full == pytest.approx(delta * signal, rel=1e-12)
        # a cell, focused by keys, lights its edge; a gradient that of its weight
        page.mouse.move(0, 0)  # what is pointed at would light as the text below it changes
        cell = page.locator("#cp-reading mn[data-key='w3.0.2']").first
        cell.evaluate("(one) => { one.tabIndex = 0; one.focus(); }")
        page.locator("#cp-pass svg [data-key='w3.0.2'][data-lit]").first.wait_for()
        page.locator("#cp-reading mn[data-key='g1.2.1']").first.hover()
        # a level edge has no height, and so counts as hidden
        edge = page.locator("#cp-pass svg [data-key='w1.2.1'][data-lit]").first
        edge.wait_for(state="attached")
        # a weight is searched by its name
        page.locator("#cp-scope").focus()
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "cp-scope-find"
        page.keyboard.type("o1<-h2.2")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "document.querySelector('#cp-weight-name').textContent === 'o1<-h2.2'"
        )
        page.locator("#cp-read-update").click()
        rate = float(page.locator("#cp-rate").input_value())
        after = hand.W[2][0, 1] - rate * hand.d[2][0] * hand.a[2][1]
        page.wait_for_function(
            "(v) => [...document.querySelectorAll('#cp-reading [data-full]')].some((n) =>"
            " Math.abs(n.dataset.full.replace('−', '-') - v) < 1e-12)",
            arg=after,
        )


@pytest.mark.parametrize("carrier", ["transposed", "proportional"])
def test_the_way_back_is_switched_and_the_difference_seen(opened, carrier):
    with opened() as page:
        hand = Hand(page)
        show(page)
        before = page.locator("#cp-weight").input_value()
        page.locator("#cp-zoom-layer").click()
        page.locator("#cp-scope-carrier").select_option(carrier)
        page.locator("#cp-difference table").wait_for()
        page.locator("[data-phase=update]").click()
        at(page, 8)
        error = hand.d[2]
        for layer in (2, 1):
            W = hand.W[layer]
            error = (W if carrier == "transposed" else W / W.sum(axis=1, keepdims=True)).T @ error
            for unit, value in enumerate(error):
                assert said(page, "c", layer, unit) == pytest.approx(value, rel=1e-3)
        used = error * (1 - hand.a[1] ** 2)
        beside = digits(page, "#cp-difference")
        for j in range(4):
            assert holds(beside, hand.d[0][j])
            assert holds(beside, used[j])
        # the angle between this update of the first layer and the gradient's
        true, other = (np.concatenate([np.outer(d, hand.x).ravel(), d]) for d in (hand.d[0], used))
        cosine = true @ other / np.linalg.norm(true) / np.linalg.norm(other)
        angle = float(np.degrees(np.arccos(cosine)))
        words = page.locator("#cp-difference p").first.inner_text()
        assert any(
            abs(float(text) - angle) < 0.006 for text in re.findall(r"\d+\.\d\d(?=°)", words)
        ), (words, angle)
        assert page.locator("#cp-weight").input_value() == before, "training is left alone"
        assert page.locator("#cp-carrier").input_value() == "exact"


def test_it_stands_still_while_the_run_plays(opened):
    with opened() as page:
        show(page)
        first = page.locator("#cp-slide").inner_text()
        page.locator("#cp-play").click()
        page.locator("#cp-look-again").wait_for()
        page.wait_for_function(
            "(n) => +document.querySelector('[data-live=step]').textContent > n + 20",
            arg=step(page),
        )
        assert page.locator("#cp-slide").inner_text() == first
        page.locator("#cp-look-again").click()
        page.wait_for_function(
            "(t) => document.querySelector('#cp-slide').textContent !== t", arg=first
        )
        page.locator("#cp-play").click()
        page.locator("#cp-play[aria-pressed=false]").wait_for()
        page.wait_for_function(
            "document.querySelector('#cp-slide').textContent.endsWith("
            "' ' + document.querySelector('[data-live=step]').textContent)"
        )
        page.locator("#cp-look-again").wait_for(state="hidden")


DOTS = """() => {
  window.dots = [];
  const seen = (node) => {
    if (!node.classList?.contains("travels")) return;
    setTimeout(() => window.dots.push(node.getAnimations()[0]?.effect.getKeyframes()
      .map((frame) => frame.transform)), 0);
  };
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(seen)))
    .observe(document.querySelector("#cp-pass"), { childList: true, subtree: true });
}"""


def test_a_step_back_is_the_same_movement_reversed(opened):
    with opened() as page:
        show(page)
        page.evaluate(DOTS)
        page.locator("#cp-pass-on").click()
        page.wait_for_function("window.dots.length === 2")
        page.locator("#cp-pass-back").click()
        page.wait_for_function("window.dots.length === 4")
        there, back = page.evaluate("[window.dots.slice(0, 2), window.dots.slice(2)]")
        assert [frames[::-1] for frames in there] == back
        page.locator("#cp-pass-play").click()
        at(page, 3)
        page.locator("#cp-pass-play[aria-pressed=true]").click()
        at_rest = live(page, "moment_count")
        page.wait_for_timeout(1300)
        assert live(page, "moment_count") == at_rest
    with opened(reduced_motion="reduce") as page:
        show(page)
        page.evaluate(DOTS)
        page.locator("#cp-pass-on").click()
        at(page, 2)
        assert page.evaluate("window.dots.length") == 0


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_a_phone_has_all_of_it_and_everything_can_be_read(opened, locale):
    with opened(390, 844, has_touch=True, locale=locale, color_scheme="dark") as page:
        page.locator("[data-tab-to=drawer]").tap()
        page.locator("#cp-reading mn").first.wait_for()
        page.locator("[data-phase=backward]").tap()
        for reading in ("moment", "chain", "deltas"):
            page.locator(f"#cp-read-{reading}").tap()
            page.locator(f"#cp-read-{reading}[aria-pressed=true]").wait_for()
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        looks = page.evaluate(CONTRAST)
        assert looks["seen"] > 100
        assert looks["found"] == []
        text = page.locator("#cp-pane-microscope").inner_text()
        if locale == "en":
            assert not re.search(r"[\u4e00-\u9fff]", text)
        nameless = page.evaluate(
            """[...document.querySelectorAll("#cp-drawer :is(button, select, input, [tabindex])")]
              .filter((one) => one.checkVisibility() &&
                !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).length"""
        )
        assert nameless == 0
