"""Prediction intervals from the errors on rows that a network had not learned from.

Split conformal prediction: of n held-out rows, let q be the ⌈(n + 1) c⌉-th smallest |y - ŷ|. Then
ŷ ± q holds a new row's y with probability c or more, whatever the distribution, as long as held-out
and new rows are exchangeable (Vovk et al. 2005; Lei et al. 2018).

CV+, for networks of several folds: each held-out row i, whose error R_i was that of the network k
that had not seen it, proposes ŷ_k(x) - R_i and ŷ_k(x) + R_i for the new row x. The interval goes
from the ⌊(n + 1)(1 - c)⌋-th smallest of the lower ends to the ⌈(n + 1) c⌉-th smallest of the upper
ones. It holds y with probability 2c - 1 or more always, and about c in practice (Barber, Candès,
Ramdas and Tibshirani 2021).

The rows that chose the epoch are not quite new to a network; with a few hundred of them and more
that is not seen.

Public names: `interval`, `rank_for`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clearprop.errors import DataError, SettingError


def rank_for(coverage: float, rows: int) -> int:
    """Return ⌈(n + 1) c⌉.

    Raises
    ------
    SettingError
        The coverage is not between 0 and 1.
    DataError
        There are too few rows to promise so much.
    """
    if not 0 < coverage < 1:
        raise SettingError(f"coverage must lie between 0 and 1, but {coverage!r} came.")
    # 0.9 · 10 is 9 and not a little more
    rank = int(np.ceil(round((rows + 1) * coverage, 9)))
    if rank > rows:
        raise DataError(
            f"{rows} held-out rows can promise a coverage of {rows / (rows + 1):.3g} at most, but "
            f"{coverage:g} was asked for. Train on more rows, or take a lower coverage."
        )
    return rank


def interval(
    predictions: Sequence[np.ndarray], errors: Sequence[np.ndarray], coverage: float
) -> np.ndarray:
    """Return the lower and upper ends for one target, (n, 2).

    Parameters
    ----------
    predictions : sequence of (n,) arrays
        Of each network.
    errors : sequence of arrays
        For each network |y - ŷ| on the rows it had not seen, in rising order.
    """
    rank = rank_for(coverage, sum(len(known) for known in errors))
    if len(predictions) == 1:
        reach = errors[0][rank - 1]
        return np.stack([predictions[0] - reach, predictions[0] + reach], axis=1)
    upper = _smallest(predictions, errors, rank)
    # the r-th largest of the lower ends is minus the r-th smallest of what they are with minus
    lower = -_smallest([-values for values in predictions], errors, rank)
    return np.stack([lower, upper], axis=1)


def _smallest(centres: Sequence[np.ndarray], errors: Sequence[np.ndarray], rank: int) -> np.ndarray:
    """Return the rank-th smallest of all centre_k + R_i, for each row, (n,), by halving.

    At the end no two floats are between the bounds, so the upper one is that number but for its
    last bits.
    """
    low = np.min([c + known[0] for c, known in zip(centres, errors, strict=True)], axis=0)
    high = np.max([c + known[-1] for c, known in zip(centres, errors, strict=True)], axis=0)
    for _ in range(64):
        middle = low + (high - low) / 2
        below = sum(
            np.searchsorted(known, middle - c, side="right")
            for c, known in zip(centres, errors, strict=True)
        )
        enough = below >= rank
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high
