"""Update rules on a stretch of the parameter vector, by code: `equations.updates` in one pass.

The codes are the places of the names in `clearprop.equations.RULES`. A pass reads gradient, slots
and parameters once and writes slots and parameters once; the constants of the step come from
`Rule.constants`, the same numbers that the reference engine uses.
"""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.lanes import on_lanes, sqrt
from clearprop.engines.native.low_level import address, part, part_in_place, vector
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


@on_lanes
def _gd(theta, g, rate):
    return (theta - rate * g,)


@on_lanes
def _momentum(theta, velocity, g, rate, step, keep):
    v = keep * velocity - step * g
    return theta + rate * v, v


@on_lanes
def _nesterov(theta, velocity, g, rate, step, keep):
    v = keep * velocity - step * g
    return theta + rate * (keep * v - step * g), v


@on_lanes
def _rmsprop(theta, square, g, rate, keep, epsilon):
    v = keep * square + (1 - keep) * g * g
    return theta - rate * g / (sqrt(v) + epsilon), v


@on_lanes
def _adam(theta, mean, square, g, rate, keep_mean, keep_square, epsilon, decay):
    m = keep_mean * mean + (1 - keep_mean) * g
    v = keep_square * square + (1 - keep_square) * g * g
    return theta - (decay * theta + rate * m / (sqrt(v) + epsilon)), m, v


@part_in_place()
def apply(code, theta, g, slots, c, rate, decays, low, high):
    """Update θ and the slots on low ≤ i < high.

    c is the step's row of `Rule.constants` in the precision of θ, rate the learning-rate factor of
    the segment, decays whether weight decay reaches it.
    """
    count, at, grad = high - low, address(theta, low), address(g, low)
    if code == GD:
        _gd((at, grad), count, (rate * c[0],))
        return
    first = address(slots, low)
    if code == MOMENTUM:
        _momentum((at, first, grad), count, (rate, c[0], c[1]))
    elif code == NESTEROV:
        _nesterov((at, first, grad), count, (rate, c[0], c[1]))
    elif code == RMSPROP:
        _rmsprop((at, first, grad), count, (rate * c[0], c[1], c[2]))
    else:
        second = address(slots, slots.shape[1] + low)
        decay = rate * c[4] if decays else type_of(rate, 0.0)
        _adam((at, first, second, grad), count, (rate * c[0], c[1], c[2], c[3], decay))
