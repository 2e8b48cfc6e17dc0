"""Tasks: labels or numbers as network targets, and network outputs back as predictions.

A task knows what the output layer must be (its units and activation), which loss stands behind a
name, how targets are encoded and outputs decoded, and the score that `fit` follows by default.
Labels go through scikit-learn's `LabelBinarizer`, so that every kind of label is understood as its
own classes understand it.

Public names: `Classification`, `Regression`, `ScaledRegression`, `Task`.
May import: `clearprop.functions`, `clearprop.errors`, scikit-learn, NumPy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from clearprop.errors import DataError, SettingError
from clearprop.functions import LOSSES, CustomLoss, Loss, loss

AnyLoss = str | Loss | CustomLoss | None


class Task(ABC):
    """What the network's output is for.

    Attributes
    ----------
    units : int
        Units of the output layer.
    """

    units: int

    @property
    @abstractmethod
    def output_names(self) -> tuple[Any, ...]:
        """What the output units stand for, empty where that has no names."""

    @abstractmethod
    def loss(self, given: AnyLoss, smoothing: float) -> Loss | CustomLoss:
        """Return the loss that the parameters `loss` and `label_smoothing` stand for."""

    @abstractmethod
    def activation(self, loss: Loss | CustomLoss) -> str:
        """Return the output activation that goes with a loss."""

    @abstractmethod
    def encode(self, y: Any) -> np.ndarray:
        """Return targets as `Block.of` takes them: (n, units), or class codes (n,)."""

    @abstractmethod
    def decode(self, outputs: np.ndarray) -> Any:
        """Return predictions for outputs (n, units)."""

    @abstractmethod
    def score(self, targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None) -> float:
        """Return the estimator's own score, for encoded targets; higher is better."""


class Classification(Task):
    """Labels: binary (one logistic unit), multiclass (softmax) or multilabel (logistic units)."""

    def __init__(self, binarizer: LabelBinarizer) -> None:
        self.binarizer = binarizer
        self.classes = binarizer.classes_
        self.kind = str(binarizer.y_type_)
        self.units = 1 if self.kind == "binary" else len(self.classes)

    @classmethod
    def of(cls, labels: Any) -> Classification:
        """Learn the classes from labels (n,), or from an indicator matrix (n, classes)."""
        return cls(LabelBinarizer().fit(labels))

    @property
    def output_names(self) -> tuple[Any, ...]:
        """The classes; of two, which share one unit, the one that it gives the probability of."""
        return tuple(self.classes[-1:] if self.units == 1 else self.classes)

    def activation(self, loss: Loss | CustomLoss) -> str:
        """Return softmax for several classes, of which one holds; logistic units for the rest."""
        return "softmax" if self.kind == "multiclass" else "sigmoid"

    def loss(self, given: AnyLoss, smoothing: float) -> Loss | CustomLoss:
        """Return the loss; log loss and cross-entropy are the one that fits the output."""
        chosen = loss("cross_entropy" if given in (None, "log_loss") else given)
        if isinstance(chosen, Loss) and chosen.name == "cross_entropy":
            fitting = "cross_entropy" if self.kind == "multiclass" else "binary_cross_entropy"
            chosen = replace(chosen, name=fitting)
        if not smoothing:
            return chosen
        if isinstance(chosen, CustomLoss):
            raise SettingError(
                f"label_smoothing={smoothing} cannot be used with the loss {chosen.name!r}, which "
                f"is your own. Smooth inside of it, or set label_smoothing=0."
            )
        return replace(chosen, label_smoothing=smoothing)

    def encode(self, y: Any) -> np.ndarray:
        """Return class codes (n,) for several classes, else 0 and 1, (n, units)."""
        if np.ndim(y) == 1:
            codes = np.searchsorted(self.classes, y)
            self._check_known(np.asarray(y), codes)
            if self.kind == "multiclass":
                return codes
        return self.binarizer.transform(y)

    def _check_known(self, labels: np.ndarray, codes: np.ndarray) -> None:
        """Raise DataError where a label is none of the classes: its code would be another's."""
        found = self.classes[np.minimum(codes, len(self.classes) - 1)]
        unknown = np.flatnonzero(found != labels)
        if len(unknown):
            row = int(unknown[0])
            known = ", ".join(repr(label) for label in self.classes[:6].tolist())
            raise DataError(
                f"Row {row} has the label {labels[row : row + 1].tolist()[0]!r}, which is none of "
                f"the {len(self.classes)} classes that were fitted: {known}"
                f"{', …' if len(self.classes) > 6 else ''}."
            )

    def decode(self, outputs: np.ndarray) -> Any:
        """Return labels (n,), or an indicator matrix (n, classes)."""
        # what the binarizer's inverse does for rows of one label, without its checks
        if self.kind == "multiclass":
            return self.classes[outputs.argmax(axis=1)]
        if self.kind == "binary" and len(self.classes) == 2:
            return self.classes[(outputs[:, 0] > 0.5).astype(np.intp)]
        return self.binarizer.inverse_transform(outputs.ravel() if self.units == 1 else outputs)

    def score(self, targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None) -> float:
        """Return the accuracy; a row of several labels counts where all of them are right."""
        if self.kind == "multiclass":
            right = outputs.argmax(axis=1) == targets
        else:
            predicted = (outputs > 0.5) & (len(self.classes) > 1)
            right = (predicted == targets).all(axis=1)
        return float(np.average(right, weights=weights))


class Regression(Task):
    """Numbers, one column or several."""

    def __init__(self, units: int) -> None:
        self.units = units

    @property
    def output_names(self) -> tuple[Any, ...]:
        """None: columns of an array have no names."""
        return ()

    def activation(self, loss: Loss | CustomLoss) -> str:
        """Return the output activation that was made for the loss, identity where there is none."""
        if isinstance(loss, CustomLoss):
            return "identity"
        return loss.kind.match or "identity"

    def loss(self, given: AnyLoss, smoothing: float) -> Loss | CustomLoss:
        """Return the loss; scikit-learn's squared error is half the squared error."""
        return loss("half_squared_error" if given in (None, "squared_error") else given)

    def encode(self, y: Any) -> np.ndarray:
        """Return y as (n, units)."""
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def decode(self, outputs: np.ndarray) -> Any:
        """Return outputs, one column as (n,)."""
        return outputs.ravel() if self.units == 1 else outputs

    def score(self, targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None) -> float:
        """Return R², the mean over columns; not a number where an output is not finite."""
        from sklearn.metrics import r2_score

        if not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(targets, outputs, sample_weight=weights))


class ScaledRegression(Regression):
    """Numbers of any size, standardised inside and handed back in their own units.

    Attributes
    ----------
    means, scales : (outputs,) arrays
    """

    def __init__(self, means: np.ndarray, scales: np.ndarray) -> None:
        super().__init__(len(means))
        self.means, self.scales = means, scales

    @classmethod
    def of(cls, y: np.ndarray, given: AnyLoss) -> ScaledRegression:
        """Learn means and scales from targets (n,) or (n, outputs).

        For a loss of positive outputs, such as Poisson's, they are divided by their mean and not
        centred, so that they keep their sign; a fresh network's output is then near the mean.
        """
        y = y.reshape(len(y), -1)
        means, scales = y.mean(axis=0), y.std(axis=0)
        if _needs_positive(given):
            means, scales = np.zeros_like(means), means
        # what is left of a constant is rounding
        return cls(means, np.where(scales > 1e-12 * np.abs(means), scales, 1.0))

    def encode(self, y: Any) -> np.ndarray:
        """Return y as (n, units), standardised."""
        return (super().encode(y) - self.means) / self.scales

    def decode(self, outputs: np.ndarray) -> Any:
        """Return outputs in the targets' own units, float64; one column as (n,)."""
        return super().decode(outputs * self.scales + self.means)


def _needs_positive(given: AnyLoss) -> bool:
    if given is None or given == "squared_error" or isinstance(given, CustomLoss):
        return False
    return LOSSES[loss(given).name].domain == "positive"
