"""A batch brought into the workspace: inputs row by row, smoothed targets, coefficients."""

from __future__ import annotations

import numpy as np

from clearprop.engines.native.low_level import matrix, part, vector
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.records import PREDICT
from clearprop.engines.native.recurrent.packing import offset
from clearprop.engines.native.recurrent.records import (
    EVERY,
    FAN_IN,
    INPUT,
    ROWS,
    SEQUENCES,
    STEPS,
    UNITS,
)


@part()
def output_rows(whole, job):
    """Return how many outputs this thread's sequences have."""
    return whole[ROWS] if job.readout == EVERY else whole[SEQUENCES]


@part()
def _inputs(V, whole, data, job, place, fan_in, begin):
    """Copy the steps of the sequences from `begin` on, step by step."""
    for t in range(whole[STEPS]):
        first = offset(whole, job, t)
        for i in range(offset(whole, job, t + 1) - first):
            start = data.starts[whole[job.sequence + i]] + begin + t
            source = vector(data.values, start * fan_in, fan_in)
            target = vector(V, place + (first + i) * fan_in, fan_in)
            for k in range(fan_in):
                target[k] = source[k]


@part()
def _target(data, y, c, numbers, sequence, output, column, normaliser):
    """Write one output's smoothed target, as a column, and its coefficient."""
    units = len(y)
    keep = type_of(numbers.smoothing, 1.0) - numbers.smoothing
    if data.y.shape[1]:
        for j in range(units):
            y[j, column] = keep * data.y[output, j] + numbers.floor
    else:
        for j in range(units):
            y[j, column] = numbers.floor
        y[data.codes[output], column] = keep + numbers.floor
    weight = np.float64(data.weights[sequence]) if len(data.weights) else 1.0
    c[column] = weight / normaliser if normaliser > 0 else 0.0


@part()
def gather(V, whole, data, job, numbers, layers, begin, normaliser):
    """Bring this thread's part of a batch into the workspace."""
    _inputs(V, whole, data, job, layers[0, INPUT], layers[0, FAN_IN], begin)
    if job.phases & PREDICT:
        return
    n = output_rows(whole, job)
    y, c = matrix(V, job.target, layers[-1, UNITS], n), vector(V, job.coefficient, n)
    if job.readout != EVERY:
        for i in range(n):
            sequence = whole[job.sequence + i]
            _target(data, y, c, numbers, sequence, sequence, i, normaliser)
        return
    for t in range(whole[STEPS]):
        first = offset(whole, job, t)
        for i in range(offset(whole, job, t + 1) - first):
            sequence = whole[job.sequence + i]
            output = data.starts[sequence] + begin + t
            _target(data, y, c, numbers, sequence, output, first + i, normaliser)
