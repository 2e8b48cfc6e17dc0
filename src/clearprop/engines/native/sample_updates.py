"""The update after one sample: every rule in one pass over the parameters, a register at a time.

The formulas are those of `updates.apply`.
"""

from __future__ import annotations

from clearprop.engines.native.lanes import (
    put,
    put_first,
    put_some,
    root,
    some,
    take,
    take_some,
    width_of,
)
from clearprop.engines.native.low_level import part
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.updates import GD, MOMENTUM, NESTEROV, RMSPROP


@part(forceinline=True)
def _changed(code, c, rate, decay, theta, g, first, second):
    """Return the new parameters and slots of one register.

    c is the step's row of `Rule.constants`, rate the learning-rate factor, decay η λ times it.
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


@part(forceinline=True)
def apply(code, theta, g, slots, columns, c, rate, decay, low, high):
    """Update θ and the slots on low ≤ i < high; a slot is a row of `slots`, `columns` long."""
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
        # the next step's rows of W lie inside
        put_first(theta, i, w, high - i)
        if one:
            put_some(slots, i, first, mask)
        if two:
            put_some(slots, columns + i, second, mask)
