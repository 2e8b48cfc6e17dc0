"""In which order an epoch reads a stream, as a function of (seed, epoch, sizes of the pieces).

Rows are shuffled three times: the files and the groups in them are one permutation of pieces;
pieces that follow each other fill a buffer; and the rows of a buffer are permuted. So rows that lay
together in a file are scattered over a buffer, between rows of other files. Nothing is remembered:
any place of any epoch is found again from these numbers alone.

Of several workers each has pieces of its own, drawn once, and shuffles those. Workers that take
their steps together need equally many rows, so each visits as many as the one that has fewest.

Chance is NumPy's Philox, keyed by the seed and a purpose, counted by epoch and buffer.

Public names: `Buffer`, `buffers_of`, `visits_of`. Imports NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# purposes that keep the generators apart from each other, and from those of other rooms
_PIECES, _ROWS = 0x5049_4543, 0x524F_5753


@dataclass(frozen=True)
class Buffer:
    """Rows that are shuffled together.

    Attributes
    ----------
    number : int
        Its place in the epoch, from 0.
    pieces : tuple of int
        The pieces that it holds, in the order in which they are read.
    sizes : tuple of int
        The rows of each piece that are visited.
    start : int
        The place of its first row in the epoch.
    """

    number: int
    pieces: tuple[int, ...]
    sizes: tuple[int, ...]
    start: int

    @property
    def rows(self) -> int:
        """Its rows."""
        return sum(self.sizes)

    def places(self, seed: int, epoch: int) -> np.ndarray:
        """Return where each of its rows, in the order of reading, comes in the buffer: (rows,)."""
        return _generator(seed, _ROWS, epoch, self.number).permutation(self.rows)


def buffers_of(
    sizes: np.ndarray, most: int, seed: int, epoch: int, share: tuple[int, int] = (0, 1)
) -> list[Buffer]:
    """Return the buffers of an epoch.

    Parameters
    ----------
    sizes : (pieces,) int array
        Rows of each piece that are to be visited.
    most : int
        Rows of a buffer; at least one piece goes into each.
    share : (rank, size)
        Which of the workers this is, and of how many.
    """
    own = _share(sizes, seed, share)
    order = _generator(seed, _PIECES, epoch, 1).permutation(own)
    visits = visits_of(sizes, seed, share[1])
    buffers: list[Buffer] = []
    pieces: list[int] = []
    counts: list[int] = []
    start = 0
    for piece in order:
        left = visits - start - sum(counts)
        count = min(int(sizes[piece]), left)
        if count <= 0:
            continue
        if pieces and sum(counts) + count > most:
            buffers.append(Buffer(len(buffers), tuple(pieces), tuple(counts), start))
            start, pieces, counts = start + sum(counts), [], []
        pieces.append(int(piece))
        counts.append(count)
    if pieces:
        buffers.append(Buffer(len(buffers), tuple(pieces), tuple(counts), start))
    return buffers


def visits_of(sizes: np.ndarray, seed: int, workers: int = 1) -> int:
    """Return the rows that each worker visits in an epoch: those of the one with fewest."""
    return min(int(sizes[_share(sizes, seed, (rank, workers))].sum()) for rank in range(workers))


def _share(sizes: np.ndarray, seed: int, share: tuple[int, int]) -> np.ndarray:
    """Return the pieces of a worker, the same ones in every epoch."""
    rank, workers = share
    return _generator(seed, _PIECES, 0, 0).permutation(len(sizes))[rank::workers]


def _generator(seed: int, purpose: int, epoch: int, number: int) -> np.random.Generator:
    key = np.array([seed & (2**64 - 1), purpose], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, number, epoch]))
