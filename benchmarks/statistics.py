"""Numbers about numbers: medians with quartiles, slopes on a log-log scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Spread:
    """The median of some measurements, their quartiles, their least, and how many they are."""

    median: float
    low: float
    high: float
    least: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Summarise values."""
        low, median, high = np.percentile(values, (25, 50, 75))
        return cls(float(median), float(low), float(high), float(min(values)), len(values))


def log_slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the slope of log y over log x by least squares: y ~ x^slope."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
