"""The health pane in a real browser, as a person uses it; its numbers are computed anew here."""

import re

import numpy as np
import pytest

pytest.importorskip("nicegui")

from test_studio import CONTRAST, address, opened, reach, step

from clearprop.studio.desk import Desk
from clearprop.studio.setups import Setup
from clearprop.studio.trainer import Trainer

__all__ = ["address", "opened"]  # fixtures


def number(text):
    """Return a number as the page writes it."""
    mantissa, _, power = text.replace("−", "-").replace(",", "").partition("×10")
    power = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(mantissa) * 10.0 ** int(power or 0)


def show(page):
    page.locator("#cp-open-health").click()
    page.locator("#cp-health-bins svg").wait_for()


def title_of(page, place):
    return page.locator(f"#cp-health-{place} svg").get_attribute("aria-label")


def gradients_after(steps):
    """Return ‖∂E/∂W‖ of the first run's layers after some steps, by the chain rule."""
    trainer: Trainer = Desk(Setup(), engine="reference").trainer
    while trainer.state.step < steps:
        trainer.advance(steps - trainer.state.step)
    rows = np.unique(np.linspace(0, 139, 128).round().astype(int))
    x, y, vector = trainer.samples.x[rows], trainer.samples.y[rows], trainer.state.vector
    weights, place = [], 0
    for before, units in ((2, 4), (4, 3), (3, 1)):
        w = vector[place : place + before * units].reshape(before, units).T
        weights.append((w, vector[place + before * units :][:units]))
        place += before * units + units
    signals = [x]
    for w, b in weights[:2]:
        signals.append(np.tanh(signals[-1] @ w.T + b))
    z = signals[-1] @ weights[2][0].T + weights[2][1]
    delta, norms = (1 / (1 + np.exp(-z)) - y) / len(rows), []
    for layer in (2, 1, 0):
        norms.append(np.linalg.norm(delta.T @ signals[layer]))
        delta = (delta @ weights[layer][0]) * (1 - signals[layer] ** 2)
    return norms[::-1]


def test_the_pane_shows_the_run_and_its_past(opened):
    with opened() as page:
        at = step(page) + 1
        page.locator("#cp-step-batch").click()
        reach(page, at)
        show(page)
        # what went by before the pane was opened is read bit by bit
        page.wait_for_function(
            "() => [...document.querySelectorAll('#cp-health-gradients path')]"
            ".every((one) => one.getAttribute('d').split('L').length > 5)"
        )
        found = re.fullmatch(
            r"At step (\S+) the gradient of layer (\d) is (\S+) times that of layer (\d).*",
            title_of(page, "gradients").split(". The length")[0],
        )
        assert number(found[1]) == at
        norms = gradients_after(at)
        low, high = int(found[2]) - 1, int(found[4]) - 1
        assert (low, high) == (np.argmin(norms), np.argmax(norms))
        assert number(found[3]) == pytest.approx(norms[low] / norms[high], rel=1e-3)
        # a line a layer, with a past that went by before the pane was opened
        assert page.locator("#cp-health-gradients path").count() == 3
        assert "128" in page.locator("[data-live=health-rows]").inner_text()
        assert page.locator("#cp-verdict-of-run").inner_text().startswith("The error reaches")
        before = title_of(page, "gradients")
        page.locator("#cp-play").click()
        page.wait_for_function(
            "(said) => document.querySelector('#cp-health-gradients svg').ariaLabel !== said",
            arg=before,
        )
        page.locator("#cp-play").click()
        page.locator("#cp-play[aria-pressed=false]").wait_for()
        # bars are reached by keys, and say what they count
        page.locator("#cp-health-bins [tabindex='0']").focus()
        page.keyboard.press("ArrowRight")
        said = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert re.fullmatch(r"\S+ to \S+: [\d,]+ of 512", said)


def test_a_dead_unit_is_named(opened):
    with opened() as page:
        page.get_by_role("combobox", name="Activation of layer 1").select_option("relu")
        reach(page, 0) if step(page) == 0 else page.locator("#cp-reset").click()
        page.locator("#cp-play[aria-pressed=false]").wait_for()
        page.locator("#cp-find").fill("h1.2<-bias")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "document.querySelector('#cp-weight-name').textContent === 'h1.2<-bias'"
        )
        show(page)
        page.locator("#cp-weight").fill("-90")
        page.keyboard.press("Enter")
        page.locator("#cp-verdict-of-run li", has_text="h1.2").wait_for()
        assert "silent" in page.locator("#cp-verdict-of-run li").first.inner_text()
        page.locator("#cp-language").click()
        page.locator("#cp-verdict-of-run li", has_text="静默").wait_for()


def test_sigmoid_against_relu_at_a_depth(opened):
    with opened() as page:
        show(page)
        assert "press Run" in page.locator("#cp-duel-said").inner_text()
        page.locator("#cp-depth").fill("6")
        page.locator("#cp-run-duel").click()
        page.locator("#cp-duel-said", has_text="300 updates").wait_for()
        rows = page.locator("#cp-duel-table tbody tr")
        assert rows.count() == 6
        cells = [[number(text) for text in row.split("\t")] for row in rows.all_inner_texts()]
        assert [int(row[0]) for row in cells] == [6, 5, 4, 3, 2, 1]
        said = title_of(page, "duel-gradients")
        shares = re.search(r"is (\S+) times the last layer's with the sigmoid, (\S+) times", said)
        for column, share in ((1, shares[1]), (2, shares[2])):
            assert number(share) == pytest.approx(cells[-1][column] / cells[0][column], rel=2e-3)
        assert number(shares[1]) < 1e-2 < number(shares[2])
        assert page.locator("#cp-stop-duel").is_hidden()
        # a deeper one is stopped on its way
        page.locator("#cp-depth").fill("20")
        page.locator("#cp-run-duel").click()
        page.locator("#cp-stop-duel").click()
        page.locator("#cp-duel-said", has_text="Stopped at").wait_for()


def test_the_landscape_has_the_path_so_far(opened):
    with opened() as page:
        show(page)
        assert "Draw" in page.locator("#cp-hills-said").inner_text()
        page.locator("#cp-draw-hills").click()
        picture = page.locator("#cp-hills svg")
        picture.wait_for()
        said = picture.get_attribute("aria-label")
        found = re.search(r"these (\S+) steps the loss went from (\S+) to (\S+)", said)
        at = int(number(found[1]))
        assert at == step(page)
        trainer = Desk(Setup(), engine="reference").trainer
        losses = [trainer.engine.evaluate(trainer.state.vector, trainer.block)]
        while trainer.state.step < at:
            trainer.advance(at - trainer.state.step)
        losses.append(trainer.engine.evaluate(trainer.state.vector, trainer.block))
        for text, loss in zip(found.groups()[1:], losses, strict=True):
            assert number(text) == pytest.approx(loss, rel=1e-3)
        assert f"step {at}" in page.locator("#cp-hills-said").inner_text().replace(",", "")
        page.locator("#cp-reset").click()
        page.locator("#cp-hills-said", has_text="no step yet").wait_for()
        assert page.locator("#cp-hills svg").count() == 0


def test_it_can_be_read_on_a_phone_in_the_dark_in_chinese(opened):
    with opened(390, 844, has_touch=True, locale="zh-CN", color_scheme="dark") as page:
        page.locator("[data-tab-to=drawer]").tap()
        show(page)
        page.locator("#cp-draw-hills").click()
        page.locator("#cp-hills svg").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        text = page.locator("#cp-pane-health").inner_text()
        assert not re.search(r"[a-z]{4,} [a-z]{3,}", text), text
        assert page.evaluate(CONTRAST)["found"] == []
        nameless = page.evaluate(
            """[...document.querySelectorAll("#cp-pane-health :is(button, input, progress)")]
              .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length))
              .length"""
        )
        assert nameless == 0
