"""A person's own table: read, its target settled, encoded, and divided.

The table is read as `clearprop train` reads it (`clearprop.tables`), which parses data and nothing
else, in a process of its own (`apart`). The encoding is fitted on the rows to learn from alone.

Public names: `Upload`, `read_upload`, `table_samples`.
May import: `apart`, `samples`, `told`, `clearprop.tables`, `clearprop.errors`, NumPy, Polars.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clearprop.studio.apart import read_apart
from clearprop.studio.samples import Samples, targets_of
from clearprop.studio.told import ToldError
from clearprop.studio.toys import Kind
from clearprop.tables import (
    ClassTarget,
    NumberTarget,
    TableEncoder,
    fit_target,
    infer_task,
    split_rows,
)

SUFFIXES = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz")
# what a page can still be lively with
MOST_ROWS, MOST_FEATURES, MOST_CLASSES = 200_000, 2_000, 100
# of the table, and of the inputs that it makes: 240 MB
MOST_CELLS = 30_000_000


@dataclass(frozen=True, eq=False)
class Upload:
    """A table as it was sent.

    Attributes
    ----------
    name : str
        The file's name, for people.
    frame : polars.DataFrame
    encoder, fitted : TableEncoder and ClassTarget or NumberTarget, optional
        How the columns and the target are encoded, where a model was brought with the table.
    """

    name: str
    frame: pl.DataFrame
    encoder: TableEncoder | None = None
    fitted: ClassTarget | NumberTarget | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that may be the target."""
        return list(self.frame.columns)


def read_upload(path: Path, name: str, text_columns: Collection[str] = ()) -> Upload:
    """Read a table that was sent; `text_columns` are those that stay text.

    Raises
    ------
    FileError, DataError
        It is no table that can be read.
    """
    if not name.lower().endswith(SUFFIXES):
        raise ToldError("studio_problems.file_name", name=name)
    frame = read_apart(path, name, (MOST_ROWS, MOST_CELLS), text_columns)
    if frame.width < 2:
        raise ToldError("studio_problems.one_column", name=name)
    return Upload(name, frame)


def table_samples(upload: Upload, target: str, *, train_share: float, seed: int) -> Samples:
    """Encode a table for a network.

    Raises
    ------
    SettingError, DataError
        The target or a column cannot be used.
    """
    train, held, fitted, numbers = _divided(upload, target, train_share, seed)
    inputs = upload.frame.drop(target)
    known = fitted is upload.fitted
    encoder = upload.encoder if known and upload.encoder else TableEncoder.fit(inputs[train])
    most = min(MOST_FEATURES, MOST_CELLS // upload.frame.height)
    if encoder.width > most:
        raise ToldError("studio_problems.features", features=encoder.width, most=most)
    kind, names = _outputs(fitted)
    if len(names) > MOST_CLASSES:
        raise ToldError(
            "studio_problems.classes", target=target, classes=len(names), most=MOST_CLASSES
        )
    y = targets_of(kind, numbers, len(names))
    x = encoder.transform(inputs, np.float64)
    return Samples(
        kind, x[train], y[train], x[held], y[held], encoder.feature_names, names, upload.name,
        encoder, fitted,
    )  # fmt: skip


def _divided(
    upload: Upload, target: str, train_share: float, seed: int
) -> tuple[np.ndarray, np.ndarray, ClassTarget | NumberTarget, np.ndarray]:
    """Return the rows to learn from, those held out, and the target with its numbers."""
    fitted: Any = upload.fitted
    if fitted is None or target not in (getattr(fitted, "name", ""), *getattr(fitted, "names", ())):
        fitted = fit_target(upload.frame, infer_task(upload.frame, target))
    if not isinstance(fitted, ClassTarget | NumberTarget):
        raise ToldError("studio_problems.labels", target=target)
    numbers = fitted.encode(upload.frame)
    classes = numbers if isinstance(fitted, ClassTarget) else None
    # a class of one row cannot be in both parts
    strata = None if classes is None or np.bincount(classes).max() < 2 else classes
    rows = upload.frame.height
    train, held = split_rows(rows, fraction=1 - train_share, seed=seed, strata=strata)
    return train, held, fitted, numbers


def _outputs(target: ClassTarget | NumberTarget) -> tuple[Kind, tuple[str, ...]]:
    if isinstance(target, NumberTarget):
        return "number", target.names
    classes = tuple(map(str, target.classes))
    return ("binary", classes[1:]) if target.kind == "binary" else ("classes", classes)
