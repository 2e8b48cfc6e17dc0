"""A batch brought together on the device: the rows at some places of the order, and what belongs.

All of this runs inside a compiled program, where a batch has one shape. Where the order ends before
the batch is full, its first row stands in the places that are left, with a coefficient of 0.

Public names: `Batch`, `Data`, `dense_batch`, `for_members`, `sequence_batch`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from clearprop import equations as eq
from clearprop.engines.xla.grid import Grid
from clearprop.network import Network


class Data(NamedTuple):
    """A block on the device.

    Attributes
    ----------
    x : (rows, inputs) array; of sequences (steps of all, inputs)
    y : (rows, outputs) array, or (rows,) class codes
    weights : (rows,) array or None
    order : (visits,) int array
    starts, lengths : (sequences,) int arrays or None
    first_row : uint32
    """

    x: Any
    y: Any
    weights: Any
    order: Any
    starts: Any
    lengths: Any
    first_row: Any


class Batch(NamedTuple):
    """What a step reads.

    Attributes
    ----------
    rows : (n,) int array
        Rows of the block.
    x : (n, inputs) array; of sequences (N, inputs); with members (members · n, inputs)
    y : (outputs rows, outputs) array
    c : (outputs rows,) array
        Coefficients; 0 for what is not there.
    total : number
        Their sum of weights.
    there : int
        How many rows are there.
    grid : Grid or None
    """

    rows: Any
    x: Any
    y: Any
    c: Any
    total: Any
    there: Any
    grid: Grid | None = None


def dense_batch(
    network: Network, data: Data, position: Any, size: int, normaliser: Any = None
) -> Batch:
    """Return the rows at `size` places of the order from `position` on.

    `normaliser` is the sum of weights of a larger whole, where the batch is part of one.
    """
    rows, there = _rows(data, position, size)
    weights = _weights(network, data, rows) * there
    total = jnp.sum(weights)
    c = eq.coefficients(jnp, weights, total if normaliser is None else normaliser)
    c = (c / network.members).astype(network.dtype)
    x, y = data.x[rows], targets(network, data.y[rows])
    x, y, c = (for_members(array, network.members) for array in (x, y, c))
    return Batch(rows, x, y, c, total, jnp.sum(there))


def sequence_batch(
    network: Network,
    data: Data,
    position: Any,
    size: int,
    steps: int,
    begin: Any = 0,
    normaliser: Any = None,
) -> Batch:
    """Return `steps` steps from `begin` on of the sequences at places of the order."""
    rows, there = _rows(data, position, size)
    lengths = jnp.clip(data.lengths[rows] - begin, 0, steps) * there
    grid = Grid(lengths, steps)
    # a step that a sequence does not have is its last one
    step = jnp.minimum(begin + grid.step, data.lengths[rows][grid.place] - 1)
    places = data.starts[rows][grid.place] + step
    weights = _weights(network, data, rows) * (lengths > 0)
    read = rows
    if network.readout == "every":
        weights, read = weights[grid.place] * grid.counted[:, 0], places
    total = jnp.sum(weights)
    c = eq.coefficients(jnp, weights, total if normaliser is None else normaliser)
    y = targets(network, data.y[read])
    return Batch(
        rows, data.x[places], y, c.astype(network.dtype), total, jnp.sum(lengths > 0), grid
    )


def for_members(rows: Any, members: int) -> Any:
    """Return rows once for each member, one member's behind another's."""
    return rows if members == 1 else jnp.concatenate([rows] * members)


def targets(network: Network, y: Any) -> Any:
    """Return smoothed targets, (n, outputs); class codes become one-hot rows."""
    if y.ndim == 1:
        y = (y[:, None] == jnp.arange(network.outputs)).astype(network.dtype)
    return network.objective.smooth(jnp, y).astype(network.dtype)


def _rows(data: Data, position: Any, size: int) -> tuple[Any, Any]:
    """Return the rows and whether they are there, (size,) each."""
    places = position + jnp.arange(size)
    there = places < data.order.shape[0]
    return data.order[jnp.where(there, places, position)], there


def _weights(network: Network, data: Data, rows: Any) -> Any:
    if data.weights is None:
        return jnp.ones(rows.shape, dtype=network.dtype)
    return data.weights[rows]
