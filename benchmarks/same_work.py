"""Whether all compute the same: losses of the first steps, held against the median of the peers.

Losses, relative to the largest, may differ by `TOLERANCE`: float32 keeps seven digits and twenty
steps lose one or two. The placement of Adam's ε, in which scikit-learn and Keras differ from the
others, is far below that (ε is 1e-8). A wrong rate, start, order or rule is far above it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

TOLERANCE = 1e-4
STEPS = 20


class DifferentWorkError(Exception):
    """Some peers compute something else than the rest, so that their times say nothing."""


def check(losses: Mapping[str, Sequence[float]], where: str) -> float:
    """Return the largest relative difference; DifferentWorkError names who is beyond the bound.

    Peers whose losses are NaN do not report comparable ones and are passed over.
    """
    known = {name: np.asarray(row) for name, row in losses.items() if not np.isnan(row).all()}
    if not known:
        return 0.0
    middle = np.median(list(known.values()), axis=0)
    scale = np.abs(middle).max()
    apart = {name: float(np.abs(row - middle).max() / scale) for name, row in known.items()}
    # a NaN among numbers counts as different
    wrong = [f"{name} by {d:.1e}" for name, d in apart.items() if not d <= TOLERANCE]
    if wrong:
        raise DifferentWorkError(
            f"{where}: losses of the first steps differ from the median of all peers, relative to "
            f"the largest, by more than {TOLERANCE:g}: {'; '.join(wrong)}."
        )
    return max(apart.values())
