"""Whether prediction intervals hold: whether of those for nine in ten rows, nine in ten do.

Public names: `Coverage`, `coverage_of`.
May import: `resampling`, `clearprop.errors`, NumPy, Polars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from clearprop.errors import DataError
from clearprop.reporting.resampling import Interval, wilson

# what the intervals are to hold, each beside the others
ASKED = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Coverage:
    """Intervals of one coverage on rows that were held out, all targets together.

    Attributes
    ----------
    asked : float
        The share of rows whose truth the intervals are to hold.
    held : float
        The share whose truth they hold.
    interval : Interval
        Wilson's 95 % interval of that share.
    width : float
        Half of the intervals are narrower; NaN where there are several targets.
    """

    asked: float
    held: float
    interval: Interval
    width: float


def coverage_of(model: Any, frame: pl.DataFrame, truth: np.ndarray) -> tuple[Coverage, ...]:
    """Return how often a regressor's intervals hold; nothing where it has none.

    Parameters
    ----------
    frame : table of n rows
    truth : (n, targets) array
    """
    if not getattr(model, "errors_", ()):
        return ()
    found = []
    for asked in ASKED:
        try:
            ends = model.predict_interval(frame, coverage=asked)
        except DataError:
            # too few validation rows to promise so much
            break
        ends = np.asarray(ends, dtype=np.float64).reshape(*truth.shape, 2)
        inside = (ends[..., 0] <= truth) & (truth <= ends[..., 1])
        single = truth.shape[1] == 1
        width = float(np.median(ends[..., 1] - ends[..., 0])) if single else float("nan")
        reach = wilson(int(inside.sum()), inside.size)
        found.append(Coverage(asked, float(inside.mean()), reach, width))
    return tuple(found)
