"""The waves of a periodic layer: value and derivative, side by side.

    φ = 2π (f x + p),   value cos φ,   derivative -sin φ

φ is an angle in radians; f counts turns per unit of x, and p is in turns.
"""

from __future__ import annotations

import math
from typing import Any


def angles(x: Any, f: Any, p: Any) -> Any:
    """φ = 2π (f x + p): (n, columns), (columns, frequencies) → (n, columns, frequencies)."""
    return (2 * math.pi) * (x[..., None] * f + p)


def value(xp: Any, phi: Any) -> Any:
    """cos φ."""
    return xp.cos(phi)


def derivative(xp: Any, phi: Any) -> Any:
    """∂(cos φ)/∂φ = -sin φ."""
    return -xp.sin(phi)


def mixed(xp: Any, c: Any, W: Any, b: Any) -> Any:
    """v = B c + b, column by column, with B a column's block of W.

    (n, columns, frequencies), (columns · made, frequencies), (columns · made,) →
    (n, columns, made).
    """
    columns = c.shape[1]
    B = W.reshape(columns, -1, W.shape[-1])
    return xp.einsum("ncf,cmf->ncm", c, B) + b.reshape(columns, -1)
