"""Take away and bring back in a real browser, as a person does it."""

import re
import struct
import subprocess
import sys
import zlib

import pytest

pytest.importorskip("nicegui")

from test_studio import CONTRAST, address, live, opened, reach, step, weight

from clearprop.estimators import TabularClassifier
from clearprop.files import save

__all__ = ["address", "opened"]  # fixtures


def dialog(page):
    """Open the dialog."""
    page.locator("#cp-share").click()
    page.locator("#cp-sharing[open]").wait_for()


def taken(page, name, path):
    """Press a button of the dialog and keep the file that comes."""
    with page.expect_download() as coming:
        page.locator(f"#cp-take-{name}").click()
    coming.value.save_as(path)
    page.locator("#cp-sharing-news", has_text="is ready").wait_for()
    return coming.value.suggested_filename


def to_step(page, number):
    while step(page) < number:
        now = step(page)
        page.locator("#cp-step-batch").click()
        reach(page, now + 1)


def link_of(page):
    dialog(page)
    page.locator("#cp-make-link").click()
    page.locator("#cp-link-made:not([hidden])").wait_for()
    text = page.locator("#cp-link").input_value()
    page.keyboard.press("Escape")
    return text


def test_a_link_goes_on_with_the_same_numbers(opened, address):
    with opened() as page:
        page.locator("#cp-rule").select_option("adam")
        reach(page, 0)
        to_step(page, 3)
        at, value = step(page), weight(page)
        link = link_of(page)
        assert link.startswith(f"{address}#run=")
        assert len(link) < 4000
        to_step(page, at + 3)
        later = weight(page)
    with opened(path=link.removeprefix(address), paused=False) as other:
        reach(other, at)
        other.locator("#cp-play[aria-pressed=false]").wait_for()
        assert weight(other) == value
        assert "#run" not in other.url
        assert other.locator("#cp-rule").input_value() == "adam"
        to_step(other, at + 3)
        assert weight(other) == later
        # the same by hand, into the field
        dialog(other)
        other.locator("#cp-bring-link").fill(link[: len(link) // 2])
        other.locator("#cp-open-link").click()
        other.locator("[data-problem]", has_text="cut off or damaged").wait_for()
        other.locator("#cp-bring-link").fill(link)
        other.locator("#cp-open-link").click()
        reach(other, at)
        other.locator("#cp-brought:not([hidden])", has_text="stands where it stood").wait_for()


def test_files_are_taken_and_work(opened, tmp_path):
    with opened() as page:
        page.locator("#cp-reset").click()
        reach(page, 0)
        for _ in range(2):
            page.locator("#cp-step-epoch").click()
            page.wait_for_timeout(200)
        assert live(page, "epoch") == "2.0"
        dialog(page)
        assert taken(page, "code", tmp_path / "run.py") == "clearprop-2-4-3-1.py"
        taken(page, "model", tmp_path / "m.clearprop")
        taken(page, "run", tmp_path / "run.clearprop")
        taken(page, "page", tmp_path / "page.html")
        loss = live(page, "held_loss")
        value, at = weight(page), step(page)
        page.keyboard.press("Escape")
        to_step(page, at + 1)
        dialog(page)
        page.locator("#cp-bring").set_input_files(tmp_path / "run.clearprop")
        reach(page, at)
        assert weight(page) == value
    said = subprocess.run(
        [sys.executable, str(tmp_path / "run.py")],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    found = re.search(r"held out ([\d.e-]+)", said.stdout)
    assert found, said.stderr
    assert float(f"{float(found[1]):.4g}") == float(loss)
    info = subprocess.run(
        [sys.executable, "-m", "clearprop", "info", str(tmp_path / "m.clearprop")],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert "2 → 4 tanh → 3 tanh → 1 sigmoid" in info.stdout, info.stderr
    assert "<math" in (tmp_path / "page.html").read_text(encoding="utf-8")


def pixels(path):
    """Width, height and the first pixel's colour of a PNG file."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    packed, place = b"", 8
    while place < len(data):
        (length,), kind = struct.unpack(">I", data[place : place + 4]), data[place + 4 : place + 8]
        packed += data[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += 12 + length
    return width, height, tuple(zlib.decompressobj().decompress(packed, 4)[1:4])


def test_pictures_are_made_on_both_grounds(opened, tmp_path):
    with opened() as page:
        dialog(page)
        for ground, bright in (("light", True), ("dark", False)):
            page.locator("#cp-ground").select_option(ground)
            taken(page, "svg", tmp_path / f"{ground}.svg")
            assert taken(page, "png", tmp_path / f"{ground}.png").endswith(".png")
            width, height, colour = pixels(tmp_path / f"{ground}.png")
            drawn = (tmp_path / f"{ground}.svg").read_text(encoding="utf-8")
            size = re.search(r'width="([\d.]+)" height="([\d.]+)"', drawn)
            assert (width, height) == tuple(2 * int(float(number)) for number in size.groups())
            assert (min(colour) > 200) == bright
        page.locator("#cp-picture").select_option("answers")
        taken(page, "svg", tmp_path / "answers.svg")
        assert "The answer" in (tmp_path / "answers.svg").read_text(encoding="utf-8")


def test_a_model_from_elsewhere_is_opened_with_its_table(opened, tmp_path):
    rows = [(i % 7, (i * 5) % 11, "abc"[i % 3]) for i in range(60)]
    table = "\n".join(["one,two,kind", *(f"{a},{b},{c}" for a, b, c in rows)])
    (tmp_path / "flowers.csv").write_text(table)
    (tmp_path / "other.csv").write_text("one,kind\n1,a\n2,b\n3,a\n")
    columns = {"one": [r[0] for r in rows], "two": [r[1] for r in rows]}
    model = TabularClassifier((4,), max_epochs=1).fit(columns, [r[2] for r in rows])
    model.target_ = type(model.target_)("kind", model.target_.classes)
    save(model, tmp_path / "flowers.clearprop")
    with opened() as page:
        dialog(page)
        page.locator("#cp-bring").set_input_files(tmp_path / "flowers.clearprop")
        page.locator("#cp-waiting", has_text="columns kind, one, two").wait_for()
        page.locator("#cp-bring-table").set_input_files(tmp_path / "other.csv")
        page.locator("[data-problem]", has_text="no column two").wait_for()
        page.locator("#cp-bring-table").set_input_files(tmp_path / "flowers.csv")
        page.locator("#cp-brought:not([hidden])", has_text="flowers.clearprop is open").wait_for()
        assert page.locator("#cp-waiting").is_hidden()
        assert page.locator("#cp-make-link").is_disabled()
        page.keyboard.press("Escape")
        page.locator("#cp-size", has_text="4 parametric selu").wait_for()
        to_step(page, 2)
        page.locator("#cp-network svg circle").first.wait_for()


def test_the_dialog_can_be_read_and_reached_by_keys_in_both_languages(opened, tmp_path):
    with opened(390, 844, locale="zh-CN") as page:
        page.locator("#cp-share").focus()
        page.keyboard.press("Enter")
        page.locator("#cp-sharing[open]").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        wider = "(one) => one.scrollWidth - one.clientWidth"
        assert page.locator("#cp-sharing").evaluate(wider) <= 1
        text = page.locator("#cp-sharing").inner_text()
        assert set(re.findall(r"[A-Za-z]{4,}", text)) <= {
            "Python", "clearprop", "predict", "explain", "info", "load", "train", "HTML", "http",
        }  # fmt: skip
        (tmp_path / "x.clearprop").write_text("nothing")
        page.locator("#cp-bring").set_input_files(tmp_path / "x.clearprop")
        page.locator("[data-problem]", has_text="程序的说明只有英文").wait_for()
        plain = page.evaluate(CONTRAST)
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id"))
        wanted = page.locator("#cp-sharing :is(button, select, input):not([disabled])")
        ids = wanted.evaluate_all(
            "(all) => all.filter((one) => one.checkVisibility()).map((one) => one.id)"
        )
        assert set(ids) - {""} <= reached
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "cp-share", "back where it was"
        lost = page.locator("#popup").evaluate("(one) => one.textContent")
        assert "连接已断开" in lost
        page.locator("[data-scheme-to=dark]").click()
        dialog(page)
        page.wait_for_timeout(400)
        dark = page.evaluate(CONTRAST)
    assert plain["found"] == []
    assert dark["found"] == []
