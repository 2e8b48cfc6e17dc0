"""A dense layer of a batch: z and a, BP2, BP3 and BP4, for a part of its units.

Arrays of the workspace are unit by unit, a row as long as the batch; a network with members has
n columns for each of them. The layers' weights are shared by all, apart from one that has owners:
there each member's columns go through a product of their own.
"""

from __future__ import annotations

import numpy as np

from clearprop.engines.native import pointwise, products
from clearprop.engines.native.chance import drop_units, layer_key
from clearprop.engines.native.low_level import matrix, part, part_in_place, stamp, vector
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.records import (
    A_PLACE,
    ACTIVATION,
    BIAS,
    BLAS,
    CURVE,
    DELTA,
    DROPOUT,
    ERROR,
    FAN_IN,
    INPUT,
    MASK,
    OUTPUT,
    OWNERS,
    SHAPE,
    UNITS,
    WEIGHT,
    Z_PLACE,
)


@part(inline="always")
def _input_of(V, layer, index, columns):
    """Return what a layer received: (fan_in, columns), or turned for an input stored by rows."""
    # a thread without samples takes the own loops, which read the other way round
    if index == 0 and layer[BLAS] and columns > 0:
        return matrix(V, layer[INPUT], columns, layer[FAN_IN])
    return matrix(V, layer[INPUT], layer[FAN_IN], columns)


@part(inline="always")
def _weights(theta, layer, owner):
    """Return W of a layer, (fan_in, units); that of one member where each has its own."""
    fan_in, units = layer[FAN_IN], layer[UNITS]
    return matrix(theta, layer[WEIGHT] + owner * fan_in * units, fan_in, units)


@part(inline="always")
def _biases(theta, layer, owner):
    return vector(theta, layer[BIAS] + owner * layer[UNITS], layer[UNITS])


@part(inline="always")
def weighted_input(theta, V, layer, scale, job, panel, index, low, high, columns):
    """z = s W a + b for units low ≤ j < high of a layer."""
    A, Z = _input_of(V, layer, index, columns), matrix(V, layer[Z_PLACE], layer[UNITS], columns)
    n = columns // layer[OWNERS]
    for owner in range(layer[OWNERS]):
        W, b, first = _weights(theta, layer, owner), _biases(theta, layer, owner), owner * n
        if layer[BLAS] and columns > 0:
            products.fill_bias(b, Z, low, high, first, n)
            products.forward_blas(job.sgemm, W, A, index == 0, Z, low, high, scale, first, n)
        else:
            products.forward(W, b, A, Z, low, high, scale, panel, first, n)


@part_in_place()
def _stretches(by_units, units, columns):
    """Return how many stretches a pass over some units has, and their length.

    Each unit is one where several passes follow each other, which the nearest cache then holds
    (and has a t of its own, where that is learnt); elsewhere all of them are one stretch.
    """
    return (units, columns) if by_units else (1, units * columns)


@part(inline="always")
def activation(theta, V, layer, alpha, low, high, columns):
    """a = f(z) for units low ≤ j < high of a layer, or a = z + t (f(z) - z) where t is learnt."""
    shaped = layer[SHAPE] >= 0
    f_place = layer[CURVE] if shaped else layer[A_PLACE]
    count, length = _stretches(shaped, high - low, columns)
    for number in range(count):
        place = low * columns + number * length
        z, f = vector(V, layer[Z_PLACE] + place, length), vector(V, f_place + place, length)
        pointwise.activate(layer[ACTIVATION], alpha, z, f)
        if shaped:
            t = theta[layer[SHAPE] + low + number]
            pointwise.bend(t, z, f, vector(V, layer[A_PLACE] + place, length))


@part(inline="always")
def drop(V, samples, layer, threshold, keep, job, index, spare, low, high, columns, step):
    """Hand on a ⊙ mask for units low ≤ j < high of a layer with dropout; see `drop_units`.

    `spare` is the place of a row. To the generator unit j of a member is number member · units + j.
    """
    place, units, n = low * columns, high - low, columns // job.members
    a, mask, output = (
        matrix(V, layer[A_PLACE] + place, units, columns),
        matrix(V, layer[MASK] + place, units, columns),
        matrix(V, layer[OUTPUT] + place, units, columns),
    )
    if job.phases & DROPOUT:
        key, few = layer_key(job.seed, index + 1, step), np.uint32(threshold)
        for member in range(job.members):
            unit, first = member * layer[UNITS] + low, member * n
            numbers, rest = vector(samples, first, n), vector(V, spare, n)
            drop_units(key, numbers, few, keep, (a, mask, output), rest, unit, first)
    else:
        count = units * columns
        masks = vector(V, layer[MASK] + place, count)
        pointwise.fill(masks, type_of(keep, 1.0))
        handed_on = vector(V, layer[OUTPUT] + place, count)
        pointwise.multiply(vector(V, layer[A_PLACE] + place, count), masks, handed_on)


@part(inline="always")
def gradients(G, V, layer, scale, job, index, low, high, columns, keep, stamps, place):
    """BP3 and BP4 for units low ≤ j < high of a layer."""
    A, delta = _input_of(V, layer, index, columns), matrix(V, layer[DELTA], layer[UNITS], columns)
    by_blas, n = layer[BLAS] and columns > 0, columns // layer[OWNERS]
    turned = matrix(V, job.turned, columns, layer[UNITS])
    if not by_blas:
        products.turn(delta, turned, low, high)
    for owner in range(layer[OWNERS]):
        g, first = _biases(G, layer, owner), owner * n
        if by_blas:
            products.bias_gradient_by_rows(delta, g, low, high, keep, first, n)
        else:
            products.bias_gradient(delta, turned, g, low, high, keep, first, n)
    stamp(stamps, place)
    for owner in range(layer[OWNERS]):
        W, first = _weights(G, layer, owner), owner * n
        if by_blas:
            products.gradient_blas(
                job.sgemm, A, index == 0, delta, W, low, high, scale, keep, first, n
            )
        else:
            products.gradient(A, delta, turned, W, low, high, scale, keep, first, n)
    stamp(stamps, place + 1)


@part(inline="always")
def carry(feedback, V, layer, before, source, target, scale, job, low, high, columns):
    """Σ_j C[k, j] e[j, i]: errors at `source` to units low ≤ k < high at `target`.

    C is s W, or what carriers put in its place.
    """
    error = matrix(V, source, layer[UNITS], columns)
    D, n = matrix(V, target, before[UNITS], columns), columns // layer[OWNERS]
    for owner in range(layer[OWNERS]):
        C, first = _weights(feedback, layer, owner), owner * n
        if layer[BLAS] and columns > 0:
            products.backward_blas(job.sgemm, C, error, D, low, high, scale, first, n)
        else:
            products.backward(C, error, D, low, high, scale, first, n)


@part(inline="always")
def through_activation(theta, G, V, layer, target, alpha, late, spare, low, high, columns, keep):
    """δ = e ⊙ mask ⊙ da/dz for units low ≤ k < high of a layer, with ∂E/∂t = Σ_i e (f(z) - z).

    e stands at `target`, which is where δ belongs unless f' enters late, and gets the mask there.
    Where t is learnt, da/dz is 1 + t (f'(z) - 1); `spare` is the place of a row to write f' to.
    """
    shaped = layer[SHAPE] >= 0
    f_place = layer[CURVE] if shaped else layer[A_PLACE]
    count, length = _stretches(shaped or layer[MASK] >= 0, high - low, columns)
    for number in range(count):
        place = low * columns + number * length
        z, f = vector(V, layer[Z_PLACE] + place, length), vector(V, f_place + place, length)
        e, d = vector(V, target + place, length), vector(V, layer[DELTA] + place, length)
        slope = vector(V, spare, length) if shaped else d
        if layer[MASK] >= 0:
            pointwise.multiply(e, vector(V, layer[MASK] + place, length), e)
        if shaped or late:
            pointwise.fill(slope, type_of(alpha, 1.0))
        pointwise.times_derivative(layer[ACTIVATION], alpha, z, f, slope)
        if shaped:
            g = layer[SHAPE] + low + number
            total = pointwise.bend_back(theta[g], z, f, slope, e, d)
            G[g] = (keep * G[g] if keep != 0 else keep) + total
        elif late:
            # f' times e and not e times f': relu's pass would turn the NaN of a missing share to 0
            pointwise.multiply(d, e, d)


@part(inline="always")
def share_out(theta, V, layer, job, numbers, low, high, columns):
    """Divide what units low ≤ j < high carry by the sum of their weights."""
    E, S = (
        matrix(V, layer[ERROR], layer[UNITS], columns),
        matrix(V, job.shares, layer[UNITS], columns),
    )
    sums = matrix(V, job.sums, 2, layer[UNITS])
    products.share_out(_weights(theta, layer, np.int64(0)), E, S, sums, numbers.share, low, high)
