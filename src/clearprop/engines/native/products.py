"""The three matrix products of a dense layer: forward (z), backward (BP2) and gradient (BP4).

Activations are stored unit by unit: Z[j, i] is unit j of sample i, so that the samples of a batch
lie on the vector lanes and the pointwise passes run over one long row. Weights are stored
W[k, j], from unit k to unit j: (fan_in, units).

Each product has two forms, and a plan decides layer by layer which is taken. Own register tiles
(`tiles`) read the matrices where they lie; they are the faster ones up to layers of several hundred
units. BLAS first packs its matrices for the caches, which pays above that. For a single sample
there is nothing to put on the lanes but the units, so the tiles' roles are swapped.

All three work on a range of units, so that threads can share out the neurons of a layer, and on
`n` of the workspace's columns from column `first` on: where each member of a network has weights of
its own, a product is one for each member, on that member's columns. The matrices of one layer never
overlap in memory.
"""

from __future__ import annotations

import math

import numpy as np

from clearprop.engines.native.low_level import (
    address,
    address_of_copy,
    call_gemm,
    part,
    stretch,
    vector,
)
from clearprop.engines.native.mathematics import FAST, type_of
from clearprop.engines.native.tiles import (
    BIAS,
    NEXT,
    NOTHING,
    NOWHERE,
    SAME,
    WHAT_IS_THERE,
    multiply,
)
from clearprop.engines.native.transposing import transpose

N, T = 78, 84


@part(inline="always")
def forward(W, b, A, Z, low, high, scale, panel, first, n):
    """Z[j, i] = b[j] + s Σ_k W[k, j] A[k, i] for units low ≤ j < high.

    `panel` is the address of room for a band of W; see `tiles.multiply`.
    """
    (fan_in, units), columns, count = W.shape, Z.shape[1], high - low
    z, w = address(Z, low * columns + first), address(W, low)
    if columns == 1:
        fill_bias(b, Z, low, high, first, n)
        inputs, sizes = (address(A, 0), SAME, NEXT), (np.int64(1), count, fan_in)
        multiply((z, units), (w, units), inputs, sizes, scale, WHAT_IS_THERE, NOWHERE, NOWHERE)
        return
    sizes, bias, inputs = (count, n, fan_in), address(b, low), (address(A, first), columns)
    multiply((z, columns), inputs, (w, NEXT, units), sizes, scale, BIAS, bias, panel)


@part(fastmath=FAST)
def _backward_of_one(W, delta, D, low, high, scale):
    """Do what `backward` does for one sample: each input's number is a sum along a row of W."""
    units = W.shape[1]
    d = vector(delta, 0, units)
    for k in range(low, high):
        row, total = stretch(W, k, 0, units), type_of(scale, 0.0)
        for j in range(units):
            total += row[j] * d[j]
        D[k, 0] = scale * total


@part(inline="always")
def backward(W, delta, D, low, high, scale, first, n):
    """D[k, i] = s Σ_j W[k, j] δ[j, i] for inputs low ≤ k < high."""
    units, columns = delta.shape
    if columns == 1:
        _backward_of_one(W, delta, D, low, high, scale)
        return
    d, weights = address(D, low * columns + first), (address(W, low * units), units, NEXT)
    sizes, errors = (high - low, n, units), (address(delta, first), columns)
    multiply((d, columns), errors, weights, sizes, scale, NOTHING, NOWHERE, NOWHERE)


@part(inline="always")
def turn(delta, turned, low, high):
    """Write units low ≤ j < high of δ sample by sample, (columns, units), for BP3 and BP4.

    One sample looks the same either way, and is left where it is.
    """
    if delta.shape[1] != 1:
        transpose(delta, turned, low, high)


@part(inline="always")
def bias_gradient(delta, turned, g, low, high, keep, first, n):
    """g[j] = Σ_i δ[j, i] + keep g[j] for units low ≤ j < high: BP3, with the units on the lanes.

    With keep = 0 what an earlier, diverged step left behind is not read: 0 · NaN is NaN.
    """
    units, columns = delta.shape
    source = address(delta, low) if columns == 1 else address(turned, first * units + low)
    # the sum of δ is its product with a factor that is 1 for all samples
    one = type_of(keep, 1.0)
    ones, sizes = (address_of_copy(one), SAME, SAME), (np.int64(1), high - low, n)
    start = NOTHING if keep == 0 else WHAT_IS_THERE
    multiply((address(g, low), units), (source, units), ones, sizes, one, start, NOWHERE, NOWHERE)


@part(inline="always")
def gradient(A, delta, turned, G, low, high, scale, keep, first, n):
    """G[k, j] = s Σ_i A[k, i] δ[j, i] + keep G[k, j] for units low ≤ j < high: BP4.

    The units lie on the lanes here too.
    """
    (fan_in, columns), units = A.shape, G.shape[1]
    source = address(delta, low) if columns == 1 else address(turned, first * units + low)
    g, inputs = address(G, low), (address(A, first), columns, NEXT)
    sizes, start = (fan_in, high - low, n), NOTHING if keep == 0 else WHAT_IS_THERE
    multiply((g, units), (source, units), inputs, sizes, scale, start, NOWHERE, NOWHERE)


@part(fastmath=FAST)
def share_out(W, E, S, sums, threshold, low, high):
    """S[j, i] = E[j, i] / Σ_k W[k, j] for units low ≤ j < high, NaN where the sum vanishes.

    A sum vanishes where it is not above `threshold` times Σ_k |W[k, j]|. `sums` (2, units) is left
    with both.
    """
    total, size = stretch(sums, 0, low, high), stretch(sums, 1, low, high)
    one = type_of(threshold, 1.0)
    for j in range(len(total)):
        total[j] = size[j] = 0
    for k in range(W.shape[0]):
        row = stretch(W, k, low, high)
        for j in range(len(total)):
            total[j] += row[j]
            size[j] += abs(row[j])
    for j in range(len(total)):
        share = one / total[j] if abs(total[j]) > threshold * size[j] else type_of(one, math.nan)
        source, target = stretch(E, low + j, 0, E.shape[1]), stretch(S, low + j, 0, E.shape[1])
        for i in range(len(source)):
            target[i] = share * source[i]


@part()
def fill_bias(b, Z, low, high, first, n):
    """Z[j, i] = b[j] for units low ≤ j < high: where a product through BLAS starts from."""
    for j in range(low, high):
        value, row = b[j], stretch(Z, j, first, first + n)
        for i in range(n):
            row[i] = value


@part(inline="always")
def forward_blas(gemm, W, A, by_rows, Z, low, high, scale, first, n):
    """Do what `forward` does, through BLAS; with `by_rows` A is (columns, fan_in)."""
    fan_in, units = W.shape
    columns, one = Z.shape[1], type_of(scale, 1.0)
    call_gemm(
        gemm, (T if by_rows else N, T), (n, high - low, fan_in), scale,
        address(A, first * fan_in if by_rows else first), A.shape[1], address(W, low), units, one,
        address(Z, low * columns + first), columns,
    )  # fmt: skip


@part(inline="always")
def backward_blas(gemm, W, delta, D, low, high, scale, first, n):
    """Do what `backward` does, through BLAS."""
    units, columns = delta.shape
    zero = type_of(scale, 0.0)
    call_gemm(
        gemm, (N, N), (n, high - low, units), scale,
        address(delta, first), columns, address(W, low * units), units, zero,
        address(D, low * columns + first), columns,
    )  # fmt: skip


@part(fastmath=FAST)
def bias_gradient_by_rows(delta, g, low, high, keep, first, n):
    """g[j] = Σ_i δ[j, i] + keep g[j] for units low ≤ j < high: BP3 where δ is not turned."""
    for j in range(low, high):
        total, row = type_of(keep, 0.0), stretch(delta, j, first, first + n)
        for i in range(n):
            total += row[i]
        g[j] = (keep * g[j] if keep != 0 else keep) + total


@part(inline="always")
def gradient_blas(gemm, A, by_rows, delta, G, low, high, scale, keep, first, n):
    """Do what `gradient` does, through BLAS; with `by_rows` A is (columns, fan_in)."""
    fan_in, units = G.shape
    columns = delta.shape[1]
    call_gemm(
        gemm, (T, T if by_rows else N), (high - low, fan_in, n), scale,
        address(delta, low * columns + first), columns,
        address(A, first * fan_in if by_rows else first), A.shape[1], keep,
        address(G, low), units,
    )  # fmt: skip
