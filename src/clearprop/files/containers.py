"""The container of a model file: safetensors, with the rules that make it clearprop's.

A file is, in this order: the length of the header (8 bytes, little-endian); the header, JSON padded
with spaces so that the data begin at a multiple of 8; the bytes of the tensors, without gaps. Any
reader of safetensors can open it. The header's `__metadata__` holds exactly

    format    "clearprop-model"
    version   of the rules written here, "1"
    writer    the version of clearprop that wrote the file
    sha256    of the whole file, with 64 zeros in place of these 64 digits: one flipped bit shows
    document  JSON text: the tree of parts without their arrays

Tensors are named by the way to their part: `network/vector` is array `vector` of child `network`.
The digest finds accidents. It is no signature: whoever can edit the file can edit it too, and so
every length, offset, name and type is checked before it is used.

Public names: `DTYPES`, `FORMAT`, `MAX_DIMENSIONS`, `MAX_HEADER`, `VERSION`, `Header`, `Tensor`,
`damaged`, `lay_out`, `parse_header`, `seal`.
May import: `clearprop.files.documents`, `clearprop.files.parts`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from clearprop.errors import FileError, SettingError
from clearprop.files.documents import decode, encode
from clearprop.files.parts import is_name

FORMAT = "clearprop-model"
VERSION = 1

# A reader may take this limit up later, never down. Parsing takes time and memory in proportion to
# the header: the worst that was found, millions of empty lists, takes 0.5 s and 28 MB a megabyte.
MAX_HEADER = 16 * 2**20

# the container's word for each dtype that a model file holds
DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_WORDS = {dtype: word for word, dtype in DTYPES.items()}

MAX_DIMENSIONS = 8
_MAX_LENGTH = 2**48
_BLANK = "0" * 64
_DIGEST = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Tensor:
    """Where one array stands in the data, in bytes, and what it is."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Header:
    """A header that keeps all rules.

    Attributes
    ----------
    version : int
        Of the file format.
    writer : str
        The version of clearprop that wrote the file, as in "0.1.0".
    digest : str
        The SHA-256 that the file claims.
    document : str
        JSON text, not yet read: it is worth reading only once the digest was found right.
    tensors : tuple of Tensor
        In the order of the data.
    blank : bytes
        The length and the header with 64 zeros for the digest: what is digested first.
    """

    version: int
    writer: str
    digest: str
    document: str
    tensors: tuple[Tensor, ...]
    blank: bytes


def damaged(what: str) -> FileError:
    """Return the error for a file that was clearprop's and is no longer whole."""
    return FileError(
        f"It is a clearprop model file, but damaged: {what}. Take another copy of the file, or "
        f"save the model again."
    )


def lay_out(
    document: dict[str, Any], arrays: dict[str, np.ndarray], writer: str
) -> tuple[bytes, list[str]]:
    """Return the length and header of a file, its digest still blank, and the order of its arrays.

    The same model gives the same bytes. Wide numbers come first, so that each array begins at a
    multiple of its item size.

    Raises
    ------
    SettingError
        The document is no plain data, or too large.
    """
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    table: dict[str, Any] = {
        "__metadata__": {
            "format": FORMAT,
            "version": str(VERSION),
            "writer": writer,
            "sha256": _BLANK,
            "document": encode(document, "the model"),
        }
    }
    start = 0
    for name in order:
        array = arrays[name]
        stop = start + array.nbytes
        table[name] = {
            "dtype": _WORDS[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [start, stop],
        }
        start = stop
    raw = encode(table).encode("ascii")
    raw += b" " * (-len(raw) % 8)
    if len(raw) > MAX_HEADER:
        raise SettingError(
            f"The model's plain data take {len(raw)} bytes; a model file holds at most "
            f"{MAX_HEADER}. Keep large data in arrays."
        )
    return _with_length(raw), order


def seal(blank: bytes, digest: str) -> bytes:
    """Put the digest where the zeros are."""
    return blank.replace(_digest_field(_BLANK), _digest_field(digest), 1)


def parse_header(raw: bytes, room: int) -> Header:
    """Check a header, and its tensors against the bytes that follow it.

    Parameters
    ----------
    raw : bytes
        The header without its length.
    room : int
        Bytes of the file behind the header.

    Raises
    ------
    FileError
        It is another program's, of a later version, or breaks a rule; the message says which.
    """
    try:
        top = decode(raw.decode("utf-8"))
    except (UnicodeDecodeError, FileError) as error:
        if FORMAT.encode() not in raw[:200]:
            raise FileError(_FOREIGN) from error
        raise damaged(f"its header could not be read ({str(error)[:200]})") from error
    metadata = top.pop("__metadata__", None) if isinstance(top, dict) else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise FileError(_FOREIGN)
    version = _parse_version(metadata)
    if metadata.keys() != {"format", "version", "writer", "sha256", "document"}:
        raise damaged("the entries of its header are not the ones expected")
    for name, value in metadata.items():
        if not isinstance(value, str):
            raise damaged(f"the entry {name!r} of its header is not text")
    digest = metadata["sha256"]
    if not _DIGEST.fullmatch(digest) or raw.count(_digest_field(digest)) != 1:
        raise damaged("its digest is not written as 64 hexadecimal digits")
    blank = _with_length(raw.replace(_digest_field(digest), _digest_field(_BLANK)))
    tensors = _parse_tensors(top, room)
    return Header(version, metadata["writer"], digest, metadata["document"], tensors, blank)


_FOREIGN = (
    "It is a safetensors file, but another program's: a clearprop model file has an entry "
    f"format = {FORMAT} in its metadata. Give a file that clearprop saved."
)


def _with_length(raw: bytes) -> bytes:
    return len(raw).to_bytes(8, "little") + raw


def _digest_field(digest: str) -> bytes:
    # cannot stand inside another text: there, quotes follow a backslash
    return f'"sha256":"{digest}"'.encode("ascii")


def _parse_version(metadata: dict[str, Any]) -> int:
    text = metadata.get("version")
    if not isinstance(text, str) or not _VERSION.fullmatch(text):
        raise damaged("the version of its format is not a number")
    if int(text) > VERSION:
        raise FileError(
            f"It was written by a later version of clearprop ({str(metadata.get('writer'))[:20]}, "
            f"file format {text}); this one reads formats up to {VERSION}. Upgrade clearprop."
        )
    return int(text)


def _parse_tensors(table: dict[str, Any], room: int) -> tuple[Tensor, ...]:
    tensors = sorted(
        (_parse_tensor(name, entry) for name, entry in table.items()),
        key=lambda tensor: (tensor.start, tensor.stop),
    )
    end = 0
    for tensor in tensors:
        if tensor.start != end:
            raise damaged(f"the tensor {tensor.name!r} does not begin where the one before it ends")
        end = tensor.stop
    if end != room:
        raise damaged(f"its tensors take {end} bytes, but {room} follow its header")
    return tuple(tensors)


def _parse_tensor(name: str, entry: Any) -> Tensor:
    if not all(is_name(step) for step in name.split("/")):
        raise damaged(f"a tensor has the name {name[:80]!r}")
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise damaged(f"the entries of tensor {name[:80]!r} are not the ones expected")
    word = entry["dtype"]
    if not isinstance(word, str) or word not in DTYPES:
        raise damaged(f"the tensor {name[:80]!r} is not of type {', '.join(DTYPES)}")
    shape = _whole_numbers(entry["shape"], f"the shape of tensor {name[:80]!r}")
    offsets = _whole_numbers(entry["data_offsets"], f"the place of tensor {name[:80]!r}")
    size = prod(shape) * DTYPES[word].itemsize
    if len(offsets) != 2 or offsets[1] - offsets[0] != size or _grows_absurd(shape):
        raise damaged(f"the shape of tensor {name[:80]!r} does not fit its place in the file")
    return Tensor(name, DTYPES[word], shape, offsets[0], offsets[1])


def _whole_numbers(value: Any, what: str) -> tuple[int, ...]:
    fits = isinstance(value, list) and len(value) <= MAX_DIMENSIONS
    if not fits or not all(type(n) is int and 0 <= n <= _MAX_LENGTH for n in value):
        raise damaged(f"{what} is not a list of whole numbers from 0 to {_MAX_LENGTH}")
    return tuple(value)


def _grows_absurd(shape: tuple[int, ...]) -> bool:
    # an array of no items may still have lengths whose product no array library can hold
    return prod(max(length, 1) for length in shape) > _MAX_LENGTH
