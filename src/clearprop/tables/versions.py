"""Encodings as earlier versions of clearprop wrote them, turned into today's form.

In version 1 all numbers were standardised.

Public names: `column_of_version_1`. Imports only the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def column_of_version_1(document: Any) -> Any:
    """Return the document of a column in today's form; what is damaged is left for its reader."""
    if not isinstance(document, Mapping):
        return document
    kind = document.get("kind")
    column = dict(document)
    if kind == "number":
        column = _renamed(column, "scale", "deviation")
    if kind == "date" and isinstance(column.get("parts"), list):
        column["parts"] = [_renamed(part, "mean", "centre") for part in column["parts"]]
    return column | {"scaling": "standard"} if kind in ("number", "date") else column


def _renamed(document: Any, before: str, now: str) -> Any:
    """Return an object with one of its fields under another name."""
    if not isinstance(document, Mapping):
        return document
    return {now if name == before else name: value for name, value in document.items()}
