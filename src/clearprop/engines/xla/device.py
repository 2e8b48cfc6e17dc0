"""Numbers on the device: their precision, and the few shapes that they have.

JAX computes in float32 unless told otherwise, for the whole process. `precision` tells it for the
calls inside a `with` block on this thread only, so that a network in float64 and somebody else's
JAX code in float32 live side by side.

Public names: `bucket`, `precision`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import jax

# what fewer rows or steps are filled up to
FEWEST = 8


def precision(dtype: str) -> AbstractContextManager[Any]:
    """Hold JAX to a network's precision inside the block, on this thread alone."""
    return jax.enable_x64(dtype == "float64")


def bucket(count: int, most: int | None = None) -> int:
    """Return the next power of two from `FEWEST` on, so that few shapes are compiled; or `most`."""
    size = max(FEWEST, 1 << (count - 1).bit_length())
    return size if most is None else min(most, size)
