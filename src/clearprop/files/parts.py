"""What a model file holds, as a tree: a kind, plain data, arrays, and parts of its own.

A class turns itself into `Parts` and back; the model file writes and reads the tree. A file names
its parts by kind only, and `PARTS`, a literal table, says which class a kind is: no name of a
module or class is ever taken from a file.

Public names: `PARTS`, `Parts`. Imports the standard library, NumPy and `clearprop.errors`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clearprop.errors import FileError, SettingError

# kind → the class, which is imported when a file asks for it. Those of rooms above have a method
# `to_parts() -> Parts` and a class method `from_parts(parts)`; network.py stands below this room,
# so clearprop.files.networks does it for its two classes.
PARTS: dict[str, str] = {
    "network": "clearprop.network:Network",
    "parameters": "clearprop.network:Parameters",
    "mlp_classifier": "clearprop.estimators:MLPClassifier",
    "mlp_regressor": "clearprop.estimators:MLPRegressor",
    "rnn_classifier": "clearprop.estimators:RNNClassifier",
    "rnn_regressor": "clearprop.estimators:RNNRegressor",
    "tabular_classifier": "clearprop.estimators:TabularClassifier",
    "tabular_regressor": "clearprop.estimators:TabularRegressor",
    "checkpoint": "clearprop.files.checkpoint_parts:Checkpoint",
    "studio_run": "clearprop.studio.sharing.snapshots:Snapshot",
}

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, eq=False)
class Parts:
    """One part of a model, ready to be written, or as it was read.

    Attributes
    ----------
    kind : str
        A key of `PARTS`.
    document : dict
        Plain data: numbers, text, booleans, None, lists, and dicts with string keys.
    arrays : dict of str to ndarray
        Of dtype float32, float64, int64, uint8 or bool.
    children : dict of str to Parts
        Parts that this one is made of. Names are a letter, then letters, digits and _, in ASCII.

    Raises
    ------
    SettingError
        A name is of another form.
    """

    kind: str
    document: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    children: dict[str, Parts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (self.kind, *self.arrays, *self.children):
            if not is_name(name):
                raise SettingError(
                    f"A part, an array or a child must be named by a letter and then letters, "
                    f"digits and _, at most 100 in all, but {str(name)[:120]!r} came."
                )

    def expect(
        self, document: Iterable[str], arrays: Iterable[str] = (), children: Iterable[str] = ()
    ) -> None:
        """Raise FileError unless the part has these fields, arrays and children, and no others."""
        _same_names(self.document, document, f"fields of part {self.kind!r}")
        _same_names(self.arrays, arrays, f"arrays of part {self.kind!r}")
        _same_names(self.children, children, f"children of part {self.kind!r}")

    def array(self, name: str, dtype: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """Return one array; None in `shape` stands for any length.

        Raises
        ------
        FileError
            It is missing, or has another dtype or shape.
        """
        array = self.arrays.get(name)
        if array is None:
            raise FileError(f"Part {self.kind!r} lacks its array {name!r}.")
        fits = len(array.shape) == len(shape) and all(
            want is None or want == got for want, got in zip(shape, array.shape, strict=True)
        )
        if array.dtype != np.dtype(dtype) or not fits:
            raise FileError(
                f"Array {name!r} of part {self.kind!r} must be {dtype} of shape "
                f"{_spell(shape)}, but {array.dtype} of shape {array.shape} came."
            )
        return array

    def child(self, name: str, kind: str) -> Parts:
        """Return one child; FileError if it is missing or of another kind."""
        child = self.children.get(name)
        if child is None or child.kind != kind:
            came = "nothing" if child is None else repr(child.kind)
            raise FileError(
                f"Child {name!r} of part {self.kind!r} must be of kind {kind!r}, but {came} came."
            )
        return child


def is_name(name: object) -> bool:
    """Whether this can name a kind, an array or a child."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _same_names(got: Mapping[str, Any], want: Iterable[str], what: str) -> None:
    wanted = set(want)
    missing, unknown = sorted(wanted - set(got)), sorted(set(got) - wanted)
    if missing or unknown:
        raise FileError(
            f"The {what} must be {', '.join(sorted(wanted)) or 'none'}; "
            f"missing: {_some(missing)}; unknown: {_some(unknown)}."
        )


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:5])
    return f"{shown}, …" if len(names) > 5 else shown or "none"


def _spell(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if n is None else str(n) for n in shape)})"
