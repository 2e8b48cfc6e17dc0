"""Transposing, a square block of vectors at a time.

Public names: `transpose`, `transpose_rows`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from clearprop.engines.native.low_level import part, row
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.vectors import BYTES, INT32, INT64, Vectors, size_of


def _block(gathered: bool) -> Any:
    """Return a function of kernels that transposes a block of as many rows and columns as lanes.

    `source` and `target` are addresses and steps from row to row; where the rows are gathered,
    `numbers` is the address of their numbers.
    """

    @intrinsic
    def block(typingctx, source, target, numbers, like):
        def codegen(context, builder, signature, arguments):
            v = Vectors(context, builder, signature.args[3])
            (begin, step), (place, across) = v.parts(arguments[0]), v.parts(arguments[1])
            order = builder.inttoptr(arguments[2], INT64.as_pointer())
            rows = []
            for i in range(v.lanes):
                number = builder.load(builder.gep(order, [v.number(i)])) if gathered else i
                rows.append(v.load(v.at(begin, number, step)))
            for i, column in enumerate(_turned(v, rows)):
                v.store(column, v.at(place, i, across))
            return context.get_dummy_value()

        pair = types.UniTuple(types.int64, 2)
        return types.void(pair, pair, types.int64, like), codegen

    return block


def _turned(v: Vectors, rows: list[Any]) -> list[Any]:
    """Return the columns of a block, given its rows.

    Stage d swaps the two off-diagonal squares of d x d in each square of 2d x 2d.
    """
    distance, lanes = 1, range(v.lanes)
    while distance < v.lanes:
        upper = [n if not n & distance else v.lanes + n - distance for n in lanes]
        lower = [n + distance if not n & distance else v.lanes + n for n in lanes]
        for i in (n for n in lanes if not n & distance):
            pair = rows[i], rows[i + distance]
            for place, picked in ((i, upper), (i + distance, lower)):
                mask = ir.Constant(ir.VectorType(INT32, v.lanes), picked)
                rows[place] = v.builder.shuffle_vector(*pair, mask)
        distance *= 2
    return rows


_block_in_place, _block_of_rows = _block(False), _block(True)


@part()
def transpose(S, T, low, high):
    """T[i, j] = S[j, i] for rows low ≤ j < high of S."""
    zero = type_of(S[0, 0], 0.0)
    size = size_of(zero)
    lanes, columns = BYTES // size, S.shape[1]
    s, t, across = S.ctypes.data, T.ctypes.data, T.shape[1]
    j = low
    while high - j >= lanes:
        i = 0
        while columns - i >= lanes:
            source, target = s + (j * columns + i) * size, t + (i * across + j) * size
            _block_in_place((source, columns), (target, across), 0, zero)
            i += lanes
        for rest in range(columns - i):
            for k in range(lanes):
                T[i + rest, j + k] = S[j + k, i + rest]
        j += lanes
    for rest in range(high - j):
        source = row(S, j + rest)
        for i in range(columns):
            T[i, j + rest] = source[i]


@part()
def transpose_rows(X, numbers, A, low, high):
    """A[f, i] = X[numbers[i], f] for columns low ≤ i < high of A."""
    zero = type_of(A[0, 0], 0.0)
    size = size_of(zero)
    lanes, fan_in, n = BYTES // size, A.shape[0], A.shape[1]
    x, a, order = X.ctypes.data, A.ctypes.data, numbers.ctypes.data
    i = low
    while high - i >= lanes and fan_in >= lanes:
        f = 0
        while fan_in - f >= lanes:
            target = a + (f * n + i) * size
            _block_of_rows((x + f * size, fan_in), (target, n), order + 8 * i, zero)
            f += lanes
        for k in range(lanes):
            source = row(X, numbers[i + k])
            for rest in range(fan_in - f):
                A[f + rest, i + k] = source[f + rest]
        i += lanes
    for rest in range(high - i):
        source = row(X, numbers[i + rest])
        for f in range(fan_in):
            A[f, i + rest] = source[f]
