"""A layer of one sample: z and a, δ of the layer before (BP2), the gradient (BP3, BP4).

The units of a layer lie on the lanes of registers, and W[k, j], from unit k to unit j, is read row
by row. A layer of few units is one register; what hangs over the end of a row is masked.
"""

from __future__ import annotations

import math

from clearprop.engines.native.in_memory import (
    at,
    lane,
    put,
    put_some,
    some,
    spread,
    take,
    take_some,
    width_of,
    zeros,
)
from clearprop.engines.native.lanes import each_erf, each_exp, sum_of, where
from clearprop.engines.native.low_level import part, part_in_place
from clearprop.engines.native.mathematics import (
    exp,
    expm1,
    mish_slope,
    sigmoid,
    softplus,
    tanh,
    tanh_softplus,
    type_of,
)
from clearprop.engines.native.pointwise import (
    ELU,
    EXP,
    GELU,
    LEAKY_RELU,
    MISH,
    RELU,
    SELU,
    SIGMOID,
    SILU,
    SOFTPLUS,
    TANH,
)
from clearprop.engines.native.records import (
    A_PLACE,
    ACTIVATION,
    BIAS,
    DELTA,
    FAN_IN,
    INPUT,
    MASK,
    OUTPUT,
    ROWS,
    UNITS,
    WEIGHT,
    Z_PLACE,
)
from clearprop.functions.activations import SELU_ALPHA, SELU_SCALE

_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)


@part_in_place()
def _activated(code, alpha, z, count):
    """Return f(z) of the first `count` lanes; the formulas are those of `pointwise.activate`."""
    zero = type_of(alpha, 0.0)
    if code == RELU:
        return where(z < zero, zero, z)
    if code == SIGMOID:
        return sigmoid(z)
    if code == TANH:
        return tanh(z)
    if code == LEAKY_RELU:
        return where(z > zero, z, alpha * z)
    if code in (ELU, SELU):
        scale = type_of(alpha, SELU_SCALE if code == SELU else 1.0)
        bend = type_of(alpha, SELU_ALPHA) if code == SELU else alpha
        return scale * where(z > zero, z, bend * expm1(where(z > zero, zero, z)))
    if code == GELU:
        return z * 0.5 * (each_erf(z * _ROOT_HALF, count) + 1.0)
    if code == SILU:
        return z * sigmoid(z)
    if code == MISH:
        return z * tanh_softplus(z)
    if code == SOFTPLUS:
        return softplus(z)
    if code == EXP:
        return each_exp(z, count)
    return z


@part_in_place()
def times_derivative(code, alpha, z, a, d, count):
    """Return d ⊙ f'(z); the formulas are those of `pointwise.times_derivative`."""
    zero, one = type_of(alpha, 0.0), type_of(alpha, 1.0)
    if code == RELU:
        return where(z > zero, d, zero)
    if code == SIGMOID:
        return d * (a * (one - a))
    if code == TANH:
        return d * (one - a * a)
    if code == LEAKY_RELU:
        return where(z > zero, d, alpha * d)
    if code == ELU:
        return d * where(z > zero, one, a + alpha)
    if code == SELU:
        return d * where(z > zero, type_of(alpha, SELU_SCALE), a + SELU_SCALE * SELU_ALPHA)
    if code == GELU:
        area = 0.5 * (each_erf(z * _ROOT_HALF, count) + one)
        return d * (area + z * _DENSITY * exp(-0.5 * z * z))
    if code == SILU:
        s = sigmoid(z)
        return d * (s + a * (one - s))
    if code == MISH:
        return d * mish_slope(z)
    if code == SOFTPLUS:
        return d * sigmoid(z)
    if code == EXP:
        return d * a
    return d


@part_in_place()
def _lanes_on(V, padded, count):
    """Return the mask of the first `count` lanes; None, all of them, where rows are padded."""
    return some(V, count) if padded is None else None


@part_in_place()
def _weighted_sum(theta, V, layer, place, stride, mask):
    """Return Σ_k a_k W[k, j] for the units j in the register that starts at `place` in row 0."""
    x = layer[INPUT]
    one = two = three = four = zeros(V)
    # four sums, since each addition to a sum waits for the one before
    for quarter in range(layer[FAN_IN] // 4):
        k = 4 * quarter
        row = place + k * stride
        one = one + spread(V, x + k) * take_some(theta, row, mask)
        two = two + spread(V, x + k + 1) * take_some(theta, row + stride, mask)
        three = three + spread(V, x + k + 2) * take_some(theta, row + 2 * stride, mask)
        four = four + spread(V, x + k + 3) * take_some(theta, row + 3 * stride, mask)
    total = (one + two) + (three + four)
    for rest in range(layer[FAN_IN] % 4):
        k = layer[FAN_IN] - layer[FAN_IN] % 4 + rest
        total = total + spread(V, x + k) * take_some(theta, place + k * stride, mask)
    return total


@part_in_place()
def _finish(V, layer, total, b, scale, alpha, start):
    """z = b + s Σ and f(z) for the units of a register."""
    z = b + scale * total
    put(V, layer[Z_PLACE] + start, z)
    a = _activated(layer[ACTIVATION], alpha, z, layer[UNITS] - start)
    put(V, layer[A_PLACE] + start, a)
    if layer[MASK] >= 0:
        # nothing is dropped here, but the next layer reads what a mask would have left
        put(V, layer[OUTPUT] + start, a)


@part()
def _four_registers(theta, V, layer, place, stride, scale, alpha, start):
    """z and f(z) for the units of four registers.

    The rows of a wide W lie far apart, and memory hands over what lies together much faster.
    """
    width, x = width_of(V), layer[INPUT]
    one = two = three = four = zeros(V)
    for k in range(layer[FAN_IN]):
        row, factor = place + start + k * stride, spread(V, x + k)
        one = one + factor * take(theta, row)
        two = two + factor * take(theta, row + width)
        three = three + factor * take(theta, row + 2 * width)
        four = four + factor * take(theta, row + 3 * width)
    b = place + start + layer[FAN_IN] * stride
    _finish(V, layer, one, take(theta, b), scale, alpha, start)
    _finish(V, layer, two, take(theta, b + width), scale, alpha, start + width)
    _finish(V, layer, three, take(theta, b + 2 * width), scale, alpha, start + 2 * width)
    _finish(V, layer, four, take(theta, b + 3 * width), scale, alpha, start + 3 * width)


@part_in_place()
def forward(theta, V, layer, place, stride, padded, scale, alpha):
    """z = s W a + b and f(z), four registers or one at a time.

    The rows of W begin at `place` in θ and lie `stride` apart, b after the last. They are padded
    with zeros to whole registers, or `padded` is None.
    """
    width, units = width_of(V), layer[UNITS]
    fours = units // (4 * width)
    for block in range(fours):
        _four_registers(theta, V, layer, place, stride, scale, alpha, block * 4 * width)
    for block in range(4 * fours, (units + width - 1) // width):
        start = block * width
        mask = _lanes_on(V, padded, units - start)
        total = _weighted_sum(theta, V, layer, place + start, stride, mask)
        b = take_some(theta, place + layer[FAN_IN] * stride + start, mask)
        _finish(V, layer, total, b, scale, alpha, start)


@part_in_place()
def _row_sum(V, row, delta, units):
    """Return Σ_j W[k, j] δ_j for the row of W that starts at `row`."""
    width, total = width_of(V), zeros(V)
    for start in range(0, units, width):
        total = total + take(V, row + start) * take(V, delta + start)
    return sum_of(total, units)


@part_in_place()
def _carried(V, layer, held, start, count):
    """Return Σ_j W[k, j] δ_j for `count` units k from `start` on, in one register."""
    units, width, error = layer[UNITS], width_of(V), zeros(V)
    stride = (units + width - 1) // width * width
    row = layer[ROWS] + start * stride
    # the sums go into the lanes one by one: read back from memory they would have to wait until
    # all of them are written
    for k in range(count):
        if units <= width:
            total = sum_of(take(V, row + k * stride) * held, units)
        else:
            total = _row_sum(V, row + k * stride, layer[DELTA], units)
        error = where(lane(V, k), total, error)
    return error


@part_in_place()
def carry(V, layer, before, held, scale, alpha):
    """BP2: δ of the layer before = s Wᵀ δ ⊙ f'(z), a register at a time; return the last.

    `held` is δ, if one register holds it: its way through memory would be a tenth of the step. W is
    read from its rows (see `sample_rows`), which end in zeros.
    """
    width, fan_in = width_of(V), layer[FAN_IN]
    d = held
    for block in range((fan_in + width - 1) // width):
        start = block * width
        count = min(width, fan_in - start)
        error = scale * _carried(V, layer, held, start, count)
        z, a = take(V, before[Z_PLACE] + start), take(V, before[A_PLACE] + start)
        d = times_derivative(before[ACTIVATION], alpha, z, a, error, count)
        put(V, before[DELTA] + start, d)
    return d


@part_in_place()
def last_register(V, layer):
    """Return the last register of δ, as somebody else left it in its place."""
    units = layer[UNITS]
    start = (units - 1) // width_of(V) * width_of(V)
    return take_some(V, layer[DELTA] + start, some(V, units - start))


@part_in_place()
def gradient(G, V, layer, held, scale):
    """BP3 and BP4: ∂E/∂b_j = δ_j and ∂E/∂W[k, j] = s a_k δ_j, a register at a time.

    `held` is the last register of δ.
    """
    width, units, x = width_of(V), layer[UNITS], layer[INPUT]
    for block in range(units // width):
        start = block * width
        delta = take(V, layer[DELTA] + start)
        put(G, layer[BIAS] + start, delta)
        for k in range(layer[FAN_IN]):
            put(G, layer[WEIGHT] + k * units + start, (scale * at(V, x + k)) * delta)
    start = units - units % width
    if start < units:
        mask = some(V, units - start)
        put_some(G, layer[BIAS] + start, held, mask)
        for k in range(layer[FAN_IN]):
            g = (scale * at(V, x + k)) * held
            put_some(G, layer[WEIGHT] + k * units + start, g, mask)
