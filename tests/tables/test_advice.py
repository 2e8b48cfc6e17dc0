"""Traps are found; honest columns are left alone."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from clearprop.tables import SHIPPED, inspect_columns, read_table
from clearprop.tables.advice import _rank_correlation, _threshold_mistakes, _variance_left

N = 200
RNG = np.random.default_rng(0)
CLASSES = pl.DataFrame({"y": RNG.integers(0, 3, N)})
LABEL = CLASSES["y"].to_numpy()
NUMBERS = pl.DataFrame({"y": RNG.normal(size=N)})
AMOUNT = NUMBERS["y"].to_numpy()


def _found(columns, targets=CLASSES, task="classification"):
    warnings = inspect_columns(pl.DataFrame(columns), targets, task)
    return {w.column: w.kind for w in warnings}


def test_identifiers():
    shuffled = RNG.permutation(N)
    found = _found(
        {
            "rising": np.cumsum(RNG.integers(1, 9, N)),
            "gapless": shuffled + 1000,
            "name": [f"n{i}" for i in shuffled],
            "float": shuffled.astype(float) + 0.5,
            "whole_float": np.arange(N, dtype=float),
            "gaps": shuffled * 7,
            "nearly": [f"n{i // 2}" for i in shuffled],
            "date": [f"2020-01-01T{i // 60:02}:{i % 60:02}" for i in range(N)],
        }
    )
    assert found == {"rising": "identifier", "gapless": "identifier", "name": "identifier"}


def test_columns_that_give_classes_away():
    noise = RNG.normal(size=N)
    mistaken = LABEL.copy()
    mistaken[:5] = (mistaken[:5] + 1) % 3
    found = _found(
        {
            "copy": LABEL,
            "words": np.array(["x", "y", "z"])[LABEL],
            "finer": [f"{c}{i % 7}" for i, c in enumerate(LABEL)],
            "threshold": LABEL * 10 + np.abs(noise) % 9,
            "other_order": np.array([5.0, 1.0, 9.0])[LABEL] + noise % 1,
            "mistaken": mistaken,
            "noise": noise,
            "helps": LABEL + noise,
        }
    )
    assert found == dict.fromkeys(
        ("copy", "words", "finer", "threshold", "other_order"), "gives target away"
    )


def test_columns_that_give_numbers_away():
    level = RNG.integers(0, 5, N)
    target = pl.DataFrame({"y": level * 1.5})
    assert _found(
        {"level": level, "word": np.array(list("abcde"))[level]}, target, "regression"
    ) == {
        "level": "gives target away",
        "word": "gives target away",
    }
    found = _found(
        {"cubed": AMOUNT**3, "minus": -AMOUNT, "noisy": AMOUNT + RNG.normal(0, 0.3, N)},
        NUMBERS,
        "regression",
    )
    assert found == {"cubed": "gives target away", "minus": "gives target away"}


def test_columns_of_little_use():
    x = RNG.normal(size=N)
    found = _found(
        {
            "x": x,
            "again": x,
            "count": [i % 9 for i in range(N)],
            "count_float": [float(i % 9) for i in range(N)],
            "same": [1] * N,
            "none": [None] * N,
            "holes": [None if i % 5 else float(i % 7) for i in range(N)],
            "many": [f"w{i % 120}" for i in range(N)],
            "few": [f"w{i % 20}" for i in range(N)],
        }
    )
    assert found == {
        "again": "duplicate",
        "count_float": "duplicate",
        "same": "constant",
        "none": "constant",
        "holes": "mostly missing",
        "many": "many levels",
    }


def test_messages_say_the_way_out():
    (warning,) = inspect_columns(pl.DataFrame({"id": range(N)}), CLASSES, "classification")
    assert warning.message.startswith("Column 'id' has a value of its own in every row")
    assert warning.message.endswith("--drop id.")


def _told(column):
    frame = pl.DataFrame({"c": column})
    (warning,) = inspect_columns(frame, CLASSES, "classification")
    return warning.kind, warning.message


def test_what_is_said_of_text_is_what_its_encoding_does():
    kind, said = _told([f"n{i}" for i in range(N)])
    assert (kind, said.endswith("to new rows, and it is not used.")) == ("identifier", True)
    # 185 categories that come once, and five that come three times
    kind, said = _told([f"n{i % 5 if i < 15 else i}" for i in range(N)])
    assert kind == "many levels"
    assert "190 distinct values in 200 rows; the 185 that come once share one feature." in said
    kind, said = _told(["a", "b"] * 90 + [f"n{i}" for i in range(20)])
    assert (kind, "the 20 that come once share one feature" in said) == ("rare levels", True)


def test_numbers_among_which_there_are_words():
    numbers = [str(i % 90) for i in range(N)]
    kind, said = _told([*numbers[:-3], "unknown", "n.k.", "unknown"])
    assert kind == "nearly numbers"
    assert "numbers but in 3 of 200 rows ('n.k.' and 'unknown')" in said
    # where a tenth is words, words are meant
    assert _found({"c": [*numbers[:-21], *["x"] * 21]}) == {}


def test_small_tables_are_not_accused():
    y = pl.DataFrame({"y": [0, 1] * 5})
    assert _found({"a": [0.0, 1.0] * 5, "b": list(range(10))}, y) == {}


@pytest.mark.parametrize("name", SHIPPED)
def test_honest_tables(name):
    frame = read_table(name)
    targets = frame.select(SHIPPED[name])
    task = "regression" if name in ("diabetes", "linnerud") else "classification"
    found = inspect_columns(frame.drop(SHIPPED[name]), targets, task)
    assert {w.kind for w in found} <= {"constant"}


def test_thresholds_against_trying_all():
    rng = np.random.default_rng(1)
    for _ in range(20):
        counts = rng.integers(0, 4, size=(6, 2))
        counts[0] += 1
        ahead = [counts[:k, 0].sum() + counts[k:, 1].sum() for k in range(7)]
        mean = [(np.arange(6) * counts[:, c]).sum() / counts[:, c].sum() for c in (0, 1)]
        right = max(ahead) if mean[0] <= mean[1] else counts.sum() - min(ahead)
        assert _threshold_mistakes(counts) == counts.sum() - right


def test_correlation_and_variance_against_scipy():
    x, y = np.round(RNG.normal(size=(2, 100)), 1)
    expected = spearmanr(x, y).statistic
    assert _rank_correlation(pl.Series(x), y) == pytest.approx(expected, rel=1e-12)
    levels = np.array([0, 0, 1, 1])
    # Means 1 and 5 within, deviations ±1; mean 3 over all: 4 of 20.
    assert _variance_left(levels, np.array([0.0, 2.0, 4.0, 6.0])) == pytest.approx(0.2)


@pytest.mark.data
@pytest.mark.skipif("CLEARPROP_DATA" not in os.environ, reason="CLEARPROP_DATA is not set")
def test_real_tables():
    folder = Path(os.environ["CLEARPROP_DATA"])
    expected = {
        ("adult.csv", "income-per-year", "classification"): {},
        ("housing.csv", "median_house_value", "regression"): {},
        ("sunspots-monthly.csv", "value", "regression"): {"rownames": "identifier"},
    }
    for (name, target, task), kinds in expected.items():
        frame = read_table(folder / name)
        warnings = inspect_columns(frame.drop(target), frame.select(target), task)
        assert {w.column: w.kind for w in warnings} == kinds
