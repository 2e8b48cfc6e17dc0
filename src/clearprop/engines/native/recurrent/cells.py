"""One step of time on vector lanes: the cells of `equations.cells`, each in one pass.

The products are done when a pass begins: z holds s + U h of the gates (of a GRU's candidate s
alone, with q = U h + c beside it). A pass forward leaves the gates' values and the new state; a
pass backward reads them and writes δ in the gates' place, so that nothing is computed twice.
Formulas are those of `equations.cells`, in the same order of gates.

Each formula is written once, for a register that is full and for the last one of a row, which is
masked. Row i of a step lies i rows behind the step's first, whose places come in.
"""

from __future__ import annotations

from clearprop.engines.native.in_memory import (
    put,
    put_first,
    put_some,
    some,
    take,
    take_some,
    width_of,
)
from clearprop.engines.native.low_level import part, part_in_place
from clearprop.engines.native.mathematics import sigmoid, tanh, type_of


@part_in_place()
def _take_all(V, place, count):
    return take(V, place)


@part_in_place()
def _put_all(V, place, value, count):
    put(V, place, value)


@part_in_place()
def _take_first(V, place, count):
    return take_some(V, place, some(V, count))


@part_in_place()
def _put_masked(V, place, value, count):
    put_some(V, place, value, some(V, count))


@part_in_place()
def _put_readable(V, place, value, count):
    """Write a state, which the next step reads number by number at once."""
    put_first(V, place, value, count)


def _both(formula):
    """Return a formula for full registers, and for one of which only some lanes exist."""
    return (
        formula(_take_all, _put_all, _put_all),
        formula(_take_first, _put_masked, _put_readable),
    )


def _elman_forward(take, put, put_state):
    @part_in_place()
    def units(V, z, h, count):
        put_state(V, h, tanh(take(V, z, count)), count)

    return units


def _lstm_forward(take, put, put_state):
    @part_in_place()
    def units(V, z, gates, before, cell, squashed, h, size, count):
        i, forget = sigmoid(take(V, z, count)), sigmoid(take(V, z + size, count))
        g, o = tanh(take(V, z + 2 * size, count)), sigmoid(take(V, z + 3 * size, count))
        c = forget * take(V, before, count) + i * g
        t = tanh(c)
        put_state(V, h, o * t, count)
        put(V, gates, i, count)
        put(V, gates + size, forget, count)
        put(V, gates + 2 * size, g, count)
        put(V, gates + 3 * size, o, count)
        put(V, cell, c, count)
        put(V, squashed, t, count)

    return units


def _lstm_backward(take, put, put_state):
    @part_in_place()
    def units(V, gates, before, squashed, error, cell_error, size, keep, count):
        i, forget = take(V, gates, count), take(V, gates + size, count)
        g, o = take(V, gates + 2 * size, count), take(V, gates + 3 * size, count)
        e, t, one = take(V, error, count), take(V, squashed, count), type_of(keep, 1.0)
        cell = take(V, cell_error, count) + e * o * (one - t * t)
        put_state(V, gates, cell * g * i * (one - i), count)
        put_state(V, gates + size, cell * take(V, before, count) * forget * (one - forget), count)
        put_state(V, gates + 2 * size, cell * i * (one - g * g), count)
        put_state(V, gates + 3 * size, e * t * o * (one - o), count)
        put(V, cell_error, keep * cell * forget, count)

    return units


def _gru_forward(take, put, put_state):
    @part_in_place()
    def units(V, z, gates, q, before, h, size, one, count):
        r, u = sigmoid(take(V, z, count)), sigmoid(take(V, z + size, count))
        inside = take(V, z + 2 * size, count) + r * take(V, q, count)
        n = tanh(inside)
        put_state(V, h, (one - u) * n + u * take(V, before, count), count)
        put(V, z + 2 * size, inside, count)
        put(V, gates, r, count)
        put(V, gates + size, u, count)
        put(V, gates + 2 * size, n, count)

    return units


def _gru_backward(take, put, put_state):
    @part_in_place()
    def units(V, gates, q, reset, before, error, handed, size, one, hands, count):
        r, u, n = (
            take(V, gates, count),
            take(V, gates + size, count),
            take(V, gates + 2 * size, count),
        )
        e = take(V, error, count)
        d_n = e * (one - u) * (one - n * n)
        d_u = e * (take(V, before, count) - n) * u * (one - u)
        put_state(V, gates, d_n * take(V, q, count) * r * (one - r), count)
        put_state(V, gates + size, d_u, count)
        put_state(V, gates + 2 * size, d_n, count)
        put_state(V, reset, d_n * r, count)
        if hands:
            put(V, handed, take(V, handed, count) + e * u, count)

    return units


_elman_whole, _elman_rest = _both(_elman_forward)
_lstm_whole, _lstm_rest = _both(_lstm_forward)
_lstm_back_whole, _lstm_back_rest = _both(_lstm_backward)
_gru_whole, _gru_rest = _both(_gru_forward)
_gru_back_whole, _gru_back_rest = _both(_gru_backward)


@part()
def tanh_step(V, z, h, count):
    """h = tanh z of `count` numbers: an Elman layer's step, all rows in one piece."""
    width = width_of(V)
    whole = count - count % width
    for j in range(0, whole, width):
        _elman_whole(V, z + j, h + j, width)
    if whole < count:
        _elman_rest(V, z + whole, h + whole, count - whole)


@part()
def lstm_step(V, z, gates, before, cell, squashed, h, rows, size):
    """Gates, c, tanh c and h of a step from z and the c before."""
    width, tall = width_of(V), 4 * size
    whole = size - size % width
    for i in range(rows):
        a, s = i * tall, i * size
        for j in range(0, whole, width):
            _lstm_whole(
                V, z + a + j, gates + a + j, before + s + j, cell + s + j, squashed + s + j,
                h + s + j, size, width,
            )  # fmt: skip
        if whole < size:
            a, s = a + whole, s + whole
            _lstm_rest(
                V, z + a, gates + a, before + s, cell + s, squashed + s, h + s, size, size - whole
            )


@part()
def lstm_back(V, gates, before, squashed, error, cell_error, rows, size, keep):
    """δ in the gates' place; what c hands back, times `keep`, where it came in."""
    width, tall = width_of(V), 4 * size
    whole = size - size % width
    for i in range(rows):
        a, s = i * tall, i * size
        for j in range(0, whole, width):
            _lstm_back_whole(
                V, gates + a + j, before + s + j, squashed + s + j, error + s + j,
                cell_error + s + j, size, keep, width,
            )  # fmt: skip
        if whole < size:
            a, s = a + whole, s + whole
            _lstm_back_rest(
                V, gates + a, before + s, squashed + s, error + s, cell_error + s, size, keep,
                size - whole,
            )  # fmt: skip


@part()
def gru_step(V, z, gates, q, before, h, rows, size):
    """Gates and h of a step from z, q and the h before; z of the candidate becomes whole."""
    width, tall, one = width_of(V), 3 * size, type_of(V[0], 1.0)
    whole = size - size % width
    for i in range(rows):
        a, s = i * tall, i * size
        for j in range(0, whole, width):
            _gru_whole(
                V, z + a + j, gates + a + j, q + s + j, before + s + j, h + s + j, size, one, width
            )
        if whole < size:
            a, s = a + whole, s + whole
            _gru_rest(V, z + a, gates + a, q + s, before + s, h + s, size, one, size - whole)


@part()
def gru_back(V, gates, q, reset, before, error, handed, rows, size, hands):
    """δ in the gates' place and δ' of the candidate at `reset`.

    Where `hands`, u e is added to the errors of the step before, at `handed`.
    """
    width, tall, one = width_of(V), 3 * size, type_of(V[0], 1.0)
    whole = size - size % width
    for i in range(rows):
        a, s = i * tall, i * size
        for j in range(0, whole, width):
            _gru_back_whole(
                V, gates + a + j, q + s + j, reset + s + j, before + s + j, error + s + j,
                handed + s + j, size, one, hands, width,
            )  # fmt: skip
        if whole < size:
            a, s = a + whole, s + whole
            _gru_back_rest(
                V, gates + a, q + s, reset + s, before + s, error + s, handed + s, size, one,
                hands, size - whole,
            )  # fmt: skip
