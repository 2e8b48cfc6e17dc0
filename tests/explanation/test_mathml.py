"""A formula as MathML: well-formed, every mark on its number, all digits kept."""

import math
from xml.etree import ElementTree

import pytest
from sample_page import chain, lines, matrix

from clearprop.explanation.formulas import (
    Fraction,
    Group,
    Label,
    Number,
    Row,
    Script,
    Stack,
    Symbol,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.render.layout import alignments, bracketed, pairs_of
from clearprop.explanation.render.mathml import mathml_of


def parsed(formula, **options):
    return ElementTree.fromstring(mathml_of(formula, **options))


def text_of(formula):
    return "".join(parsed(formula).itertext())


@pytest.mark.parametrize("formula", [chain(), lines(), matrix()])
def test_formulas_are_well_formed(formula):
    assert parsed(formula, display=True).tag == "math"


def test_a_number_shows_four_digits_and_keeps_all():
    (number,) = parsed(Number(-0.1385, key="d2.0", role="error")).iter("mn")
    assert number.text == "−0.1385"
    assert number.get("title") == "-0.1385"
    assert number.get("data-key") == "d2.0"
    assert number.get("class") == "r-error"
    (number,) = parsed(Number(1 / 3)).iter("mn")
    assert (number.text, number.get("title")) == ("0.3333", "0.3333333333333333")
    (number,) = parsed(Number(math.nan)).iter("mn")
    assert number.text == "NaN"


def test_a_negative_number_after_an_operator_stands_in_brackets():
    minus = Number(-0.5)
    assert text_of(product([minus, Number(2)])) == "−0.5000·2"
    assert text_of(product([Number(2), minus])) == "2·(−0.5000)"
    assert text_of(plus([Symbol("b"), product([minus, Symbol("a")])])) == "b+(−0.5000)·a"
    assert text_of(row(Symbol("z"), sign("="), minus)) == "z=−0.5000"
    assert text_of(row(Number(2), sign("·"), Group(minus))) == "2·(−0.5000)"
    assert text_of(Script(minus, sup=Number(2))) == "(−0.5000)2"
    assert text_of(Fraction(minus, Number(2))) == "−0.50002"


def test_the_lower_line_of_chips_is_bracketed_and_not_the_upper():
    chips = product([Stack(Symbol("a"), Number(2)), Stack(Symbol("δ"), Number(-3))])
    above, below = parsed(chips).iter("mtr")
    assert "".join(above.itertext()) == "a·δ"
    assert "".join(below.itertext()) == "2·(−3)"


def test_each_line_of_chips_is_an_equation_of_its_own():
    above, below = ("".join(line.itertext()) for line in parsed(chain()).iter("mtr"))
    assert above == "∂E∂w1=ai1·f′(zh1)·(w5·δo1+w7·δo2)"
    assert below == "4.386×10⁻⁴=0.05000·0.2413·(0.4000·0.1385+0.5000·(−0.03810))=4.386×10⁻⁴"


def test_both_halves_of_a_chip_carry_its_key():
    chips = Row((Stack(Symbol("a"), Number(0.05), role="signal", key="a0.0"), sign("·"), Number(2)))
    cells = [cell for cell in parsed(chips).iter("mtd") if cell.get("data-key") == "a0.0"]
    assert [cell.get("class") for cell in cells] == ["chip above r-signal", "chip below r-signal"]


def test_text_is_escaped():
    label = parsed(Label('<b> & "x"', key='a"<'))
    assert "".join(label.itertext()) == '<b>\u00a0&\u00a0"x"'
    assert next(label.iter("mtext")).get("data-key") == 'a"<'


def test_a_matrix_has_its_labels_outside_the_brackets():
    table = next(parsed(matrix()).iter("mtable"))
    head, first, second, foot = (
        [("".join(cell.itertext()), cell.get("class")) for cell in line] for line in table
    )
    assert head == [("", "gap"), ("", "gap"), ("o1", "label"), ("o2", "label"), ("", "gap")]
    assert foot == [("\u00a0", "label")]  # so that the matrix stands in the middle
    assert [text for text, _ in first] == ["h1", "", "0.4000", "0.5000", ""]
    assert [text for text, _ in second] == ["h2", "", "−0.4500", "0.5500", ""]
    assert first[1][1] == "fence square top open"
    assert second[-1][1] == "fence square bottom close"


def test_lines_are_aligned_on_their_sign():
    assert alignments(lines().rows) == ["right", "center", "left", "left"]
    sums = ((Number(1.0), sign("·"), Number(2.0)), (Number(10.5), sign("·"), Number(3.0)))
    assert alignments(sums) == ["right", "center", "right"]


def test_a_sign_stands_where_something_follows_it():
    pairs = pairs_of(row(Stack(Symbol("z"), Number(1)), sign("="), Number(3)))
    assert [(pair.above is None, pair.below is None) for pair in pairs] == [
        (False, False), (True, False), (True, False),
    ]  # fmt: skip


def test_brackets_leave_a_formula_without_negative_numbers_as_it_is():
    assert bracketed(matrix().parts[0]) == matrix().parts[0]
