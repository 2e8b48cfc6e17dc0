"""`clearprop train`: what is inferred, said, measured and saved."""

from __future__ import annotations

import inspect
import json
import re

import numpy as np
import polars as pl
import pytest
from command_line import EXAMPLE, SHORT, flowers, numbers

import clearprop as package
from clearprop.cli.choices import SETTINGS
from clearprop.cli.train import command
from clearprop.estimators import TabularClassifier

WRITERS = {
    "csv": pl.DataFrame.write_csv,
    "tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "parquet": pl.DataFrame.write_parquet,
    "arrow": pl.DataFrame.write_ipc,
    "jsonl": pl.DataFrame.write_ndjson,
}


def _document(said):
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_account_of_the_example(clearprop):
    short = ("--epochs", "60")
    said = clearprop("train", EXAMPLE, "--target", "diagnosis", "--out", "m.clearprop", *short)
    assert said.code == 0
    for line in (
        r"569 rows, 31 columns",
        r"'diagnosis' holds text with 2 distinct values: classification",
        r"387 to learn from, 68 to find the best epoch, 114 held out",
        r"30 → 30 x 4 periodic → scaling → 256 parametric selu dropout 0\.15",
        r"learning rate 0\.04, batches of 33, 60 epochs",
        r"native, \d threads?, seed 0",
        r"accuracy +0\.9\d+ +0\.6316",
        r"∂E/∂w",
        r"✓ Σ paths (\S+) = gradient from the engine \1",
        r"✓ finite difference \S+ agrees",
        r"Saved to m\.clearprop",
    ):
        assert re.search(line, said.out), line
    assert "epoch" in said.err
    assert package.load("m.clearprop").score(pl.read_csv(EXAMPLE), "diagnosis") > 0.95


def test_json_is_one_object_that_agrees_with_the_model(clearprop):
    flowers().write_csv("f.csv")
    said = clearprop("train", "f.csv", "--target", "kind", *SHORT, "--json")
    document = _document(said)
    assert said.err == ""
    model = package.load(document["model"])
    assert document["network"]["parameters"] == model.network_.size
    assert document["rows"] == {"training": 61, "validation": 11, "test": 18}
    assert document["metrics"] == model.metrics_
    assert document["history"]["loss"] == model.history_.loss
    gradient = document["gradient"]
    assert gradient["agrees"]
    paths = sum(path["weight"] * path["delta"] for path in gradient["paths"])
    product = gradient["signal"] * gradient["slope"] * paths
    assert product == pytest.approx(gradient["finite_difference"], rel=1e-3)


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_model(clearprop, kind):
    numbers().write_csv("plain.csv")
    WRITERS[kind](numbers(), f"t.{kind}")
    first = _document(clearprop("train", "plain.csv", "--target", "y", *SHORT, "--json"))
    other = _document(clearprop("train", f"t.{kind}", "--target", "y", *SHORT, "--json"))
    assert other["metrics"] == first["metrics"]


def test_standard_input(clearprop):
    text = numbers().write_csv().encode()
    document = _document(clearprop("train", "-", "--target", "y", *SHORT, "--json", stdin=text))
    assert document["model"] == "model.clearprop"
    assert document["task"]["name"] == "regression"


@pytest.mark.parametrize(
    ("name", "targets", "task"),
    [
        ("iris", ["species"], "classification"),
        ("linnerud", ["Weight", "Waist", "Pulse"], "regression"),
    ],
)
def test_shipped_tables_know_their_targets(clearprop, name, targets, task):
    document = _document(clearprop("train", name, *SHORT, "--json"))
    assert document["task"]["targets"] == targets
    assert document["task"]["name"] == task


def test_arrays_know_their_labels(clearprop):
    draw = np.random.default_rng(0)
    X = draw.normal(size=(90, 3))
    np.savez("labels.npz", X=X, y=X > 0)
    document = _document(clearprop("train", "labels.npz", *SHORT, "--json"))
    assert document["task"]["targets"] == ["target0", "target1", "target2"]
    assert [metric["name"] for metric in document["metrics"]] == [
        "all labels right",
        "labels right",
    ]
    assert clearprop("evaluate", "labels.clearprop", "labels.npz").code == 0


def test_idx_files(clearprop):
    draw = np.random.default_rng(0)
    images = draw.integers(0, 255, (60, 2, 2)).astype(np.uint8)
    header = bytes([0, 0, 8, 3]) + np.array(images.shape, ">u4").tobytes()
    labels = (images[:, 0, 0] > 127).astype(np.uint8)
    with open("images.idx3-ubyte", "wb") as file:
        file.write(header + images.tobytes())
    with open("answers", "wb") as file:
        file.write(bytes([0, 0, 8, 1]) + np.array([60], ">u4").tobytes() + labels.tobytes())
    said = clearprop("train", "images.idx3-ubyte", "--labels", "answers", *SHORT, "--json")
    assert _document(said)["network"]["shape"] == [4, 16, 16, 8, 1]


def test_several_targets_of_numbers(clearprop):
    numbers().with_columns(z=pl.col("a") * 2).write_csv("t.csv")
    said = clearprop("train", "t.csv", "--target", "y", "--target", "z", *SHORT, "--json")
    shape = _document(said)["network"]["shape"]
    assert (shape[0], shape[-2:]) == (2, [8, 2])
    assert clearprop("predict", "t.clearprop", "t.csv").out.startswith("y,z\n")


def test_columns_that_say_something_of_rows_are_no_inputs(clearprop):
    rows = 100
    frame = flowers(rows).with_columns(
        w=pl.Series(np.linspace(0, 2, rows)), g=pl.int_range(rows) // 10, id=pl.int_range(rows)
    )
    frame.write_csv("t.csv")
    options = ("--weight", "w", "--group", "g", "--drop", "id", *SHORT, "--json")
    assert _document(clearprop("train", "t.csv", "--target", "kind", *options))["notes"] == []
    used = package.load("t.clearprop").encoder_.used_columns
    assert used == ("length", "colour", "wild", "seen", "width")


def test_time_holds_out_the_latest_rows(clearprop):
    # the last fifth follows another law, so that a split in order cannot predict it
    rows = 200
    draw = np.random.default_rng(0)
    x = draw.normal(size=rows)
    late = np.arange(rows) >= 160
    frame = pl.DataFrame({"x": x, "day": np.arange(rows), "y": np.where(late, 100.0, x)})
    frame.sample(fraction=1, shuffle=True, seed=1).write_csv("t.csv")
    document = _document(
        clearprop("train", "t.csv", "--target", "y", "--time", "day", *SHORT, "--json")
    )
    errors = {metric["name"]: metric["value"] for metric in document["metrics"]}
    assert errors["mean absolute error"] > 95
    assert document["rows"]["test"] == 40


def test_many_columns_with_one_fault_are_one_note(clearprop):
    numbers().with_columns([pl.lit(1).alias(f"c{k}") for k in range(9)]).write_csv("t.csv")
    said = clearprop("train", "t.csv", "--target", "y", *SHORT, "--quiet")
    assert said.err.count("Note:") == 1
    assert "9 columns are the same in every row and are not used: 'c0', 'c1', 'c2', …" in said.err


def test_identifiers_and_giveaways_are_warned_of(clearprop):
    frame = flowers(100).with_columns(
        id=pl.format("K{}", pl.int_range(100)), leak=(pl.col("kind") == "rose").cast(pl.Int64)
    )
    frame.write_csv("t.csv")
    err = clearprop("train", "t.csv", "--target", "kind", *SHORT, "--quiet").err
    assert re.search(r"Note: Column 'id' has a value of its own in every row", err)
    assert re.search(r"Note: Column 'leak' alone predicts the target 'kind'", err)


def test_a_model_goes_on_with_new_rows(clearprop):
    numbers(200).write_csv("old.csv")
    numbers(200, seed=1).write_csv("new.csv")
    first = _document(clearprop("train", "old.csv", "--target", "y", *SHORT, "--json"))
    said = clearprop("train", "new.csv", "--from", "old.clearprop", "--epochs", "40", "--json")
    later = _document(said)
    assert later["training"]["continued"]
    assert later["network"]["shape"] == first["network"]["shape"]
    # it begins where the other run ended
    assert later["history"]["loss"][0] < first["history"]["loss"][0]
    assert later["metrics"][0]["value"] > first["metrics"][0]["value"]
    model = package.load("new.clearprop")
    assert model.encoder_ == package.load("old.clearprop").encoder_
    assert not model.warm_start


def test_plot(clearprop):
    said = clearprop("train", "iris", *SHORT, "--quiet", "--plot", "curves.svg")
    assert said.code == 0
    with open("curves.svg", encoding="utf-8") as file:
        assert "<svg" in file.read()


def test_names_that_look_like_markup_are_printed_as_they_are(clearprop):
    numbers().rename({"a": "a[bold]", "y": "[red]y"}).write_csv("t[b].csv")
    said = clearprop("train", "t[b].csv", "--target", "[red]y", *SHORT)
    assert "t[b].csv: 90 rows" in said.out
    assert "'[red]y' holds numbers" in said.out


def test_defaults_in_the_help_are_the_estimators(clearprop):
    parameters = inspect.signature(TabularClassifier).parameters
    shown = {
        option.name: option.show_default
        for option in command.params
        if hasattr(option, "show_default")
    }
    for name in ("l2", "folds", "seed", "engine"):
        assert shown[name] == str(parameters[SETTINGS[name]].default)
    assert shown["hidden"] == ",".join(map(str, parameters["hidden_layer_sizes"].default))
