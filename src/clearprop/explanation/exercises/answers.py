"""Numbers as people type them.

Accepted: `0.0123`, `-0.0123` with any minus sign, `1.2e-3`, `1.2×10⁻³`, `1.2*10^-3`, a fraction
`1/8`, and the wide characters of Chinese keyboards. One comma without a point is a decimal comma:
`0,5` is 0.5. What could be thousands, such as `1,234`, is refused.

Public names: `parse_number`.
"""

from __future__ import annotations

import math
import re
import unicodedata

from clearprop.errors import SettingError

_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_MINUS = re.compile("[−–—‒﹣－]")
_POWER_OF_TEN = re.compile(r"[x×*·]10\^?([+-]?\d+)$")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")


def parse_number(text: str) -> float:
    """Return the number that was typed.

    Raises
    ------
    SettingError
        If it is no finite number; the message says what is accepted.
    """
    plain = unicodedata.normalize("NFKC", text.translate(_POWERS).replace("。", "."))
    plain = _MINUS.sub("-", plain).replace(" ", "").lower()
    plain = _POWER_OF_TEN.sub(r"e\1", plain)
    if plain.count(",") == 1 and "." not in plain and not _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", ".")
    top, slash, bottom = plain.partition("/")
    if _PLAIN.fullmatch(top) and (not slash or _PLAIN.fullmatch(bottom)):
        divisor = float(bottom) if slash else 1.0
        value = float(top) / divisor if divisor else math.nan
        if math.isfinite(value):
            return value
    raise SettingError(
        f"{text.strip()!r} is not a number. Write it as 0.0123, -1.2e-3, 1.2×10^-3 or 1/8, without "
        f"commas between thousands."
    )
