"""Take a table in whatever form people hold it, and hand on a Polars frame.

Public names: `as_frame`. Imports NumPy, Polars, narwhals and `clearprop.errors`. pandas columns
are converted here, one by one, because Polars' own way asks for PyArrow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from clearprop.errors import DataError, ShapeError
from clearprop.tables.wording import listed, row_name


def as_frame(X: Any) -> pl.DataFrame:
    """Convert a table to a Polars frame, keeping the names and the order of its columns.

    Parameters
    ----------
    X : table, (n, columns)
        A pandas, Polars or PyArrow table, anything else that narwhals reads (what is not in memory,
        as a DuckDB relation, is read into it), a mapping of column names to values, or a
        two-dimensional array or list of rows. The columns of an array are named x0, x1, …, as
        scikit-learn does; those of pandas that have numbers for names get their digits.

    Raises
    ------
    DataError
        Column names that are not distinct strings; a column of mixed types; a sparse matrix.
    ShapeError
        An array that is not two-dimensional, or columns of unequal length.
    """
    if isinstance(X, pl.DataFrame):
        return X
    if isinstance(X, pl.LazyFrame):
        return X.collect()
    if nw.dependencies.is_pandas_dataframe(X):
        names = [str(name) if isinstance(name, int | np.integer) else name for name in X.columns]
        _check_names(names)
        return pl.DataFrame([_from_pandas(X.iloc[:, i].rename(n)) for i, n in enumerate(names)])
    if isinstance(X, Mapping):
        return _from_mapping(X)
    if hasattr(X, "tocsr"):
        raise DataError(
            "Expected a table of columns; got a sparse matrix. Hand over its dense form "
            "(X.toarray()), or train an MLPClassifier or MLPRegressor, which take sparse input."
        )
    if hasattr(X, "column_names"):
        _check_names(X.column_names)  # PyArrow allows duplicates, on which Polars gives up
    try:
        native = nw.from_native(X)
    except TypeError:
        return _from_array(X)
    if isinstance(native, nw.LazyFrame):
        _check_names(native.collect_schema().names())
        native = native.collect(backend="polars")
    _check_names(native.columns)
    return native.to_polars()


def _check_names(names: Iterable[Any]) -> None:
    seen = list(names)
    others = [name for name in seen if not isinstance(name, str)]
    if others:
        raise DataError(
            f"Expected the names of columns to be strings; got {listed(others)} "
            f"({type(others[0]).__name__}). In pandas: frame.columns = frame.columns.map(str)."
        )
    twice = [name for name, count in Counter(seen).items() if count > 1]
    if twice:
        raise DataError(
            f"Expected distinct names of columns; got {listed(twice)} more than once. "
            "Rename or remove the repeated columns."
        )


def _from_mapping(columns: Mapping[Any, Any]) -> pl.DataFrame:
    _check_names(columns)
    series = [_series(name, values) for name, values in columns.items()]
    lengths = {column.name: len(column) for column in series}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} {length}" for name, length in list(lengths.items())[:6])
        raise ShapeError(f"Expected columns of equal length; got {told}.")
    return pl.DataFrame(series)


def _from_array(X: Any) -> pl.DataFrame:
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise ShapeError(f"Expected rows of equal length; {error}.") from error
    if array.ndim != 2:
        raise ShapeError(
            "Expected a table: a frame, a mapping of columns, or an array of shape (rows, "
            f"columns); got {type(X).__name__} of shape {array.shape}. Reshape your data: one "
            "column x is x.reshape(-1, 1), one row x.reshape(1, -1)."
        )
    if not array.shape[1]:
        raise DataError(
            f"Expected one column or more; got an array of 0 feature(s) (shape={array.shape}) "
            "while a minimum of 1 is required."
        )
    return pl.DataFrame([_series(f"x{i}", column) for i, column in enumerate(array.T)])


def _series(name: str, values: Any) -> pl.Series:
    """Make a column of an array or a sequence of values (n,)."""
    if isinstance(values, pl.Series):
        return values.alias(name)
    if nw.dependencies.is_pandas_series(values):
        return _from_pandas(values.rename(name))
    if isinstance(values, np.ndarray):
        return _from_vector(name, values)
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise DataError(
            f"Expected column {name!r} to be a sequence of values; got {type(values).__name__}. "
            "A single row is written with lists of one value."
        )
    return _from_values(name, list(values))


def _from_vector(name: str, values: np.ndarray) -> pl.Series:
    """Make a column of an array (n,), whose memory is shared where Polars knows its type."""
    if values.ndim != 1:
        raise ShapeError(
            f"Expected column {name!r} to be one-dimensional; got shape {values.shape}."
        )
    if values.dtype.kind == "c":
        raise DataError(
            f"Complex data not supported: expected real values in column {name!r}; got complex "
            "numbers."
        )
    if values.dtype.kind not in "biufmM":
        return _from_values(name, values.tolist())
    dtype = values.dtype.newbyteorder("=")
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        dtype = np.dtype(np.float32 if dtype.itemsize == 2 else np.float64)
    if dtype.kind in "mM" and np.datetime_data(dtype)[0] not in ("ms", "us", "ns"):
        dtype = np.dtype(f"{dtype.kind}8[us]")
    return pl.Series(name, np.ascontiguousarray(values, dtype=dtype))


def _from_values(name: str, values: list[Any]) -> pl.Series:
    """Make a column of Python values, all of one kind or missing."""
    cleaned = [None if isinstance(value, float) and isnan(value) else value for value in values]
    try:
        return pl.Series(name, cleaned, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        pass
    kinds: dict[str, int] = {}
    for i, value in enumerate(cleaned):
        if value is not None:
            kinds.setdefault(type(value).__name__, i)
    if set(kinds) <= {"int", "float", "float64", "int64"}:
        return pl.Series(name, [None if value is None else float(value) for value in cleaned])
    told = ", ".join(f"{kind} ({row_name(i)})" for kind, i in list(kinds.items())[:4])
    raise DataError(
        f"Expected column {name!r} to hold values of one kind; got {told}. Make them alike (all "
        f"text: str(value)), or leave the column out (--drop {name})."
    )


def _from_pandas(series: Any) -> pl.Series:
    """Convert one pandas column without the help of PyArrow."""
    name, dtype = series.name, series.dtype
    if hasattr(series, "cat"):
        # Categories stay categories even where they are numbers: whoever made them meant it.
        levels = _series(name, series.cat.categories.to_numpy()).cast(pl.String)
        codes = pl.Series(series.cat.codes.to_numpy()).cast(pl.Int64)
        return levels.gather(codes.replace(-1, None)).cast(pl.Categorical).alias(name)
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return _series(name, series.to_numpy())
    if getattr(dtype, "tz", None) is not None and hasattr(dtype, "unit"):
        naive = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        instants = _from_vector(name, naive).dt.replace_time_zone("UTC")
        try:
            return instants.dt.convert_time_zone(str(dtype.tz))
        except pl.exceptions.PolarsError:
            return instants  # a fixed distance from UTC has no name that Polars knows
    missing = series.isna()
    numbers = getattr(dtype, "numpy_dtype", None)
    if isinstance(numbers, np.dtype) and numbers.kind in "biuf" and not missing.any():
        return _series(name, series.to_numpy(dtype=numbers))
    pairs = zip(series, missing, strict=True)
    return _from_values(name, [None if gone else value for value, gone in pairs])
