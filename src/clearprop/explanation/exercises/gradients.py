"""Exercises on gradients and new weights, worked out.

Public names: `gradient`, `new`.
May import: `asked`, `backward`, `working`, `formulas`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearprop.errors import SettingError
from clearprop.explanation.exercises.asked import Asked
from clearprop.explanation.exercises.backward import delta, is_workable
from clearprop.explanation.exercises.working import (
    Desk,
    Working,
    add_up,
    digits_for,
    scaled,
    summand,
)
from clearprop.explanation.formulas import Group, Label, Number, Symbol, plus, product, row, sign
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities, Quantity

# a new weight must show the change: so much of it may be off
CHANGE = 0.05


def gradient(desk: Desk, asked: Asked) -> Working:
    """∂E/∂w = s δ a: BP4, and BP3 for a bias; over the samples of a batch, their sum."""
    place, numbers = asked.place, desk.numbers
    assert place is not None
    if len(numbers.trace.rows) > 1:
        return _gradient_of_batch(desk, place)
    d = numbers.delta(place.layer, place.unit)
    if is_workable(desk, place.layer):
        work = delta(desk, Asked("delta", place.layer, place.unit))
    else:
        work = Working(desk.say, size=abs(d.value))
        work.give(d)
    if place.source is None:
        work.step(numbers.gradient(place).symbol, d.symbol, d.number(), d.value)
        work.turn("bias_as_factor", d.value * numbers.of(place).value)
    else:
        _times_signal(desk, place, work, d)
    return work


def _times_signal(desk: Desk, place: Place, work: Working, d: Quantity) -> None:
    assert place.source is not None
    numbers, before = desk.numbers, place.layer - 1
    scale = numbers.trace.network.operations[before].scale
    factors = [d, *scaled(scale), numbers.a(before, place.source)]
    work.give(*factors[1:])
    signal = scale * factors[-1].value
    work.carry_on(lambda v: v * signal, work.size * abs(signal))
    part = summand(factors, "")
    work.step(numbers.gradient(place).symbol, part.symbols, part.numbers, part.value)
    into = desk.unit(place.layer, place.unit)
    work.turn("weight_for_signal", d.value * numbers.of(place).value)
    work.turn("signal_of_target", d.value * numbers.a(place.layer, place.unit).value, name=into)
    if before:
        work.turn("z_for_a", d.value * scale * numbers.z(before, place.source).value)
    if scale != 1:
        work.turn("without_scale", d.value * factors[-1].value)


def _gradient_of_batch(desk: Desk, place: Place) -> Working:
    """Σ_i δ_i a_i over the samples of the batch."""
    work, numbers, trace = Working(desk.say), desk.numbers, desk.numbers.trace
    parts = []
    for i in range(len(trace.rows)):
        single = Quantities(trace, numbers.names, i)
        factors = [_of_sample(single.delta(place.layer, place.unit), i)]
        if place.source is not None:
            factors += scaled(trace.network.operations[place.layer - 1].scale)
            factors.append(_of_sample(single.a(place.layer - 1, place.source), i))
        parts.append(summand(factors, desk.say("exercises.sample", sample=i + 1)))
    value = add_up(work, numbers.gradient(place).symbol, parts)
    work.turn("averaged_again", value / len(parts))
    c = trace.coefficients.astype(np.float64)
    if c[0] and np.all(c == c[0]):
        work.turn("without_coefficient", value / c[0])
    return work


def _of_sample(quantity: Quantity, sample: int) -> Quantity:
    """Return a number with the sample that it belongs to, counted from 1, in brackets."""
    symbol = row(
        replace(quantity.symbol, role="", key=""),
        Group(Label(str(sample + 1)), "[]"),
        role=quantity.symbol.role,
        key=f"{quantity.key}@{sample}",
    )
    return Quantity(symbol, quantity.value)


def new(desk: Desk, asked: Asked) -> Working:
    """w' = w - η ∂E/∂w; for other rules than gradient descent, w plus the update's terms."""
    place, numbers = asked.place, desk.numbers
    assert place is not None
    trace, entry = numbers.trace, place.entry(numbers.trace.network)
    terms = {name: float(term[entry]) for name, term in trace.terms.items()}
    if not any(terms.values()):
        name = numbers.names.of(place)
        raise SettingError(
            f"{name} does not change in this step, so there is no new value to work out. Ask for "
            f"another number, such as 'gradient {name}'."
        )
    others = any(value for name, value in terms.items() if name != "gradient")
    value = numbers.updated(place).value
    tolerance = CHANGE * abs(value - numbers.of(place).value)
    digits = max(4, digits_for(value, tolerance) + 1)
    if trace.recipe.rule.name != "gd" or others:
        work = _old_and_terms(desk, place, terms, digits)
    else:
        work = _one_step_down(desk, asked, place, digits)
    work.tolerance = tolerance
    return work


def _one_step_down(desk: Desk, asked: Asked, place: Place, digits: int) -> Working:
    numbers, trace = desk.numbers, desk.numbers.trace
    operation = trace.network.operations[place.layer - 1]
    factor = (operation.bias if place.is_bias else operation.weight).rate
    work = gradient(desk, asked)
    old, g, mine = numbers.of(place), work.value, numbers.updated(place)
    rate = Quantity(Symbol("η", key="η"), trace.rate * factor)
    work.give(old, rate)
    work.carry_on(lambda v: old.value - rate.value * v, work.size)
    symbols = row(old.symbol, sign("−"), product([rate.symbol, numbers.gradient(place).symbol]))
    shown = row(old.number(digits), sign("−"), product([rate.number(), Number(g)]))
    work.step(mine.symbol, symbols, shown, old.value - rate.value * g, digits)
    work.turn("uphill", old.value + rate.value * g)
    work.turn("without_rate", old.value - g)
    work.turn("change_only", -rate.value * g)
    return work


def _old_and_terms(desk: Desk, place: Place, terms: dict[str, float], digits: int) -> Working:
    """w' = w + Σ terms, with the terms given: their rule is the ledger's to explain."""
    work, numbers = Working(desk.say), desk.numbers
    old, mine = numbers.of(place), numbers.updated(place)
    named = [
        Quantity(Label(desk.say(f"exercises.term_{name}"), key=f"term {name}"), value)
        for name, value in terms.items()
        if value
    ]
    work.give(old, *named)
    change = sum(term.value for term in named)
    symbols = plus([old.symbol, *(term.symbol for term in named)])
    shown = plus([old.number(digits), *(term.number() for term in named)])
    work.step(mine.symbol, symbols, shown, old.value + change, digits)
    work.turn("uphill", old.value - change)
    work.turn("change_only", change)
    if len(named) > 1:
        for term in named:
            name = desk.say(f"exercises.term_{term.key.removeprefix('term ')}")
            work.turn("left_out", old.value + change - term.value, name=name)
    return work
