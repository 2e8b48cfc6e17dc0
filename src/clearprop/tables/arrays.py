"""Read features and targets that come as arrays: NPZ files, and IDX files as MNIST's.

An IDX file is two zero bytes, a type, the number of axes, the lengths of the axes (big-endian
32-bit integers), and the values. Nothing is unpickled, and a header is believed only as far as
the file's length bears it out.

Public names: `Arrays`, `holds_arrays`, `read_arrays`, `read_idx`. Imports NumPy and
`clearprop.errors`.
"""

from __future__ import annotations

import gzip
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from clearprop.errors import DataError, FileError, ShapeError
from clearprop.tables.formats import GZIP
from clearprop.tables.wording import listed

NPZ_KEYS = (
    ("X", "y"),
    ("x", "y"),
    ("X_train", "y_train"),
    ("x_train", "y_train"),
    ("data", "target"),
    ("features", "labels"),
    ("images", "labels"),
)
"""The pairs of names under which NPZ files are searched for features and targets, in this order."""

_ZIP = b"PK"
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """Features X (n, width), whose further axes are flattened, and targets y: (n,), (n, k), None.

    `names` says where in the files they were found.
    """

    X: np.ndarray
    y: np.ndarray | None
    names: tuple[str, ...]


def holds_arrays(path: str | Path) -> bool:
    """Whether a file is to be read with `read_arrays` rather than `read_table`."""
    file = Path(path)
    if file.suffix.lower() == ".npz" or not file.is_file():
        return file.suffix.lower() == ".npz"
    try:
        with _opened(file) as stream:
            head = stream.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return _is_idx(head)


def read_arrays(
    path: str | Path, *, keys: tuple[str, str] | None = None, labels: str | Path | None = None
) -> Arrays:
    """Read features and, where there are some, targets.

    Parameters
    ----------
    path : str or Path
        An NPZ file, or an IDX file of features (packed with gzip or not).
    keys : (str, str), optional
        The names of features and targets in an NPZ file; without it, the first pair of
        `NPZ_KEYS` whose features the file has.
    labels : str or Path, optional
        The IDX file of the targets; without it, the file beside `path` that is named alike with
        "labels" for "images" and "idx1" for "idx3", if there is one.

    Raises
    ------
    FileError
        The file is neither, is damaged, or lacks the names.
    DataError
        The arrays hold no numbers, or features and targets differ in number of rows.
    """
    file = Path(path)
    try:
        with _opened(file) as stream:
            head = stream.read(4)
        if head.startswith(_ZIP):
            X, y, names = _read_npz(file, keys)
        else:
            X, y, names = _read_pair(file, Path(labels) if labels is not None else None)
    except OSError as error:
        raise FileError(f"{str(file)!r} could not be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise FileError(f"{str(file)!r} is damaged ({error}). Fetch it again.") from error
    return Arrays(*_checked(X, y, names), names)


def read_idx(path: str | Path) -> np.ndarray:
    """Read an IDX file, packed with gzip or not, as an array of the shape that it states.

    Raises
    ------
    FileError
        Not an IDX file, or its length is not what its header says.
    """
    file = Path(path)
    try:
        with _opened(file) as stream:
            return _parse_idx(stream, str(file))
    except OSError as error:
        raise FileError(f"{str(file)!r} could not be read: {error.strerror or error}.") from error
    except (zlib.error, EOFError) as error:
        raise FileError(f"{str(file)!r} is damaged ({error}). Fetch it again.") from error


def _opened(file: Path) -> IO[bytes]:
    with file.open("rb") as stream:
        packed = stream.read(2) == GZIP
    return gzip.open(file, "rb") if packed else file.open("rb")  # type: ignore[return-value]


def _is_idx(head: bytes) -> bool:
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in _IDX_TYPES and 0 < head[3] < 9


def _parse_idx(stream: IO[bytes], name: str) -> np.ndarray:
    head = stream.read(4)
    if not _is_idx(head):
        raise FileError(
            f"Expected {name!r} to be an NPZ file or an IDX file (two zero bytes, a type, 1 to 8 "
            f"axes); its first bytes are {head!r}. Arrays are read from such files, tables from "
            "CSV and others: rename it by what it is."
        )
    axes = head[3]
    lengths = stream.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise FileError(f"{name!r} ends within its header of {axes} axes. Fetch it again.")
    shape = tuple(map(int, np.frombuffer(lengths, dtype=">u4")))
    dtype = np.dtype(_IDX_TYPES[head[2]])
    expected = math.prod(shape) * dtype.itemsize
    data = _read_at_most(stream, expected + 1)
    if len(data) != expected:
        came = "more" if len(data) > expected else f"{len(data):,}"
        raise FileError(
            f"The header of {name!r} says shape {shape} of {dtype.name}, so {expected:,} bytes; "
            f"{came} follow. The file is damaged: fetch it again."
        )
    return np.frombuffer(data, dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _read_at_most(stream: IO[bytes], limit: int) -> bytes:
    """Read in pieces, so that a header that lies about its length costs no memory."""
    pieces, left = [], limit
    while left and (piece := stream.read(min(left, 1 << 24))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _read_pair(
    file: Path, labels: Path | None
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    X = read_idx(file)
    labels = labels or _labels_beside(file)
    if labels is None:
        return X, None, (file.name,)
    return X, read_idx(labels), (file.name, labels.name)


def _labels_beside(file: Path) -> Path | None:
    if "images" not in file.name:
        return None
    name = file.name.replace("images", "labels").replace("idx3", "idx1")
    plain = name.removesuffix(".gz")
    candidates = (file.with_name(other) for other in (name, plain, f"{plain}.gz"))
    return next((other for other in candidates if other.is_file()), None)


def _read_npz(
    file: Path, keys: tuple[str, str] | None
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    with file.open("rb") as stream, _archive(file, stream) as archive:
        held = archive.files
        found = keys or next((pair for pair in NPZ_KEYS if pair[0] in held), None)
        if found is None or found[0] not in held or (keys and keys[1] not in held):
            wanted = listed(keys) if keys else f"one of {listed(x for x, _ in NPZ_KEYS)}"
            raise FileError(
                f"Expected {str(file)!r} to hold {wanted}; it holds {listed(held, 12) or 'nothing'}"
                ". Name the arrays of features and targets."
            )
        names = tuple(name for name in found if name in held)
        try:
            X, *rest = (archive[name] for name in names)
        except ValueError as error:
            raise FileError(
                f"{str(file)!r} holds arrays of Python objects or damaged ones ({error}): expected "
                "arrays of numbers or text. Save them with numpy.savez and a plain dtype."
            ) from error
    return X, rest[0] if rest else None, names


def _archive(file: Path, stream: IO[bytes]) -> Any:
    """Return a file's archive of arrays; NumPy takes a spoilt beginning for a pickle."""
    try:
        return np.load(stream, allow_pickle=False)
    except ValueError as error:
        raise FileError(f"{str(file)!r} is no archive of arrays. Fetch it again.") from error


def _checked(
    X: np.ndarray, y: np.ndarray | None, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray | None]:
    if X.dtype.kind not in "biuf":
        raise DataError(f"Expected {names[0]!r} to hold numbers; got {X.dtype}.")
    if X.ndim == 0 or X.size == 0:
        raise ShapeError(f"Expected {names[0]!r} to hold rows of features; got shape {X.shape}.")
    X = X.reshape(len(X), -1)
    if y is None:
        return X, None
    if y.ndim not in (1, 2) or len(y) != len(X):
        raise ShapeError(
            f"Expected {names[1]!r} to hold one target a row, as {names[0]!r} has {len(X)} rows; "
            f"got shape {y.shape}."
        )
    return X, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
