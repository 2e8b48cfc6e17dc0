"""The kernels' own exp, log and relatives against NumPy's in higher precision."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from clearprop.engines.native import mathematics
from clearprop.engines.native.in_memory import put_some, some, take_some, width_of


@njit
def _logs(x, log, log1p):
    for i in range(len(x)):
        log[i] = mathematics.log(x[i])
        log1p[i] = mathematics.log1p(min(x[i], x.dtype.type(1)))


@njit
def _exps(x, exp, expm1, softplus):
    for i in range(len(x)):
        exp[i] = mathematics.exp(x[i])
        expm1[i] = mathematics.expm1(x[i])
        softplus[i] = mathematics.softplus(x[i])


def _roundings(found, exact):
    """Return the largest error in units of a rounding of the exact value."""
    spacing = np.spacing(np.maximum(abs(exact), np.finfo(found.dtype).tiny).astype(found.dtype))
    return float((abs(found.astype(np.longdouble) - exact) / spacing).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logarithms_are_right_to_a_few_roundings(dtype):
    real = np.dtype(dtype).type
    largest = {"float32": 37.0, "float64": 300.0}[dtype]
    x = np.concatenate(
        [10 ** np.linspace(-largest, largest, 4001), np.linspace(0.5, 2, 4001), [1.0]]
    ).astype(real)
    log, log1p = np.empty_like(x), np.empty_like(x)
    _logs(x, log, log1p)
    assert _roundings(log, np.log(x.astype(np.longdouble))) <= 3
    assert _roundings(log1p, np.log1p(np.minimum(x, 1).astype(np.longdouble))) <= 3
    assert log[-1] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exponentials_are_right_to_a_few_roundings(dtype):
    x = np.linspace(-80, 80, 20001).astype(dtype)
    exp, expm1, softplus = (np.empty_like(x) for _ in range(3))
    _exps(x, exp, expm1, softplus)
    exact = x.astype(np.longdouble)
    assert _roundings(exp, np.exp(exact)) <= 3
    assert _roundings(expm1, np.expm1(exact)) <= 3
    assert _roundings(softplus, np.logaddexp(0, exact)) <= 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_stays_nan_and_no_number_becomes_infinite(dtype):
    x = np.array([np.nan, 1e4, -1e4], dtype)
    results = [np.empty_like(x) for _ in range(3)]
    _exps(x, *results)
    _logs(np.full(3, np.nan, dtype), *results[1:])
    assert np.isnan(results[0][0])
    assert np.isfinite(results[0][1:]).all()
    assert np.isnan(results[1]).all()


@njit
def _waves(turns, cosine, sine):
    width = width_of(turns)
    for start in range(0, len(turns), width):
        mask = some(turns, len(turns) - start)
        c, s = mathematics.cos_and_sin(take_some(turns, start, mask))
        put_some(cosine, start, c, mask)
        put_some(sine, start, s, mask)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_waves_are_right_to_a_few_roundings_at_any_angle(dtype):
    draw = np.random.default_rng(0)
    turns = np.concatenate(
        [np.linspace(-3, 3, 4801), draw.normal(0, 300, 4000), [1e6, 123456.25, -0.5, 1e30]]
    ).astype(dtype)
    cosine, sine = np.empty_like(turns), np.empty_like(turns)
    _waves(turns, cosine, sine)
    # whole turns off first, which is exact
    angle = 2 * np.pi * np.longdouble(1) * (turns - np.rint(turns)).astype(np.longdouble)
    bound = 4 * np.finfo(dtype).eps
    assert abs(cosine - np.cos(angle)).max() < bound
    assert abs(sine - np.sin(angle)).max() < bound
    # near the zeros of the sine its relative error counts
    small = np.abs(angle) < 0.1
    exact = np.sin(angle[small])
    assert (abs(sine[small] - exact) <= 4 * np.finfo(dtype).eps * abs(exact)).all()


def test_waves_of_what_is_not_finite_are_not_numbers():
    turns = np.array([np.nan, np.inf, -np.inf, 0.0])
    cosine, sine = np.empty_like(turns), np.empty_like(turns)
    _waves(turns, cosine, sine)
    assert np.isnan(cosine[:3]).all()
    assert np.isnan(sine[:3]).all()
    assert (cosine[3], sine[3]) == (1.0, 0.0)


@njit
def _slopes(x, slope):
    for i in range(len(x)):
        slope[i] = mathematics.mish_slope(x[i])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mishs_slope_is_right_to_a_few_roundings(dtype):
    x = np.concatenate([np.linspace(-30, 30, 6001), [1e4, -80.0]]).astype(dtype)
    slope = np.empty_like(x)
    _slopes(x, slope)
    exact = x.astype(np.longdouble)
    t = np.tanh(np.logaddexp(0, exact))
    wanted = t + exact * (1 - t) * (1 + t) / (1 + np.exp(-exact))
    assert abs(slope - wanted).max() < 8 * np.finfo(dtype).eps
