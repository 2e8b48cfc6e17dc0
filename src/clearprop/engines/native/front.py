"""Front layers of a batch: Scaling and Periodic, forward and back, for a part of their units.

They prepare the inputs and are passes over the workspace's rows, with no activation behind: a is z.

    Scaling    z_j = g_j x_j                      ∂E/∂g_j = Σ_i δ_j x_j      before: g_j δ_j
    Periodic   v = B cos 2π(f x + p) + b          ∂E/∂b = Σ_i δ_v            ∂E/∂B = Σ_i δ_v cos
               e = -2π sin ⊙ Bᵀ δ_v              ∂E/∂p = Σ_i e              ∂E/∂f = Σ_i e x
                                                  before: δ_x + fᵀ e

An input that a periodic layer names becomes itself, x, and its features v; others pass unchanged.
Each member of a network has gains of its own, for its own columns.

Public names: `forward`, `backward`.
"""

from __future__ import annotations

import math

import numpy as np

from clearprop.engines.native.in_memory import put, put_some, some, take_some, width_of, zeros
from clearprop.engines.native.lanes import sum_of
from clearprop.engines.native.low_level import address, matrix, part, part_in_place, stretch, vector
from clearprop.engines.native.mathematics import FAST, cos_and_sin, type_of
from clearprop.engines.native.records import (
    BIAS,
    COLUMNS,
    COSINES,
    DELTA,
    FAN_IN,
    FEATURES,
    FREQUENCIES,
    FREQUENCY,
    INPUT,
    KIND,
    ORDER,
    OWNERS,
    PHASE,
    SCALING,
    SINES,
    UNITS,
    WEIGHT,
    Z_PLACE,
)
from clearprop.engines.native.tiles import BIAS as BIAS_OF_ROWS
from clearprop.engines.native.tiles import NEXT, NOTHING, NOWHERE, multiply


@part(fastmath=FAST)
def _times(factor, source, target):
    """target = factor source."""
    for i in range(len(source)):
        target[i] = factor * source[i]


@part(fastmath=FAST)
def _dot(like, left, right):
    """Return Σ_i left_i right_i, in the precision of `like`."""
    total = type_of(like, 0.0)
    for i in range(len(left)):
        total += left[i] * right[i]
    return total


@part()
def _add(G, place, keep, value):
    """G[place] = value + keep G[place]; with keep = 0 what stands there is not read."""
    G[place] = (keep * G[place] if keep != 0 else keep) + value


@part_in_place()
def _register_of_waves(V, f, p, x, cosine, sine, mask):
    c, s = cos_and_sin(f * take_some(V, x, mask) + p)
    put_some(V, cosine, c, mask)
    put_some(V, sine, s, mask)


@part()
def _waves(V, f, p, x, cosine, sine, count):
    """Write cos and sin of 2π(f x + p); x, cosine and sine are places of rows."""
    width = width_of(V)
    for block in range(count // width):
        i = block * width
        _register_of_waves(V, f, p, x + i, cosine + i, sine + i, None)
    i = count - count % width
    if i < count:
        _register_of_waves(V, f, p, x + i, cosine + i, sine + i, some(V, count - i))


@part()
def _back_through_waves(V, f, x, sine, error, before, count):
    """e = -2π sin ⊙ error; return Σ e and Σ e x, and add f e to the row `before`, if it is ≥ 0."""
    width, phase, frequency = width_of(V), zeros(V), zeros(V)
    turn = type_of(f, -2 * math.pi)
    for block in range((count + width - 1) // width):
        i = block * width
        mask = some(V, count - i)
        e = turn * take_some(V, sine + i, mask) * take_some(V, error + i, mask)
        phase = phase + e
        frequency = frequency + e * take_some(V, x + i, mask)
        if before >= 0:
            e = take_some(V, before + i, mask) + f * e
            if count - i >= width:
                put(V, before + i, e)
            else:
                put_some(V, before + i, e, mask)
    return sum_of(phase, width), sum_of(frequency, width)


@part_in_place()
def _scale(theta, V, layer, low, high, columns):
    """z_j = g_j x_j for units low ≤ j < high."""
    units, owners = layer[UNITS], layer[OWNERS]
    X, Z = matrix(V, layer[INPUT], units, columns), matrix(V, layer[Z_PLACE], units, columns)
    n = columns // owners
    for owner in range(owners):
        first = owner * n
        for j in range(low, high):
            g = theta[layer[WEIGHT] + owner * units + j]
            _times(g, stretch(X, j, first, first + n), stretch(Z, j, first, first + n))


@part_in_place()
def _scale_back(theta, G, V, layer, before, low, high, columns, keep):
    """∂E/∂g_j = Σ_i δ_j x_j, and g_j δ_j at `before`, if that is ≥ 0, for units low ≤ j < high."""
    units, owners = layer[UNITS], layer[OWNERS]
    X, D = matrix(V, layer[INPUT], units, columns), matrix(V, layer[DELTA], units, columns)
    n = columns // owners
    for owner in range(owners):
        first = owner * n
        for j in range(low, high):
            place, d = layer[WEIGHT] + owner * units + j, stretch(D, j, first, first + n)
            _add(G, place, keep, _dot(keep, d, stretch(X, j, first, first + n)))
            if before >= 0:
                _times(theta[place], d, vector(V, before + j * columns + first, n))


@part_in_place()
def _feature(layer, item):
    """Return the unit that is the input of number `item` in a periodic layer's order itself."""
    named = layer[COLUMNS]
    if item < named:
        return item * layer[FEATURES]
    return named * layer[FEATURES] + item - named


@part_in_place()
def _periodic(theta, V, layer, order, low, high, columns):
    """x and v = B cos 2π(f x + p) + b of inputs low ≤ item < high, in the layer's order."""
    named, waves, made = layer[COLUMNS], layer[FREQUENCIES], layer[FEATURES] - 1
    one, rows = type_of(theta[0], 1.0), named * made
    for item in range(low, high):
        x = layer[INPUT] + order[layer[ORDER] + item] * columns
        z = layer[Z_PLACE] + _feature(layer, item) * columns
        _times(one, vector(V, x, columns), vector(V, z, columns))
        if item >= named:
            continue
        for q in range(waves):
            f, p = (
                theta[layer[FREQUENCY] + q * named + item],
                theta[layer[PHASE] + q * named + item],
            )
            wave = (item * waves + q) * columns
            _waves(V, f, p, x, layer[COSINES] + wave, layer[SINES] + wave, columns)
        cosines = address(V, layer[COSINES] + item * waves * columns)
        B, b = (
            address(theta, layer[WEIGHT] + item * made),
            address(theta, layer[BIAS] + item * made),
        )
        target, sizes = (address(V, z + columns), columns), (made, columns, waves)
        multiply(target, (cosines, columns), (B, NEXT, rows), sizes, one, BIAS_OF_ROWS, b, NOWHERE)


@part_in_place()
def _mixing_gradients(G, V, layer, item, columns, keep):
    """∂E/∂b = Σ_i δ_v and ∂E/∂B = Σ_i δ_v cos of one input."""
    named, waves, made = layer[COLUMNS], layer[FREQUENCIES], layer[FEATURES] - 1
    D = matrix(V, layer[DELTA], layer[UNITS], columns)
    C = matrix(V, layer[COSINES], named * waves, columns)
    for v in range(made):
        d, row = stretch(D, _feature(layer, item) + 1 + v, 0, columns), item * made + v
        total = type_of(keep, 0.0)
        for i in range(columns):
            total += d[i]
        _add(G, layer[BIAS] + row, keep, total)
        for q in range(waves):
            total = _dot(keep, d, stretch(C, item * waves + q, 0, columns))
            _add(G, layer[WEIGHT] + q * named * made + row, keep, total)


@part_in_place()
def _periodic_back(theta, G, V, layer, order, errors, before, low, high, columns, keep):
    """The gradients of inputs low ≤ item < high, and the errors at `before`, if that is ≥ 0.

    `errors` is the place of a row for each wave of an input.
    """
    named, waves, made = layer[COLUMNS], layer[FREQUENCIES], layer[FEATURES] - 1
    one, rows = type_of(keep, 1.0), named * made
    for item in range(low, high):
        at = order[layer[ORDER] + item] * columns
        x, target = layer[INPUT] + at, before + at if before >= 0 else np.int64(-1)
        d = layer[DELTA] + _feature(layer, item) * columns
        if before >= 0:
            _times(one, vector(V, d, columns), vector(V, target, columns))
        if item >= named:
            continue
        _mixing_gradients(G, V, layer, item, columns, keep)
        B, sizes = address(theta, layer[WEIGHT] + item * made), (waves, columns, made)
        delta = (address(V, d + columns), columns)
        place = (address(V, errors), columns)
        multiply(place, delta, (B, rows, NEXT), sizes, one, NOTHING, NOWHERE, NOWHERE)
        for q in range(waves):
            f = layer[FREQUENCY] + q * named + item
            sine = layer[SINES] + (item * waves + q) * columns
            error = errors + q * columns
            phase, frequency = _back_through_waves(V, theta[f], x, sine, error, target, columns)
            _add(G, layer[PHASE] + q * named + item, keep, phase)
            _add(G, f, keep, frequency)


@part()
def forward(theta, V, layer, order, member, team, columns):
    """z of one member of a team's part of a front layer."""
    count = layer[FAN_IN]
    low, high = count * member // team, count * (member + 1) // team
    if layer[KIND] == SCALING:
        _scale(theta, V, layer, low, high, columns)
    else:
        _periodic(theta, V, layer, order, low, high, columns)


@part()
def backward(theta, G, V, layer, order, waves, before, member, team, columns, keep):
    """The gradients of one member of a team's part of a front layer, and δ of the layer before.

    `before` is the place of that δ, or -1; at `waves` each member has a row for each wave.
    """
    count = layer[FAN_IN]
    low, high = count * member // team, count * (member + 1) // team
    if layer[KIND] == SCALING:
        _scale_back(theta, G, V, layer, before, low, high, columns, keep)
    else:
        errors = waves + member * layer[FREQUENCIES] * columns
        _periodic_back(theta, G, V, layer, order, errors, before, low, high, columns, keep)
