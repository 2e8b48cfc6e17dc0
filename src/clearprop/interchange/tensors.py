"""Named arrays as a safetensors file of other programs, PyTorch's state dicts above all.

A file is the length of its header (8 bytes, little-endian), the header as JSON, and the bytes of
the tensors without gaps. Nothing in it can be run; lengths are held against the size of the file
before anything is allocated. Half precision is read as float32, which holds it exactly.

Model files of clearprop are such files too, with more rules: see `clearprop.files.containers`.

Public names: `read_tensors`, `write_tensors`.
May import: `clearprop.files`, `clearprop.storage`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from clearprop.errors import FileError
from clearprop.files.containers import MAX_HEADER
from clearprop.files.documents import decode
from clearprop.files.signatures import looks_like
from clearprop.storage import replace_file

_WORDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_OURS = {np.dtype("<f8"): "F64", np.dtype("<f4"): "F32"}


def write_tensors(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays of float32 and float64, in their order."""
    table: dict[str, Any] = {}
    start = 0
    for name, array in arrays.items():
        word = _OURS[array.dtype.newbyteorder("<")]
        stop = start + array.nbytes
        table[name] = {"dtype": word, "shape": list(array.shape), "data_offsets": [start, stop]}
        start = stop
    raw = json.dumps(table, separators=(",", ":")).encode("ascii")
    raw += b" " * (-len(raw) % 8)
    data = [np.ascontiguousarray(array).astype(_WORDS[_OURS[array.dtype.newbyteorder("<")]])
            for array in arrays.values()]  # fmt: skip
    replace_file(Path(path), [len(raw).to_bytes(8, "little"), raw, *(a.tobytes() for a in data)])


def read_tensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read a file's arrays, float32 or float64, in the order of its header.

    Raises
    ------
    FileError
        It is missing, no safetensors file, damaged, or holds numbers of another type.
    """
    name = repr(os.fspath(path))
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise FileError(f"There is no file {name}. Check the path.") from error
    except OSError as error:
        raise FileError(f"{name} could not be read: {error.strerror or error}.") from error
    length = int.from_bytes(raw[:8], "little")
    if raw[8:9] != b"{" or length > min(len(raw) - 8, MAX_HEADER):
        raise FileError(
            f"{name} looks like {looks_like(raw[:512])}, but a safetensors file was expected. In "
            f"PyTorch: safetensors.torch.save_file(model.state_dict(), path)."
        )
    try:
        table = decode(raw[8 : 8 + length].decode("utf-8"))
        found = _tensors(table, memoryview(raw)[8 + length :])
    except (UnicodeDecodeError, FileError) as error:
        raise FileError(f"{name} is no whole safetensors file. {error}") from error
    return found


def _tensors(table: Any, data: memoryview) -> dict[str, np.ndarray]:
    if not isinstance(table, dict):
        raise FileError("Its header is no object.")
    table.pop("__metadata__", None)
    return {name: _tensor(name, entry, data) for name, entry in table.items()}


def _tensor(name: str, entry: Any, data: memoryview) -> np.ndarray:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise FileError(f"Its entry {name[:80]!r} is not that of a tensor.")
    word, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if word not in _WORDS:
        raise FileError(
            f"Its tensor {name[:80]!r} is of type {word!r}; weights are {', '.join(_WORDS)}."
        )
    whole = [*shape, *offsets] if isinstance(shape, list) and isinstance(offsets, list) else [None]
    if not all(type(number) is int and 0 <= number <= len(data) for number in whole):
        raise FileError(f"The shape or place of its tensor {name[:80]!r} is none.")
    dtype = np.dtype(_WORDS[word])
    if len(offsets) != 2 or offsets[1] - offsets[0] != prod(shape) * dtype.itemsize:
        raise FileError(f"The shape of its tensor {name[:80]!r} does not fit its place.")
    values = np.frombuffer(data[offsets[0] : offsets[1]], dtype).reshape(shape)
    if word == "BF16":
        # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    if word == "F16":
        return values.astype(np.float32)
    return values.astype(dtype.newbyteorder("="))
