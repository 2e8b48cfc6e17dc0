"""`clearprop report` and `clearprop train --report`: one page, from rows that were held out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
from command_line import SHORT, flowers, numbers


def page(name: str) -> str:
    """Return the text of a page, without its tags."""
    text = re.sub(r"<(style|script)>.*?</\1>", "", Path(name).read_text("utf-8"), flags=re.S)
    return re.sub(r"<[^>]*>", "", text)


def test_training_reports_the_rows_that_it_held_out(clearprop):
    flowers().write_csv("f.csv")
    said = clearprop("train", "f.csv", "--target", "kind", *SHORT, "--report", "f.html", "--json")
    assert said.code == 0
    assert "Wrote f.html." in said.err
    document = json.loads(said.out)
    assert document["rows"]["test"] == 18
    accuracy = next(m["value"] for m in document["metrics"] if m["name"] == "accuracy")
    text = page("f.html")
    assert f"right on {round(18 * accuracy)} of 18 rows that it had not seen" in text
    # rows are called by their places in the table; those held out are known by the seed
    told = {int(row.replace(",", "")) for row in re.findall(r"\(row ([\d,]+)\)", text)}
    assert told <= set(range(1, 91))
    assert max(told) > 18
    assert "gradient boosting" in text


def test_the_page_is_in_chinese(clearprop):
    numbers().write_csv("n.csv")
    said = clearprop(
        "train", "n.csv", "--target", "y", *SHORT, "--quiet", "--report", "n.html", "--lang", "zh"
    )
    assert said.code == 0
    assert '<html lang="zh-Hans">' in Path("n.html").read_text("utf-8")
    assert "效果如何" in page("n.html")


def test_without_held_out_rows_the_page_says_so(clearprop):
    flowers().write_csv("f.csv")
    arguments = ("--target", "kind", *SHORT, "--quiet", "--test-share", "0", "--report", "f.html")
    assert clearprop("train", "f.csv", *arguments).code == 0
    assert "measured on the rows that it learned from" in page("f.html")


def test_a_model_is_reported_on_a_table(clearprop, model):
    flowers(40, seed=1).write_csv("new.csv")
    said = clearprop("report", model, "new.csv")
    assert said.code == 0
    assert "Wrote flowers.html." in said.err
    assert "of 40 rows" in page("flowers.html")
    assert "were not at hand" in page("flowers.html")
    said = clearprop("report", model, "new.csv", "--learned-from", "flowers.csv", "--out", "b.html")
    assert said.code == 0
    assert "gradient boosting" in page("b.html")


def test_groups_are_drawn_whole(clearprop):
    table = flowers(120)
    table.with_columns(pl.Series("who", [k // 6 for k in range(120)])).write_csv("g.csv")
    arguments = ("--target", "kind", "--group", "who", *SHORT, "--quiet", "--report", "g.html")
    assert clearprop("train", "g.csv", *arguments).code == 0
    assert "whole groups" in page("g.html")
    assert "Wilson's" not in page("g.html").split("What kind of mistakes")[1].split("chances")[0]


def test_what_cannot_be_reported_is_said(clearprop, model):
    flowers().drop("kind").write_csv("bare.csv")
    said = clearprop("report", model, "bare.csv")
    assert said.code == 1
    assert "no column 'kind', which is the model's target" in said.err
    said = clearprop("report", model, "flowers.csv", "--out", "nowhere/r.html")
    assert said.code == 1
    assert "The folder of --out 'nowhere/r.html' does not exist" in said.err
    said = clearprop("train", "flowers.csv", "--target", "kind", "--report", "flowers.csv")
    assert said.code == 1
    assert "--report 'flowers.csv' is the file that is read" in said.err
    said = clearprop(
        "train", "flowers.csv", "--target", "length", "--forecast", "2", "--report", "r.html"
    )
    assert said.code == 2
    assert "--report is for tables of single rows" in said.err
