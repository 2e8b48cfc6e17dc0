"""How a number is worked out by hand: what is given, the steps, and the usual wrong turns.

A `Working` is filled step by step. A step that goes on from the one before (times f'(z), say) first
carries all wrong turns on: who forgot a path earlier and does the rest right ends elsewhere, and
that number is known.

Public names: `Desk`, `Step`, `Summand`, `Working`, `WrongTurn`, `add_up`, `digits_for`,
`rest_of`, `scaled`, `summand`.
May import: `quantities`, `matrices`, `notation`, `formulas`, `pages`, `words`,
`clearprop.functions`, `clearprop.network`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
    Lines,
    Number,
    Symbol,
    Total,
    called,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import leading
from clearprop.explanation.notation import activation_formula, loss_term
from clearprop.explanation.pages import Text
from clearprop.explanation.quantities import Quantities, Quantity
from clearprop.explanation.words import Words
from clearprop.functions import Loss
from clearprop.network import Network

# up to so many products of a sum are steps of their own
SINGLE = 3


@dataclass(frozen=True)
class Step:
    """One line of the worked solution.

    Attributes
    ----------
    rule : Formula
        What is computed, in symbols.
    formula : Formula
        The same with the numbers below, and the value.
    value : float
    """

    rule: Formula
    formula: Formula
    value: float


@dataclass(frozen=True)
class WrongTurn:
    """A usual mistake, and the number that it leads to.

    Attributes
    ----------
    name : str
        What went wrong, in one word: `"without_slope"`.
    value : float
    step : int
        The step, counted from 0, at which it parts from the right way.
    said : Text
        The mistake in words.
    """

    name: str
    value: float
    step: int
    said: Text


@dataclass(frozen=True)
class Desk:
    """What a solution is written with: the numbers of one sample, and the words."""

    numbers: Quantities
    say: Words

    def unit(self, layer: int, unit: int) -> str:
        """Return a unit's name."""
        return self.numbers.names.unit(layer, unit)


@dataclass
class Working:
    """A worked solution in the making.

    Attributes
    ----------
    say : Words
    functions : dict of str to Formula
        The functions that the question gives: f(z) = … and E = ….
    given : dict of str to Quantity
        What the question gives, in order.
    steps : list of Step
    turns : list of WrongTurn
    size : float
        The sum of the absolute summands behind the value: what rounding is relative to.
    factors : int
        How many rounded numbers are multiplied at most.
    tolerance : float, optional
        How far an answer may be off, where rounding is not what decides it.
    """

    say: Words
    functions: dict[str, Formula] = field(default_factory=dict)
    given: dict[str, Quantity] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    turns: list[WrongTurn] = field(default_factory=list)
    size: float = 0.0
    factors: int = 1
    tolerance: float | None = None

    @property
    def value(self) -> float:
        """The value of the last step."""
        return self.steps[-1].value

    def give(self, *quantities: Quantity) -> None:
        """Put numbers into the question; each is given once."""
        for quantity in quantities:
            self.given.setdefault(quantity.key or repr(quantity.symbol), quantity)

    def use_activation(self, network: Network, layer: int) -> None:
        """Give the activation function of a layer."""
        f, z = network.operations[layer - 1].activation, Symbol("z")
        self.functions["f"] = row(called(Symbol("f"), z), sign("="), activation_formula(f, z))

    def use_loss(self, network: Network) -> None:
        """Give the loss; not one of one's own."""
        objective, outputs = network.objective, network.outputs
        assert isinstance(objective, Loss)
        foot = "k" if outputs > 1 else ""
        term: Formula = loss_term(objective, Symbol("a", foot), Symbol("y", foot), outputs)
        if outputs > 1:
            term = Total(Symbol("k"), Group(term))
        self.functions["E"] = row(Symbol("E", role="error"), sign("="), term)

    def step(
        self,
        symbol: Formula,
        symbols: Formula | None,
        numbers: Formula,
        value: float,
        digits: int = 4,
    ) -> None:
        """Add a step: symbol = symbols, below it the numbers and what comes out."""
        result = Number(float(value), digits, role=symbol.role, key=symbol.key)
        shown = row(numbers, sign("="), result)
        lines: tuple[tuple[Formula, ...], ...] = ((symbol, sign("="), shown),)
        if symbols is not None:
            lines = ((symbol, sign("="), symbols), (Label(""), sign("="), shown))
        rule = symbol if symbols is None else row(symbol, sign("="), symbols)
        self.steps.append(Step(rule, Lines(lines), float(value)))

    def turn(self, name: str, value: float, step: int | None = None, /, **places: Any) -> None:
        """Name a wrong turn; at the last step, unless said otherwise."""
        at = len(self.steps) - 1 if step is None else step
        said = self.say.text(f"exercises.turn_{name}", **places)
        self.turns.append(WrongTurn(name, float(value), at, said))

    def carry_on(self, change: Callable[[float], float], size: float, factors: int = 1) -> None:
        """Do to every wrong turn what the next step does to the right value."""
        self.turns = [replace(turn, value=float(change(turn.value))) for turn in self.turns]
        self.size, self.factors = size, self.factors + factors


@dataclass(frozen=True)
class Summand:
    """One product of a sum: with symbols, with numbers, and what the question gives of it.

    Attributes
    ----------
    symbols, numbers : Formula
    value : float
    given : tuple of Quantity
    name : str
        What it belongs to, for who leaves it out.
    """

    symbols: Formula
    numbers: Formula
    value: float
    given: tuple[Quantity, ...]
    name: str


def summand(factors: Sequence[Quantity], name: str) -> Summand:
    """Return a product of given numbers."""
    return Summand(
        product(factor.symbol for factor in factors),
        product(factor.number() for factor in factors),
        math.prod(factor.value for factor in factors),
        tuple(factors),
        name,
    )


def add_up(work: Working, total: Formula, summands: Sequence[Summand]) -> float:
    """Add the steps of a sum and return it; a wide sum is folded.

    Where a summand is left out is a wrong turn, named by what it belongs to.
    """
    shown = [summands[place] for place in leading([part.value for part in summands])]
    for part in shown:
        work.give(*part.given)
        if 1 < len(shown) <= SINGLE:
            work.step(part.symbols, None, part.numbers, part.value)
    value = math.fsum(part.value for part in summands)
    symbols, numbers = [part.symbols for part in shown], [Number(part.value) for part in shown]
    if len(shown) < len(summands):
        rest = rest_of(work, value - sum(part.value for part in shown), len(summands) - len(shown))
        symbols.append(rest.symbol)
        numbers.append(rest.number())
    work.size = max(work.size, math.fsum(abs(part.value) for part in summands))
    work.factors = max(2, work.factors)
    if len(symbols) == 1:
        work.step(total, shown[0].symbols, shown[0].numbers, value)
    else:
        work.step(total, plus(symbols), plus(numbers), value)
        for part in shown:
            work.turn("left_out", value - part.value, name=part.name)
    return value


def digits_for(value: float, tolerance: float) -> int:
    """Return how many significant digits keep a number's rounding within a tolerance."""
    if not value:
        return 1
    place = math.floor(math.log10(abs(value)))
    return max(2, place - math.floor(math.log10(2 * tolerance)) + 1)


def rest_of(work: Working, value: float, count: int) -> Quantity:
    """Give the sum of what is not written out, and return it."""
    rest = Quantity(Label(work.say("exercises.rest", n=count), key="rest"), value)
    work.give(rest)
    return rest


def scaled(scale: float) -> list[Quantity]:
    """Return the forward scale as a factor, or nothing where it is 1."""
    return [] if scale == 1 else [Quantity(Symbol("s", key="s"), scale)]
