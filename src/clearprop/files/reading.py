"""Read a model file that may come from anyone.

Nothing in it is run, no name of a module is taken from it, and nothing is allocated that its own
size on the disk does not cover: lengths are held against that size first, then each tensor is read
straight into its array, and the digest is checked before the document is even parsed.

Public names: `describe`, `load`, `load_bytes`.
May import: the other modules of this room, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from clearprop.errors import FileError
from clearprop.files.containers import FORMAT, MAX_HEADER, Header, Tensor, damaged, parse_header
from clearprop.files.documents import decode
from clearprop.files.models import from_parts
from clearprop.files.parts import Parts
from clearprop.files.signatures import looks_like
from clearprop.files.trees import join_parts


@dataclass(frozen=True)
class _Contents:
    header: Header
    document: Any
    parts: Parts
    size: int


def load(path: str | os.PathLike[str]) -> Any:
    """Load what `save` stored.

    Parameters
    ----------
    path : str or path
        A model file. It may come from someone you do not trust: at worst it is refused.

    Returns
    -------
    model : object
        Of the class that was saved. Its arrays are its own and can be written to.

    Raises
    ------
    FileError
        The file is missing, no model file, damaged, of a later version, or describes no model.

    Examples
    --------
    >>> import clearprop
    >>> model = clearprop.load("iris.clearprop")  # doctest: +SKIP
    """
    with _named(path):
        return from_parts(_read(Path(path)).parts)


def load_bytes(data: bytes, name: str) -> Any:
    """Load what `save_bytes` gave; `name` is what messages call it.

    Raises
    ------
    FileError
        As for `load`.
    """
    with _named(name):
        return from_parts(_contents(io.BytesIO(data), len(data)).parts)


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a model file says of itself, without building the model.

    Returns
    -------
    description : dict
        `format`, `version` of the format, `writer` (clearprop's version), `bytes` (the file's
        size), `model` (the tree of parts: `kind`, `document`, `children`), `tensors` (name →
        `dtype` and `shape`).

    Raises
    ------
    FileError
        As for `load`, short of building the model.
    """
    with _named(path):
        contents = _read(Path(path))
    header = contents.header
    return {
        "format": FORMAT,
        "version": header.version,
        "writer": header.writer,
        "bytes": contents.size,
        "model": contents.document,
        "tensors": {
            tensor.name: {"dtype": tensor.dtype.name, "shape": list(tensor.shape)}
            for tensor in header.tensors
        },
    }


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Begin every error with the file's name, and turn the system's errors into FileError."""
    name = repr(os.fspath(path))
    try:
        yield
    except FileNotFoundError as error:
        raise FileError(f"There is no file {name}. Check the path.") from error
    except OSError as error:
        raise FileError(f"{name} could not be read: {error.strerror or error}.") from error
    except MemoryError as error:
        raise FileError(f"{name} could not be read: it is too large for the memory.") from error
    except ValueError as error:
        raise FileError(f"{name} could not be loaded. {error}") from error


def _read(path: Path) -> _Contents:
    if path.is_dir():
        raise FileError("It is a folder. Give the model file in it.")
    if path.exists() and not path.is_file():
        raise FileError("It is a device or a pipe. Give a file on a disk.")
    with path.open("rb") as file:
        return _contents(file, os.fstat(file.fileno()).st_size)


def _contents(file: IO[bytes], size: int) -> _Contents:
    raw = _read_header(file, size)
    header = parse_header(raw, size - 8 - len(raw))
    arrays = _read_arrays(file, header)
    document = decode(header.document)
    return _Contents(header, document, join_parts(document, arrays), size)


def _read_header(file: IO[bytes], size: int) -> bytes:
    start = file.read(512)
    length = int.from_bytes(start[:8], "little")
    if start[8:9] == b"{" and length <= min(size - 8, MAX_HEADER):
        file.seek(8)
        raw = file.read(length)
        if len(raw) == length:
            return raw
    if FORMAT.encode() in start:
        raise damaged(
            f"it has {size} bytes, but its header alone is said to take {length} (at most "
            f"{MAX_HEADER} are read)"
        )
    raise FileError(
        f"Expected a clearprop model file, but it looks like {looks_like(start)}. Give a file that "
        f"clearprop saved."
    )


def _read_arrays(file: IO[bytes], header: Header) -> dict[str, np.ndarray]:
    hasher = hashlib.sha256(header.blank)
    arrays = {tensor.name: _read_array(file, tensor, hasher) for tensor in header.tensors}
    if file.read(1) or hasher.hexdigest() != header.digest:
        raise damaged("its bytes do not give the digest that it holds (SHA-256)")
    for name, array in arrays.items():
        if array.dtype == bool and array.size and array.view(np.uint8).max() > 1:
            raise damaged(f"the tensor {name!r} holds values that are neither true nor false")
    return arrays


def _read_array(file: IO[bytes], tensor: Tensor, hasher: Any) -> np.ndarray:
    array = np.empty(tensor.shape, tensor.dtype)
    target = array.reshape(-1).view(np.uint8)
    if file.readinto(target) != target.nbytes:  # type: ignore[attr-defined]
        raise damaged(f"it ends within the tensor {tensor.name!r}")
    hasher.update(target)
    return array.astype(tensor.dtype.newbyteorder("="), copy=False)
