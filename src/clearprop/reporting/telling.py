"""Three rows that tell something: a typical one, the worst mistake, the one in most doubt.

Public names: `Telling`, `telling_rows`.
May import: `answers`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearprop.reporting.answers import Answers

Why = Literal["typical", "worst", "doubtful", "unlike"]


@dataclass(frozen=True)
class Telling:
    """A row, and why it is shown.

    Attributes
    ----------
    row : int
        Its place among the rows that were measured on, from 0.
    why : {"typical", "worst", "doubtful", "unlike"}
        Of ordinary certainty (or error); the mistake that was most certain (or the largest); the
        least certain; of numbers, the row that is least like the others.
    """

    row: int
    why: Why


def telling_rows(answers: Answers, unlike: np.ndarray) -> tuple[Telling, ...]:
    """Choose the rows; there is no worst mistake where there is none.

    Parameters
    ----------
    unlike : (n,) array
        How far each row is from a typical one; of numbers, whose certainty is not known, the
        farthest is the one to doubt.
    """
    if answers.kind == "numbers":
        sizes = np.abs(_standardised(answers)).max(axis=1)
        chosen = [Telling(_middle(sizes, np.arange(len(sizes))), "typical")]
        chosen.append(Telling(int(sizes.argmax()), "worst"))
        chosen.append(Telling(int(unlike.argmax()), "unlike"))
        return _distinct(chosen)
    hits, certainty = answers.hits, answers.certainty
    right, wrong = np.flatnonzero(hits), np.flatnonzero(~hits)
    chosen = [Telling(_middle(certainty, right if len(right) else wrong), "typical")]
    if len(wrong):
        chosen.append(Telling(int(wrong[certainty[wrong].argmax()]), "worst"))
    chosen.append(Telling(int(certainty.argmin()), "doubtful"))
    return _distinct(chosen)


def _standardised(answers: Answers) -> np.ndarray:
    """Return errors in units of each target's spread, so that targets can be compared."""
    spread = answers.truth.std(axis=0)
    return np.asarray(answers.errors / np.where(spread > 0, spread, 1.0))


def _middle(values: np.ndarray, rows: np.ndarray) -> int:
    """Return the row, of some, whose value is their median."""
    return int(rows[np.argsort(values[rows], kind="stable")[(len(rows) - 1) // 2]])


def _distinct(chosen: list[Telling]) -> tuple[Telling, ...]:
    """Leave out a row that is shown already."""
    kept: dict[int, Telling] = {}
    for one in chosen:
        kept.setdefault(one.row, one)
    return tuple(kept.values())
