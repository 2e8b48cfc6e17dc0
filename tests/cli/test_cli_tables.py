"""Folds, intervals, calibration and search on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
from command_line import SHORT, flowers, numbers

import clearprop as package


def test_folds_are_trained_told_and_used(clearprop):
    flowers().write_csv("f.csv")
    said = clearprop("train", "f.csv", "--target", "kind", *SHORT, "--folds", "3")
    assert said.code == 0
    assert "3 networks, one for each fold" in said.out
    assert "Probabilities are calibrated: temperature" in said.out
    model = package.load("f.clearprop")
    assert len(model.bagged_) == 3
    told = clearprop("info", "f.clearprop").out
    assert "Networks: 3, one for each fold" in told
    assert f"Calibrated: temperature {model.temperature_:.3g}" in told
    predicted = clearprop("predict", "f.clearprop", "f.csv", "--probabilities").out.encode()
    np.testing.assert_allclose(
        pl.read_csv(predicted)["P(kind=rose)"], model.predict_proba(flowers())[:, 1], rtol=1e-6
    )


def test_intervals_are_columns_beside_the_prediction(clearprop):
    numbers().write_csv("n.csv")
    assert clearprop("train", "n.csv", "--target", "y", *SHORT, "--quiet").code == 0
    said = clearprop("predict", "n.clearprop", "n.csv", "--interval", "0.5")
    got = pl.read_csv(said.out.encode())
    assert got.columns == ["y", "y from", "y to"]
    model = package.load("n.clearprop")
    np.testing.assert_allclose(
        got["y from", "y to"].to_numpy(), model.predict_interval(numbers(), 0.5), rtol=1e-6
    )
    assert "Intervals: from the errors of" in clearprop("info", "n.clearprop").out
    beside = clearprop("predict", "n.clearprop", "n.csv", "--interval", "0.5", "--append")
    assert pl.read_csv(beside.out.encode()).columns[-3:] == ["predicted y", "y from", "y to"]


def test_intervals_are_for_numbers(clearprop, model):
    said = clearprop("predict", model, "flowers.csv", "--interval", "0.9")
    assert said.code == 2
    assert "target is numbers" in said.err


def test_a_search_says_its_trials_and_the_best_one_is_trained(clearprop):
    flowers().write_csv("f.csv")
    options = ("train", "f.csv", "--target", "kind", "--epochs", "2", "--json")
    said = clearprop(*options, "--search-minutes", "0.02", "--trials", "t.json")
    assert said.code == 0
    assert "Trial 1: error" in said.err
    assert "Best: trial" in said.err
    trials = json.loads(Path("t.json").read_text(encoding="utf-8"))["trials"]
    best = max(trials, key=lambda trial: trial["score"])
    trained = json.loads(said.out)["training"]["choices"]
    for name, value in best["parameters"].items():
        assert trained[name] == value
    again = clearprop(*options, "--search-minutes", "0.0001", "--trials", "t.json")
    assert json.loads(again.out)["training"]["choices"] == trained


def test_a_file_of_trials_needs_a_search(clearprop):
    flowers().write_csv("f.csv")
    said = clearprop("train", "f.csv", "--target", "kind", "--trials", "t.json")
    assert said.code == 2
    assert "--search-minutes" in said.err
