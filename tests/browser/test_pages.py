"""Pages in a real browser: phone and desk, two languages, light and dark, mouse, keys, print."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from clearprop.explanation import explain
from clearprop.explanation.examples import example
from clearprop.explanation.render.html import html_of
from clearprop.network import LSTM, Dense, Network

sys.path.append(str(Path(__file__).parents[1] / "explanation"))
from sample_page import sample_page

PAGES = ("sample", "single", "batch", "sequences", "echo")
WIDTHS = (390, 1280)
CONTRAST = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")


def explained(name):
    """A small network on one sample; on batches, one wide enough to be folded, and one in time."""
    rng = np.random.default_rng(0)
    if name == "single":
        network = Network(2, (Dense(3, "tanh"), Dense(2, "sigmoid")), loss="half_squared_error")
        return explain(network, [[0.05, 0.1]], [[0.01, 0.99]])
    if name == "sequences":
        layers = (LSTM(12, direction="both"), Dense(3, "softmax"))
        sequences = [rng.normal(size=(steps, 4)) for steps in (30, 7, 1)]
        return explain(Network(4, layers, loss="cross_entropy"), sequences, [0, 1, 2])
    layers = (Dense(24, "relu"), Dense(12, "tanh"), Dense(3, "softmax"))
    network = Network(30, layers, loss="cross_entropy")
    return explain(network, rng.normal(size=(16, 30)), rng.integers(0, 3, 16))


@pytest.fixture(scope="module")
def file_of(tmp_path_factory):
    """Return a function that gives a page's file; each is written once."""
    folder, explanations = tmp_path_factory.mktemp("pages"), {}

    def written(name, lang):
        path = folder / f"{name}-{lang}.html"
        if not path.exists():
            path.write_text(html_of(page_of(name, lang)), encoding="utf-8")
        return path

    def page_of(name, lang):
        if name == "sample":
            return sample_page(lang)
        if name == "echo":
            return example("echo").page(lang)
        if name not in explanations:
            explanations[name] = explained(name)
        return explanations[name].page(lang=lang)

    return written


def open_all(page):
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


@pytest.mark.parametrize(
    ("name", "lang", "width"), list(itertools.product(PAGES, ("en", "zh"), WIDTHS))
)
def test_nothing_sticks_out_of_the_page(opened, file_of, name, lang, width):
    with opened(file_of(name, lang), width) as page:
        open_all(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # what is wider than the page can be scrolled where it stands
        cut = page.evaluate(
            """() => [...document.querySelectorAll("main *")].filter((one) => {
              const right = one.getBoundingClientRect().right;
              return right > innerWidth + 1 && !one.closest(".wide");
            }).map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert cut == []


@pytest.mark.parametrize(
    ("name", "lang", "scheme"), list(itertools.product(PAGES, ("en", "zh"), ("light", "dark")))
)
def test_every_text_can_be_read(opened, file_of, name, lang, scheme):
    with opened(file_of(name, lang), color_scheme=scheme) as page:
        open_all(page)
        plain = page.evaluate(CONTRAST)
        page.evaluate(
            "document.querySelectorAll('[data-key]').forEach((o) => o.classList.add('lit'))"
        )
        lit = page.evaluate(CONTRAST)
    assert plain["seen"] > 50
    assert plain["found"] == []
    assert lit["found"] == []


def test_a_text_that_cannot_be_read_is_found(opened, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<!doctype html><p style='color:#d55e00'>vermillion <b style='color:#000'>b</b>"
    )
    with opened(path) as page:
        assert page.evaluate(CONTRAST) == {"seen": 2, "found": ["3.87 vermillion"]}


def lit_keys(page):
    return page.evaluate("[...document.querySelectorAll('.lit')].map((one) => one.dataset.key)")


def count(page, key):
    return page.evaluate("(key) => document.querySelectorAll(`[data-key='${key}']`).length", key)


@pytest.mark.parametrize(("name", "width"), list(itertools.product(PAGES, WIDTHS)))
def test_pointing_at_a_number_lights_it_everywhere(opened, file_of, name, width):
    with opened(file_of(name, "en"), width) as page:
        open_all(page)
        factor = page.locator(".math [data-key]").first
        key = factor.get_attribute("data-key")
        factor.hover()
        assert count(page, key) > 1
        assert lit_keys(page) == [key] * count(page, key)
        style = "(one) => getComputedStyle(one).outlineStyle"
        assert factor.evaluate(style) == "solid", "not colour alone"
        page.mouse.move(1, 1)
        assert lit_keys(page) == []


def test_pointing_in_a_picture_lights_the_formula(opened, file_of):
    with opened(file_of("sample", "en")) as page:
        page.locator("figure svg [data-key='d1.0']").hover(force=True)
        assert set(lit_keys(page)) == {"d1.0"}
        assert "lit" in page.locator("p [data-key='d1.0']").first.get_attribute("class")


def test_a_weight_lights_up_at_every_step(opened, file_of):
    with opened(file_of("echo", "en")) as page:
        page.locator("figure svg.scene [data-key='w1.0.0']").first.hover(force=True)
        edges = page.locator("#network figure svg.scene [data-key='w1.0.0'].lit")
        assert edges.count() >= 4
        assert page.locator("#forward .math [data-key='w1.0.0'].lit").count() >= 4


def test_a_step_of_the_picture_is_that_of_the_formula(opened, file_of):
    with opened(file_of("echo", "en")) as page:
        page.locator("#network figure svg [data-key='d1.0t1']").first.hover(force=True)
        assert set(lit_keys(page)) == {"d1.0t1"}
        assert page.locator("#back .math [data-key='d1.0t1'].lit").count() > 1
        assert page.locator("#sum [data-key='d1.0t1'].lit").count() > 1


def test_all_digits_are_told(opened, file_of):
    with opened(file_of("sample", "en")) as page:
        page.locator(".math [data-key='d2.1']").first.hover()
        assert page.locator(".tip").inner_text() == "-0.038098236"
        page.locator("strong[data-key='g1.0.0']").hover()
        assert page.locator(".tip").inner_text() == "0.000438568"


def test_the_keyboard_reaches_every_block_and_arrows_go_on_within(opened, file_of):
    with opened(file_of("sample", "en")) as page:
        reached = []
        for _ in range(40):
            page.keyboard.press("Tab")
            key = page.evaluate(
                "document.activeElement.dataset && document.activeElement.dataset.key"
            )
            if key:
                reached.append(key)
                assert lit_keys(page) == [key] * count(page, key)
        # one stop each: the sentence, the picture, the formula; what is behind details is not open
        assert reached[:3] == ["g1.0.0", "w1.0.0", "g1.0.0"]
        page.locator(".math [data-key]").first.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.key") == "a0.0"
        assert set(lit_keys(page)) == {"a0.0"}
        page.keyboard.press("ArrowLeft")
        assert set(lit_keys(page)) == {"g1.0.0"}
        page.keyboard.press("Escape")
        assert lit_keys(page) == []


def test_a_tap_keeps_alight_until_the_next(opened, file_of):
    with opened(file_of("sample", "en"), 390, has_touch=True) as page:
        page.locator("strong[data-key='g1.0.0']").tap()
        assert set(lit_keys(page)) == {"g1.0.0"}
        page.locator("h1").tap()
        assert lit_keys(page) == []


def test_what_is_copied_has_all_digits(opened, file_of):
    copied = """(selector) => {
      const range = document.createRange();
      range.selectNodeContents(document.querySelector(selector));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      const data = new DataTransfer();
      document.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, cancelable: true }));
      return data.getData("text/plain");
    }"""
    with opened(file_of("sample", "en")) as page:
        assert page.evaluate(copied, "strong[data-key='g1.0.0']") == "0.000438568"
        sentence = page.evaluate(copied, "main section p")
        assert sentence.startswith("The loss changes by 0.000438568 times")
        rows = page.evaluate(copied, "#deltas .table table").splitlines()
        assert rows[1:3] == ["h1.0\t0.00877\t-0.038098236", "h1.1\t-3.2e-05\t-0.038098236"]


@pytest.mark.parametrize("name", PAGES)
def test_print_shows_what_is_behind_details(opened, file_of, name):
    with opened(file_of(name, "en")) as page:
        page.emulate_media(media="print")
        heights = page.evaluate(
            "[...document.querySelectorAll('main details > .inside')]"
            ".map((one) => one.getBoundingClientRect().height)"
        )
        assert heights
        assert min(heights) > 10
        assert not page.locator(".rail").is_visible()


@pytest.mark.parametrize("name", PAGES)
def test_without_scripts_everything_is_there(opened, file_of, name):
    with opened(file_of(name, "en")) as page:
        with_script = page.locator("main").inner_text()
    with opened(file_of(name, "en"), java_script_enabled=False) as page:
        without = page.locator("main").inner_text()
        assert page.locator("nav a").first.is_visible()
    assert without == with_script


def test_the_contents_lead_to_the_sections_and_fold_on_a_phone(opened, file_of):
    with opened(file_of("sample", "en")) as page:
        page.locator("nav a").last.click()
        assert page.url.endswith("#deltas")
    with opened(file_of("sample", "en"), 390) as page:
        assert not page.locator("nav a").first.is_visible()
        page.locator("nav summary").click()
        assert page.locator("nav a").first.is_visible()


def test_the_network_stays_in_view_on_a_desk(opened, file_of):
    with opened(file_of("single", "en")) as page:
        assert not page.locator(".dock").is_visible()
        page.locator("main section").last.scroll_into_view_if_needed()
        page.locator(".dock.away").wait_for()
        assert page.locator(".dock svg").bounding_box()["width"] > 150


def test_chinese_has_a_face(opened, file_of):
    """A missing glyph is a box of one shape, whatever the letter; real letters differ."""
    shapes = """() => ["误", "差", "权"].map((letter) => {
      const canvas = document.createElement("canvas");
      const pen = canvas.getContext("2d");
      pen.font = `40px ${getComputedStyle(document.body).fontFamily}`;
      pen.fillText(letter, 5, 60);
      return canvas.toDataURL();
    })"""
    with opened(file_of("sample", "zh")) as page:
        assert len(set(page.evaluate(shapes))) == 3
