"""Exercises on the forward pass: z, a, f'(z) and the loss, worked out.

Public names: `activation`, `loss`, `slope`, `weighted_input`.
May import: `asked`, `working`, `neurons`, `notation`, `formulas`, `clearprop.functions`, NumPy.
"""

from __future__ import annotations

import numpy as np

from clearprop.errors import SettingError
from clearprop.explanation.exercises.asked import Asked
from clearprop.explanation.exercises.working import (
    Desk,
    Summand,
    Working,
    add_up,
    rest_of,
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
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import leading
from clearprop.explanation.neurons import forward_of
from clearprop.explanation.notation import activation_formula, loss_term
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantity
from clearprop.functions import CustomLoss, Loss

# beyond this e^z is no number to work with by hand
_LARGE = 30.0


def weighted_input(desk: Desk, asked: Asked) -> Working:
    """z = s Σ w a + b."""
    work, numbers = Working(desk.say), desk.numbers
    layer, unit = asked.layer, asked.unit
    weights = numbers.weights(layer)
    scale = numbers.trace.network.operations[layer - 1].scale
    sources = range(weights.shape[1])
    total = Symbol("Σ")
    parts = [
        summand(
            [*scaled(scale), numbers.of(Place(layer, unit, k)), numbers.a(layer - 1, k)],
            desk.unit(layer - 1, k),
        )
        for k in sources
    ]
    value = add_up(work, total, parts)
    bias, z = numbers.of(Place(layer, unit, None)), numbers.z(layer, unit)
    signals = numbers.handed_on(layer - 1)
    work.give(bias)
    work.carry_on(lambda v: v + bias.value, work.size + abs(bias.value), 0)
    shown = plus([Number(value), bias.number()])
    work.step(z.symbol, plus([total, bias.symbol]), shown, value + bias.value)
    if bias.value:
        work.turn("without_bias", value)
    if scale != 1:
        work.turn("without_scale", value / scale + bias.value)
    if layer > 1:
        before = [numbers.z(layer - 1, k).value for k in sources]
        work.turn("z_for_a", scale * weights[unit] @ before + bias.value, 0)
    if weights.shape[0] == weights.shape[1] > 1:
        work.turn("transposed", scale * weights[:, unit] @ signals + bias.value, 0)
    return work


def activation(desk: Desk, asked: Asked) -> Working:
    """a = f(z), times the dropout mask where there is one."""
    numbers, layer, unit = desk.numbers, asked.layer, asked.unit
    f = numbers.trace.network.operations[layer - 1].activation
    z = numbers.z(layer, unit)
    value = float(numbers.trace.a[layer - 1][numbers.sample, unit])
    if f.elementwise:
        work = _elementwise(desk, asked, value)
        slope = float(f.derivative(np, np.float64(z.value), np.float64(value)))
        work.turn("slope_for_value", slope, 0)
    else:
        work = _softmax(desk, asked)
    if f.name != "identity":
        work.turn("without_function", z.value, 0)
    mask = numbers.trace.masks[layer - 1]
    if mask is not None:
        kept = Quantity(Symbol("m"), float(mask[numbers.sample, unit]))
        work.give(kept)
        work.carry_on(lambda v: v * kept.value, abs(value * kept.value))
        shown = product([Number(value), kept.number()])
        work.step(numbers.a(layer, unit).symbol, None, shown, value * kept.value)
        work.turn("without_mask", value)
    return work


def _elementwise(desk: Desk, asked: Asked, value: float) -> Working:
    work, numbers = Working(desk.say), desk.numbers
    f = numbers.trace.network.operations[asked.layer - 1].activation
    z, a = numbers.z(asked.layer, asked.unit), numbers.a(asked.layer, asked.unit)
    work.use_activation(numbers.trace.network, asked.layer)
    work.give(z)
    work.size = abs(value)
    shown = activation_formula(f, z.number())
    if f.name == "sigmoid" and abs(z.value) < _LARGE:
        power = Script(Symbol("e"), sup=row(sign("−"), z.symbol))
        inside = Group(z.number()) if z.value < 0 else z.number()
        work.step(
            power,
            None,
            Script(Symbol("e"), sup=row(sign("−"), inside)),
            np.exp(-z.value),
        )
        shown = Fraction(Number(1), plus([Number(1), Number(float(np.exp(-z.value)))]))
        work.step(a.symbol, activation_formula(f, z.symbol), shown, value)
        work.turn("sign_of_exponent", 1 / (1 + np.exp(z.value)), 0)
        work.turn("not_inverted", 1 + np.exp(-z.value))
        return work
    work.step(a.symbol, activation_formula(f, z.symbol), shown, value)
    return work


def _softmax(desk: Desk, asked: Asked) -> Working:
    work, numbers = Working(desk.say), desk.numbers
    layer, unit = asked.layer, asked.unit
    z = numbers.trace.z[layer - 1][numbers.sample].astype(np.float64)
    # the same shift for all classes changes no share
    shift = float(z.max()) if np.abs(z).max() > _LARGE else 0.0
    powers = np.exp(z - shift)
    work.use_activation(numbers.trace.network, layer)
    shown = leading(powers, [unit])
    work.size = 1.0
    for k in shown:
        mine = numbers.z(layer, k)
        work.give(mine)
        exponent: Formula = mine.symbol
        typed: Formula = mine.number()
        if shift:
            exponent = row(exponent, sign("−"), Number(shift))
            typed = row(typed, sign("−"), Number(shift))
        base = Symbol("e")
        work.step(Script(base, sup=exponent), None, Script(base, sup=typed), powers[k])
    rest = float(powers.sum() - powers[list(shown)].sum())
    summands = [Number(float(powers[k])) for k in shown]
    if len(shown) < len(z):
        summands.append(rest_of(work, rest, len(z) - len(shown)).number())
    work.step(Symbol("Σ"), None, plus(summands), powers.sum())
    a = numbers.a(layer, unit)
    top, bottom = Number(float(powers[unit])), Number(float(powers.sum()))
    work.step(a.symbol, None, Fraction(top, bottom), a.value)
    work.turn("without_sum", powers[unit])
    work.turn("sigmoid_for_softmax", 1 / (1 + np.exp(-z[unit])), 0)
    others = powers.sum() - powers[unit]
    if others:
        work.turn("odds", powers[unit] / others)
    return work


def slope(desk: Desk, asked: Asked) -> Working:
    """f'(z), from a where the activation allows it."""
    numbers, layer, unit = desk.numbers, asked.layer, asked.unit
    f = numbers.trace.network.operations[layer - 1].activation
    if not f.elementwise:
        raise SettingError(
            f"{f.name} has no slope of one unit: its derivative is a matrix. Ask for 'delta "
            f"{desk.unit(layer, unit)}'."
        )
    work = Working(desk.say)
    work.use_activation(numbers.trace.network, layer)
    z, mine = numbers.z(layer, unit), numbers.slope(layer, unit)
    a = float(numbers.trace.a[layer - 1][numbers.sample, unit])
    symbol = Symbol("a", desk.unit(layer, unit), role="signal", key=f"a{layer}.{unit}")
    plain = float(f.derivative(np, np.float64(z.value), np.float64(a)))
    work.size = abs(plain)
    _PLAIN_SLOPES.get(f.name, _other_slope)(work, mine, z, Quantity(symbol, a), plain, f)
    mask = numbers.trace.masks[layer - 1]
    if mask is not None:
        kept = Quantity(Symbol("m"), float(mask[numbers.sample, unit]))
        work.give(kept)
        work.carry_on(lambda v: v * kept.value, abs(plain * kept.value))
        work.step(mine.symbol, None, product([Number(plain), kept.number()]), plain * kept.value)
        work.turn("without_mask", plain)
    return work


def _sigmoid_slope(
    work: Working, mine: Quantity, z: Quantity, a: Quantity, plain: float, f: object
) -> None:
    work.give(a)
    less = row(Number(1), sign("−"), a.symbol)
    work.step(less, None, row(Number(1), sign("−"), a.number()), 1 - a.value)
    shown = product([a.number(), Number(1 - a.value)])
    work.step(mine.symbol, product([a.symbol, Group(less)]), shown, plain)
    work.turn("value_for_slope", a.value, 0)
    work.turn("z_in_slope", z.value * (1 - z.value), 0)


def _tanh_slope(
    work: Working, mine: Quantity, z: Quantity, a: Quantity, plain: float, f: object
) -> None:
    work.give(a)
    square = Script(a.symbol, sup=Number(2))
    work.step(square, None, product([a.number(), a.number()]), a.value**2)
    shown = row(Number(1), sign("−"), Number(a.value**2))
    work.step(mine.symbol, row(Number(1), sign("−"), square), shown, plain)
    work.turn("value_for_slope", a.value, 0)
    work.turn("z_in_slope", 1 - z.value**2, 0)


def _other_slope(
    work: Working, mine: Quantity, z: Quantity, a: Quantity, plain: float, f: object
) -> None:
    work.give(z, a)
    formula = Label(f.kind.derivative_formula)  # type: ignore[attr-defined]
    work.step(mine.symbol, None, formula, plain)
    work.turn("value_for_slope", a.value)


_PLAIN_SLOPES = {"sigmoid": _sigmoid_slope, "tanh": _tanh_slope}


def loss(desk: Desk, asked: Asked) -> Working:
    """E of the sample, term by term."""
    work, numbers = Working(desk.say), desk.numbers
    objective = numbers.trace.network.objective
    if isinstance(objective, CustomLoss):
        raise SettingError(
            f"The loss {objective.name!r} is one of your own, so there is no formula to work out. "
            f"Ask for another number, such as 'z {desk.unit(numbers.last, 0)}'."
        )
    work.use_loss(numbers.trace.network)
    terms = forward_of(numbers.trace, numbers.sample).loss.terms
    assert terms is not None
    parts = []
    # what is 0 because y is 0 need not be told of
    for k in np.flatnonzero(terms).tolist() or range(len(terms)):
        a, y = numbers.a(numbers.last, k), numbers.target(k)
        symbols = loss_term(objective, a.symbol, y.symbol, len(terms))
        shown = loss_term(objective, a.number(), y.number(), len(terms))
        name = desk.unit(numbers.last, k)
        parts.append(Summand(symbols, shown, float(terms[k]), (a, y), name))
    add_up(work, numbers.loss().symbol, parts)
    _loss_turns(work, desk, objective)
    return work


def _loss_turns(work: Working, desk: Desk, objective: Loss) -> None:
    trace, sample = desk.numbers.trace, desk.numbers.sample
    apart = np.abs(trace.a[-1][sample].astype(np.float64) - trace.y[sample])
    value, outputs = work.value, len(apart)
    if objective.name == "half_squared_error":
        work.turn("without_half", 2 * value, 0)
        work.turn("not_squared", apart.sum() / 2, 0)
        if outputs > 1:
            work.turn("averaged", value / outputs)
    if objective.name == "mean_squared_error":
        work.turn("not_squared", apart.mean(), 0)
        if outputs > 1:
            work.turn("not_averaged", value * outputs)
    if objective.name in ("cross_entropy", "binary_cross_entropy"):
        work.turn("log_10", value / np.log(10), 0)
        work.turn("log_2", value / np.log(2), 0)
