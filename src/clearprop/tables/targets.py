"""Targets as a network's output wants them, and back again as people wrote them.

Each is fitted plain data, and travels in the model file as the encoding of the columns does.

Public names: `ClassTarget`, `NumberTarget`, `MultilabelTarget`, `Target`, `fit_target`,
`target_to_document`, `target_from_document`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from clearprop.errors import DataError, FileError, ShapeError
from clearprop.tables.documents import from_document, to_document
from clearprop.tables.summaries import Moments
from clearprop.tables.tasks import Task, check_target
from clearprop.tables.wording import listed, row_name


@dataclass(frozen=True, slots=True)
class ClassTarget:
    """One column of classes.

    `classes` are sorted and keep the type of the labels: str, bool, int or float.
    """

    name: str
    classes: tuple[str | bool | int | float, ...]

    def __post_init__(self) -> None:
        if len(set(self.classes)) < max(2, len(self.classes)):
            raise DataError(
                f"Expected at least two distinct classes of {self.name!r}; got "
                f"{listed(self.classes)}."
            )
        if len(set(map(type, self.classes))) > 1:
            raise DataError(
                f"Expected classes of {self.name!r} of one type; got {listed(self.classes)}."
            )

    @classmethod
    def fit(cls, series: pl.Series) -> ClassTarget:
        """Find the classes of a column (n,); raises DataError as `infer_task` does."""
        check_target(series)
        if series.dtype in (pl.Categorical, pl.Enum):
            series = series.cast(pl.String)
        elif series.dtype.is_decimal():
            series = series.cast(pl.Float64)
        return cls(series.name, tuple(series.unique().sort().to_list()))

    @property
    def kind(self) -> Literal["binary", "multiclass"]:
        """Whether there are two classes or more."""
        return "binary" if len(self.classes) == 2 else "multiclass"

    def encode(self, frame: pl.DataFrame) -> np.ndarray:
        """Turn the column into codes: int64 (n,), the positions in `classes`.

        Raises
        ------
        DataError
            The column is missing, or a row holds no class that training had.
        """
        series = _column(frame, self.name)
        labels = self._as_labels(series)
        codes = labels.replace_strict(
            pl.Series(self.classes),
            range(len(self.classes)),
            default=None,
            return_dtype=pl.Int64,
        )
        if codes.null_count():
            index = codes.is_null().arg_true()[0]
            raise DataError(
                f"Expected {self.name!r} to hold one of the {len(self.classes)} classes "
                f"{listed(self.classes)}; {row_name(index)} holds {series[index]!r} "
                f"({codes.null_count()} such rows). Correct or remove them, or train anew."
            )
        return codes.to_numpy(writable=True)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Turn codes (n,) into labels (n,) of the classes' own type."""
        return np.array(self.classes)[np.asarray(codes)]

    def _as_labels(self, series: pl.Series) -> pl.Series:
        """Bring a column of another type to that of the classes; what does not fit is null."""
        first = self.classes[0]
        if isinstance(first, str):
            return series.cast(pl.String)
        if isinstance(first, bool):
            if series.dtype == pl.Boolean:
                return series
            lower = series.cast(pl.String).str.to_lowercase()
            truth = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
            return lower.replace_strict(truth, default=None, return_dtype=pl.Boolean)
        if series.dtype == pl.String:
            series = series.str.strip_chars()
        numbers = series.cast(pl.Float64, strict=False)
        if isinstance(first, float):
            return numbers
        if series.dtype.is_integer():
            return series.cast(pl.Int64, strict=False)
        whole = numbers.is_finite() & (numbers % 1 == 0)
        return pl.select(pl.when(whole).then(numbers)).to_series().cast(pl.Int64, strict=False)


@dataclass(frozen=True, slots=True)
class NumberTarget:
    """Columns of numbers, standardised inside and handed back in their own units."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.means) == len(self.scales) > 0:
            raise DataError("Expected a mean and a scale for each of one or more targets.")
        if not all(scale > 0 for scale in self.scales):
            raise DataError(f"Expected positive scales of the targets; got {listed(self.scales)}.")

    @classmethod
    def fit(cls, frame: pl.DataFrame) -> NumberTarget:
        """Fit to every column of a frame (n, k); raises DataError as `infer_task` does."""
        moments = []
        for series in frame.iter_columns():
            check_target(series)
            moments.append(Moments())
            moments[-1].update(_numbers(series))
            if not np.isfinite(moments[-1].scale):
                raise DataError(
                    f"The target {series.name!r} reaches {moments[-1].maximum:g}: expected numbers "
                    "whose squares a float64 can hold. Put it in a larger unit."
                )
        means, scales = tuple(m.mean for m in moments), tuple(m.scale for m in moments)
        return cls(tuple(frame.columns), means, scales)

    def encode(self, frame: pl.DataFrame) -> np.ndarray:
        """Standardise the columns: float64 (n, k).

        Raises
        ------
        DataError
            A column is missing or a value is no finite number.
        """
        raw = np.column_stack([_numbers(_column(frame, name)) for name in self.names])
        return (raw - self.means) / self.scales

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Turn outputs (n, k) into the targets' own units: (n, k), or (n,) for one target."""
        values = np.asarray(outputs)
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise ShapeError(
                f"Expected outputs of shape (n, {len(self.names)}); got {values.shape}."
            )
        restored = values * np.array(self.scales) + np.array(self.means)
        return restored[:, 0] if len(self.names) == 1 else restored


@dataclass(frozen=True, slots=True)
class MultilabelTarget:
    """Several columns of 0 and 1, or of booleans; any of them may hold at once."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) < max(2, len(self.names)):
            raise DataError(f"Expected two or more distinct targets; got {listed(self.names)}.")

    @classmethod
    def fit(cls, frame: pl.DataFrame) -> MultilabelTarget:
        """Check every column of a frame (n, k); raises DataError as `infer_task` does."""
        for series in frame.iter_columns():
            check_target(series)
        target = cls(tuple(frame.columns))
        target.encode(frame)
        return target

    def encode(self, frame: pl.DataFrame) -> np.ndarray:
        """Turn the columns into 0.0 and 1.0: float64 (n, k).

        Raises
        ------
        DataError
            A column is missing or a value is neither 0 nor 1.
        """
        return np.column_stack([self._flags(_column(frame, name)) for name in self.names])

    def decode(self, flags: np.ndarray) -> np.ndarray:
        """Turn flags (n, k) into integers 0 and 1."""
        return np.asarray(flags).astype(np.int64)

    def _flags(self, series: pl.Series) -> np.ndarray:
        values = _numbers(series)
        wrong = np.flatnonzero((values != 0) & (values != 1))
        if len(wrong):
            raise DataError(
                f"Expected the target {series.name!r} to hold 0 and 1; {row_name(int(wrong[0]))} "
                f"holds {series[int(wrong[0])]!r}. Correct it, or name one target at a time."
            )
        return values


Target = ClassTarget | NumberTarget | MultilabelTarget

_TARGETS: dict[str, type[Target]] = {
    "classes": ClassTarget,
    "numbers": NumberTarget,
    "labels": MultilabelTarget,
}


def fit_target(frame: pl.DataFrame, task: Task) -> Target:
    """Fit the target columns of a frame (n, columns) as the task asks."""
    if task.name == "regression":
        return NumberTarget.fit(frame.select(task.targets))
    if task.kind == "multilabel":
        return MultilabelTarget.fit(frame.select(task.targets))
    return ClassTarget.fit(frame[task.targets[0]])


def target_to_document(target: Target) -> dict[str, Any]:
    """Turn a fitted target into JSON data that reads back as the same bits."""
    tags = {cls: tag for tag, cls in _TARGETS.items()}
    return {"kind": tags[type(target)], **to_document(target)}


def target_from_document(document: Any) -> Target:
    """Read a fitted target back; raises FileError on anything `target_to_document` never writes."""
    kind = document.get("kind") if isinstance(document, Mapping) else None
    if not isinstance(kind, str) or kind not in _TARGETS:
        raise FileError(f"Expected a target of a kind {', '.join(_TARGETS)}; got {kind!r}.")
    fields = {name: value for name, value in document.items() if name != "kind"}
    return from_document(_TARGETS[kind], fields, "the target")


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    if name not in frame.columns:
        raise DataError(
            f"The target {name!r} is not in the table, which has {listed(frame.columns, 12)}."
        )
    return frame[name]


def _numbers(series: pl.Series) -> np.ndarray:
    """Turn a target column (n,) into finite float64 numbers, or name the first row at fault."""
    values = series.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        index = int(wrong[0])
        raise DataError(
            f"Expected the target {series.name!r} to hold finite numbers; {row_name(index)} holds "
            f"{series[index]!r} ({len(wrong)} such rows). Correct or remove them."
        )
    return values
