"""A person's own table: read, its target settled, encoded, and divided.

The table is read as `clearprop train` reads it (`clearprop.tables`), which parses data and nothing
else. The encoding is fitted on the rows to learn from alone.

Public names: `Upload`, `read_upload`, `table_samples`.
May import: `samples`, `clearprop.tables`, `clearprop.errors`, NumPy, Polars.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from clearprop.errors import DataError, FileError, SettingError
from clearprop.studio.samples import Samples, targets_of
from clearprop.studio.toys import Kind
from clearprop.tables import (
    ClassTarget,
    NumberTarget,
    TableEncoder,
    fit_target,
    infer_task,
    read_table,
    split_rows,
)

SUFFIXES = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz")
# what a page can still be lively with
MOST_ROWS, MOST_FEATURES, MOST_CLASSES = 200_000, 2_000, 100


@dataclass(frozen=True, eq=False)
class Upload:
    """A table as it was sent.

    Attributes
    ----------
    name : str
        The file's name, for people.
    frame : polars.DataFrame
    """

    name: str
    frame: pl.DataFrame

    @property
    def columns(self) -> list[str]:
        """The columns that may be the target."""
        return list(self.frame.columns)


def read_upload(path: Path, name: str) -> Upload:
    """Read a table that was sent.

    Raises
    ------
    FileError, DataError
        It is no table that can be read.
    """
    if not name.lower().endswith(SUFFIXES):
        raise FileError(f"{name!r} must be a CSV, TSV or Parquet file, by the end of its name.")
    frame = read_table(path)
    if frame.height > MOST_ROWS:
        raise DataError(
            f"{name!r} has {frame.height:,} rows; a live page takes {MOST_ROWS:,}. Send fewer, or "
            f"train on it with `clearprop train`."
        )
    if frame.width < 2:
        raise DataError(f"{name!r} has one column: expected a target and at least one input.")
    return Upload(name, frame)


def table_samples(upload: Upload, target: str, *, train_share: float, seed: int) -> Samples:
    """Encode a table for a network.

    Raises
    ------
    SettingError, DataError
        The target or a column cannot be used.
    """
    task = infer_task(upload.frame, target)
    fitted = fit_target(upload.frame, task)
    if not isinstance(fitted, ClassTarget | NumberTarget):
        raise SettingError(f"The target {target!r} holds several labels: name one column.")
    numbers = fitted.encode(upload.frame)
    classes = numbers if isinstance(fitted, ClassTarget) else None
    rows = upload.frame.height
    strata = None if classes is None or np.bincount(classes).max() < 2 else classes
    train, held = split_rows(rows, fraction=1 - train_share, seed=seed, strata=strata)
    inputs = upload.frame.drop(target)
    encoder = TableEncoder.fit(inputs[train])
    if encoder.width > MOST_FEATURES:
        raise DataError(
            f"The columns make {encoder.width:,} inputs; a live page takes {MOST_FEATURES:,}. "
            f"Leave some out, or train with `clearprop train`."
        )
    kind, names = _outputs(fitted)
    if len(names) > MOST_CLASSES:
        raise DataError(f"{target!r} has {len(names)} classes; a live page takes {MOST_CLASSES}.")
    y = targets_of(kind, numbers, len(names))
    x = encoder.transform(inputs, np.float64)
    return Samples(
        kind, x[train], y[train], x[held], y[held], encoder.feature_names, names, upload.name
    )


def _outputs(target: ClassTarget | NumberTarget) -> tuple[Kind, tuple[str, ...]]:
    if isinstance(target, NumberTarget):
        return "number", target.names
    classes = tuple(map(str, target.classes))
    return ("binary", classes[1:]) if target.kind == "binary" else ("classes", classes)
