"""Update rules on a stretch of the parameter vector, by code: `equations.updates` in one pass.

The codes are the places of the names in `clearprop.equations.RULES`. A pass reads gradient, slots
and parameters once and writes slots and parameters once; the constants of the step come from
`Rule.constants`, the same numbers that the reference engine uses. Each pass cuts its stretch out
first: over `range(low, high)` Numba would ask of every index whether it is negative, which keeps a
loop off the vector lanes.
"""

from __future__ import annotations

import math

import numpy as np

from clearprop.engines.native.low_level import part, stretch, vector
from clearprop.engines.native.mathematics import FAST, type_of
from clearprop.equations import RULES

CODES = {name: code for code, name in enumerate(RULES)}
GD, MOMENTUM, NESTEROV, RMSPROP, ADAM, ADAMW = (
    CODES[name] for name in ("gd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
)


@part(fastmath=FAST)
def add(g, other, low, high):
    """g ← g + other."""
    g, other = vector(g, low, high - low), vector(other, low, high - low)
    for i in range(len(g)):
        g[i] += other[i]


@part(fastmath=FAST)
def total(g, low, high):
    """Return Σ g."""
    result = type_of(g[0], 0.0)
    g = vector(g, low, high - low)
    for i in range(len(g)):
        result += g[i]
    return result


@part(fastmath=FAST)
def add_penalty(theta, g, l1, l2, low, high):
    """g ← g + λ₁ sign(θ) + λ₂ θ."""
    theta, g = vector(theta, low, high - low), vector(g, low, high - low)
    zero = type_of(l1, 0.0)
    for i in range(len(g)):
        w = theta[i]
        g[i] += l2 * w + (l1 if w > zero else (-l1 if w < zero else zero))


@part(fastmath=FAST)
def penalty_sums(theta, low, high):
    """Return Σ |θ| and Σ θ² in float64."""
    theta = vector(theta, low, high - low)
    size, square = 0.0, 0.0
    for i in range(len(theta)):
        size += abs(theta[i])
        square += theta[i] * theta[i]
    return size, square


@part(fastmath=FAST)
def clip_entries(g, bound, low, high):
    """Hold each entry of g within ±bound and return Σ g² of what is left, in float64."""
    g = vector(g, low, high - low)
    square = 0.0
    for i in range(len(g)):
        x = g[i]
        x = bound if x > bound else (-bound if x < -bound else x)
        g[i] = x
        square += np.float64(x) * np.float64(x)
    return square


@part(fastmath=FAST)
def multiply_by(g, factor, low, high):
    """g ← factor g."""
    g = vector(g, low, high - low)
    for i in range(len(g)):
        g[i] *= factor


@part(fastmath=FAST)
def apply(code, theta, g, slots, c, rate, decays, low, high):
    """Update θ and the slots on low ≤ i < high.

    c is the step's row of `Rule.constants` in the precision of θ, rate the learning-rate factor of
    the segment, decays whether weight decay reaches it.
    """
    theta, g = vector(theta, low, high - low), vector(g, low, high - low)
    one = type_of(rate, 1.0)
    # read before the loops: inside, the compiler would have to ask whether θ and c overlap
    rate_0, c_0, c_1, c_2, c_3 = rate * c[0], c[0], c[1], c[2], c[3]
    if code == GD:
        for i in range(len(theta)):
            theta[i] -= rate_0 * g[i]
    elif code == MOMENTUM:
        velocity = stretch(slots, 0, low, high)
        for i in range(len(theta)):
            v = c_1 * velocity[i] - c_0 * g[i]
            velocity[i] = v
            theta[i] += rate * v
    elif code == NESTEROV:
        velocity = stretch(slots, 0, low, high)
        for i in range(len(theta)):
            v = c_1 * velocity[i] - c_0 * g[i]
            velocity[i] = v
            theta[i] += rate * (c_1 * v - c_0 * g[i])
    elif code == RMSPROP:
        square = stretch(slots, 0, low, high)
        for i in range(len(theta)):
            v = c_1 * square[i] + (one - c_1) * g[i] * g[i]
            square[i] = v
            theta[i] -= rate_0 * g[i] / (math.sqrt(v) + c_2)
    else:
        mean, square = stretch(slots, 0, low, high), stretch(slots, 1, low, high)
        decay = rate * c[4] if decays else type_of(rate, 0.0)
        for i in range(len(theta)):
            m = c_1 * mean[i] + (one - c_1) * g[i]
            v = c_2 * square[i] + (one - c_2) * g[i] * g[i]
            mean[i] = m
            square[i] = v
            theta[i] -= decay * theta[i] + rate_0 * m / (math.sqrt(v) + c_3)
