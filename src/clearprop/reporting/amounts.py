"""Numbers of a report: in the units of people's own tables, as shares, and with their intervals.

Four significant digits, as everywhere. Amounts are written out up to 10⁹, with commas, where the
figures of a network would be powers of ten from 10⁵ on: prices and populations are read so.

Public names: `amount`, `percent`, `points`, `told`, `whole`.
May import: `clearprop.explanation` (`numbers`, `pages`).
"""

from __future__ import annotations

import math

from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Span

LARGE, LARGEST = 1e4, 1e9


def amount(value: float, digits: int = 4) -> str:
    """Return a number in the units of a table: `38,870`, `−1.250`, `3.1×10⁻⁵`."""
    size = abs(value)
    if not LARGE <= size < LARGEST:
        return figure(value, digits)
    step = 10.0 ** (math.floor(math.log10(size)) + 1 - digits)
    rounded = round(size / step) * step if step >= 1 else round(size)
    return f"{'−' if value < 0 else ''}{rounded:,.0f}"


def whole(value: float, text: str) -> str:
    """Return a round value written out, where it is large; otherwise the text that it has."""
    if LARGE <= abs(value) < LARGEST and float(value).is_integer():
        return f"{value:,.0f}".replace("-", "−")
    return text


def percent(share: float, digits: int = 1) -> str:
    """Return a share in percent: `86.0 %`."""
    if share != share:
        return "–"
    return f"{100 * share:.{digits}f} %".replace("-", "−")


def points(share: float) -> str:
    """Return a difference of shares in percentage points, with its sign: `+1.6`."""
    return f"{100 * share:+.1f}".replace("-", "−")


def told(text: str, value: float, role: str = "") -> Span:
    """Return a text that tells all digits of its value on pointing."""
    return Span(text, role, full=repr(float(value)))
