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

from clearprop.engines.native import gathering, losses, pointwise, products, timing, updates
from clearprop.engines.native.chance import fill_mask, layer_key
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
    BIAS,
    BLAS,
    DELTA,
    DROPOUT,
    ERROR,
    FAN_IN,
    FORWARD,
    GATHER,
    INPUT,
    KEEP,
    LOSS,
    MASK,
    OUTPUT,
    PART_LOSS,
    PART_NORM,
    PART_SIZE,
    PART_SQUARE,
    PART_SUM,
    PREDICT,
    SCALE,
    THRESHOLD,
    UNITS,
    UPDATE,
    WEIGHT,
    Z_PLACE,
)
from clearprop.engines.native.transposing import transpose


@part_in_place()
def _share(count, member, team):
    """Return the part [low, high) of `count` things that falls to one member of a team."""
    return count * member // team, count * (member + 1) // team


@part(inline="always")
def _input_of(V, layer, index, n):
    """Return what a layer received: (fan_in, n), or (n, fan_in) for an input stored by rows."""
    # a thread without samples takes the own loops, which read the other way round
    if index == 0 and layer[BLAS] and n > 0:
        return matrix(V, layer[INPUT], n, layer[FAN_IN])
    return matrix(V, layer[INPUT], layer[FAN_IN], n)


@part(inline="always")
def _weighted_input(theta, V, layer, scale, job, panel, index, low, high, n):
    """z = s W a + b for units low ≤ j < high of a layer."""
    W = matrix(theta, layer[WEIGHT], layer[FAN_IN], layer[UNITS])
    A, Z = _input_of(V, layer, index, n), matrix(V, layer[Z_PLACE], layer[UNITS], n)
    b = vector(theta, layer[BIAS], layer[UNITS])
    if layer[BLAS] and n > 0:
        products.fill_bias(b, Z, low, high)
        products.forward_blas(job.sgemm, W, A, index == 0, Z, low, high, scale)
    else:
        products.forward(W, b, A, Z, low, high, scale, panel)


@part(inline="always")
def _activation(V, rows, layer, reals, job, index, low, high, n, step):
    """a = f(z) and dropout for units low ≤ j < high of a layer."""
    place, count = low * n, (high - low) * n
    a = vector(V, layer[A_PLACE] + place, count)
    z = vector(V, layer[Z_PLACE] + place, count)
    pointwise.activate(layer[ACTIVATION], reals[ALPHA], z, a)
    if layer[MASK] >= 0:
        mask = matrix(V, layer[MASK] + place, high - low, n)
        if job.phases & DROPOUT:
            key = layer_key(job.seed, index + 1, step)
            fill_mask(key, rows, job.first_row, np.uint32(layer[THRESHOLD]), reals[KEEP], mask, low)
        else:
            mask[:] = 1
        output = vector(V, layer[OUTPUT] + place, count)
        pointwise.multiply(a, vector(V, layer[MASK] + place, count), output)


@part(inline="always")
def _forward(memory, V, rows, tables, job, member, n, step, stamps):
    """Send the samples through all layers; a softmax waits until all its units are there."""
    panel = address(V, job.panel + member * job.band)
    for index in range(len(tables.layers)):
        layer, reals = row(tables.layers, index), row(tables.reals, index)
        low, high = _share(layer[UNITS], member, job.team)
        _weighted_input(memory.theta, V, layer, reals[SCALE], job, panel, index, low, high, n)
        stamp(stamps, timing.weighted_input(index))
        _activation(V, rows, layer, reals, job, index, low, high, n, step)
        barrier(memory.control, job.team)
        stamp(stamps, timing.activation(index))
    last = row(tables.layers, len(tables.layers) - 1)
    if last[ACTIVATION] == pointwise.SOFTMAX:
        low, high = _share(n, member, job.team)
        z, a = matrix(V, last[Z_PLACE], last[UNITS], n), matrix(V, last[A_PLACE], last[UNITS], n)
        pointwise.softmax(z, a, vector(V, job.top, n), vector(V, job.total, n), low, high)
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
def _gradients(G, V, layer, scale, job, index, low, high, n, keep, stamps, place):
    """BP3 and BP4 for units low ≤ j < high of a layer."""
    A, delta = _input_of(V, layer, index, n), matrix(V, layer[DELTA], layer[UNITS], n)
    W = matrix(G, layer[WEIGHT], layer[FAN_IN], layer[UNITS])
    g = vector(G, layer[BIAS], layer[UNITS])
    if layer[BLAS] and n > 0:
        products.bias_gradient_by_rows(delta, g, low, high, keep)
        stamp(stamps, place)
        products.gradient_blas(job.sgemm, A, index == 0, delta, W, low, high, scale, keep)
    else:
        turned = matrix(V, job.turned, n, layer[UNITS])
        products.turn(delta, turned, low, high)
        products.bias_gradient(delta, turned, g, low, high, keep)
        stamp(stamps, place)
        products.gradient(A, delta, turned, W, low, high, scale, keep)
    stamp(stamps, place + 1)


@part(inline="always")
def _carry(feedback, V, layer, before, source, target, scale, alpha, job, low, high, n):
    """BP2, or what stands in its place: errors at `source` to units low ≤ k < high at `target`.

    `target` is δ of the layer before, or, where f' enters late, what is carried beside it.
    """
    C = matrix(feedback, layer[WEIGHT], layer[FAN_IN], layer[UNITS])
    error, D = matrix(V, source, layer[UNITS], n), matrix(V, target, before[UNITS], n)
    if layer[BLAS] and n > 0:
        products.backward_blas(job.sgemm, C, error, D, low, high, scale)
    else:
        products.backward(C, error, D, low, high, scale)
    place, count = low * n, (high - low) * n
    e, d = vector(V, target + place, count), vector(V, before[DELTA] + place, count)
    z, a = vector(V, before[Z_PLACE] + place, count), vector(V, before[A_PLACE] + place, count)
    if job.late:
        pointwise.fill(d, type_of(alpha, 1.0))
    pointwise.times_derivative(before[ACTIVATION], alpha, z, a, d)
    if before[MASK] >= 0:
        pointwise.multiply(e, vector(V, before[MASK] + place, count), e)
    if job.late:
        # f' times e and not e times f': relu's pass would turn the NaN of a missing share into 0
        pointwise.multiply(d, e, d)


@part(inline="always")
def _share_out(theta, V, layer, job, numbers, low, high, n):
    """Divide what units low ≤ j < high carry by the sum of their weights."""
    W = matrix(theta, layer[WEIGHT], layer[FAN_IN], layer[UNITS])
    E, S = matrix(V, layer[ERROR], layer[UNITS], n), matrix(V, job.shares, layer[UNITS], n)
    sums = matrix(V, job.sums, 2, layer[UNITS])
    products.share_out(W, E, S, sums, numbers.share, low, high)


@part(inline="always")
def _backward(memory, G, V, tables, job, numbers, member, n, keep, stamps):
    """BP2 to BP4 from the last layer to the first; the input's own δ is nobody's, and skipped."""
    carried = ERROR if job.late else DELTA
    for index in range(len(tables.layers) - 1, -1, -1):
        layer, scale = row(tables.layers, index), tables.reals[index, SCALE]
        low, high = _share(layer[UNITS], member, job.team)
        place = timing.gradients(len(tables.layers), index)
        _gradients(G, V, layer, scale, job, index, low, high, n, keep, stamps, place)
        if index:
            before, alpha = row(tables.layers, index - 1), tables.reals[index - 1, ALPHA]
            source, target = layer[carried], before[carried]
            if job.proportional:
                _share_out(memory.theta, V, layer, job, numbers, low, high, n)
                barrier(memory.control, job.team)
                # the forward scale is the same for all shares and falls out
                source, scale = job.shares, type_of(scale, 1.0)
            low, high = _share(layer[FAN_IN], member, job.team)
            _carry(
                memory.feedback, V, layer, before, source, target, scale, alpha, job, low, high, n
            )
            barrier(memory.control, job.team)
            stamp(stamps, place + 2)


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
def _write_outputs(V, last, results, job, begin, low, high, n):
    """Copy a^L of samples low ≤ i < high to the rows of the result."""
    units = last[UNITS]
    a, rows = matrix(V, last[A_PLACE], units, n), matrix(results.outputs, begin * units, n, units)
    if job.team == 1:
        transpose(a, rows, np.int64(0), units)
    else:
        for i in range(low, high):
            for j in range(units):
                rows[i, j] = a[j, i]


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


def run(thread, memory, tables, data, job, numbers, results, constants):
    """Run a job as one of its threads; return how many steps were sound.

    Stops before the update of a step whose loss or gradient is not finite. `constants` (steps, 6)
    holds the update rule's numbers, in the network's precision.
    """
    member = thread if job.team > 1 else 0
    copy = 0 if job.team > 1 else thread
    V, rows, G = row(memory.work, copy), row(memory.numbers, copy), row(memory.gradients, copy)
    layers, last = tables.layers, len(tables.layers) - 1
    stamps = row(results.stamps, thread)
    for s in range(job.steps):
        stamp(stamps, timing.BEGIN)
        first = job.start + s * job.batch
        batch = min(job.batch, job.visits - first)
        low, high = (0, batch) if job.team > 1 else _share(batch, thread, job.threads)
        begin, n = first + low, high - low
        low, high = _share(n, member, job.team)

        normaliser = numbers.normaliser
        if normaliser == 0 and job.phases & GATHER:
            normaliser = gathering.sum_of_weights(data, first, batch)
        if job.phases & GATHER:
            gathering.gather(
                V, rows, data, job, numbers, tables.layers, begin, low, high, n, normaliser
            )
            barrier(memory.control, job.team)
            stamp(stamps, timing.GATHERED)
        if job.phases & FORWARD:
            _forward(memory, V, rows, tables, job, member, n, job.step + s, stamps)
        if job.phases & PREDICT:
            _write_outputs(V, row(layers, last), results, job, begin, low, high, n)
            barrier(memory.control, job.team)
            continue
        if job.phases & LOSS:
            memory.partial[thread, PART_LOSS] = _loss(
                V, row(layers, last), tables.reals[last, ALPHA], job, numbers, low, high, n
            )
        barrier(memory.control, job.team)
        if job.phases & LOSS:
            stamp(stamps, timing.loss(last + 1))
        if job.phases & BACKWARD:
            keep = type_of(V[0], 1.0 if job.accumulate and s > 0 else 0.0)
            _backward(memory, G, V, tables, job, numbers, member, n, keep, stamps)
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
            factor = type_of(V[0], 1.0)
            if numbers.per_sample > 0 and normaliser > 0:
                factor = type_of(V[0], 1.0 / normaliser)
            sound = _update(memory, tables, job, numbers, thread, row(constants, s), factor)
            barrier(memory.control, job.threads)
            if thread == 0:
                results.penalties[s] = _penalty_of_step(memory.partial, numbers, factor)
                if sound and len(results.entries):
                    _watch(memory.theta, results.entries, results.watched, job.every, job.step, s)
            stamp(stamps, timing.update(last + 1))
        if not sound:
            return s
    return job.steps
