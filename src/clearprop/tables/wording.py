"""How tables are spoken of in messages: rows counted from 1, values quoted, long lists cut short.

Public names: `row_name`, `row_names`, `listed`, `nearest`. Imports only the standard library.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def row_name(index: int) -> str:
    """Name a row by its position: index 0 is "row 1", the first row of data."""
    return f"row {index + 1}"


def row_names(indices: Sequence[int], limit: int = 3) -> str:
    """Name a few rows, as in "rows 1, 4 and 9" or "rows 1, 4, 9 and 12 more"."""
    if len(indices) == 1:
        return row_name(indices[0])
    return "rows " + _joined([str(i + 1) for i in indices[:limit]], len(indices) - limit)


def listed(values: Iterable[object], limit: int = 6) -> str:
    """List values as they would be typed, as in "'a', 'b' and 3 more"."""
    items = list(values)
    return _joined([repr(value) for value in items[:limit]], len(items) - limit)


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known names most like `name`, as " Did you mean 'age'?", or nothing."""
    close = difflib.get_close_matches(name, list(known), n=2)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def _joined(items: list[str], more: int) -> str:
    if more > 0:
        return f"{', '.join(items)} and {more} more"
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)
