"""`clearprop explain`, `example` and `exercises`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from command_line import flowers

import clearprop as package
from clearprop import Parameters
from clearprop.cli.pages import LANGUAGES
from clearprop.explanation.words import LANGUAGES as WORDS


def _sections(html: str) -> list[str]:
    return re.findall(r'<section[^>]* id="([^"]+)"', html)


def _traced(model, rows):
    frame = pl.read_csv("flowers.csv")[rows]
    return package.load(model).trace(frame.drop("kind"), frame.select("kind"))


# explain


def test_one_row_is_counted_from_1_and_printed(clearprop, model):
    said = clearprop("explain", model, "flowers.csv", "--row", 7, "--weight", "h3.2<-length")
    assert said.code == 0, said.err
    assert "h3.2<-length" in said.out
    trace = _traced(model, slice(6, 7))
    names = list(package.load(model).encoder_.feature_names)
    # the column's own unit is the first of those that the waves make of it
    waves = trace.network.layers[0]
    source = waves.columns.index(names.index("length")) * waves.features
    gradient = float(Parameters(trace.network, trace.gradient)["W3"][1, source])
    assert f"{gradient:.4g}".replace("-", "−") in said.out
    # other samples are no theme where there is one
    assert "Which samples push" not in said.out


def test_a_batch_is_the_first_rows_unless_said(clearprop, model):
    document = json.loads(clearprop("explain", model, "flowers.csv", "--json").out)
    assert package.Explanation.from_document(document).trace.rows.tolist() == list(range(32))
    said = clearprop("explain", model, "flowers.csv", "--rows", "5-12", "--json")
    trace = package.Explanation.from_document(json.loads(said.out)).trace
    # rows are told by their places in the table
    assert trace.rows.tolist() == list(range(4, 12))
    np.testing.assert_array_equal(trace.losses, _traced(model, slice(4, 12)).losses)


def test_the_row_of_a_batch_is_the_one_that_numbers_belong_to(clearprop, model):
    said = clearprop("explain", model, "flowers.csv", "--rows", "5-12", "--row", 7)
    assert said.code == 0
    assert "sample 2 of the batch of 8" in re.sub(r"\s+", " ", said.out)
    assert "Which samples push" in said.out


def test_another_engine_computes_it(clearprop, model):
    said = clearprop("explain", model, "flowers.csv", "--row", 3, "--engine", "reference")
    assert "as the reference engine computed it" in re.sub(r"\s+", " ", said.out)


def test_one_of_several_members_is_explained(clearprop, tmp_path):
    flowers().write_csv("flowers.csv")
    made = package.TabularClassifier((4,), max_epochs=2, engine="reference", members=3)
    package.save(made.fit(flowers(), "kind"), "members.clearprop")
    first, third = (
        json.loads(clearprop("explain", "members.clearprop", "flowers.csv", *asked, "--json").out)
        for asked in ((), ("--member", 3))
    )
    assert (first["member"], third["member"]) == (0, 2)
    own = package.Explanation.from_document(third).trace.vector
    assert own.tolist() == made.parameters_.member(2).vector.tolist()
    said = clearprop("explain", "members.clearprop", "flowers.csv", "--member", 3)
    assert "It is member 3 of 3 that share" in re.sub(r"\s+", " ", said.out)
    wrong = clearprop("explain", "members.clearprop", "flowers.csv", "--member", 4)
    assert wrong.code != 0
    assert "the model has 3 members" in wrong.err


def test_files_hold_every_chapter(clearprop, model):
    from clearprop.explanation.chapters import CHAPTERS

    files = ("--html", "p.html", "--markdown", "p.md", "--latex", "p.tex", "--svg", "p.svg")
    said = clearprop("explain", model, "flowers.csv", "--row", 7, *files, "--lang", "zh")
    assert (said.code, said.out) == (0, "")
    assert said.err.count("Wrote") == 4
    html = Path("p.html").read_text()
    # errors are carried through front layers in one way only
    assert _sections(html) == [chapter for chapter in CHAPTERS if chapter != "carriers"]
    assert 'lang="zh' in html
    assert "每一个数字的来历" in Path("p.md").read_text()
    assert "每一个数字的来历" in Path("p.tex").read_text()
    assert Path("p.svg").read_text().startswith("<svg")


def test_chapters_are_chosen(clearprop, model):
    options = ("--row", 7, "--chapters", "forward,check", "--html", "p.html")
    assert clearprop("explain", model, "flowers.csv", *options).code == 0
    assert _sections(Path("p.html").read_text()) == ["forward", "check"]
    said = clearprop("explain", model, "flowers.csv", "--chapters", "chian")
    assert said.code == 2
    assert "Did you mean 'chain'" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--row", 91), 1, "has 90 rows, so there is no row 91"),
        (("--rows", "80-100"), 1, "there is no row 100"),
        (("--rows", "5-12", "--row", 13), 1, "--row 13 is not among the rows 5 to 12"),
        (("--rows", "12-5"), 2, "no range of rows"),
        (("--rows", "0-5"), 2, "no range of rows"),
        (("--row", 0), 2, "x>=1"),
        (("--weight", "h1.99<-length"), 1, "no unit 'h1.99'"),
        (("--html", "flowers.csv"), 1, "is the file that is read"),
        (("--svg", "flowers.clearprop"), 1, "is the file that is read"),
        (("--html", "nowhere/p.html"), 1, "does not exist"),
        (("--html", "p", "--markdown", "p"), 2, "name the same file"),
        (("--lang", "fr"), 2, "is not one of 'en', 'zh'"),
    ],
)
def test_wrong_arguments_are_refused(clearprop, model, arguments, code, message):
    before = sorted(os.listdir())
    said = clearprop("explain", model, "flowers.csv", *arguments)
    assert said.code == code
    assert message in said.err
    assert sorted(os.listdir()) == before


def test_a_failed_run_leaves_an_existing_page_as_it_was(clearprop, model):
    Path("p.html").write_text("old")
    said = clearprop("explain", model, "flowers.csv", "--weight", "nothing", "--html", "p.html")
    assert said.code == 1
    assert Path("p.html").read_text() == "old"


# example


def test_examples_are_listed(clearprop):
    from clearprop.explanation.examples import EXAMPLES

    said = clearprop("example")
    assert said.code == 0
    assert re.findall(r"^([a-z-]+)  ", said.out, re.MULTILINE) == list(EXAMPLES)


def test_an_example_goes_to_the_terminal_or_to_a_file(clearprop):
    said = clearprop("example", "logistic")
    assert said.code == 0
    assert "The error is at hand" in said.out
    assert clearprop("example", "logistic", "--lang", "zh", "--html", "l.html").out == ""
    html = Path("l.html").read_text()
    assert "逻辑回归" in html
    assert "direct" in _sections(html)


def test_the_language_may_come_from_the_environment(clearprop, monkeypatch):
    monkeypatch.setenv("CLEARPROP_LANG", "zh")
    assert "逻辑回归" in clearprop("example").out
    assert "Logistic" in clearprop("example", "--lang", "en").out


def test_wrong_examples_are_refused(clearprop):
    said = clearprop("example", "logistics")
    assert said.code == 1
    assert "Did you mean 'logistic'" in said.err
    assert clearprop("example", "--html", "p.html").code == 2


def test_languages_are_those_of_the_catalogue():
    assert LANGUAGES == WORDS


# exercises


def test_exercises_of_an_example_without_and_with_solutions(clearprop):
    about = ("--about", "delta h1", "--about", "new w1")
    plain = clearprop("exercises", "two-two-two", *about)
    assert plain.code == 0
    assert "Compute δ = ∂E/∂z of h1" in plain.out
    assert "0.008771" not in plain.out
    solved = clearprop("exercises", "two-two-two", *about, "--solutions")
    assert "0.008771" in solved.out
    assert "0.14978" in solved.out


def test_exercises_are_chosen_by_a_seed_and_printed(clearprop):
    for seed in (0, 0, 1):
        options = ("--count", 3, "--seed", seed, "--html", f"e{seed}.html", "--lang", "zh")
        assert clearprop("exercises", "G", *options).code == 0
    first, other = (Path(f"e{seed}.html").read_text() for seed in (0, 1))
    assert _sections(first) == ["exercise-1", "exercise-2", "exercise-3"]
    assert first != other
    assert "已知" in first


def test_exercises_of_a_model_on_a_row(clearprop, model):
    said = clearprop(
        "exercises", model, "flowers.csv", "--row", 7, "--about", "z h3.1", "--solutions"
    )
    assert said.code == 0, said.err
    value = float(_traced(model, slice(6, 7)).z[2][0, 0])
    assert f"The answer is {value:.4g}".replace("-", "−") in said.out


def test_answers_are_checked_line_by_line(clearprop):
    answers = b"0.0275\n0.3775\nabc\n\n-0.593\n0.593270\n"
    about = ("--about", "z h1", "--about", "slope h1", "--about", "a h1")
    said = clearprop("exercises", "two-two-two", *about, "--ask", stdin=answers)
    assert said.code == 0
    # the bias is missing; then right; not a number; given up; the sign; then right
    assert "the bias is missing" in said.out
    assert "Go on from step 4" in said.out
    assert "'abc' is not a number" in said.err
    assert "The answer is 0.2413" in said.out
    assert "the sign is not" in said.out
    assert "2 of 3 right" in said.out


def test_asking_ends_with_the_input(clearprop):
    said = clearprop("exercises", "G", "--ask", "--lang", "zh", stdin=b"")
    assert said.code == 0
    assert "6 题中答对 0 题" in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nothing",), 1, "no example 'nothing'"),
        (("flowers.csv",), 2, "name a TABLE, too"),
        (("G", "--ask", "--solutions"), 2, "--ask goes without --solutions"),
        (("G", "--row", 2), 1, "has 1 sample, so"),
        (("G", "--about", "delta h3"), 1, "no hidden or output unit 'h3'"),
        (("G", "--count", 0), 2, "x>=1"),
    ],
)
def test_wrong_wishes_are_refused(clearprop, arguments, code, message):
    flowers().write_csv("flowers.csv")
    said = clearprop("exercises", *arguments)
    assert said.code == code
    assert message in re.sub(r"\s+", " ", said.err)
