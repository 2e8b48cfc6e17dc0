"""Transposing, a square block of vectors at a time.

Public names: `transpose`, `transpose_rows`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from clearprop.engines.native.low_level import address, part, part_in_place
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.vectors import BYTES, INT32, INT64, Vectors, size_of


def _block(gathered: bool) -> Any:
    """Return a function of kernels that transposes a block of up to as many rows as lanes.

    `source` and `target` are addresses and steps from row to row, `sizes` the rows and columns of
    the source; where its rows are gathered, `numbers` is the address of their numbers. In a block
    that is not full the last row stands in for those that are missing: it is read more than once,
    and written last by itself.
    """

    @intrinsic
    def block(typingctx, source, target, numbers, sizes, like):
        def codegen(context, builder, signature, arguments):
            v = Vectors(context, builder, signature.args[4])
            (begin, step), (place, across) = v.parts(arguments[0]), v.parts(arguments[1])
            order = builder.inttoptr(arguments[2], INT64.as_pointer())
            height, width = v.parts(arguments[3])
            last_row, last_column = (builder.sub(size, v.number(1)) for size in (height, width))

            def begins() -> Iterator[Any]:
                for i in range(v.lanes):
                    number = v.smaller(v.number(i), last_row)
                    if gathered:
                        number = builder.load(builder.gep(order, [number]))
                    yield v.at(begin, number, step)

            def ends(i: int) -> Any:
                return v.at(place, v.smaller(v.number(i), last_column), across)

            lanes = range(v.lanes)
            full = builder.and_(v.equal(height, v.lanes), v.equal(width, v.lanes))
            # some processors take as long for a masked store as for ten others
            with builder.if_else(full) as (whole, part_of_one):
                with whole:
                    for i, column in zip(lanes, _turned(v, [*map(v.load, begins())]), strict=True):
                        v.store(column, ends(i))
                with part_of_one:
                    across_, down = v.first(width), v.first(height)
                    columns = _turned(v, [v.load(row, across_) for row in begins()])
                    for i in reversed(lanes):
                        v.store(columns[i], ends(i), down)
            return context.get_dummy_value()

        pair = types.UniTuple(types.int64, 2)
        return types.void(pair, pair, types.int64, pair, like), codegen

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


@part_in_place()
def _begin(block, low, high, lanes):
    """Return where a block begins: a last one that is not full is moved back over the one before.

    Only of fewer numbers than lanes no full block can be made.
    """
    return max(low, min(low + block * lanes, high - lanes))


@part_in_place()
def _blocks(count, lanes):
    return (count + lanes - 1) // lanes


@part()
def transpose(S, T, low, high):
    """T[i, j] = S[j, i] for rows low ≤ j < high of S."""
    one = type_of(S[0, 0], 1.0)
    lanes, columns, across = BYTES // size_of(one), S.shape[1], T.shape[1]
    sizes = (min(lanes, high - low), min(lanes, columns))
    for row in range(_blocks(high - low, lanes)):
        j = _begin(row, low, high, lanes)
        for column in range(_blocks(columns, lanes)):
            i = _begin(column, 0, columns, lanes)
            source, target = address(S, j * columns + i), address(T, i * across + j)
            _block_in_place((source, columns), (target, across), 0, sizes, one)


@part_in_place()
def transpose_rows(X, numbers, A, low, high):
    """A[f, i] = X[numbers[i], f] for columns low ≤ i < high of A."""
    one = type_of(A[0, 0], 1.0)
    lanes, (fan_in, n) = BYTES // size_of(one), A.shape
    sizes = (min(lanes, high - low), min(lanes, fan_in))
    for row in range(_blocks(high - low, lanes)):
        i = _begin(row, low, high, lanes)
        order = address(numbers, i)
        for column in range(_blocks(fan_in, lanes)):
            f = _begin(column, 0, fan_in, lanes)
            source, target = (address(X, f), fan_in), (address(A, f * n + i), n)
            _block_of_rows(source, target, order, sizes, one)
