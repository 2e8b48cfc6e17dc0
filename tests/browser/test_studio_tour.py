"""The worked examples and their exercises in a real browser, as a person walks through them."""

import math
import re

import pytest

pytest.importorskip("nicegui")

from test_studio import CONTRAST, address, opened, step

__all__ = ["address", "opened"]  # fixtures

TEXT = "[data-html=tour-text]"


def show(page):
    page.locator("#cp-open-tour").click()
    page.locator("[data-html=tour-picture] svg.broad").wait_for(state="attached")


def at(page):
    return page.locator("#cp-leaf-at").inner_text()


def turned(page, place):
    """Wait until a page is turned to."""
    page.wait_for_function(
        "(n) => document.querySelector('#cp-leaf-at').textContent.startsWith(`Page ${n} `)",
        arg=place,
    )


def test_a_person_walks_through_an_example(opened):
    with opened() as page:
        show(page)
        assert at(page) == "Page 1 of 24"
        assert page.locator("#cp-previous-leaf").get_attribute("aria-disabled") == "true"
        page.locator("#cp-next-leaf").click()
        turned(page, 2)
        # the forward pass of the text: net of h1, and what the sigmoid makes of it
        net = 0.15 * 0.05 + 0.2 * 0.1 + 0.35
        text = page.locator(TEXT).inner_text()
        assert f"{net:.4f}" in text
        assert f"{1 / (1 + math.exp(-net)):.9f}" in text
        # keys turn pages while the focus is in the pane, and train nothing
        before = step(page)
        page.keyboard.press("ArrowRight")
        turned(page, 3)
        page.keyboard.press("ArrowRight")
        turned(page, 4)
        title = page.locator(".told h2")
        assert title.inner_text() == "Backward to w5: three factors"
        assert page.evaluate("document.activeElement.tagName") == "H2"
        page.keyboard.press("ArrowLeft")
        turned(page, 3)
        assert step(page) == before
        page.locator("#cp-leaf").select_option(label="4. Backward to w5: three factors")
        turned(page, 4)
        # what the page is about stands out in the picture beside it, and is lit when pointed at
        picture = page.locator("[data-html=tour-picture] svg.broad")
        assert picture.locator("[data-about][data-key='w2.0.0']").count() > 0
        assert picture.locator("[data-about][data-key='w2.0.1']").count() == 0
        number = page.locator(f"{TEXT} mn[data-key='a1.0']").first
        number.scroll_into_view_if_needed()
        page.wait_for_timeout(300)  # scrolling takes the label of a number away
        number.hover()
        assert picture.locator(".lit[data-key='a1.0']").count() > 0
        assert "0.593269992" in page.locator(".cp .tip").inner_text()
        page.locator("#cp-language").click()
        page.wait_for_function("document.querySelector('.told h2').textContent.includes('w5：')")
        assert page.locator("#cp-leaf-at").inner_text().startswith("第 4 页")


def test_a_series_of_pictures_is_walked_one_by_one(opened):
    with opened() as page:
        show(page)
        page.locator("#cp-example").select_option("perceptron")
        page.wait_for_function(
            "document.querySelector('#cp-leaf-at').textContent === 'Page 1 of 33'"
        )
        page.locator("#cp-leaf").select_option("2")
        turned(page, 3)
        pictures = set()
        for place in range(3, 9):
            turned(page, place)
            assert f"({place - 2} of 6)" in page.locator(".told h2").inner_text()
            picture = page.locator("[data-html=tour-picture] svg.broad")
            pictures.add(picture.get_attribute("aria-label") + picture.inner_html())
            page.locator("#cp-next-leaf").click()
        assert len(pictures) == 6


def answer(page, text):
    page.locator("#cp-answer").fill("")
    page.locator("#cp-answer").press_sequentially(text, delay=20)


def test_answers_are_checked_as_one_types(opened):
    with opened() as page:
        show(page)
        page.locator("#cp-to-exercises").click()
        turned(page, 19)
        assert "checked as you type" in page.locator("#cp-verdict").inner_text()
        # the picture gives nothing away
        assert not re.search(r"0\.3775", page.locator("[data-html=tour-picture]").inner_html())
        given = page.locator(TEXT).inner_text().replace("\n", " ")
        numbers = [float(text) for text in re.findall(r"\d+\.\d+", given)]
        w1, i1, w2, i2, bias = numbers[:5]
        net = w1 * i1 + w2 * i2 + bias
        answer(page, f"{net - bias:.4f}")
        page.locator("#cp-verdict .wrong", has_text="the bias is missing").wait_for()
        answer(page, f"{net * 1.02:.4f}")
        page.locator("#cp-verdict .close", has_text="Nearly").wait_for()
        answer(page, "net")
        page.locator("#cp-verdict .unread", has_text="no number yet").wait_for()
        answer(page, f"{net:.4f}".replace("0.", "0,"))
        page.locator("#cp-verdict .right", has_text="0.3775").wait_for()
        assert page.locator("#cp-right").inner_text() == "1 of 6 right."
        # arrows belong to the field while one types
        page.keyboard.press("ArrowLeft")
        assert at(page) == "Page 19 of 24"
        page.locator("#cp-language").click()
        page.locator("#cp-right", has_text="对").wait_for()
        assert page.locator("#cp-answer").input_value().replace(",", ".") == f"{net:.4f}"
        page.locator("#cp-language").click()
        turned(page, 19)
        page.locator("#cp-next-leaf").click()
        turned(page, 20)
        assert page.locator("#cp-answer").input_value() == ""
        page.locator("#cp-solve").click()
        page.locator("#cp-solution", has_text="The answer is").wait_for()
        said = page.locator("#cp-solution").inner_text()
        answer(page, re.search(r"answer is\s+([\d.]+)\d", said)[1])
        page.locator("#cp-verdict .right").wait_for()
        page.locator("#cp-previous-leaf").click()
        turned(page, 19)
        assert page.locator("#cp-answer").input_value().startswith("0,")
        question = page.locator(TEXT).inner_text()
        # of the next six the first is about the same number; of those after it is not
        page.locator("#cp-others").click()
        page.locator("#cp-others").click()
        page.wait_for_function(
            "(text) => (now => now !== text && now.includes('Given'))"
            "(document.querySelector('[data-html=tour-text]').innerText)",
            arg=question,
        )
        assert page.locator("#cp-answer").input_value() == ""


def test_it_can_be_read_on_a_phone_in_the_dark_in_chinese(opened):
    with opened(390, 844, has_touch=True, locale="zh-CN", color_scheme="dark") as page:
        page.locator("[data-tab-to=drawer]").tap()
        show(page)
        for _ in range(3):
            page.locator("#cp-next-leaf").tap()
        page.locator("#cp-leaf-at", has_text="第 4 页").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(CONTRAST)["found"] == []
        page.locator("#cp-to-exercises").tap()
        page.locator("#cp-answer").fill("0.5")
        page.locator("#cp-verdict .wrong").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(CONTRAST)["found"] == []
        nameless = page.evaluate(
            """[...document.querySelectorAll("#cp-pane-tour :is(button, input, select, progress)")]
              .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length))
              .length"""
        )
        assert nameless == 0
