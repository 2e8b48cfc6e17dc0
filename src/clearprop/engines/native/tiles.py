"""Register tiles: the inner part of every matrix product, written in vectors of LLVM.

A compiler that vectorises loops keeps a sum in memory between two steps of the loop. Here a tile of
the result, `rows` times two vectors wide, stays in the processor's registers while the whole sum
runs, so that each number read is used many times and the multipliers never wait. The three products
of a layer are one and the same form,

    C[r, i] = start + s Σ_p F[r, p] L[p, i]

with the lanes of a vector along i, where C and L lie in one piece, and one factor F at a time
broadcast to all lanes (see `products`). Nothing has to be packed first. A lane's sum is formed in
the order of p wherever its tile lies, so how a result is cut into tiles and threads does not change
a bit of it.

Public names: `multiply`, the codes `NOTHING`, `WHAT_IS_THERE` and `BIAS`, the address
`NOWHERE`, the steps `SAME` and `NEXT`, `TALLEST`, `FITS`.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from clearprop.engines.native.low_level import part
from clearprop.engines.native.vectors import BYTES, REGISTERS, Vectors, size_of

# what a sum starts from: 0, C itself, or the bias of each row
NOTHING, WHAT_IS_THERE, BIAS = (np.int64(code) for code in range(3))
# an address that is not given; the step of a number that stays, and of one that is the next
NOWHERE, SAME, NEXT = np.int64(0), np.int64(0), np.int64(1)
# rows of the tallest tile: its sums, two vectors and a factor fit the registers
TALLEST = np.int64(12 if REGISTERS == 32 else 6)
# bytes of a row of the result from which packing pays: smaller tiles are done sooner, and packing a
# band takes as long for them (without AVX-512: 46 and 71 GFLOP/s at 32 columns, equal at 128)
PACKED_ABOVE = np.int64((2 if REGISTERS == 32 else 8) * BYTES)
# a matrix of fewer bytes stays in the nearest cache, however it is read
FITS = 32_768


def _tile(height: int, width: int) -> Any:
    """Return a function of kernels that forms a tile of `height` rows and `width` vectors.

    `target` is C: its address and the step from row to row. `lanes` is L: its address and the step
    from p to p + 1. `factors` is F: its address and its steps along r and along p. Steps count
    numbers. In the last vector only `count` lanes exist. `start` is one of the codes above, `bias`
    the address of the first row's bias.
    """

    @intrinsic
    def tile(typingctx, target, lanes, factors, depth, count, scale, start, bias):
        def codegen(context, builder, signature, arguments):
            target, lanes, factors, depth, count, scale, start, bias = arguments
            v = Vectors(context, builder, signature.args[5])
            masks = [None] * (width - 1) + [v.first(count)]
            sums = [[v.variable() for _ in masks] for _ in range(height)]
            _add_up(v, sums, masks, lanes, factors, depth)
            c, c_row = v.parts(target)
            places = [[v.at(v.at(c, c_row, r), k * v.lanes) for k in range(width)]
                      for r in range(height)]  # fmt: skip

            tile = list(product(range(height), range(width)))

            def finish(begin: Any) -> None:
                s = v.splat(scale)
                for r, k in tile:
                    value = v.multiply_add(s, builder.load(sums[r][k]), begin(r, k))
                    builder.store(value, sums[r][k])

            def store(masks: list[Any]) -> None:
                for r, k in tile:
                    v.store(builder.load(sums[r][k]), places[r][k], masks[k])

            with builder.if_else(v.equal(start, NOTHING)) as (nothing, something):
                with nothing:
                    finish(lambda r, k: v.zero)
                with something, builder.if_else(v.equal(start, BIAS)) as (with_bias, with_c):
                    with with_bias:
                        finish(lambda r, k: v.factor(v.at(bias, r)))
                    with with_c:
                        finish(lambda r, k: v.load(places[r][k], masks[k]))
            # some processors take as long for a masked store as for ten others
            with builder.if_else(v.equal(count, v.lanes)) as (full, partial):
                with full:
                    store([None] * width)
                with partial:
                    store(masks)
            return context.get_dummy_value()

        whole = types.int64
        pair, triple = types.UniTuple(whole, 2), types.UniTuple(whole, 3)
        return types.void(pair, pair, triple, whole, whole, scale, whole, whole), codegen

    return tile


def _add_up(
    v: Vectors, sums: list[list[Any]], masks: list[Any], lanes: Any, factors: Any, depth: Any
) -> None:
    """Run the sum over p for all numbers of a tile at once."""
    left, left_step = v.parts(lanes)
    right, row_step, sum_step = v.parts(factors)
    begins = [v.at(right, row_step, r) for r in range(len(sums))]
    with cgutils.for_range(v.builder, depth) as loop:
        base = v.at(left, loop.index, left_step)
        xs = [v.load(v.at(base, k * v.lanes), mask) for k, mask in enumerate(masks)]
        for begin, row in zip(begins, sums, strict=True):
            f = v.factor(v.at(begin, loop.index, sum_step))
            for x, one in zip(xs, row, strict=True):
                v.builder.store(v.multiply_add(f, x, v.builder.load(one)), one)


@intrinsic
def _pack(typingctx, panel, factors, depth, like):
    """panel[p, r] = F[r, p] for a band of the tallest tiles, where F lies in one piece along r."""

    def codegen(context, builder, signature, arguments):
        panel, factors, depth, _ = arguments
        v = Vectors(context, builder, signature.args[3])
        (begin, _, step), tallest = v.parts(factors), int(TALLEST)
        pieces = [(k, min(v.lanes, tallest - k)) for k in range(0, tallest, v.lanes)]

        def column(p: Any, last: bool) -> None:
            source, target = v.at(begin, p, step), v.at(panel, p, tallest)
            for place, count in pieces:
                mask = v.first(v.number(count))
                # what is written too much the next column writes over; the last one has none
                kept = mask if last else None
                v.store(v.load(v.at(source, place), mask), v.at(target, place), kept)

        before = builder.sub(depth, v.number(1))
        with cgutils.for_range(builder, before) as loop:
            column(loop.index, last=False)
        column(before, last=True)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(whole, types.UniTuple(whole, 3), whole, like), codegen


def _band(height: int) -> Any:
    """Return a function of kernels that forms `height` rows of a product, tile beside tile.

    The factors of a band are read once from far away; what is read again for each band, L, lies in
    longer pieces.
    """
    narrow, wide = _tile(height, 1), _tile(height, 2)

    @part()
    def band(target, lanes, factors, columns, depth, scale, start, bias):
        (c, c_row), (left, step), size = target, lanes, size_of(scale)
        vector = BYTES // size
        i = 0
        while columns - i > vector:
            count = min(vector, columns - i - vector)
            place, source = (c + i * size, c_row), (left + i * size, step)
            wide(place, source, factors, depth, count, scale, start, bias)
            i += 2 * vector
        if i < columns:
            place, source = (c + i * size, c_row), (left + i * size, step)
            narrow(place, source, factors, depth, columns - i, scale, start, bias)

    return band


_band_of_many, _band_of_6, _band_of_4, _band_of_3, _band_of_2, _band_of_1 = (
    _band(height) for height in (int(TALLEST), 6, 4, 3, 2, 1)
)


@part()
def multiply(target, lanes, factors, sizes, scale, start, bias, panel):
    """C[r, i] = start + s Σ_p F[r, p] L[p, i]; `sizes` is (rows of C, columns of C, terms).

    `target`, `lanes` and `factors` are as in `_tile`. Where F lies in one piece along r and is read
    several times, its rows are far apart and share few places in the caches; so a band of it is
    first packed at the address `panel`, if that is not 0: TALLEST times `terms` numbers.
    """
    (c, c_row), (f, f_row, f_step), (rows, columns, depth) = target, factors, sizes
    size = size_of(scale)
    packs = panel != 0 and columns * size > PACKED_ABOVE and depth * f_step * size > FITS
    r = 0
    while r < rows:
        left, b = rows - r, bias + r * size
        place, begin = (c + r * c_row * size, c_row), (f + r * f_row * size, f_row, f_step)
        if left >= TALLEST:
            if packs:
                _pack(panel, begin, depth, scale)
                begin = (panel, NEXT, TALLEST)
            _band_of_many(place, lanes, begin, columns, depth, scale, start, b)
            r += TALLEST
        elif left >= 6:
            _band_of_6(place, lanes, begin, columns, depth, scale, start, b)
            r += 6
        elif left >= 4:
            _band_of_4(place, lanes, begin, columns, depth, scale, start, b)
            r += 4
        elif left == 3:
            _band_of_3(place, lanes, begin, columns, depth, scale, start, b)
            r += 3
        elif left == 2:
            _band_of_2(place, lanes, begin, columns, depth, scale, start, b)
            r += 2
        else:
            _band_of_1(place, lanes, begin, columns, depth, scale, start, b)
            r += 1
