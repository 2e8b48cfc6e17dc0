"""How much worse the answers get when one column is shuffled (Breiman 2001; Fisher et al. 2019).

Shuffling a column over the rows keeps its values and takes away what they say of each row. What the
measure loses by it is what the model draws from the column, given all others. Two columns that tell
the same stand in for one another, and both look less important than they are together.

Public names: `Permuted`, `permuted`.
May import: `answers`, NumPy, Polars.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from clearprop.reporting.answers import Answers, given_by


@dataclass(frozen=True)
class Permuted:
    """What shuffling a column does, the mean over the shuffles.

    Attributes
    ----------
    column : str
    rise : float
        How much the log loss rises, or the root mean squared error.
    low, high : float
        The least and the largest rise of single shuffles.
    fall : float
        How much the share of right rows falls, or R².
    """

    column: str
    rise: float
    low: float
    high: float
    fall: float


def permuted(
    model: Any,
    frame: pl.DataFrame,
    answers: Answers,
    columns: Sequence[str],
    *,
    repeats: int = 5,
    seed: int = 0,
) -> list[Permuted]:
    """Shuffle columns one at a time and ask the model again.

    Parameters
    ----------
    frame : table of n rows
    answers : Answers
        The model's on these rows.
    columns : sequence of str
        Those to shuffle.
    repeats : int
        Shuffles of each; all columns are shuffled alike.

    Returns
    -------
    list of Permuted, the largest rise first
    """
    orders = list(_orders(frame.height, repeats, seed))
    loss, score = loss_of(answers), score_of(answers)
    found = []
    for name in columns:
        column = frame[name]
        rises, falls = [], []
        for order in orders:
            shuffled = answers.with_given(given_by(model, frame.with_columns(column[order])))
            rises.append(loss_of(shuffled) - loss)
            falls.append(score - score_of(shuffled))
        rise, fall = float(np.mean(rises)), float(np.mean(falls))
        found.append(Permuted(name, rise, min(rises), max(rises), fall))
    return sorted(found, key=lambda one: -one.rise)


def _orders(rows: int, repeats: int, seed: int) -> Iterator[np.ndarray]:
    generator = np.random.Generator(np.random.Philox(seed))
    for _ in range(repeats):
        yield generator.permutation(rows)


def loss_of(answers: Answers) -> float:
    """Return the mean log loss, or the root mean squared error."""
    mean = float(answers.losses.mean())
    return mean if answers.kind != "numbers" else float(np.sqrt(mean))


def score_of(answers: Answers) -> float:
    """Return the share of right rows, or R², the mean over the targets."""
    if answers.kind != "numbers":
        return float(answers.hits.mean())
    spread = np.square(answers.truth - answers.truth.mean(axis=0)).sum(axis=0)
    left = np.square(answers.errors).sum(axis=0)
    return float(np.mean(1 - left / np.where(spread, spread, np.nan)))
