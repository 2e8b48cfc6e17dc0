"""Frozen dataclasses to plain JSON data and back, with nothing taken on trust on the way back.

The annotations of a dataclass are its schema. Python's `json` writes floats so that they read back
as the same bits, so a round trip is exact.

Public names: `to_document`, `from_document`. Imports only the standard library and
`clearprop.errors`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from clearprop.errors import DataError, FileError

Record = TypeVar("Record")


def to_document(record: Any) -> Any:
    """Turn a dataclass of plain values into a dict of JSON values."""
    if is_dataclass(record):
        return {field.name: to_document(getattr(record, field.name)) for field in fields(record)}
    return [to_document(item) for item in record] if isinstance(record, tuple) else record


def from_document(cls: type[Record], document: Any, where: str) -> Record:
    """Build a dataclass from what a file holds.

    Parameters
    ----------
    cls : dataclass
        Its fields are str, bool, int, float, None, literals, dataclasses, and tuples and unions
        of these.
    document : object
        What JSON gave.
    where : str
        What messages call it, as in "column 3 of the encoding".

    Raises
    ------
    FileError
        A field is missing, unknown, of another type, not finite, or breaks a rule of the class.
    """
    hints = get_type_hints(cls)
    if not isinstance(document, Mapping):
        raise _unexpected(where, "an object", document)
    if set(document) != set(hints):
        missing, unknown = set(hints) - set(document), set(document) - set(hints)
        raise FileError(
            f"Expected {where} to have the fields {', '.join(hints)}; "
            f"missing: {sorted(missing)}, unknown: {sorted(map(str, unknown))}. {_REMEDY}"
        )
    values = {
        name: _parse(hint, document[name], f"{name!r} of {where}") for name, hint in hints.items()
    }
    try:
        return cls(**values)
    except DataError as error:
        raise FileError(f"In {where}: {error} {_REMEDY}") from error


def _parse(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is Literal:
        if isinstance(value, str) and value in get_args(hint):
            return value
        raise _unexpected(where, f"one of {', '.join(get_args(hint))}", value)
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise _unexpected(where, "a list", value)
        item = get_args(hint)[0]
        return tuple(_parse(item, part, f"item {i} of {where}") for i, part in enumerate(value))
    if is_dataclass(hint):
        return from_document(hint, value, where)  # type: ignore[arg-type]
    allowed = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if type(value) is int and float in allowed and int not in allowed and abs(value) < 2**53:
        value = float(value)  # JavaScript writes 2.0 as 2
    if type(value) not in allowed or (isinstance(value, float) and not math.isfinite(value)):
        names = (kind.__name__ if kind is not NoneType else "null" for kind in allowed)
        raise _unexpected(where, " or ".join(names), value)
    return value


_REMEDY = "The file is damaged or was not written by clearprop: save the model again."


def _unexpected(where: str, expected: str, value: Any) -> FileError:
    return FileError(f"Expected {where} to be {expected}; got {str(value)[:40]!r}. {_REMEDY}")
