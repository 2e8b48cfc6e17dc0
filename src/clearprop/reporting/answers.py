"""What a model says of rows, in the form that measures, calibration and mistakes are made from.

Public names: `Answers`, `Kind`, `answers_of`, `kind_of`.
May import: `clearprop.tables`, `clearprop.errors`, NumPy, Polars.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl

from clearprop.errors import DataError
from clearprop.tables import ClassTarget, MultilabelTarget

Kind = Literal["classes", "labels", "numbers"]
# a chance of 0 has an infinite log loss; as scikit-learn clips float64
LEAST_CHANCE = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Answers:
    """The truth of some rows and what a model gave for them.

    Attributes
    ----------
    kind : {"classes", "labels", "numbers"}
        One of several classes; several columns of 0 and 1; one or more columns of numbers.
    names : tuple of str
        The classes, or the target columns.
    truth : array
        Codes of the classes (n,), or (n, names): 0 and 1, or numbers in their own units.
    given : (n, names) float64 array
        Chances, of classes they add up to 1 in each row; or predictions in the target's units.
    """

    kind: Kind
    names: tuple[str, ...]
    truth: np.ndarray
    given: np.ndarray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.given)

    def with_given(self, given: np.ndarray) -> Answers:
        """Return the answers of another model to the same rows."""
        return replace(self, given=_settled(self.kind, given, len(self.names)))

    @property
    def codes(self) -> np.ndarray:
        """The class with the highest chance, (n,), of `"classes"`."""
        return self.given.argmax(axis=1)

    @property
    def hits(self) -> np.ndarray:
        """Whether each row is right, (n,); of `"labels"`, whether all its labels are."""
        if self.kind == "classes":
            return self.codes == self.truth
        return ((self.given > 0.5) == (self.truth > 0.5)).all(axis=1)

    @property
    def certainty(self) -> np.ndarray:
        """The chance of what is answered, (n,); of `"labels"`, that of the least certain label."""
        if self.kind == "classes":
            return self.given.max(axis=1)
        return np.maximum(self.given, 1 - self.given).min(axis=1)

    @property
    def losses(self) -> np.ndarray:
        """−ln of the chance of the truth, (n,), summed over labels; of numbers, squared errors."""
        if self.kind == "numbers":
            return np.square(self.truth - self.given).mean(axis=1)
        if self.kind == "classes":
            chances = self.given[np.arange(len(self)), self.truth]
            return -np.log(np.maximum(chances, LEAST_CHANCE))
        chances = np.where(self.truth > 0.5, self.given, 1 - self.given)
        return -np.log(np.maximum(chances, LEAST_CHANCE)).sum(axis=1)

    @property
    def errors(self) -> np.ndarray:
        """Truth − prediction, (n, names), of `"numbers"`."""
        return self.truth - self.given


def kind_of(target: Any) -> Kind:
    """Return what a fitted target asks for."""
    if isinstance(target, ClassTarget):
        return "classes"
    return "labels" if isinstance(target, MultilabelTarget) else "numbers"


def answers_of(model: Any, frame: pl.DataFrame, targets: pl.DataFrame) -> Answers:
    """Ask a fitted tabular estimator about rows whose answers are known.

    Parameters
    ----------
    frame, targets : tables of n rows

    Raises
    ------
    DataError
        The model gives a value that is not finite.
    """
    target = model.target_
    kind = kind_of(target)
    truth = truth_of(target, targets)
    names = tuple(map(str, target.classes)) if kind == "classes" else tuple(target.names)
    return Answers(kind, names, truth, given_by(model, frame))


def truth_of(target: Any, targets: pl.DataFrame) -> np.ndarray:
    """Return the truth as `Answers` holds it: codes (n,), or (n, names) float64."""
    encoded = target.encode(targets)
    if kind_of(target) == "numbers":
        return targets.select(target.names).to_numpy().astype(np.float64)
    return np.asarray(encoded)


def given_by(model: Any, frame: pl.DataFrame) -> np.ndarray:
    """Return what a model gives for rows as `Answers` holds it, (n, names) float64."""
    kind = kind_of(model.target_)
    raw = model.predict(frame) if kind == "numbers" else model.predict_proba(frame)
    wide = len(model.target_.classes) if kind == "classes" else len(model.target_.names)
    return _settled(kind, np.asarray(raw), wide)


def _settled(kind: Kind, given: np.ndarray, wide: int) -> np.ndarray:
    values = np.asarray(given, dtype=np.float64).reshape(-1, wide)
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(wrong):
        raise DataError(
            f"The prediction of row {wrong[0] + 1} is not finite ({len(wrong)} such rows): its "
            f"values are far from those the model was trained on. Correct them, or train again."
        )
    if kind == "classes":
        values = values / values.sum(axis=1, keepdims=True)
    return values
