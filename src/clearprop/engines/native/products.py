"""The three matrix products of a dense layer: forward (z), backward (BP2) and gradient (BP4).

Activations are stored unit by unit: Z[j, i] is unit j of sample i, so that the samples of a batch
lie on the vector lanes and the pointwise passes run over one long row. Weights are stored
W[k, j], from unit k to unit j: (fan_in, units).

Each product has two forms. BLAS takes over where it pays, which a plan decides layer by layer. Own
loops serve narrow layers, where calling BLAS costs more than the product: for batches they put the
samples on the lanes, for a single sample the units.

All three work on a range of units, so that threads can share out the neurons of a layer. The
matrices of one layer never overlap in memory. The innermost loops run from 0: over `range(low,
high)` Numba would ask of every index whether it is negative, which keeps a loop off the vector
lanes.
"""

from __future__ import annotations

import math

from clearprop.engines.native.low_level import call_gemm, part, stretch, vector
from clearprop.engines.native.mathematics import FAST, type_of

N, T = 78, 84


@part(fastmath=FAST)
def forward(W, A, Z, low, high, scale):
    """Z[j, i] += s Σ_k W[k, j] A[k, i] for units low ≤ j < high."""
    fan_in, n = A.shape
    if n == 1:
        z = vector(Z, low, high - low)
        for k in range(fan_in):
            x, row = scale * A[k, 0], stretch(W, k, low, high)
            for j in range(len(row)):
                z[j] += x * row[j]
        return
    fours = fan_in // 4
    for j in range(low, high):
        # four inputs at a time: Z is read and written a quarter as often
        for quarter in range(fours):
            k = 4 * quarter
            w0, w1 = scale * W[k, j], scale * W[k + 1, j]
            w2, w3 = scale * W[k + 2, j], scale * W[k + 3, j]
            for i in range(n):
                Z[j, i] += (w0 * A[k, i] + w1 * A[k + 1, i]) + (w2 * A[k + 2, i] + w3 * A[k + 3, i])
        for k in range(4 * fours, fan_in):
            w0 = scale * W[k, j]
            for i in range(n):
                Z[j, i] += w0 * A[k, i]


@part(fastmath=FAST)
def backward(W, delta, D, low, high, scale):
    """D[k, i] = s Σ_j W[k, j] δ[j, i] for inputs low ≤ k < high."""
    units, n = delta.shape
    zero = type_of(scale, 0.0)
    if n == 1:
        d = vector(delta, 0, units)
        for k in range(low, high):
            row, total = stretch(W, k, 0, units), zero
            for j in range(units):
                total += row[j] * d[j]
            D[k, 0] = scale * total
        return
    fours = units // 4
    for k in range(low, high):
        for i in range(n):
            D[k, i] = zero
        for quarter in range(fours):
            j = 4 * quarter
            w0, w1 = scale * W[k, j], scale * W[k, j + 1]
            w2, w3 = scale * W[k, j + 2], scale * W[k, j + 3]
            for i in range(n):
                D[k, i] += (w0 * delta[j, i] + w1 * delta[j + 1, i]) + (
                    w2 * delta[j + 2, i] + w3 * delta[j + 3, i]
                )
        for j in range(4 * fours, units):
            w0 = scale * W[k, j]
            for i in range(n):
                D[k, i] += w0 * delta[j, i]


@part(fastmath=FAST)
def gradient(A, delta, G, low, high, scale, keep):
    """G[k, j] = s Σ_i A[k, i] δ[j, i] + keep G[k, j] for units low ≤ j < high: BP4."""
    fan_in, n = A.shape
    if n == 1 and keep == 0:
        d = vector(delta, low, high - low)
        for k in range(fan_in):
            x, row = scale * A[k, 0], stretch(G, k, low, high)
            for j in range(len(row)):
                row[j] = x * d[j]
        return
    for k in range(fan_in):
        for j in range(low, high):
            total = type_of(scale, 0.0)
            for i in range(n):
                total += A[k, i] * delta[j, i]
            # what an earlier, diverged step left behind must not get in: 0 · NaN is NaN
            G[k, j] = (keep * G[k, j] if keep != 0 else keep) + scale * total


@part(fastmath=FAST)
def bias_gradient(delta, g, low, high, keep):
    """g[j] = Σ_i δ[j, i] + keep g[j] for units low ≤ j < high: BP3."""
    n = delta.shape[1]
    for j in range(low, high):
        total = type_of(keep, 0.0)
        for i in range(n):
            total += delta[j, i]
        g[j] = (keep * g[j] if keep != 0 else keep) + total


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
def fill_bias(b, Z, low, high):
    """Z[j, i] = b[j] for units low ≤ j < high: where the forward product starts from."""
    n = Z.shape[1]
    for j in range(low, high):
        value = b[j]
        for i in range(n):
            Z[j, i] = value


@part()
def _at(array, place):
    """Return the address of the number at this place of an array, counted in its flat order."""
    return array.ctypes.data + place * array.itemsize


@part()
def forward_blas(address, W, A, by_rows, Z, low, high, scale):
    """Do what `forward` does, through BLAS; with `by_rows` A is (n, fan_in)."""
    fan_in, units = W.shape
    n = Z.shape[1]
    one = type_of(scale, 1.0)
    call_gemm(
        address, (T if by_rows else N, T), (n, high - low, fan_in), scale,
        _at(A, 0), A.shape[1], _at(W, low), units, one, _at(Z, low * n), n,
    )  # fmt: skip


@part()
def backward_blas(address, W, delta, D, low, high, scale):
    """Do what `backward` does, through BLAS."""
    units, n = delta.shape
    zero = type_of(scale, 0.0)
    call_gemm(
        address, (N, N), (n, high - low, units), scale,
        _at(delta, 0), n, _at(W, low * units), units, zero, _at(D, low * n), n,
    )  # fmt: skip


@part()
def gradient_blas(address, A, by_rows, delta, G, low, high, scale, keep):
    """Do what `gradient` does, through BLAS; with `by_rows` A is (n, fan_in)."""
    fan_in, units = G.shape
    n = delta.shape[1]
    call_gemm(
        address, (T, T if by_rows else N), (high - low, fan_in, n), scale,
        _at(delta, low * n), n, _at(A, 0), A.shape[1], keep, _at(G, low), units,
    )  # fmt: skip
