"""Where the groups of rows of a Parquet or Arrow file are, read off its end without its data.

Both formats keep rows in groups that can be read alone, and say at the file's end how many rows
each has and how many bytes it takes. Polars, which reads the groups, does not hand that on, so the
few fields are read here:

- Parquet: a structure of Thrift's compact protocol. `FileMetaData.row_groups` is field 4, and
  `RowGroup.columns`, `total_byte_size` and `num_rows` are its fields 1, 2 and 3; a column chunk's
  `meta_data` is field 3, whose `total_compressed_size` is field 7. (parquet.thrift of Apache
  Parquet; the encoding: Thrift's compact protocol specification.)
- Arrow: a FlatBuffers table. `Footer.recordBatches` is its field 3, a vector of `Block` structures
  (offset, metadata length, body length); the batch's own message says its rows. (File.fbs and
  Message.fbs of Apache Arrow.)

What is read is trusted in nothing: a damaged file is an error that names it.

Public names: `Group`, `arrow_groups`, `parquet_groups`. Imports the standard library and
`clearprop.errors`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from clearprop.errors import FileError

_PARQUET, _ARROW = b"PAR1", b"ARROW1"
_DAMAGED = (struct.error, IndexError, KeyError, ValueError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that lie together in a file.

    Attributes
    ----------
    rows : int
    size : int
        Bytes in the file.
    """

    rows: int
    size: int


def parquet_groups(path: Path) -> tuple[Group, ...]:
    """Return the row groups of a Parquet file; FileError where it is none."""
    try:
        with path.open("rb") as file:
            footer = _Thrift(_end_of(file, _PARQUET, 8)).structure()
        return tuple(
            Group(group[3], sum(column[3][7] for column in group[1])) for group in footer[4]
        )
    except _DAMAGED as error:
        raise _damaged(path, "Parquet") from error


def arrow_groups(path: Path) -> tuple[Group, ...]:
    """Return the record batches of an Arrow file; FileError where it is none."""
    try:
        with path.open("rb") as file:
            blocks = _Flat.root(_end_of(file, _ARROW, 10)).blocks(3)
            return tuple(
                Group(_rows_of(file, offset, head), head + body) for offset, head, body in blocks
            )
    except _DAMAGED as error:
        raise _damaged(path, "Arrow") from error


def _end_of(file: BinaryIO, magic: bytes, tail: int) -> bytes:
    """Return the footer: before the file's last `tail` bytes, its length and the magic bytes."""
    size = file.seek(0, 2)
    file.seek(max(0, size - tail))
    end = file.read(tail)
    if not end.endswith(magic):
        raise ValueError(end)
    length = struct.unpack("<I", end[:4])[0]
    file.seek(size - tail - length)
    return file.read(length)


def _rows_of(file: BinaryIO, offset: int, head: int) -> int:
    """Return the rows of the record batch whose message begins here."""
    file.seek(offset)
    return _Flat.root(file.read(head)[8:]).table(2).long(0)


def _damaged(path: Path, kind: str) -> FileError:
    return FileError(
        f"The end of {str(path)!r} is not that of {'a' if kind == 'Parquet' else 'an'} {kind} "
        f"file: it is damaged, cut short or of another kind. Fetch it again, or write it anew."
    )


class _Thrift:
    """Reads a structure of the compact protocol as {field: value}."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def structure(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        field = 0
        while kind := self._byte():
            field = field + (kind >> 4) if kind >> 4 else self._signed()
            found[field] = self._value(kind & 15)
        return found

    def _value(self, kind: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 7:
            return self._take(8)
        if kind == 8:
            return self._take(self._unsigned())
        if kind in (9, 10):
            return self._list()
        if kind == 11:
            return self._map()
        if kind == 12:
            return self.structure()
        raise ValueError(kind)

    def _list(self) -> list[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._unsigned()
        kind = head & 15
        # in a list a truth is a byte
        return [self._byte() if kind in (1, 2) else self._value(kind) for _ in range(count)]

    def _map(self) -> dict[Any, Any]:
        count = self._unsigned()
        kinds = self._byte() if count else 0
        return {i: (self._value(kinds >> 4), self._value(kinds & 15)) for i in range(count)}

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)


class _Flat:
    """A table of FlatBuffers: its fields are found through the offsets in front of it."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    @classmethod
    def root(cls, data: bytes) -> _Flat:
        return cls(data, struct.unpack_from("<I", data)[0])

    def table(self, field: int) -> _Flat:
        place = self._place(field)
        return _Flat(self.data, place + struct.unpack_from("<I", self.data, place)[0])

    def long(self, field: int) -> int:
        return int(struct.unpack_from("<q", self.data, self._place(field))[0])

    def blocks(self, field: int) -> list[tuple[int, int, int]]:
        """Return the (offset, metadata length, body length) of each block of a vector."""
        try:
            place = self._place(field)
        except KeyError:
            return []  # an empty vector may be left out
        start = place + struct.unpack_from("<I", self.data, place)[0]
        count = struct.unpack_from("<I", self.data, start)[0]
        places = range(start + 4, start + 4 + 24 * count, 24)
        return [struct.unpack_from("<qi4xq", self.data, at) for at in places]

    def _place(self, field: int) -> int:
        offsets = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        length = struct.unpack_from("<H", self.data, offsets)[0]
        entry = 4 + 2 * field
        found = struct.unpack_from("<H", self.data, offsets + entry)[0] if entry < length else 0
        if not found:
            raise KeyError(field)
        return self.at + found
