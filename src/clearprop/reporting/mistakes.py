"""What kind of mistakes are made: which classes are taken for which, how far numbers are off.

Public names: `Confusion`, `Residuals`, `confusion_of`, `residuals_of`.
May import: `answers`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.reporting.answers import Answers

# classes that are told apart; the rarest others count as one
MOST_CLASSES = 12
# points of a picture
MOST_POINTS = 800


@dataclass(frozen=True, eq=False)
class Confusion:
    """Rows by their class and by what was answered.

    Attributes
    ----------
    names : tuple of str
        The last is empty where the rarest classes are taken together.
    counts : (names, names) int array
        Row: the truth; column: the answer.
    """

    names: tuple[str, ...]
    counts: np.ndarray

    @property
    def worst(self) -> tuple[int, int, int] | None:
        """The truth, the answer and the number of the commonest mistake; None without any."""
        wrong = self.counts - np.diag(np.diag(self.counts))
        if not wrong.any():
            return None
        truth, answer = np.unravel_index(int(wrong.argmax()), wrong.shape)
        return int(truth), int(answer), int(wrong[truth, answer])

    @property
    def recall(self) -> np.ndarray:
        """The share of each class's rows that was found, (names,); NaN where it has none."""
        rows = self.counts.sum(axis=1)
        return np.diag(self.counts) / np.where(rows, rows, np.nan)


@dataclass(frozen=True, eq=False)
class Residuals:
    """Truth and prediction of one target.

    Attributes
    ----------
    name : str
    truth, given : (points,) arrays
        Of at most so many rows, drawn at random.
    half, most : float
        Half of the rows are off by less than `half`, nine in ten by less than `most`.
    above : float
        The share of rows whose truth lies above the prediction.
    bias : float
        The mean of truth − prediction.
    """

    name: str
    truth: np.ndarray
    given: np.ndarray
    half: float
    most: float
    above: float
    bias: float


def confusion_of(answers: Answers) -> tuple[Confusion, ...]:
    """Return the confusion of classes, or one of each label."""
    if answers.kind == "labels":
        return tuple(
            Confusion((f"¬{name}", name), _counted(truth > 0.5, given > 0.5, 2))
            for name, truth, given in zip(
                answers.names, answers.truth.T, answers.given.T, strict=True
            )
        )
    counts = _counted(answers.truth, answers.codes, len(answers.names))
    if len(answers.names) <= MOST_CLASSES:
        return (Confusion(answers.names, counts),)
    common = np.argsort(-(counts.sum(axis=1) + counts.sum(axis=0)), kind="stable")
    kept = np.sort(common[: MOST_CLASSES - 1])
    place = np.full(len(answers.names), MOST_CLASSES - 1)
    place[kept] = np.arange(len(kept))
    folded = np.zeros((MOST_CLASSES, MOST_CLASSES), dtype=int)
    np.add.at(folded, (place[:, None], place[None]), counts)
    return (Confusion((*(answers.names[k] for k in kept), ""), folded),)


def _counted(truth: np.ndarray, given: np.ndarray, names: int) -> np.ndarray:
    pairs = truth.astype(int) * names + given.astype(int)
    return np.bincount(pairs, minlength=names * names).reshape(names, names)


def residuals_of(answers: Answers, seed: int = 0) -> tuple[Residuals, ...]:
    """Return how far the numbers are off, target by target."""
    generator = np.random.Generator(np.random.Philox(seed))
    rows = np.arange(len(answers))
    if len(rows) > MOST_POINTS:
        rows = np.sort(generator.choice(len(rows), MOST_POINTS, replace=False))
    found = []
    for k, name in enumerate(answers.names):
        errors = answers.errors[:, k]
        half, most = np.quantile(np.abs(errors), [0.5, 0.9])
        points = answers.truth[rows, k], answers.given[rows, k]
        above, bias = float((errors > 0).mean()), float(errors.mean())
        found.append(Residuals(name, *points, float(half), float(most), above, bias))
    return tuple(found)
