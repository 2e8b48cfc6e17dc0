"""The fitted encoding of a column of categories: one-hot, or one feature of −1 and +1 for two.

Public names: `CategoryColumn`. Imports NumPy and Polars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from clearprop.tables.conversion import kind_of
from clearprop.tables.records import MISSING, OTHER, Unseen, require
from clearprop.tables.text import FALSE_WORDS, TRUE_WORDS, clean_text

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """Categories, one-hot.

    `levels` are ordered by falling frequency, then by name. With `other`, training had more of
    them than the encoding keeps, and every level not kept shares one feature, those never seen
    included. Otherwise a level never seen is all zeros, and so is a missing value, unless training
    had some (`missing_seen`): then it is a level too.
    """

    name: str
    levels: tuple[str, ...]
    other: bool
    missing_seen: bool

    def __post_init__(self) -> None:
        require(len(set(self.levels)) == len(self.levels), self.name, "levels, all distinct")
        require(len(self.slots) > 1, self.name, "at least two levels")

    @property
    def slots(self) -> tuple[str, ...]:
        """What a value can be: a level, another level, missing."""
        shown = tuple(repr(level) if level in (MISSING, OTHER) else level for level in self.levels)
        return shown + (OTHER,) * self.other + (MISSING,) * self.missing_seen

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the column's features; of two slots, the one that is +1."""
        slots = self.slots
        return tuple(f"{self.name}={slot}" for slot in (slots if len(slots) != 2 else slots[1:]))

    @property
    def number_features(self) -> int:
        """None."""
        return 0

    def encode(self, series: pl.Series, out: np.ndarray, first_row: int = 0) -> None:
        """Write the features of a column (n,) into out (n, features)."""
        slots = self._slots_of(series)
        if out.shape[1] == 1:
            out[:, 0] = np.array([-1, 1, 0], dtype=out.dtype)[slots]
            return
        out[:] = 0
        rows = np.flatnonzero(slots >= 0)
        out[rows, slots[rows]] = 1

    def unseen(self, series: pl.Series) -> Unseen:
        """Count the values of a column (n,) that training did not have."""
        codes, missing = self._levels_of(series)
        gone = 0 if self.missing_seen else int(missing.sum())
        if self.other:
            return Unseen(self.name, missing=gone)
        strange = series.filter(codes.is_null() & ~missing)
        counted = strange.cast(pl.String).alias("value").value_counts()
        examples = counted.sort("count", "value", descending=[True, False])["value"].head(_EXAMPLES)
        return Unseen(self.name, len(strange), tuple(examples), gone)

    def texts(self, series: pl.Series) -> np.ndarray:
        """Return the level of every value (n,), "" where missing, and what is none as it is."""
        codes, missing = self._levels_of(series)
        as_it_is = series.cast(pl.String).fill_null("").to_numpy(writable=True).astype(object)
        known = codes.is_not_null().to_numpy()
        as_it_is[known] = np.array(self.levels, dtype=object)[codes.drop_nulls().to_numpy()]
        as_it_is[missing.to_numpy()] = ""
        return as_it_is

    def _slots_of(self, series: pl.Series) -> np.ndarray:
        """Find the slot of every value (n,); −1 where it has none."""
        known = len(self.levels)
        codes, missing = self._levels_of(series)
        slots = codes.fill_null(known if self.other else -1).to_numpy(writable=True)
        if missing.any():
            slots[missing.to_numpy()] = known + self.other if self.missing_seen else -1
        return slots

    def _levels_of(self, series: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Find the level of every value (n,), null where it has none, and mark the missing ones.

        What a value means does not depend on the rows beside it.
        """
        if kind_of(series) == "empty":
            return pl.repeat(None, len(series), dtype=pl.Int64, eager=True), _all(series, True)
        if series.dtype == pl.Boolean:
            levels = {level.lower(): i for i, level in reversed([*enumerate(self.levels)])}
            words = _codes_of_words(levels)
            return series.replace_strict(words, default=None, return_dtype=pl.Int64), (
                series.is_null()
            )
        if series.dtype.is_numeric():
            return self._levels_of_numbers(series)
        level = pl.Enum(self.levels)
        codes = series.cast(pl.String).cast(level, strict=False).to_physical().cast(pl.Int64)
        if codes.null_count() == 0:
            return codes, _all(series, False)
        # levels are clean text, so only what is none of them wants cleaning
        rest = codes.is_null()
        cleaned = clean_text(series.filter(rest))
        places = rest.arg_true()
        found = cleaned.cast(level, strict=False).to_physical().cast(pl.Int64)
        missing = _all(series, False).scatter(places.filter(cleaned.is_null()), True)
        return codes.scatter(places, found), missing

    def _levels_of_numbers(self, series: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Find levels by their value as numbers: 7, 7.0 and text 7 (or 007) are one level."""
        # through text, since 0.1 as a float32 is another number than as a float64
        values = series.cast(pl.String).cast(pl.Float64).fill_nan(None)
        numbers = pl.Series(self.levels).cast(pl.Float64, strict=False).fill_nan(None)
        pairs = sorted(
            ((number, i) for i, number in enumerate(numbers) if number is not None),
            key=lambda pair: len(self.levels[pair[1]]),
            reverse=True,
        )
        codes = values.replace_strict(dict(pairs), default=None, return_dtype=pl.Int64)
        return codes, values.is_null()


def _all(series: pl.Series, value: bool) -> pl.Series:
    return pl.repeat(value, len(series), dtype=pl.Boolean, eager=True)


def _codes_of_words(levels: dict[str, int]) -> dict[bool, int]:
    """Find the levels that mean true and false, as true and false or yes and no."""
    for true, false in zip(TRUE_WORDS, FALSE_WORDS, strict=True):
        if true in levels or false in levels:
            pairs = ((True, levels.get(true)), (False, levels.get(false)))
            return {word: code for word, code in pairs if code is not None}
    return {}
