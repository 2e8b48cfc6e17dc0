"""The rows on the device: all of them, or the next ones in order where they do not fit.

What fits into the budget is put there once and stays (`Resident`). Otherwise the rows go there in
the order in which they are visited, some batches at a time (`Streamed`): half of the budget holds
what is trained on, and a thread fills the other half with what comes next. A program reads both in
the same way and cannot tell them apart, so the numbers are the same to the bit.

A block is known by its arrays: another array is another block, and numbers that are changed in
place are not noticed.

Public names: `Feed`, `Source`.
May import: the other modules of `clearprop.engines`; JAX, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from clearprop.engines.batches import dense_inputs
from clearprop.engines.contracts import Block
from clearprop.engines.sequences import Sequences
from clearprop.engines.xla.batches import Data
from clearprop.engines.xla.device import bucket, precision
from clearprop.engines.xla.site import Site
from clearprop.errors import EngineError
from clearprop.network import Network

# bytes up to which sparse rows are filled in with zeros on the device
LARGEST_FILLED = 4 << 30


class Source(Protocol):
    """A block's rows for programs."""

    def at(self, position: int, size: int) -> Data:
        """Return data that hold the rows at `size` places of the order from `position` on."""

    def stop(self, position: int) -> int:
        """Return up to which place of the order those data go."""


class Feed:
    """Gives programs their rows.

    Parameters
    ----------
    site : Site
    network : Network
    memory : int, optional
        The budget in bytes; half of the device's memory where absent.
    """

    def __init__(self, site: Site, network: Network, memory: int | None) -> None:
        self._site, self._network = site, network
        self._budget = memory or site.memory
        self._resident = Resident(site, network)
        self._streamed: Streamed | None = None
        self._worker: ThreadPoolExecutor | None = None

    def of(self, block: Block, size: int) -> Source:
        """Return the source of a block's rows for steps of `size` rows."""
        needed = bytes_of(self._network, block)
        if self._budget is None or needed <= self._budget:
            return self._resident.of(block)
        if self._streamed is None or not self._streamed.is_of(block, size):
            rows = self._budget // 2 // -(-needed // block.rows) // size * size
            self._worker = self._worker or ThreadPoolExecutor(1, "clearprop-feed")
            own = self._site, self._network, self._worker
            self._streamed = Streamed(*own, block, max(size, rows), size)
        return self._streamed


def bytes_of(network: Network, block: Block) -> int:
    """Return what a block takes on a device."""
    values, inputs = len(block.x.values) if isinstance(block.x, Sequences) else 0, network.inputs
    size = (values or block.rows) * inputs * np.dtype(network.dtype).itemsize
    weights = 0 if block.weights is None else block.weights.nbytes
    return int(size + block.y.nbytes + weights)


class Resident:
    """The blocks that were used last, on the device: rows to train on and rows to validate on."""

    def __init__(self, site: Site, network: Network) -> None:
        self._site, self._network = site, network
        self._kept: dict[str, list[tuple[Any, Any]]] = {}

    def of(self, block: Block) -> Whole:
        """Return a block's arrays, moving those that are not there yet."""
        x = block.x
        sequences = isinstance(x, Sequences)
        return Whole(
            Data(
                self._moved("x", x, lambda: x.values if sequences else self._filled(x)),
                self._moved("y", block.y, lambda: block.y),
                self._moved("weights", block.weights, lambda: block.weights),
                self._moved("order", (block.order, x), lambda: block.visited(0, block.visits)),
                None,
                self._moved("starts", x, lambda: x.starts[:-1]) if sequences else None,
                self._moved("lengths", x, lambda: x.lengths) if sequences else None,
                np.int32(0),
                np.int32(block.visits),
                np.uint32(block.first_row & 0xFFFFFFFF),
            )
        )

    def _moved(self, name: str, source: Any, array: Callable[[], Any]) -> Any:
        before = self._kept.get(name, [])
        for known, kept in before:
            if _same(known, source):
                return kept
        # what is let go goes before what comes
        self._kept[name] = before[-1:]
        found = array()
        kept = None if found is None else self._site.put(_narrow(np.asarray(found)))
        self._kept[name].append((source, kept))
        return kept

    def _filled(self, x: Any) -> Any:
        if not hasattr(x, "toarray"):
            return x
        size = x.shape[0] * x.shape[1] * np.dtype(self._network.dtype).itemsize
        if size > LARGEST_FILLED:
            raise EngineError(
                f"The xla engine fills in sparse rows with zeros, which would be "
                f"{size / 2**30:.1f} GiB here. The native engine reads them as they are: use "
                f"engine='native', or set a memory budget, so that they go to the device in parts."
            )
        return x.toarray()


class Whole:
    """All rows, as one piece of data."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def at(self, position: int, size: int) -> Data:
        """Return all of them."""
        return self.data

    def stop(self, position: int) -> int:
        """Return the end of the order."""
        return int(self.data.visits)


class Streamed:
    """A block's rows in the order of their visit, `rows` at a time, the next ones under way.

    Every piece has the shape of the others: what its end lacks repeats its last row and is not
    counted, and the steps of its sequences are filled up to a power of two.
    """

    def __init__(
        self,
        site: Site,
        network: Network,
        worker: ThreadPoolExecutor,
        block: Block,
        rows: int,
        size: int,
    ) -> None:
        self._site, self._network, self._worker = site, network, worker
        self._block, self._rows, self._size = block, rows, size
        self._pieces: dict[int, Future[Data]] = {}

    def is_of(self, block: Block, size: int) -> bool:
        """Whether these are the block's rows in its order."""
        own = self._block
        names = ("x", "y", "weights", "order", "first_row")
        alike = all(getattr(own, name) is getattr(block, name) for name in names[:-1])
        return alike and own.first_row == block.first_row and self._size == size

    def at(self, position: int, size: int) -> Data:
        """Return the piece that holds these rows, and let the one behind it be made."""
        start = self._start(position)
        stop = start + self._rows
        for place in (start, stop):
            if place not in self._pieces and place < self._block.visits:
                self._pieces[place] = self._worker.submit(self._piece, place)
        self._pieces = {p: made for p, made in self._pieces.items() if p in (start, stop)}
        return self._pieces[start].result()

    def stop(self, position: int) -> int:
        """Return where the piece at a position ends."""
        return min(self._start(position) + self._rows, self._block.visits)

    def _start(self, position: int) -> int:
        """Return where the piece begins; at the position where batches do not meet its borders."""
        for start in self._pieces:
            if start <= position < start + self._rows and (position - start) % self._size == 0:
                return start
        return position

    def _piece(self, start: int) -> Data:
        block, network = self._block, self._network
        own = block.visited(start, start + self._rows)
        # the last piece is filled up, so that it has the shape of the others
        rows = own[np.minimum(np.arange(self._rows), len(own) - 1)]
        weights = None if block.weights is None else block.weights[rows]
        starts = lengths = None
        if isinstance(block.x, Sequences):
            part, every = block.x[rows], network.readout == "every"
            x = _filled_up(part.values)
            y = _filled_up(block.y[block.x.places(rows)]) if every else block.y[rows]
            starts, lengths = part.starts[:-1], part.lengths
        else:
            x, y = dense_inputs(block, rows), block.y[rows]
        arrays: Any = (x, y, weights, rows, np.arange(len(rows)), starts, lengths)
        numbers: Any = (
            np.int32(start),
            np.int32(block.visits),
            np.uint32(block.first_row & 0xFFFFFFFF),
        )
        with precision(network.dtype):
            put = self._site.put
            placed: Any = [None if a is None else put(_narrow(np.asarray(a))) for a in arrays]
        return Data(*placed, *numbers)


def _filled_up(values: np.ndarray) -> np.ndarray:
    """Return rows with the last one repeated behind, so that few sizes are met."""
    places = np.minimum(np.arange(bucket(len(values))), len(values) - 1)
    return values[places]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return all(a is b for a, b in zip(one, other, strict=True))
    return one is other


def _narrow(array: np.ndarray) -> np.ndarray:
    """Return places and class codes in 32 bits; numbers of the network as they are."""
    return array.astype(np.int32) if np.issubdtype(array.dtype, np.integer) else array
