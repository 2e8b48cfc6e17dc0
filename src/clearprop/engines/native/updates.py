"""Update rules on a stretch of the parameter vector, by code: `equations.updates` in one pass.

The codes are the places of the names in `clearprop.equations.RULES`. A pass reads gradient, slots
and parameters once and writes slots and parameters once; the constants of the step come from
`Rule.constants`, the same numbers that the reference engine uses.
"""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.in_memory import (
    put,
    put_first,
    put_some,
    some,
    take,
    take_some,
    width_of,
)
from clearprop.engines.native.lanes import root
from clearprop.engines.native.low_level import part, part_in_place, vector
from clearprop.engines.native.mathematics import FAST, type_of
from clearprop.engines.native.records import PENALISED, START, STOP
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


@part_in_place()
def _changed(code, c, rate, decay, theta, g, first, second):
    """Return the new parameters and slots of one register.

    c is the step's row of `Rule.constants` in the precision of θ, rate the learning-rate factor of
    the segment, decay η λ times it.
    """
    eta, c_1, c_2, one = rate * c[0], c[1], c[2], type_of(rate, 1.0)
    if code == GD:
        return theta - eta * g, first, second
    if code == MOMENTUM:
        first = c_1 * first - c[0] * g
        return theta + rate * first, first, second
    if code == NESTEROV:
        first = c_1 * first - c[0] * g
        return theta + rate * (c_1 * first - c[0] * g), first, second
    if code == RMSPROP:
        first = c_1 * first + (one - c_1) * g * g
        return theta - eta * g / (root(first) + c_2), first, second
    first = c_1 * first + (one - c_1) * g
    second = c_2 * second + (one - c_2) * g * g
    return theta - (decay * theta + eta * first / (root(second) + c[3])), first, second


@part_in_place()
def _apply(code, theta, g, slots, columns, c, rate, decay, low, high):
    """Update θ and the slots on low ≤ i < high; a slot is a row of `slots`, `columns` long.

    A compiler of loops takes four registers at a time and does what is left over, up to 63 numbers,
    one by one, with a root and a division each; here the last register is masked.
    """
    width, one, two = width_of(theta), code != GD, code > RMSPROP
    for block in range((high - low) // width):
        i = low + block * width
        w, d = take(theta, i), take(g, i)
        first, second = take(slots, i) if one else d, take(slots, columns + i) if two else d
        w, first, second = _changed(code, c, rate, decay, w, d, first, second)
        put(theta, i, w)
        if one:
            put(slots, i, first)
        if two:
            put(slots, columns + i, second)
    i = high - (high - low) % width
    if i < high:
        mask = some(theta, high - i)
        w, d = take_some(theta, i, mask), take_some(g, i, mask)
        first = take_some(slots, i, mask) if one else d
        second = take_some(slots, columns + i, mask) if two else d
        w, first, second = _changed(code, c, rate, decay, w, d, first, second)
        # a step of one sample reads the rows of W that lie in here at once
        put_first(theta, i, w, high - i)
        if one:
            put_some(slots, i, first, mask)
        if two:
            put_some(slots, columns + i, second, mask)


@part_in_place()
def apply(code, theta, g, slots, c, tables, low, high):
    """Let the rule change θ and the slots on low ≤ i < high.

    Only decay tells weights from biases; without it fewer and longer stretches do.
    """
    decays = c[4] != 0
    stretches = tables.segments if decays else tables.runs
    rates = tables.rates if decays else tables.run_rates
    memory, columns = vector(slots, 0, slots.size), slots.shape[1]
    for place in range(len(stretches)):
        start, stop = max(low, stretches[place, START]), min(high, stretches[place, STOP])
        if start < stop:
            rate, decay = rates[place], type_of(c[4], 0.0)
            if decays and stretches[place, PENALISED]:
                decay = rate * c[4]
            _apply(code, theta, g, memory, columns, c, rate, decay, start, stop)
