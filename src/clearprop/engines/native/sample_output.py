"""The output of one sample: softmax, the loss E, and δ of the output layer (BP1)."""

from __future__ import annotations

import math

import numpy as np

from clearprop.engines.native.lanes import (
    at,
    each_exp,
    largest_of,
    put,
    some,
    sum_of,
    take,
    take_some,
    where,
    width_of,
    zeros,
)
from clearprop.engines.native.losses import (
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    HALF_SQUARED,
    MEAN_SQUARED,
    POISSON,
    value_and_slope,
    xlogx,
)
from clearprop.engines.native.low_level import part, vector
from clearprop.engines.native.mathematics import exp, type_of
from clearprop.engines.native.pointwise import SOFTMAX
from clearprop.engines.native.records import A_PLACE, ACTIVATION, DELTA, UNITS, Z_PLACE
from clearprop.engines.native.sample_layers import softplus, times_derivative


@part(forceinline=True)
def _blocks(V, units):
    """Return how many registers hold the units."""
    return (units + width_of(V) - 1) // width_of(V)


@part(forceinline=True)
def softmax(V, last):
    """a = e^(z - max z) / Σ e^(z - max z); return max z and the sum."""
    width, units, lowest = width_of(V), last[UNITS], type_of(V[0], -math.inf)
    top = zeros(V) + lowest
    for block in range(_blocks(V, units)):
        start = block * width
        z = where(some(V, units - start), take(V, last[Z_PLACE] + start), lowest)
        top = where(z > top, z, top)
    highest, total = largest_of(top, units), zeros(V)
    for block in range(_blocks(V, units)):
        start = block * width
        e = exp(take(V, last[Z_PLACE] + start) - highest)
        e = where(some(V, units - start), e, type_of(V[0], 0.0))
        total = total + e
        put(V, last[A_PLACE] + start, e)
    whole = sum_of(total, units)
    for block in range(_blocks(V, units)):
        place = last[A_PLACE] + block * width
        put(V, place, take(V, place) / whole)
    return highest, whole


@part(forceinline=True)
def _matched_terms(code, z, y, top, count):
    """Return each unit's part of E, from z, where loss and output activation match."""
    if code == CROSS_ENTROPY:
        return y * (top - z)
    if code == BINARY_CROSS_ENTROPY:
        return softplus(z, count) - y * z
    if code == POISSON:
        return each_exp(z, count) - y * z - y
    return 0.5 * (z - y) * (z - y)


@part(forceinline=True)
def _matched(V, last, job, c, top, total):
    """δ = c (a - y), BP1 of a matching pair; return E."""
    width, units, terms = width_of(V), last[UNITS], zeros(V)
    for block in range(_blocks(V, units)):
        start = block * width
        mask = some(V, units - start)
        y, z = take(V, job.target + start), take(V, last[Z_PLACE] + start)
        put(V, last[DELTA] + start, c * (take(V, last[A_PLACE] + start) - y))
        terms = terms + where(mask, _matched_terms(job.loss, z, y, top, units - start), c - c)
    value = sum_of(terms, units)
    if job.loss == CROSS_ENTROPY:
        return value + math.log(total)
    if job.loss == POISSON:
        for y in vector(V, job.target, units):
            value += xlogx(y)
    return value


@part(forceinline=True)
def _squares(V, last, job, share):
    """∂E/∂a = 2 s (a - y) where δ will stand; return E = s Σ (a - y)²."""
    width, units, terms = width_of(V), last[UNITS], zeros(V)
    for block in range(_blocks(V, units)):
        start = block * width
        mask = some(V, units - start)
        a = take_some(V, last[A_PLACE] + start, mask)
        error = a - take_some(V, job.target + start, mask)
        terms = terms + error * error
        put(V, last[DELTA] + start, (share + share) * error)
    return share * sum_of(terms, units)


@part()
def _slopes(V, last, job, parameter, tiny, share):
    """∂E/∂a where δ will stand, unit by unit, for the losses that are not squares; return E."""
    units = last[UNITS]
    a, y = vector(V, last[A_PLACE], units), vector(V, job.target, units)
    d, total = vector(V, last[DELTA], units), parameter - parameter
    for j in range(units):
        value, slope = value_and_slope(job.loss, parameter, tiny, share, a[j], y[j])
        d[j] = slope
        total += value
    return total


@part(forceinline=True)
def _average(V, last):
    """Return Σ_k a_k ∂E/∂a_k, which softmax takes off every slope."""
    width, units, total = width_of(V), last[UNITS], zeros(V)
    for block in range(_blocks(V, units)):
        start = block * width
        mask = some(V, units - start)
        a = take_some(V, last[A_PLACE] + start, mask)
        total = total + a * take_some(V, last[DELTA] + start, mask)
    return sum_of(total, units)


@part(forceinline=True)
def _unmatched(V, last, alpha, job, numbers, c):
    """δ = c J_f(z)ᵀ ∂E/∂a, BP1 of any pair; return E."""
    width, units, code = width_of(V), last[UNITS], last[ACTIVATION]
    one = type_of(alpha, 1.0)
    share = one / type_of(alpha, np.float64(units))
    if job.loss == HALF_SQUARED:
        value = _squares(V, last, job, type_of(alpha, 0.5))
    elif job.loss == MEAN_SQUARED:
        value = _squares(V, last, job, share)
    else:
        value = _slopes(V, last, job, numbers.loss, numbers.tiny, share)
    average = _average(V, last) if code == SOFTMAX else one - one
    for block in range(_blocks(V, units)):
        start = block * width
        d, a = take(V, last[DELTA] + start), take(V, last[A_PLACE] + start)
        if code == SOFTMAX:
            d = a * (d - average)
        else:
            z = take(V, last[Z_PLACE] + start)
            d = times_derivative(code, alpha, z, a, d, units - start)
        put(V, last[DELTA] + start, c * d)
    return value


@part(forceinline=True)
def loss(V, last, alpha, job, numbers, top, total):
    """BP1; return E of the sample, which is left in its place too."""
    c = at(V, job.coefficient)
    if job.matched:
        value = _matched(V, last, job, c, top, total)
    else:
        value = _unmatched(V, last, alpha, job, numbers, c)
    V[job.value] = value
    return value
