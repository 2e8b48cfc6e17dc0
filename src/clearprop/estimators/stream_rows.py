"""The rows of a stream as blocks: read, encoded and shuffled on a thread while others train.

A buffer's pieces are read one after another, and each row is encoded and written to the place at
which the epoch visits it: what is held is two arrays of encoded rows, the one that trains and the
one that is filled, and the raw rows of one piece. A block ends with a whole batch; the rows behind
it begin the next block.

Public names: `Encoding`, `StreamedRows`.
May import: `clearprop.engines`, `clearprop.tables`, the other modules of this room; NumPy, Polars.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from clearprop.engines import Block
from clearprop.estimators.tabular_network import targets_for_network
from clearprop.network import Network
from clearprop.tables import ClassTarget, TableEncoder, Target
from clearprop.tables.streams import (
    Buffer,
    Columns,
    Shares,
    Stream,
    ahead,
    buffers_of,
    visits_of,
    weights_in,
)

# rows that are encoded at once: their features stay in a cache until they are at their places
_ROWS_AT_ONCE = 16_384


@dataclass(frozen=True)
class Encoding:
    """How raw rows become rows of a network.

    Attributes
    ----------
    network : Network
    encoder : TableEncoder
    target : Target
    columns : Columns
    factors : (classes,) array, optional
        Weights of classes.
    """

    network: Network
    encoder: TableEncoder
    target: Target
    columns: Columns
    factors: np.ndarray | None = None

    @property
    def needed(self) -> list[str]:
        """The columns that are read."""
        return list(dict.fromkeys([*self.encoder.used_columns, *self.columns.apart]))

    def block(self, frame: pl.DataFrame, epoch_rows: int | None = None) -> Block:
        """Encode a frame as a block of its own."""
        x = self.encoder.transform(frame, np.dtype(self.network.dtype))
        found = Block.of(self.network, x, self.targets(frame), self.weights(frame))
        return found if epoch_rows is None else _with(found, epoch_rows)

    def targets(self, frame: pl.DataFrame) -> np.ndarray:
        """Return targets as the network is trained on them."""
        return targets_for_network(self.target, frame.select(self.columns.targets))

    def weights(self, frame: pl.DataFrame, first_row: int = 0) -> np.ndarray | None:
        """Return the weight of each row with its class's factor; None where all are 1."""
        name, found = self.columns.weight, None
        if name is not None:
            found = weights_in(frame, name, first_row)
        if self.factors is not None and isinstance(self.target, ClassTarget):
            factors = self.factors[self.target.encode(frame)]
            found = factors if found is None else found * factors
        return found


@dataclass(frozen=True)
class _Filling:
    """A buffer and what of the one before it comes first in its block."""

    buffer: Buffer
    start: int
    rest: int
    visits: int

    @property
    def total(self) -> int:
        return self.rest + self.buffer.rows


class StreamedRows:
    """The training rows of a stream: a `clearprop.training.Source`.

    Parameters
    ----------
    stream : Stream
    encoding : Encoding
    shares : Shares
        Which rows train.
    sizes : (pieces,) int array
        Rows of each piece that train.
    sample : polars.DataFrame
        Some of them, as they came.
    seed, batch : int
    most : int
        Rows of a buffer.
    """

    def __init__(
        self,
        stream: Stream,
        encoding: Encoding,
        shares: Shares,
        sizes: np.ndarray,
        *,
        sample: pl.DataFrame,
        seed: int,
        batch: int,
        most: int,
    ) -> None:
        self.stream, self.encoding, self.shares, self.sizes = stream, encoding, shares, sizes
        self.seed, self.batch, self.most = seed, batch, most
        self.rows = self.visits = visits_of(sizes, seed, stream.share[1])
        self.sample = encoding.block(sample, self.visits)
        self._arrays: list[tuple[np.ndarray, ...]] = []

    def blocks(self, epoch: int, position: int) -> Iterator[Block]:
        """Yield the blocks of an epoch from a position on; see `clearprop.training.Source`."""
        fillings = self.fillings(epoch)
        wanted = sum(f.start + f.visits <= position for f in fillings)
        first = self._first_to_fill(fillings, wanted)
        self._allocate(max((f.total for f in fillings), default=0))

        def fill(number: int) -> tuple[_Filling, tuple[np.ndarray, ...]]:
            filling, here = fillings[number], self._arrays[number % 2]
            before = self._arrays[(number + 1) % 2]
            if filling.rest and number > first:
                end = fillings[number - 1].total
                for array, other in zip(here, before, strict=True):
                    array[: filling.rest] = other[end - filling.rest : end]
            self._fill(filling, here, epoch)
            return filling, here

        for filling, arrays in ahead(fill, range(first, len(fillings))):
            # a buffer that is no whole batch has gone into the next one
            if filling.visits and filling.start + filling.visits > position:
                x, y, *more = (array[: filling.visits] for array in arrays)
                weights = more[0] if more else None
                yield Block(x, y, weights, None, filling.start, self.visits)

    def fillings(self, epoch: int) -> list[_Filling]:
        """Return the epoch's buffers, and how each is cut into whole batches."""
        buffers = buffers_of(self.sizes, self.most, self.seed, epoch, self.stream.share)
        found, start, rest = [], 0, 0
        for buffer in buffers:
            total = rest + buffer.rows
            last = buffer is buffers[-1]
            visits = total if last else total // self.batch * self.batch
            found.append(_Filling(buffer, start, rest, visits))
            start, rest = start + visits, total - visits
        return found

    def row_numbers(self, epoch: int) -> np.ndarray:
        """Return the number in the table of each row that an epoch visits, in its order."""
        found = []
        for filling in self.fillings(epoch):
            numbers = np.empty(filling.buffer.rows, dtype=np.int64)
            places, done = filling.buffer.places(self.seed, epoch), 0
            for number, size in zip(filling.buffer.pieces, filling.buffer.sizes, strict=True):
                piece = self.stream.pieces[number]
                frame = piece.read([self.shares.group] if self.shares.group else None)
                rows = self.shares.rows(frame, piece.first_row, "train")[:size]
                numbers[places[done : done + size]] = rows + piece.first_row
                done += size
            found.append(numbers)
        return np.concatenate(found)

    def fingerprint(self) -> dict[str, str]:
        """Return what the rows depend on: files by name, size and date, and how they are cut."""
        files = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in self.stream.files]
        return {
            "streamed files": str(files),
            "streamed rows": str((self.visits, self.stream.share, self.shares)),
            "pieces and buffers": str((len(self.sizes), self.most, self.batch, self.seed)),
        }

    def _first_to_fill(self, fillings: list[_Filling], wanted: int) -> int:
        """Return the buffer from which on reading leaves nothing of the wanted one open."""
        first = wanted
        while 0 < first < len(fillings) and fillings[first].rest:
            first -= 1
            if fillings[first].buffer.rows >= fillings[first + 1].rest:
                break
        return first

    def _allocate(self, rows: int) -> None:
        if self._arrays and len(self._arrays[0][0]) >= rows:
            return
        sample, self._arrays = self.sample, []
        like = [sample.x, sample.y, *([] if sample.weights is None else [sample.weights])]
        for _ in range(2):
            arrays = (np.empty((rows, *array.shape[1:]), array.dtype) for array in like)
            self._arrays.append(tuple(arrays))

    def _fill(self, filling: _Filling, arrays: tuple[np.ndarray, ...], epoch: int) -> None:
        """Read a buffer's pieces and write each row where the epoch visits it."""
        buffer, done = filling.buffer, 0
        places = filling.rest + buffer.places(self.seed, epoch)
        for number, size in zip(buffer.pieces, buffer.sizes, strict=True):
            piece = self.stream.pieces[number]
            frame = piece.read(self.encoding.needed)
            rows = self.shares.rows(frame, piece.first_row, "train")[:size]
            for start in range(0, size, _ROWS_AT_ONCE):
                part = rows[start : start + _ROWS_AT_ONCE]
                at = places[done + start : done + start + len(part)]
                self._write(frame, part, at, arrays)
            done += size

    def _write(
        self, frame: pl.DataFrame, rows: np.ndarray, places: np.ndarray, arrays: Any
    ) -> None:
        encoding = self.encoding
        x, y, *weights = arrays
        x[places] = encoding.encoder.transform(frame, x.dtype, rows=rows)
        part = frame.select(encoding.columns.apart)[rows]
        y[places] = encoding.targets(part)
        if weights:
            weights[0][places] = encoding.weights(part)


def _with(block: Block, epoch_rows: int) -> Block:
    return Block(block.x, block.y, block.weights, epoch_rows=epoch_rows)
