"""Losses of a batch and the output delta, by code: E_i of each sample and BP1.

Arrays are unit by unit: y, z, a and δ are (outputs, n); c, E and the sums are (n,).
The codes are the places of the names in `clearprop.functions.LOSSES`. Samples lie on the lanes, so
each pass runs over a stretch low ≤ i < high of the samples for one output after another.
"""

from __future__ import annotations

import math

from clearprop.engines.native.low_level import part, stretch, vector
from clearprop.engines.native.mathematics import FAST, clamp, log, softplus, type_of
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
def xlogx(y):
    """Return y log y, 0 at 0."""
    return y * log(y) if y > 0 else y - y


@part(fastmath=FAST)
def matched_values(code, y, z, e, top, total, low, high):
    """E_i from z where loss and output activation are made for each other; see `functions.losses`.

    For cross-entropy `top` and `total` hold what `softmax` left there: log Σ e^z = top + log total.
    """
    e, top, total = (
        vector(e, low, high - low),
        vector(top, low, high - low),
        vector(total, low, high - low),
    )
    for i in range(len(e)):
        e[i] = 0
    for j in range(len(z)):
        x, t = stretch(z, j, low, high), stretch(y, j, low, high)
        if code == CROSS_ENTROPY:
            for i in range(len(e)):
                e[i] += t[i] * (top[i] - x[i])
        elif code == BINARY_CROSS_ENTROPY:
            for i in range(len(e)):
                e[i] += softplus(x[i]) - t[i] * x[i]
        elif code == POISSON:
            for i in range(len(e)):
                e[i] += math.exp(x[i]) - t[i] * x[i] + xlogx(t[i]) - t[i]
        else:
            for i in range(len(e)):
                e[i] += type_of(x[i], 0.5) * (x[i] - t[i]) * (x[i] - t[i])
    if code == CROSS_ENTROPY:
        for i in range(len(e)):
            e[i] += log(total[i])


@part(fastmath=FAST)
def matched_delta(y, a, c, d, low, high):
    """δ^L = c (a - y): BP1 where loss and output activation are made for each other."""
    c = vector(c, low, high - low)
    for j in range(len(d)):
        target, output, delta = (
            stretch(y, j, low, high),
            stretch(a, j, low, high),
            stretch(d, j, low, high),
        )
        for i in range(len(c)):
            delta[i] = c[i] * (output[i] - target[i])


@part(fastmath=FAST)
def _huber(error, threshold):
    """Return the loss and its slope: ½ e² within the threshold, a straight line beyond it."""
    inner = clamp(error, -threshold, threshold)
    size, half = abs(inner), type_of(error, 0.5)
    return size * (abs(error) - half * size), inner


@part(fastmath=FAST)
def value_and_slope(code, parameter, tiny, share, x, t):
    """E and ∂E/∂a of one output x with target t; `share` is 1 / outputs, for means."""
    one, error = type_of(x, 1.0), x - t
    if code == HALF_SQUARED:
        return type_of(x, 0.5) * error * error, error
    if code == MEAN_SQUARED:
        return share * error * error, (share + share) * error
    if code == ABSOLUTE:
        sign = one if error > 0 else (-one if error < 0 else error)
        return share * abs(error), share * sign
    if code == HUBER:
        value, slope = _huber(error, parameter)
        return share * value, share * slope
    x_up = tiny if x < tiny else x
    if code == POISSON:
        return x - t + xlogx(t) - t * log(x_up), one - t / x_up
    if code == BINARY_CROSS_ENTROPY:
        x_down = tiny if one - x < tiny else one - x
        value = -t * log(x_up) - (one - t) * log(x_down)
        return value, (one - t) / x_down - t / x_up
    return -t * log(x_up), -t / x_up


@part(fastmath=FAST)
def values_and_slopes(code, parameter, tiny, y, a, e, d, low, high):
    """E_i and ∇_a E from outputs a, for any pair; ∇_a E is left where δ will stand.

    `tiny` is the smallest normal number, which stands in for an output that underflowed.
    """
    share = type_of(parameter, 1.0) / type_of(parameter, len(a))
    e = vector(e, low, high - low)
    for i in range(len(e)):
        e[i] = 0
    for j in range(len(a)):
        target, output, slopes = (
            stretch(y, j, low, high),
            stretch(a, j, low, high),
            stretch(d, j, low, high),
        )
        for i in range(len(e)):
            value, slope = value_and_slope(code, parameter, tiny, share, output[i], target[i])
            e[i] += value
            slopes[i] = slope


@part(fastmath=FAST)
def softmax_jacobian(a, d, total, low, high):
    """δ ← J_f(z)ᵀ ∇_a E = a ⊙ (∇_a E - Σ_k a_k ∇_k E) of samples low ≤ i < high."""
    total = vector(total, low, high - low)
    for i in range(len(total)):
        total[i] = 0
    for j in range(len(d)):
        output, slope = stretch(a, j, low, high), stretch(d, j, low, high)
        for i in range(len(total)):
            total[i] += output[i] * slope[i]
    for j in range(len(d)):
        output, slope = stretch(a, j, low, high), stretch(d, j, low, high)
        for i in range(len(total)):
            slope[i] = output[i] * (slope[i] - total[i])


@part(fastmath=FAST)
def scale_delta(d, c, low, high):
    """δ ← c δ, sample by sample."""
    c = vector(c, low, high - low)
    for j in range(len(d)):
        delta = stretch(d, j, low, high)
        for i in range(len(c)):
            delta[i] *= c[i]
