"""Runs the command line in this process, and tables to run it on."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from clearprop.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "breast-cancer.csv"
SHORT = ("--epochs", "3", "--hidden", "8")


@dataclass(frozen=True)
class Said:
    """What a run said, and its exit code."""

    code: int
    out: str
    err: str


class CommandLine:
    """Calls `clearprop` with arguments, as a process would be called."""

    def __init__(self, capsys: Any, monkeypatch: Any) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: Any, stdin: bytes | None = None) -> Said:
        if stdin is not None:
            self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as verdict:
            main([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        return Said(int(verdict.value.code or 0), out, err)


def flowers(rows: int = 90, seed: int = 0) -> pl.DataFrame:
    """A table of every kind of column, whose target `kind` can be learned from it."""
    draw = np.random.default_rng(seed)
    length = draw.normal(size=rows)
    colour = draw.choice(["red", "blue", "white"], rows)
    return pl.DataFrame(
        {
            "length": length,
            "colour": colour,
            "wild": draw.random(rows) > 0.5,
            "seen": pl.Series([f"2024-{1 + k % 12:02d}-{1 + k % 28:02d}" for k in range(rows)]),
            "width": [
                None if k % 7 == 0 else float(v) for k, v in enumerate(draw.normal(size=rows))
            ],
            "kind": np.where(length + (colour == "red") > 0.3, "rose", "lily"),
        }
    )


def numbers(rows: int = 90, seed: int = 0) -> pl.DataFrame:
    """Two columns and a target `y` in thousands that follows them."""
    draw = np.random.default_rng(seed)
    a, b = draw.normal(size=(2, rows))
    return pl.DataFrame(
        {"a": a, "b": b, "y": 5000 + 1000 * a - 300 * b + 10 * draw.normal(size=rows)}
    )
