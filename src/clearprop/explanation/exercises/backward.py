"""Exercises on the way back: ∂E/∂a and δ, worked out.

Public names: `delta`, `error`, `is_workable`.
May import: `asked`, `working`, `formulas`, `clearprop.functions`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clearprop.errors import SettingError
from clearprop.explanation.exercises.asked import Asked
from clearprop.explanation.exercises.working import (
    Desk,
    Working,
    add_up,
    scaled,
    summand,
)
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Label,
    Number,
    Script,
    Symbol,
    product,
    row,
    sign,
)
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantity, partial
from clearprop.functions import CustomLoss, Loss


def error(desk: Desk, asked: Asked) -> Working:
    """∂E/∂a of an output."""
    work, numbers = Working(desk.say), desk.numbers
    objective = numbers.trace.network.objective
    if isinstance(objective, CustomLoss):
        raise SettingError(
            f"The loss {objective.name!r} is one of your own: its δ is known, ∂E/∂a is not."
        )
    unit = asked.unit
    mine, a, y = numbers.slope_of_loss(unit), numbers.a(numbers.last, unit), numbers.target(unit)
    outputs = numbers.trace.network.outputs
    write = _SLOPES[objective.name]
    work.use_loss(numbers.trace.network)
    number = objective.parameter or 0.0
    work.give(a, y)
    work.step(
        mine.symbol,
        write(a.symbol, y.symbol, outputs, number),
        write(a.number(), y.number(), outputs, number),
        mine.value,
    )
    work.size = abs(a.value) + abs(y.value) if "squared" in objective.name else abs(mine.value)
    apart = a.value - y.value
    if "squared" in objective.name:
        work.turn("squared", mine.value * apart)
    if objective.name == "mean_squared_error":
        work.turn("without_two", mine.value / 2)
    return work


def _difference(left: Formula, right: Formula) -> Formula:
    return row(left, sign("−"), right)


def _share_of(top: float, outputs: int, body: Formula) -> Formula:
    if outputs == 1:
        return body if top == 1 else product([Number(top), Group(body)])
    return product([Fraction(Number(top), Number(outputs)), Group(body)])


def _bounded(a: Formula, y: Formula, outputs: int, bound: float) -> Formula:
    """Return the difference held between -d and d, over K."""
    inside = row(_difference(a, y), sign(","), Number(bound))
    held = row(Label("max"), Group(row(Number(-bound), sign(","), Label("min"), Group(inside))))
    return _share_of(1, outputs, held)


# loss → ∂E/∂a of one output: from a, y, K and the loss's number
_SLOPES: dict[str, Callable[[Formula, Formula, int, float], Formula]] = {
    "half_squared_error": lambda a, y, n, p: _difference(a, y),
    "mean_squared_error": lambda a, y, n, p: _share_of(2, n, _difference(a, y)),
    "absolute_error": lambda a, y, n, p: _share_of(
        1, n, row(Label("sign"), Group(_difference(a, y)))
    ),
    "huber": _bounded,
    "poisson": lambda a, y, n, p: _difference(Number(1), Fraction(y, a)),
    "binary_cross_entropy": lambda a, y, n, p: Fraction(
        _difference(a, y), product([a, Group(_difference(Number(1), a))])
    ),
    "cross_entropy": lambda a, y, n, p: row(sign("−"), Fraction(y, a)),
}


def is_workable(desk: Desk, layer: int) -> bool:
    """Whether δ of a layer can be worked out from a formula: not behind a loss of one's own."""
    objective = desk.numbers.trace.network.objective
    return layer < desk.numbers.last or not isinstance(objective, CustomLoss)


def delta(desk: Desk, asked: Asked) -> Working:
    """δ by BP1 at the output and by BP2 before it."""
    if asked.layer < desk.numbers.last:
        return _hidden_delta(desk, asked)
    numbers = desk.numbers
    objective = numbers.trace.network.objective
    if isinstance(objective, CustomLoss):
        raise SettingError(
            f"δ of {desk.unit(asked.layer, asked.unit)} comes from the loss {objective.name!r}, "
            f"which is one of your own, so there is no formula to work out."
        )
    last = numbers.trace.network.operations[-1].activation
    if objective.is_match(last):
        work = _matched_delta(desk, asked)
    elif last.elementwise:
        work = _output_delta(desk, asked)
    else:
        work = _delta_behind_softmax(desk, asked, objective)
    return _of_the_batch(desk, asked, work)


def _matched_delta(desk: Desk, asked: Asked) -> Working:
    """δ = a - y, where the loss and the activation were made for each other."""
    work, numbers = Working(desk.say), desk.numbers
    mine = numbers.delta(asked.layer, asked.unit)
    a, y = numbers.a(asked.layer, asked.unit), numbers.target(asked.unit)
    work.use_activation(numbers.trace.network, asked.layer)
    work.use_loss(numbers.trace.network)
    work.give(a, y)
    work.size = abs(a.value) + abs(y.value)
    shown = _difference(a.number(), y.number())
    value = a.value - y.value
    work.step(mine.symbol, _difference(a.symbol, y.symbol), shown, value)
    f = numbers.trace.network.operations[-1].activation
    if f.elementwise and f.name != "identity":
        work.turn("slope_cancels", value * numbers.slope(asked.layer, asked.unit).value)
    elif not f.elementwise:
        work.turn("slope_cancels", value * a.value * (1 - a.value))
    return work


def _output_delta(desk: Desk, asked: Asked) -> Working:
    """δ = ∂E/∂a · f'(z)."""
    numbers, layer, unit = desk.numbers, asked.layer, asked.unit
    work = error(desk, asked)
    work.use_activation(numbers.trace.network, layer)
    e, slope = work.value, numbers.slope(layer, unit)
    mine, a, z = numbers.delta(layer, unit), numbers.a(layer, unit), numbers.z(layer, unit)
    f = numbers.trace.network.operations[-1].activation
    work.carry_on(lambda v: v * slope.value, work.size * abs(slope.value))
    given, shown = _written_slope(f.name, slope, a)
    work.give(given)
    symbols = product([numbers.slope_of_loss(unit).symbol, slope.symbol])
    work.step(mine.symbol, symbols, product([Number(e), shown]), e * slope.value)
    if f.name != "identity":
        work.turn("without_slope", e)
        work.turn("value_for_slope", e * a.value)
        _slope_of_z(work, f.name, e, z.value)
    return work


def _written_slope(name: str, slope: Quantity, a: Quantity) -> tuple[Quantity, Formula]:
    """Return what the question gives of f'(z), and how it is written with numbers."""
    if name == "sigmoid":
        less = Group(_difference(Number(1), a.number()))
        return a, product([a.number(), less])
    if name == "tanh":
        return a, Group(_difference(Number(1), Script(a.number(), sup=Number(2))))
    return slope, slope.number()


def _slope_of_z(work: Working, name: str, factor: float, z: float) -> None:
    wrong = {"sigmoid": z * (1 - z), "tanh": 1 - z * z}.get(name)
    if wrong is not None:
        work.turn("z_in_slope", factor * wrong)


def _delta_behind_softmax(desk: Desk, asked: Asked, objective: Loss) -> Working:
    """δ_o = a_o (∂E/∂a_o - Σ_p a_p ∂E/∂a_p)."""
    work, numbers = Working(desk.say), desk.numbers
    layer, unit = asked.layer, asked.unit
    units = range(numbers.trace.network.outputs)
    slopes = [numbers.slope_of_loss(p) for p in units]
    work.use_activation(numbers.trace.network, layer)
    work.use_loss(numbers.trace.network)
    parts = [summand([numbers.a(layer, p), slopes[p]], desk.unit(layer, p)) for p in units]
    total = add_up(work, Symbol("Σ"), parts)
    a, mine, own = numbers.a(layer, unit), numbers.delta(layer, unit), slopes[unit]
    work.give(a, own)
    value = a.value * (own.value - total)
    size = abs(a.value) * (abs(own.value) + work.size)
    work.carry_on(lambda v: a.value * (own.value - v), size)
    inside = Group(_difference(own.symbol, Symbol("Σ")))
    shown = product([a.number(), Group(_difference(own.number(), Number(total)))])
    work.step(mine.symbol, product([a.symbol, inside]), shown, value)
    work.turn("diagonal_only", a.value * (1 - a.value) * own.value)
    return work


def _of_the_batch(desk: Desk, asked: Asked, work: Working) -> Working:
    """Multiply by the sample's coefficient c in the loss of a batch."""
    c = float(desk.numbers.trace.coefficients[desk.numbers.sample])
    if c == 1:
        return work
    coefficient, before = Quantity(Symbol("c"), c), work.value
    work.give(coefficient)
    work.carry_on(lambda v: v * c, abs(work.size * c))
    mine = desk.numbers.delta(asked.layer, asked.unit)
    work.step(mine.symbol, None, product([Number(before), coefficient.number()]), before * c)
    work.turn("without_coefficient", before)
    return work


def _hidden_delta(desk: Desk, asked: Asked) -> Working:
    """δ = s Σ w δ(next layer) · f'(z)."""
    numbers, layer, unit = desk.numbers, asked.layer, asked.unit
    work, trace = Working(desk.say), numbers.trace
    work.use_activation(trace.network, layer)
    after = trace.network.operations[layer]
    units = range(after.units)
    parts = [
        summand(
            [
                *scaled(after.scale),
                numbers.of(Place(layer + 1, m, unit)),
                numbers.delta(layer + 1, m),
            ],
            desk.unit(layer + 1, m),
        )
        for m in units
    ]
    total = partial(Symbol("E"), Symbol("a", desk.unit(layer, unit)))
    carried_here = add_up(work, total, parts)
    f = trace.network.operations[layer - 1].activation
    slope, mine = numbers.slope(layer, unit), numbers.delta(layer, unit)
    a, z = numbers.a(layer, unit), numbers.z(layer, unit)
    summed = len(work.steps)
    work.carry_on(lambda v: v * slope.value, work.size * abs(slope.value))
    dropped = trace.masks[layer - 1] is not None
    given, shown = (slope, slope.number()) if dropped else _written_slope(f.name, slope, a)
    work.give(given)
    symbols = product([total, slope.symbol])
    value = carried_here * slope.value
    work.step(mine.symbol, symbols, product([Number(carried_here), shown]), value)
    if f.name != "identity":
        work.turn("without_slope", carried_here)
        work.turn("value_for_slope", carried_here * a.value)
        _slope_of_z(work, f.name, carried_here, z.value)
    deltas = np.array([numbers.delta(layer + 1, m).value for m in units])
    _weights_turns(desk, work, (layer, unit), deltas, slope.value, min(0, summed - 1))
    return work


def _weights_turns(
    desk: Desk,
    work: Working,
    where: tuple[int, int],
    deltas: np.ndarray,
    slope: float,
    step: int,
) -> None:
    """Name what other weights than W^T as it was lead to."""
    (layer, unit), numbers = where, desk.numbers
    trace, after = numbers.trace, numbers.trace.network.operations[layer]
    weights = numbers.weights(layer + 1)
    if after.scale != 1:
        work.turn("without_scale", weights[:, unit] @ deltas * slope, step)
    if len(weights) == weights.shape[1] > 1:
        work.turn("not_transposed", after.scale * weights[unit] @ deltas * slope, step)
    updated = after.weight.view(trace.vector.astype(np.float64) + trace.update)[:, unit]
    if np.any(updated != weights[:, unit]):
        work.turn("updated_weights", after.scale * updated @ deltas * slope, step)
