"""When each part of a step ended, as the kernel stamps it.

A stamp is two numbers (see `low_level.stamp`); each part has its place in a row of stamps, in the
order of the step. A part that a job leaves out has a stamp of 0; so has one that a kernel does in
one pass with another, under whose name both then stand: for single samples a of a layer with z
(apart from a softmax), BP3 and BP4 with the update.

    0          the step begins
    1          the batch is gathered
    2 + 2i     z of layer i (from 0)          3 + 2i     a of layer i
    2 + 2L     the loss and δ^L
    then for each layer i, from the last to the first:  BP3 (with turning δ), BP4, δ of layer i - 1
    3 + 5L     the update

Public names: the places below, `places`, `part_times`.
"""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.low_level import STAMP_UNITS, part
from clearprop.engines.timing import PartTime

BEGIN, GATHERED = np.int64(0), np.int64(1)


@part()
def weighted_input(index):
    """Return the place of z of a layer, from 0."""
    return 2 + 2 * index


@part()
def activation(index):
    """Return the place of a of a layer, from 0."""
    return 3 + 2 * index


@part()
def loss(layers):
    """Return the place of the loss."""
    return 2 + 2 * layers


@part()
def gradients(layers, index):
    """Return the place of BP3 of a layer; BP4 and the δ before it are the next two."""
    return 3 + 2 * layers + 3 * (layers - 1 - index)


@part()
def update(layers):
    """Return the place of the update."""
    return 3 + 5 * layers


def places(layers: int) -> list[tuple[str, int]]:
    """Return (part, layer) of each place, layers from 1 and 0 where none is meant."""
    forward = [(name, layer) for layer in range(1, layers + 1) for name in ("z", "a")]
    backward = [
        pair
        for layer in range(layers, 0, -1)
        for pair in (("bp3", layer), ("bp4", layer), ("delta", layer - 1))
    ]
    return [("", 0), ("gather", 0), *forward, ("loss", 0), *backward, ("update", 0)]


def part_times(stamps: np.ndarray) -> list[PartTime]:
    """Return how long each part took, from the stamps of one step, (2 places,)."""
    seconds = stamps.reshape(-1, 2).astype(np.float64) @ np.array(STAMP_UNITS)
    layers = (len(seconds) - 4) // 5
    found, before = [], seconds[0]
    for (name, layer), at in zip(places(layers)[1:], seconds[1:], strict=True):
        if at:
            found.append(PartTime(name, layer, float(at - before)))
            before = at
    return found
