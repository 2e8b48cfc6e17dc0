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
        t = tanh_softplus(z)
        return d * (t + z * sigmoid(z) * (one - t * t))
    if code == SOFTPLUS:
        return d * sigmoid(z)
    if code == EXP:
        return d * a
    return d


@part_in_place()
def _weighted_sum(theta, V, layer, start, mask):
    """Return Σ_k a_k W[k, j] for the units j in the register that starts at `start`."""
    x, place, units = layer[INPUT], layer[WEIGHT] + start, layer[UNITS]
    one = two = three = four = zeros(V)
    # four sums, since each addition to a sum waits for the one before
    for quarter in range(layer[FAN_IN] // 4):
        k = 4 * quarter
        row = place + k * units
        one = one + spread(V, x + k) * take_some(theta, row, mask)
        two = two + spread(V, x + k + 1) * take_some(theta, row + units, mask)
        three = three + spread(V, x + k + 2) * take_some(theta, row + 2 * units, mask)
        four = four + spread(V, x + k + 3) * take_some(theta, row + 3 * units, mask)
    total = (one + two) + (three + four)
    for rest in range(layer[FAN_IN] % 4):
        k = layer[FAN_IN] - layer[FAN_IN] % 4 + rest
        total = total + spread(V, x + k) * take_some(theta, place + k * units, mask)
    return total


@part_in_place()
def _finish(theta, V, layer, total, scale, alpha, start):
    """z = b + s Σ and f(z) for the units of a full register."""
    z = take(theta, layer[BIAS] + start) + scale * total
    put(V, layer[Z_PLACE] + start, z)
    a = _activated(layer[ACTIVATION], alpha, z, layer[UNITS] - start)
    put(V, layer[A_PLACE] + start, a)
    if layer[MASK] >= 0:
        put(V, layer[OUTPUT] + start, a)


@part()
def _four_registers(theta, V, layer, scale, alpha, start):
    """z and f(z) for the units of four registers.

    The rows of a wide W lie far apart, and memory hands over what lies together much faster.
    """
    width, x, units = width_of(V), layer[INPUT], layer[UNITS]
    one = two = three = four = zeros(V)
    place = layer[WEIGHT] + start
    for k in range(layer[FAN_IN]):
        row, factor = place + k * units, spread(V, x + k)
        one = one + factor * take(theta, row)
        two = two + factor * take(theta, row + width)
        three = three + factor * take(theta, row + 2 * width)
        four = four + factor * take(theta, row + 3 * width)
    _finish(theta, V, layer, one, scale, alpha, start)
    _finish(theta, V, layer, two, scale, alpha, start + width)
    _finish(theta, V, layer, three, scale, alpha, start + 2 * width)
    _finish(theta, V, layer, four, scale, alpha, start + 3 * width)


@part_in_place()
def forward(theta, V, layer, scale, alpha):
    """z = s W a + b and f(z), four registers or one at a time."""
    width, units = width_of(V), layer[UNITS]
    fours = units // (4 * width)
    for block in range(fours):
        _four_registers(theta, V, layer, scale, alpha, block * 4 * width)
    for block in range(4 * fours, (units + width - 1) // width):
        start = block * width
        mask = some(V, units - start)
        total = _weighted_sum(theta, V, layer, start, mask)
        z = take_some(theta, layer[BIAS] + start, mask) + scale * total
        put(V, layer[Z_PLACE] + start, z)
        a = _activated(layer[ACTIVATION], alpha, z, units - start)
        put(V, layer[A_PLACE] + start, a)
        if layer[MASK] >= 0:
            # nothing is dropped here, but the next layer reads what a mask would have left
            put(V, layer[OUTPUT] + start, a)


@part_in_place()
def _row_sum(theta, V, row, delta, units):
    """Return Σ_j W[k, j] δ_j for the row of W that starts at `row`."""
    width, total = width_of(V), zeros(V)
    for block in range(units // width):
        start = block * width
        total = total + take(theta, row + start) * take(V, delta + start)
    start = units - units % width
    if start < units:
        mask = some(V, units - start)
        total = total + take_some(theta, row + start, mask) * take_some(V, delta + start, mask)
    return sum_of(total, units)


@part_in_place()
def _carried(theta, V, layer, held, start, count):
    """Return Σ_j W[k, j] δ_j for `count` units k from `start` on, in one register."""
    units, error = layer[UNITS], zeros(V)
    row = layer[WEIGHT] + start * units
    # the sums go into the lanes one by one: read back from memory they would have to wait until
    # all of them are written
    if units <= width_of(V):
        mask = some(V, units)
        for k in range(count):
            products = take_some(theta, row + k * units, mask) * held
            error = where(lane(V, k), sum_of(products, units), error)
    else:
        for k in range(count):
            total = _row_sum(theta, V, row + k * units, layer[DELTA], units)
            error = where(lane(V, k), total, error)
    return error


@part_in_place()
def carry(theta, V, layer, before, held, scale, alpha):
    """BP2: δ of the layer before = s Wᵀ δ ⊙ f'(z), a register at a time; return the last.

    `held` is δ, if one register holds it: its way through memory would be a tenth of the step.
    """
    width, fan_in = width_of(V), layer[FAN_IN]
    d = held
    for block in range((fan_in + width - 1) // width):
        start = block * width
        count = min(width, fan_in - start)
        error = scale * _carried(theta, V, layer, held, start, count)
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
