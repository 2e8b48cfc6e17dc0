"""A page as Markdown: GitHub's tables, formulas between dollar signs, everything escaped."""

import re

import pytest
from sample_page import sample_page

from clearprop.explanation.formulas import Group, Label, Symbol
from clearprop.explanation.pages import (
    Column,
    Details,
    Math,
    Page,
    Paragraph,
    Section,
    Span,
    Table,
    plain,
)
from clearprop.explanation.render.markdown import markdown_of


def of(*blocks):
    text = markdown_of(Page(plain("t"), plain("l"), (Section("s", plain("s"), blocks),)))
    return text.partition("## s\n\n")[2].rstrip("\n")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_has_its_parts_in_order(lang):
    page = sample_page(lang)
    text = markdown_of(page)
    assert text.startswith(f"# {page.title[0].text}\n\n{page.lead[0].text}\n\n")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert titles == [section.title[0].text for section in page.sections]
    assert text.count("\n$$\n") == 6
    assert text.count("<details>") == text.count("</details>") == 1


def test_a_table_has_its_alignments():
    table = Table((Column(plain("a|b")), Column(plain("n"), "right")), ((plain("x"), plain("1")),))
    assert of(table) == "| a\\|b | n |\n| :--- | ---: |\n| x | 1 |"


def test_a_stroke_in_a_formula_does_not_end_a_cell():
    table = Table((Column(plain("a")),), (((Group(Symbol("x"), "||"),),),))
    assert of(table).splitlines()[-1] == r"| $\vert  x \vert $ |"


def test_text_is_escaped():
    assert of(Paragraph(plain("a_b*c <d> [e] `f` $g$ #h"))) == (
        r"a\_b\*c \<d\> \[e\] \`f\` \$g\$ \#h"
    )
    assert of(Paragraph((Span("w_1", "code"), Span("so", "strong")))) == "`w_1`**so**"


def test_lines_of_a_formula_end_in_a_word():
    # GitHub takes a backslash away before a punctuation mark
    text = markdown_of(sample_page())
    assert r"\cr" in text
    assert r" \\ " not in text
    assert r"\{" not in text


def test_names_in_formulas_are_text():
    assert of(Math(Label("worst_radius"))) == "$$\n\\text{worst\\_radius}\n$$"


def test_details_open_on_asking():
    inside = (Paragraph(plain("in")),)
    assert of(Details((Span("a<b "), Symbol("δ", "1")), inside)) == (
        "<details>\n<summary>a&lt;b δ₁</summary>\n\nin\n\n</details>"
    )
    assert of(Details(plain("s"), inside, is_open=True)).startswith("<details open>")


def test_names_in_formulas_and_code_begin_no_tag_and_end_no_code():
    formula = Symbol("z", "<script>1</script>")
    for said in (of(Math(formula)), of(Paragraph((formula,)))):
        assert not re.search("<[A-Za-z/!?]", said)
        assert "script>1" in said
    assert of(Paragraph((Span("a``b`", "code"),))) == "``` a``b` ```"
    assert of(Paragraph((Span("a|b", "code"),))) == "`a\\|b`"
    assert of(Paragraph(plain("&lt;"))) == r"\&lt;"
