"""How sure a figure is: the bootstrap over rows, and Wilson's interval of a share.

The bootstrap (Efron 1979) draws n of n rows with replacement, many times; the interval holds the
middle 95 % of what a measure then comes to (percentile method). A draw is the number of times that
each row came, so that a measure of it is a weighted one, and two models on one draw are compared
row by row. Where rows belong to groups, whole groups are drawn.

Public names: `Interval`, `draws`, `middle`, `wilson`.
May import: NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

SHARE = 0.95
# the standard normal's 97.5 % quantile
Z = 1.959963984540054
# counts that are held at a time
AT_ONCE = 4_000_000


class Interval(NamedTuple):
    """The ends of an interval; NaN where there is none."""

    low: float
    high: float


def draws(
    rows: int, count: int, seed: int, groups: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Yield (some, rows) arrays of how often each row came in a draw, `count` draws in all.

    Parameters
    ----------
    groups : (rows,) array of int, optional
        Codes from 0; rows of one group come together.
    """
    generator = np.random.Generator(np.random.Philox(seed))
    units = rows if groups is None else int(groups.max()) + 1
    some = max(1, min(count, AT_ONCE // rows))
    for first in range(0, count, some):
        wanted = min(some, count - first)
        drawn = generator.integers(units, size=(wanted, units))
        drawn += units * np.arange(wanted)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=wanted * units).reshape(wanted, units)
        yield (counts if groups is None else counts[:, groups]).astype(np.float64)


def middle(values: np.ndarray) -> Interval:
    """Return the middle 95 % of drawn values; those that could not be had are left out."""
    known = values[np.isfinite(values)]
    if len(known) < len(values) / 2:
        return Interval(math.nan, math.nan)
    low, high = np.quantile(known, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(low), float(high))


def wilson(hits: int, n: int) -> Interval:
    """Return Wilson's 95 % interval (1927) of a share of `hits` in `n` independent rows.

    (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n)
    """
    if n == 0:
        return Interval(math.nan, math.nan)
    share, slack = hits / n, Z * Z / n
    centre = share + slack / 2
    reach = Z * math.sqrt(share * (1 - share) / n + slack / (4 * n))
    low, high = (centre - reach) / (1 + slack), (centre + reach) / (1 + slack)
    return Interval(0.0 if hits == 0 else low, 1.0 if hits == n else high)
