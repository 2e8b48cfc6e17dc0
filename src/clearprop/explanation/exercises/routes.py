"""Exercises on one path: from the loss back to a parameter, factor by factor.

Public names: `path`.
May import: `asked`, `working`, `chapters.factors`, `path_factors`, `paths`, `formulas`,
`clearprop.errors`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from clearprop.errors import SettingError
from clearprop.explanation.chapters.factors import Letters
from clearprop.explanation.exercises.asked import Asked
from clearprop.explanation.exercises.working import Desk, Working, summand
from clearprop.explanation.formulas import Symbol
from clearprop.explanation.path_factors import Factor
from clearprop.explanation.paths import Chain, chain_of
from clearprop.explanation.quantities import Quantity

# the paths of a parameter among which one is looked for, largest first
SEARCHED = 1000


def path(desk: Desk, asked: Asked) -> Working:
    """The product along one path, worked out unit by unit from the loss back."""
    assert asked.place is not None
    numbers = desk.numbers
    chain = chain_of(numbers.trace, asked.place, numbers.sample, SEARCHED)
    factors = _factors(chain, desk, asked)
    # the parameter itself is no factor, and who takes it for one is told so
    own = numbers.of(asked.place)
    work = Working(desk.say, factors=len(factors))
    work.give(*(factor.quantity for factor in factors if factor.kind != "one"), own)
    reached: list[Quantity] = []
    for unit, group in _groups(factors):
        part = summand([*reached, *group], "")
        symbol = Symbol("p", desk.unit(*unit) if unit else "", role="error")
        work.step(symbol, part.symbols, part.numbers, part.value)
        reached = [Quantity(symbol, part.value)]
    work.size = abs(work.value)
    _turns(desk, work, factors, own)
    if chain.count_of_paths > 1:
        work.turn("all_paths", chain.gradient)
    return work


@dataclass(frozen=True)
class _Factor:
    """One factor: its kind as in `paths`, the unit that a group of factors ends at, its number."""

    kind: str
    reached: tuple[int, int] | None
    quantity: Quantity


def _factors(chain: Chain, desk: Desk, asked: Asked) -> list[_Factor]:
    """Return the factors of a path; behind softmax, where paths fork, δ is the first one."""
    units = (*reversed(asked.route), asked.unit)
    found = next((path for path in chain.paths if path.units == units), None)
    if found is None:
        raise SettingError(
            f"'{asked.typed(desk.numbers.names)}' is not among the {len(chain.paths):,} largest of "
            f"{chain.count_of_paths:,} paths. Ask for one of those that the chain rule shows."
        )
    factors = list(found.factors)
    last, first = desk.numbers.last, []
    if not desk.numbers.trace.network.operations[-1].activation.elementwise:
        factors = [f for f in factors if f.kind not in ("coefficient", "loss", "output", "error")]
        first = [_Factor("error", (last, units[0]), desk.numbers.delta(last, units[0]))]
    letters = Letters(chain, desk.numbers)
    return first + [_of_chain(letters, factor) for factor in factors]


def _of_chain(letters: Letters, factor: Factor) -> _Factor:
    """Return a factor of the chain with its letter."""
    ends = factor.kind in ("output", "error", "slope")
    reached = (factor.layer, factor.units[-1]) if ends else None
    return _Factor(factor.kind, reached, Quantity(letters.letter(factor), factor.value))


def _groups(
    factors: list[_Factor],
) -> Iterator[tuple[tuple[int, int] | None, list[Quantity]]]:
    """Yield the factors up to each unit, with that unit; the last ones lead to the parameter."""
    group: list[Quantity] = []
    for factor in factors:
        group.append(factor.quantity)
        if factor.reached:
            yield factor.reached, group
            group = []
    if group:
        yield None, group


def _turns(desk: Desk, work: Working, factors: list[_Factor], own: Quantity) -> None:
    """Name what comes out where factors are left out or mistaken."""
    value, step = work.value, 0
    slopes = [factor for factor in factors if factor.kind in ("slope", "output")]
    for factor in factors:
        if factor in slopes and factor.quantity.value not in (0.0, 1.0) and factor.reached:
            without = value / factor.quantity.value
            work.turn("without_this_slope", without, step, name=desk.unit(*factor.reached))
        step += factor.reached is not None
    if len(slopes) > 1:
        work.turn("without_slopes", math.prod(f.quantity.value for f in factors if f not in slopes))
    signal = factors[-1]
    if signal.kind == "signal" and signal.quantity.value:
        work.turn("weight_for_signal", value / signal.quantity.value * own.value)
