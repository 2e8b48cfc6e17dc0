"""Losses of a batch and the output delta, by code: E_i of each sample and BP1.

Arrays are unit by unit: y, z, a and δ are (outputs, n); c, E and the sums are (n,).
The codes are the places of the names in `clearprop.functions.LOSSES`. Samples lie on the lanes, so
each pass runs over a stretch low ≤ i < high of the samples for one output after another.
"""

from __future__ import annotations

import math

import numpy as np

from clearprop.engines.native.low_level import part
from clearprop.engines.native.mathematics import FAST, clamp, exp, type_of
from clearprop.functions import LOSSES

CODES = {name: code for code, name in enumerate(LOSSES)}
HALF_SQUARED, MEAN_SQUARED, ABSOLUTE, HUBER, POISSON, BINARY_CROSS_ENTROPY, CROSS_ENTROPY = (
    CODES[name]
    for name in (
        "half_squared_error", "mean_squared_error", "absolute_error", "huber", "poisson",
        "binary_cross_entropy", "cross_entropy",
    )
)  # fmt: skip


@part(fastmath=FAST)
def _xlogx(y):
    return y * math.log(y) if y > 0 else y - y


@part(fastmath=FAST)
def matched_values(code, y, z, e, top, total, low, high):
    """E_i from z where loss and output activation are made for each other; see `functions.losses`.

    For cross-entropy `top` and `total` hold what `softmax` left there: log Σ e^z = top + log total.
    """
    units, low = len(z), max(low, 0)
    zero = type_of(e[0], 0.0)
    for i in range(low, high):
        e[i] = zero
    for j in range(units):
        for i in range(low, high):
            x, t = z[j, i], y[j, i]
            if code == CROSS_ENTROPY:
                e[i] += t * (top[i] - x)
            elif code == BINARY_CROSS_ENTROPY:
                e[i] += (zero if x < zero else x) + np.log1p(exp(-abs(x))) - t * x
            elif code == POISSON:
                e[i] += math.exp(x) - t * x + _xlogx(t) - t
            else:
                e[i] += type_of(x, 0.5) * (x - t) * (x - t)
    if code == CROSS_ENTROPY:
        for i in range(low, high):
            e[i] += math.log(total[i])


@part(fastmath=FAST)
def matched_delta(y, a, c, d, low, high):
    """δ^L = c (a - y): BP1 where loss and output activation are made for each other."""
    units, low = len(d), max(low, 0)
    for j in range(units):
        for i in range(low, high):
            d[j, i] = c[i] * (a[j, i] - y[j, i])


@part(fastmath=FAST)
def values_and_slopes(code, parameter, tiny, y, a, e, d, low, high):
    """E_i and ∇_a E from outputs a, for any pair; ∇_a E is left where δ will stand.

    `tiny` is the smallest normal number, which stands in for an output that underflowed.
    """
    zero, one, half = type_of(e[0], 0.0), type_of(e[0], 1.0), type_of(e[0], 0.5)
    units, low = len(a), max(low, 0)
    share = one / units
    for i in range(low, high):
        e[i] = zero
    for j in range(units):
        for i in range(low, high):
            x, t = a[j, i], y[j, i]
            error = x - t
            if code == HALF_SQUARED:
                e[i] += half * error * error
                slope = error
            elif code == MEAN_SQUARED:
                e[i] += share * error * error
                slope = (share + share) * error
            elif code == ABSOLUTE:
                e[i] += share * abs(error)
                slope = share * (one if error > zero else (-one if error < zero else error))
            elif code == HUBER:
                inner = clamp(error, -parameter, parameter)
                e[i] += share * abs(inner) * (abs(error) - half * abs(inner))
                slope = share * inner
            elif code == POISSON:
                x_up = tiny if x < tiny else x
                e[i] += x - t + _xlogx(t) - t * math.log(x_up)
                slope = one - t / x_up
            elif code == BINARY_CROSS_ENTROPY:
                x_up = tiny if x < tiny else x
                x_down = tiny if one - x < tiny else one - x
                e[i] -= t * math.log(x_up) + (one - t) * math.log(x_down)
                slope = (one - t) / x_down - t / x_up
            else:
                x_up = tiny if x < tiny else x
                e[i] -= t * math.log(x_up)
                slope = -t / x_up
            d[j, i] = slope


@part(fastmath=FAST)
def softmax_jacobian(a, d, total, low, high):
    """δ ← J_f(z)ᵀ ∇_a E = a ⊙ (∇_a E - Σ_k a_k ∇_k E) of samples low ≤ i < high."""
    units, low = len(d), max(low, 0)
    for i in range(low, high):
        total[i] = 0
    for j in range(units):
        for i in range(low, high):
            total[i] += a[j, i] * d[j, i]
    for j in range(units):
        for i in range(low, high):
            d[j, i] = a[j, i] * (d[j, i] - total[i])


@part(fastmath=FAST)
def scale_delta(d, c, low, high):
    """δ ← c δ, sample by sample."""
    units, low = len(d), max(low, 0)
    for j in range(units):
        for i in range(low, high):
            d[j, i] *= c[i]
