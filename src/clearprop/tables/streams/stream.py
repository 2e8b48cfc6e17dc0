"""`Stream`: a table in Parquet or Arrow files, of which never more than a part is in memory.

The groups of rows that the files have are what is read; one that is large beside the bound is cut
into several pieces. A row's number counts through the files in the order of their names.

Public names: `Piece`, `Stream`. Imports Polars, `clearprop.tables` and `clearprop.errors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from clearprop.errors import DataError, FileError, SettingError
from clearprop.tables.formats import FORMATS, check_signature, format_of
from clearprop.tables.streams.ahead import ahead
from clearprop.tables.streams.footers import Group, arrow_groups, parquet_groups
from clearprop.tables.streams.memory import bytes_of, in_words
from clearprop.tables.wording import listed

_GROUPS = {"parquet": parquet_groups, "arrow": arrow_groups}
_ENDINGS = (*FORMATS["parquet"], *FORMATS["arrow"])
# of the bound, what the rows of one piece may take: reading needs some four times as much
_SHARE_OF_A_PIECE = 1 / 40
_MOST_ROWS = 1 << 18
_LOOK = 1000  # rows that tell how large a row is


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows that are read at once.

    Attributes
    ----------
    path : Path
    format : {"parquet", "arrow"}
    start, rows : int
        Where they begin in the file, and how many they are.
    first_row : int
        The number of the first one in the whole table.
    """

    path: Path
    format: str
    start: int
    rows: int
    first_row: int

    def read(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Read these columns, or all, of the rows."""
        try:
            scan = _scan(self.path, self.format).slice(self.start, self.rows)
            return (scan if columns is None else scan.select(columns)).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise FileError(
                f"Rows {self.start + 1} to {self.start + self.rows} of {str(self.path)!r} could "
                f"not be read: {str(error).splitlines()[0]}. Fetch or write the file again."
            ) from error


class Stream:
    """A table that is read piece by piece.

    Going through it gives its rows as Polars frames, the next of which is read meanwhile.

    Parameters
    ----------
    source : str, Path, or sequence of them
        Parquet or Arrow files; of a folder all that it and its folders hold, by name.
    memory : int or str
        The bound on the memory of the whole process, `"1GB"` say.
    share : (rank, size)
        Of several processes that train together, which one this is, and of how many.

    Attributes
    ----------
    rows : int
    schema : polars.Schema
        Names and types of the columns.
    pieces : tuple of Piece

    Raises
    ------
    FileError
        A file is missing, of another kind or damaged, or differs from the first in its columns.
    SettingError
        The bound is none, or smaller than what one group of rows needs.
    """

    def __init__(
        self,
        source: str | Path | Sequence[str | Path],
        memory: int | float | str = "1GB",
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.memory = bytes_of(memory)
        self.share = _checked_share(share)
        self.name = str(source) if isinstance(source, str | Path) else listed(map(str, source), 2)
        self.files = _files_of(source)
        formats = [format_of(str(path), None) for path in self.files]
        self._layout = [
            (path, kind, self._groups(path, kind))
            for path, kind in zip(self.files, formats, strict=True)
        ]
        self.rows = sum(group.rows for _, _, groups in self._layout for group in groups)
        if not self.rows:
            raise DataError(f"{self.name!r} holds no rows: expected at least one.")
        self.schema = self._schema()

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self.rows

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Give the rows in order, piece by piece."""
        for _, frame in self.frames():
            yield frame

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self.schema.names()

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.schema)

    @property
    def size(self) -> int:
        """Bytes of the files' groups."""
        return sum(group.size for _, _, groups in self._layout for group in groups)

    @cached_property
    def row_bytes(self) -> float:
        """Bytes of a row in memory, as the first ones have it."""
        path, kind, _ = next(part for part in self._layout if part[2])
        look = _scan(path, kind).head(_LOOK).collect()
        return max(1.0, look.estimated_size() / look.height)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The rows, cut into pieces that are small beside the bound."""
        most = max(1, min(_MOST_ROWS, int(_SHARE_OF_A_PIECE * self.memory / self.row_bytes)))
        found, first = [], 0
        for path, kind, groups in self._layout:
            start = 0
            for group in groups:
                parts = -(-group.rows // most)
                for k in range(parts):
                    low, high = group.rows * k // parts, group.rows * (k + 1) // parts
                    found.append(Piece(path, kind, start + low, high - low, first + low))
                start, first = start + group.rows, first + group.rows
        return tuple(found)

    def frames(self, columns: Sequence[str] | None = None) -> Iterator[tuple[Piece, pl.DataFrame]]:
        """Give pieces in order, each with its rows of these columns; the next is read meanwhile."""
        return ahead(lambda piece: (piece, piece.read(columns)), self.pieces)

    def whole(self) -> pl.DataFrame:
        """Read all rows at once, whatever the bound."""
        return pl.concat([_scan(path, kind).collect() for path, kind, _ in self._layout])

    def _groups(self, path: Path, kind: str) -> tuple[Group, ...]:
        groups = _GROUPS[kind](path)
        largest = max((group.size for group in groups), default=0)
        # a group's bytes are fetched whole before its rows are cut
        if largest > self.memory / 4:
            raise SettingError(
                f"A group of rows of {str(path)!r} takes {in_words(largest)}, too much to be read "
                f"within {in_words(self.memory)}. Allow {in_words(5 * largest)}, or write the file "
                f"in smaller groups, as in polars.scan_parquet(a).sink_parquet(b, "
                f"row_group_size=50_000)."
            )
        return groups

    def _schema(self) -> pl.Schema:
        first: pl.Schema | None = None
        for path, kind, _ in self._layout:
            schema = _scan(path, kind).collect_schema()
            if first is None:
                first = schema
            if dict(schema) != dict(first):
                odd = [name for name in {**first, **schema} if schema.get(name) != first.get(name)]
                raise FileError(
                    f"{str(path)!r} has other columns than {str(self.files[0])!r}: {odd[0]!r} is "
                    f"{schema.get(odd[0], 'missing')} there and {first.get(odd[0], 'missing')} "
                    f"here. Write both with the same columns and types."
                )
        assert first is not None  # there is a file
        return first


def _scan(path: Path, kind: str) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False) if kind == "parquet" else pl.scan_ipc(path)


def _files_of(source: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    found: list[Path] = []
    for given in [source] if isinstance(source, str | Path) else source:
        path = Path(given)
        if path.is_dir():
            inside = sorted(
                file
                for file in path.rglob("*")
                if file.suffix.lower() in _ENDINGS and not file.name.startswith((".", "_"))
            )
            if not inside:
                raise FileError(
                    f"The folder {str(path)!r} holds no file whose name ends in "
                    f"{', '.join(_ENDINGS)}: expected a table in Parquet or Arrow files."
                )
            found += inside
        else:
            found.append(_checked_file(path))
    if not found:
        raise FileError("Expected one or more files to stream; got none.")
    return tuple(found)


def _checked_file(path: Path) -> Path:
    if not path.exists():
        raise FileError(f"There is no file {str(path)!r}.")
    kind = format_of(str(path), None)
    if kind not in _GROUPS:
        raise FileError(
            f"{str(path)!r} is text ({kind.upper()}), which can only be read whole. Turn it into "
            f"Parquet once, which is also smaller: polars.scan_csv('table.csv')"
            f".sink_parquet('table.parquet', row_group_size=50_000)."
        )
    with path.open("rb") as file:
        head = file.read(4096)
    check_signature(head, str(path), kind)
    if kind == "arrow" and not head.startswith(b"ARROW1"):
        raise FileError(
            f"{str(path)!r} is an Arrow stream, which can only be read from its beginning. Write "
            f"it as an Arrow file (polars: write_ipc) or as Parquet."
        )
    return path


def _checked_share(share: tuple[int, int]) -> tuple[int, int]:
    rank, workers = share
    if not 0 <= rank < workers:
        raise SettingError(f"Expected a share (rank, size) with 0 <= rank < size; got {share}.")
    return int(rank), int(workers)
