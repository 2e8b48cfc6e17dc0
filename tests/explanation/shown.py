"""The numbers that a page shows, wherever in its blocks they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from clearprop.explanation.formulas import Number
from clearprop.explanation.pages import Span


def numbers_in(node: Any) -> Iterator[float]:
    """Yield the values of all numbers in a page, section, block, text or formula."""
    if isinstance(node, Number):
        yield float(node.value)
    elif isinstance(node, Span):
        if node.full:
            yield float(node.full)
    elif isinstance(node, tuple):
        for part in node:
            yield from numbers_in(part)
    elif is_dataclass(node):
        for field in fields(node):
            yield from numbers_in(getattr(node, field.name))


def shows(node: Any, value: float, tolerance: float = 1e-12) -> bool:
    """Whether a number is shown, to a tolerance relative to it."""
    return any(abs(number - value) <= tolerance * abs(value) for number in numbers_in(node))
