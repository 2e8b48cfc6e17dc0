"""A page as HTML: one file that asks for nothing, every number with all its digits."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from sample_page import TEXTS, sample_page

from clearprop.explanation.pages import Page, Paragraph, Section, Span, plain
from clearprop.explanation.render.html import fragment_of, html_of
from clearprop.explanation.scenes.palette import PALETTE

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Reader(HTMLParser):
    """Collects elements, and notes what is closed wrongly."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.elements, self.words = [], [], [], []
        self.feed(text)
        self.wrong += self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request):
    text = html_of(sample_page(request.param))
    return request.param, text, Reader(text)


def test_elements_are_closed_in_order(page):
    assert page[2].wrong == []


def test_language_title_and_anchors(page):
    lang, text, reader = page
    assert f'<html lang="{"en" if lang == "en" else "zh-Hans"}">' in text
    assert f"<title>{TEXTS[lang]['title']}</title>" in text
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"] for tag, a in reader.elements if tag == "a"]
    assert {"#chain", "#deltas"} <= set(links)
    assert all(link[0] == "#" and link[1:] in ids for link in links)


def test_all_text_is_there(page):
    lang, _, reader = page
    words = "".join(reader.words)
    for name, text in TEXTS[lang].items():
        assert text in words, name


def test_nothing_is_asked_for(page):
    _, text, reader = page
    for tag, attributes in reader.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png")), (tag, attributes)
    assert not re.search(r"url\((?!#)|@import|@font-face", text)


def test_the_policy_allows_this_script_and_no_other(page):
    _, text, reader = page
    (policy,) = [a["content"] for tag, a in reader.elements if a.get("http-equiv")]
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'")
    assert policy.endswith(f"script-src 'sha256-{digest}'")
    assert not any(name.startswith("on") for _, a in reader.elements for name in a)


def test_rounded_numbers_have_all_digits_and_keys(page):
    _, _, reader = page
    found = [a for _, a in reader.elements if a.get("data-key") == "g1.0.0"]
    assert any(a.get("title") == "0.000438568" for a in found)
    keys = {a["data-key"] for tag, a in reader.elements if tag == "line" and "data-key" in a}
    assert "w1.0.0" in keys


def test_checks_say_in_words_whether_they_hold(page):
    lang, _, reader = page
    labels = [a["aria-label"] for _, a in reader.elements if a.get("class") == "mark"]
    assert labels == (["holds:", "does not hold:"] if lang == "en" else ["成立：", "不成立："])


def test_every_role_has_its_colours_on_both_grounds(page):
    _, text, _ = page
    for role, colour in PALETTE.items():
        assert text.count(f"--{role}-text:{colour.light_text}") >= 1
        assert text.count(f"--{role}-text:{colour.dark_text}") >= 1
        assert f".cp .r-{role} {{" in text


def test_text_cannot_become_markup():
    nasty = "<script>alert(\"x\")</script> & 'y'"
    text = (Span(nasty, "strong", 'k"><b>', '"><i>'),)
    page = Page(plain(nasty), plain(nasty), (Section('s"', plain(nasty), (Paragraph(text),)),))
    reader = Reader(html_of(page))
    assert reader.wrong == []
    assert [tag for tag, _ in reader.elements if tag in {"script", "b", "i"}] == ["script"]
    assert any(a.get("data-key") == 'k"><b>' for _, a in reader.elements)


def test_a_fragment_keeps_its_style_to_itself():
    text = fragment_of(sample_page())
    assert text.startswith('<div class="cp fragment" lang="en">')
    assert Reader(text).wrong == []
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    style = re.sub(r"@media[^{]*\{", "", style)
    for selectors in re.findall(r"([^{}]+)\{[^{}]*\}", style):
        for selector in selectors.split(","):
            assert selector.strip().startswith((".cp", ".scene", ".wide>.scene")), selector
    assert "Content-Security-Policy" not in text
    assert "<body" not in text


def test_a_fragment_has_no_frame():
    assert 'class="rail"' not in fragment_of(sample_page())
