"""Exercises on errors carried without slope: by the transposed weights, and in proportion.

Public names: `carried`, `share`.
May import: `asked`, `working`, `carrying`, `formulas`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import numpy as np

from clearprop.errors import SettingError
from clearprop.explanation.carrying import Carried, compare_carriers
from clearprop.explanation.exercises.asked import Asked
from clearprop.explanation.exercises.working import (
    Desk,
    Summand,
    Working,
    add_up,
    scaled,
    summand,
)
from clearprop.explanation.formulas import Formula, Fraction, Symbol, plus, product, row
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantity

# up to so many weights are written out below a fraction
WRITTEN = 6


def carried(desk: Desk, asked: Asked) -> Working:
    """e = s Wᵀ e(next layer): by the transposed weights, without slope."""
    work, numbers = Working(desk.say), desk.numbers
    layer, unit = asked.layer, asked.unit
    scale = numbers.trace.network.operations[layer].scale
    carriers = compare_carriers(numbers.trace).carriers
    errors = _errors(desk, carriers["transposed"], layer + 1)
    parts = []
    for m, value in enumerate(errors):
        weight, err = numbers.of(Place(layer + 1, m, unit)), _err(desk, layer + 1, m, value)
        parts.append(summand([*scaled(scale), weight, err], desk.unit(layer + 1, m)))
    value = add_up(work, _err(desk, layer, unit, 0.0).symbol, parts)
    shares = carriers["proportional"].errors[layer - 1]
    if shares is not None:
        work.turn("shared_out", shares[numbers.sample, unit], 0)
    if numbers.trace.network.operations[layer - 1].activation.name != "identity":
        work.turn("with_slope", value * numbers.slope(layer, unit).value)
    weights = numbers.weights(layer + 1)
    if len(weights) == weights.shape[1] > 1:
        work.turn("not_transposed", scale * weights[unit] @ errors, 0)
    return work


def share(desk: Desk, asked: Asked) -> Working:
    """e = Σ w / Σ(weights into the same unit) · e(next layer): in proportion."""
    work, numbers = Working(desk.say), desk.numbers
    layer, unit = asked.layer, asked.unit
    proportional = compare_carriers(numbers.trace).carriers["proportional"]
    if proportional.errors[layer - 1] is None:
        raise SettingError(
            f"Behind {desk.unit(layer, unit)} the weights into a unit add up to (nearly) 0, so no "
            f"error can be shared in proportion to them. Ask for 'carried "
            f"{desk.unit(layer, unit)}'."
        )
    errors = _errors(desk, proportional, layer + 1)
    parts = [_shared(desk, asked, m, value) for m, value in enumerate(errors)]
    add_up(work, _err(desk, layer, unit, 0.0).symbol, parts)
    weights = numbers.weights(layer + 1)
    scale = numbers.trace.network.operations[layer].scale
    work.turn("denominators_dropped", scale * weights[:, unit] @ errors, 0)
    leaving = weights[:, unit].sum()
    if leaving:
        work.turn("shared_by_leaving", weights[:, unit] @ errors / leaving, 0)
    return work


def _errors(desk: Desk, carrier: Carried, layer: int) -> np.ndarray:
    """Return what a carrier brought to a layer, (units,)."""
    errors = carrier.errors[layer - 1]
    assert errors is not None
    return errors[desk.numbers.sample]


def _shared(desk: Desk, asked: Asked, m: int, value: float) -> Summand:
    """Return w / Σ(weights into m) · err of m, as a part of the sum."""
    numbers, after = desk.numbers, asked.layer + 1
    row_of_m = numbers.weights(after)[m]
    own, err = numbers.of(Place(after, m, asked.unit)), _err(desk, after, m, value)
    into = [numbers.of(Place(after, m, k)) for k in range(len(row_of_m))]
    bottom = plus(weight.symbol for weight in into)
    shown: Formula = plus(weight.number() for weight in into)
    given = (*into, err)
    if len(into) > WRITTEN:
        total = Quantity(Symbol("Σ w", desk.unit(after, m), key=f"t{m}"), float(row_of_m.sum()))
        bottom, shown, given = row(total.symbol), total.number(), (own, total, err)
    return Summand(
        product([Fraction(own.symbol, bottom), err.symbol]),
        product([Fraction(own.number(), shown), err.number()]),
        own.value / float(row_of_m.sum()) * value,
        given,
        desk.unit(after, m),
    )


def _err(desk: Desk, layer: int, unit: int, value: float) -> Quantity:
    key = f"c{layer}.{unit}"
    return Quantity(Symbol("e", desk.unit(layer, unit), role="error", key=key), float(value))
