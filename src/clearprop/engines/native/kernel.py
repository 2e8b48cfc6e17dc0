"""The kernel: many steps of training (gather, forward, BP1 to BP4, update) in one compiled call.

A network is data to it (`Tables`), not a constant in it, so it is compiled once for each precision
and then serves every network. Each thread runs the whole of `run` with its own number; threads meet
at barriers, of which a step has two where they split the batch and two a layer where they split the
neurons.

- Split by *batch*: each thread sends its samples through the network in a workspace of its own
  and writes a gradient of its own; then each adds up and applies a part of the parameter vector.
- Split by *neurons*: all threads share one workspace and one gradient; each computes its units of
  every layer, and waits for the others between layers.

`phases` chooses what a call does: prediction is the forward phase alone, a trace is one step whose
workspace is read afterwards, training is all of them.

Layout of a workspace V (one flat array): the places are in `Tables` and `Job` of `records`; the
arrays are unit by unit, n samples to a row, apart from the input where the first layer goes through
BLAS, which is sample by sample as it was gathered.
"""

from __future__ import annotations

import math

import numpy as np

from clearprop.engines.native import dense, front, gathering, losses, pointwise, timing, updates
from clearprop.engines.native.low_level import (
    address,
    barrier,
    matrix,
    part,
    part_in_place,
    row,
    stamp,
    stretch,
    vector,
)
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.records import (
    A_PLACE,
    ACTIVATION,
    ALPHA,
    BACKWARD,
    DELTA,
    DENSE,
    ERROR,
    FAN_IN,
    FORWARD,
    GATHER,
    KIND,
    LOSS,
    MASK,
    PART_LOSS,
    PART_NORM,
    PART_SIZE,
    PART_SQUARE,
    PART_SUM,
    PREDICT,
    SCALE,
    UNITS,
    UPDATE,
    Z_PLACE,
)
from clearprop.engines.native.transposing import transpose


@part_in_place()
def _share(count, member, team):
    """Return the part [low, high) of `count` things that falls to one member of a team."""
    return count * member // team, count * (member + 1) // team


@part_in_place()
def _spare_row(job, member, columns):
    """Return the place of a row that one member of a team may write to, on a cache line."""
    return job.spare + member * ((columns + 15) // 16 * 16)


@part(inline="always")
def _forward_dense(memory, V, samples, tables, job, index, member, columns, s, stamps):
    """z, a and what is handed on of a dense layer."""
    layer, alpha = row(tables.layers, index), tables.reals[index, ALPHA]
    low, high = _share(layer[UNITS], member, job.team)
    panel, scale = address(V, job.panel + member * job.band), tables.reals[index, SCALE]
    dense.weighted_input(memory.theta, V, layer, scale, job, panel, index, low, high, columns)
    stamp(stamps, timing.weighted_input(index))
    dense.activation(memory.theta, V, layer, alpha, low, high, columns)
    if layer[MASK] >= 0:
        place = s if len(tables.thresholds) > 1 else 0
        threshold, keep = tables.thresholds[place, index], tables.keeps[place, index]
        spare, step = _spare_row(job, member, columns), job.step + s
        dense.drop(V, samples, layer, threshold, keep, job, index, spare, low, high, columns, step)


@part(inline="always")
def _forward(memory, V, samples, tables, job, member, columns, s, stamps):
    """Send the samples through all layers; a softmax waits until all its units are there."""
    for index in range(len(tables.layers)):
        layer = row(tables.layers, index)
        if layer[KIND] == DENSE:
            _forward_dense(memory, V, samples, tables, job, index, member, columns, s, stamps)
        else:
            front.forward(memory.theta, V, layer, tables.order, member, job.team, columns)
            stamp(stamps, timing.weighted_input(index))
        barrier(memory.control, job.team)
        stamp(stamps, timing.activation(index))
    last = row(tables.layers, len(tables.layers) - 1)
    if last[ACTIVATION] == pointwise.SOFTMAX:
        low, high = _share(columns, member, job.team)
        z = matrix(V, last[Z_PLACE], last[UNITS], columns)
        a = matrix(V, last[A_PLACE], last[UNITS], columns)
        top, total = vector(V, job.top, columns), vector(V, job.total, columns)
        pointwise.softmax(z, a, top, total, low, high)
        stamp(stamps, timing.activation(len(tables.layers) - 1))


@part(inline="always")
def _loss(V, last, alpha, job, numbers, low, high, n):
    """BP1 and E_i for samples low ≤ i < high; return Σ c_i E_i in float64."""
    units = last[UNITS]
    z, a = matrix(V, last[Z_PLACE], units, n), matrix(V, last[A_PLACE], units, n)
    d, y = matrix(V, last[DELTA], units, n), matrix(V, job.target, units, n)
    c, e = vector(V, job.coefficient, n), vector(V, job.value, n)
    total = vector(V, job.total, n)
    if job.matched:
        losses.matched_values(job.loss, y, z, e, vector(V, job.top, n), total, low, high)
        losses.matched_delta(y, a, c, d, low, high)
    else:
        losses.values_and_slopes(job.loss, numbers.loss, numbers.tiny, y, a, e, d, low, high)
        if job.late and last[ERROR] != last[DELTA]:
            carried = matrix(V, last[ERROR], units, n)
            for j in range(units):
                slope, target = stretch(d, j, low, high), stretch(carried, j, low, high)
                pointwise.multiply(slope, vector(c, low, high - low), target)
        if last[ACTIVATION] == pointwise.SOFTMAX:
            losses.softmax_jacobian(a, d, total, low, high)
        else:
            for j in range(units):
                pointwise.times_derivative(
                    last[ACTIVATION],
                    alpha,
                    stretch(z, j, low, high),
                    stretch(a, j, low, high),
                    stretch(d, j, low, high),
                )
        losses.scale_delta(d, c, low, high)
    weighted = 0.0
    for i in range(low, high):
        weighted += np.float64(c[i]) * np.float64(e[i])
    return weighted


@part(inline="always")
def _backward_dense(memory, G, V, tables, job, numbers, index, member, columns, keep, stamps):
    """BP3 and BP4 of a dense layer, and BP2 to the one before, if there is one."""
    layer, scale = row(tables.layers, index), tables.reals[index, SCALE]
    low, high = _share(layer[UNITS], member, job.team)
    place = timing.gradients(len(tables.layers), index)
    dense.gradients(G, V, layer, scale, job, index, low, high, columns, keep, stamps, place)
    if index:
        before, alpha = row(tables.layers, index - 1), tables.reals[index - 1, ALPHA]
        carried = ERROR if job.late else DELTA
        source, target = layer[carried], before[carried]
        if job.proportional:
            dense.share_out(memory.theta, V, layer, job, numbers, low, high, columns)
            barrier(memory.control, job.team)
            # the forward scale is the same for all shares and falls out
            source, scale = job.shares, type_of(scale, 1.0)
        low, high = _share(layer[FAN_IN], member, job.team)
        dense.carry(
            memory.feedback, V, layer, before, source, target, scale, job, low, high, columns
        )
        spare = _spare_row(job, member, columns)
        dense.through_activation(
            memory.theta, G, V, before, target, alpha, job.late, spare, low, high, columns, keep
        )
        barrier(memory.control, job.team)
        stamp(stamps, place + 2)


@part(inline="always")
def _backward_front(memory, G, V, tables, job, index, member, columns, keep, stamps):
    """The gradients of a front layer, and δ of the one before, if there is one."""
    place, before = timing.gradients(len(tables.layers), index), np.int64(-1)
    if index:
        before = tables.layers[index - 1, DELTA]
    layer = row(tables.layers, index)
    front.backward(
        memory.theta, G, V, layer, tables.order, job.waves, before, member, job.team, columns, keep
    )
    barrier(memory.control, job.team)
    stamp(stamps, place + 1)


@part(inline="always")
def _backward(memory, G, V, tables, job, numbers, member, columns, keep, stamps):
    """BP2 to BP4 from the last layer to the first; the input's own δ is nobody's, and skipped."""
    for index in range(len(tables.layers) - 1, -1, -1):
        if tables.layers[index, KIND] == DENSE:
            _backward_dense(
                memory, G, V, tables, job, numbers, index, member, columns, keep, stamps
            )
        else:
            _backward_front(memory, G, V, tables, job, index, member, columns, keep, stamps)


@part_in_place()
def _prepare_gradient(memory, own, tables, job, numbers, thread, low, high, factor):
    """Add up the threads' gradients in row `own`, penalise and clip it, on low ≤ i < high."""
    G, theta, part = row(memory.gradients, own), memory.theta, row(memory.partial, thread)
    if job.threads > 1:
        updates.claim(theta, low, high)
    part[PART_SUM] = updates.add_up(memory.gradients, own, theta, low, high)
    part[PART_SIZE] = part[PART_SQUARE] = 0.0
    if numbers.l1 > 0 or numbers.l2 > 0:
        l1, l2 = factor * numbers.l1, factor * numbers.l2
        sums = updates.penalise(theta, G, tables.segments, l1, l2, low, high)
        part[PART_SIZE], part[PART_SQUARE] = sums
    if numbers.clip_value < math.inf or numbers.clip_norm < math.inf:
        part[PART_NORM] = updates.clip_entries(G, numbers.clip_value, low, high)


@part(inline="always")
def _update(memory, tables, job, numbers, thread, c, factor):
    """Change this thread's part of the parameters; return whether the gradient was finite.

    Where it is not, nothing is changed: one sum over the gradient finds that out, since a NaN or an
    infinity makes a sum that is none or the other.
    """
    low, high = _share(len(memory.theta), thread, job.threads)
    own = min(thread, len(memory.gradients) - 1)
    _prepare_gradient(memory, own, tables, job, numbers, thread, low, high, factor)
    G = row(memory.gradients, own)
    barrier(memory.control, job.threads)
    if not math.isfinite(_sum_of_parts(memory.partial, PART_SUM)):
        return False
    if numbers.clip_norm < math.inf:
        length = math.sqrt(_sum_of_parts(memory.partial, PART_NORM))
        if length > numbers.clip_norm:
            updates.multiply_by(G, type_of(G[0], numbers.clip_norm / length), low, high)
    updates.apply(job.rule, memory.theta, G, memory.slots, c, tables, low, high)
    return True


@part_in_place()
def _write_outputs(V, last, results, job, begin, member, n):
    """Copy a^L of a part of n samples, the mean over members, to the rows of the result."""
    units, columns = last[UNITS], n * job.members
    a = matrix(V, last[A_PLACE], units, columns)
    rows = matrix(results.outputs, begin * units, n, units)
    if job.team == 1 and job.members == 1:
        transpose(a, rows, np.int64(0), units)
        return
    low, high = _share(n, member, job.team)
    for i in range(low, high):
        for j in range(units):
            total = a[j, i]
            for other in range(1, job.members):
                total += a[j, other * n + i]
            rows[i, j] = total / type_of(total, job.members)


@part_in_place()
def _sum_of_parts(partial, column):
    """Return the sum of what the threads left in a column of `partial`."""
    total = 0.0
    for thread in range(len(partial)):
        total += partial[thread, column]
    return total


@part_in_place()
def _penalty_of_step(partial, numbers, factor):
    """Return the penalty from the threads' parts of Σ|θ| and Σθ²."""
    size, square = _sum_of_parts(partial, PART_SIZE), _sum_of_parts(partial, PART_SQUARE)
    return factor * (numbers.l1 * size + 0.5 * numbers.l2 * square)


@part()
def _watch(theta, entries, watched, every, before, s):
    """Copy the watched parameters after step s of a job that began with `before` steps taken."""
    taken = before + s + 1
    if taken % every == 0:
        values = row(watched, taken // every - before // every - 1)
        for i in range(len(entries)):
            values[i] = theta[entries[i]]


@part(inline="always")
def _piece(
    memory, tables, data, job, numbers, results, thread, s, begin, n, normaliser, keep, further
):
    """Run a step's phases but the update on n of its samples, from `begin` on in the order.

    `keep` is 0, or 1 where the gradient is added to the one that is there; `further` says that the
    loss is.
    """
    member, copy = (thread, 0) if job.team > 1 else (0, thread)
    V, G, stamps = row(memory.work, copy), row(memory.gradients, copy), row(results.stamps, thread)
    rows, samples = row(memory.numbers, copy), row(memory.samples, copy)
    layers, last = tables.layers, len(tables.layers) - 1
    stamp(stamps, timing.BEGIN)
    columns = n * job.members
    low, high = _share(columns, member, job.team)
    if job.phases & GATHER:
        gathering.gather(
            V, rows, samples, data, job, numbers, layers, begin, low, high, n, normaliser
        )
        barrier(memory.control, job.team)
        stamp(stamps, timing.GATHERED)
    if job.phases & FORWARD:
        _forward(memory, V, samples, tables, job, member, columns, s, stamps)
    if job.phases & PREDICT:
        _write_outputs(V, row(layers, last), results, job, begin, member, n)
    if job.phases & LOSS:
        alpha, before = tables.reals[last, ALPHA], memory.partial[thread, PART_LOSS]
        value = _loss(V, row(layers, last), alpha, job, numbers, low, high, columns)
        memory.partial[thread, PART_LOSS] = value + before if further else value
    barrier(memory.control, job.team)
    if job.phases & LOSS:
        stamp(stamps, timing.loss(last + 1))
    if job.phases & BACKWARD:
        _backward(memory, G, V, tables, job, numbers, member, columns, keep, stamps)
        # nobody may gather while another still reads the inputs
        barrier(memory.control, job.team)


def run(thread, memory, tables, data, job, numbers, results, constants):
    """Run a job as one of its threads; return how many steps were sound.

    Stops before the update of a step whose loss or gradient is not finite. `constants` (steps, 6)
    holds the update rule's numbers, in the network's precision.
    """
    layers, stamps = len(tables.layers), row(results.stamps, thread)
    zero = type_of(memory.theta[0], 0.0)
    for s in range(job.steps):
        first = job.start + s * job.batch
        batch = min(job.batch, job.visits - first)
        normaliser = numbers.normaliser
        if normaliser == 0 and job.phases & GATHER:
            normaliser = gathering.sum_of_weights(data, first, batch)
        pieces = (batch + job.piece - 1) // job.piece
        for p in range(pieces):
            low, high = _share(batch, p, pieces)
            begin, n = first + low, high - low
            if job.team == 1:
                low, high = _share(n, thread, job.threads)
                begin, n = begin + low, high - low
            further = p > 0 or job.accumulate > 1
            keep = zero
            if further or (job.accumulate and s > 0):
                keep = type_of(zero, 1.0)
            _piece(
                memory, tables, data, job, numbers, results, thread, s, begin, n, normaliser, keep,
                further,
            )  # fmt: skip
        if job.phases & PREDICT:
            continue
        barrier(memory.control, job.threads)

        total = _sum_of_parts(memory.partial, PART_LOSS)
        if thread == 0:
            results.losses[s] = total
        if not job.phases & UPDATE:
            # nobody may begin the next step's loss while another still reads this one's
            barrier(memory.control, job.threads)
            continue
        sound = math.isfinite(total)
        if sound:
            factor = type_of(zero, 1.0)
            if numbers.per_sample > 0 and normaliser > 0:
                factor = type_of(zero, 1.0 / normaliser)
            sound = _update(memory, tables, job, numbers, thread, row(constants, s), factor)
            barrier(memory.control, job.threads)
            if thread == 0:
                results.penalties[s] = _penalty_of_step(memory.partial, numbers, factor)
                if sound and len(results.entries):
                    _watch(memory.theta, results.entries, results.watched, job.every, job.step, s)
            stamp(stamps, timing.update(layers))
        if not sound:
            return s
    return job.steps
