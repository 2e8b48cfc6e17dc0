"""`clearprop predict`, `evaluate`, `check`, `info`, and the command line as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from command_line import SHORT, flowers, numbers
from sklearn.metrics import accuracy_score, log_loss

import clearprop as package
from clearprop.training import Epoch


def test_predict_is_the_models_own(clearprop, model):
    said = clearprop("predict", model, "flowers.csv", "--probabilities")
    got = pl.read_csv(said.out.encode())
    own = package.load(model)
    frame = pl.read_csv("flowers.csv")
    assert got.columns == ["kind", "P(kind=lily)", "P(kind=rose)"]
    assert got["kind"].to_list() == own.predict(frame).tolist()
    np.testing.assert_allclose(got["P(kind=rose)"], own.predict_proba(frame)[:, 1], rtol=1e-6)


def test_predict_to_a_file_beside_the_tables_columns(clearprop, model):
    table = flowers().write_csv().encode()
    said = clearprop("predict", model, "--append", "--out", "p.jsonl", stdin=table)
    assert (said.code, said.out) == (0, "")
    assert pl.read_ndjson("p.jsonl").columns == [*flowers().columns, "predicted kind"]


def test_predict_json(clearprop, model):
    document = json.loads(clearprop("predict", model, "flowers.csv", "--json").out)
    assert len(document["predictions"]) == 90
    assert set(document["predictions"][0]) == {"kind"}


def test_what_training_had_not_is_said(clearprop, model):
    lengths = [None, None, *flowers()["length"].to_list()[2:]]
    colours = ["green"] * 89 + ["teal"]
    strange = flowers().with_columns(
        colour=pl.Series(colours), length=pl.Series(lengths), wild=pl.lit(None)
    )
    strange.write_csv("t.csv")
    median = package.load(model).encoder_.columns[0].median
    unseen = [
        {"column": "length", "categories": 0, "examples": [], "missing": 2},
        {"column": "colour", "categories": 90, "examples": ["green", "teal"], "missing": 0},
        {"column": "wild", "categories": 0, "examples": [], "missing": 90},
    ]
    for verb in ("predict", "evaluate"):
        said = clearprop(verb, model, "t.csv", "--json")
        assert said.code == 0
        assert json.loads(said.out)["unseen"] == unseen
        for line in (
            "column 'colour' holds 90 values that training had not seen ('green', 'teal')",
            f"column 'length' is missing in 2 rows, and was never missing in training; the median, "
            f"{median:g}, stands in",
            "column 'wild' is missing in 90 rows",
        ):
            assert line in said.err
    known = clearprop("evaluate", model, "flowers.csv", "--json")
    assert json.loads(known.out)["unseen"] == []
    assert "training" not in known.err


def test_evaluate_against_scikit_learn(clearprop, model):
    document = json.loads(clearprop("evaluate", model, "flowers.csv", "--json").out)
    frame = pl.read_csv("flowers.csv")
    own = package.load(model)
    got = {metric["name"]: metric["value"] for metric in document["metrics"]}
    truth = frame["kind"].to_numpy()
    assert got["accuracy"] == accuracy_score(truth, own.predict(frame))
    assert got["log loss"] == pytest.approx(log_loss(truth, own.predict_proba(frame)), rel=1e-6)
    assert "held out in training" in clearprop("evaluate", model, "flowers.csv").out


def test_labels_that_are_text_stay_text(clearprop):
    rows = 60
    frame = pl.DataFrame(
        {"x": np.arange(rows) % 2, "code": ["007" if k % 2 else "x1" for k in range(rows)]}
    )
    frame.write_csv("t.csv")
    assert clearprop("train", "t.csv", "--target", "code", *SHORT, "--quiet").code == 0
    frame.filter(pl.col("code") == "007").write_csv("part.csv")
    assert clearprop("evaluate", "t.clearprop", "part.csv").code == 0


def test_check_passes_and_fails(clearprop, model):
    said = clearprop("check", model, "flowers.csv")
    assert said.code == 0
    assert "✓ Back-propagation and finite differences agree" in said.out
    document = json.loads(clearprop("check", model, "flowers.csv", "--json").out)
    assert document["passed"]
    assert document["error"] < 1e-6
    said = clearprop("check", model, "flowers.csv", "--tolerance", "1e-30")
    assert said.code == 1
    assert "✗" in said.out


def test_info(clearprop, model):
    out = clearprop("info", model).out
    for part in ("TabularClassifier", "Predicts: kind, classes lily, rose", "length", "boolean"):
        assert part in out
    document = json.loads(clearprop("info", model, "--json").out)
    assert document["model"]["kind"] == "tabular_classifier"


def test_info_of_a_bare_network(clearprop):
    package.save(
        package.Network(2, (package.Dense(3, "tanh"), package.Dense(1, "identity"))), "n.clearprop"
    )
    assert "2 → 3 tanh → 1 identity" in clearprop("info", "n.clearprop").out


def test_interrupted_training_keeps_the_best_epoch(clearprop, monkeypatch):
    from clearprop.cli.progress import ProgressBar

    draw = ProgressBar.__call__

    def interrupt(bar, event):
        draw(bar, event)
        if isinstance(event, Epoch) and event.epoch == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ProgressBar, "__call__", interrupt)
    numbers().write_csv("t.csv")
    said = clearprop("train", "t.csv", "--target", "y", "--epochs", "1000", "--patience", "1000")
    assert said.code == 0
    assert re.search(r"interrupted\. Best epoch: \d of 3", said.out)
    assert "The parameters of epoch" in said.err
    assert package.load("t.clearprop").stop_.reason == "interrupted"


def test_interrupted_before_training_saves_nothing(clearprop, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("clearprop.cli.training_job.inspect_columns", interrupted)
    said = clearprop("train", "iris")
    assert said.code == 1
    assert "Interrupted. Nothing was saved." in said.err
    assert not Path("iris.clearprop").exists()


# a process finds the package wherever it was imported from here
HERE = str(Path(package.__file__).parents[1])


def _process(*arguments, cwd, stdout=subprocess.PIPE, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "clearprop", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": HERE, **environment},
    )


def test_a_reader_that_leaves_is_no_error(tmp_path):
    read, write = os.pipe()
    os.close(read)
    process = _process("train", "--help", cwd=tmp_path, stdout=write)
    os.close(write)
    assert process.communicate(timeout=60)[1] == b""


def test_a_terminal_without_the_signs(tmp_path):
    process = _process("train", "iris", *SHORT, cwd=tmp_path, PYTHONIOENCODING="ascii")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert b"scaling ? 8 parametric selu" in out
    assert Path(tmp_path, "iris.clearprop").exists()


def test_help_is_quick_and_whole(clearprop):
    out = clearprop("--help").out
    assert "..." not in out.partition("Commands:")[2]
    code = (
        "import sys, clearprop.cli as c\n"
        "try: c.main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'polars', 'sklearn', 'numba', 'rich', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": HERE}
    call = [sys.executable, "-c", code]
    done = subprocess.run(call, capture_output=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0, done.stderr
