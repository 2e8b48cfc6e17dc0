"""Scenes as messages to the page: once whole, then what differs from the one before.

A mark is told from others by its kind, its key and how many of the same came before it in the
scene. What stays the same is not sent; a field that has gone back to its default is sent as null.
Heat maps go as one byte a cell (`packed`): 127 at zero, 0 and 254 at the ends, 255 for what is no
number; the page looks the colour up in `RAMP`.

    {"scene": {"width", "height", "title", "description", "marks": [mark, …]}}
    {"set": [[id, {field: value}], …], "add": [[id before which, mark], …], "drop": [id, …],
     "title": …, "description": …}

A mark is what `Scene.to_document` makes of it, with its `id`, and `grid` in the place of `values`.

Public names: `RAMP`, `Stream`, `packed`.
May import: `clearprop.explanation.scenes`, NumPy.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from clearprop.explanation.scenes.palette import heat_colour
from clearprop.explanation.scenes.scene import Heat, Mark, Scene

# colours of the bytes 0 to 255
RAMP = [heat_colour(float(k - 127), 127.0) for k in range(255)] + [heat_colour(float("nan"), 1.0)]

Grids = Mapping[str, np.ndarray]


def packed(values: np.ndarray, limit: float, zero: float = 0.0) -> list[Any]:
    """Return a grid (rows, columns), the uppermost row first, as [rows, columns, base64]."""
    share = np.clip((np.asarray(values, dtype=np.float64) - zero) / limit, -1, 1)
    cells = np.where(np.isnan(share), 255, np.rint(127 + 127 * np.nan_to_num(share)))
    bits = base64.b64encode(cells.astype(np.uint8).tobytes()).decode()
    return [*values.shape, bits]


class Stream:
    """The messages of one picture, one after the other."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._grids: dict[str, list[Any]] = {}
        self._frame: tuple[float, float] | None = None
        self._said = ("", "")

    def reset(self) -> None:
        """Send the next scene whole."""
        self._frame = None

    def message(self, scene: Scene, grids: Grids | None = None) -> dict[str, Any]:
        """Return what the page has to be told.

        Parameters
        ----------
        scene : Scene
        grids : mapping of str to array, optional
            Cells of heat maps by their marks' keys, where the marks hold none themselves.
        """
        marks = _named(scene)
        heats = {
            name: packed(_cells(mark, grids or {}), mark.limit, mark.zero)
            for name, mark in marks.items()
            if isinstance(mark, Heat)
        }
        size, said = (scene.width, scene.height), (scene.title, scene.description)
        whole = self._frame != size or not self._in_order(marks)
        message = self._whole(scene, marks, heats) if whole else self._changes(marks, heats)
        if not whole and said != self._said:
            message |= {"title": scene.title, "description": scene.description}
        self._marks, self._grids, self._frame, self._said = marks, heats, size, said
        return message

    def _in_order(self, marks: dict[str, Mark]) -> bool:
        """Whether the marks that the page knows stand in the order in which it has them."""
        known = (name for name in self._marks if name in marks)
        return all(
            a == b for a, b in zip(known, (n for n in marks if n in self._marks), strict=True)
        )

    def _whole(
        self, scene: Scene, marks: dict[str, Mark], heats: dict[str, list[Any]]
    ) -> dict[str, Any]:
        return {
            "scene": {
                "width": scene.width,
                "height": scene.height,
                "title": scene.title,
                "description": scene.description,
                "marks": [_document(name, mark, heats) for name, mark in marks.items()],
            }
        }

    def _changes(self, marks: dict[str, Mark], heats: dict[str, list[Any]]) -> dict[str, Any]:
        changed, added = [], []
        names = list(marks)
        for place, (name, mark) in enumerate(marks.items()):
            before = self._marks.get(name)
            if before is None:
                # the next mark that the page knows already
                known = next((n for n in names[place + 1 :] if n in self._marks), None)
                added.append([known, _document(name, mark, heats)])
                continue
            fresh = _differing(before, mark)
            if name in heats and heats[name] != self._grids.get(name):
                fresh["grid"] = heats[name]
            if fresh:
                changed.append([name, fresh])
        dropped = [name for name in self._marks if name not in marks]
        parts = {"set": changed, "add": added, "drop": dropped}
        return {name: part for name, part in parts.items() if part}


def _cells(mark: Heat, grids: Grids) -> np.ndarray:
    return grids[mark.key] if mark.key in grids else np.array(mark.values)


def _named(scene: Scene) -> dict[str, Mark]:
    """Return the marks by names that last from scene to scene."""
    seen: Counter[str] = Counter()
    named: dict[str, Mark] = {}
    for mark in scene.marks:
        kind = f"{type(mark).__name__.lower()}:{mark.key}"
        named[f"{kind}:{seen[kind]}"] = mark
        seen[kind] += 1
    return named


def _document(name: str, mark: Mark, heats: dict[str, list[Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {"id": name, "kind": type(mark).__name__.lower()}
    for field in fields(mark):
        value = getattr(mark, field.name)
        if field.name != "values" and value != field.default:
            document[field.name] = value
    return document | ({"grid": heats[name]} if name in heats else {})


def _differing(before: Mark, mark: Mark) -> dict[str, Any]:
    if mark is before or mark == before:
        return {}
    fresh: dict[str, Any] = {}
    for field in fields(mark):
        value = getattr(mark, field.name)
        if field.name != "values" and value != getattr(before, field.name):
            fresh[field.name] = None if value == field.default else value
    return fresh
