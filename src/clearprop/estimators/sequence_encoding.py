"""Steps as the network reads them: numbers standardised, columns of a table encoded.

`StepScaler` is for arrays, the tables' own `TableEncoder` for tables. Both are plain data that
travel in the model file.

Public names: `Encoding`, `StepScaler`, `encoding_for`, `encoding_from_document`,
`encoding_to_document`, `encoded`.
May import: `clearprop.tables`, `clearprop.engines`, `clearprop.errors`, NumPy; Polars where a table
came.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop.engines import Sequences
from clearprop.errors import DataError, FileError, ShapeError
from clearprop.estimators.sequence_data import Given

if TYPE_CHECKING:
    from clearprop.tables import TableEncoder


@dataclass(frozen=True)
class StepScaler:
    """(x - mean) / scale, feature by feature.

    Attributes
    ----------
    means, scales : tuples of float, one a feature
        Mean and standard deviation over all steps of all training sequences; 0 and 1 where inputs
        are left as they are, and a scale of 1 for a feature that never changes.
    """

    means: tuple[float, ...]
    scales: tuple[float, ...]

    @classmethod
    def fit(cls, values: np.ndarray, *, standardize: bool) -> StepScaler:
        """Fit to steps (N, features)."""
        if not standardize:
            return cls((0.0,) * values.shape[1], (1.0,) * values.shape[1])
        means, deviations = values.mean(axis=0), values.std(axis=0)
        # what is left of a constant is rounding
        constant = deviations <= 1e-12 * np.abs(means)
        scales = np.where(constant, 1.0, deviations)
        if not np.isfinite(scales).all():
            feature = int(np.flatnonzero(~np.isfinite(scales))[0])
            raise DataError(
                f"Feature {feature} is too large: expected numbers whose squares a float64 can "
                f"hold. Put it in a larger unit."
            )
        return cls(tuple(means.tolist()), tuple(scales.tolist()))

    def transform(self, values: np.ndarray, dtype: Any) -> np.ndarray:
        """Return scaled steps, (N, features)."""
        with np.errstate(over="ignore"):
            # what overflows is told by its place
            return ((values - np.array(self.means)) / np.array(self.scales)).astype(dtype)


Encoding = Any  # StepScaler or TableEncoder; the latter is imported where a table comes


def encoding_for(given: Given, *, standardize: bool) -> Encoding:
    """Fit the encoding of what came: over all its steps.

    Raises
    ------
    DataError
        A column cannot be learned from.
    """
    if given.values is not None:
        return StepScaler.fit(given.values, standardize=standardize)
    from clearprop.tables import EncoderOptions, TableEncoder

    assert given.steps is not None  # there are no values
    encoder = TableEncoder.fit(given.steps, EncoderOptions(numbers="standard"))
    return encoder if standardize else _left_as_they_are(encoder)


def _left_as_they_are(encoder: TableEncoder) -> TableEncoder:
    from clearprop.tables import NumberColumn, TableEncoder

    columns = (
        replace(column, mean=0.0, deviation=1.0) if isinstance(column, NumberColumn) else column
        for column in encoder.columns
    )
    return TableEncoder(tuple(columns))


def encoded(name: str, encoding: Encoding, given: Given, dtype: str) -> Sequences:
    """Return what came as the network reads it.

    Raises
    ------
    DataError
        A table came where the model learned from arrays, or the other way round; a column is
        missing or of another kind.
    ShapeError
        Steps of another width.
    """
    if given.values is None:
        if isinstance(encoding, StepScaler):
            raise DataError(
                f"{name} was fitted on arrays, so it knows no columns of a table. Give a list of "
                f"(steps, {len(encoding.means)}) arrays."
            )
        return Sequences(encoding.transform(given.steps, np.dtype(dtype)), given.starts)
    if not isinstance(encoding, StepScaler):
        raise DataError(
            f"{name} was fitted on a table, so it needs its columns: "
            f"{', '.join(encoding.used_columns)}. Give a table with them."
        )
    if given.width != len(encoding.means):
        raise ShapeError(
            f"X has {given.width} features a step, but {name} is expecting {len(encoding.means)} "
            f"features as input."
        )
    values = encoding.transform(given.values, dtype)
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        place, feature = (int(part) for part in wrong[0])
        raise DataError(
            f"X holds {given.values[place, feature]:g} in {given.where(place)}, feature {feature}: "
            f"too far from what was trained on for {dtype}. Correct it."
        )
    return Sequences(values, given.starts)


def encoding_to_document(encoding: Encoding) -> dict[str, Any]:
    """Turn an encoding into plain data."""
    if isinstance(encoding, StepScaler):
        scales = {"means": list(encoding.means), "scales": list(encoding.scales)}
        return {"kind": "steps", **scales}
    return {"kind": "table", "table": encoding.to_document()}


def encoding_from_document(document: Any) -> Encoding:
    """Read an encoding back, trusting nothing; FileError where anything is off."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind == "table" and document.keys() == {"kind", "table"}:
        from clearprop.tables import TableEncoder

        return TableEncoder.from_document(document["table"])
    if kind != "steps" or document.keys() != {"kind", "means", "scales"}:
        raise FileError("Expected the encoding of steps to be means and scales, or a table's.")
    means, scales = (_numbers(document[name], name) for name in ("means", "scales"))
    if len(means) != len(scales) or not means or min(scales) <= 0:
        raise FileError("Expected a mean and a positive scale for each feature of a step.")
    return StepScaler(means, scales)


def _numbers(values: Any, name: str) -> tuple[float, ...]:
    # NaN compares with nothing, and whole numbers may be beyond all floats
    right = isinstance(values, list) and all(
        type(v) in (int, float) and abs(v) <= sys.float_info.max for v in values
    )
    if not right:
        raise FileError(f"Expected the {name} of the encoding to be a list of finite numbers.")
    return tuple(float(value) for value in values)
