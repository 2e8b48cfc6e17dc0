"""The output of one sample: softmax, the loss E, and δ of the output layer (BP1)."""

from __future__ import annotations

import math

import numpy as np

from clearprop.engines.native.in_memory import at, put, some, take, take_some, width_of, zeros
from clearprop.engines.native.lanes import each_exp, largest_of, sum_of, where
from clearprop.engines.native.losses import (
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    HALF_SQUARED,
    MEAN_SQUARED,
    POISSON,
    value_and_slope,
    xlogx,
)
from clearprop.engines.native.low_level import part, part_in_place, vector
from clearprop.engines.native.mathematics import exp, log, softplus, type_of
from clearprop.engines.native.pointwise import SOFTMAX
from clearprop.engines.native.records import A_PLACE, ACTIVATION, DELTA, UNITS, Z_PLACE
from clearprop.engines.native.sample_layers import last_register, times_derivative


@part_in_place()
def _blocks(V, units):
    """Return how many registers hold the units."""
    return (units + width_of(V) - 1) // width_of(V)


@part_in_place()
def softmax(V, last):
    """a = e^(z - max z) / Σ e^(z - max z); return max z and the sum."""
    units = last[UNITS]
    if units > width_of(V):
        return _softmax_of_many(V, last)
    mask, lowest = some(V, units), type_of(V[0], -math.inf)
    z = where(mask, take(V, last[Z_PLACE]), lowest)
    top = largest_of(z, units)
    e = where(mask, exp(z - top), type_of(top, 0.0))
    total = sum_of(e, units)
    put(V, last[A_PLACE], e / total)
    return top, total


@part()
def _softmax_of_many(V, last):
    """Do what `softmax` does for units that fill several registers."""
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
        e = where(some(V, units - start), e, type_of(highest, 0.0))
        total = total + e
        put(V, last[A_PLACE] + start, e)
    whole = sum_of(total, units)
    for block in range(_blocks(V, units)):
        place = last[A_PLACE] + block * width
        put(V, place, take(V, place) / whole)
    return highest, whole


@part_in_place()
def _matched_terms(code, z, y, top, count):
    """Return each unit's part of E, from z, where loss and output activation match."""
    if code == CROSS_ENTROPY:
        return y * (top - z)
    if code == BINARY_CROSS_ENTROPY:
        return softplus(z) - y * z
    if code == POISSON:
        return each_exp(z, count) - y * z - y
    return 0.5 * (z - y) * (z - y)


@part_in_place()
def _matched(V, last, job, c, top, total):
    """δ = c (a - y), BP1 of a matching pair; return E and the last register of δ."""
    width, units, terms = width_of(V), last[UNITS], zeros(V)
    d = terms
    for block in range(_blocks(V, units)):
        start = block * width
        y, z = take(V, job.target + start), take(V, last[Z_PLACE] + start)
        d = c * (take(V, last[A_PLACE] + start) - y)
        put(V, last[DELTA] + start, d)
        left = units - start
        terms = terms + where(some(V, left), _matched_terms(job.loss, z, y, top, left), c - c)
    value = sum_of(terms, units)
    if job.loss == CROSS_ENTROPY:
        value += log(total)
    elif job.loss == POISSON:
        for y in vector(V, job.target, units):
            value += xlogx(y)
    return value, d


@part()
def _slopes(V, last, job, numbers, share):
    """∂E/∂a where δ will stand, unit by unit, for the losses that are not squares; return E."""
    units, total = last[UNITS], share - share
    a, y = vector(V, last[A_PLACE], units), vector(V, job.target, units)
    d = vector(V, last[DELTA], units)
    for j in range(units):
        value, slope = value_and_slope(job.loss, numbers.loss, numbers.tiny, share, a[j], y[j])
        d[j] = slope
        total += value
    return total


@part_in_place()
def _unmatched(V, last, alpha, job, numbers, c):
    """δ = c ∂E/∂a ⊙ f'(z), BP1 unit by unit; return E and the last register of δ.

    Of a softmax, whose units hang together, only ∂E/∂a is left where δ will stand.
    """
    width, units, code = width_of(V), last[UNITS], last[ACTIVATION]
    share = type_of(alpha, 1.0) / type_of(alpha, np.float64(units))
    # of half the sum of squares, or of their mean
    factor = type_of(alpha, 0.5) if job.loss == HALF_SQUARED else share
    squares = job.loss in (HALF_SQUARED, MEAN_SQUARED)
    value = share - share if squares else _slopes(V, last, job, numbers, share)
    terms = d = zeros(V)
    for block in range(_blocks(V, units)):
        start = block * width
        a = take(V, last[A_PLACE] + start)
        if squares:
            error = where(some(V, units - start), a - take(V, job.target + start), share - share)
            terms = terms + error * error
            d = (factor + factor) * error
        else:
            d = take(V, last[DELTA] + start)
        if code != SOFTMAX:
            z = take(V, last[Z_PLACE] + start)
            d = c * times_derivative(code, alpha, z, a, d, units - start)
        put(V, last[DELTA] + start, d)
    if squares:
        value = factor * sum_of(terms, units)
    return value, d


@part()
def _through_softmax(V, last, c):
    """δ = c a ⊙ (∂E/∂a - Σ_k a_k ∂E/∂a_k), from ∂E/∂a where δ will stand."""
    width, units, total = width_of(V), last[UNITS], zeros(V)
    for block in range(_blocks(V, units)):
        start = block * width
        mask = some(V, units - start)
        a = take_some(V, last[A_PLACE] + start, mask)
        total = total + a * take_some(V, last[DELTA] + start, mask)
    average = sum_of(total, units)
    for block in range(_blocks(V, units)):
        start = block * width
        a, slope = take(V, last[A_PLACE] + start), take(V, last[DELTA] + start)
        put(V, last[DELTA] + start, c * (a * (slope - average)))


@part_in_place()
def loss(V, last, alpha, job, numbers, top, total):
    """BP1; return E of the sample, which is left in its place too, and the last register of δ."""
    c = at(V, job.coefficient)
    if job.matched:
        value, d = _matched(V, last, job, c, top, total)
    else:
        value, d = _unmatched(V, last, alpha, job, numbers, c)
        if last[ACTIVATION] == SOFTMAX:
            _through_softmax(V, last, c)
            d = last_register(V, last)
    V[job.value] = value
    return value, d
