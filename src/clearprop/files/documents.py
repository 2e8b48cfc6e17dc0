"""JSON text for plain data, exact and strict in both directions.

What goes in comes out: whole numbers, floats (to the last bit), strings, booleans, None, lists and
dicts with string keys; tuples come back as lists and NumPy scalars as Python's. JSON has no word
for values that are not finite, so they are written as `{"$float": "nan"}`, `"inf"` or `"-inf"`; a
dict of the caller's own whose keys begin with `$` gets one `$` more, so that nothing is mistaken
for anything else.

Reading trusts nothing: a key twice, a literal such as `NaN`, a number beyond the range of floats,
an unknown `$` word, or text nested deeper than `MAX_DEPTH` (found before it is parsed, so that no
nesting can exhaust the stack) is an error.

Public names: `MAX_DEPTH`, `decode`, `encode`. Imports the standard library, NumPy and
`clearprop.errors`.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np

from clearprop.errors import FileError, SettingError

MAX_DEPTH = 64

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

# A whole string, closed or not, or one bracket. Possessive, so that the time is linear.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def encode(value: Any, where: str = "the document") -> str:
    """Return plain data as compact JSON text, ASCII only.

    Parameters
    ----------
    value : object
        Plain data as the module describes it.
    where : str
        What messages call it.

    Raises
    ------
    SettingError
        Something is not plain data, or is nested deeper than `MAX_DEPTH`; the message says where.
    """
    plain = _plain(value, where, 1)
    try:
        return json.dumps(plain, allow_nan=False, separators=(",", ":"))
    except ValueError as error:  # a whole number of thousands of digits
        raise SettingError(f"{where} cannot be stored: {error}.") from error


def decode(text: str) -> Any:
    """Return the plain data that `encode` wrote.

    Raises
    ------
    FileError
        The text is not JSON, or breaks one of the module's rules.
    """
    _check_depth(text)
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_float=_finite, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise FileError(f"Its description could not be read as JSON: {error}.") from error


def _plain(value: Any, where: str, depth: int) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else _plain_special(value, where, depth)
    if kind not in (list, tuple, dict):
        raise SettingError(
            f"{where} cannot be stored in a model file: expected numbers, text, True, False, None, "
            f"lists or dicts, but a {kind.__module__}.{kind.__qualname__} came."
        )
    _refuse_depth(where, depth)
    if kind is dict:
        _check_keys(value, where)
        return {
            f"${key}" if key.startswith("$") else key: _plain(item, f"{where}.{key}", depth + 1)
            for key, item in value.items()
        }
    return [_plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]


def _plain_special(value: float, where: str, depth: int) -> dict[str, str]:
    _refuse_depth(where, depth)
    return {"$float": repr(value)}


def _refuse_depth(where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise SettingError(
            f"{where[:80]}… is nested deeper than {MAX_DEPTH} levels, or contains itself. Store "
            f"flatter data."
        )


def _check_keys(value: dict[Any, Any], where: str) -> None:
    for key in value:
        if type(key) is not str:
            raise SettingError(
                f"{where} cannot be stored in a model file: its keys must be text, but {key!r} "
                f"came. Store a list of pairs."
            )


def _check_depth(text: str) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        mark = text[match.start()]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise FileError(f"Its description is nested deeper than {MAX_DEPTH} levels.")
        elif mark in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    if not any(key.startswith("$") for key in found):
        return found
    if list(found) == ["$float"]:
        word = found["$float"]
        if not isinstance(word, str) or word not in _SPECIAL:
            raise ValueError(f"$float must be one of {', '.join(_SPECIAL)}")
        return _SPECIAL[word]
    if any(key.startswith("$") and not key.startswith("$$") for key in found):
        raise ValueError("a key begins with an unknown $ word")
    return {key[1:] if key.startswith("$") else key: item for key, item in found.items()}


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is beyond the range of floats")
    return number


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")
