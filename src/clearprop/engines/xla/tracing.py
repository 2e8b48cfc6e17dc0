"""Traces of the xla engine: the reference engine's, with both passes run by XLA.

What a batch is, the terms of the update and how a Trace is put together are the reference engine's;
every array of the passes, and so the gradient, is what the compiled program computed.

Public names: `SequenceTracer`, `Tracer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from clearprop import equations as eq
from clearprop.engines.reference import ReferenceEngine
from clearprop.engines.reference_sequences import SequenceReferenceEngine
from clearprop.engines.sequence_batches import SequenceBatch
from clearprop.engines.sequences import Packing
from clearprop.engines.unrolled import SequenceGradients, SequencePass
from clearprop.engines.xla.device import bucket
from clearprop.engines.xla.programs import passes

Chooser = Callable[[int, int], Any]


class Tracer(ReferenceEngine):
    """Traces of rows. `kind` gives the program's kind, from the steps and rows of a grid."""

    name = "xla"
    kind: Chooser

    def _passes(
        self, vector: np.ndarray, x: Any, y: Any, c: Any, masks: list[Any], carrier: eq.Carrier
    ) -> tuple[eq.Pass, eq.Gradients]:
        members = self.network.members
        rows = len(x) // members
        size = bucket(rows)
        given = [_filled_up(value, size, members) for value in (x, y)]
        # what fills up has no part in the loss
        coefficients = np.zeros((members, size), dtype=c.dtype)
        coefficients[:, :rows] = c.reshape(members, rows)
        masks = [None if mask is None else _filled_up(mask, size, members) for mask in masks]
        found = passes(self.kind(0, size))(vector, *given, coefficients.ravel(), masks)
        saved, gradients = jax.tree.map(np.asarray, found)

        def cut(arrays: list[Any]) -> list[Any]:
            each = [array.reshape(members, size, -1)[:, :rows] for array in arrays]
            return [array.reshape(members * rows, -1) for array in each]

        return (
            eq.Pass(cut(saved.inputs), cut(saved.z), cut(saved.a)),
            eq.Gradients(cut(gradients.delta), gradients.vector, cut(gradients.error)),
        )


def _filled_up(array: np.ndarray, size: int, members: int) -> np.ndarray:
    """Return an array of `size` rows a member: after its own its first one again and again."""
    own = array.reshape(members, len(array) // members, *array.shape[1:])
    filling = np.broadcast_to(own[:, :1], (members, size - own.shape[1], *array.shape[1:]))
    return np.concatenate([own, filling], axis=1).reshape(members * size, *array.shape[1:])


class SequenceTracer(SequenceReferenceEngine):
    """Traces of sequences."""

    name = "xla"
    kind: Chooser

    def _sequence_passes(
        self, vector: np.ndarray, batch: SequenceBatch, masks: list[Any], start: Any
    ) -> tuple[SequencePass, SequenceGradients]:
        packing, n = batch.packing, len(batch.packing.lengths)
        steps = bucket(packing.steps)
        x, y, c = _to_grid(batch.x, packing, steps), batch.y, batch.c
        if self.network.readout == "every":
            y, c = _to_grid(y, packing, steps), _to_grid(c, packing, steps)
        kind = self.kind(steps, n)
        lengths = packing.lengths.astype(np.int32)
        found = passes(kind)(vector, x, y, c, masks, start, lengths)
        saved, gradients = jax.tree.map(np.asarray, found)
        return _from_grid(saved, gradients, packing)


def _to_grid(rows: np.ndarray, packing: Packing, steps: int) -> np.ndarray:
    """Return rows (N, …) at their places in a grid, (steps · n, …)."""
    n = len(packing.lengths)
    grid = np.zeros((steps * n, *rows.shape[1:]), dtype=rows.dtype)
    grid[_grid_rows(packing)] = rows
    if rows.ndim == 1:  # coefficients: what is not there has none
        return grid
    # a step that a sequence does not have is its last one
    step = np.minimum(np.arange(steps)[:, None], packing.lengths - 1)
    return grid[(step * n + np.arange(n)).ravel()]


def _grid_rows(packing: Packing) -> np.ndarray:
    """Return the row of a grid in which each row of a packing stands, (N,)."""
    return packing.step * len(packing.lengths) + packing.place


def _from_grid(
    saved: SequencePass, gradients: SequenceGradients, packing: Packing
) -> tuple[SequencePass, SequenceGradients]:
    """Return both passes with rows as a packing lays them out."""
    places, n = _grid_rows(packing), len(packing.lengths)

    def packed(array: Any) -> Any:
        return array if array is None or len(array) == n else array[places]

    def each(arrays: list[Any]) -> list[Any]:
        return [packed(array) for array in arrays]

    ways = [
        tuple(type(way)(*(jax.tree.map(packed, part) for part in way)) for way in layer)
        for layer in saved.ways
    ]
    new = SequencePass(each(saved.inputs), each(saved.z), each(saved.a), ways)
    return new, gradients._replace(
        delta=each(gradients.delta),
        fed_back=each(gradients.fed_back),
        error=each(gradients.error),
        inputs=packed(gradients.inputs),
    )
