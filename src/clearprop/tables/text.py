"""What a column of text holds: numbers, booleans, dates, or words; and which words mean missing.

Files of text and frames of strings go through the same lines here, so a table encodes alike
however it arrived. Some marks mean "missing" in every column (an empty cell, ``NA``, ``?``);
others (``-``, ``None``) are honest categories in a column of words and mean "missing" only where
every other value is a number, a boolean or a date. Case and surrounding spaces do not matter.

Public names: `MISSING_MARKS`, `LOOSE_MARKS`, `TRUE_WORDS`, `FALSE_WORDS`, `clean_text`,
`settle_text`, `text_to_numbers`, `text_to_booleans`, `text_to_dates`. Imports Polars only.
"""

from __future__ import annotations

import polars as pl

MISSING_MARKS = ("", "?", "na", "n/a", "#n/a", "<na>", "nan", "null")
"""Missing in every column; compared in lower case, without surrounding spaces."""

LOOSE_MARKS = (*MISSING_MARKS, "-", "--", "none", "nat")
"""Missing in a column whose other values are all numbers, booleans or dates."""

TRUE_WORDS = ("true", "yes", "y", "t", "1", "on")
FALSE_WORDS = ("false", "no", "n", "f", "0", "off")
"""How booleans are spelled elsewhere, in lower case, pair by pair."""

_GLANCE = 200  # values that mostly settle what a column is not, before all are read

_ISO_DATE = (
    r"^((?:1[5-9]|2[01])\d{2}-\d{2}|\d{4}-\d{2}-\d{2})"  # a month, or a day
    r"(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"  # the time of day
    r"(Z|[+-]\d{2}:?\d{2})?)?$"  # its distance from UTC
)


def clean_text(series: pl.Series, marks: tuple[str, ...] = MISSING_MARKS) -> pl.Series:
    """Strip spaces from text (n,) and make the marks of missing null."""
    stripped = series.cast(pl.String).str.strip_chars()
    missing = stripped.str.to_lowercase().is_in(marks)
    if not missing.any():
        return stripped
    return pl.select(pl.when(~missing).then(stripped)).to_series().alias(series.name)


def settle_text(series: pl.Series, *, decimal_comma: bool = False) -> pl.Series:
    """Turn a column of text (n,) into what all its values are.

    Parameters
    ----------
    series : Series of strings, (n,)
    decimal_comma : bool
        Whether ``3,5`` is a number too, as in files whose separator is a semicolon.

    Returns
    -------
    Series, (n,)
        Int64, Float64, Boolean, Date or Datetime where every value that is not a mark of missing
        reads as one; otherwise the cleaned text.
    """
    numbers = text_to_numbers(series)
    if numbers is not None and series.null_count() == numbers.null_count() < len(numbers):
        return numbers  # the common case, at a fifth of the price of cleaning first
    cleaned = clean_text(series)
    loose = clean_text(cleaned, LOOSE_MARKS)
    if loose.null_count() == len(loose):
        return cleaned
    for convert in (text_to_numbers, text_to_booleans, text_to_dates):
        settled = convert(loose)
        if settled is not None:
            return settled
    if decimal_comma:
        settled = text_to_numbers(loose.str.replace(",", ".", literal=True))
        if settled is not None:
            return settled
    return cleaned


def text_to_numbers(series: pl.Series) -> pl.Series | None:
    """Read cleaned text as Int64, else as Float64; None if a value is no number."""
    for dtype in (pl.Int64, pl.Float64):
        for part in (series.head(_GLANCE), series):
            numbers = part.cast(dtype, strict=False)
            if numbers.null_count() > part.null_count():
                break
        else:
            return numbers.fill_nan(None) if dtype == pl.Float64 else numbers
    return None


def text_to_booleans(series: pl.Series) -> pl.Series | None:
    """Read cleaned text as booleans (``true``, ``False``); None if a value is another."""
    for part in (series.head(_GLANCE), series):
        lower = part.str.to_lowercase()
        if not lower.is_in(["true", "false"]).all():
            return None
    return lower == "true"


def text_to_dates(series: pl.Series) -> pl.Series | None:
    """Read cleaned text as ISO 8601 dates; None if a value is another.

    Returns
    -------
    Series, (n,)
        Date where no value has a time of day; otherwise Datetime in microseconds, in UTC where
        every value states its distance from UTC. Values with and without one do not mix: None.
    """
    for part in (series.head(_GLANCE), series):
        if not part.str.contains(_ISO_DATE).all():
            return None
    day, minute, second, fraction, offset = series.str.extract_groups(_ISO_DATE).struct.unnest()
    day = pl.select(pl.when(day.str.len_bytes() == 7).then(day + "-01").otherwise(day)).to_series()
    if not minute.is_not_null().any():
        dates = day.str.to_date("%Y-%m-%d", strict=False)
        return _whole(dates, series)
    written = (
        day
        + "T"
        + minute.fill_null("00:00")
        + ":"
        + second.fill_null("00")
        + "."
        + fraction.fill_null("0")
    )
    instants = written.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    zoned = offset.drop_nulls()
    if len(zoned) == 0:
        return _whole(instants, series)
    if len(zoned) < len(series) - series.null_count():
        return None
    return _whole((instants - _offset(offset)).dt.replace_time_zone("UTC"), series)


def _offset(written: pl.Series) -> pl.Series:
    """Turn ``Z``, ``+0130`` and ``-02:00`` (n,) into durations."""
    digits = written.str.replace("Z", "+0000").str.replace(":", "")
    minutes = digits.str.slice(1, 2).cast(pl.Int64) * 60 + digits.str.slice(3, 2).cast(pl.Int64)
    signed = pl.select(pl.when(digits.str.starts_with("-")).then(-minutes).otherwise(minutes))
    return (signed.to_series() * 60_000_000).cast(pl.Duration("us"))


def _whole(parsed: pl.Series, series: pl.Series) -> pl.Series | None:
    """Keep what was parsed only if no value was lost on the way (a 31st of February is)."""
    return parsed.alias(series.name) if parsed.null_count() == series.null_count() else None
