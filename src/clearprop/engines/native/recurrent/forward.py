"""The layers forward, and a recurrent layer through time.

A way of a recurrent layer goes through time in pieces of some steps: first W meets their inputs in
one product, while the rows that it leaves are still in a near cache the steps follow one after
another.
"""

from __future__ import annotations

from clearprop.engines.native import pointwise
from clearprop.engines.native.low_level import part, row, vector
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.recurrent import cells
from clearprop.engines.native.recurrent.packing import begin_of, offset
from clearprop.engines.native.recurrent.products import (
    BLAS_ROWS,
    fill_rows,
    fill_zeros,
    forward_rows,
    pack_panels,
    panel_width,
    times_panels,
)
from clearprop.engines.native.recurrent.readout import copy_mirrored, draw_mask, mask_rows, read
from clearprop.engines.native.recurrent.records import (
    A_PLACE,
    ACTIVATION,
    ALPHA,
    B_PLACE,
    BIAS,
    BLAS,
    C_PLACE,
    CARRIED,
    CELL_ROWS,
    DELTA_ROWS,
    DENSE,
    ELMAN,
    EVERY,
    FAN_IN,
    FIRST_WAY,
    GATES,
    GRU,
    H_ROWS,
    INNER_PANELS,
    INPUT,
    KIND,
    LSTM,
    MASK,
    OUTPUT,
    PANELS,
    Q_ROWS,
    REVERSE,
    ROWS,
    SCALE,
    SEQUENCES,
    SIZE,
    SQUASHED_ROWS,
    STEPS,
    U_PLACE,
    UNITS,
    W_PLACE,
    WAYS,
    WEIGHT,
    X_ROWS,
    Z_PLACE,
    Z_ROWS,
)
from clearprop.engines.native.tiles import WHAT_IS_THERE

# rows whose product with W is done at a time
PIECE = 96


@part()
def _begin_states(V, whole, carried, layer, way, job, begin):
    """Write the states before the first step: 0, or what an earlier piece has left."""
    n, size = whole[SEQUENCES], layer[SIZE]
    states = 2 if layer[KIND] == LSTM else 1
    for state in range(states):
        place = way[CELL_ROWS if state else H_ROWS] - n * size
        if begin == 0:
            fill_zeros(V, place, n * size)
            continue
        for i in range(n):
            source = row(carried, whole[job.place + i])
            column = way[CARRIED] + state * size
            for j in range(size):
                V[place + i * size + j] = source[column + j]


@part()
def gates_of(layer, way, job):
    """Return where a way's gates stand, and later their δ: over their z, unless that is kept."""
    return way[DELTA_ROWS] if job.keeps or layer[KIND] == ELMAN else way[Z_ROWS]


@part(inline="always")
def _step(theta, V, whole, layer, way, job, alpha, t, one):
    """Let one step of time follow on the one before."""
    size, tall = layer[SIZE], layer[GATES] * layer[SIZE]
    begin, before = offset(whole, job, t), begin_of(whole, job, t)
    rows = offset(whole, job, t + 1) - begin
    h_before, z = way[H_ROWS] + before * size, way[Z_ROWS] + begin * tall
    h, gates = way[H_ROWS] + begin * size, gates_of(layer, way, job) + begin * tall
    panel = size * panel_width(one)
    # a GRU's candidate meets U h by itself, behind its gates' columns
    columns = 2 * size if layer[KIND] == GRU else tall
    times_panels(
        V, way[PANELS], panel, z, tall, h_before, size, rows, columns, size, one, WHAT_IS_THERE
    )
    if layer[KIND] == LSTM:
        cell, squashed = way[CELL_ROWS] + begin * size, way[SQUASHED_ROWS] + begin * size
        cell_before = way[CELL_ROWS] + before * size
        cells.lstm_step(V, z, gates, cell_before, cell, squashed, h, rows, size)
    elif layer[KIND] == GRU:
        q = way[Q_ROWS] + begin * size
        fill_rows(theta, way[C_PLACE], V, q, rows, size)
        times_panels(
            V, way[INNER_PANELS], panel, q, size, h_before, size, rows, size, size, one,
            WHAT_IS_THERE,
        )  # fmt: skip
        cells.gru_step(V, z, gates, q, h_before, h, rows, size)
    elif layer[ACTIVATION] == pointwise.TANH:
        cells.tanh_step(V, z, h, rows * size)
    else:
        count = rows * size
        pointwise.activate(layer[ACTIVATION], alpha, vector(V, z, count), vector(V, h, count))


@part()
def _way(memory, V, whole, layer, way, job, alpha, begin):
    """Go through time, all states and gates left in the workspace."""
    theta, one = memory.theta, type_of(V[0], 1.0)
    size, tall, fan_in = layer[SIZE], layer[GATES] * layer[SIZE], layer[FAN_IN]
    if way[REVERSE]:
        copy_mirrored(V, whole, job, layer[INPUT], fan_in, way[X_ROWS], fan_in)
    _begin_states(V, whole, memory.carried, layer, way, job, begin)
    gated = 2 * size if layer[KIND] == GRU else tall
    pack_panels(theta, way[U_PLACE], tall, 0, gated, size, V, way[PANELS])
    if layer[KIND] == GRU:
        pack_panels(theta, way[U_PLACE], tall, gated, tall, size, V, way[INNER_PANELS])
    piece = whole[ROWS] if layer[BLAS] and whole[ROWS] >= BLAS_ROWS else PIECE
    t = 0
    while t < whole[STEPS]:
        stop, first = t, offset(whole, job, t)
        while stop < whole[STEPS] and offset(whole, job, stop) - first < piece:
            stop += 1
        rows, z = offset(whole, job, stop) - first, way[Z_ROWS] + first * tall
        fill_rows(theta, way[B_PLACE], V, z, rows, tall)
        x = way[X_ROWS] + first * fan_in
        forward_rows(job.sgemm, layer[BLAS], theta, way[W_PLACE], V, x, z, rows, fan_in, tall, one)
        for step in range(t, stop):
            _step(theta, V, whole, layer, way, job, alpha, step, one)
        t = stop


@part(inline="always")
def _recurrent(memory, V, whole, tables, layer, job, alpha, begin):
    """Send the rows through all ways of a layer; where there are two, side by side."""
    size, units = layer[SIZE], layer[UNITS]
    for number in range(layer[WAYS]):
        way = row(tables.ways, layer[FIRST_WAY] + number)
        _way(memory, V, whole, layer, way, job, alpha, begin)
        place = layer[A_PLACE] + number * size
        if way[REVERSE]:
            copy_mirrored(V, whole, job, way[H_ROWS], size, place, units)
        elif place != way[H_ROWS]:
            for r in range(whole[ROWS]):
                source = vector(V, way[H_ROWS] + r * size, size)
                target = vector(V, place + r * units, size)
                for j in range(size):
                    target[j] = source[j]


@part(inline="always")
def _dense(memory, V, layer, job, reals, rows):
    """z = s W a + b, row by row."""
    z, units, fan_in = layer[Z_PLACE], layer[UNITS], layer[FAN_IN]
    fill_rows(memory.theta, layer[BIAS], V, z, rows, units)
    forward_rows(
        job.sgemm, layer[BLAS], memory.theta, layer[WEIGHT], V, layer[INPUT], z, rows, fan_in,
        units, reals[SCALE],
    )  # fmt: skip


@part(inline="always")
def rows_of(whole, job, index):
    """Return how many rows a layer, counted from 0, works on."""
    behind = index >= job.read_behind and job.readout != EVERY
    return whole[SEQUENCES] if behind else whole[ROWS]


@part(inline="always")
def forward_layer(memory, V, whole, data, tables, job, index, step, begin):
    """Send the rows through one layer; of the output layer, up to z."""
    layer, reals = row(tables.layers, index), row(tables.reals, index)
    rows, last = rows_of(whole, job, index), index == len(tables.layers) - 1
    if layer[KIND] == DENSE:
        _dense(memory, V, layer, job, reals, rows)
        if last:
            return
        count = rows * layer[UNITS]
        z, a = vector(V, layer[Z_PLACE], count), vector(V, layer[A_PLACE], count)
        pointwise.activate(layer[ACTIVATION], reals[ALPHA], z, a)
    else:
        _recurrent(memory, V, whole, tables, layer, job, reals[ALPHA], begin)
    if layer[MASK] >= 0:
        draw_mask(V, whole, layer, reals, job, index, step)
        mask_rows(V, whole, layer, job, rows, layer[A_PLACE], layer[OUTPUT])
    if index + 1 == job.read_behind and job.readout != EVERY:
        read(V, whole, tables, layer, job)
