"""The output layer: its activation, the loss and BP1, unit by unit as `native.losses` wants them.

There are few outputs, so turning them costs little; δ goes back to rows for BP3 and BP4.
"""

from __future__ import annotations

import numpy as np

from clearprop.engines.native import losses, pointwise
from clearprop.engines.native.low_level import matrix, part, stretch, vector
from clearprop.engines.native.recurrent.gathering import output_rows
from clearprop.engines.native.recurrent.packing import offset
from clearprop.engines.native.recurrent.records import (
    ACTIVATION,
    ERROR,
    EVERY,
    STEPS,
    UNITS,
    Z_PLACE,
)
from clearprop.engines.native.transposing import transpose


@part(inline="always")
def activate_output(V, whole, last, alpha, job):
    """a = f(z) of the output layer; z and a are left unit by unit."""
    units, n = last[UNITS], output_rows(whole, job)
    z, a = matrix(V, job.z_turned, units, n), matrix(V, job.a_turned, units, n)
    transpose(matrix(V, last[Z_PLACE], n, units), z, np.int64(0), n)
    if last[ACTIVATION] == pointwise.SOFTMAX:
        total = vector(V, job.total, n)
        pointwise.softmax(z, a, vector(V, job.top, n), total, np.int64(0), n)
    else:
        flat = units * n
        z, a = vector(V, job.z_turned, flat), vector(V, job.a_turned, flat)
        pointwise.activate(last[ACTIVATION], alpha, z, a)


@part(inline="always")
def _slopes(last, alpha, numbers, job, y, z, a, e, d, total):
    """E_i and δ of a loss that is not made for the activation, before the coefficients."""
    n, zero = len(e), np.int64(0)
    losses.values_and_slopes(job.loss, numbers.loss, numbers.tiny, y, a, e, d, zero, n)
    if last[ACTIVATION] == pointwise.SOFTMAX:
        losses.softmax_jacobian(a, d, total, zero, n)
        return
    for j in range(len(d)):
        pointwise.times_derivative(
            last[ACTIVATION], alpha, stretch(z, j, zero, n), stretch(a, j, zero, n),
            stretch(d, j, zero, n),
        )  # fmt: skip


@part(inline="always")
def loss(V, whole, last, alpha, job, numbers):
    """BP1 and E_i of each output; return Σ c_i E_i in float64."""
    units, n, zero = last[UNITS], output_rows(whole, job), np.int64(0)
    z, a = matrix(V, job.z_turned, units, n), matrix(V, job.a_turned, units, n)
    d, y = matrix(V, job.delta_turned, units, n), matrix(V, job.target, units, n)
    c, e = vector(V, job.coefficient, n), vector(V, job.value, n)
    top, total = vector(V, job.top, n), vector(V, job.total, n)
    if job.matched:
        losses.matched_values(job.loss, y, z, e, top, total, zero, n)
        losses.matched_delta(y, a, c, d, zero, n)
    else:
        _slopes(last, alpha, numbers, job, y, z, a, e, d, total)
        losses.scale_delta(d, c, zero, n)
    transpose(d, matrix(V, last[ERROR], n, units), zero, units)
    weighted = 0.0
    for i in range(n):
        weighted += np.float64(c[i]) * np.float64(e[i])
    return weighted


@part()
def _write(V, last, job, outputs, column, target, n):
    for j in range(last[UNITS]):
        outputs[target, j] = V[job.a_turned + j * n + column]


@part()
def write_outputs(V, whole, data, last, job, outputs, first, begin):
    """Copy a^L to the rows of the result: one a place of the order, or one a step of the data."""
    n = output_rows(whole, job)
    if job.readout != EVERY:
        for i in range(n):
            _write(V, last, job, outputs, i, first + whole[job.place + i], n)
        return
    for t in range(whole[STEPS]):
        row = offset(whole, job, t)
        for i in range(offset(whole, job, t + 1) - row):
            step = data.starts[whole[job.sequence + i]] + begin + t
            _write(V, last, job, outputs, row + i, step, n)
