"""Parameters of steps of one sample, row by row in registers of their own, and their update.

In the parameter vector the rows of W lie end to end, so a register of one row hangs over into the
next. What is written in part is handed to a read of a whole register only once it has reached the
cache, which takes as long as an exponential; and some processors take as long for a masked store
as for ten others. So a job of single samples keeps θ and the slots in its workspace, where each row
of W, and b after the last one, starts a register of its own and ends in zeros: a step reads what
the one before wrote, register for register. The vector is written when the job ends.
"""

from __future__ import annotations

from clearprop.engines.native.in_memory import (
    put,
    put_some,
    some,
    take,
    take_some,
    width_of,
)
from clearprop.engines.native.lanes import where
from clearprop.engines.native.low_level import part, part_in_place, row
from clearprop.engines.native.mathematics import type_of
from clearprop.engines.native.records import (
    DELTA,
    FAN_IN,
    INPUT,
    PENALISED,
    ROWS,
    SCALE,
    UNITS,
    WEIGHT,
)
from clearprop.engines.native.updates import GD, RMSPROP, changed


@part_in_place()
def padded(V, units):
    """Return the numbers of the registers that hold a row."""
    width = width_of(V)
    return (units + width - 1) // width * width


@part()
def fill_rows(vector, first, V, layers, offset):
    """Copy parameters or a slot, vector[first:], to their rows; `offset` is the kind's place."""
    for index in range(len(layers)):
        layer = row(layers, index)
        units = layer[UNITS]
        stride = padded(V, units)
        for k in range(layer[FAN_IN] + 1):
            source, target = first + layer[WEIGHT] + k * units, layer[ROWS] + offset + k * stride
            for start in range(0, stride, width_of(V)):
                values = take_some(vector, source + start, some(V, units - start))
                put(V, target + start, values)


@part()
def read_rows(vector, first, V, layers, offset):
    """Copy the rows back to where `fill_rows` took them from."""
    for index in range(len(layers)):
        layer = row(layers, index)
        units = layer[UNITS]
        stride = padded(V, units)
        for k in range(layer[FAN_IN] + 1):
            source, target = layer[ROWS] + offset + k * stride, first + layer[WEIGHT] + k * units
            for start in range(0, stride, width_of(V)):
                values = take(V, source + start)
                put_some(vector, target + start, values, some(V, units - start))


@part()
def watch_rows(V, layers, entries, watched, place):
    """Copy the watched parameters from their rows."""
    values = row(watched, place)
    for i in range(len(entries)):
        for index in range(len(layers)):
            layer, entry = row(layers, index), entries[i] - layers[index, WEIGHT]
            units = layer[UNITS]
            if 0 <= entry < (layer[FAN_IN] + 1) * units:
                place = layer[ROWS] + entry // units * padded(V, units) + entry % units
                values[i] = V[place]


@part_in_place()
def _descend(rule, V, layer, held, scale, rows, c, rates, decays):
    """Change a layer's rows by the rule; `held` is the last register of δ.

    Entries of `rates` and `decays` are those of W and of b.
    """
    width, units, fan_in, x = width_of(V), layer[UNITS], layer[FAN_IN], layer[INPUT]
    stride, one = padded(V, units), type_of(scale, 1.0)
    slot_one, slot_two = rule != GD, rule > RMSPROP
    for k in range(fan_in + 1):
        last = k == fan_in
        factor = one if last else scale * V[x + k]
        rate, decay = (rates[1], decays[1]) if last else (rates[0], decays[0])
        for start in range(0, stride, width):
            i = layer[ROWS] + k * stride + start
            rest = start + width >= units
            g = factor * (held if rest else take(V, layer[DELTA] + start))
            w = take(V, i)
            first = take(V, rows + i) if slot_one else w
            second = take(V, 2 * rows + i) if slot_two else w
            w, first, second = changed(rule, c, rate, decay, w, g, first, second)
            put(V, i, where(some(V, units - start), w, type_of(scale, 0.0)) if rest else w)
            if slot_one:
                put(V, rows + i, first)
            if slot_two:
                put(V, 2 * rows + i, second)


@part_in_place()
def _rate_and_decay(segments, rates, place, c):
    """Return the learning-rate factor of a segment, and η λ times it where decay reaches it."""
    rate = rates[place]
    return rate, rate * c[4] if segments[place, PENALISED] else type_of(rate, 0.0)


@part_in_place()
def descend(rule, V, tables, held, rows, c):
    """BP3, BP4 and the update of all layers, from δ; `held` is the last register of δ^1."""
    width = width_of(V)
    for index in range(len(tables.layers)):
        layer = row(tables.layers, index)
        if index:
            units = layer[UNITS]
            held = take(V, layer[DELTA] + (units - 1) // width * width)
        weights = _rate_and_decay(tables.segments, tables.rates, 2 * index, c)
        biases = _rate_and_decay(tables.segments, tables.rates, 2 * index + 1, c)
        rates, decays = (weights[0], biases[0]), (weights[1], biases[1])
        _descend(rule, V, layer, held, tables.reals[index, SCALE], rows, c, rates, decays)
