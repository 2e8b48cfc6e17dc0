"""The layers backward: BP2 to BP4, through time in a recurrent layer.

Through time, the error of a step's state is what comes from above and what the step behind hands
back; the second is added to the first where that lies, so that one product does both. The gradients
of W, U and b are sums over all rows; some steps at a time they are added up in one product each.
"""

from __future__ import annotations

from clearprop.engines.native import pointwise
from clearprop.engines.native.low_level import part, row, vector
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.recurrent import cells
from clearprop.engines.native.recurrent.forward import gates_of, rows_of
from clearprop.engines.native.recurrent.packing import begin_of, offset
from clearprop.engines.native.recurrent.products import (
    BLAS_ROWS,
    BLOCK,
    backward_rows,
    bias_rows,
    fill_zeros,
    gradient_rows,
    pack_turned,
    panel_width,
    times_panels,
)
from clearprop.engines.native.recurrent.readout import (
    add_row,
    copy_mirrored,
    copy_row,
    mask_rows,
    spread,
)
from clearprop.engines.native.recurrent.records import (
    A_PLACE,
    ACTIVATION,
    ALPHA,
    B_PLACE,
    BEFORE_ROWS,
    BIAS,
    BLAS,
    C_PLACE,
    CELL_ERROR,
    CELL_ROWS,
    DENSE,
    ERROR,
    ERROR_ROWS,
    EVERY,
    FAN_IN,
    FIRST_WAY,
    GATES,
    GRU,
    H_ROWS,
    INPUT,
    KIND,
    LSTM,
    MASK,
    Q_ROWS,
    RESET_ROWS,
    REVERSE,
    ROWS,
    SCALE,
    SEQUENCES,
    SIZE,
    SQUASHED_ROWS,
    STEPS,
    TURNED,
    TURNED_U,
    TURNED_W,
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


@part()
def _own_errors(V, whole, layer, way, job, number):
    """Bring a way's columns of the layer's errors into the order of its own time."""
    size, units = layer[SIZE], layer[UNITS]
    place = layer[ERROR] + number * size
    if way[ERROR_ROWS] == place:
        return
    for r in range(whole[ROWS]):
        source = whole[job.mirror + r] if way[REVERSE] else r
        copy_row(V, place + source * units, way[ERROR_ROWS] + r * size, size)


@part(inline="always")
def _step_back(V, whole, layer, way, job, alpha, t, one):
    """δ of one step, and what it hands back to the step before."""
    size, tall = layer[SIZE], layer[GATES] * layer[SIZE]
    begin, before = offset(whole, job, t), begin_of(whole, job, t)
    rows = offset(whole, job, t + 1) - begin
    hands = t > 0 and not (job.cut > 0 and t % job.cut == 0)
    error, handed = way[ERROR_ROWS] + begin * size, way[ERROR_ROWS] + before * size
    delta, h = gates_of(layer, way, job) + begin * tall, way[H_ROWS] + begin * size
    columns = tall
    if layer[KIND] == LSTM:
        keep = type_of(one, 1.0 if hands else 0.0)
        cell_before, squashed = way[CELL_ROWS] + before * size, way[SQUASHED_ROWS] + begin * size
        cells.lstm_back(V, delta, cell_before, squashed, error, way[CELL_ERROR], rows, size, keep)
    elif layer[KIND] == GRU:
        q, reset = way[Q_ROWS] + begin * size, way[RESET_ROWS] + begin * size
        h_before = way[H_ROWS] + before * size
        cells.gru_back(V, delta, q, reset, h_before, error, handed, rows, size, hands)
        columns = 2 * size
    else:
        z, count = way[Z_ROWS] + begin * tall, rows * size
        pointwise.times_derivative(
            layer[ACTIVATION], alpha, vector(V, z, count), vector(V, h, count),
            vector(V, delta, count),
        )  # fmt: skip
    if not hands:
        return
    lanes = panel_width(one)
    panel, turned = tall * lanes, way[TURNED_U]
    times_panels(
        V, turned, panel, handed, size, delta, tall, rows, size, columns, one, WHAT_IS_THERE
    )
    if layer[KIND] == GRU:
        reset, turned = way[RESET_ROWS] + begin * size, turned + columns * lanes
        times_panels(
            V, turned, panel, handed, size, reset, size, rows, size, size, one, WHAT_IS_THERE
        )


@part(inline="always")
def _states_before(V, whole, layer, way, job, first, last):
    """Return where the states before the rows of steps first ≤ t < last lie in one piece."""
    size, n = layer[SIZE], whole[SEQUENCES]
    if whole[ROWS] == n * whole[STEPS]:
        # sequences of one length: the states themselves, one step earlier
        return way[H_ROWS] + (first - 1) * n * size
    for t in range(first, last):
        begin = offset(whole, job, t)
        count = (offset(whole, job, t + 1) - begin) * size
        source = way[H_ROWS] + begin_of(whole, job, t) * size
        copy_row(V, source, way[BEFORE_ROWS] + begin * size, count)
    return way[BEFORE_ROWS] + offset(whole, job, first) * size


@part(inline="always")
def _way_gradients(G, V, whole, layer, way, job, first, last, one):
    """BP3 and BP4 of W, U, b and c over the rows of steps first ≤ t < last."""
    size, tall, fan_in = layer[SIZE], layer[GATES] * layer[SIZE], layer[FAN_IN]
    begin = offset(whole, job, first)
    rows = offset(whole, job, last) - begin
    gemm, blas, delta = job.sgemm, layer[BLAS], gates_of(layer, way, job) + begin * tall
    x, before = way[X_ROWS] + begin * fan_in, _states_before(V, whole, layer, way, job, first, last)
    gated = 2 * size if layer[KIND] == GRU else tall
    gradient_rows(gemm, blas, V, x, fan_in, delta, tall, tall, rows, G, way[W_PLACE], tall, one)
    gradient_rows(gemm, blas, V, before, size, delta, tall, gated, rows, G, way[U_PLACE], tall, one)
    bias_rows(V, delta, tall, tall, rows, G, way[B_PLACE])
    if layer[KIND] == GRU:
        reset = way[RESET_ROWS] + begin * size
        gradient_rows(
            gemm, blas, V, before, size, reset, size, size, rows, G, way[U_PLACE] + gated, tall, one
        )
        bias_rows(V, reset, size, size, rows, G, way[C_PLACE])


@part()
def _way_back(memory, G, V, whole, layer, way, job, alpha, number, target):
    """Go back through time; add to the gradient, and hand errors to `target`, if that is one."""
    theta, one = memory.theta, type_of(V[0], 1.0)
    size, tall, fan_in = layer[SIZE], layer[GATES] * layer[SIZE], layer[FAN_IN]
    _own_errors(V, whole, layer, way, job, number)
    pack_turned(theta, way[U_PLACE], size, tall, V, way[TURNED_U])
    if layer[KIND] == LSTM:
        fill_zeros(V, way[CELL_ERROR], whole[SEQUENCES] * size)
    # gradients of some rows at a time, while these are in a near cache
    last, piece = whole[STEPS], whole[ROWS] if layer[BLAS] and whole[ROWS] >= BLAS_ROWS else BLOCK
    for t in range(whole[STEPS] - 1, -1, -1):
        _step_back(V, whole, layer, way, job, alpha, t, one)
        if t == 0 or offset(whole, job, last) - offset(whole, job, t) >= piece:
            _way_gradients(G, V, whole, layer, way, job, t, last, one)
            last = t
    if target < 0:
        return
    # a reverse way's own copy of its inputs is used up, and serves for their errors
    e = way[X_ROWS] if way[REVERSE] else target
    backward_rows(
        job.sgemm, layer[BLAS], theta, way[W_PLACE], V, way[TURNED_W],
        gates_of(layer, way, job), e, whole[ROWS], fan_in, tall, one,
        number > 0 and not way[REVERSE],
    )  # fmt: skip
    if not way[REVERSE]:
        return
    if number == 0:
        copy_mirrored(V, whole, job, e, fan_in, target, fan_in)
        return
    for r in range(whole[ROWS]):
        add_row(V, e + whole[job.mirror + r] * fan_in, target + r * fan_in, fan_in)


@part(inline="always")
def _dense_back(memory, G, V, layer, job, scale, rows, target):
    """BP3, BP4 and BP2 of a dense layer."""
    units, fan_in, delta = layer[UNITS], layer[FAN_IN], layer[ERROR]
    gradient_rows(
        job.sgemm, layer[BLAS], V, layer[INPUT], fan_in, delta, units, units, rows, G,
        layer[WEIGHT], units, scale,
    )  # fmt: skip
    bias_rows(V, delta, units, units, rows, G, layer[BIAS])
    if target >= 0:
        backward_rows(
            job.sgemm, layer[BLAS], memory.theta, layer[WEIGHT], V, layer[TURNED], delta, target,
            rows, fan_in, units, scale, False,
        )  # fmt: skip


@part(inline="always")
def _errors_in(V, whole, tables, job, index, rows):
    """Bring the errors that the layer behind handed on to this layer's z, or to its states."""
    layer, alpha = row(tables.layers, index), tables.reals[index, ALPHA]
    if index + 1 == job.read_behind and job.readout != EVERY:
        spread(V, whole, tables, layer, job)
    if layer[MASK] >= 0:
        mask_rows(V, whole, layer, job, rows, layer[ERROR], layer[ERROR])
    if layer[KIND] == DENSE:
        count = rows * layer[UNITS]
        z, a = vector(V, layer[Z_PLACE], count), vector(V, layer[A_PLACE], count)
        error = vector(V, layer[ERROR], count)
        pointwise.times_derivative(layer[ACTIVATION], alpha, z, a, error)


@part(inline="always")
def backward_layer(memory, G, V, whole, tables, job, index):
    """BP2 to BP4 of one layer."""
    layer, reals = row(tables.layers, index), row(tables.reals, index)
    rows, target = rows_of(whole, job, index), -1
    if index < len(tables.layers) - 1:
        _errors_in(V, whole, tables, job, index, rows)
    if index > 0:
        reads = index == job.read_behind and job.readout != EVERY
        target = job.read_error if reads else tables.layers[index - 1, ERROR]
    if layer[KIND] == DENSE:
        _dense_back(memory, G, V, layer, job, reals[SCALE], rows, target)
        return
    for number in range(layer[WAYS]):
        way = row(tables.ways, layer[FIRST_WAY] + number)
        _way_back(memory, G, V, whole, layer, way, job, reals[ALPHA], number, target)
