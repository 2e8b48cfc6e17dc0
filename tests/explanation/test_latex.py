"""A page as LaTeX: balanced, escaped, and compiled where there is a compiler."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from sample_page import chain, sample_page

from clearprop.explanation import explain
from clearprop.explanation.formulas import (
    Fraction,
    Grid,
    Group,
    Label,
    Number,
    Script,
    Symbol,
    Total,
    product,
    row,
    sign,
)
from clearprop.explanation.render.latex import latex_of
from clearprop.explanation.render.texmath import DOCUMENT, escaped, tex_of
from clearprop.explanation.render.tikz import tikz_of
from clearprop.explanation.scenes.scene import Circle, Heat, Path, Scene, Words
from clearprop.network import Dense, Network


@pytest.mark.parametrize(
    ("formula", "tex"),
    [
        (Symbol("δ", "1", "(2)"), r"{\delta }_{1}^{(2)}"),
        (Symbol("a", "h1"), r"a_{h1}"),
        (Symbol("a", "radius_mean"), r"a_{\text{radius\_mean}}"),
        (Symbol("∂E"), r"\partial E"),
        (Number(-4.38568e-4), r"-4.386 \times 10^{-4}"),
        (Number(float("inf")), r"\infty "),
        (Fraction(Number(1), Number(2)), r"\frac{1}{2}"),
        (Script(Symbol("W"), sup=Symbol("T")), "{W}^{T}"),
        (Total(Symbol("k"), Symbol("a", "k")), r"\sum_{k} a_{k}"),
        (Group(Fraction(Number(1), Symbol("n"))), r"\left( \frac{1}{n} \right)"),
        (Label("50% {a}"), r"\text{50\% \{a\}}"),
        (product([Number(2), Number(-3)]), r"2 \cdot  ( -3 )"),
        (row(Symbol("softmax"), sign("≈")), r"\mathrm{softmax} \approx "),
    ],
)
def test_formulas(formula, tex):
    assert tex_of(formula) == tex


def test_symbols_stand_above_their_numbers_column_by_column():
    inside = tex_of(chain())
    assert inside.startswith(r"\begin{array}{" + "c" * 17 + "}")
    above, below = inside.partition(r"\cr")[::2]
    assert above.count("&") == below.count("&") == 16


def test_a_matrix_has_its_labels():
    grid = Grid(((Number(1.5), Symbol("b")),), ("h1",), ("x", "y"))
    tex = tex_of(grid, DOCUMENT)
    assert r"\left[ \begin{array}{rr} 1.500 & b \end{array} \right]" in tex
    # as wide as the column's widest number
    assert r"\overset{\begin{array}{rr} \hphantom{1.500}\llap{$\scriptstyle \text{x}$} &" in tex
    assert r"\overset{\begin{array}{rr} \scriptstyle \text{x} & \scriptstyle \text{y}" in tex_of(
        grid
    )


def test_documents_have_colours_and_markdown_has_none():
    assert tex_of(Symbol("δ", role="error"), DOCUMENT) == r"\textcolor{cp-error}{\delta }"
    assert tex_of(Symbol("δ", role="error")) == r"\delta "


def test_nothing_in_a_text_is_a_command():
    assert escaped(r"100% of $5 & #1_a {x} \y ^2 ~") == (
        r"100\% of \$5 \& \#1\_a \{x\} \textbackslash{}y \textasciicircum{}2 \textasciitilde{}"
    )
    assert escaped("δ = −3×10⁻⁵ < w₁₂") == (r"$\delta$ = $-$3$\times$10$^{-5}$ $<$ w$_{12}$")
    assert escaped("误差") == "误差"


def balanced(text):
    text = text.replace(r"\{", "").replace(r"\}", "")
    text = re.sub(r"(?m)(?<!\\)%.*$", "", text)
    depth, lowest = 0, 0
    for letter in text:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        lowest = min(lowest, depth)
    open_ones = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            open_ones.append(name)
        elif not open_ones or open_ones.pop() != name:
            return False
    return depth == lowest == 0 and not open_ones


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_document_is_balanced(lang):
    text = latex_of(sample_page(lang))
    assert balanced(text)
    assert not balanced(text.replace(r"\end{array}", "", 1))
    assert ("ctexart" in text) == (lang == "zh")
    assert text.count(r"\section{") == 2
    if lang == "en":
        # any engine can set it
        assert text.isascii()


def test_a_real_page_has_no_letter_that_an_english_font_lacks():
    network = Network(3, (Dense(12, "tanh"), Dense(2, "softmax")), loss="cross_entropy")
    text = latex_of(explain(network, np.eye(3), [0, 1, 0]).page())
    assert balanced(text)
    assert sorted({letter for letter in text if not letter.isascii()} - set("–—“”é")) == []


def test_a_scene_is_drawn_mark_by_mark():
    path = Path((("M", 0, 0), ("A", 5, 5, 0, 0, 1, 10, 0), ("Z",)), role="error", dash=(2.0, 1.0))
    heat = Heat(0, 0, 4, 2, ((1.0, -1.0),), clip=path.commands)
    tex = tikz_of(Scene(20, 10, (path, heat, Circle(1, 2, 3, fill="ink"), Words(3, 4, "50%")), "t"))
    assert "svg {M 0 0 A 5 5 0 0 1 10 0 Z }" in tex
    assert "dash pattern=on 1.5bp off 0.75bp" in tex
    assert tex.count(r"\fill[") == 2
    assert r"\clip" in tex
    assert r"{50\%};" in tex
    assert balanced(tex)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lang", "program"), [("en", "pdflatex"), ("en", "xelatex"), ("zh", "xelatex")]
)
def test_a_document_compiles(lang, program, tmp_path):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    (tmp_path / "page.tex").write_text(latex_of(sample_page(lang)), encoding="utf-8")
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout + (tmp_path / "page.log").read_text(
        errors="replace"
    )
