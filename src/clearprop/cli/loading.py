"""Tables and models from what was typed: files, standard input, shipped tables, arrays.

Public names: `Series`, `Table`, `load_for_tables`, `load_table`, `load_tabular`, `reads_series`,
`split_target`, `target_names`.
May import: `clearprop.tables`, `clearprop.files`, `clearprop.errors`; Polars when a table is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from clearprop.errors import FileError, SettingError

if TYPE_CHECKING:
    import polars as pl

    from clearprop.tables import SeriesLayout


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes
    ----------
    name : str
        As it was typed.
    frame : polars.DataFrame
    answers : tuple of str
        Columns that are known to be what is predicted: the labels of arrays, and the targets of
        the tables that scikit-learn ships; empty for other tables.
    """

    name: str
    frame: pl.DataFrame
    answers: tuple[str, ...] = ()


def load_table(
    source: str, file_format: str | None = None, labels: str | None = None, model: Any = None
) -> Table:
    """Read a table, or a file of arrays, as a frame.

    Parameters
    ----------
    labels : str, optional
        The IDX file of the labels.
    model : tabular estimator, optional
        What the table is for: its columns of text are kept as text, and the labels of arrays get
        the names of its targets.

    Raises
    ------
    UsageError
        If labels are given for a file that is not IDX.
    """
    from clearprop.tables import SHIPPED, holds_arrays, read_table

    if source != "-" and file_format is None and holds_arrays(source):
        return _load_arrays(source, labels, model)
    if labels is not None:
        raise click.UsageError("--labels goes with an IDX file; this table holds its own labels.")
    text = () if model is None else _text_columns(model)
    frame = read_table(source, format=file_format, text_columns=text)
    # a file of the same name comes first, and may hold anything
    shipped = SHIPPED.get(source, ())
    return Table(source, frame, shipped if set(shipped) <= set(frame.columns) else ())


def _load_arrays(source: str, labels: str | None, model: Any) -> Table:
    import polars as pl

    from clearprop.tables import as_frame, read_arrays

    arrays = read_arrays(source, labels=labels)
    frame = as_frame(arrays.X)
    if arrays.y is None:
        return Table(source, frame)
    columns = [arrays.y] if arrays.y.ndim == 1 else list(arrays.y.T)
    names = ["target"] if len(columns) == 1 else [f"target{k}" for k in range(len(columns))]
    if model is not None and len(target_names(model)) == len(columns):
        names = target_names(model)
    named = [pl.Series(name, column) for name, column in zip(names, columns, strict=True)]
    return Table(source, frame.with_columns(named), tuple(names))


def load_tabular(path: str) -> Any:
    """Load a model that reads single rows of tables.

    Raises
    ------
    FileError
        If the file holds another kind of model.
    """
    model = load_for_tables(path)
    if reads_series(model):
        raise FileError(
            f"{path!r} holds a {type(model).__name__}, which reads series of rows; this verb goes "
            f"over single rows. Load it in Python with clearprop.load({path!r})."
        )
    return model


def load_for_tables(path: str) -> Any:
    """Load a model that reads tables, of single rows or of series.

    Raises
    ------
    FileError
        If the file holds another kind of model, or one that knows no columns.
    """
    from clearprop.files import load

    model = load(path)
    if not reads_series(model) and not hasattr(model, "encoder_"):
        raise FileError(
            f"{path!r} holds a {type(model).__name__}, which knows no columns of a table. Load it "
            f"in Python with clearprop.load({path!r})."
        )
    return model


def reads_series(model: Any) -> bool:
    """Whether a model reads the rows of a table as series, or forecasts a column."""
    of_table = hasattr(getattr(model, "encoding_", None), "used_columns")
    return of_table or bool(getattr(model, "forecasts_", False) and model.target_names_)


@dataclass(frozen=True)
class Series:
    """The series of a table, as a model reads them.

    Attributes
    ----------
    frame : polars.DataFrame
    layout : SeriesLayout
    target : str
    """

    frame: pl.DataFrame
    layout: SeriesLayout
    target: str

    @classmethod
    def of(cls, model: Any, table: Table) -> Series:
        """Find them.

        Raises
        ------
        FileError
            If the table lacks the target.
        SettingError
            If the model forecasts.
        """
        from clearprop.tables import series_of

        if getattr(model, "forecasts_", False):
            raise SettingError(
                "A model that forecasts goes over windows of one series, which a table does not "
                "show. In Python: clearprop.explain(model, [window], [what follows its steps])."
            )
        split_target(model, table)  # says so where there is none
        layout = series_of(table.frame, model.sequence_id, model.order_by, sort=bool(model.sort))
        return cls(table.frame, layout, target_names(model)[0])

    def __len__(self) -> int:
        """Return how many series there are."""
        return len(self.layout)

    def rows(self, first: int, last: int) -> tuple[pl.DataFrame, str]:
        """Return the rows of series first to last - 1, counted from 0, and the target's column."""
        starts = self.layout.starts
        return self.frame[self.layout.rows[starts[first] : starts[last]]], self.target


def split_target(model: Any, table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the columns to learn from and the model's target columns.

    Raises
    ------
    FileError
        If the table lacks a target.
    """
    names = target_names(model)
    columns = table.frame.columns
    missing = [name for name in names if name not in columns]
    if missing:
        shown = ", ".join(columns[:20]) + (", …" if len(columns) > 20 else "")
        raise FileError(
            f"{table.name!r} has no column {missing[0]!r}, which is the model's target. Its "
            f"columns are: {shown}. For rows without the answer use clearprop predict."
        )
    return table.frame.drop(names), table.frame.select(names)


def target_names(model: Any) -> list[str]:
    """Return the model's target columns."""
    if hasattr(model, "target_names_"):
        return list(model.target_names_)
    target = model.target_
    return list(target.names) if hasattr(target, "names") else [target.name]


def _text_columns(model: Any) -> tuple[str, ...]:
    """Return the columns that must not be read as numbers: of categories, and classes of text."""
    encoding = model.encoding_ if reads_series(model) else model.encoder_
    classes: Any = getattr(model, "classes_", ())
    targets = target_names(model) if len(classes) and isinstance(classes[0], str) else []
    return (*getattr(encoding, "text_columns", ()), *targets)
