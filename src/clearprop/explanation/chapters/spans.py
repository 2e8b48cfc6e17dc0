"""Numbers inside sentences: spans with all digits behind them.

Public names: `apart`, `number`, `percent`.
May import: `pages`, `numbers`.
"""

from __future__ import annotations

from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Span

MOST_DIGITS = 9


def number(value: float, role: str = "", key: str = "", digits: int = 4) -> Span:
    """Return a number."""
    return Span(figure(value, digits), role, key, repr(float(value)))


def percent(share: float) -> Span:
    """Return a part of 1 in percent."""
    return Span(f"{figure(100 * float(share), 3)} %", full=repr(float(share)))


def apart(first: float, second: float) -> tuple[Span, Span]:
    """Return two numbers with as many digits as tell them apart; four if not even nine would."""
    tellings = range(4, MOST_DIGITS + 1)
    digits = next((d for d in tellings if figure(first, d) != figure(second, d)), 4)
    return number(first, digits=digits), number(second, digits=digits)
