"""Fit the encoding of one column from chunks of its rows.

Text is only counted until all of it is known; then, if every distinct value is a number, a boolean
or a date, the column is fitted as such.

Every fitting keeps a fingerprint: the sum over the rows of value hash × row key, modulo 2⁶⁴, which
no order of chunks changes. Columns of one kind with equal fingerprints are duplicates.

Public names: `ColumnFitting`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from clearprop.errors import DataError
from clearprop.tables.categories import CategoryColumn
from clearprop.tables.columns import (
    BooleanColumn,
    Column,
    DateColumn,
    DatePart,
    DroppedColumn,
    NumberColumn,
)
from clearprop.tables.conversion import (
    Kind,
    date_values,
    kind_of,
    number_source,
    number_values,
)
from clearprop.tables.dates import DATE_PARTS, date_parts
from clearprop.tables.options import EncoderOptions
from clearprop.tables.scaling import robust_scale
from clearprop.tables.summaries import (
    LevelCounts,
    Moments,
    Sample,
    number_hashes,
    row_keys,
)
from clearprop.tables.text import clean_text, settle_text
from clearprop.tables.wording import row_name

_MISSING_HASH = np.uint64(0x5851F42D4C957F2D)  # any constant


class ColumnFitting:
    """The statistics of one column; only those of its kind are ever filled.

    Parameters
    ----------
    name : str
    options : EncoderOptions
    """

    def __init__(self, name: str, options: EncoderOptions) -> None:
        self.name = name
        self.options = options
        self.kind: Kind = "empty"
        self.detail: str | None = None  # what numbers count, or the dates' time zone
        self.missing = 0
        self.fingerprint = 0
        self.moments: dict[str, Moments] = {}
        self.samples: dict[str, Sample] = {}
        self.levels = LevelCounts(options.held_levels)

    def update(self, series: pl.Series, keys: np.ndarray, first_row: int) -> None:
        """Add rows (n,), the first of which is `first_row`, with their row keys (n,)."""
        kind = kind_of(series)
        if kind in ("text", "category"):
            series = clean_text(series)
            kind = kind if series.null_count() < len(series) else "empty"
        if kind == "empty":
            self._count(
                np.zeros(len(series), dtype=np.uint64), np.ones(len(series), dtype=bool), keys
            )
            return
        self._check_kind(kind, _detail(series, kind), first_row)
        if kind == "number":
            values = number_values(series)
            self._add_numbers(values, keys, first_row)
            self._count(number_hashes(values), np.isnan(values), keys)
            return
        if kind == "date":
            series = date_values(series)
            present = series.is_not_null()
            parts = date_parts(series.filter(present))
            self._add(parts, keys[present.to_numpy()])
        elif kind == "boolean":
            self._moments("value").update(series.drop_nulls().cast(pl.Float64).to_numpy())
        else:
            self.levels.update(series, first_row)
        self._count(series.hash().to_numpy(), series.is_null().to_numpy(), keys)

    def merge(self, other: ColumnFitting) -> None:
        """Add the rows of another fitting of this column."""
        if other.kind != "empty":
            self._check_kind(other.kind, other.detail, 0)
        self.missing += other.missing
        self.fingerprint = (self.fingerprint + other.fingerprint) % 2**64
        for name, moments in other.moments.items():
            self._moments(name).merge(moments)
        for name, sample in other.samples.items():
            self._sample(name).merge(sample)
        self.levels.merge(other.levels)

    def finish(self) -> Column:
        """Make the encoding of the column; one that tells nothing is dropped."""
        if self.kind == "empty":
            return DroppedColumn(self.name, "all missing")
        if self.kind == "text":
            settled = self._settled()
            if settled is not None:
                return settled.finish()
        if self.kind in ("text", "category"):
            return self._finish_category()
        if not self.missing and all(moments.constant for moments in self.moments.values()):
            return DroppedColumn(self.name, "constant")
        if self.kind == "number":
            return self._finish_number()
        if self.kind == "boolean":
            return BooleanColumn(self.name, self.missing > 0)
        parts = (self._finish_part(name) for name in DATE_PARTS)
        varying = tuple(part for part in parts if part is not None)
        scaling = self.options.numbers
        return DateColumn(self.name, self.detail, scaling, varying, self.missing > 0)

    def _settled(self) -> ColumnFitting | None:
        """Fit the column anew if all of its texts are numbers, booleans or dates.

        Every distinct text is read once and then counts as often as it came.
        """
        table = self.levels.by_frequency()
        settled = settle_text(table["level"])
        kind = kind_of(settled)
        if kind == "text":
            return None
        if self.levels.lost:
            raise DataError(
                f"Column {self.name!r} is text of more than {self.options.held_levels:,} distinct "
                f"values, all of which read as {kind}s: too many to be read one by one within the "
                f"bound on memory. Write it as {kind}s into the files, or leave it out "
                f"(--drop {self.name})."
            )
        if kind == "number":
            self._check_finite(number_values(settled), table["row"].to_numpy())
        counts = table["count"].to_numpy()
        rows = settled.gather(np.repeat(np.arange(len(counts)), counts)).alias(self.name)
        fitting = ColumnFitting(self.name, self.options)
        fitting.update(rows, row_keys(0, len(rows)), 0)
        fitting.missing += self.missing
        return fitting

    def _finish_category(self) -> Column:
        table = self.levels.by_frequency()
        if table.height == 1 and not self.missing:
            return DroppedColumn(self.name, "constant")
        single = int((table["count"] == 1).sum())
        kept = table.height - single if single >= self.options.rare_levels else table.height
        kept = min(kept, self.options.max_levels)
        if not kept and not self.missing:
            return DroppedColumn(self.name, "of another value in every row")
        levels = tuple(table["level"].head(kept))
        return CategoryColumn(self.name, levels, kept < table.height, self.missing > 0)

    def _finish_part(self, name: str) -> DatePart | None:
        """Make one part of a date's encoding; none where it is the same in every row."""
        moments = self.moments[name]
        if moments.constant:
            return None
        if self.options.numbers == "standard":
            return DatePart(name, moments.mean, moments.scale)
        lower, median, upper = self.samples[name].quantiles((0.25, 0.5, 0.75))
        scale = robust_scale(moments.minimum, lower, upper, moments.maximum)
        return DatePart(name, median, scale)

    def _finish_number(self) -> NumberColumn:
        moments = self.moments["value"]
        if not np.isfinite(moments.scale):
            raise DataError(
                f"Column {self.name!r} ranges from {moments.minimum:g} to {moments.maximum:g}: "
                "expected numbers whose squares a float64 can hold. Correct the largest, or put "
                "the column in a larger unit."
            )
        sample = self.samples["value"]
        lower, median, upper = sample.quantiles((0.25, 0.5, 0.75))
        return NumberColumn(
            self.name,
            source=self.detail,  # type: ignore[arg-type]  # `_detail` gave it
            scaling=self.options.numbers,
            mean=moments.mean,
            deviation=moments.scale,
            minimum=moments.minimum,
            lower_quartile=lower,
            median=median,
            upper_quartile=upper,
            maximum=moments.maximum,
            quantiles_exact=sample.exact,
            missing_seen=self.missing > 0,
        )

    def _add_numbers(self, values: np.ndarray, keys: np.ndarray, first_row: int) -> None:
        present = ~np.isnan(values)
        if not present.all():
            keys, values = keys[present], values[present]
        if len(values) and not (np.isfinite(values.min()) and np.isfinite(values.max())):
            self._check_finite(values, np.flatnonzero(present) + first_row)
        self._add({"value": values}, keys)

    def _check_finite(self, values: np.ndarray, rows: np.ndarray) -> None:
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            worst = infinite[np.argmin(rows[infinite])]
            raise DataError(
                f"Column {self.name!r} holds {values[worst]} in {row_name(int(rows[worst]))} "
                f"({len(infinite)} such values): expected finite numbers. Correct them, or leave "
                "them empty if they are missing."
            )

    def _add(self, named: dict[str, np.ndarray], keys: np.ndarray) -> None:
        for name, values in named.items():
            self._moments(name).update(values)
            self._sample(name).update(keys, values)

    def _moments(self, name: str) -> Moments:
        return self.moments.setdefault(name, Moments())

    def _sample(self, name: str) -> Sample:
        return self.samples.setdefault(name, Sample(self.options.quantile_rows))

    def _count(self, hashes: np.ndarray, missing: np.ndarray, keys: np.ndarray) -> None:
        """Add rows to the fingerprint; every type hashes its own nulls in its own way."""
        self.missing += int(np.count_nonzero(missing))
        if missing.any():
            hashes = np.where(missing, _MISSING_HASH, hashes)
        self.fingerprint = (self.fingerprint + int(hashes @ (keys | 1))) % 2**64

    def _check_kind(self, kind: Kind, detail: str | None, first_row: int) -> None:
        if self.kind == "empty":
            self.kind, self.detail = kind, detail
        if (kind, detail) != (self.kind, self.detail):
            before, now = (
                f"{k} ({d})" if d else k for k, d in ((self.kind, self.detail), (kind, detail))
            )
            raise DataError(
                f"Column {self.name!r} held values of kind {before}; the chunk that starts with "
                f"{row_name(first_row)} has {now}. Read the whole table with one type a column."
            )


def _detail(series: pl.Series, kind: Kind) -> str | None:
    if kind == "number":
        return number_source(series.dtype)
    return series.dtype.time_zone if isinstance(series.dtype, pl.Datetime) else None
