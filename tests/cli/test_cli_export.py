"""`clearprop export`, what `train` logs, and what is said where an extra is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from command_line import SHORT, flowers
from safetensors.numpy import load_file

import clearprop as package
from clearprop import MLPClassifier


def test_a_graph_that_is_checked(clearprop, model):
    pytest.importorskip("onnxruntime")
    flowers(12, seed=1).write_csv("new.csv")
    said = clearprop("export", model, "--onnx", "m.onnx", "--check", "new.csv")
    assert said.code == 0, said.err
    assert "it answers with label, probabilities, and wants" in said.out
    assert "  colour: text without spaces around it, empty where missing" in said.out
    assert "  seen: seconds since 1970-01-01 by the calendar, NaN where missing" in said.out
    assert "✓ onnxruntime gives the model's answers to" in said.out
    loaded = package.load(model)
    assert package.check_onnx(loaded, "m.onnx", pl.read_csv("new.csv")) < 1e-6
    document = json.loads(clearprop("export", model, "--onnx", "m.onnx", "--json").out)
    assert [each["name"] for each in document["inputs"]] == list(loaded.encoder_.used_columns)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_state_dict_and_its_code(clearprop):
    X = np.random.default_rng(0).normal(size=(20, 3))
    network = MLPClassifier((4,), max_iter=2, solver="lbfgs", engine="reference").fit(
        X, X[:, 0] > 0
    )
    package.save(network, "m.clearprop")
    said = clearprop("export", "m.clearprop", "--torch", "m.safetensors")
    assert said.out == "Written to m.safetensors, and its code to m.py\n"
    np.testing.assert_array_equal(load_file("m.safetensors")["0.weight"], network.coefs_[0].T)
    said = clearprop("export", "m.clearprop", "--onnx", "m.onnx", "--check", "iris")
    assert said.code == 1
    assert "knows no columns" in said.err


def test_what_is_said_of_wrong_wishes(clearprop, model):
    assert "--onnx FILE, or --torch FILE" in clearprop("export", model).err
    assert "--onnx FILE" in clearprop("export", model, "--torch", "a", "--check", "iris").err
    said = clearprop("export", model, "--torch", "m.safetensors")
    assert said.code == 1
    assert "TabularClassifier came. clearprop.to_onnx(model)" in said.err
    assert "is the file that is read" in clearprop("export", model, "--onnx", model).err


def test_training_is_logged(clearprop):
    flowers().write_csv("f.csv")
    command = ("train", "f.csv", "--target", "kind", *SHORT, "--quiet", "--log", "run.jsonl")
    assert clearprop(*command).code == 0
    with open("run.jsonl", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    assert [event["event"] for event in events] == ["begin", *["epoch"] * 3, "stop"]
    history = package.load("f.clearprop").history_
    assert [event["validation_loss"] for event in events[1:-1]] == history.validation_loss
    # periodic, scaling, hidden, output
    assert list(events[1]["gradient_norms"]) == ["1", "2", "3", "4"]
    assert "--log" in clearprop(*command[:-1], "none/run.jsonl").err


def test_training_of_series_is_logged(clearprop):
    frame = pl.DataFrame({"s": [0, 0, 1, 1, 2, 2, 3, 3] * 2, "k": list(range(16)),
                          "x": np.arange(16.0), "y": ["a", "a", "b", "b"] * 4})  # fmt: skip
    frame.write_csv("s.csv")
    small = ("--epochs", "2", "--hidden", "2", "--engine", "reference", "--test-share", "0")
    series = ("--sequence-id", "s", "--order-by", "k")
    said = clearprop(
        "train", "s.csv", "--target", "y", *series, *small, "--quiet", "--log", "run.jsonl"
    )
    assert said.code == 0, said.err
    with open("run.jsonl", encoding="utf-8") as file:
        assert len(file.readlines()) == 4


def test_completion():
    environment = {
        **os.environ,
        "_CLEARPROP_COMPLETE": "bash_complete",
        "COMP_WORDS": "clearprop ex",
        "COMP_CWORD": "1",
    }
    command = [sys.executable, "-c", "from clearprop.cli import main; main([])"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.split() == ["plain,explain", "plain,example", "plain,exercises",
                                   "plain,export"], done.stderr  # fmt: skip
