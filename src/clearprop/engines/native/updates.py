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
    take_some,
    touch,
    width_of,
    zeros,
)
from clearprop.engines.native.lanes import root, sum_of
from clearprop.engines.native.low_level import part, part_in_place, vector
from clearprop.engines.native.mathematics import FAST, type_of
from clearprop.engines.native.records import PENALISED, START, STOP
from clearprop.engines.native.vectors import size_of
from clearprop.equations import RULES

CODES = {name: code for code, name in enumerate(RULES)}
GD, MOMENTUM, NESTEROV, RMSPROP, ADAM, ADAMW = (
    CODES[name] for name in ("gd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
)


@part_in_place()
def _add_up(gradients, copies, columns, own, i, mask):
    """Do what `add_up` does for one register."""
    g = take_some(gradients, i, mask)
    for copy in range(1, copies):
        g = g + take_some(gradients, copy * columns + i, mask)
    if copies > 1:
        put_some(gradients, own * columns + i, g, mask)
    return g


@part()
def claim(theta, low, high):
    """Get the cache lines of θ, which all threads have read, for this one to write to.

    A store to a line that another core holds waits for an answer from there, and the stores behind
    it wait in its queue. Here that queue holds nothing else, so many lines are asked for at once:
    4 µs in the place of 13 for 12,000 parameters.
    """
    for i in range(low, high, 64 // size_of(type_of(theta[0], 0.0))):
        touch(theta, i)


@part()
def add_up(gradients, own, theta, low, high):
    """Row `own` of the gradients ← the sum of all rows, on low ≤ i < high; return Σ_i of that.

    A thread writes to its own row alone, of which nobody else reads that stretch.
    """
    copies, columns = gradients.shape
    rows, width, total = vector(gradients, 0, gradients.size), width_of(theta), zeros(theta)
    for block in range((high - low) // width):
        total = total + _add_up(rows, copies, columns, own, low + block * width, None)
    i = high - (high - low) % width
    if i < high:
        mask = some(theta, high - i)
        total = total + _add_up(rows, copies, columns, own, i, mask)
    return sum_of(total, width)


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


@part()
def penalise(theta, g, segments, l1, l2, low, high):
    """Add the penalty's slope to g on low ≤ i < high, where it reaches; return Σ |θ| and Σ θ²."""
    size = square = 0.0
    for place in range(len(segments)):
        start, stop = max(low, segments[place, START]), min(high, segments[place, STOP])
        if segments[place, PENALISED]:
            sums = penalty_sums(theta, start, stop)
            size, square = size + sums[0], square + sums[1]
            add_penalty(theta, g, l1, l2, start, stop)
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
def changed(code, c, rate, decay, theta, g, first, second):
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
def _apply_to_register(code, theta, g, slots, columns, c, rate, decay, i, mask):
    """Write the slots of one register; return its new parameters."""
    one, two = code != GD, code > RMSPROP
    w, d = take_some(theta, i, mask), take_some(g, i, mask)
    first = take_some(slots, i, mask) if one else d
    second = take_some(slots, columns + i, mask) if two else d
    w, first, second = changed(code, c, rate, decay, w, d, first, second)
    if one:
        put_some(slots, i, first, mask)
    if two:
        put_some(slots, columns + i, second, mask)
    return w


@part_in_place()
def _apply(code, theta, g, slots, columns, c, rate, decay, low, high):
    """Update θ and the slots on low ≤ i < high; a slot is a row of `slots`, `columns` long.

    A compiler of loops takes four registers at a time and does what is left over, up to 63 numbers,
    one by one, with a root and a division each; here the last register is masked.
    """
    width = width_of(theta)
    for block in range((high - low) // width):
        i = low + block * width
        put(theta, i, _apply_to_register(code, theta, g, slots, columns, c, rate, decay, i, None))
    i = high - (high - low) % width
    if i < high:
        mask = some(theta, high - i)
        w = _apply_to_register(code, theta, g, slots, columns, c, rate, decay, i, mask)
        # a step of one sample reads the rows of W that lie in here at once
        put_first(theta, i, w, high - i)


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
