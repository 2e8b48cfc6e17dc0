"""Write a model file whole or not at all.

Public names: `save`, `save_bytes`.
May import: the other modules of this room, `clearprop.storage`, NumPy, and the package's version.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from clearprop import __version__
from clearprop.files.containers import lay_out, seal
from clearprop.files.models import to_parts
from clearprop.files.trees import split_parts
from clearprop.storage import replace_file


def save(model: Any, path: str | os.PathLike[str]) -> Path:
    """Save a model in one file, without pickle.

    Parameters
    ----------
    model : object
        A fitted estimator of clearprop, a `Network`, or `Parameters`.
    path : str or path
        Where to; the usual suffix is `.clearprop`, and none is added. An existing file is
        replaced once the new one is complete, and keeps its permissions.

    Returns
    -------
    path : Path
        The file, as it was given.

    Raises
    ------
    SettingError
        The model holds something that a model file cannot hold.
    FileError
        The file cannot be written there; an existing one is left as it was.

    Examples
    --------
    >>> import clearprop
    >>> clearprop.save(model, "iris.clearprop")  # doctest: +SKIP
    """
    replace_file(Path(path), _pieces(model))
    return Path(path)


def save_bytes(model: Any) -> bytes:
    """Return the bytes of the file that `save` would write.

    Raises
    ------
    SettingError
        The model holds something that a model file cannot hold.
    """
    return b"".join(bytes(piece) for piece in _pieces(model))


def _pieces(model: Any) -> list[Any]:
    document, arrays = split_parts(to_parts(model))
    blank, order = lay_out(document, arrays, __version__)
    data = [arrays[name].reshape(-1).view(np.uint8) for name in order]
    hasher = hashlib.sha256(blank)
    for values in data:
        hasher.update(values.data)
    return [seal(blank, hasher.hexdigest()), *data]
