"""The kernel for steps of one sample: the whole of `kernel.run` where a batch is a single row.

With one sample a step is so short (some 300 cycles for two layers of two units) that threads,
barriers, shares and loops over a batch would be most of it. Here one thread runs all steps; a layer
of few units is one register (see `lanes`), and what a step waits for is only the chain of the
equations: z, f(z), …, δ, update, and the next step's z.

Records, phases and places are those of `kernel.run`, so that a Trace, watching and predictions read
the same things. `takes_samples` says which jobs are for this kernel. `predict_row` is the
forward phase by itself.

    sample_layers.py   forward, BP2, BP3 and BP4     sample_output.py   softmax, loss, BP1
    sample_rows.py     where parameters are kept meanwhile, and the update
"""

from __future__ import annotations

import math

import numpy as np

from clearprop.engines.contracts import Block, Recipe
from clearprop.engines.native import timing, updates
from clearprop.engines.native.in_memory import (
    at,
    lane,
    put,
    put_some,
    some,
    take,
    take_some,
    width_of,
    zeros,
)
from clearprop.engines.native.lanes import larger_size, largest_size, sizes, where
from clearprop.engines.native.low_level import part, part_in_place, row, stamp, vector
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.pointwise import SOFTMAX
from clearprop.engines.native.records import (
    A_PLACE,
    ACTIVATION,
    ALPHA,
    BACKWARD,
    DELTA,
    FAN_IN,
    FORWARD,
    GATHER,
    INPUT,
    LOSS,
    PART_LOSS,
    PREDICT,
    ROWS,
    SCALE,
    TRAIN,
    UNITS,
    UPDATE,
    WEIGHT,
    Job,
)
from clearprop.engines.native.sample_layers import carry, forward, gradient, last_register
from clearprop.engines.native.sample_output import loss, softmax
from clearprop.engines.native.sample_rows import (
    descend,
    fill_rows,
    padded,
    read_rows,
    watch_rows,
)
from clearprop.equations import Carrier, Exact
from clearprop.network import Network


def takes_samples(
    network: Network, recipe: Recipe, carrier: Carrier, block: Block, job: Job
) -> bool:
    """Return whether `run_samples` does a job; what it does not know is left to `kernel.run`.

    It knows training of plain networks by single samples, on dense rows and one thread, with exact
    errors and without dropout or clipping.
    """
    if job.batch != 1 or job.phases & PREDICT or hasattr(block.x, "indptr"):
        return False
    # by the recipe and not by the rows at hand: a trace of one row of a larger batch's training
    # has to round as that training does
    return (
        recipe.batch_size == 1
        and network.plain
        and job.threads == 1
        and not job.accumulate
        and isinstance(carrier, Exact)
        and recipe.clip_norm is None
        and recipe.clip_value is None
        and not any(operation.dropout for operation in network.operations)
    )


@part_in_place()
def _copy(source, place, V, target, count):
    """V[target:] = source[place : place + count], up to the end of the last register zeros."""
    width = width_of(V)
    for block in range((count + width - 1) // width):
        start = block * width
        put(V, target + start, take_some(source, place + start, some(V, count - start)))


@part_in_place()
def _gather_targets(V, data, job, numbers, sample, units):
    """y = (1 - s) y + floor; class codes become one-hot rows."""
    width, dense = width_of(V), data.y.shape[1] > 0
    zero = type_of(numbers.smoothing, 0.0)
    keep = type_of(zero, 1.0) - numbers.smoothing
    code = np.int64(-1) if dense else at(data.codes, sample)
    for block in range((units + width - 1) // width):
        start = block * width
        if dense:
            mask = some(V, units - start)
            y = keep * take_some(data.y, sample * units + start, mask)
        else:
            y = where(lane(V, code - start), zeros(V) + keep, zero)
        put(V, job.target + start, y + numbers.floor)


@part_in_place()
def _gather(V, data, job, numbers, sample, normaliser, layers):
    """Bring a row of the block into the workspace: inputs, targets, coefficient."""
    first, last = row(layers, 0), row(layers, len(layers) - 1)
    _copy(data.x, sample * first[FAN_IN], V, job.input, first[FAN_IN])
    _gather_targets(V, data, job, numbers, sample, last[UNITS])
    weight = np.float64(at(data.weights, sample)) if len(data.weights) else 1.0
    V[job.coefficient] = weight / normaliser if normaliser > 0 else 0.0


@part_in_place()
def _forward(V, layers, reals, stamps):
    """Send the sample through all layers; return max z and Σ e^(z - max z) of a softmax."""
    for index in range(len(layers)):
        layer, real = row(layers, index), row(reals, index)
        stride = padded(V, layer[UNITS])
        forward(V, V, layer, layer[ROWS], stride, True, real[SCALE], real[ALPHA])
        stamp(stamps, timing.weighted_input(index))
    last = row(layers, len(layers) - 1)
    top, total = type_of(V[0], 0.0), type_of(V[0], 1.0)
    if last[ACTIVATION] == SOFTMAX:
        top, total = softmax(V, last)
        stamp(stamps, timing.activation(len(layers) - 1))
    return top, total


@part_in_place()
def _backward(G, V, layers, reals, held, writes, stamps):
    """BP2 to BP4 from the last layer to the first; return the last register of δ^1.

    `held` is the last register of δ^L. A gradient that is at once used up need not be written.
    """
    for index in range(len(layers) - 1, -1, -1):
        layer, scale = row(layers, index), reals[index, SCALE]
        place = timing.gradients(len(layers), index)
        if writes:
            gradient(G, V, layer, held, scale)
            stamp(stamps, place + 1)
        if index:
            before, alpha = row(layers, index - 1), reals[index - 1, ALPHA]
            held = carry(V, layer, before, held, scale, alpha)
            stamp(stamps, place + 2)
    return held


@part_in_place()
def _largest(V, place, count, found):
    """Return the largest |x| of each lane, of some numbers and of what was found before."""
    width = width_of(V)
    for block in range((count + width - 1) // width):
        found = larger_size(found, sizes(take(V, place + block * width)))
    return found


@part()
def _every_layer_is_finite(V, layers, reals):
    """Return whether no entry s a_k δ_j of the gradient is NaN or infinite.

    Rounding keeps order, so the largest entry of a layer is the product of the largest factors.
    """
    sound = True
    for index in range(len(layers)):
        layer = row(layers, index)
        # number by number, since the last register of a layer is not all its own
        x, d = sizes(zeros(V)), sizes(zeros(V))
        for k in range(layer[FAN_IN]):
            x = larger_size(x, sizes(zeros(V) + at(V, layer[INPUT] + k)))
        for j in range(layer[UNITS]):
            d = larger_size(d, sizes(zeros(V) + at(V, layer[DELTA] + j)))
        bound = reals[index, SCALE] * largest_size(x) * largest_size(d)
        sound &= math.isfinite(bound)
    return sound


@part_in_place()
def _is_finite(V, layers, reals):
    """Return whether the gradient is finite: at a glance, and where that shows nothing, exactly."""
    x = d = sizes(zeros(V))
    scale = type_of(V[0], 0.0)
    for index in range(len(layers)):
        layer = row(layers, index)
        x = _largest(V, layer[INPUT], layer[FAN_IN], x)
        d = _largest(V, layer[DELTA], layer[UNITS], d)
        scale = max(scale, reals[index, SCALE])
    if math.isfinite(scale * largest_size(x) * largest_size(d)):
        return True
    return _every_layer_is_finite(V, layers, reals)


@part()
def _update_vector(memory, V, G, tables, job, numbers, normaliser, c):
    """Update the vector by the gradient and the penalty, and its rows; return the penalty."""
    theta, factor = vector(memory.theta, 0, len(memory.theta)), type_of(V[0], 1.0)
    if numbers.per_sample > 0 and normaliser > 0:
        factor = type_of(factor, 1.0 / normaliser)
    penalty = 0.0
    if numbers.l1 > 0 or numbers.l2 > 0:
        l1, l2 = factor * numbers.l1, factor * numbers.l2
        sums = updates.penalise(theta, G, tables.segments, l1, l2, np.int64(0), len(theta))
        penalty = factor * (numbers.l1 * sums[0] + 0.5 * numbers.l2 * sums[1])
    updates.apply(job.rule, theta, G, memory.slots, c, tables, np.int64(0), len(theta))
    fill_rows(theta, 0, V, tables.layers, 0)
    return penalty


@part()
def _fill_all_rows(memory, V, layers, rows):
    """Bring θ and the slots into the workspace."""
    theta, (kinds, columns) = memory.theta, memory.slots.shape
    fill_rows(vector(theta, 0, len(theta)), 0, V, layers, 0)
    for kind in range(kinds):
        slots = vector(memory.slots, 0, memory.slots.size)
        fill_rows(slots, kind * columns, V, layers, (kind + 1) * rows)


@part()
def _read_all_rows(memory, V, layers, rows):
    """Bring θ and the slots back."""
    theta, (kinds, columns) = memory.theta, memory.slots.shape
    read_rows(vector(theta, 0, len(theta)), 0, V, layers, 0)
    for kind in range(kinds):
        slots = vector(memory.slots, 0, memory.slots.size)
        read_rows(slots, kind * columns, V, layers, (kind + 1) * rows)


def run_samples(thread, memory, tables, data, job, numbers, results, constants):
    """Run a job of single samples; return how many steps were sound. See `kernel.run`.

    A step that has all phases changes the rows at once, so that the gradient is written nowhere;
    one with a penalty, or a part of a step, writes it for the rule to go over.
    """
    # views that do not count references: an array handed on in a loop would be counted each time
    V, G, partial = row(memory.work, 0), row(memory.gradients, 0), row(memory.partial, 0)
    stamps, layers, reals = row(results.stamps, 0), tables.layers, tables.reals
    last, alpha = row(layers, len(layers) - 1), reals[len(layers) - 1, ALPHA]
    at_once = job.phases & TRAIN == TRAIN and not (numbers.l1 > 0 or numbers.l2 > 0)
    before = job.step // job.every
    top, total, held = type_of(alpha, 0.0), type_of(alpha, 1.0), zeros(V)
    _fill_all_rows(memory, V, layers, job.rows)
    steps = job.steps
    for s in range(job.steps):
        stamp(stamps, timing.BEGIN)
        sample = job.start + s
        normaliser = numbers.normaliser
        if job.phases & GATHER:
            if len(data.order):
                sample = at(data.order, sample)
            if normaliser == 0:
                normaliser = np.float64(at(data.weights, sample)) if len(data.weights) else 1.0
            _gather(V, data, job, numbers, sample, normaliser, layers)
            stamp(stamps, timing.GATHERED)
        if job.phases & FORWARD:
            top, total = _forward(V, layers, reals, stamps)
        if job.phases & LOSS:
            value, held = loss(V, last, alpha, job, numbers, top, total)
            partial[PART_LOSS] = np.float64(V[job.coefficient]) * np.float64(value)
            stamp(stamps, timing.loss(len(layers)))
        if job.phases & BACKWARD:
            if not job.phases & LOSS:
                held = last_register(V, last)
            held = _backward(G, V, layers, reals, held, not at_once, stamps)
        results.losses[s] = partial[PART_LOSS]
        if not job.phases & UPDATE:
            continue
        if not math.isfinite(partial[PART_LOSS]) or not _is_finite(V, layers, reals):
            steps = s
            break
        if at_once:
            descend(job.rule, V, tables, held, job.rows, row(constants, s))
        else:
            results.penalties[s] = _update_vector(
                memory, V, G, tables, job, numbers, normaliser, row(constants, s)
            )
        taken = job.step + s + 1
        if len(results.entries) and taken % job.every == 0:
            place = taken // job.every - before - 1
            watch_rows(V, layers, results.entries, results.watched, place)
        stamp(stamps, timing.update(len(layers)))
    if at_once:
        _read_all_rows(memory, V, layers, job.rows)
    return steps


def predict_row(theta, x, outputs, V, layers, reals):
    """outputs = a^L of the one row of x; V is a workspace for one sample."""
    first, last = row(layers, 0), row(layers, len(layers) - 1)
    _copy(x, np.int64(0), V, first[INPUT], first[FAN_IN])
    for index in range(len(layers)):
        layer, real = row(layers, index), row(reals, index)
        units = layer[UNITS]
        forward(theta, V, layer, layer[WEIGHT], units, None, real[SCALE], real[ALPHA])
    if last[ACTIVATION] == SOFTMAX:
        softmax(V, last)
    width, units = width_of(V), last[UNITS]
    for block in range((units + width - 1) // width):
        start = block * width
        mask = some(V, units - start)
        put_some(outputs, start, take_some(V, last[A_PLACE] + start, mask), mask)
