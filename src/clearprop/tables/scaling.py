"""Numbers on a common scale: standardised, or scaled robustly and clipped smoothly.

=========== =======================================================================================
"standard"  (x − mean) / standard deviation
"robust"    z = (x − median) / s, then y = z / √(1 + (z / 3)²), which is z near 0 and stays within
            ±3. s is the distance between the quartiles; where that is 0, half the range. The way
            back is z = y / √(1 − (y / 3)²) and x = median + s z.
=========== =======================================================================================

The robust scale is that of RealMLP (Holzmüller, Grinsztajn and Steinwart, 2024): a few values far
out neither squeeze the rest together nor reach the network as they are.

Public names: `CLIP`, `FAR`, `Scaling`, `robust_scale`, `scaled`. Imports NumPy only.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Scaling = Literal["robust", "standard"]

CLIP = 3.0
"""The bound that smoothly clipped values approach."""

FAR = 1e100  # its square is finite, and clipped it is the bound to the last bit


def robust_scale(minimum: float, lower: float, upper: float, maximum: float) -> float:
    """Choose s by a column's extremes and quartiles: (q₃ − q₁), else half the range, else 1."""
    # half of the smallest number is 0, hence the whole range behind it
    return (upper - lower) or (maximum - minimum) / 2 or (maximum - minimum) or 1.0


def scaled(values: np.ndarray, centre: float, scale: float, scaling: Scaling) -> np.ndarray:
    """Put values (n,) on the common scale; NaN stays NaN, and so does infinity where not clipped.

    Returns a new array (n,), float64.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        z = values - centre
        z /= scale
    if scaling == "robust":
        np.clip(z, -FAR, FAR, out=z)
        root = z / CLIP
        root *= root
        root += 1.0
        z /= np.sqrt(root, out=root)
    return z
