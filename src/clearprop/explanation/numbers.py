"""How numbers are shown, on every surface: four significant digits, powers of ten at the ends."""

from __future__ import annotations

import math

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def figure(value: float, digits: int = 4) -> str:
    """Return a number for people: `0.8372`, `−1.25`, `3.1×10⁻⁵`, `∞`.

    The minus sign is the true one. Below 10⁻³ and from 10⁵ on, powers of ten are used; whole
    numbers below 10⁵ stay whole.
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    sign, size = ("−" if value < 0 else ""), abs(value)
    if size == 0:
        return "0"
    # rounded first, so that 9.9996 is 10.00 and 99999.6 a power of ten
    mantissa, power = f"{size:.{digits - 1}e}".split("e")
    exponent = int(power)
    if exponent < -3 or exponent > 4:
        return f"{sign}{mantissa}×10{str(exponent).translate(_SUPERSCRIPTS)}"
    if float(size).is_integer():
        return f"{sign}{size:.0f}"
    return f"{sign}{size:.{max(0, digits - 1 - exponent)}f}"
