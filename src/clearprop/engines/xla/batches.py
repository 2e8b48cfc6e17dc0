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
from clearprop.engines.xla.site import WHOLE, Share
from clearprop.network import Network


class Data(NamedTuple):
    """A block on the device, or the rows of some places of its order.

    Attributes
    ----------
    x : (rows, inputs) array; of sequences (steps of all, inputs)
    y : (rows, outputs) array, or (rows,) class codes
    weights : (rows,) array or None
    order : (k,) int array
        The block's rows at places of the order from `first` on.
    places : (k,) int array or None
        Where each of them stands in `x`; None where it stands at its number in the block.
    starts, lengths : (sequences,) int arrays or None
    first : int32
    visits : int32
        Places of the whole order.
    first_row : uint32
    """

    x: Any
    y: Any
    weights: Any
    order: Any
    places: Any
    starts: Any
    lengths: Any
    first: Any
    visits: Any
    first_row: Any


class Batch(NamedTuple):
    """What a step reads.

    Attributes
    ----------
    rows : (n,) int array
        Rows of the block.
    places : (n,) int array
        Where they stand in the data.
    x : (n, inputs) array; of sequences (N, inputs); with members (members · n, inputs)
    y : (outputs rows, outputs) array
    c : (outputs rows,) array
        Coefficients; 0 for what is not there.
    total : number
        The sum of weights of the whole batch.
    there : int
        How many rows are there.
    grid : Grid or None
    """

    rows: Any
    places: Any
    x: Any
    y: Any
    c: Any
    total: Any
    there: Any
    grid: Grid | None = None


def dense_batch(
    network: Network,
    data: Data,
    position: Any,
    size: int,
    normaliser: Any = None,
    share: Share = WHOLE,
) -> Batch:
    """Return the rows at `size` places of the order from `position` on, or a share of them.

    `normaliser` is the sum of weights of a larger whole, where the batch is part of one.
    """
    rows, places, there = _rows(data, position, size, share)
    weights = _weights(network, data, places) * there
    total = share.sum(jnp.sum(weights))
    c = eq.coefficients(jnp, weights, total if normaliser is None else normaliser)
    c = (c / network.members).astype(network.dtype)
    x, y = data.x[places], targets(network, data.y[places])
    x, y, c = (for_members(array, network.members) for array in (x, y, c))
    return Batch(rows, places, x, y, c, total, jnp.sum(there))


def sequence_batch(
    network: Network,
    data: Data,
    position: Any,
    size: int,
    steps: int,
    begin: Any = 0,
    normaliser: Any = None,
    share: Share = WHOLE,
) -> Batch:
    """Return `steps` steps from `begin` on of the sequences at places of the order."""
    rows, places, there = _rows(data, position, size, share)
    lengths = jnp.clip(data.lengths[places] - begin, 0, steps) * there
    grid = Grid(lengths, steps)
    # a step that a sequence does not have is its last one
    step = jnp.minimum(begin + grid.step, data.lengths[places][grid.place] - 1)
    values = data.starts[places][grid.place] + step
    weights = _weights(network, data, places) * (lengths > 0)
    read = places
    if network.readout == "every":
        weights, read = weights[grid.place] * grid.counted[:, 0], values
    total = share.sum(jnp.sum(weights))
    c = eq.coefficients(jnp, weights, total if normaliser is None else normaliser)
    y = targets(network, data.y[read])
    c, there = c.astype(network.dtype), jnp.sum(lengths > 0)
    return Batch(rows, places, data.x[values], y, c, total, there, grid)


def for_members(rows: Any, members: int) -> Any:
    """Return rows once for each member, one member's behind another's."""
    return rows if members == 1 else jnp.concatenate([rows] * members)


def targets(network: Network, y: Any) -> Any:
    """Return smoothed targets, (n, outputs); class codes become one-hot rows."""
    if y.ndim == 1:
        y = (y[:, None] == jnp.arange(network.outputs)).astype(network.dtype)
    return network.objective.smooth(jnp, y).astype(network.dtype)


def _rows(data: Data, position: Any, size: int, share: Share) -> tuple[Any, Any, Any]:
    """Return a share's rows, where they stand in the data, and whether they are there."""
    count = share.rows_of(size)
    offset = share.index * count + jnp.arange(count)
    there = (offset < size) & (position + offset < data.visits)
    begin = position - data.first
    index = jnp.where(there, begin + offset, begin)
    rows = data.order[index]
    return rows, rows if data.places is None else data.places[index], there


def _weights(network: Network, data: Data, places: Any) -> Any:
    if data.weights is None:
        return jnp.ones(places.shape, dtype=network.dtype)
    return data.weights[places]
