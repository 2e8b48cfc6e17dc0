"""The kernel for sequences: many steps of training in one compiled call.

As the kernel for rows (`native.kernel`), whose update it shares, it takes a network as data and
runs once on each thread. A thread's part of a batch is some of its sequences, in a workspace and
with a gradient of its own.
"""

from __future__ import annotations

import math

from clearprop.engines.native.kernel import (
    _penalty_of_step,
    _sum_of_parts,
    _update,
    _watch,
)
from clearprop.engines.native.low_level import barrier, part, row, stamp
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.records import (
    BACKWARD,
    FORWARD,
    GATHER,
    LOSS,
    PART_LOSS,
    PREDICT,
    UPDATE,
)
from clearprop.engines.native.recurrent import timing
from clearprop.engines.native.recurrent.backward import backward_layer
from clearprop.engines.native.recurrent.forward import forward_layer
from clearprop.engines.native.recurrent.gathering import gather
from clearprop.engines.native.recurrent.output import activate_output, loss, write_outputs
from clearprop.engines.native.recurrent.packing import offset, pack, weight_of_batch
from clearprop.engines.native.recurrent.products import fill_zeros
from clearprop.engines.native.recurrent.records import (
    ALPHA,
    CARRIED,
    CELL_ROWS,
    EVERY,
    FIRST_WAY,
    H_ROWS,
    KEPT,
    KIND,
    LSTM,
    REVERSE,
    SEQUENCES,
    SIZE,
    WAYS,
)


@part()
def _any_reverse(ways):
    """Return whether a way goes from the last step to the first."""
    reverse = 0
    for number in range(len(ways)):
        reverse += ways[number, REVERSE]
    return reverse > 0


@part(inline="always")
def _forward(memory, V, whole, data, tables, job, step, begin, stamps):
    """Send the sequences through all layers."""
    last = len(tables.layers) - 1
    for index in range(last + 1):
        forward_layer(memory, V, whole, data, tables, job, index, step, begin)
        if index == last:
            activate_output(V, whole, row(tables.layers, last), tables.reals[last, ALPHA], job)
        stamp(stamps, timing.forward(index))


@part(inline="always")
def _backward(memory, G, V, whole, tables, job, keep, stamps):
    """Carry the error back through all layers; the gradient is added to where `keep`."""
    if not keep:
        fill_zeros(G, 0, len(G))
    layers = len(tables.layers)
    for index in range(layers - 1, -1, -1):
        backward_layer(memory, G, V, whole, tables, job, index)
        stamp(stamps, timing.backward(layers, index))


@part()
def _carry_over(memory, V, whole, tables, job):
    """Keep the states that this thread's sequences have reached."""
    for index in range(len(tables.layers)):
        layer = row(tables.layers, index)
        size = layer[SIZE]
        for number in range(layer[WAYS]):
            way = row(tables.ways, layer[FIRST_WAY] + number)
            for state in range(2 if layer[KIND] == LSTM else 1):
                source, column = way[CELL_ROWS if state else H_ROWS], way[CARRIED] + state * size
                for i in range(whole[SEQUENCES]):
                    end = offset(whole, job, whole[job.length + i] - 1) + i
                    target = row(memory.carried, whole[job.place + i])
                    for j in range(size):
                        target[column + j] = V[source + end * size + j]


@part(inline="always")
def _finish(memory, tables, job, numbers, results, thread, c, normaliser, total, s):
    """Update the parameters from all threads' gradients; return whether the step was sound."""
    if not math.isfinite(total):
        return False
    factor = type_of(memory.theta[0], 1.0)
    if numbers.per_sample > 0 and normaliser > 0:
        factor = type_of(memory.theta[0], 1.0 / normaliser)
    sound = _update(memory, tables, job, numbers, thread, c, factor)
    barrier(memory.control, job.threads)
    if thread == 0:
        results.penalties[s] = _penalty_of_step(memory.partial, numbers, factor)
        if sound and len(results.entries):
            _watch(memory.theta, results.entries, results.watched, job.every, job.step, s)
    return sound


def run_sequences(thread, memory, tables, data, job, numbers, results, schedule, constants):
    """Run a job as one of its threads; return how many steps were sound.

    `schedule` (steps, 3) int64 says which sequences each step takes: the place of the first in the
    order, how many, and from which of their steps on. Stops before the update of a step whose loss
    or gradient is not finite. `constants` (steps, 5) holds the update rule's numbers.
    """
    V, whole, G = row(memory.work, thread), row(memory.whole, thread), row(memory.gradients, thread)
    last, layers = row(tables.layers, len(tables.layers) - 1), len(tables.layers)
    stamps, mirrored = row(results.stamps, thread), _any_reverse(tables.ways)
    for s in range(len(schedule)):
        stamp(stamps, timing.BEGIN)
        first, count, begin = schedule[s, 0], schedule[s, 1], schedule[s, 2]
        normaliser = numbers.normaliser
        if job.phases & GATHER:
            if normaliser == 0:
                every = job.readout == EVERY
                normaliser = weight_of_batch(data, job, first, count, begin, every)
            pack(whole, data, job, first, count, begin, thread, mirrored)
            gather(V, whole, data, job, numbers, tables.layers, begin, normaliser)
            stamp(stamps, timing.GATHERED)
        if job.phases & FORWARD:
            _forward(memory, V, whole, data, tables, job, job.step + s, begin, stamps)
        if job.phases & PREDICT:
            write_outputs(V, whole, data, last, job, results.outputs, first, begin)
            continue
        if job.phases & LOSS:
            alpha = tables.reals[layers - 1, ALPHA]
            memory.partial[thread, PART_LOSS] = loss(V, whole, last, alpha, job, numbers)
            stamp(stamps, timing.loss(layers))
        if job.phases & BACKWARD:
            _backward(memory, G, V, whole, tables, job, job.accumulate > 0 and s > 0, stamps)
        barrier(memory.control, job.threads)

        total = _sum_of_parts(memory.partial, PART_LOSS)
        if thread == 0:
            results.losses[s], results.rows[s] = total, whole[KEPT]
        if not job.phases & UPDATE:
            # nobody may begin the next step's loss while another still reads this one's
            barrier(memory.control, job.threads)
            continue
        c = row(constants, s)
        if not _finish(memory, tables, job, numbers, results, thread, c, normaliser, total, s):
            return s
        if job.pieces:
            _carry_over(memory, V, whole, tables, job)
            # the next piece's ranks may be dealt out otherwise
            barrier(memory.control, job.threads)
        stamp(stamps, timing.update(layers))
    return len(schedule)
