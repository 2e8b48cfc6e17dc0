"""Products of rows: the units of a row lie in one piece, and on the vector lanes.

    forward     Z[r, j] += s Σ_k X[r, k] W[k, j]          W as the parameter vector stores it
    backward    E[r, k] += s Σ_j Δ[r, j] W[k, j]          W turned
    gradient    G[k, j] += s Σ_r X[r, k] Δ[r, j]

All are `tiles.multiply` with other steps. A matrix that is met again at every step of time is first
copied into *panels* as wide as a tile: a tile then reads it in one piece, and a panel stays in the
nearer cache while all rows pass it. Products of very many terms go through BLAS, which packs for
itself.
"""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.low_level import address, call_gemm, matrix, part, vector
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.tiles import NEXT, NOTHING, NOWHERE, WHAT_IS_THERE, multiply
from clearprop.engines.native.transposing import transpose
from clearprop.engines.native.vectors import BYTES, size_of

N, T = np.int64(78), np.int64(84)
# rows whose part of a gradient is added at a time, so that they are read from a near cache
BLOCK = np.int64(128)
# rows from which on a product of a layer that is marked so goes through BLAS
BLAS_ROWS = 192


@part()
def panel_width(one):
    """Return how many columns a panel has: those of the widest tile."""
    return np.int64(2 * BYTES // size_of(one))


@part()
def pack_panels(theta, start, width, low, high, depth, V, panels):
    """Copy columns low ≤ j < high of a (depth, width) matrix into panels, (panel, depth, lanes)."""
    lanes = panel_width(V[0])
    for first in range(low, high, lanes):
        columns = min(lanes, high - first)
        for p in range(depth):
            source = vector(theta, start + p * width + first, columns)
            target = vector(V, panels + p * lanes, columns)
            for j in range(columns):
                target[j] = source[j]
        panels += depth * lanes


@part()
def pack_turned(theta, start, rows, width, V, panels):
    """Copy a (rows, width) matrix, turned, into panels, (panel, width, lanes)."""
    lanes = panel_width(V[0])
    for first in range(0, rows, lanes):
        count = min(lanes, rows - first)
        source = matrix(theta, start + first * width, count, width)
        transpose(source, matrix(V, panels, width, lanes), np.int64(0), count)
        panels += width * lanes


@part()
def product(target, lanes, panel, factors, sizes, block, scale, start):
    """C[r, i] = start + s Σ_p F[r, p] L[p, i]; see `tiles.multiply` for the first arguments.

    Panels of L are `panel` numbers apart. Of the rows of C, `block` at a time meet all panels. This
    is the one place where tiles are called, since each part that calls them compiles them anew.
    """
    (c, c_row), (left, step), (f, f_row, f_step), (rows, columns, depth) = (
        target, lanes, factors, sizes,
    )  # fmt: skip
    size, width = size_of(scale), panel_width(scale)
    for first in range(0, rows, block):
        count = min(block, rows - first)
        c_first, begin = c + first * c_row * size, (f + first * f_row * size, f_row, f_step)
        for column in range(0, columns, width):
            place = (c_first + column * size, c_row)
            source = (left + column // width * panel * size, step)
            some = (count, min(width, columns - column), depth)
            multiply(place, source, begin, some, scale, start, NOWHERE, NOWHERE)


@part()
def _blas(gemm, transposed, sizes, scale, a, lda, b, ldb, keep, c, ldc):
    call_gemm(gemm, transposed, sizes, scale, a, lda, b, ldb, keep, c, ldc)


@part(inline="always")
def times_panels(V, panels, panel, c, c_row, f, f_row, rows, columns, depth, scale, start):
    """C[r, i] = start + s Σ_p F[r, p] L[p, i], with L in panels that are `panel` numbers apart."""
    product(
        (address(V, c), c_row), (address(V, panels), panel_width(scale)), panel,
        (address(V, f), f_row, NEXT), (rows, columns, depth), BLOCK, scale, start,
    )  # fmt: skip


@part()
def fill_rows(theta, bias, V, z, rows, width):
    """Z[r, j] = b[j]: where a sum over inputs starts from."""
    source = vector(theta, bias, width)
    for r in range(rows):
        target = vector(V, z + r * width, width)
        for j in range(width):
            target[j] = source[j]


@part()
def fill_zeros(V, place, count):
    """Set so many numbers to 0."""
    target = vector(V, place, count)
    for i in range(count):
        target[i] = 0


@part(inline="always")
def forward_rows(gemm, blas, theta, weight, V, x, z, rows, fan_in, width, scale):
    """Z += s X W for rows of X (rows, fan_in) and Z (rows, width)."""
    W, X, Z = address(theta, weight), address(V, x), address(V, z)
    if blas and rows >= BLAS_ROWS:
        one = type_of(scale, 1.0)
        _blas(gemm, (N, N), (width, rows, fan_in), scale, W, width, X, fan_in, one, Z, width)
    else:
        product(
            (Z, width), (W, width), panel_width(scale), (X, fan_in, NEXT), (rows, width, fan_in),
            BLOCK, scale, WHAT_IS_THERE,
        )  # fmt: skip


@part(inline="always")
def backward_rows(
    gemm, blas, theta, weight, V, turned, delta, e, rows, fan_in, width, scale, adding
):
    """E (rows, fan_in) = s Δ Wᵀ, added to what is there where `adding`.

    `turned` is room for W in panels.
    """
    W, D, E = address(theta, weight), address(V, delta), address(V, e)
    if blas and rows >= BLAS_ROWS:
        keep = type_of(scale, 1.0 if adding else 0.0)
        _blas(gemm, (T, N), (fan_in, rows, width), scale, W, width, D, width, keep, E, fan_in)
    else:
        pack_turned(theta, weight, fan_in, width, V, turned)
        lanes = panel_width(scale)
        product(
            (E, fan_in), (address(V, turned), lanes), width * lanes, (D, width, NEXT),
            (rows, fan_in, width), BLOCK, scale, WHAT_IS_THERE if adding else NOTHING,
        )  # fmt: skip


@part(inline="always")
def gradient_rows(gemm, blas, V, x, fan_in, delta, d_row, columns, rows, G, g, g_row, scale):
    """G[k, j] += s Σ_r X[r, k] Δ[r, j] for `columns` columns of Δ, whose rows are d_row apart."""
    X, D, target = address(V, x), address(V, delta), address(G, g)
    if blas and rows >= BLAS_ROWS:
        one = type_of(scale, 1.0)
        _blas(gemm, (N, T), (columns, fan_in, rows), scale, D, d_row, X, fan_in, one, target, g_row)
    else:
        size = size_of(scale)
        for first in range(0, rows, BLOCK):
            sizes = (fan_in, columns, min(BLOCK, rows - first))
            product(
                (target, g_row), (D + first * d_row * size, d_row), panel_width(scale),
                (X + first * fan_in * size, NEXT, fan_in), sizes, fan_in, scale, WHAT_IS_THERE,
            )  # fmt: skip


@part()
def bias_rows(V, delta, d_row, columns, rows, G, g):
    """g[j] += Σ_r Δ[r, j]."""
    total = vector(G, g, columns)
    for r in range(rows):
        source = vector(V, delta + r * d_row, columns)
        for j in range(columns):
            total[j] += source[j]
