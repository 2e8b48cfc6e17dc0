"""Exercises on networks of sequences: numbers at a step of time, worked out.

    z h1 2 · h h1 2 · delta h1 2 · gradient w1

Units are those of Elman layers, whose steps can be worked out by hand; steps are counted from 1. A
gradient is what the sequence adds to it, the sum over its steps.

Public names: `KINDS_IN_TIME`, `exercise_in_time`, `exercises_in_time`.
May import: `exercise`, `working`, `places`, `quantities`, `through_time`, `chapters.time_letters`,
`formulas`, `words`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clearprop.errors import SettingError
from clearprop.explanation.chapters.time_letters import TimeLetters
from clearprop.explanation.exercises.exercise import Exercise, finished
from clearprop.explanation.exercises.working import Summand, Working, add_up, digits_for, summand
from clearprop.explanation.formulas import Group, Number, Symbol, plus, product, row
from clearprop.explanation.matrices import by_sign
from clearprop.explanation.notation import activation_formula
from clearprop.explanation.pages import Text
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantity, letter_of
from clearprop.explanation.through_time.run import WaySteps, run_of, way_steps
from clearprop.explanation.words import Words, words
from clearprop.functions.spelling import suggest

if TYPE_CHECKING:
    from clearprop.explanation.through_time import SequenceExplanation

# numbers tried for a kind before it is passed over
_TRIES = 6


@dataclass(frozen=True, eq=False)
class _Desk:
    """One unit of an Elman layer at one step, with all that is needed to write about it."""

    explanation: SequenceExplanation
    say: Words
    layer: int
    unit: int
    step: int
    sample: int
    ways: WaySteps

    @property
    def size(self) -> int:
        """Units of the way."""
        return self.ways.operation.size

    @property
    def own(self) -> int:
        """The step in the way's own time."""
        return int(np.flatnonzero(self.ways.times == self.step)[0])

    def column(self, unit: int) -> int:
        """Return the number of one of the way's units in its layer."""
        return self.ways.number * self.size + unit

    def name(self, unit: int) -> str:
        """Return the name of one of the way's units."""
        return self.explanation.names.unit(self.layer, self.column(unit))

    def parameter(self, unit: int, source: int | None, array: str = "") -> Quantity:
        """Return a parameter into one of the way's units."""
        place = Place(self.layer, unit, source, array, self.ways.number)
        value = float(self.explanation.trace.vector[place.entry(self.explanation.trace.network)])
        return Quantity(letter_of(self.explanation.names, place, by_sign(value)), value)

    def at(self, letter: str, unit: int, own: int, value: float, role: str = "signal") -> Quantity:
        """Return z, h, δ or e of one of the way's units at a step of its own time."""
        step = int(self.ways.times[own])
        short = {"z": "z", "h": "a", "δ": "d", "e": "e"}[letter]
        key = f"{short}{self.layer}.{self.column(unit)}t{step}"
        return Quantity(Symbol(letter, f"{self.name(unit)}, {step + 1}", role=role, key=key), value)

    def h(self, unit: int, own: int) -> Quantity:
        """Return a state."""
        return self.at("h", unit, own, float(self.ways.saved.state[0][own, unit]))

    def z(self) -> Quantity:
        """Return the unit's weighted input."""
        return self.at("z", self.unit, self.own, float(self.ways.saved.z[self.own, self.unit]))

    def input(self, source: int) -> Quantity:
        """Return what comes in at the step."""
        places = TimeLetters(
            self.explanation.trace, self.explanation.names, Place(self.layer, 0, source)
        )
        symbol = places.signal(self.step)
        assert symbol is not None
        return Quantity(symbol, float(self.ways.saved.x[self.own, source]))

    def delta(self, unit: int, own: int) -> Quantity:
        """Return δ, as the engine computed it."""
        return self.at("δ", unit, own, float(self.deltas[own, unit]), "error")

    @property
    def deltas(self) -> np.ndarray:
        """δ of the way's units over its own time, from the trace, (T, units)."""
        trace = self.explanation.trace
        rows = trace.packing.of(self.sample)[self.ways.times]
        first = self.column(0)
        return trace.delta[self.layer - 1][rows, first : first + self.size].astype(np.float64)


# the solutions


def _weighted_input(desk: _Desk) -> Working:
    """z_t = Σ w x_t + Σ u h_(t-1) + b."""
    work, own, unit = Working(desk.say), desk.own, desk.unit
    names, z = desk.explanation.names, desk.z()
    parts = [
        summand([desk.parameter(unit, k), desk.input(k)], names.unit(desk.layer - 1, k))
        for k in range(desk.ways.operation.fan_in)
    ]
    fresh = sum(part.value for part in parts)
    if own:
        parts += [
            summand([desk.parameter(unit, i, "U"), desk.h(i, own - 1)], desk.name(i))
            for i in range(desk.size)
        ]
    bias = desk.parameter(unit, None)
    total = Symbol("Σ") if bias.value else z.symbol
    value = add_up(work, total, parts)
    U, h = desk.ways.U, desk.ways.saved.state[0]
    if own:
        work.turn("without_state", fresh, 0)
        work.turn("state_of_now", fresh + float(U[unit] @ h[own]), 0)
        work.turn("transposed", fresh + float(U[:, unit] @ h[own - 1]), 0)
    if bias.value:
        work.give(bias)
        work.carry_on(lambda v: v + bias.value, work.size + abs(bias.value), 0)
        shown = plus([Number(value), bias.number()])
        work.step(z.symbol, plus([total, bias.symbol]), shown, value + bias.value)
        work.turn("without_bias", value)
    return work


def _state(desk: _Desk) -> Working:
    """h_t = f(z_t)."""
    work, z, f = Working(desk.say), desk.z(), desk.ways.f
    h = desk.h(desk.unit, desk.own)
    work.use_activation(desk.explanation.trace.network, desk.layer)
    work.give(z)
    work.size = abs(h.value)
    work.step(h.symbol, activation_formula(f, z.symbol), activation_formula(f, z.number()), h.value)
    slope = float(f.derivative(np, np.float64(z.value), np.float64(h.value)))
    work.turn("slope_for_value", slope, 0)
    if f.name != "identity":
        work.turn("without_function", z.value, 0)
    return work


def _delta(desk: _Desk) -> Working:
    """δ_t = (what came from above + Σ u δ_(t+1)) f'(z_t)."""
    work, own, unit = Working(desk.say), desk.own, desk.unit
    above = float(desk.ways.above[own, unit])
    last = len(desk.ways.above) - 1
    parts: list[Summand] = []
    if above or own == last:
        error = desk.at("e", unit, own, above, "error")
        parts.append(summand([error], "e"))
    deltas = desk.deltas
    if own < last:
        parts += [
            summand([desk.parameter(j, unit, "U"), desk.delta(j, own + 1)], desk.name(j))
            for j in range(desk.size)
        ]
    total = Symbol("Σ")
    value = add_up(work, total, parts)
    if own < last:
        wrong = above + float(desk.ways.U[unit] @ deltas[own + 1])
        work.turn("not_transposed", wrong, 0)
    z, a = desk.z(), desk.h(unit, own)
    slope = float(desk.ways.f.derivative(np, np.float64(z.value), np.float64(a.value)))
    inside = row(Symbol("f′"), Group(z.symbol), key=f"f{z.key[1:]}")
    factor = Quantity(inside, slope)
    work.give(factor)
    work.carry_on(lambda v: v * slope, work.size * abs(slope))
    mine = desk.delta(unit, own)
    symbols, shown = product([total, factor.symbol]), product([Number(value), factor.number()])
    work.step(mine.symbol, symbols, shown, value * slope)
    work.turn("without_slope", value)
    return work


_SOLUTIONS: dict[str, Callable[[_Desk], Working]] = {
    "z": _weighted_input,
    "h": _state,
    "delta": _delta,
}
KINDS_IN_TIME = (*_SOLUTIONS, "gradient")
_OTHER_WORDS = {"δ": "delta", "a": "h"}


def _gradient(explanation: SequenceExplanation, say: Words, place: Place, sample: int) -> Working:
    """Σ_t δ_t x_t of one sequence."""
    work, found = Working(say), explanation.over_time(place, sample)
    letters = TimeLetters(explanation.trace, explanation.names, place)
    parts = []
    for k, step in enumerate(found.steps.tolist()):
        factors = [Quantity(letters.delta(step), float(found.deltas[k]))]
        signal = letters.signal(step)
        if signal is not None:
            factors.append(Quantity(signal, float(found.signals[k])))
        parts.append(summand(factors, f"t = {step + 1}"))
    add_up(work, letters.gradient(), parts)
    if len(parts) > 1:
        work.turn("one_step_only", parts[-1].value)
        work.turn("averaged_over_steps", found.total / len(parts))
    return work


def exercise_in_time(
    explanation: SequenceExplanation, asked: str, *, lang: str = "en", sample: int | None = None
) -> Exercise:
    """Return the exercise that asks for one number of a network of sequences.

    Raises
    ------
    SettingError
        If there is no such number, or none that can be worked out by hand.
    """
    say = words(lang)
    sample = explanation.focus(sample=sample if sample is not None else 0).sample
    kind, _, rest = asked.strip().partition(" ")
    kind, rest = _OTHER_WORDS.get(kind, kind), rest.strip()
    if kind not in KINDS_IN_TIME:
        raise SettingError(
            f"There is no kind of number {kind!r} in a network of sequences; there are "
            f"{', '.join(KINDS_IN_TIME)}. {suggest(kind, KINDS_IN_TIME)}"
        )
    if kind == "gradient":
        place = explanation.names.find(rest)
        name = explanation.names.of(place)
        work = _gradient(explanation, say, place, sample)
        question = say.text("exercises.ask_gradient_in_time", weight=name)
        return _exercise(say, (f"{kind} {name}", kind), question, work)
    desk = _desk(explanation, say, rest, sample)
    unit = desk.name(desk.unit)
    question = say.text(f"exercises.ask_{kind}_at", unit=unit, step=desk.step + 1)
    work = _SOLUTIONS[kind](desk)
    return _exercise(say, (f"{kind} {unit} {desk.step + 1}", kind), question, work)


def _exercise(say: Words, key: tuple[str, str], question: Text, work: Working) -> Exercise:
    if not all(math.isfinite(step.value) for step in work.steps):
        raise SettingError(
            f"{key[0]!r} is not a finite number, so it cannot be worked out. Ask for another one."
        )
    one = finished(say, key, question, work)
    enough = say.text("exercises.enough", n=digits_for(one.answer, one.tolerance))
    return finished(say, key, (*question, *enough), work)


def _desk(explanation: SequenceExplanation, say: Words, text: str, sample: int) -> _Desk:
    """Return the unit and the step of `h1 2`."""
    name, _, last = text.rpartition(" ")
    units = _units(explanation)
    steps = int(explanation.trace.packing.lengths[sample])
    if name.strip() not in units or not last.isdigit() or not 1 <= int(last) <= steps:
        known = ", ".join(list(units)[:6]) or "none"
        raise SettingError(
            f"A unit of a Recurrent layer and a step from 1 to {steps} were expected, as in "
            f"'delta {next(iter(units), 'h1.1')} 1', but {text!r} came. Such units: {known}."
        )
    layer, number, unit = units[name.strip()]
    ways = way_steps(run_of(explanation.trace, sample), layer, number)
    return _Desk(explanation, say, layer, unit, int(last) - 1, sample, ways)


def _units(explanation: SequenceExplanation) -> dict[str, tuple[int, int, int]]:
    """Return (layer, way, unit) of the units of Elman layers, by name."""
    return {
        explanation.names.unit(operation.layer, number * operation.size + unit): (
            operation.layer,
            number,
            unit,
        )
        for operation in explanation.trace.network.recurrences
        if operation.cell == "elman"
        for number in range(len(operation.ways))
        for unit in range(operation.size)
    }


def exercises_in_time(
    explanation: SequenceExplanation,
    *,
    lang: str = "en",
    count: int = 6,
    seed: int = 0,
    sample: int | None = None,
) -> list[Exercise]:
    """Choose numbers of a network of sequences, in the order of the pass; see `exercises_for`."""
    chance = np.random.Generator(np.random.Philox(seed))
    found: dict[str, Exercise] = {}
    kinds = list(KINDS_IN_TIME)
    while kinds and len(found) < count:
        for kind in tuple(kinds):
            one = _one(explanation, kind, chance, lang, sample, found)
            if one is None:
                kinds.remove(kind)
            elif len(found) < count:
                found[one.key] = one
    if not found:
        raise SettingError("No number of this network can be asked for: all are 0 or not finite.")
    return sorted(found.values(), key=lambda one: KINDS_IN_TIME.index(one.kind))


def _one(
    explanation: SequenceExplanation,
    kind: str,
    chance: np.random.Generator,
    lang: str,
    sample: int | None,
    known: dict[str, Exercise],
) -> Exercise | None:
    units, network = list(_units(explanation)), explanation.trace.network
    for _ in range(_TRIES):
        if kind == "gradient":
            segment = network.recurrences[int(chance.integers(len(network.recurrences)))].weight
            entry = int(chance.integers(segment.start, segment.stop))
            asked = f"gradient {explanation.names.entry(entry)}"
        elif not units:
            return None
        else:
            steps = int(explanation.trace.packing.lengths[sample or 0])
            unit = units[int(chance.integers(len(units)))]
            asked = f"{kind} {unit} {int(chance.integers(steps)) + 1}"
        if asked in known:
            continue
        try:
            one = exercise_in_time(explanation, asked, lang=lang, sample=sample)
        except SettingError:
            continue
        if one.answer:
            return one
    return None
