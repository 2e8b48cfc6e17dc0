"""Register tiles and transposing against NumPy: any height, width and end, both precisions."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from clearprop.engines.native import tiles, transposing

BOUND = {"float32": 2e-5, "float64": 1e-13}


@njit
def _multiply(C, L, F, f_row, f_step, scale, start, bias, panel):
    tiles.multiply(
        (C.ctypes.data, C.shape[1]),
        (L.ctypes.data, L.shape[1]),
        (F.ctypes.data, f_row, f_step),
        (C.shape[0], C.shape[1], L.shape[0]),
        scale,
        start,
        bias.ctypes.data,
        panel.ctypes.data if len(panel) else 0,
    )


@njit
def _transpose(S, T, low, high):
    transposing.transpose(S, T, low, high)


@njit
def _transpose_rows(X, numbers, A, low, high):
    transposing.transpose_rows(X, numbers, A, low, high)


def _drawn(dtype, *shapes):
    generator = np.random.default_rng(3)
    return [generator.normal(size=shape).astype(dtype) for shape in shapes]


def _check(dtype, rows, columns, terms, start, along_rows):
    shape = (terms, rows) if along_rows else (rows, terms)
    C, L, F, bias = _drawn(dtype, (rows, columns), (terms, columns), shape, (rows,))
    factors = F.T if along_rows else F
    steps = (1, rows) if along_rows else (terms, 1)
    scale = np.dtype(dtype).type(0.75)
    begin = {tiles.NOTHING: 0, tiles.WHAT_IS_THERE: C, tiles.BIAS: bias[:, None]}[start]
    expected = begin + 0.75 * factors.astype(np.float64) @ L
    panel = np.zeros(tiles.TALLEST * terms if along_rows else 0, dtype)
    guarded = np.full((rows + 2, columns), 7, dtype)
    guarded[1:-1] = C
    _multiply(guarded[1:-1], L, F, *steps, scale, start, bias, panel)
    size = 1 + (abs(factors) @ abs(L)).max()
    assert abs(guarded[1:-1] - expected).max() <= BOUND[dtype] * size
    assert (guarded[[0, -1]] == 7).all(), "a tile wrote outside its rows"


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("rows", [*range(1, 14), 25])
def test_products_of_every_height_equal_numpys(dtype, rows):
    for columns in (1, 5, 16, 17, 32, 33, 50):
        _check(dtype, rows, columns, 7, tiles.NOTHING, along_rows=True)
        _check(dtype, rows, columns, 7, tiles.BIAS, along_rows=False)


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("start", [tiles.NOTHING, tiles.WHAT_IS_THERE, tiles.BIAS])
def test_a_packed_band_changes_nothing(dtype, start):
    # rows of 400 numbers, 150 of them, are more than FITS: bands are packed for the many columns
    _check(dtype, 400, 80, 150, start, along_rows=True)


@pytest.mark.parametrize("dtype", BOUND)
def test_a_result_does_not_depend_on_where_it_is_cut(dtype):
    C, L, F, bias = _drawn(dtype, (40, 90), (30, 90), (30, 40), (40,))
    one = np.dtype(dtype).type(1)
    whole, parts = C.copy(), C.copy()
    none = np.zeros(0, dtype)
    _multiply(whole, L, F, 1, 40, one, tiles.BIAS, bias, none)
    for low, high in ((0, 7), (7, 26), (26, 40)):
        factors = np.ascontiguousarray(F[:, low:high])
        columns = [np.ascontiguousarray(L[:, :37]), np.ascontiguousarray(L[:, 37:])]
        pieces = [np.zeros((high - low, piece.shape[1]), dtype) for piece in columns]
        for piece, column in zip(pieces, columns, strict=True):
            width = high - low
            _multiply(piece, column, factors, 1, width, one, tiles.BIAS, bias[low:high], none)
        parts[low:high] = np.concatenate(pieces, axis=1)
    np.testing.assert_array_equal(whole, parts)


def test_a_product_without_terms_or_columns_is_its_start():
    C, F, bias = np.full((3, 4), 5.0), np.zeros((3, 0)), np.arange(3.0)
    _multiply(C, np.zeros((0, 4)), F, 0, 1, 1.0, tiles.BIAS, bias, np.zeros(0))
    np.testing.assert_array_equal(C, np.repeat(bias[:, None], 4, axis=1))
    _multiply(np.zeros((3, 0)), np.zeros((2, 0)), F, 0, 1, 1.0, tiles.BIAS, bias, np.zeros(0))


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (40, 3), (16, 16), (33, 50), (100, 64)])
def test_transposing_moves_each_number_to_its_place(dtype, shape):
    (S,) = _drawn(dtype, shape)
    T = np.full(shape[::-1], 9, dtype)
    low, high = shape[0] // 3, shape[0]
    _transpose(S, T, low, high)
    np.testing.assert_array_equal(T[:, low:high], S.T[:, low:high])
    assert (T[:, :low] == 9).all()


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize(("fan_in", "count"), [(1, 5), (4, 32), (16, 16), (21, 37), (64, 100)])
def test_gathering_transposes_the_rows_that_are_named(dtype, fan_in, count):
    (X,) = _drawn(dtype, (60, fan_in))
    numbers = np.random.default_rng(1).integers(0, 60, count)
    A = np.full((fan_in, count), 9, dtype)
    low, high = count // 4, count
    _transpose_rows(X, numbers, A, low, high)
    np.testing.assert_array_equal(A[:, low:high], X[numbers].T[:, low:high])
    assert (A[:, :low] == 9).all()
