"""Activations and their derivatives on a stretch of numbers, by code.

The codes are the places of the names in `clearprop.functions.ACTIVATIONS`; the formulas are those
of that table, in the form that runs on vector lanes. δ is multiplied by f'(z), which is computed
from the stored activation a where that is cheaper than from z.
"""

from __future__ import annotations

import math

from clearprop.engines.native.low_level import part, stretch, vector
from clearprop.engines.native.mathematics import (
    FAST,
    exp,
    expm1,
    mish_slope,
    sigmoid,
    softplus,
    tanh,
    tanh_softplus,
    type_of,
)
from clearprop.functions import ACTIVATIONS
from clearprop.functions.activations import SELU_ALPHA, SELU_SCALE

CODES = {name: code for code, name in enumerate(ACTIVATIONS)}
IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU, ELU, SELU, GELU, SILU, MISH, SOFTPLUS, EXP, SOFTMAX = (
    CODES[name]
    for name in (
        "identity",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "elu",
        "selu",
        "gelu",
        "silu",
        "mish",
        "softplus",
        "exp",
        "softmax",
    )
)
_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)


@part(fastmath=FAST)
def activate(code, alpha, z, a):
    """a = f(z), number by number. Softmax is left to `softmax`."""
    zero, one = type_of(alpha, 0.0), type_of(alpha, 1.0)
    half, root_half = type_of(alpha, 0.5), type_of(alpha, _ROOT_HALF)
    if code == RELU:
        for i in range(len(z)):
            # written so that NaN stays NaN
            a[i] = zero if z[i] < zero else z[i]
    elif code == SIGMOID:
        for i in range(len(z)):
            a[i] = sigmoid(z[i])
    elif code == TANH:
        for i in range(len(z)):
            a[i] = tanh(z[i])
    elif code == LEAKY_RELU:
        for i in range(len(z)):
            x = z[i]
            a[i] = x if x > zero else alpha * x
    elif code in (ELU, SELU):
        scale = type_of(alpha, SELU_SCALE) if code == SELU else one
        if code == SELU:
            alpha = type_of(alpha, SELU_ALPHA)
        for i in range(len(z)):
            x = z[i]
            a[i] = scale * (x if x > zero else alpha * expm1(zero if x > zero else x))
    elif code == GELU:
        for i in range(len(z)):
            x = z[i]
            a[i] = half * x * (one + math.erf(x * root_half))
    elif code == SILU:
        for i in range(len(z)):
            a[i] = z[i] * sigmoid(z[i])
    elif code == MISH:
        for i in range(len(z)):
            a[i] = z[i] * tanh_softplus(z[i])
    elif code == SOFTPLUS:
        for i in range(len(z)):
            a[i] = softplus(z[i])
    elif code == EXP:
        for i in range(len(z)):
            a[i] = math.exp(z[i])
    else:
        for i in range(len(z)):
            a[i] = z[i]


@part(fastmath=FAST)
def times_derivative(code, alpha, z, a, d):
    """δ ← δ ⊙ f'(z), number by number."""
    zero, one = type_of(alpha, 0.0), type_of(alpha, 1.0)
    half, root_half = type_of(alpha, 0.5), type_of(alpha, _ROOT_HALF)
    density = type_of(alpha, _DENSITY)
    if code == RELU:
        for i in range(len(z)):
            d[i] = d[i] if z[i] > zero else zero
    elif code == SIGMOID:
        for i in range(len(z)):
            d[i] *= a[i] * (one - a[i])
    elif code == TANH:
        for i in range(len(z)):
            d[i] *= one - a[i] * a[i]
    elif code == LEAKY_RELU:
        for i in range(len(z)):
            d[i] = d[i] if z[i] > zero else alpha * d[i]
    elif code in (ELU, SELU):
        scale = type_of(alpha, SELU_SCALE) if code == SELU else one
        if code == SELU:
            alpha = type_of(alpha, SELU_SCALE * SELU_ALPHA)
        for i in range(len(z)):
            d[i] *= scale if z[i] > zero else a[i] + alpha
    elif code == GELU:
        for i in range(len(z)):
            x = z[i]
            d[i] *= half * (one + math.erf(x * root_half)) + x * density * exp(-half * x * x)
    elif code == SILU:
        for i in range(len(z)):
            s = sigmoid(z[i])
            d[i] *= s + a[i] * (one - s)
    elif code == MISH:
        for i in range(len(z)):
            d[i] *= mish_slope(z[i])
    elif code == SOFTPLUS:
        for i in range(len(z)):
            d[i] *= sigmoid(z[i])
    elif code == EXP:
        for i in range(len(z)):
            d[i] *= a[i]


@part()
def fill(array, value):
    """array = value, number by number."""
    for i in range(len(array)):
        array[i] = value


@part(fastmath=FAST)
def multiply(left, right, product):
    """product = left ⊙ right."""
    for i in range(len(left)):
        product[i] = left[i] * right[i]


@part(fastmath=FAST)
def bend(t, z, f, a):
    """a = z + t (f(z) - z): an activation whose strength t is learnt."""
    for i in range(len(z)):
        a[i] = z[i] + t * (f[i] - z[i])


@part(fastmath=FAST)
def bend_back(t, z, f, slope, e, d):
    """δ = e (1 + t (f'(z) - 1)); return ∂E/∂t = Σ_i e_i (f(z_i) - z_i). `slope` is f'(z)."""
    one, total = type_of(t, 1.0), type_of(t, 0.0)
    for i in range(len(z)):
        error = e[i]
        total += error * (f[i] - z[i])
        d[i] = error * (one + t * (slope[i] - one))
    return total


@part(fastmath=FAST)
def softmax(z, a, top, total, low, high):
    """a = softmax(z) of samples low ≤ i < high; z and a are (units, n).

    Leaves max_j z_j in `top` and Σ_j e^(z_j - max) in `total`, both (n,).
    """
    top, total = vector(top, low, high - low), vector(total, low, high - low)
    n = len(top)
    first = stretch(z, 0, low, high)
    for i in range(n):
        top[i] = first[i]
        total[i] = 0
    for j in range(1, len(z)):
        row = stretch(z, j, low, high)
        for i in range(n):
            top[i] = max(top[i], row[i])
    for j in range(len(z)):
        row, e = stretch(z, j, low, high), stretch(a, j, low, high)
        for i in range(n):
            e[i] = exp(row[i] - top[i])
            total[i] += e[i]
    for j in range(len(z)):
        e = stretch(a, j, low, high)
        for i in range(n):
            e[i] /= total[i]
