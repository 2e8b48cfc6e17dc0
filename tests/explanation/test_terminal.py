"""A page in the terminal: aligned formulas, 80 columns, Chinese twice as wide."""

import re
from types import SimpleNamespace

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text as Line
from sample_page import chain, lines, matrix, sample_page, scene

from clearprop.explanation.formulas import (
    Fraction,
    Grid,
    Group,
    Label,
    Number,
    Script,
    Symbol,
    Total,
    called,
    plus,
    row,
    sign,
)
from clearprop.explanation.numbers import figure
from clearprop.explanation.render.canvas import drawn
from clearprop.explanation.render.inline import flat_of
from clearprop.explanation.render.prose import Prose
from clearprop.explanation.render.terminal import rich_of
from clearprop.explanation.render.typesetting import box_of


def printed(page, width=80):
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(rich_of(page))
    return capture.get()


def block(formula, width=None):
    return [line.plain.rstrip() for line in box_of(formula, width).lines]


def test_symbols_stand_above_their_numbers():
    assert block(row(*chain().parts[:1])) == ["   ∂E", "   ───", "   ∂w1", "4.386×10⁻⁴"]
    assert block(row(*chain().parts[2:5])) == [" a_i1   · f′(z_h1)", "0.05000 ·  0.2413"]


def test_a_matrix_has_brackets_and_labels():
    assert block(matrix()) == [
        "                o1      o2               ⎛    1     ⎞",
        "Wᵀ δ = h1 ⎡ 0.4000  0.5000⎤ ⎡  0.1385⎤ ⊙ ⎜──────────⎟",
        "       h2 ⎣−0.4500  0.5500⎦ ⎣−0.03810⎦   ⎝1 + e^(−z)⎠",
    ]


def test_lines_are_aligned():
    assert block(lines()) == [
        "z₁⁽²⁾ = Σ w_1k · a_k",
        "        k",
        "      = 0.4000 · 0.5932 + (−0.4500) · 0.5968 + (−0.6000)  h1",
        "      = −1.106×10⁻⁴",
    ]


def test_a_formula_in_one_line():
    assert flat_of(Fraction(Symbol("a"), plus([Number(1), Symbol("b")]))).plain == "a/(1 + b)"
    assert flat_of(Script(Symbol("e"), sup=row(sign("−"), Symbol("z")))).plain == "e^(−z)"
    assert flat_of(called(Symbol("f′"), Symbol("z", "1"))).plain == "f′(z₁)"
    assert flat_of(Total(Symbol("k"), Symbol("a", "k"))).plain == "Σ_k a_k"
    assert flat_of(Grid(((Number(1.0), Number(2.5)),))).plain == "[1, 2.500]"


@pytest.mark.parametrize("width", [40, 60, 80])
def test_what_is_too_wide_goes_on_below_and_loses_nothing(width):
    wide = row(Symbol("z"), sign("="), plus(Number(n + 0.5) for n in range(20)))
    got = block(wide, width)
    assert len(got) > 1
    assert max(map(cell_len, got)) <= width
    assert "".join(got).replace(" ", "") == flat_of(wide).plain.replace(" ", "")
    got = block(chain(), width)
    assert max(map(cell_len, got)) <= width
    assert "".join(got).count("0.1385") == 1
    table = Grid(
        (tuple(Number(n + 0.5) for n in range(20)),), ("h1",), tuple("abcdefghijklmnopqrst")
    )
    got = block(table, width)
    assert max(map(cell_len, got)) <= width
    found = re.findall(r"\d+\.\d+", "".join(got))
    assert found == [figure(n + 0.5) for n in range(20)]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_fits_80_columns(lang):
    text = printed(sample_page(lang))
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    for part in sample_page(lang).sections:
        assert part.title[0].text in text
    assert "✓ Σ" in text
    assert "✗ Σ" in text


def test_chinese_takes_two_places():
    both = row(Label("神经元"), sign("="), Number(1))
    assert box_of(both).width == 6 + 3 + 1
    rule = printed(sample_page("zh")).splitlines()
    at = rule.index("隐藏层的 δ")
    assert rule[at + 1] == "─" * 10


def test_a_picture_is_drawn_in_dots_with_its_texts():
    canvas = drawn(scene(), 80)
    text = "\n".join(line.plain for line in canvas)
    assert max(line.cell_len for line in canvas) <= 420 * 0.25 / 2
    assert "x1" in text
    assert "h1" in text
    assert "⠉⠉⠉⠉" in text
    # the heat map: below zero above, above zero below
    rows = [line.plain[-5:] for line in canvas if set(line.plain[-5:]) <= set("+−·")]
    assert rows == ["−−−··", "+++++"]


def test_chinese_lines_break_between_characters_but_not_before_a_mark():
    text = Line("误差沿权重传回，前一层的 δ 由此得出（链式法则）。")
    lines = [
        line.plain for line in Prose(text).__rich_console__(None, SimpleNamespace(max_width=16))
    ]
    assert lines == ["误差沿权重传回，", "前一层的 δ 由此", "得出（链式法", "则）。"]
    assert "".join(lines) == text.plain


def test_english_lines_break_at_spaces():
    text = Line("The error comes back along the weights.")
    lines = [
        line.plain for line in Prose(text).__rich_console__(None, SimpleNamespace(max_width=15))
    ]
    assert lines == ["The error comes", "back along the", "weights."]


def test_a_nested_expression_is_broken_inside_its_brackets_and_loses_nothing():
    terms = [row(Symbol("w", str(i)), sign("·"), Symbol("a", str(i))) for i in range(20)]
    parts = [part for term in terms for part in (sign("+"), term)][1:]
    inside = called(Symbol("f"), row(*parts))
    box = box_of(Script(Group(row(inside, sign("−"), Symbol("y"))), sup=Number(2)), 40)
    text = "".join("".join(line.plain.split()) for line in box.lines)
    assert box.width <= 40
    assert text == "(f(" + "+".join(f"w{s}·a{s}" for s in map(_foot, range(20))) + ")−y)²"


def _foot(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def test_an_index_with_a_sign_does_not_read_as_a_sum():
    assert flat_of(Symbol("a", "k", "l−1")).plain == "a_kˡ⁻¹"
    assert flat_of(Symbol("w", "i−j")).plain == "w_(i−j)"
