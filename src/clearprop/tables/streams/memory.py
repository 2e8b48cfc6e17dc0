"""How much memory a process takes, and bounds on it as people write them.

Public names: `LIBRARIES`, `bytes_of`, `give_back`, `in_words`. Imports the standard library and
`clearprop.errors`.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys

from clearprop.errors import SettingError

LIBRARIES = 500e6
"""Bytes that Python, the libraries, compiled kernels and reading take in a training, measured."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?\s*", re.IGNORECASE)


def bytes_of(bound: int | float | str) -> int:
    """Read a bound on memory: bytes as a number, or `"1GB"`, `"800 MB"`, `"1.5GiB"`."""
    if isinstance(bound, int | float) and not isinstance(bound, bool):
        found: float = bound
    else:
        match = _WRITTEN.fullmatch(str(bound))
        if match is None:
            raise SettingError(
                f"Expected a bound on memory such as 1GB, 800MB or 1.5GiB; got {bound!r}."
            )
        units = _BINARY if match[3] else _UNITS
        if match[2].upper() not in units:
            raise SettingError(f"Expected a unit such as MB or GiB; got {bound!r}.")
        found = float(match[1]) * units[match[2].upper()]
    if not 0 < found < 2**60:
        raise SettingError(f"Expected a bound on memory above 0; got {bound!r}.")
    return int(found)


def in_words(count: float) -> str:
    """Say a number of bytes as a person would: `320 MB`, `1.2 GB`."""
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{max(1, round(count / 1e6)):,} MB"


def give_back() -> None:
    """Give freed memory back to the system, where the C library (glibc) keeps it for later."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)
