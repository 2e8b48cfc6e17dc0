"""`clearprop train --sequence-id …` and `--forecast …`: what is inferred, said and refused."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clearprop import load

EXAMPLES = Path(__file__).parents[2] / "examples"
QUICK = ("--engine", "reference", "--epochs", "3", "--hidden", "4")
SERIES = ("--sequence-id", "who", "--order-by", "at")


def moves(count=24, seed=0, *, steps=False):
    """Series that rise or fall, with a column of text; `steps` gives each step its own label."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        rises = number % 2
        for step in range(int(draw.integers(2, 7))):
            level = (step if rises else -step) + 0.1 * draw.normal()
            label = ("high" if level > 0 else "low") if steps else ("up" if rises else "down")
            rows.append((f"s{number}", step, 100 + level, "ab"[number % 3 > 0], label))
    return pl.DataFrame(rows, ["who", "at", "level", "sort", "move"], orient="row")


@pytest.fixture
def trained(clearprop):
    """A model of the moves, in the folder."""
    moves().write_csv("moves.csv")
    assert clearprop("train", "moves.csv", "--target", "move", *SERIES, *QUICK, "--quiet").code == 0
    return "moves.clearprop"


def table_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_plan_says_what_was_inferred(clearprop):
    moves().write_csv("moves.csv")
    said = clearprop("train", "moves.csv", "--target", "move", *SERIES, *QUICK)
    assert said.code == 0, said.err
    words = " ".join(said.out.split())
    assert "24 by 'who', of 2 to 6 steps, in the order of 'at'" in words
    assert "the same in all rows of a series, so there is one answer a series" in words
    assert "19 series to learn from, 5 held out to measure the model" in words
    assert "2 from 1 numeric, 1 text columns, standardised over all steps" in words
    assert "2 → 2 x 4 LSTM dropout 0.2 → mean → 1 sigmoid" in words
    assert "5 held-out series network baseline" in words
    assert "✓ Back-propagation through time and finite differences agree on 8 entries" in words
    assert max(map(len, said.out.splitlines())) <= 100


def test_one_answer_a_step_is_seen_or_asked_for(clearprop):
    moves(steps=True).write_csv("steps.csv")
    said = clearprop("train", "steps.csv", "--target", "move", *SERIES, *QUICK, "--json")
    document = json.loads(said.out)
    assert document["task"]["per"] == "step"
    assert document["network"]["summary"].endswith("→ every → 1 sigmoid")
    model = load("steps.clearprop")
    assert model.per_step_
    assert model.network_.layers[0].direction == "forward"
    said = clearprop("predict", "steps.clearprop", "steps.csv")
    rows = table_of(said.out)
    frame = pl.read_csv("steps.csv")
    assert [row["who"] for row in rows] == frame["who"].to_list()
    assert [row["at"] for row in rows] == [str(at) for at in frame["at"]]
    assert [row["move"] for row in rows] == model.predict(frame).tolist()
    forced = clearprop("train", "steps.csv", "--target", "move", *SERIES, *QUICK, "--per", "series")
    assert forced.code == 1
    assert "One target a series was asked for, but it is" in forced.err
    moves().write_csv("moves.csv")
    said = clearprop("train", "moves.csv", "--target", "move", *SERIES, *QUICK, "--per", "step")
    assert "one answer a step, as asked" in said.out


def test_predictions_are_those_of_the_model(clearprop, trained):
    model, frame = load(trained), moves()
    said = clearprop("predict", trained, "moves.csv", "--probabilities")
    rows = table_of(said.out)
    assert [row["who"] for row in rows] == [f"s{k}" for k in range(24)]
    assert [row["move"] for row in rows] == model.predict(frame).tolist()
    shares = [float(row["P(move=up)"]) for row in rows]
    np.testing.assert_allclose(shares, model.predict_proba(frame)[:, 1], rtol=1e-6)
    said = clearprop("predict", trained, "moves.csv", "--append")
    rows = table_of(said.out)
    assert len(rows) == frame.height
    by_series = dict(zip([f"s{k}" for k in range(24)], model.predict(frame), strict=True))
    assert all(row["predicted move"] == by_series[row["who"]] for row in rows)
    without = frame.drop("move")
    without.write_csv("new.csv")
    assert table_of(clearprop("predict", trained, "new.csv").out)[0]["who"] == "s0"


def test_measures_are_those_of_the_model(clearprop, trained):
    model, frame = load(trained), moves()
    document = json.loads(clearprop("evaluate", trained, "moves.csv", "--json").out)
    assert document["series"] == 24
    assert document["metrics"][0]["name"] == "accuracy"
    assert document["metrics"][0]["value"] == pytest.approx(model.score(frame, "move"))
    said = clearprop("evaluate", trained, "moves.csv")
    assert "held out in training" in said.out
    said = clearprop("info", trained)
    assert "Predicts: move, one a series, classes down, up" in said.out
    assert "Series: by 'who', ordered by 'at'" in said.out
    assert "held-out series" in said.out


def test_training_goes_on_from_a_model(clearprop, trained):
    before = load(trained).parameters_.vector
    said = clearprop(
        "train", "moves.csv", *SERIES, "--from", trained, "--epochs", "1", "--json", "--out", "m"
    )
    document = json.loads(said.out)
    assert document["training"]["continued"]
    assert not np.array_equal(load("m").parameters_.vector, before)
    said = clearprop("train", "moves.csv", *SERIES, "--from", trained, "--cell", "gru")
    assert "keeps its network, so --cell cannot be given" in said.err


def test_numbers_of_series(clearprop):
    frame = moves()
    frame = frame.with_columns(total=pl.col("level").mean().over("who") * 1000)
    frame.drop("move").write_csv("totals.csv")
    said = clearprop("train", "totals.csv", "--target", "total", *SERIES, *QUICK, "--json")
    document = json.loads(said.out)
    assert document["task"]["name"] == "regression"
    assert {m["name"] for m in document["metrics"]} >= {"R²", "mean absolute error"}
    predicted = [
        float(row["total"])
        for row in table_of(clearprop("predict", "totals.clearprop", "totals.csv").out)
    ]
    assert 90_000 < np.mean(predicted) < 110_000


def test_a_series_is_forecast(clearprop):
    wave = 50 + 10 * np.sin(np.arange(120) / 4)
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 4, 29), eager=True)
    pl.DataFrame({"day": days, "wave": wave}).write_csv("wave.csv")
    forecast = ("--forecast", "4", "--target", "wave", "--order-by", "day", "--season", "25")
    said = clearprop("train", "wave.csv", *forecast, "--window", "20", *QUICK)
    assert said.code == 0, said.err
    words = " ".join(said.out.split())
    assert "forecast 'wave' 4 steps ahead, from the 20 before" in words
    assert "96 steps to learn from, the last 24 held out" in words
    assert "RMSE from 21 origins network last value same step of the last season" in words
    document = json.loads(
        clearprop("train", "wave.csv", *forecast, "--window", "20", *QUICK, "--json").out
    )
    errors = document["backtest"]["root_mean_squared_error"]
    truth = np.array([wave[k : k + 4] for k in range(96, 117)])
    last = np.array([wave[k - 1] for k in range(96, 117)])[:, None]
    expected = np.sqrt(np.mean((truth - last) ** 2))
    assert errors["last value"]["overall"] == pytest.approx(expected)
    model = load("wave.clearprop")
    rows = table_of(clearprop("predict", "wave.clearprop", "wave.csv", "--steps", "3").out)
    assert [row["steps ahead"] for row in rows] == ["1", "2", "3"]
    np.testing.assert_allclose([float(r["wave"]) for r in rows], model.forecast(wave, 3), rtol=1e-6)
    assert "Forecasts: wave, from the 20 steps before" in clearprop("info", "wave.clearprop").out
    assert (
        "measured on the end of its series"
        in clearprop("evaluate", "wave.clearprop", "wave.csv").err
    )


def test_rows_out_of_order_are_refused_or_sorted(clearprop):
    frame = moves()
    frame[::-1].write_csv("moves.csv")
    said = clearprop("train", "moves.csv", "--target", "move", *SERIES, *QUICK)
    assert said.code == 1
    assert "Series 's23' has step" in said.err
    assert "have it sorted: --sort" in said.err
    said = clearprop("train", "moves.csv", "--target", "move", *SERIES, *QUICK, "--sort", "--quiet")
    assert said.code == 0
    pl.concat([frame[:1], frame]).write_csv("moves.csv")
    said = clearprop("train", "moves.csv", "--target", "move", *SERIES, *QUICK)
    assert "Series 's0' has step 0 twice, in row 1 and in row 2: expected" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--target", "move", "--sequence-id", "whom"), 1, "Did you mean 'who'?"),
        (("--target", "move", "--sequence-id", "who", "--order-by", "step"), 1, "no column 'step'"),
        (("--target", "moves", *SERIES), 1, "There is no column 'moves' to predict"),
        (("--target", "who", *SERIES), 2, "says where a row belongs"),
        (("--target", "move", "--target", "sort", *SERIES), 2, "goes with one --target"),
        (("--target", "move", "--order-by", "at"), 2, "--order-by is for series"),
        (("--target", "move", "--per", "step"), 2, "--per is for series"),
        (("--target", "move", *SERIES, "--weight", "level"), 2, "--weight is for tables whose"),
        (("--target", "move", *SERIES, "--activation", "tanh"), 2, "--activation is for tables"),
        (("--target", "move", *SERIES, "--window", "3"), 2, "go with --forecast"),
        (("--target", "level", "--forecast", "2", *SERIES), 2, "--sequence-id does not go with"),
        (("--target", "move", "--forecast", "2"), 1, "every row needs a finite number, but row 1"),
        (("--target", "lvl", "--forecast", "2"), 1, "no column 'lvl' to forecast"),
        (("--target", "level", "--forecast", "50"), 1, "fewer than the 50 of a forecast"),
        (("--sequence-id", "who"), 2, "Name the column to predict with --target"),
    ],
)
def test_what_does_not_go_together(clearprop, arguments, code, words):
    moves().write_csv("moves.csv")
    said = clearprop("train", "moves.csv", *arguments, *QUICK)
    assert said.code == code, said.err
    assert words in said.err
    assert "Traceback" not in said.err


def test_few_series_need_to_be_told_that_nothing_is_measured(clearprop):
    moves(8).write_csv("moves.csv")
    said = clearprop("train", "moves.csv", "--target", "move", *SERIES, *QUICK)
    assert "has 8 series, too few to hold some out" in said.err
    said = clearprop("train", "moves.csv", "--target", "move", *SERIES, *QUICK, "--test-share", "0")
    assert said.code == 0


def test_a_gradient_is_explained_and_checked(clearprop, trained):
    said = clearprop("explain", trained, "moves.csv", "--row", "2", "--chapters", "over_time")
    assert said.code == 0, said.err
    assert "on one sequence" in said.out
    assert "= gradient used in the update" in said.out
    said = clearprop("check", trained, "moves.csv", "--rows", "3", "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert (document["series"], document["passed"]) == (3, True)
    assert document["error"] < 1e-6


def test_series_that_are_not_there_are_named(clearprop, trained):
    said = clearprop("explain", trained, "moves.csv", "--row", "1000")
    assert said.code == 1
    assert "series, so there is no row 1,000" in said.err
    assert (
        "--steps is for models that forecast"
        in clearprop("predict", trained, "moves.csv", "--steps", "2").err
    )


def test_the_example_table_is_what_its_formula_makes():
    sys.path.insert(0, str(EXAMPLES))
    try:
        from gestures import gestures
    finally:
        sys.path.pop(0)
    assert (EXAMPLES / "gestures.csv").read_text().splitlines() == gestures()


def test_the_example_is_learned(clearprop):
    arguments = ("--target", "gesture", "--sequence-id", "series", "--order-by", "step", "--json")
    said = clearprop(
        "train", EXAMPLES / "gestures.csv", *arguments, "--engine", "reference", "--hidden", "16"
    )
    metrics = {m["name"]: m for m in json.loads(said.out)["metrics"]}
    assert metrics["accuracy"]["value"] > 0.85
    assert metrics["log loss"]["value"] < 0.6 * metrics["log loss"]["baseline"]
    assert json.loads(said.out)["gradient"]["agrees"]
