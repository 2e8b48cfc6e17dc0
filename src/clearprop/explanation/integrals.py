"""Integrated gradients: one rule for rows and for sequences.

What the inputs x did to an output a, beside what it is for a baseline x⁰ (Sundararajan, Taly and
Yan 2017), is the slope ∂a/∂x taken on the whole straight way from the one to the other:

    φ = (x - x⁰) ⊙ ∫₀¹ ∂a/∂x (x⁰ + s (x - x⁰)) ds        Σ φ = a(x) - a(x⁰)

The integral is a sum over Gauss-Legendre nodes, and that φ adds up, its *completeness*, says
whether there were enough of them.

Public name: `mean_slope`.
May import: NumPy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def mean_slope(
    slopes_at: Callable[[np.ndarray], np.ndarray], nodes: int, at_once: int
) -> np.ndarray:
    """Return ∫₀¹ slopes(s) ds, of the shape of one node's slopes.

    Parameters
    ----------
    slopes_at : callable
        Takes shares of the way, (m,), and returns the slopes there, (m, …).
    nodes : int
        How many of them.
    at_once : int
        m at most.
    """
    places, weights = np.polynomial.legendre.leggauss(nodes)
    shares, weights = (places + 1) / 2, weights / 2
    parts = (
        np.tensordot(weights[i : i + at_once], slopes_at(shares[i : i + at_once]), axes=1)
        for i in range(0, nodes, at_once)
    )
    total = next(parts)
    for part in parts:
        total = total + part
    return np.asarray(total)
