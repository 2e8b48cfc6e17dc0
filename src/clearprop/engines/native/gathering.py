"""A batch brought into the workspace: inputs, smoothed targets, coefficients of the samples."""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.low_level import matrix, part_in_place, row, vector
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.records import BLAS, FAN_IN, PREDICT, UNITS
from clearprop.engines.native.transposing import transpose_rows


@part_in_place()
def _gather_inputs(V, rows, data, job, low, high, n, fan_in, by_rows):
    """Copy samples low ≤ i < high of the batch into the workspace, by rows or unit by unit."""
    if not data.x.shape[1]:
        across, along = (fan_in, 1) if by_rows else (1, n)
        for i in range(low, high):
            place = vector(V, job.input + i * across, (fan_in - 1) * along + 1)
            for f in range(fan_in):
                place[f * along] = 0
            for k in range(data.indptr[rows[i]], data.indptr[rows[i] + 1]):
                place[np.int64(data.indices[k]) * along] += data.data[k]
    elif by_rows:
        for i in range(low, high):
            source, place = row(data.x, rows[i]), vector(V, job.input + i * fan_in, fan_in)
            for f in range(fan_in):
                place[f] = source[f]
    else:
        transpose_rows(data.x, rows, matrix(V, job.input, fan_in, n), low, high)


@part_in_place()
def _gather_targets(rows, data, y, numbers, low, high):
    """Write smoothed targets of samples low ≤ i < high; class codes become one-hot."""
    units = len(y)
    keep = type_of(numbers.smoothing, 1.0) - numbers.smoothing
    if data.y.shape[1]:
        for i in range(low, high):
            for j in range(units):
                y[j, i] = keep * data.y[rows[i], j] + numbers.floor
        return
    for j in range(units):
        for i in range(low, high):
            y[j, i] = numbers.floor
    one = keep + numbers.floor
    for i in range(low, high):
        y[data.codes[rows[i]], i] = one


@part_in_place()
def sum_of_weights(data, first, count):
    """Return Σ w over the whole batch; each thread adds it up for itself, in the same order."""
    if not len(data.weights):
        return np.float64(count)
    total = 0.0
    for i in range(first, first + count):
        total += data.weights[data.order[i] if len(data.order) else i]
    return total


@part_in_place()
def _row_numbers(rows, samples, data, first_row, begin, low, high, n):
    """Write which rows of the block columns low ≤ i < high are: n samples, member after member.

    In the whole data they have the numbers `samples`, to which dropout draws.
    """
    sample = low % n if n else low
    for i in range(low, high):
        rows[i] = data.order[begin + sample] if len(data.order) else begin + sample
        samples[i] = np.uint32(rows[i] + first_row)
        sample = sample + 1 if sample + 1 < n else 0


@part_in_place()
def _coefficients(rows, data, c, normaliser, low, high):
    """c_i = w_i / N of samples low ≤ i < high, 0 where N is."""
    if len(data.weights):
        for i in range(low, high):
            weight = np.float64(data.weights[rows[i]])
            c[i] = weight / normaliser if normaliser > 0 else 0.0
    else:
        same = 1.0 / normaliser if normaliser > 0 else 0.0
        for i in range(low, high):
            c[i] = same


@part_in_place()
def gather(V, rows, samples, data, job, numbers, layers, begin, low, high, n, normaliser):
    """Bring columns low ≤ i < high of the workspace from the n samples that start at `begin`.

    Each member of a network has n columns. The loss is the mean over members, so c_i is divided by
    how many there are.
    """
    columns = n * job.members
    _row_numbers(rows, samples, data, job.first_row, begin, low, high, n)
    _gather_inputs(V, rows, data, job, low, high, columns, layers[0, FAN_IN], layers[0, BLAS] == 1)
    if not job.phases & PREDICT:
        y = matrix(V, job.target, layers[-1, UNITS], columns)
        _gather_targets(rows, data, y, numbers, low, high)
        c = vector(V, job.coefficient, columns)
        _coefficients(rows, data, c, normaliser * job.members, low, high)
