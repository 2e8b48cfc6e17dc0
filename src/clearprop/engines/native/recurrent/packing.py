"""A batch of sequences as each thread lays out its part of it; see `engines.sequences.Packing`.

Sequences are ranked from the longest to the shortest, and dealt out: thread k gets the ranks k,
k + threads, …. So threads have about as many rows and steps as each other, and each one's part is
ranked by itself. Where row numbers lie in a thread's whole numbers `whole` is in `Job`.
"""

from __future__ import annotations

from clearprop.engines.native.low_level import part, part_in_place
from clearprop.engines.native.recurrent.records import KEPT, ROWS, SEQUENCES, STEPS


@part_in_place()
def _number(data, place):
    """Return which sequence stands at a place of the order."""
    return data.order[place] if len(data.order) else place


@part_in_place()
def _steps_of(data, job, sequence, begin):
    """Return how many steps a sequence has from `begin` on, of those that are wanted."""
    left = data.starts[sequence + 1] - data.starts[sequence] - begin
    return min(left, job.window) if job.window else left


@part_in_place()
def offset(whole, job, step):
    """Return where the rows of a step begin."""
    return whole[job.offset + step]


@part_in_place()
def begin_of(whole, job, step):
    """Return where the rows before those of a step begin: at step 0, before all rows."""
    return whole[job.offset + step - 1] if step else -whole[SEQUENCES]


@part()
def weight_of_batch(data, job, first, count, begin, every):
    """Return Σ w over the outputs of a batch; each thread adds it up for itself, in one order."""
    total = 0.0
    for place in range(first, first + count):
        sequence = _number(data, place)
        steps = _steps_of(data, job, sequence, begin)
        if steps > 0:
            weight = float(data.weights[sequence]) if len(data.weights) else 1.0
            total += weight * steps if every else weight
    return total


@part()
def _rank(whole, data, job, first, count, begin, thread):
    """Write this thread's sequences, the longest first, by counting how many have each length."""
    longest, kept = 0, 0
    for place in range(first, first + count):
        longest = max(longest, _steps_of(data, job, _number(data, place), begin))
    for steps in range(longest + 1):
        whole[job.counts + steps] = 0
    for place in range(first, first + count):
        steps = _steps_of(data, job, _number(data, place), begin)
        if steps > 0:
            whole[job.counts + steps] += 1
            kept += 1
    longer = 0
    for steps in range(longest, 0, -1):
        same = whole[job.counts + steps]
        whole[job.counts + steps] = longer
        longer += same
    for place in range(first, first + count):
        sequence = _number(data, place)
        steps = _steps_of(data, job, sequence, begin)
        if steps > 0:
            rank = whole[job.counts + steps]
            whole[job.counts + steps] += 1
            if rank % job.threads == thread:
                own = rank // job.threads
                whole[job.sequence + own] = sequence
                whole[job.place + own] = place - first
                whole[job.length + own] = steps
    whole[KEPT] = kept
    whole[SEQUENCES] = (kept - thread + job.threads - 1) // job.threads


@part()
def pack(whole, data, job, first, count, begin, thread, mirrored):
    """Lay out this thread's part of the `count` sequences at `first`, from the step `begin` on."""
    _rank(whole, data, job, first, count, begin, thread)
    running, rows = whole[SEQUENCES], 0
    steps = whole[job.length] if running else 0
    for step in range(steps):
        whole[job.offset + step] = rows
        while whole[job.length + running - 1] <= step:
            running -= 1
        rows += running
    whole[job.offset + steps] = rows
    whole[ROWS], whole[STEPS] = rows, steps
    if mirrored:
        for own in range(whole[SEQUENCES]):
            length = whole[job.length + own]
            for step in range(length):
                here, there = whole[job.offset + step], whole[job.offset + length - 1 - step]
                whole[job.mirror + here + own] = there + own
