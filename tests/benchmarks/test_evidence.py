"""Errors, ranks and wins by hand; fits that are done are not done again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.evidence import __main__ as script
from benchmarks.evidence import measures, page, rows
from benchmarks.evidence.data import load
from benchmarks.evidence.methods import MEMBERS, METHODS, OURS, Method
from benchmarks.evidence.summary import Board
from sklearn.dummy import DummyClassifier


def row(table, split, method, errors, seconds=1.0, timed=False):
    """Return a fit as the file of rows has it."""
    return {"table": table, "split": split, "method": method, "versions": {"it": "1"},
            "threads": 1, "timed": timed, "seconds": seconds, "errors": errors}  # fmt: skip


def test_errors_of_classes_by_hand():
    p = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.9, 0.1]])
    found = measures.of_classes(np.array(list("abab")), np.array(["a", "b"]), p)
    # of the pairs (b, a) with p(b) 0.6, 0.1 and 0.2, 0.7 one of four is in order
    assert found == pytest.approx(
        {"error": 0.5, "log loss": -np.log(0.8 * 0.6 * 0.3 * 0.1) / 4, "1 - AUC": 0.75}
    )


def test_a_probability_of_zero_costs_no_more_than_the_least_that_is_told_apart():
    p = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = measures.of_classes(np.array(["b", "b"] + ["a"]), np.array(["a", "b"]),
                                np.vstack([p, p[:1]]))  # fmt: skip
    assert found["log loss"] == pytest.approx(23 * np.log(2) / 3)


def test_errors_of_a_number_are_in_standard_deviations():
    found = measures.of_number(np.array([1.0, 3.0]), np.array([[1.0], [1.0]]))
    assert found == {"RMSE/std": pytest.approx(np.sqrt(2))}


ERRORS = {
    ("one", 0): (0.1, 0.2, 0.3), ("one", 1): (0.3, 0.2, 0.5), ("two", 0): (0.4, 0.4, 0.2),
}  # fmt: skip


@pytest.fixture
def board():
    """Two tables, three methods; of table two a split that one method lacks."""
    found = rows.latest(
        [row(table, split, method, {"RMSE/std" if table == "two" else "error": error})
         for (table, split), errors in ERRORS.items()
         for method, error in zip("ABC", errors, strict=True)]
        + [row("two", 1, "A", {"RMSE/std": 9.0})]
    )  # fmt: skip
    return Board.of(found, "ABC", ["one", "two", "three"], ("error", "RMSE/std"))


def test_boards_take_the_splits_that_all_have(board):
    assert (board.pairs, board.lacking) == (3, 1)
    assert list(board.tables) == ["one", "two"]


def test_ranks_by_hand(board):
    # one: (1, 2, 3) and (2, 1, 3); two: (2.5, 2.5, 1)
    assert board.ranks() == pytest.approx([(1.5 + 2.5) / 2, (1.5 + 2.5) / 2, (3 + 1) / 2])


def test_normalised_errors_by_hand(board):
    # means of one: 0.2, 0.2, 0.4; of two: 0.4, 0.4, 0.2
    assert board.normalised() == pytest.approx([0.5, 0.5, 0.5])
    assert board.geometric()[0] == pytest.approx(np.sqrt(0.21 * 0.41))


def test_wins_ties_and_losses(board):
    assert board.duel("A", "B") == (1, 1, 1)
    assert board.duel("A", "C") == (2, 0, 1)


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_splits_are_four_fifths_and_always_the_same(name):
    table = load(name)
    train, test = table.split(3)
    assert len(test) == int(np.ceil(0.2 * len(table.y)))
    assert sorted([*train, *test]) == list(range(len(table.y)))
    assert (table.split(3)[1] == test).all()
    assert not np.array_equal(table.split(4)[1], test)


def test_splits_of_classes_keep_their_shares():
    table = load("wine")
    counts = Counter(table.y[table.split(0)[1]])
    assert all(abs(counts[c] - 0.2 * n) < 1 for c, n in Counter(table.y).items())


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """A method that knows nothing and counts its fits, and one that is not installed."""
    fits = []

    def build(table, seed, threads):
        fits.append((table.name, seed))
        return DummyClassifier()

    dummy = Method("dummy", build, "sklearn", ("scikit-learn",), "the prior")
    absent = replace(dummy, name="absent", module="no_such_module")
    monkeypatch.setattr(script, "METHODS", {"dummy": dummy, "absent": absent})
    return fits, tmp_path / "rows.jsonl"


def options(file, splits):
    """Return the options of a run on two small tables."""
    return script.parse(["--tables", "wine,iris", "--methods", "dummy; absent", "--rows",
                         str(file), "--splits", str(splits)])  # fmt: skip


def test_a_run_goes_on_where_another_stopped(counted):
    fits, file = counted
    script.run(options(file, 1))
    script.run(options(file, 2))
    assert fits == [("wine", 0), ("iris", 0), ("wine", 1), ("iris", 1)]
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(r["table"], r["split"]) for r in kept] == fits
    # iris has 30 test rows, 10 of each class
    assert kept[1]["errors"]["error"] == pytest.approx(2 / 3)


def test_fits_of_another_version_are_done_again(counted):
    fits, file = counted
    script.run(options(file, 1))
    file.write_text(file.read_text().replace('"scikit-learn": "', '"scikit-learn": "0.'))
    script.run(options(file, 1))
    assert len(fits) == 4


def test_what_is_not_installed_is_said(counted, capsys):
    script.run(options(counted[1], 0))
    assert "absent is left out: the module no_such_module is not installed" in (
        capsys.readouterr().err
    )


def test_names_that_there_are_not(capsys):
    with pytest.raises(SystemExit):
        script.parse(["--tables", "irises"])
    assert "no table irises; there are iris, wine" in capsys.readouterr().err


def test_the_page_tells_times_of_runs_alone_and_who_was_left_out(tmp_path):
    known = [row("iris", 0, name, {"error": 0.1}, seconds, timed)
             for name, seconds, timed in [(OURS, 2.0, True), ("RealMLP-TD", 14.0, True),
                                          (OURS, 99.0, False)]]  # fmt: skip
    drawn = page.tables(known, list(METHODS))
    page.write(tmp_path / "page.md", drawn, ["LightGBM"])
    text = (tmp_path / "page.md").read_text()
    assert "| iris | 2.00 | 14.0 |" in text
    assert "| iris | 1.00× | 7.00× |" in text
    assert "nothing was fitted with them: LightGBM." in text


def test_members_and_unseen_splits_have_boards_of_their_own():
    known = [row("iris", split, name, {"error": error}) for split in (0, 2)
             for name, error in [(OURS, 0.1 + split), ("LightGBM", 0.2)]]  # fmt: skip
    known += [row("iris", 0, MEMBERS, {"error": 0.05}), row("wine", 0, OURS, {"error": 0.1})]
    drawn = {table.title: table for table in page.tables(known, list(METHODS))}
    assert [cells[0] for cells in drawn["Together"].rows] == [OURS, "LightGBM"]
    assert drawn["Together: unseen splits"].rows[0][1] == "2.00"
    members = drawn["With members: error of classes, RMSE/std of numbers"]
    # of the one split that all three have members are the first
    assert [cells[:2] for cells in members.rows[:2]] == [[OURS, "2.00"], [MEMBERS, "1.00"]]
    assert "Tables iris." in members.about
