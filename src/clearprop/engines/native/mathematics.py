"""exp, log and their relatives, written so that a loop over them runs on vector lanes.

The C library's functions are called one number at a time. These have no branches and no calls, so
LLVM runs 8 or 16 of them at once; most also take a register of `lanes`. The core is the reduction
e^x = 2ⁿ e^r with n = ⌊x / ln 2 + ½⌋ and |r| ≤ ½ ln 2, where e^r - 1 is its Taylor series: its error
after the last term kept is below half a unit in the last place (r⁸/8! < 6e-9 in float32,
r¹⁴/14! < 4e-18 in float64).

Working from e^x - 1 keeps the relative accuracy of tanh, elu and selu near zero.

log x = n ln 2 + log m with m between √½ and √2, and log m = 2 artanh s with s = (m - 1) / (m + 1),
of which |s| < 0.172 needs few terms of s + s³/3 + s⁵/5 + …; for log(1 + u) with 0 ≤ u ≤ 1, s is
u / (2 + u) ≤ 1/3.

cos and sin take angles in turns, of which whole ones fall away without a rounding error.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from clearprop.engines.native.lanes import Lanes, rounded, where, whole_and_power
from clearprop.engines.native.low_level import bits_of_float, float_of_bits, part

FAST = {"contract", "reassoc", "nsz", "arcp"}
# where the order of operations is the point of a formula
EXACT = {"contract"}

_LOG2E = 1 / math.log(2)
# ln 2 in two parts, the first with trailing zeros, so that n · ln 2 loses nothing
_LN2_HIGH_64, _LN2_LOW_64 = 0.693147180369123816490, 1.90821492927058770002e-10
_LN2_HIGH_32, _LN2_LOW_32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
_F32 = tuple(np.float32(1 / math.factorial(k)) for k in range(8))
_F64 = tuple(1 / math.factorial(k) for k in range(14))

_ROOT_HALF_32 = np.int32(np.float32(math.sqrt(0.5)).view(np.int32))
_ROOT_HALF_64 = np.int64(np.float64(math.sqrt(0.5)).view(np.int64))


def _polynomial(*coefficients: float) -> Any:
    """Return a function of kernels: c₀ + c₁ x + c₂ x² + … by Horner's rule."""

    @intrinsic
    def value(typingctx, x):
        def codegen(context, builder, signature, arguments):
            kind, flags = context.get_value_type(x), tuple(FAST)
            width = x.width if isinstance(x, Lanes) else 0
            constants = [kind([c] * width if width else c) for c in coefficients]
            result = constants.pop()
            while constants:
                result = builder.fmul(result, arguments[0], flags=flags)
                result = builder.fadd(result, constants.pop(), flags=flags)
            return result

        return x(x), codegen

    return value


def _odd(terms: int) -> list[float]:
    """Return 1, 1/3, 1/5, …: artanh s = s Σ s²ᵏ / (2k + 1)."""
    return [1 / (2 * k + 1) for k in range(terms)]


def _sine(terms: int) -> list[float]:
    """Return the Taylor series of sin(2π w) / w in w²."""
    return [
        (-1) ** k * (2 * math.pi) ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(terms)
    ]


# artanh s / s as a function of s²
_LOG_32, _LOG_64 = _polynomial(*_odd(5)), _polynomial(*_odd(11))
_LOG1P_32, _LOG1P_64 = _polynomial(*_odd(8)), _polynomial(*_odd(17))
# |2π w| ≤ π/2: the term left out is below 6e-8 and 2e-18 of the sum
_SINE_32, _SINE_64 = _polynomial(*_sine(7)), _polynomial(*_sine(12))


@part(fastmath=FAST)
def clamp(x, low, high):
    """Hold x within [low, high]; NaN stays NaN, where min and max would lose it."""
    x = where(x < low, low, x)
    return where(x > high, high, x)


@part(fastmath=FAST)
def _nearest_32(x):
    n = np.floor(x + np.float32(0.5))
    return n, float_of_bits(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))


@part(fastmath=FAST)
def _nearest_64(x):
    n = np.floor(x + 0.5)
    return n, float_of_bits((np.int64(n) + 1023) << 52)


def nearest(x):
    """Return the whole number n nearest to x, and 2ⁿ; only kernels call this."""
    raise NotImplementedError


@overload(nearest)
def _nearest(x):
    if isinstance(x, Lanes):
        return lambda x: whole_and_power(x)  # noqa: PLW0108  Numba wants a Python function
    if x == types.float32:
        return lambda x: _nearest_32(x)  # noqa: PLW0108
    return lambda x: _nearest_64(x)  # noqa: PLW0108


@part(fastmath=EXACT)
def _powers_32(x):
    """Return 2ⁿ and e^r - 1 of e^x = 2ⁿ e^r, in float32."""
    # 88.37 is the last x whose n is below 128, the exponent of infinity
    x = clamp(x, np.float32(-87.0), np.float32(88.3))
    n, two_n = nearest(x * np.float32(_LOG2E))
    r = (x - n * _LN2_HIGH_32) - n * _LN2_LOW_32
    r2 = r * r
    # terms by pairs (Estrin): a single sample waits for the longest chain, a third of Horner's
    p = (_F32[4] + _F32[5] * r) + r2 * (_F32[6] + _F32[7] * r)
    return two_n, r + r2 * ((_F32[2] + _F32[3] * r) + r2 * p)


@part(fastmath=EXACT)
def _powers_64(x):
    """Return 2ⁿ and e^r - 1 of e^x = 2ⁿ e^r, in float64."""
    x = clamp(x, -708.0, 709.4)
    n, two_n = nearest(x * _LOG2E)
    r = (x - n * _LN2_HIGH_64) - n * _LN2_LOW_64
    r2 = r * r
    r4 = r2 * r2
    low = (_F64[2] + _F64[3] * r) + r2 * (_F64[4] + _F64[5] * r)
    middle = (_F64[6] + _F64[7] * r) + r2 * (_F64[8] + _F64[9] * r)
    high = (_F64[10] + _F64[11] * r) + r2 * (_F64[12] + _F64[13] * r)
    return two_n, r + r2 * (low + r4 * (middle + r4 * high))


def powers(x):
    """Return (2ⁿ, e^r - 1) in the precision of x; only kernels call this."""
    raise NotImplementedError


@overload(powers)
def _powers(x):
    if _precision(x) == types.float32:
        return lambda x: _powers_32(x)  # noqa: PLW0108  Numba wants a Python function
    return lambda x: _powers_64(x)  # noqa: PLW0108


@part(fastmath=FAST)
def exp(x):
    """e^x, never 0 and never infinite: x is held within the exponents of its precision."""
    two_n, q = powers(x)
    return two_n * q + two_n


@part(fastmath=FAST)
def expm1(x):
    """e^x - 1, accurate near 0."""
    two_n, q = powers(x)
    return two_n * q + (two_n - type_of(x, 1.0))


@part(fastmath=EXACT)
def _log_32(x):
    n = (bits_of_float(x) - _ROOT_HALF_32) >> np.int32(23)
    # by arithmetic and not by bits, so that NaN stays NaN
    m = x * float_of_bits(np.int32((np.int32(127) - min(n, np.int32(126))) << np.int32(23)))
    s = (m - np.float32(1)) / (m + np.float32(1))
    n = np.float32(n)
    return n * _LN2_HIGH_32 + (np.float32(2) * s * _LOG_32(s * s) + n * _LN2_LOW_32)


@part(fastmath=EXACT)
def _log_64(x):
    n = (bits_of_float(x) - _ROOT_HALF_64) >> 52
    m = x * float_of_bits((1023 - min(n, 1022)) << 52)
    s = (m - 1.0) / (m + 1.0)
    n = np.float64(n)
    return n * _LN2_HIGH_64 + (2.0 * s * _LOG_64(s * s) + n * _LN2_LOW_64)


def _quarter_turn(w):
    """Return sin 2πw for a register of |w| ≤ 1/4; only kernels call this."""
    raise NotImplementedError


@overload(_quarter_turn)
def _quarter_turn_of(w):
    if _precision(w) == types.float32:
        return lambda w: w * _SINE_32(w * w)
    return lambda w: w * _SINE_64(w * w)


@part(fastmath=EXACT)
def cos_and_sin(turns):
    """cos 2πu and sin 2πu of a register of angles u, counted in turns.

    What whole turns leave, r within ±1/2, is exact, and so are the quarter turns from r to where
    the sine's series is taken: cos 2πr = sin 2π(1/4 - |r|), and sin 2πr = sin 2π(±1/2 - r) beyond a
    quarter turn.
    """
    quarter, half = type_of(turns, 0.25), type_of(turns, 0.5)
    r = turns - rounded(turns)
    w = where(r > quarter, half - r, where(r < -quarter, -half - r, r))
    return _quarter_turn(quarter - abs(r)), _quarter_turn(w)


def log(x):
    """Return the natural logarithm of a positive normal number; only kernels call this."""
    raise NotImplementedError


@overload(log)
def _log(x):
    if x == types.float32:
        return lambda x: _log_32(x)  # noqa: PLW0108  Numba wants a Python function
    return lambda x: _log_64(x)  # noqa: PLW0108


def log1p(u):
    """Return log(1 + u) for 0 ≤ u ≤ 1; only kernels call this."""
    raise NotImplementedError


@overload(log1p)
def _log1p(u):
    if _precision(u) == types.float32:

        def value(u):
            s = u / (np.float32(2) + u)
            return np.float32(2) * s * _LOG1P_32(s * s)
    else:

        def value(u):
            s = u / (2.0 + u)
            return 2.0 * s * _LOG1P_64(s * s)

    return value


@part(fastmath=FAST)
def sigmoid(x):
    """1 / (1 + e^-x)."""
    one = type_of(x, 1.0)
    two_n, q = powers(-x)
    return one / (two_n * q + (two_n + one))


@part(fastmath=FAST)
def tanh(x):
    """(e^2x - 1) / (e^2x + 1); beyond ±20 it is ±1 in float64, beyond ±10 in float32."""
    two = type_of(x, 2.0)
    limit = type_of(x, 20.0)
    e = expm1(two * clamp(x, -limit, limit))
    return e / (e + two)


@part(fastmath=FAST)
def softplus(x):
    """log(1 + e^x) without overflow."""
    zero = type_of(x, 0.0)
    return where(x < zero, zero, x) + log1p(exp(-abs(x)))


@part(fastmath=FAST)
def tanh_softplus(x):
    """tanh(log(1 + e^x)) = e (e + 2) / (e (e + 2) + 2) with e = e^x; above 20 it is 1."""
    two = type_of(x, 2.0)
    limit = type_of(x, 20.0)
    e = exp(where(x > limit, limit, x))
    m = e * (e + two)
    return m / (m + two)


@part(fastmath=FAST)
def mish_slope(x):
    """The derivative of x tanh(log(1 + e^x)): t + x 4 e (1 + e) / w².

    With e = e^x and w = e (e + 2) + 2, t = (w - 2) / w is the tanh; one exponential and one
    division do for both.
    """
    one, two, four, limit = (
        type_of(x, 1.0),
        type_of(x, 2.0),
        type_of(x, 4.0),
        type_of(x, 20.0),
    )
    # from there on the slope is 1
    x = where(x > limit, limit, x)
    e = exp(x)
    m = e * (e + two)
    share = one / (m + two)
    return share * (m + x * (four * e * (one + e) * share))


def type_of(x, value):
    """Return `value` in the precision of x, so that float32 kernels stay in float32."""
    return type(x)(value)


def _precision(x):
    return x.dtype if isinstance(x, Lanes) else x


@overload(type_of)
def _type_of(x, value):
    if _precision(x) == types.float32:
        return lambda x, value: np.float32(value)
    return lambda x, value: np.float64(value)
