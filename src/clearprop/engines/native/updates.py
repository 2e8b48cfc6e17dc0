"""Update rules on a stretch of the parameter vector, by code: `equations.updates` in one pass.

The codes are the places of the names in `clearprop.equations.RULES`. A pass reads gradient, slots
and parameters once and writes slots and parameters once; the constants of the step come from
`Rule.constants`, the same numbers that the reference engine uses. `max(low, 0)` tells the compiler
that no index is negative; see `products`.
"""

from __future__ import annotations

import math

from clearprop.engines.native.low_level import part
from clearprop.engines.native.mathematics import FAST, type_of
from clearprop.equations import RULES

CODES = {name: code for code, name in enumerate(RULES)}
GD, MOMENTUM, NESTEROV, RMSPROP, ADAM, ADAMW = (
    CODES[name] for name in ("gd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
)


@part(fastmath=FAST)
def add(g, other, low, high):
    """g ← g + other."""
    for i in range(max(low, 0), high):
        g[i] += other[i]


@part(fastmath=FAST)
def total(g, low, high):
    """Return Σ g."""
    result = type_of(g[0], 0.0)
    for i in range(max(low, 0), high):
        result += g[i]
    return result


@part(fastmath=FAST)
def add_penalty(theta, g, l1, l2, low, high):
    """g ← g + λ₁ sign(θ) + λ₂ θ."""
    zero = type_of(theta[0], 0.0)
    for i in range(max(low, 0), high):
        w = theta[i]
        g[i] += l2 * w + (l1 if w > zero else (-l1 if w < zero else zero))


@part(fastmath=FAST)
def penalty_sums(theta, low, high):
    """Return Σ |θ| and Σ θ² in float64."""
    size, square = 0.0, 0.0
    for i in range(max(low, 0), high):
        size += abs(theta[i])
        square += theta[i] * theta[i]
    return size, square


@part(fastmath=FAST)
def clip_entries(g, bound, low, high):
    """Hold each entry of g within ±bound and return Σ g² of what is left, in float64."""
    square = 0.0
    for i in range(max(low, 0), high):
        x = g[i]
        x = bound if x > bound else (-bound if x < -bound else x)
        g[i] = x
        square += x * x
    return square


@part(fastmath=FAST)
def multiply_by(g, factor, low, high):
    """g ← factor g."""
    for i in range(max(low, 0), high):
        g[i] *= factor


@part(fastmath=FAST)
def apply(code, theta, g, slots, c, rate, decays, low, high):
    """Update θ and the slots on low ≤ i < high.

    c is the step's row of `Rule.constants` in the precision of θ, rate the learning-rate factor of
    the segment, decays whether weight decay reaches it.
    """
    one = type_of(theta[0], 1.0)
    if code == GD:
        for i in range(max(low, 0), high):
            theta[i] -= rate * c[0] * g[i]
    elif code == MOMENTUM:
        for i in range(max(low, 0), high):
            v = c[1] * slots[0, i] - c[0] * g[i]
            slots[0, i] = v
            theta[i] += rate * v
    elif code == NESTEROV:
        for i in range(max(low, 0), high):
            v = c[1] * slots[0, i] - c[0] * g[i]
            slots[0, i] = v
            theta[i] += rate * (c[1] * v - c[0] * g[i])
    elif code == RMSPROP:
        for i in range(max(low, 0), high):
            square = c[1] * slots[0, i] + (one - c[1]) * g[i] * g[i]
            slots[0, i] = square
            theta[i] -= rate * c[0] * g[i] / (math.sqrt(square) + c[2])
    else:
        decay = rate * c[4] if decays else type_of(theta[0], 0.0)
        for i in range(max(low, 0), high):
            mean = c[1] * slots[0, i] + (one - c[1]) * g[i]
            square = c[2] * slots[1, i] + (one - c[2]) * g[i] * g[i]
            slots[0, i] = mean
            slots[1, i] = square
            theta[i] -= decay * theta[i] + rate * c[0] * mean / (math.sqrt(square) + c[3])
