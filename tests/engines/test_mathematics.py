"""The kernels' own exp, log and relatives against NumPy's in higher precision."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from clearprop.engines.native import mathematics


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
