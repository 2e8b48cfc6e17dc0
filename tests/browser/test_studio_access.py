"""The studio for those who do not see it or use no mouse: names, focus, keys, in both languages."""

import pytest

pytest.importorskip("nicegui")

from test_studio import address, opened

__all__ = ["address", "opened"]  # fixtures

# what can be acted on, as assistive technology is told
ACTED_ON = {
    "button", "combobox", "textbox", "searchbox", "slider", "spinbutton", "checkbox", "link", "tab",
    "radio", "menuitem",
}  # fmt: skip
# how a focused element shows that it is
RING = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const label = one.closest(".upload"), shown = label ? getComputedStyle(label.children[0]) : style;
  return [one.id || one.textContent || one.ariaLabel || one.tagName, one.matches(":focus-visible"),
    parseFloat(shown.outlineWidth) >= 2 && shown.outlineStyle !== "none"];
}"""
FOCUSABLE = """() => [...document.querySelectorAll(
  "button:not([disabled]), select, input:not([type=hidden]), a[href]")]
  .filter((one) => one.checkVisibility() && !one.closest("dialog, [hidden]"))
  .map((one) => one.id || one.textContent || one.ariaLabel || one.tagName)"""


def tree(page):
    """The nodes of the accessibility tree that are not passed over."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [node for node in nodes if not node.get("ignored")]


def told(node, field):
    return str(node.get(field, {}).get("value", ""))


def nameless(page):
    return [told(n, "role") for n in tree(page) if told(n, "role") in ACTED_ON
            and not told(n, "name").strip()]  # fmt: skip


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_everything_that_acts_has_a_name(opened, locale):
    with opened(locale=locale) as page:
        assert nameless(page) == []
        names = [told(node, "name") for node in tree(page) if told(node, "role") in ACTED_ON]
        assert len(names) > 30
        page.locator("#cp-share").click()
        page.locator("#cp-sharing[open]").wait_for()
        assert nameless(page) == []
        dialog = next(node for node in tree(page) if told(node, "role") == "dialog")
        assert told(dialog, "name")
        page.keyboard.press("Escape")
        images = [
            node for node in tree(page) if told(node, "role") in ("img", "image", "graphics-symbol")
        ]
        assert all(told(node, "name") for node in images)
        # which way a button stands is told, not only shown
        assert page.locator("#cp-play").get_attribute("aria-pressed") == "false"


def test_the_tab_key_reaches_every_control_and_shows_where_it_is(opened):
    with opened() as page:
        wanted = set(page.evaluate(FOCUSABLE))
        assert len(wanted) > 25
        page.evaluate("document.activeElement.blur()")
        reached, ringless = set(), []
        for _ in range(len(wanted) + 25):
            page.keyboard.press("Tab")
            name, visible, ring = page.evaluate(RING)
            reached.add(name)
            if visible and not ring:
                ringless.append(name)
        assert wanted - reached == set()
        assert ringless == []


def test_the_way_past_the_controls_leads_to_the_network(opened):
    with opened(paused=False) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("Boolean(document.activeElement.closest('#cp-network'))")


def test_no_difference_is_told_by_colour_alone(opened):
    """Weights below 0 are dashed, classes have shapes, curves of held-out rows are dashed."""
    with opened() as page:
        for sign, dashed in (("negative", True), ("positive", False)):
            edges = page.locator(f"#cp-network svg [data-key^='w'] line.s-{sign}")
            found = edges.evaluate_all(
                "(all) => all.map((one) => one.hasAttribute('stroke-dasharray'))"
            )
            assert found
            assert all(one == dashed for one in found)
        shapes = page.locator("#cp-answers svg [data-key^='p']")
        assert {*shapes.evaluate_all("(all) => all.map((one) => one.tagName)")} >= {
            "circle",
            "rect",
        }
        curves = page.locator("#cp-curves svg path[class*='s-']")
        dashes = curves.evaluate_all(
            "(all) => all.map((one) => one.getAttribute('stroke-dasharray'))"
        )
        assert None in dashes
        assert any(dashes)
