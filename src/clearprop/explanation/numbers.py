"""How numbers are shown, on every surface: four significant digits, powers of ten at the ends.

What stands in the units of people's own tables, prices and populations, is an `amount`: written out
with commas up to 10⁹, where the figures of a network are powers of ten from 10⁵ on.
"""

from __future__ import annotations

import math
from decimal import Decimal

# rounded to four digits, what is just below 10⁴ has five
LARGE, LARGEST = 9999.5, 1e9
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def figure(value: float, digits: int = 4) -> str:
    """Return a number for people: `0.8372`, `−1.250`, `3.142×10⁻⁵`, `∞`, `NaN`.

    The minus sign is the true one. Below 10⁻³ and from 10⁵ on, powers of ten are used; whole
    numbers below 10⁵ stay whole. The same in every language.
    """
    if value != value:
        return "NaN"
    sign, size = ("−" if value < 0 else ""), abs(value)
    if size == math.inf:
        return f"{sign}∞"
    if size < 1e5 and float(size).is_integer():
        return f"{sign if size else ''}{size:.0f}"
    # rounded first, so that 9.9996 is 10.00 and 99999.6 a power of ten; counts of paths may be
    # whole numbers that no float holds
    exact = Decimal(size) if isinstance(size, int) else size
    mantissa, power = f"{exact:.{digits - 1}e}".split("e")
    exponent = int(power)
    if exponent < -3 or exponent > 4:
        return f"{sign}{mantissa}×10{str(exponent).translate(_SUPERSCRIPTS)}"
    return f"{sign}{size:.{max(0, digits - 1 - exponent)}f}"


def amount(value: float, digits: int = 4) -> str:
    """Return a number in the units of a table: `38,870`, `−1.250`, `3.142×10⁻⁵`."""
    size = abs(value)
    if not LARGE <= size < LARGEST:
        return figure(value, digits)
    step = 10.0 ** max(0, math.floor(math.log10(size)) + 1 - digits)
    return f"{'−' if value < 0 else ''}{round(size / step) * step:,.0f}"
