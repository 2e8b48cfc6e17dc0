"""Numbers on the device: their precision, how they get there, and what is kept there.

JAX computes in float32 unless told otherwise, for the whole process. `precision` tells it for the
calls inside a `with` block on this thread only, so that a network in float64 and somebody else's
JAX code in float32 live side by side.

Public names: `Resident`, `bucket`, `placed`, `precision`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import jax
import numpy as np

from clearprop.engines.contracts import Block
from clearprop.engines.sequences import Sequences
from clearprop.engines.xla.batches import Data
from clearprop.errors import EngineError
from clearprop.network import Network

# bytes up to which sparse rows are filled in with zeros on the device
LARGEST_FILLED = 4 << 30
# what fewer rows or steps are filled up to
FEWEST = 8


def precision(dtype: str) -> AbstractContextManager[Any]:
    """Hold JAX to a network's precision inside the block, on this thread alone."""
    return jax.enable_x64(dtype == "float64")


def placed(value: Any) -> Any:
    """Return a tree of arrays as copies on the device, which nobody else writes to."""
    return jax.tree.map(lambda array: jax.numpy.array(array, copy=True), value)


def bucket(count: int, most: int | None = None) -> int:
    """Return the next power of two from `FEWEST` on, so that few shapes are compiled; or `most`."""
    size = max(FEWEST, 1 << (count - 1).bit_length())
    return size if most is None else min(most, size)


class Resident:
    """The block that was used last, on the device.

    It is known by its arrays: another array is another block, and numbers that are changed in place
    are not noticed.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._kept: dict[str, tuple[Any, Any]] = {}

    def of(self, block: Block) -> Data:
        """Return a block's arrays on the device, moving those that are not there yet."""
        x = block.x
        sequences = isinstance(x, Sequences)
        return Data(
            self._moved("x", x, lambda: x.values if sequences else self._filled(x)),
            self._moved("y", block.y, lambda: block.y),
            self._moved("weights", block.weights, lambda: block.weights),
            self._moved("order", (block.order, x), lambda: block.visited(0, block.visits)),
            self._moved("starts", x, lambda: x.starts[:-1]) if sequences else None,
            self._moved("lengths", x, lambda: x.lengths) if sequences else None,
            np.uint32(block.first_row & 0xFFFFFFFF),
        )

    def _moved(self, name: str, source: Any, array: Any) -> Any:
        known, kept = self._kept.get(name, (self, None))
        if not _same(known, source):
            found = array()
            kept = None if found is None else placed(_narrow(np.asarray(found)))
            self._kept[name] = source, kept
        return kept

    def _filled(self, x: Any) -> Any:
        if not hasattr(x, "toarray"):
            return x
        size = x.shape[0] * x.shape[1] * np.dtype(self._network.dtype).itemsize
        if size > LARGEST_FILLED:
            raise EngineError(
                f"The xla engine fills in sparse rows with zeros, which would be "
                f"{size / 2**30:.1f} GiB here. The native engine reads them as they are: use "
                f"engine='native', or hand over parts of the rows."
            )
        return x.toarray()


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return all(a is b for a, b in zip(one, other, strict=True))
    return one is other


def _narrow(array: np.ndarray) -> np.ndarray:
    """Return places and class codes in 32 bits; numbers of the network as they are."""
    return array.astype(np.int32) if np.issubdtype(array.dtype, np.integer) else array
