"""The largest of all paths, and the sum of all, without walking along each.

Paths run from the ends at the loss, unit by unit and layer by layer, to one unit. A path's product
is that of an end and of a link between each two layers,

    end[o, p] · link[o, m] · link[m, …] · … ,     link[v, u] = ∂z_v/∂z_u = s w_vu f'(z_u).

Where a layer does not join all units before it to all of its own, its link is NaN between those
that it does not: no path runs there.

Sums over all paths go through the layers as back-propagation does. So do the k largest: the k
largest that reach a unit continue k largest of a unit before (k-best dynamic programming), and only
the k units of largest best continuation can take part. A layer of U units after one of V costs
O(U (V + k²)).

Public names: `count_of`, `sum_of`, `largest`.
May import: NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# candidates that are held at once
CHUNK = 1 << 21


class _Best(NamedTuple):
    """The largest products that reach each unit: (units, k), and where they come from."""

    products: np.ndarray
    unit: np.ndarray
    rank: np.ndarray


def count_of(ends: np.ndarray, joined: Sequence[np.ndarray | tuple[int, int]]) -> int:
    """Return how many paths there are; an int of any size.

    Parameters
    ----------
    ends : (outputs, ends) array
    joined : sequence of (units of the layer after, units) bool arrays
        Which units are joined; or the shape alone, where all are.
    """
    counts = [ends.shape[1]] * ends.shape[0]
    for link in joined:
        if isinstance(link, tuple):
            counts = [sum(counts)] * link[1]
        else:
            pairs = [np.flatnonzero(column) for column in link.T]
            counts = [sum(counts[unit] for unit in units) for units in pairs]
    return sum(counts)


def sum_of(ends: np.ndarray, links: Sequence[np.ndarray]) -> float:
    """Return the sum of all paths into the one unit that the last link leads to.

    Parameters
    ----------
    ends : (outputs, ends) array
    links : sequence of (units of the layer after, units) arrays
        From the output backwards, with 0 where units are not joined. The last has one column;
        without links, `ends` has one row.
    """
    total = ends.sum(axis=1)
    for link in links:
        total = total @ link
    return float(total.sum())


def largest(
    ends: np.ndarray, links: Sequence[np.ndarray], count: int
) -> list[tuple[int, tuple[int, ...]]]:
    """Return the paths of largest absolute product, largest first.

    Each is (end, units), the units from the output backwards, without the last, to which all lead.
    Arguments are those of `sum_of`, with NaN where units are not joined, and at most as many paths
    as there are.
    """
    order = _top(ends, min(count, ends.shape[1]))
    best = _Best(np.take_along_axis(ends, order, axis=1), np.zeros_like(order), order)
    levels = [best]
    for link in links:
        best = _before(best.products, link, count)
        levels.append(best)
    return [_walk(levels, rank) for rank in range(best.products.shape[1])]


def _before(products: np.ndarray, link: np.ndarray, count: int) -> _Best:
    """Take the best products, (V, k), one layer back along a link, (V, U)."""
    # a unit whose best continuation is not among the `count` largest has none among them
    leading = np.abs(link * products[:, :1])
    units = _top(leading.T, min(count, len(link)))
    size = units.shape[1] * products.shape[1]
    kept = min(count, size)
    parts = []
    step = max(1, CHUNK // size)
    for start in range(0, link.shape[1], step):
        rows = units[start : start + step]
        weights = link[rows, np.arange(start, start + len(rows))[:, None]]
        candidates = (products[rows] * weights[:, :, None]).reshape(len(rows), size)
        order = _top(candidates, kept)
        unit = np.take_along_axis(rows, order // products.shape[1], axis=1)
        parts.append(
            _Best(np.take_along_axis(candidates, order, axis=1), unit, order % products.shape[1])
        )
    return _Best(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _top(values: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the entries of largest size in each row, largest first."""
    sizes = -np.abs(values)
    if count < values.shape[1]:
        places = np.sort(np.argpartition(sizes, count - 1, axis=1)[:, :count], axis=1)
    else:
        places = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    # stable, so that of two of one size the first comes first
    order = np.argsort(np.take_along_axis(sizes, places, axis=1), axis=1, kind="stable")
    return np.take_along_axis(places, order, axis=1)


def _walk(levels: Sequence[_Best], rank: int) -> tuple[int, tuple[int, ...]]:
    """Follow a path from the one unit of the last level back to its end."""
    unit, units = 0, []
    for level in reversed(levels[1:]):
        unit, rank = int(level.unit[unit, rank]), int(level.rank[unit, rank])
        units.append(unit)
    return int(levels[0].rank[unit, rank]), tuple(reversed(units))
