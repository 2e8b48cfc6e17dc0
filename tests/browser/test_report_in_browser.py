"""Reports in a real browser: phone and desk, two languages, light and dark, print, no script."""

import itertools
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "reporting"))
from report_cases import reported

KINDS = ("binary", "several", "numbers")
CONTRAST = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.fixture(scope="module")
def file_of(tmp_path_factory):
    """Return a function that gives a report's file; each is written once."""
    folder = tmp_path_factory.mktemp("reports")

    def written(kind, lang="en"):
        path = folder / f"{kind}-{lang}.html"
        if not path.exists():
            path.write_text(reported(kind).to_html(lang), encoding="utf-8")
        return path

    return written


@pytest.mark.parametrize(
    ("kind", "lang", "width"), list(itertools.product(KINDS, ("en", "zh"), (390, 1280)))
)
def test_nothing_sticks_out(opened, file_of, kind, lang, width):
    with opened(file_of(kind, lang), width) as page:
        page.evaluate(OPEN_ALL)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = page.evaluate(
            """() => [...document.querySelectorAll("main *")].filter((one) => {
              const right = one.getBoundingClientRect().right;
              return right > innerWidth + 1 && !one.closest(".wide");
            }).map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert cut == []


@pytest.mark.parametrize(
    ("kind", "lang", "width"), list(itertools.product(KINDS, ("en", "zh"), (390, 1280)))
)
def test_nothing_is_cut_off_in_a_picture(opened, file_of, kind, lang, width):
    """Texts of the report's own pictures lie inside them."""
    with opened(file_of(kind, lang), width) as page:
        page.evaluate(OPEN_ALL)
        cut = page.evaluate(
            """() => [...document.querySelectorAll("section:not(#network) svg.scene")]
              .filter((one) => one.getBoundingClientRect().width).flatMap((one) => {
                const box = one.getBoundingClientRect();
                return [...one.querySelectorAll("text")].filter((text) => {
                  const own = text.getBoundingClientRect();
                  return own.left < box.left - 4 || own.right > box.right + 4 ||
                    own.top < box.top - 2 || own.bottom > box.bottom + 2;
                }).map((text) => text.textContent);
              })"""
        )
        assert cut == []


@pytest.mark.parametrize(
    ("kind", "lang", "scheme"), list(itertools.product(KINDS, ("en", "zh"), ("light", "dark")))
)
def test_every_text_can_be_read(opened, file_of, kind, lang, scheme):
    with opened(file_of(kind, lang), color_scheme=scheme) as page:
        page.evaluate(OPEN_ALL)
        found = page.evaluate(CONTRAST)
    assert found["seen"] > 50
    assert found["found"] == []


def test_in_short_is_on_the_first_screen_of_a_desk(opened, file_of):
    with opened(file_of("binary")) as page:
        top = page.locator("#short li").first.bounding_box()
        assert top["y"] + top["height"] < 600


def test_all_digits_are_told(opened, file_of):
    with opened(file_of("binary")) as page:
        share = reported("binary").comparison.figures["network"]["accuracy"].value
        number = page.locator("#quality p strong[data-full]").first
        # scrolling takes a tip away, and is told of only after the page has come to rest
        number.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        number.hover()
        assert page.locator(".tip").inner_text() == repr(share)


def test_without_scripts_and_in_print_everything_is_there(opened, file_of):
    with opened(file_of("numbers")) as page:
        with_script = page.locator("main").inner_text()
        page.emulate_media(media="print")
        heights = page.evaluate(
            "[...document.querySelectorAll('main details > .inside')]"
            ".map((one) => one.getBoundingClientRect().height)"
        )
        assert min(heights) > 10
        assert not page.locator(".rail").is_visible()
    with opened(file_of("numbers"), java_script_enabled=False) as page:
        assert page.locator("main").inner_text() == with_script
