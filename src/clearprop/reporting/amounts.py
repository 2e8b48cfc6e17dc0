"""Shares and differences of shares, as people read them.

Public names: `percent`, `points`, `told`.
May import: `clearprop.explanation` (`pages`).
"""

from __future__ import annotations

from clearprop.explanation.pages import Span


def percent(share: float, digits: int = 1) -> str:
    """Return a share in percent: `86.0 %`; what is short of all, or more than nothing, shows it."""
    if share != share:
        return "–"
    while digits < 4 and 0 < share < 1 and f"{100 * share:.{digits}f}" in _ENDS[digits]:
        digits += 1
    # they stay on one line
    return f"{100 * share:.{digits}f}\u00a0%".replace("-", "−")


# how 0 and 100 % are written with so many digits
_ENDS = {digits: (f"{0:.{digits}f}", f"{100:.{digits}f}") for digits in range(5)}


def points(share: float) -> str:
    """Return a difference of shares in percentage points, with its sign: `+1.6`."""
    return f"{100 * share:+.1f}".replace("-", "−")


def told(text: str, value: float, role: str = "") -> Span:
    """Return a text that tells all digits of its value on pointing."""
    return Span(text, role, full=repr(float(value)))
