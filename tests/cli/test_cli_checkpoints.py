"""`clearprop train --checkpoint … --resume`: broken off in the middle, and gone on with."""

from __future__ import annotations

import numpy as np
import pytest
from command_line import flowers, numbers

from clearprop import load
from clearprop.files.shelves import Shelf

TABLE = ["--seed", "3", "--engine", "reference", "--epochs", "4", "--hidden", "4", "--quiet"]
SERIES = ["--target", "y", "--forecast", "2", "--window", "5", "--cell", "elman"]
CASES = {
    "table": (flowers, ["--target", "kind", "--batch-size", "16"]),
    "folds": (flowers, ["--target", "kind", "--folds", "2", "--test-share", "0"]),
    "forecast": (numbers, SERIES),
}


@pytest.fixture
def power_cut(monkeypatch):
    """Break off after so many more checkpoints; None for never again."""
    put, left = Shelf.put, [None]

    def put_or_break(shelf, checkpoint):
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
        return put(shelf, checkpoint)

    monkeypatch.setattr(Shelf, "put", put_or_break)
    return lambda after: left.__setitem__(0, after)


@pytest.mark.parametrize("name", CASES)
def test_broken_off_and_resumed(name, clearprop, tmp_path, power_cut):
    make, options = CASES[name]
    make().write_csv("t.csv")
    command = ["train", "t.csv", *options, *TABLE]
    kept = [*command, "--checkpoint", "kept", "--every", "1 epoch", "--out", "b.clearprop"]
    power_cut(6 if name == "folds" else 2)
    # a fit of series takes it for Ctrl-C, and so keeps what it has
    assert clearprop(*kept).code != 0 or name == "forecast"
    power_cut(None)
    again = clearprop(*kept)
    assert again.code == 1
    assert "holds checkpoints of an earlier run. Go on from them" in again.err
    again = clearprop(*kept, "--resume")
    assert again.code == 0, again.err
    assert "Note: Going on from" in again.err
    whole = clearprop(*command, "--out", "a.clearprop")
    assert whole.code == 0, whole.err
    one, two = (load(f"{letter}.clearprop") for letter in "ab")
    assert one.parameters_.vector.tobytes() == two.parameters_.vector.tobytes()
    assert one.history_.objective == two.history_.objective
    other = clearprop(*kept, "--resume", "--l2", "0.1")
    assert other.code == 1
    assert "is of a run with other data or settings" in other.err
    assert "recipe: penalty" in other.err
    newest = max(tmp_path.rglob("step*"))
    said = clearprop("info", newest)
    assert "A run after 4 epochs, step" in said.out
    assert "All 4 epochs were run." in said.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resume"], "--resume goes with --checkpoint FOLDER"),
        (["--every", "2"], "--every goes with --checkpoint"),
        (["--checkpoint", "x", "--every", "often"], "every must be a number of epochs"),
        (["--checkpoint", "x", "--search-minutes", "1"], "it keeps its trials with --trials"),
    ],
)
def test_what_is_refused(options, words, clearprop, tmp_path):
    found = clearprop("train", "iris", *TABLE, *options)
    assert found.code in (1, 2)
    assert words in found.err
    assert not np.any([path.suffix == ".clearprop" for path in tmp_path.iterdir()])
