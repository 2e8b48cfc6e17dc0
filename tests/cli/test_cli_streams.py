"""`--memory`: tables that are streamed, and those that fit and are read whole."""

import json

import numpy as np
import polars as pl
import pytest

ROWS = 1_500
STREAMED = ("--epochs", "2", "--hidden", "8", "--batch-size", "32")


@pytest.fixture
def folder(clearprop, tmp_path, monkeypatch):
    """A folder of two files, and a program that finds that no table fits into memory."""
    monkeypatch.setattr("clearprop.cli.streaming.TRAINING_COPIES", 1e9)
    monkeypatch.setattr("clearprop.cli.streaming.ANSWERING_COPIES", 1e9)
    random = np.random.default_rng(0)
    n = random.normal(size=(2, ROWS))
    frame = pl.DataFrame(
        {
            "a": n[0],
            "color": random.choice(["red", "blue"], ROWS),
            "y": np.where(n[0] + 0.3 * n[1] > 0, "yes", "no"),
            "z": n[0] * 3,
        }
    )
    (tmp_path / "rows").mkdir()
    frame[:800].write_parquet(tmp_path / "rows" / "1.parquet", row_group_size=100)
    frame[800:].write_parquet(tmp_path / "rows" / "2.parquet", row_group_size=100)
    return "rows"


def test_a_folder_trains_predicts_and_is_measured(clearprop, folder):
    asked = ("--target", "y", "--drop", "z", "--memory", "3GB", *STREAMED)
    told = clearprop("train", folder, *asked, "--epochs", "8")
    assert told.code == 0, told.err
    assert "rows: 1,500 rows, 4 columns" in told.out
    assert "streamed within 3 GB: 15 pieces of 2 files" in told.out
    assert "fitted in one pass, exactly" in told.out
    assert "held-out" in told.out
    assert "gradient from the engine" in told.out
    assert "Saved to rows.clearprop" in told.out
    model = "rows.clearprop"

    streamed = clearprop("evaluate", model, folder, "--memory", "3GB", "--json")
    assert streamed.code == 0, streamed.err
    pl.read_parquet("rows/*.parquet").write_parquet("all.parquet")
    whole = clearprop("evaluate", model, "all.parquet", "--json")
    one, other = json.loads(streamed.out), json.loads(whole.out)
    assert one["rows"] == other["rows"] == ROWS
    assert one["unseen"] == other["unseen"]
    for metric, known in zip(one["metrics"], other["metrics"], strict=True):
        assert metric["value"] == pytest.approx(known["value"], abs=1e-4)
    assert one["metrics"][0]["value"] > 0.8

    wished = ("--probabilities", "--append", "--out")
    done = clearprop("predict", model, folder, *wished, "s.parquet", "--memory", "3GB", "--json")
    assert json.loads(done.out)["rows"] == ROWS
    clearprop("predict", model, "all.parquet", *wished, "w.parquet")
    assert pl.read_parquet("s.parquet").equals(pl.read_parquet("w.parquet"))
    printed = clearprop("predict", model, folder, "--memory", "3GB")
    assert printed.out.splitlines()[0] == "y"
    assert len(printed.out.splitlines()) == ROWS + 1


def test_numbers_are_learned_from_a_stream(clearprop, folder):
    told = clearprop("train", folder, "--target", "z", "--memory", "3GB", *STREAMED, "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert found["task"]["name"] == "regression"
    assert found["stream"]["files"] == 2
    rows = found["rows"]
    assert rows["training"] + rows["validation"] + rows["test"] == ROWS
    assert rows["test"] == pytest.approx(0.2 * ROWS, rel=0.15)
    assert found["metrics"][0]["name"] == "R²"
    assert "gives" not in told.out
    assert "alone predicts the target 'z'" in told.err


def test_a_table_that_fits_is_read_whole_and_that_is_said(clearprop, folder, monkeypatch):
    monkeypatch.setattr("clearprop.cli.streaming.TRAINING_COPIES", 3.0)
    told = clearprop("train", folder, "--target", "y", "--memory", "3GB", *STREAMED, "--quiet")
    assert told.code == 0, told.err
    assert "it is read whole, not streamed" in told.err


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (("--time", "a"), "clearprop evaluate"),
        (("--folds", "3"), "held out"),
        (("--report", "r.html"), "clearprop report MODEL TABLE"),
        (("--weight", "w"), "no column 'w'"),
        (("--drop", "w"), "no such column"),
    ],
)
def test_what_a_stream_cannot_do_is_said_with_a_way_out(clearprop, folder, wish, said):
    told = clearprop("train", folder, "--target", "y", "--memory", "3GB", *STREAMED, *wish)
    assert told.code != 0
    assert said in " ".join(told.err.split())


def test_a_folder_without_a_bound_says_how_to_read_it(clearprop, folder):
    told = clearprop("train", folder, "--target", "y")
    assert told.code != 0
    assert "--memory 1GB" in " ".join(told.err.split())
