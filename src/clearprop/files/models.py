"""From a model to its parts and back, through the table `PARTS`.

Public names: `from_parts`, `to_parts`.
May import: the other modules of this room, `clearprop.network`, `clearprop.errors`; the classes of
the table by their names there, when a file asks for them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from clearprop.errors import ClearpropError, FileError, SettingError
from clearprop.files.networks import (
    network_from_parts,
    network_to_parts,
    parameters_from_parts,
    parameters_to_parts,
)
from clearprop.files.parts import PARTS, Parts
from clearprop.network import Network, Parameters

# classes that stand below this room and so know nothing of parts: to parts, from parts
_BELOW: dict[type, tuple[Callable[[Any], Parts], Callable[[Parts], Any]]] = {
    Network: (network_to_parts, network_from_parts),
    Parameters: (parameters_to_parts, parameters_from_parts),
}


def to_parts(model: Any) -> Parts:
    """Turn a model into parts.

    Raises
    ------
    SettingError
        The object is of no class that a model file can hold, or of a subclass of one, which
        would come back as something else.
    """
    cls = type(model)
    if cls in _BELOW:
        return _BELOW[cls][0](model)
    if not hasattr(cls, "to_parts"):
        raise SettingError(
            f"A model file cannot hold a {cls.__qualname__}. It holds: {_class_names()}."
        )
    parts: Parts = model.to_parts()
    if parts.kind not in PARTS or _class_of(parts.kind) is not cls:
        raise SettingError(
            f"A {cls.__qualname__} would not come back from a model file as what it is. It holds "
            f"exactly these classes, and no subclasses: {_class_names()}."
        )
    return parts


def from_parts(parts: Parts) -> Any:
    """Build the object that parts describe; the kind alone decides on its class.

    Raises
    ------
    FileError
        The kind is unknown, or the parts do not make up an object of it.
    """
    if parts.kind not in PARTS:
        raise FileError(
            f"It holds a part of kind {parts.kind!r}, which this clearprop does not know; known "
            f"kinds: {', '.join(PARTS)}. If a later clearprop wrote it, upgrade clearprop."
        )
    cls = _class_of(parts.kind)
    build = _BELOW[cls][1] if cls in _BELOW else cls.from_parts
    try:
        return build(parts)
    except FileError:
        raise
    except _UNFIT as error:
        reason = str(error) if isinstance(error, ClearpropError) else f"{_name(error)}: {error}"
        raise FileError(
            f"The part of kind {parts.kind!r} could not be rebuilt from what the file holds "
            f"({reason[:300]}). Save the model again with this version of clearprop."
        ) from error


# what code meets in data that is not what it expects
_UNFIT = (ClearpropError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


def _class_of(kind: str) -> Any:
    module, _, name = PARTS[kind].partition(":")
    return getattr(importlib.import_module(module), name)


def _class_names() -> str:
    return ", ".join(target.partition(":")[2] for target in PARTS.values())


def _name(error: BaseException) -> str:
    return type(error).__name__
