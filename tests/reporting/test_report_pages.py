"""Pages of reports: their sections, their sentences, and that they need nothing else."""

import re

import pytest
from report_cases import HELD, KINDS, parts, reported

from clearprop import TabularClassifier, report
from clearprop.explanation.numbers import amount
from clearprop.explanation.pages import Check, Paragraph, Picture
from clearprop.reporting import Limits
from clearprop.reporting.amounts import percent, points
from clearprop.reporting.chapters.texts import short_range
from clearprop.reporting.resampling import Interval

LANGUAGES = ("en", "zh")


def text_of(block_text):
    return "".join(getattr(part, "text", "") for part in block_text)


def sections(kind, lang="en", n_cv=1):
    return {section.key: section for section in reported(kind, n_cv).page(lang).sections}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_section_opens_with_a_sentence(kind, lang):
    found = sections(kind, lang)
    expected = ["short", "quality", "mistakes", "calibration", "coverage", "importance", "rows"]
    expected += ["data", "columns", "training", "network", "method"]
    missing = "calibration" if kind == "numbers" else "coverage"
    expected.remove(missing)
    assert list(found) == expected
    for key, section in found.items():
        if key != "short":
            assert isinstance(section.blocks[0], Paragraph)
            assert text_of(section.blocks[0].text).endswith("。" if lang == "zh" else ".")


@pytest.mark.parametrize("kind", KINDS)
def test_all_checks_hold(kind):
    checks = [
        block
        for section in sections(kind).values()
        for block in section.blocks
        if isinstance(block, Check)
    ]
    assert len(checks) == 1 + len(reported(kind).telling)
    assert all(check.ok for check in checks)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_needs_nothing_else(kind, lang):
    page = reported(kind).to_html(lang)
    assert page.startswith("<!doctype html>")
    assert not re.findall(r"(?:src|href)=\"(?!#|data:)[^\"]*\"", page)
    assert "default-src 'none'" in page
    assert not re.search(r"\{\w+\}", re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.S))


def test_pictures_have_a_form_for_a_phone():
    for section in sections("binary").values():
        for block in section.blocks:
            if isinstance(block, Picture):
                narrow = block.scene.narrow or block.scene
                assert narrow.width <= 400
                assert narrow.title


def test_the_finding_tells_the_figures():
    found = reported("binary")
    figure = found.comparison.figures["network"]["accuracy"]
    said = text_of(sections("binary")["quality"].blocks[0].text)
    assert f"right on {round(figure.value * HELD)} of {HELD} rows" in said
    assert percent(figure.value) in said
    assert "Always answering" in said
    other = found.comparison.best_other("accuracy")
    assert percent(found.comparison.figures[other]["accuracy"].value) in said


def test_the_contributions_are_to_what_was_answered():
    """Of two classes the network has the chance of the second; the first's is its complement."""
    found, page = reported("binary"), sections("binary")["rows"]
    checks = [block for block in page.blocks if isinstance(block, Check)]
    codes = found.told_answers.codes
    assert 0 in codes
    for at, check in enumerate(checks):
        chance = found.told_answers.given[at, codes[at]]
        said = text_of(check.text)
        assert f"for {found.answers.names[codes[at]]} in the typical row" in said
        assert said.endswith(f"the network predicts {percent(float(chance))}.")


def test_several_networks_are_said():
    said = text_of(sections("binary", n_cv=3)["training"].blocks[0].text)
    assert said.startswith("3 networks were trained")


def test_unknown_languages_are_refused():
    from clearprop.errors import SettingError

    with pytest.raises(SettingError, match="'fr'"):
        reported("binary").page("fr")


def test_a_notebook_shows_the_page():
    assert reported("binary")._repr_html_().startswith('<div class="cp fragment"')


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.86, "86.0\u00a0%"), (1, "100.0\u00a0%"), (0.99991, "99.99\u00a0%"), (0, "0.0\u00a0%"),
     (0.0001, "0.01\u00a0%"), (0.999999999, "100.0000\u00a0%"), (-0.016, "−1.6\u00a0%"),
     (float("nan"), "–")],
)  # fmt: skip
def test_shares_are_not_rounded_to_all_or_nothing(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(38870.498, "38,870"), (-116438.7, "−116,400"), (2.5, "2.500"), (9999.6, "10,000"),
     (1e9, "1.000×10⁹"), (12345678, "12,350,000"), (3e-5, "3.000×10⁻⁵")],
)  # fmt: skip
def test_amounts_are_written_out(value, text):
    assert amount(value) == text


def test_points_have_a_sign():
    assert [points(share) for share in (0.016, -0.016)] == ["+1.6", "−1.6"]
    assert short_range("accuracy", Interval(0.851, 0.868)) == "85.1–86.8"
    assert short_range("r2", Interval(-0.1, 0.2)) == "−0.100 … 0.200"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_contributions_to_one_of_several_targets_say_to_which(lang):
    def said(kind):
        blocks = sections(kind, lang)["importance"].blocks
        return [text_of(block.text) for block in blocks if isinstance(block, Paragraph)]

    told = {"en": "the first of 2 targets, tall", "zh": "2 个目标中的第一个 tall"}[lang]
    assert sum(told in text for text in said("labels")) == 1
    assert len(said("labels")) == len(said("binary")) + 1


def test_one_member_is_drawn_and_said():
    training, held = parts("binary")
    made = TabularClassifier((4,), max_epochs=2, engine="reference", members=3)
    page = report(made.fit(*training), *held, limits=Limits(repeats=1)).page("en")
    blocks = next(section for section in page.sections if section.key == "network").blocks
    texts = [text_of(block.text) for block in blocks if isinstance(block, Paragraph)]
    assert any(text.startswith("The first of 3 members on the typical row") for text in texts)
