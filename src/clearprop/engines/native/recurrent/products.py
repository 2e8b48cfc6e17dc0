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

N, T = 78, 84
# rows whose part of a gradient is added at a time, so that they are read from a near cache
BLOCK = 128
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
def times_panels(V, panels, panel, c, c_row, f, f_row, rows, columns, depth, scale, start):
    """C[r, i] = start + s Σ_p F[r, p] L[p, i], with L in panels that are `panel` numbers apart."""
    lanes = panel_width(scale)
    for first in range(0, columns, lanes):
        sizes = (rows, min(lanes, columns - first), depth)
        target, source = (address(V, c + first), c_row), (address(V, panels), lanes)
        factors = (address(V, f), f_row, NEXT)
        multiply(target, source, factors, sizes, scale, start, NOWHERE, NOWHERE)
        panels += panel


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


@part()
def forward_rows(gemm, blas, theta, weight, V, x, z, rows, fan_in, width, scale):
    """Z += s X W for rows of X (rows, fan_in) and Z (rows, width)."""
    if blas and rows >= BLAS_ROWS:
        one = type_of(scale, 1.0)
        call_gemm(
            gemm, (N, N), (width, rows, fan_in), scale, address(theta, weight), width,
            address(V, x), fan_in, one, address(V, z), width,
        )  # fmt: skip
        return
    target, lanes = (address(V, z), width), (address(theta, weight), width)
    factors, sizes = (address(V, x), fan_in, NEXT), (rows, width, fan_in)
    multiply(target, lanes, factors, sizes, scale, WHAT_IS_THERE, NOWHERE, NOWHERE)


@part()
def backward_rows(
    gemm, blas, theta, weight, V, turned, delta, e, rows, fan_in, width, scale, adding
):
    """E (rows, fan_in) = s Δ Wᵀ, added to what is there where `adding`.

    `turned` is room for W in panels.
    """
    if blas and rows >= BLAS_ROWS:
        keep = type_of(scale, 1.0 if adding else 0.0)
        call_gemm(
            gemm, (T, N), (fan_in, rows, width), scale, address(theta, weight), width,
            address(V, delta), width, keep, address(V, e), fan_in,
        )  # fmt: skip
        return
    pack_turned(theta, weight, fan_in, width, V, turned)
    start, panel = WHAT_IS_THERE if adding else NOTHING, width * panel_width(scale)
    for first in range(0, rows, BLOCK):
        count = min(BLOCK, rows - first)
        times_panels(
            V, turned, panel, e + first * fan_in, fan_in, delta + first * width, width,
            count, fan_in, width, scale, start,
        )  # fmt: skip


@part()
def gradient_rows(gemm, blas, V, x, fan_in, delta, d_row, columns, rows, G, g, g_row, scale):
    """G[k, j] += s Σ_r X[r, k] Δ[r, j] for `columns` columns of Δ, whose rows are d_row apart."""
    if blas and rows >= BLAS_ROWS:
        one = type_of(scale, 1.0)
        call_gemm(
            gemm, (N, T), (columns, fan_in, rows), scale, address(V, delta), d_row,
            address(V, x), fan_in, one, address(G, g), g_row,
        )  # fmt: skip
        return
    for first in range(0, rows, BLOCK):
        lanes = (address(V, delta + first * d_row), d_row)
        factors = (address(V, x + first * fan_in), NEXT, fan_in)
        sizes = (fan_in, columns, min(BLOCK, rows - first))
        target = (address(G, g), g_row)
        multiply(target, lanes, factors, sizes, scale, WHAT_IS_THERE, NOWHERE, NOWHERE)


@part()
def bias_rows(V, delta, d_row, columns, rows, G, g):
    """g[j] += Σ_r Δ[r, j]."""
    total = vector(G, g, columns)
    for r in range(rows):
        source = vector(V, delta + r * d_row, columns)
        for j in range(columns):
            total[j] += source[j]
