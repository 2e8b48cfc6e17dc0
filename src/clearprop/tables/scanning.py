"""Vouch for a file of separated text: every row has as many cells as the header, at a glance.

The bytes go by in blocks, and NumPy counts separators and line ends outside quotes. The scan reads
no cell; it only says that a plain reader will split the file as the rules (RFC 4180) ask, or that
it may not. Blank lines are no rows.

Public names: `scan_rows`. Imports NumPy only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_MARK = b"\xef\xbb\xbf"  # the byte order mark with which some files open
_BLOCK = 1 << 22  # bytes a step: the masks stay in the cache


def scan_rows(source: Path | bytes, width: int, separator: str) -> tuple[np.ndarray, int] | None:
    """Count the rows of a file, header included, if all have the same number of cells.

    Parameters
    ----------
    source : Path or bytes
        The file, or what it holds.
    width : int
        The number of cells that every row must have.
    separator : str
        One ASCII character.

    Returns
    -------
    (blank, rows) or None
        The places of blank lines among the lines (int64), and the number of all lines; None where
        a row has another number of cells, a quote stands within a cell, a carriage return stands
        alone, or the file ends within quotes.
    """
    data = (
        np.memmap(source, dtype=np.uint8, mode="r")
        if isinstance(source, Path)
        else np.frombuffer(source, dtype=np.uint8)
    )
    inside, rows, previous_end, pending = 0, 0, -1, 0
    blanks = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        quotes = np.flatnonzero(block == _QUOTE)
        if not _is_regular(data, block, quotes, start, inside, ord(separator)):
            return None
        separators = _outside(np.flatnonzero(block == ord(separator)), quotes, inside)
        ends = _outside(np.flatnonzero(block == _NEWLINE), quotes, inside)
        inside = (inside + len(quotes)) % 2
        before = np.searchsorted(separators, ends) + pending  # separators up to each line's end
        pending += len(separators)
        if len(ends) == 0:
            continue
        pending -= int(before[-1])
        ends += start
        blank = _line_lengths(data, ends, previous_end) == 0
        if np.any(np.diff(before, prepend=0)[~blank] != width - 1):
            return None
        blanks.append(np.flatnonzero(blank) + rows)
        rows, previous_end = rows + len(ends), int(ends[-1])
    unfinished = previous_end + 1 < len(data)
    if inside or (unfinished and pending != width - 1):
        return None
    return np.concatenate(blanks), rows + unfinished


def _outside(positions: np.ndarray, quotes: np.ndarray, inside: int) -> np.ndarray:
    """Keep the positions with an even number of quotes before them."""
    if len(quotes) == 0:
        return positions[:0] if inside else positions
    return positions[(np.searchsorted(quotes, positions) + inside) % 2 == 0]


def _line_lengths(data: np.ndarray, ends: np.ndarray, previous_end: int) -> np.ndarray:
    """Measure the lines that end at `ends`, without the carriage return before the end."""
    lengths = np.diff(ends, prepend=previous_end) - 1
    return lengths - ((lengths > 0) & (data[ends - 1] == _RETURN))


def _is_regular(
    data: np.ndarray, block: np.ndarray, quotes: np.ndarray, start: int, inside: int, separator: int
) -> bool:
    """Whether quotes open and close whole cells only, and carriage returns end lines only."""
    returns = np.flatnonzero(block == _RETURN) + start
    if len(returns) and (returns[-1] + 1 == len(data) or np.any(data[returns + 1] != _NEWLINE)):
        return False
    if len(quotes) == 0:
        return True
    closes = (np.arange(len(quotes)) + inside) % 2 == 1
    opening, closing = quotes[~closes] + start, quotes[closes] + start
    first = len(_MARK) if data[: len(_MARK)].tobytes() == _MARK else 0
    before = data[opening[opening > first] - 1]
    after = data[closing[closing + 1 < len(data)] + 1]
    # A quote beside a quote, within quotes, stands for one.
    return bool(
        np.isin(before, [separator, _NEWLINE, _QUOTE]).all()
        and np.isin(after, [separator, _NEWLINE, _RETURN, _QUOTE]).all()
    )
