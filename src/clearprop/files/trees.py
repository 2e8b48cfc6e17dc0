"""A tree of parts as one document and named arrays, and back.

An array's name is the way to it: `network/vector` is array `vector` of child `network`. The
document has the shape of the tree: `{"kind", "document", "children"}` at each node.

Public names: `join_parts`, `split_parts`.
May import: `clearprop.files.containers`, `clearprop.files.parts`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.errors import SettingError
from clearprop.files.containers import DTYPES, MAX_DIMENSIONS, damaged
from clearprop.files.parts import Parts, is_name


def split_parts(parts: Parts) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Divide a tree of parts into its document and its arrays, each by its tensor's name.

    Raises
    ------
    SettingError
        An array is of a type that a model file does not hold.
    """
    arrays: dict[str, np.ndarray] = {}

    def visit(part: Parts, folder: str) -> dict[str, Any]:
        for name, array in part.arrays.items():
            arrays[folder + name] = _storable(array, folder + name)
        children = {k: visit(child, f"{folder}{k}/") for k, child in part.children.items()}
        return {"kind": part.kind, "document": part.document, "children": children}

    return visit(parts, ""), arrays


def join_parts(document: Any, arrays: dict[str, np.ndarray]) -> Parts:
    """Put a tree of parts together again; FileError where document and arrays do not fit."""
    left = dict(arrays)
    folders: dict[str, list[str]] = {}
    for name in arrays:
        folder, _, last = name.rpartition("/")
        folders.setdefault(folder, []).append(last)

    def visit(node: Any, folder: str) -> Parts:
        _check_node(node, folder)
        own = {name: left.pop(f"{folder}/{name}".lstrip("/")) for name in folders.get(folder, ())}
        children = {
            name: visit(child, f"{folder}/{name}".lstrip("/"))
            for name, child in node["children"].items()
        }
        return Parts(node["kind"], node["document"], own, children)

    parts = visit(document, "")
    if left:
        raise damaged(f"the tensor {next(iter(left))[:80]!r} belongs to no part")
    return parts


def _check_node(node: Any, folder: str) -> None:
    where = f"the part {folder[:80]!r}" if folder else "the model"
    if not isinstance(node, dict) or node.keys() != {"kind", "document", "children"}:
        raise damaged(f"the description of {where} has not the entries expected")
    if not isinstance(node["document"], dict) or not isinstance(node["children"], dict):
        raise damaged(f"the description of {where} is not made of objects")
    if not is_name(node["kind"]) or not all(is_name(name) for name in node["children"]):
        raise damaged(f"{where} or one of its parts has a name that is no name")


def _storable(array: Any, name: str) -> np.ndarray:
    if type(array) not in (np.ndarray, np.memmap):
        kind = type(array)
        raise SettingError(
            f"Array {name!r} must be a NumPy array, but a {kind.__module__}.{kind.__qualname__} "
            f"came."
        )
    little = array.dtype.newbyteorder("<")
    if little not in DTYPES.values() or array.ndim > MAX_DIMENSIONS:
        raise SettingError(
            f"Array {name!r} has dtype {array.dtype} and {array.ndim} dimensions; a model file "
            f"holds float32, float64, int64, uint8 and bool of at most {MAX_DIMENSIONS}."
        )
    return np.asarray(array, dtype=little, order="C")
