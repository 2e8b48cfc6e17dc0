"""When each part of a step ended, as the kernel for sequences stamps it; see `native.timing`.

    0          the step begins
    1          the batch is gathered
    2 + i      layer i (from 0) forward, through all of time
    2 + L      the loss and δ^L
    then each layer backward, with its gradients, from the last to the first
    3 + 2L     the update

Public names: the places below, `places`, `part_times`.
"""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.low_level import STAMP_UNITS, part
from clearprop.engines.timing import PartTime

BEGIN, GATHERED = np.int64(0), np.int64(1)


@part()
def forward(index):
    """Return the place of a layer's way forward, from 0."""
    return 2 + index


@part()
def loss(layers):
    """Return the place of the loss."""
    return 2 + layers


@part()
def backward(layers, index):
    """Return the place of a layer's way backward."""
    return 3 + layers + (layers - 1 - index)


@part()
def update(layers):
    """Return the place of the update."""
    return 3 + 2 * layers


def places(layers: int) -> list[tuple[str, int]]:
    """Return (part, layer) of each place, layers from 1 and 0 where none is meant."""
    forward_parts = [("forward", layer) for layer in range(1, layers + 1)]
    backward_parts = [("backward", layer) for layer in range(layers, 0, -1)]
    return [("", 0), ("gather", 0), *forward_parts, ("loss", 0), *backward_parts, ("update", 0)]


def part_times(stamps: np.ndarray) -> list[PartTime]:
    """Return how long each part took, from the stamps of one step, (2 places,)."""
    seconds = stamps.reshape(-1, 2).astype(np.float64) @ np.array(STAMP_UNITS)
    found, before = [], seconds[0]
    for (name, layer), at in zip(places((len(seconds) - 4) // 2)[1:], seconds[1:], strict=True):
        if at:
            found.append(PartTime(name, layer, float(at - before)))
            before = at
    return found
