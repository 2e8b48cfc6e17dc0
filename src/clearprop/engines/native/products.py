"""The three matrix products of a dense layer: forward (z), backward (BP2) and gradient (BP4).

Activations are stored unit by unit: Z[j, i] is unit j of sample i, so that the samples of a batch
lie on the vector lanes and the pointwise passes run over one long row. Weights are stored
W[k, j], from unit k to unit j: (fan_in, units).

Each product has two forms, and a plan decides layer by layer which is taken. Own register tiles
(`tiles`) read the matrices where they lie; they are the faster ones up to layers of several hundred
units. BLAS first packs its matrices for the caches, which pays above that. For a single sample
there is nothing to put on the lanes but the units, so the tiles' roles are swapped.

All three work on a range of units, so that threads can share out the neurons of a layer. The
matrices of one layer never overlap in memory.
"""

from __future__ import annotations

import math

from clearprop.engines.native.low_level import call_gemm, part, stretch, vector
from clearprop.engines.native.mathematics import FAST, type_of
from clearprop.engines.native.tiles import BIAS, NOTHING, WHAT_IS_THERE, multiply
from clearprop.engines.native.transposing import transpose

N, T = 78, 84


@part()
def _at(array, place):
    """Return the address of the number at this place of an array, counted in its flat order."""
    return array.ctypes.data + place * array.itemsize


@part()
def forward(W, b, A, Z, low, high, scale, panel):
    """Z[j, i] = b[j] + s Σ_k W[k, j] A[k, i] for units low ≤ j < high.

    `panel` is the address of room for a band of W; see `tiles.multiply`.
    """
    (fan_in, units), n, count = W.shape, Z.shape[1], high - low
    z, w = _at(Z, low * n), _at(W, low)
    if n == 1:
        fill_bias(b, Z, low, high)
        inputs = (_at(A, 0), 0, 1)
        multiply((z, units), (w, units), inputs, (1, count, fan_in), scale, WHAT_IS_THERE, 0, 0)
        return
    sizes, bias = (count, n, fan_in), _at(b, low)
    multiply((z, n), (_at(A, 0), n), (w, 1, units), sizes, scale, BIAS, bias, panel)


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


@part()
def backward(W, delta, D, low, high, scale):
    """D[k, i] = s Σ_j W[k, j] δ[j, i] for inputs low ≤ k < high."""
    units, n = delta.shape
    if n == 1:
        _backward_of_one(W, delta, D, low, high, scale)
        return
    weights, sizes = (_at(W, low * units), units, 1), (high - low, n, units)
    multiply((_at(D, low * n), n), (_at(delta, 0), n), weights, sizes, scale, NOTHING, 0, 0)


@part()
def gradient(A, delta, turned, G, low, high, scale, keep):
    """G[k, j] = s Σ_i A[k, i] δ[j, i] + keep G[k, j] for units low ≤ j < high: BP4.

    The units lie on the lanes, so δ is turned first: `turned` is (n, units). With keep = 0 what an
    earlier, diverged step left behind is not read: 0 · NaN is NaN.
    """
    (fan_in, n), units = A.shape, G.shape[1]
    start = NOTHING if keep == 0 else WHAT_IS_THERE
    source = _at(delta, low)
    if n != 1:
        transpose(delta, turned, low, high)
        source = _at(turned, low)
    inputs, sizes = (_at(A, 0), n, 1), (fan_in, high - low, n)
    multiply((_at(G, low), units), (source, units), inputs, sizes, scale, start, 0, 0)


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
    """Z[j, i] = b[j] for units low ≤ j < high: where a product through BLAS starts from."""
    n = Z.shape[1]
    for j in range(low, high):
        value = b[j]
        for i in range(n):
            Z[j, i] = value


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
