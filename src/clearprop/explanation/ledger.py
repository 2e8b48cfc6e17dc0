"""One step of one parameter, as a ledger: old value, each named term, new value.

The amounts are those of the Trace: `terms` at the parameter's entry add up to its `update`. Beside
them stands the update by the book's formula of the rule, computed afresh in float64 from what went
into the step (gradient, penalty, clipping, what the rule remembered, η):

    gd         w - η g
    momentum   v = μ v₋ - η g                               w + v
    nesterov   v = μ v₋ - η g                               w + μ v - η g
    rmsprop    v = ρ v₋ + (1 - ρ) g²                        w - η g / (√v + ε)
    adam       m = β₁ m₋ + (1 - β₁) g,  m̂ = m / (1 - β₁ᵗ)
               v = β₂ v₋ + (1 - β₂) g²,  v̂ = v / (1 - β₂ᵗ)   w - η m̂ / (√v̂ + ε)
    adamw      as adam                                      … - η λ w, for weights

The change is multiplied by the learning-rate factor of the parameter's segment; 0 holds it fixed.

Public names: `Ledger`, `Slot`, `ledger_of`.
May import: `places`, `clearprop.training`, `clearprop.engines`, `clearprop.equations`, NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from clearprop import equations as eq
from clearprop.engines import Trace
from clearprop.equations import Rule
from clearprop.explanation.places import Place

if TYPE_CHECKING:
    from clearprop.training import Recording

# rounding errors that are let pass, in units of the precision of what is added up
UNITS = 32


@dataclass(frozen=True)
class Slot:
    """One number that the rule remembers of the parameter.

    Attributes
    ----------
    name : str
        `"velocity"`, `"mean"` or `"square"`.
    before, after : float
        As the step found it, and as it left it.
    corrected : float or None
        m̂ or v̂, `after` with the start at zero taken out; None for rules that do not correct.
    """

    name: str
    before: float
    after: float
    corrected: float | None = None


@dataclass(frozen=True, eq=False)
class Ledger:
    """One step of one parameter.

    Attributes
    ----------
    place : Place
    entry : int
        Its place in the flat parameter vector.
    rule : Rule
        The update rule with its numbers.
    step : int
        t of the step, 1 for the first.
    old, new : float
        The parameter before and after, in the network's precision.
    update : float
        What the engine added to it.
    terms : dict of str to float
        The named terms of `update`, as the Trace holds them: what the gradient, the penalty,
        clipping, the memory of earlier steps and weight decay added.
    parts : dict of str to float
        The named parts of g, before the rule: `"gradient"`, `"penalty"`, `"clipping"`.
    length : float or None
        ‖g‖ of the whole gradient before it was shortened to `clip_norm`; None without a bound.
    slots : tuple of Slot
    learning_rate : float
        η before the schedule.
    rate : float
        η of the step.
    segment_rate : float
        The learning-rate factor of the parameter's segment; 0 holds it fixed.
    scaling : float or None
        What an adaptive rule multiplies the step by: 1 / (√v + ε) or 1 / (√v̂ + ε).
    decay : float
        η λ of weight decay, 0 where it does not reach the parameter.
    book : float
        The update by the book's formula, in float64.
    tolerance : float
        What rounding may make `update`, the sum of the terms and `book` differ by.
    history : (steps, values) or None
        The parameter over the run, (k,) each, where it was recorded.
    """

    place: Place
    entry: int
    rule: Rule
    step: int
    old: float
    new: float
    update: float
    terms: dict[str, float]
    parts: dict[str, float]
    length: float | None
    slots: tuple[Slot, ...]
    learning_rate: float
    rate: float
    segment_rate: float
    scaling: float | None
    decay: float
    book: float
    tolerance: float
    history: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def gradient(self) -> float:
        """g, what the rule was given: loss, penalty and clipping together."""
        return math.fsum(self.parts.values())

    @property
    def schedule(self) -> float:
        """What the schedule multiplied the learning rate by."""
        return self.rate / self.learning_rate

    @property
    def held(self) -> bool:
        """Whether the parameter is held fixed."""
        return self.segment_rate == 0

    @property
    def total(self) -> float:
        """The sum of the terms."""
        return math.fsum(self.terms.values())

    @property
    def adds_up(self) -> bool:
        """Whether the terms add up to the update, within rounding."""
        return abs(self.total - self.update) <= self.tolerance

    @property
    def agrees(self) -> bool:
        """Whether the book's formula gives the update, within rounding."""
        return abs(self.book - self.update) <= self.tolerance


def ledger_of(trace: Trace, place: Place, recording: Recording | None = None) -> Ledger:
    """Return the step of one parameter, taken apart.

    Parameters
    ----------
    trace : Trace
    place : Place
    recording : Recording, optional
        Of the run, for the parameter's history.
    """
    entry, rule = place.entry(trace.network), trace.recipe.rule
    segment = place.segment(trace.network)
    parts, length = _parts(trace)
    own = {name: float(part[entry]) for name, part in parts.items()}
    old = float(trace.vector[entry])
    given = _Given(
        rule,
        _rounded(rule, trace.vector.dtype),
        trace.step + 1,
        trace.rate,
        math.fsum(own.values()),
        old if segment.penalised else 0.0,
        _decay(trace),
        {n: float(s[entry]) for n, s in zip(rule.slot_names, trace.slots, strict=True)},
    )
    outcome = BOOK[rule.name](given)
    terms = {name: float(term[entry]) for name, term in trace.terms.items()}
    size = abs(old) + sum(map(abs, terms.values()))
    return Ledger(
        place=place,
        entry=entry,
        rule=rule,
        step=trace.step + 1,
        old=old,
        new=float(trace.vector[entry] + trace.update[entry]),
        update=float(trace.update[entry]),
        terms=terms,
        parts=own,
        length=length,
        slots=outcome.slots,
        learning_rate=rule.learning_rate,
        rate=trace.rate,
        segment_rate=segment.rate,
        scaling=outcome.scaling,
        decay=outcome.decay,
        book=segment.rate * outcome.change,
        tolerance=UNITS * float(np.finfo(trace.vector.dtype).eps) * size,
        history=None if recording is None else recording.history(entry),
    )


def _decay(trace: Trace) -> float:
    """Return λ of the step, 0 for rules without weight decay."""
    if trace.recipe.decay_schedule is None or not trace.rate:
        return float(getattr(trace.recipe.rule, "weight_decay", 0.0))
    # the constants hold η λ of the step
    return float(trace.constants[4]) / trace.rate


def _parts(trace: Trace) -> tuple[dict[str, np.ndarray], float | None]:
    """Return the named parts of g, (network.size,) each, and ‖g‖ where it is bounded."""
    recipe, vector = trace.recipe, trace.vector.astype(np.float64)
    parts = {"gradient": trace.gradient.astype(np.float64)}
    if recipe.penalty.l1 or recipe.penalty.l2:
        slope = eq.penalty_gradient(np, trace.network, vector, recipe.penalty)
        parts["penalty"] = trace.penalty_factor * slope
    if recipe.clip_norm is None and recipe.clip_value is None:
        return parts, None
    total = np.sum(list(parts.values()), axis=0)
    inside = eq.clip(np, total, None, recipe.clip_value)
    parts["clipping"] = eq.clip(np, inside, recipe.clip_norm, None) - total
    return parts, None if recipe.clip_norm is None else float(np.linalg.norm(inside))


def _rounded(rule: Rule, dtype: Any) -> dict[str, float]:
    """Return the rule's decay rates as an engine of this precision has them.

    1 - 0.999 is off by 10⁻⁵ of itself in float32, which is more than the rounding of a step.
    """
    names = ("momentum", "decay", "beta_1", "beta_2")
    return {n: float(np.asarray(getattr(rule, n), dtype)) for n in names if hasattr(rule, n)}


# the rules, as the book has them


class _Given(NamedTuple):
    """What goes into the step of one parameter.

    `decayed` is the parameter where weight decay reaches it, and `decay` λ of the step: the rule's,
    times the factor that a schedule of the decay gives.
    """

    rule: Any
    rounded: Mapping[str, float]
    t: int
    rate: float
    g: float
    decayed: float
    decay: float
    slots: Mapping[str, float]


class _Outcome(NamedTuple):
    """What a rule makes of it."""

    change: float
    slots: tuple[Slot, ...] = ()
    scaling: float | None = None
    decay: float = 0.0


def _gd(given: _Given) -> _Outcome:
    return _Outcome(-given.rate * given.g)


def _velocity(given: _Given) -> Slot:
    before = given.slots["velocity"]
    after = given.rounded["momentum"] * before - given.rate * given.g
    return Slot("velocity", before, after)


def _momentum(given: _Given) -> _Outcome:
    velocity = _velocity(given)
    return _Outcome(velocity.after, (velocity,))


def _nesterov(given: _Given) -> _Outcome:
    velocity = _velocity(given)
    change = given.rounded["momentum"] * velocity.after - given.rate * given.g
    return _Outcome(change, (velocity,))


def _rmsprop(given: _Given) -> _Outcome:
    before, rho = given.slots["square"], given.rounded["decay"]
    square = rho * before + (1 - rho) * given.g**2
    scaling = 1 / (math.sqrt(square) + given.rule.epsilon)
    return _Outcome(-given.rate * scaling * given.g, (Slot("square", before, square),), scaling)


def _adam(given: _Given) -> _Outcome:
    rule, slots = given.rule, given.slots
    beta_1, beta_2 = given.rounded["beta_1"], given.rounded["beta_2"]
    m = beta_1 * slots["mean"] + (1 - beta_1) * given.g
    v = beta_2 * slots["square"] + (1 - beta_2) * given.g**2
    m_hat, rest = m / (1 - rule.beta_1**given.t), 1 - rule.beta_2**given.t
    # with `epsilon_hat`, ε is added to √v and so is larger beside √v̂
    epsilon = rule.epsilon / (math.sqrt(rest) if rule.epsilon_hat else 1)
    scaling = 1 / (math.sqrt(v / rest) + epsilon)
    memory = Slot("mean", slots["mean"], m, m_hat), Slot("square", slots["square"], v, v / rest)
    return _Outcome(-given.rate * m_hat * scaling, memory, scaling)


def _adamw(given: _Given) -> _Outcome:
    outcome = _adam(given)
    decay = given.rate * given.decay if given.decayed else 0.0
    return outcome._replace(change=outcome.change - decay * given.decayed, decay=decay)


BOOK: dict[str, Callable[[_Given], _Outcome]] = {
    "gd": _gd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
}
