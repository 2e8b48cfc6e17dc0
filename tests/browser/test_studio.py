"""The studio in a real browser, as a person uses it: what the page shows is what is asserted."""

import http.client
import re
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("nicegui")

from studio_server import served

CONTRAST = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def address(browser):
    """Yield the address of a running studio."""
    with served("--sessions", "20") as found:
        yield found


@pytest.fixture
def opened(browser, address):
    """Return a context manager that opens the studio; scripts may not complain."""

    @contextmanager
    def opening(width=1280, height=900, *, path="", paused=True, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(10_000)
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address + path)
        page.locator("#cp-network svg [data-key='w1.0.0']").first.wait_for()
        if paused:
            page.locator("#cp-play[aria-pressed=true]").click()
            page.locator("#cp-play[aria-pressed=false]").wait_for()
            page.wait_for_timeout(300)  # the last frame
        try:
            yield page
        finally:
            context.close()
        assert [text for text in said if "413" not in text] == []
        foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
        assert [url for url in foreign if not url.startswith(address.replace("http", "ws"))] == []

    return opening


def step(page):
    return int(live(page, "step").replace(",", ""))


def live(page, name):
    return page.locator(f"[data-live={name}]").inner_text()


def reach(page, number):
    """Wait until the page shows a step."""
    page.wait_for_function(
        "(n) => document.querySelector('[data-live=step]').textContent === String(n)", arg=number
    )


def weight(page):
    return float(page.locator("#cp-weight").input_value())


def title_of(page, key):
    """What pointing at a weight in the picture says."""
    return page.locator(f"#cp-network svg [data-key='{key}'][aria-label]").first


def test_the_first_screen_moves_and_shows_numbers(opened):
    with opened(paused=False) as page:
        assert page.locator("#cp-network svg .f-halo, #cp-network svg .s-halo").count() > 3
        caption = page.locator("#cp-caption").inner_text()
        assert re.search(r"x1 → h1\.1 → h2\.\d → o1 → E .*multiply to −?\d", caption)
        before, value = step(page), weight(page)
        page.wait_for_function("(n) => +document.querySelector('[data-live=step]').textContent > n",
                               arg=before + 20)  # fmt: skip
        assert weight(page) != value
        assert page.locator("#cp-caption").inner_text() != caption
        assert page.locator("#cp-answers canvas").count() == 1
        assert page.locator("#cp-network canvas").count() == 8, "a map in every neuron"


def test_steps_and_rewinding_to_the_bit(opened):
    with opened() as page:
        at, seen = step(page), {}
        seen[at] = weight(page)
        for ahead in (1, 2, 3):
            page.locator("#cp-step-batch").click()
            reach(page, at + ahead)
            seen[at + ahead] = weight(page)
        assert len(set(seen.values())) == 4
        page.locator("#cp-step-back").click()
        reach(page, at + 2)
        assert weight(page) == seen[at + 2]
        page.keyboard.press("ArrowLeft")
        reach(page, at + 1)
        assert weight(page) == seen[at + 1]
        page.locator("#cp-step-epoch").click()
        page.wait_for_function(
            "document.querySelector('[data-live=epoch]').textContent.endsWith('.0')"
        )
        last = step(page)
        slide = page.locator("#cp-time")
        assert slide.get_attribute("aria-label").startswith("Rewind")
        slide.fill("0")
        reach(page, 0)
        start = weight(page)
        slide.fill(str(at + 1))
        reach(page, at + 1)
        assert weight(page) == seen[at + 1]
        assert int(slide.evaluate("(one) => one.max")) == last
        page.locator("#cp-reset").click()
        reach(page, 0)
        assert weight(page) == start
        page.locator("#cp-step-sample").click()
        reach(page, 1)
        page.locator("h1").click()
        page.keyboard.press(" ")
        page.locator("#cp-play[aria-pressed=true]").wait_for()


def test_a_weight_is_read_and_edited(opened):
    with opened() as page:
        page.locator("#cp-network svg [data-key='w2.1.2'] .near").dispatch_event("click")
        page.wait_for_function(
            "document.querySelector('#cp-weight-name').textContent === 'h2.2<-h1.3'"
        )
        said = title_of(page, "w2.1.2").get_attribute("aria-label")
        assert said.startswith("h2.2<-h1.3 = ")
        page.locator("#cp-weight").fill("-2.5")
        page.keyboard.press("Enter")
        edge = page.locator("#cp-network svg [data-key='w2.1.2'] line").first
        page.wait_for_function(
            "document.querySelector(\"#cp-network svg text[data-key='w2.1.2']\").textContent"
            ".includes('−2.500')"
        )
        assert "s-negative" in edge.get_attribute("class")
        assert edge.get_attribute("stroke-dasharray")
        page.locator("h1").click()
        page.keyboard.press("/")
        page.keyboard.type("o1<-bias")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "document.querySelector('#cp-weight-name').textContent === 'o1<-bias'"
        )
        page.locator("#cp-find").fill("nothing")
        page.keyboard.press("Enter")
        page.locator("#cp-problem", has_text="no parameter 'nothing'").wait_for()
        page.locator("#cp-problem button").click()
        assert not page.locator("#cp-problem").is_visible()


def test_data_and_network_are_chosen(opened):
    with opened() as page:
        page.locator("#cp-data").select_option("clusters")
        page.wait_for_function(
            "document.querySelector('#cp-size').textContent.includes('3 softmax')"
        )
        assert page.locator("#cp-loss").input_value() == "cross_entropy"
        page.locator("#cp-output").select_option("2")
        page.locator("#cp-answers svg[aria-label*='o3']").wait_for()
        page.locator("#cp-add-layer").click()
        page.locator(".layer").nth(2).wait_for()
        page.get_by_role("button", name="One unit more in layer 3").click()
        page.wait_for_function(
            "document.querySelector('#cp-size').textContent.includes('→ 4 tanh → 3 s')"
        )
        page.get_by_role("combobox", name="Activation of layer 1").select_option("relu")
        page.wait_for_function("document.querySelector('#cp-size').textContent.includes('4 relu')")
        page.get_by_role("button", name="Remove layer 2").click()
        page.wait_for_function("document.querySelectorAll('.layer').length === 2")
        page.locator("#cp-rule").select_option("adam")
        page.wait_for_function("document.querySelector('#cp-rate').value === '0.02'")
        page.locator("#cp-data").select_option("sine")
        page.locator("#cp-answers svg[aria-label*='input']").wait_for()
        page.locator(".metrics th", has_text="R²").wait_for()


def test_the_learning_rate_changes_in_flight(opened):
    with opened() as page:
        at = step(page)
        page.locator("#cp-rate").select_option("0.01")
        page.locator("#cp-batch").select_option("50.0")
        page.locator("#cp-step-batch").click()
        reach(page, at + 1)
        assert page.locator("#cp-rate").input_value() == "0.01"
        page.locator("#cp-speed").select_option("full")
        page.keyboard.press("Escape")
        page.locator("#cp-play").click()
        page.wait_for_function(
            "parseInt(document.querySelector('[data-live=step]').textContent.replace(/,/g, ''))"
            " > 2000"
        )


def test_languages_change_in_place_and_everything_can_be_read(opened):
    with opened(locale="zh-CN") as page:
        assert page.evaluate("document.documentElement.lang") == "zh-Hans"
        assert page.locator("h1").inner_text() == "clearprop 工作室"
        at = step(page)
        plain = page.evaluate(CONTRAST)
        page.locator("#cp-language").click()
        page.wait_for_function("document.documentElement.lang === 'en'")
        assert page.locator("h1").inner_text() == "clearprop studio"
        page.wait_for_function(
            "document.querySelector('#cp-caption').textContent.startsWith('The lit path')"
        )
        assert step(page) == at
        text = page.locator(".studio").inner_text()
        assert re.findall(r"[\u4e00-\u9fff]+", text) == ["中文"]
        page.locator("[data-scheme-to=dark]").click()
        page.wait_for_timeout(400)  # colours are eased
        dark = page.evaluate(CONTRAST)
    assert plain["seen"] > 100
    assert plain["found"] == []
    assert dark["found"] == []


def test_a_table_is_sent(opened, tmp_path):
    path = tmp_path / "flowers.csv"
    rows = [f"{i % 7},{(i * 5) % 11},{i % 3},{'abc'[i % 3]}" for i in range(90)]
    path.write_text("\n".join(["one,two,three,kind", *rows]))
    with opened() as page:
        page.locator("#cp-file").set_input_files(path)
        page.wait_for_function("document.querySelector('#cp-size').textContent.startsWith('3 →')")
        assert page.locator("#cp-target").input_value() == "kind"
        assert page.locator("#cp-data option:checked").inner_text() == "flowers.csv"
        page.locator("#cp-answers svg[aria-label*='classes']").wait_for()
        page.locator("#cp-target").select_option("two")
        page.wait_for_function(
            "document.querySelector('#cp-size').textContent.includes('1 identity')"
        )
        path.write_text("not a table at all")
        page.locator("#cp-file").set_input_files(path)
        page.locator("#cp-problem").wait_for()
        page.locator("#cp-problem button").click()
        path.write_bytes(b"x" * 1_100_000)
        page.locator("#cp-file").set_input_files(path)
        page.wait_for_function("document.querySelector('#cp-problem').textContent.includes('1 MB')")


def test_a_phone_shows_the_network_first_and_nothing_sticks_out(opened):
    tabs = {"network": ".centre", "setup": ".setup", "results": ".results", "drawer": ".drawer"}
    with opened(390, 844, has_touch=True) as page:
        for tab, shown in tabs.items():
            page.locator(f"[data-tab-to={tab}]").tap()
            for part in tabs.values():
                assert page.locator(part).is_visible() == (part == shown)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator("#cp-pass svg").wait_for()
        page.locator("[data-tab-to=network]").tap()
        page.locator("#cp-open-microscope[aria-expanded=false]").wait_for(state="attached")
        box = page.locator("#cp-network svg").bounding_box()
        assert box["height"] > box["width"]


def test_keys_reach_everything(opened):
    with opened() as page:
        page.keyboard.press("?")
        assert page.locator("#cp-help").is_visible()
        page.keyboard.press("Escape")
        page.locator("#cp-network svg [tabindex='0']").focus()
        first = page.evaluate("document.activeElement.dataset.key")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.key") != first
        title_of(page, "w1.3.1").focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "document.querySelector('#cp-weight-name').textContent === 'h1.4<-x2'"
        )
        assert page.evaluate("document.activeElement.dataset.key") == "w1.3.1", "it stays there"
        nameless = page.evaluate(
            """[...document.querySelectorAll("button, select, input, [tabindex]")].filter((one) =>
              one.checkVisibility() &&
              !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).length"""
        )
        assert nameless == 0


def test_little_motion_is_respected(opened):
    with opened(reduced_motion="reduce", paused=False) as page:
        seen, began = set(), time.monotonic()
        for _ in range(10):
            seen.add(step(page))
            page.wait_for_timeout(100)
        # every half second, and a few that were on their way; without the wish they are ten
        assert 2 <= len(seen) <= (time.monotonic() - began) / 0.5 + 4


def ask(address, path, headers):
    host = address.split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path, headers={"Host": host} | headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_other_sites_are_not_answered(address):
    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }  # fmt: skip
    path = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    own = address.rstrip("/")
    assert ask(address, "/", {}) == 200
    assert ask(address, "/", {"Host": "evil.example"}) == 421
    assert ask(address, "/", {"Origin": "http://evil.example"}) == 403
    assert ask(address, path, upgrade) == 403
    assert ask(address, path, upgrade | {"Origin": "http://evil.example"}) == 403
    assert ask(address, path, upgrade | {"Origin": own, "Host": "evil.example"}) == 403


def test_sessions_are_limited_and_a_closed_tab_frees_its_own(browser):
    with served("--sessions", "1") as address:
        first, late = browser.new_page(), browser.new_page()
        first.goto(address)
        first.locator("#cp-network svg circle").first.wait_for()
        late.goto(address)
        late.locator("#cp-problem", has_text="serves 1").wait_for()
        first.close()
        late.wait_for_timeout(300)
        late.reload()
        late.locator("#cp-network svg circle").first.wait_for()
        late.close()
