"""Bad input: one message with what was expected, what came and the way out; no file left behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from command_line import SHORT, flowers, numbers

QUIET = (*SHORT, "--quiet")


def _csv(text):
    Path("t.csv").write_text(text)


def _refused(said, *parts, code=1):
    assert said.code == code, (said.out, said.err)
    assert "Traceback" not in said.err
    assert said.out == ""
    for part in parts:
        assert part in said.err, said.err
    assert not list(Path().glob("*.clearprop*"))
    assert not list(Path().glob(".*"))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["'t.csv' is empty (0 bytes)"]),
        ("a,y\n", ["no rows"]),
        ("y\n1\n2\n3\n4\n", ["at least one column to learn from"]),
        ("a,y\n1,x\n2,x\n", ["'y' is 'x' in every row", "Name another target"]),
        ("a,y\n1,x\n2,\n3,z\n", ["missing in 1 of 3 rows (row 2)", "Remove those rows"]),
        ("a,y\n1,x\n2,z\n", ["No rows can be held out", "--test-share 0"]),
        ("a,y\n1,2\n3,7\n", ["No rows can be held out", "--test-share 0"]),
        ("a,y\n1,1.5\ninf,2.5\n3,3.5\n4,7.5\n", ["Column 'a' holds inf in row 2"]),
        ("a,y\n1,1.5\n2,inf\n3,3.5\n4,7.5\n", ["'y' is infinite in row 2"]),
        ("a,y\n1,2\n3,4,5\n", ["3"]),
    ],
)
def test_tables(clearprop, text, parts):
    _csv(text)
    _refused(clearprop("train", "t.csv", "--target", "y", *QUIET), *parts)


@pytest.mark.parametrize(
    ("options", "parts", "code"),
    [
        ([], ["Name the column to predict with --target", "length"], 2),
        (["--target", "knd"], ["There is no column 'knd'", "Did you mean 'kind'"], 1),
        (["--target", "kind", "--drop", "kind"], ["--drop and --target both name 'kind'"], 2),
        (["--target", "kind", "--group", "kind"], ["--group and --target"], 2),
        (["--target", "kind", "--weight", "colour"], ["--weight 'colour'", "row 1 holds"], 1),
        (["--target", "kind", "--weight", "nope"], ["--weight names 'nope'"], 1),
        (["--target", "kind", "--time", "seen", "--group", "wild"], ["by time or by group"], 1),
        (["--target", "kind", "--task", "regression"], ["Regression expects numbers"], 1),
        (["--target", "kind", "--loss", "nope"], ["There is no loss 'nope'"], 1),
        (["--target", "kind", "--activation", "rel"], ["Did you mean 'relu'"], 1),
        (["--target", "kind", "--seed", "-1"], ["--seed"], 2),
        (["--target", "kind", "--hidden", "a"], ["not a list of layer sizes"], 2),
        (["--target", "kind", "--plot", "p.txt"], ["must end in .png, .svg, .pdf"], 2),
        (["--target", "kind", "--labels", "l"], ["--labels goes with an IDX file"], 2),
        (["--target", "kind", "--format", "parquet"], ["to be a Parquet file"], 1),
        (["--target", "kind", "--out", "missing/m"], ["does not exist. Create it first"], 1),
        (["--target", "kind", "--out", "."], ["names the folder '.'"], 1),
        (["--target", "kind", "--out", "t.csv"], ["is the file that is read"], 1),
        (["--target", "kind", "--out", os.devnull], ["is a device"], 1),
        (["--target", "kind", "--from", "t.csv"], ["it looks like text"], 1),
        (
            ["--target", "kind", "--learning-rate", "1e30", "--batch-size", "4"],
            ["diverged in epoch 1", "Lower the"],
            1,
        ),
    ],
)
def test_options(clearprop, options, parts, code):
    flowers().write_csv("t.csv")
    before = Path("t.csv").read_bytes()
    _refused(clearprop("train", "t.csv", *SHORT[:2], "--quiet", *options), *parts, code=code)
    assert Path("t.csv").read_bytes() == before


def test_an_error_is_json_where_json_was_asked_for(clearprop):
    said = clearprop("train", "nope.csv", "--target", "y", "--json")
    assert said.code == 1
    assert "There is no file 'nope.csv'" in json.loads(said.out)["error"]


def test_a_class_that_only_the_held_out_rows_have(clearprop):
    _csv("t,x,y\n" + "".join(f"{k},{k % 3},{'abc'[k // 40]}\n" for k in range(120)))
    said = clearprop("train", "t.csv", "--target", "y", "--time", "t", *QUIET)
    assert said.code == 0  # some of class c are left to learn from
    Path("t.clearprop").unlink()
    _csv("t,x,y\n" + "".join(f"{k},{k % 3},{'abc'[min(k // 48, 2)]}\n" for k in range(120)))
    _refused(
        clearprop("train", "t.csv", "--target", "y", "--time", "t", *QUIET),
        "Row 97", "class 'c'", "--test-share",
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(clearprop):
    flowers().write_csv("t.csv")
    Path("closed").mkdir(mode=0o500)
    said = clearprop("train", "t.csv", "--target", "kind", *QUIET, "--out", "closed/m.clearprop")
    _refused(said, "cannot be written to")


@pytest.mark.parametrize("rows", [2, 5, 10])
def test_tiny_tables_train(clearprop, rows):
    numbers(rows).write_csv("t.csv")
    measured = ("--test-share", "0") if rows == 2 else ()
    options = ("--task", "regression", *measured, *SHORT)
    said = clearprop("train", "t.csv", "--target", "y", *options)
    assert said.code == 0, said.err
    assert "Rows      " in said.out
    assert "to find the best epoch" not in said.out


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (pl.lit("wide").alias("length"), ["'length' held numbers", "row 1 holds 'wide'"]),
        (pl.lit(float("inf")).alias("width"), ["'width' holds inf in row 1"]),
        (pl.lit("soon").alias("seen"), ["'seen'", "row 1"]),
    ],
)
def test_columns_that_changed_their_type(clearprop, model, change, parts):
    flowers().with_columns(change).write_csv("new.csv")
    said = clearprop("predict", model, "new.csv")
    assert said.code == 1
    assert said.out == ""
    for part in parts:
        assert part in said.err
    # going on with the model is refused in the same words, with the table's own row
    assert parts[0] in clearprop("train", "new.csv", "--from", model, "--epochs", "1").err


def test_columns_that_are_missing(clearprop, model):
    flowers().drop("length", "kind").write_csv("new.csv")
    assert "'length' are missing" in clearprop("predict", model, "new.csv").err.replace(
        " is ", " are "
    )
    said = clearprop("evaluate", model, "new.csv")
    assert said.code == 1
    assert "has no column 'kind', which is the model's target" in said.err


def test_classes_that_training_never_had(clearprop, model):
    flowers().with_columns(
        kind=pl.when(pl.int_range(90) == 7).then(pl.lit("fern")).otherwise("kind")
    ).write_csv("new.csv")
    for arguments in (("evaluate", model, "new.csv"), ("train", "new.csv", "--from", model)):
        said = clearprop(*arguments)
        assert said.code == 1
        assert "'lily' and 'rose'; row 8 holds 'fern'" in said.err


def test_damaged_models(clearprop, model):
    whole = Path(model).read_bytes()
    for damaged in (
        whole[:-1],
        whole[:700],
        whole.replace(b"lily", b"lilo", 1),
        b"",
        b"a,b\n1,2\n",
    ):
        Path(model).write_bytes(damaged)
        said = clearprop("predict", model, "flowers.csv")
        assert said.code == 1
        assert "could not be loaded" in said.err
        assert "Traceback" not in said.err


def test_files_that_are_not_what_their_names_say(clearprop):
    for name in ("t.parquet", "t.arrow", "t.npz", "t.csv.gz"):
        Path(name).write_text("hello")
    np.savez("objects.npz", X=np.array([{}], dtype=object))
    for name in ("t.parquet", "t.arrow", "t.npz", "objects.npz"):
        _refused(clearprop("train", name, "--target", "y"), name)


def test_models_of_another_kind_are_named(clearprop):
    import clearprop as package

    package.save(package.Network(2, (package.Dense(1),)), "n.clearprop")
    numbers().write_csv("t.csv")
    said = clearprop("predict", "n.clearprop", "t.csv")
    assert said.code == 1
    assert "holds a Network, which knows no columns" in said.err


def test_predict_does_not_overwrite_its_model(clearprop, model):
    before = Path(model).read_bytes()
    said = clearprop("predict", model, "flowers.csv", "--out", model)
    assert said.code == 1
    assert Path(model).read_bytes() == before
    assert clearprop("predict", model, "flowers.csv", "--out", "p.xyz").code == 2


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["predct"], "Did you mean 'predict'"),
        (["train"], "Missing argument 'TABLE'"),
        ([], "Usage"),
    ],
)
def test_wrong_usage(clearprop, arguments, part):
    said = clearprop(*arguments)
    assert said.code == 2
    assert part in said.err
