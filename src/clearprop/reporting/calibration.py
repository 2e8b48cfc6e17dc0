"""Whether chances come true: whether of the rows that were given 80 %, 80 % are right.

The rows are sorted by the chance of what was answered and cut into bins of equal numbers. The
expected calibration error (Naeini et al. 2015; Guo et al. 2017, with bins of equal width) is

    ECE = Σ_b n_b/n · |share right in b − mean chance in b|

Public names: `Bin`, `Calibration`, `calibration_of`.
May import: `answers`, `resampling`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clearprop.reporting.answers import Answers
from clearprop.reporting.resampling import Interval, wilson

BINS, FEWEST_A_BIN = 10, 10


@dataclass(frozen=True)
class Bin:
    """Rows of similar chances.

    Attributes
    ----------
    rows : int
    chance : float
        The mean of what was given.
    share : float
        Of the rows in which it held.
    interval : Interval
        Wilson's 95 % interval of the share.
    """

    rows: int
    chance: float
    share: float
    interval: Interval


@dataclass(frozen=True)
class Calibration:
    """A calibration curve.

    Attributes
    ----------
    of : str
        The class whose chance the curve is of, of two classes; empty for the chance of what was
        answered, of several classes, and of all labels together.
    bins : tuple of Bin
        By rising chance.
    error : float
        The expected calibration error.
    certainty, right : float
        The mean chance of what was answered, and how often it was right, over all rows.
    """

    of: str
    bins: tuple[Bin, ...]
    error: float
    certainty: float
    right: float


def calibration_of(answers: Answers) -> Calibration:
    """Return the calibration curve of classes or labels."""
    binary = answers.kind == "classes" and len(answers.names) == 2
    if binary:
        chances, held = answers.given[:, 1], answers.truth == 1
    elif answers.kind == "classes":
        chances, held = answers.certainty, answers.hits
    else:
        chances, held = answers.given.ravel(), answers.truth.ravel() > 0.5
    bins = tuple(_bins(chances, held))
    error = sum(b.rows * abs(b.share - b.chance) for b in bins) / len(chances)
    name = answers.names[1] if binary else ""
    if answers.kind == "labels":
        chances, held = np.maximum(chances, 1 - chances), held == (chances > 0.5)
    else:
        chances, held = answers.certainty, answers.hits
    return Calibration(name, bins, float(error), float(chances.mean()), float(held.mean()))


def _bins(chances: np.ndarray, held: np.ndarray) -> list[Bin]:
    """Cut rows into bins of as equal numbers as equal chances allow, which stay together."""
    order = np.argsort(chances, kind="stable")
    chances, held = chances[order], held[order]
    count = max(1, min(BINS, len(chances) // FEWEST_A_BIN))
    wanted = np.linspace(0, len(chances), count + 1)[1:-1].round().astype(int)
    # back to the first row of the same chance
    cuts = np.unique(np.searchsorted(chances, chances[wanted], side="left"))
    edges = [0, *cuts[cuts > 0].tolist(), len(chances)]
    found = []
    for low, high in pairwise(edges):
        right = int(held[low:high].sum())
        found.append(
            Bin(
                high - low,
                float(chances[low:high].mean()),
                right / (high - low),
                wilson(right, high - low),
            )
        )
    return found
