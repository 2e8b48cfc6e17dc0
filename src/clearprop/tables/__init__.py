"""People's tables: read, encoded as one matrix of floats, divided, and looked over for traps.

A table goes this way: `read_table` (a file) or `as_frame` (what is in memory) gives a Polars
frame; `infer_task` and `fit_target` settle what is learned; `inspect_columns` warns; `split_rows`
holds rows out, `fold_rows` each in turn; `TableEncoder.fit`, or `EncoderFitting` chunk by chunk,
learns how each column becomes features; `TableEncoder.transform` writes them. What was fitted is
plain data: frozen records that turn themselves to JSON values and back.

May import NumPy, Polars, narwhals, scikit-learn (its shipped tables, when asked for) and
`clearprop.errors`.
"""

from clearprop.tables.advice import ColumnWarning, inspect_columns
from clearprop.tables.arrays import Arrays, holds_arrays, read_arrays, read_idx
from clearprop.tables.categories import CategoryColumn
from clearprop.tables.columns import (
    BooleanColumn,
    Column,
    DateColumn,
    DatePart,
    DroppedColumn,
    NumberColumn,
)
from clearprop.tables.encoder import TableEncoder
from clearprop.tables.fitting import EncoderFitting
from clearprop.tables.folds import fold_rows
from clearprop.tables.formats import FORMATS
from clearprop.tables.frames import as_frame
from clearprop.tables.options import EncoderOptions
from clearprop.tables.plain import plain_values
from clearprop.tables.reading import read_table
from clearprop.tables.records import Unseen
from clearprop.tables.series import SeriesLayout, series_of
from clearprop.tables.shipped import SHIPPED
from clearprop.tables.splitting import split_rows
from clearprop.tables.targets import (
    ClassTarget,
    MultilabelTarget,
    NumberTarget,
    Target,
    fit_target,
    target_from_document,
    target_to_document,
)
from clearprop.tables.tasks import Task, infer_task
from clearprop.tables.writing import write_table

__all__ = [
    "FORMATS",
    "SHIPPED",
    "Arrays",
    "BooleanColumn",
    "CategoryColumn",
    "ClassTarget",
    "Column",
    "ColumnWarning",
    "DateColumn",
    "DatePart",
    "DroppedColumn",
    "EncoderFitting",
    "EncoderOptions",
    "MultilabelTarget",
    "NumberColumn",
    "NumberTarget",
    "SeriesLayout",
    "TableEncoder",
    "Target",
    "Task",
    "Unseen",
    "as_frame",
    "fit_target",
    "fold_rows",
    "holds_arrays",
    "infer_task",
    "inspect_columns",
    "plain_values",
    "read_arrays",
    "read_idx",
    "read_table",
    "series_of",
    "split_rows",
    "target_from_document",
    "target_to_document",
    "write_table",
]
