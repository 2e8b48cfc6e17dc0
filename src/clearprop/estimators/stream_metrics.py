"""The measures of `metrics`, added up over the pieces of a stream.

All are exact but the area under the ROC curve, which is that of chances in narrow bins: two
chances that agree in their first digits count as equal, half of the pair for each.
`Tally.area_error` bounds what that can make: half of the pairs (a row of the class, a row that is
not) that share a bin, as a share of all pairs. A bin is as wide as a 64th or, of few classes, a
1024th of the odds.

Public names: `Tally`, `known_of`, `measure_stream`, `measured`.
May import: the other modules of this room, `clearprop.tables`; NumPy, Polars.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from clearprop.errors import DataError, SettingError
from clearprop.estimators.metrics import Metric
from clearprop.estimators.tabular_data import target_names
from clearprop.tables import ClassTarget, MultilabelTarget
from clearprop.tables.streams import Shares, Stream, Summary
from clearprop.tables.wording import listed, row_name

_FEW_CLASSES = 4
# bits of a float32 that are let go: of the 23 of its fraction 10 or 6 are left
_COARSE, _FINE = 17, 13


class Tally(ABC):
    """Adds up how right a model is, chunk by chunk."""

    area_error = 0.0

    @staticmethod
    def of(model: Any, known: np.ndarray | None) -> Tally:
        """Return the tally for a model.

        Parameters
        ----------
        known : array, optional
            What a baseline answers: the classes' shares among training rows, or the means.
        """
        if isinstance(model.target_, ClassTarget):
            return _OfClasses(model, known)
        return (_OfLabels if isinstance(model.target_, MultilabelTarget) else _OfNumbers)(
            model, known
        )

    def __init__(self, model: Any, known: np.ndarray | None) -> None:
        self.model, self.known, self.rows = model, known, 0

    @abstractmethod
    def add(self, frame: pl.DataFrame, outputs: np.ndarray, first_row: int) -> None:
        """Take in rows, with their targets, and the network's outputs on them."""

    @abstractmethod
    def metrics(self) -> list[Metric]:
        """Return the measures so far."""


class _OfClasses(Tally):
    def __init__(self, model: Any, known: np.ndarray | None) -> None:
        super().__init__(model, known)
        count = len(model.target_.classes)
        self.hits, self.counts = np.zeros(count), np.zeros(count)
        self.loss = 0.0
        bits = _FINE if count <= _FEW_CLASSES else _COARSE
        self.areas = [_Area(bits) for _ in range(count if count > 2 else 1)]

    def add(self, frame: pl.DataFrame, outputs: np.ndarray, first_row: int) -> None:
        truth = self.model.target_.encode(frame)
        chances = self.model.shares_of(outputs)
        got = chances.astype(np.float64)
        got /= got.sum(axis=1, keepdims=True)
        self.rows += len(truth)
        self.counts += np.bincount(truth, minlength=len(self.counts))
        self.hits += np.bincount(truth[got.argmax(axis=1) == truth], minlength=len(self.hits))
        right = got[np.arange(len(truth)), truth]
        small = np.finfo(np.float64).eps
        self.loss -= float(np.log(np.clip(right, small, 1 - small)).sum())
        for k, area in enumerate(self.areas):
            label = k if len(self.areas) > 1 else 1
            area.add(chances[:, label], truth == label)

    def metrics(self) -> list[Metric]:
        seen = self.counts > 0
        own, base = self.hits / np.maximum(self.counts, 1), None
        if self.known is not None:
            first = int(np.argmax(self.known))
            with np.errstate(divide="ignore"):
                logs = np.log(np.clip(self.known, np.finfo(np.float64).eps, 1))
            base = (
                self.counts[first] / self.rows,
                float(seen[first]) / seen.sum(),
                float(-(self.counts @ logs)) / self.rows,
            )
        values = (self.hits.sum() / self.rows, own[seen].mean(), self.loss / self.rows)
        names = ("accuracy", "balanced accuracy", "log loss")
        found = [
            Metric(name, float(value), None if base is None else float(base[i]), i < 2)
            for i, (name, value) in enumerate(zip(names, values, strict=True))
        ]
        if seen.all():
            areas = [area.value() for area in self.areas]
            self.area_error = max(error for _, error in areas)
            value = float(np.mean([value for value, _ in areas]))
            found.append(Metric("ROC AUC", value, None if base is None else 0.5, True))
        return found


class _OfLabels(Tally):
    def __init__(self, model: Any, known: np.ndarray | None) -> None:
        super().__init__(model, known)
        self.sums = np.zeros((2, 2))  # of the model and the baseline: rows and labels right

    def add(self, frame: pl.DataFrame, outputs: np.ndarray, first_row: int) -> None:
        truth = self.model.target_.encode(frame)
        self.rows += len(truth)
        answers = [outputs] if self.known is None else [outputs, self.known[None, :]]
        for sums, chances in zip(self.sums, answers, strict=False):
            right = (chances > 0.5) == truth
            sums += right.all(axis=1).sum(), right.mean(axis=1).sum()

    def metrics(self) -> list[Metric]:
        own, base = self.sums / self.rows
        return [
            Metric(name, float(own[i]), None if self.known is None else float(base[i]), True)
            for i, name in enumerate(("all labels right", "labels right"))
        ]


class _OfNumbers(Tally):
    def __init__(self, model: Any, known: np.ndarray | None) -> None:
        super().__init__(model, known)
        from clearprop.tables.summaries import Moments

        self.names = model.target_.names
        self.moments = [Moments() for _ in self.names]
        self.squares, self.sizes = np.zeros(len(self.names)), np.zeros((2, len(self.names)))

    def add(self, frame: pl.DataFrame, outputs: np.ndarray, first_row: int) -> None:
        truth = frame.select(self.names).to_numpy().astype(np.float64)
        got = np.asarray(self.model.labels_of(outputs), dtype=np.float64).reshape(truth.shape)
        wrong = np.flatnonzero(~np.isfinite(got).all(axis=1))
        if len(wrong):
            raise DataError(
                f"The prediction of {row_name(first_row + int(wrong[0]))} is not finite: its "
                f"values are far from those the model was trained on. Correct them, or train again."
            )
        self.rows += len(truth)
        for moments, column in zip(self.moments, truth.T, strict=True):
            moments.update(column)
        self.squares += ((truth - got) ** 2).sum(axis=0)
        self.sizes[0] += np.abs(truth - got).sum(axis=0)
        if self.known is not None:
            self.sizes[1] += np.abs(truth - self.known).sum(axis=0)

    def metrics(self) -> list[Metric]:
        spread = np.array([m.deviations for m in self.moments])
        means = np.array([m.mean for m in self.moments])
        squares = [self.squares]
        if self.known is not None:
            squares.append(spread + self.rows * (means - self.known) ** 2)
        absolute = [float(sizes.mean()) / self.rows for sizes in self.sizes[: len(squares)]]
        roots = [float(np.sqrt(s / self.rows).mean()) for s in squares]
        found = [
            _metric("mean absolute error", absolute, higher=False),
            _metric("root mean squared error", roots, higher=False),
        ]
        if self.rows > 1 and (spread > 0).all():
            shares = [float(np.mean(1 - s / spread)) for s in squares]
            found.insert(0, _metric("R²", shares, higher=True))
        return found


def _metric(name: str, values: list[float], *, higher: bool) -> Metric:
    return Metric(name, values[0], values[1] if len(values) > 1 else None, higher)


class _Area:
    """The area under a ROC curve of chances in bins."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        half = int(np.float32(0.5).view(np.uint32) >> bits) + 1
        self.half = half
        self.counts = np.zeros((2, 2 * half), dtype=np.int64)

    def add(self, chances: np.ndarray, marks: np.ndarray) -> None:
        """Take in chances (n,) of rows that are of the class, or not, as marked."""
        p = np.clip(chances, 0, 1).astype(np.float32)
        # near 1 as fine as near 0: the bits of a small number say its logarithm
        low = p < 0.5
        near = np.where(low, p, 1 - p).view(np.uint32) >> np.uint32(self.bits)
        places = np.where(low, near, 2 * self.half - 1 - near.astype(np.int64))
        for k in (0, 1):
            self.counts[k] += np.bincount(places[marks == k], minlength=2 * self.half)

    def value(self) -> tuple[float, float]:
        """Return the area, and by how much it can be wrong."""
        without, within = self.counts.astype(np.float64)
        pairs = without.sum() * within.sum()
        below = np.cumsum(without) - without
        ties = float(within @ without) / 2
        return (float(within @ below) + ties) / pairs, ties / pairs


def known_of(summary: Summary, target: Any) -> np.ndarray:
    """Return what a baseline that knows the targets alone answers."""
    if isinstance(target, ClassTarget):
        counts = np.zeros(len(target.classes))
        counts[target.encode(summary.targets.table)] = summary.targets.counts
        return counts / counts.sum()
    return np.array([summary.targets.moments[name].mean for name in summary.targets.names])


def measure_stream(
    model: Any,
    stream: Stream,
    shares: Shares | None = None,
    known: np.ndarray | None = None,
    watch: Callable[[pl.DataFrame], None] | None = None,
) -> Tally:
    """Measure a fitted tabular estimator on a stream, or on those of its rows that test.

    Parameters
    ----------
    shares : Shares, optional
        How the stream was divided; all rows are measured where absent.
    known : array, optional
        See `Tally.of`.
    watch : callable, optional
        Is shown the rows that are measured.
    """
    tally = Tally.of(model, known)
    names = target_names(model.target_)
    missing = [name for name in names if name not in stream.schema]
    if missing:
        raise DataError(
            f"{stream.name!r} has no column {missing[0]!r}, which is the model's target. For rows "
            f"without the answer use predict."
        )
    columns = [*model.encoder_.used_columns, *names]
    if shares is not None and shares.group:
        columns.append(shares.group)
    for piece, frame in stream.frames(list(dict.fromkeys(columns))):
        part = frame
        if shares is not None:
            part = frame[shares.rows(frame, piece.first_row, "test")]
        if part.height:
            if watch is not None:
                watch(part)
            tally.add(part, model.raw_outputs(part), piece.first_row)
    return tally


def measured(model: Any, stream: Stream, y: Any, weights: Any, *names: str) -> float:
    """Return the first of these measures that a model has, on a stream with its target columns."""
    wanted = target_names(model.target_)
    given = (y,) if isinstance(y, str) else y
    if weights is not None or not isinstance(given, list | tuple) or tuple(given) != wanted:
        raise SettingError(
            f"Of a stream y must be the name of the model's target, {listed(wanted)}, and there "
            f"are no weights; got y={y!r}."
        )
    found = measure_stream(model, stream).metrics()
    return next(metric.value for metric in found if metric.name in names)
