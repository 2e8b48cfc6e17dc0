"""What is read out of the last recurrent layer, and what else goes from row to row: masks, mirrors.

Rows behind the readout are sequences in the order of their ranks, unless every step is read out.
"""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.chance import layer_key, threefry
from clearprop.engines.native.low_level import part, row, vector
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.records import DROPOUT
from clearprop.engines.native.recurrent.packing import offset
from clearprop.engines.native.recurrent.products import fill_zeros
from clearprop.engines.native.recurrent.records import (
    ERROR,
    FIRST_WAY,
    KEEP,
    LAST,
    MASK,
    OUTPUT,
    REVERSE,
    ROWS,
    SEQUENCES,
    SIZE,
    STEPS,
    THRESHOLD,
    UNITS,
    WAYS,
)


@part()
def copy_row(V, source, target, count):
    """Copy so many numbers."""
    left, right = vector(V, source, count), vector(V, target, count)
    for j in range(count):
        right[j] = left[j]


@part()
def add_row(V, source, target, count):
    """Add so many numbers to others."""
    left, right = vector(V, source, count), vector(V, target, count)
    for j in range(count):
        right[j] += left[j]


@part()
def copy_mirrored(V, whole, job, source, width, target, step):
    """Copy rows of `width` numbers to where they stand when every sequence is turned round.

    Rows of the target are `step` numbers apart.
    """
    for r in range(whole[ROWS]):
        copy_row(V, source + whole[job.mirror + r] * width, target + r * step, width)


@part()
def draw_mask(V, whole, layer, reals, job, index, step):
    """Write the mask of each sequence, (n, units): `equations.dropout_mask`, or ones."""
    units, place, n = layer[UNITS], layer[MASK], whole[SEQUENCES]
    if not job.phases & DROPOUT:
        for k in range(n * units):
            V[place + k] = 1
        return
    key, threshold = layer_key(job.seed, index + 1, step), np.uint32(layer[THRESHOLD])
    keep, zero = reals[KEEP], type_of(reals[KEEP], 0.0)
    for i in range(n):
        number = np.uint32(whole[job.sequence + i] + job.first_row)
        mask = vector(V, place + i * units, units)
        for pair in range((units + 1) // 2):
            x0, x1 = threefry(key[0], key[1], number, np.uint32(pair))
            mask[2 * pair] = keep if x0 >= threshold else zero
            if 2 * pair + 1 < units:
                mask[2 * pair + 1] = keep if x1 >= threshold else zero


@part()
def mask_rows(V, whole, layer, job, rows, source, target):
    """target = source ⊙ mask, where the mask of a sequence holds for all its rows."""
    units, t = layer[UNITS], 0
    for r in range(rows):
        # rows behind the readout are as many as step 0 has
        if r == offset(whole, job, t + 1):
            t += 1
        mask = vector(V, layer[MASK] + (r - offset(whole, job, t)) * units, units)
        left, right = vector(V, source + r * units, units), vector(V, target + r * units, units)
        for j in range(units):
            right[j] = left[j] * mask[j]


@part()
def _end_of(whole, job, i, reverse):
    """Return the row at which a way has gone through a sequence."""
    return i if reverse else offset(whole, job, whole[job.length + i] - 1) + i


@part()
def read(V, whole, tables, layer, job):
    """(rows, units) → (n, units): the last states, or the mean of all."""
    units, size = layer[UNITS], layer[SIZE]
    if job.readout == LAST:
        for number in range(layer[WAYS]):
            reverse, column = tables.ways[layer[FIRST_WAY] + number, REVERSE], number * size
            for i in range(whole[SEQUENCES]):
                end = _end_of(whole, job, i, reverse)
                copy_row(
                    V, layer[OUTPUT] + end * units + column, job.read + i * units + column, size
                )
        return
    fill_zeros(V, job.read, whole[SEQUENCES] * units)
    for t in range(whole[STEPS]):
        begin = offset(whole, job, t)
        count = offset(whole, job, t + 1) - begin
        add_row(V, layer[OUTPUT] + begin * units, job.read, count * units)
    for i in range(whole[SEQUENCES]):
        mean = vector(V, job.read + i * units, units)
        steps = type_of(V[0], whole[job.length + i])
        for j in range(units):
            mean[j] /= steps


@part()
def spread(V, whole, tables, layer, job):
    """Carry an error back through the readout: (n, units) → (rows, units)."""
    units, size = layer[UNITS], layer[SIZE]
    if job.readout == LAST:
        fill_zeros(V, layer[ERROR], whole[ROWS] * units)
        for number in range(layer[WAYS]):
            way, column = row(tables.ways, layer[FIRST_WAY] + number), number * size
            for i in range(whole[SEQUENCES]):
                end = _end_of(whole, job, i, way[REVERSE])
                copy_row(
                    V, job.read_error + i * units + column,
                    layer[ERROR] + end * units + column, size,
                )  # fmt: skip
        return
    for i in range(whole[SEQUENCES]):
        error = vector(V, job.read_error + i * units, units)
        steps = type_of(V[0], whole[job.length + i])
        for j in range(units):
            error[j] /= steps
    for t in range(whole[STEPS]):
        begin = offset(whole, job, t)
        count = offset(whole, job, t + 1) - begin
        copy_row(V, job.read_error, layer[ERROR] + begin * units, count * units)
