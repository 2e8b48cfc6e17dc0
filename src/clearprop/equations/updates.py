"""Update rules: how a gradient becomes a change of the parameters.

Each rule is an init/update pair: it says how many slots (vectors it remembers) it needs, and
`terms` gives the change as a sum of *named terms*, so that a ledger of one step can show what the
gradient, the penalty, clipping and the memory of earlier steps each contributed:

    θ ← θ + Σ terms.values()

`parts` are the named parts of the gradient g = Σ parts.values(): `"gradient"` (of the loss),
`"penalty"`, and `"clipping"` (what clipping took away). `constants(steps, rates)` gives the numbers
of each step that do not depend on the data, so that every engine uses the very same ones.

The learning rate η of a step already holds the schedule. Factors per segment multiply the change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from clearprop.errors import SettingError

Terms = dict[str, Any]
Slots = tuple[Any, ...]


@dataclass(frozen=True)
class Rule:
    """What all update rules share.

    Attributes
    ----------
    learning_rate : float
        η before the schedule, above 0.
    """

    name: ClassVar[str]
    slot_names: ClassVar[tuple[str, ...]] = ()

    learning_rate: float = 0.01

    def __post_init__(self) -> None:
        _check(self, "learning_rate", 0, float("inf"), open_left=True)

    def constants(self, steps: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Return the rule's numbers for each step, (n, 5) float64; column 0 is η.

        Parameters
        ----------
        steps : (n,) int array
            Step numbers, 0 for the first.
        rates : (n,) float array
            Learning rates after the schedule.
        """
        table = np.zeros((len(rates), 5))
        table[:, 0] = rates
        return table

    def terms(
        self, xp: Any, weights: Any, parts: Mapping[str, Any], slots: Slots, c: Any
    ) -> tuple[Terms, Slots]:
        """Return the named terms of the change and the new slots.

        Parameters
        ----------
        weights : (P,) array
            The parameters that weight decay reaches, 0 in the places of the others.
        parts : mapping of (P,) arrays
            Named parts of the gradient.
        slots : tuple of (P,) arrays
            What the rule remembers, in the order of `slot_names`.
        c : (5,) array
            The step's row of `constants`.
        """
        raise NotImplementedError


def _check(rule: Rule, name: str, low: float, high: float, *, open_left: bool = False) -> None:
    value = getattr(rule, name)
    if not (low < value if open_left else low <= value) or not value < high:
        bracket = "(" if open_left else "["
        raise SettingError(
            f"{name} of {type(rule).__name__} must lie in {bracket}{low:g}, {high:g}), but "
            f"{value} came."
        )


def _total(parts: Mapping[str, Any]) -> Any:
    return sum(parts.values())


@dataclass(frozen=True)
class GradientDescent(Rule):
    """θ ← θ - η g  (the formula that the first origin text ends on)."""

    name = "gd"

    def terms(
        self, xp: Any, weights: Any, parts: Mapping[str, Any], slots: Slots, c: Any
    ) -> tuple[Terms, Slots]:
        """Δθ = -η g, one term for each part of g."""
        return {name: -c[0] * part for name, part in parts.items()}, ()


@dataclass(frozen=True)
class Momentum(Rule):
    """v ← μ v - η g;  θ ← θ + v  (Polyak 1964; Sutskever et al. 2013).

    PyTorch keeps v without η: the two agree while η is constant.
    """

    name = "momentum"
    slot_names = ("velocity",)

    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.momentum <= 1:
            raise SettingError(f"momentum must lie in [0, 1], but {self.momentum} came.")

    def constants(self, steps: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Return η and μ."""
        table = super().constants(steps, rates)
        table[:, 1] = self.momentum
        return table

    def terms(
        self, xp: Any, weights: Any, parts: Mapping[str, Any], slots: Slots, c: Any
    ) -> tuple[Terms, Slots]:
        """Δθ = μ v - η g."""
        memory = c[1] * slots[0]
        terms = {name: -c[0] * part for name, part in parts.items()}
        return {"momentum": memory, **terms}, (memory - c[0] * _total(parts),)


@dataclass(frozen=True)
class Nesterov(Momentum):
    """v ← μ v - η g;  θ ← θ + μ v - η g  (Nesterov 1983, in the form of Sutskever et al. 2013)."""

    name = "nesterov"

    def terms(
        self, xp: Any, weights: Any, parts: Mapping[str, Any], slots: Slots, c: Any
    ) -> tuple[Terms, Slots]:
        """Δθ = μ (μ v - η g) - η g."""
        velocity = c[1] * slots[0] - c[0] * _total(parts)
        terms = {name: -(1 + c[1]) * c[0] * part for name, part in parts.items()}
        return {"momentum": c[1] * c[1] * slots[0], **terms}, (velocity,)


@dataclass(frozen=True)
class RMSprop(Rule):
    """v ← ρ v + (1 - ρ) g²;  θ ← θ - η g / (√v + ε)  (Tieleman and Hinton 2012)."""

    name = "rmsprop"
    slot_names = ("square",)

    learning_rate: float = 0.001
    decay: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, "decay", 0, 1)
        _check(self, "epsilon", 0, float("inf"), open_left=True)

    def constants(self, steps: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Return η, ρ and ε."""
        table = super().constants(steps, rates)
        table[:, 1], table[:, 2] = self.decay, self.epsilon
        return table

    def terms(
        self, xp: Any, weights: Any, parts: Mapping[str, Any], slots: Slots, c: Any
    ) -> tuple[Terms, Slots]:
        """Δθ = -η g / (√v + ε)."""
        g = _total(parts)
        square = c[1] * slots[0] + (1 - c[1]) * g * g
        step = -c[0] / (xp.sqrt(square) + c[2])
        return {name: step * part for name, part in parts.items()}, (square,)


def _one_less_power(beta: float, t: np.ndarray) -> np.ndarray:
    """Return 1 - βᵗ for t ≥ 1, which is 1 long before βᵗ gets as small as e⁻⁷⁰⁰.

    Smaller powers are not computed: those that underflow take twenty times as long, which is as
    long as a step of a small network.
    """
    last = 1.0 if beta == 0 else -700 / math.log(beta)
    return 1 - beta ** np.minimum(t, last)


@dataclass(frozen=True)
class Adam(Rule):
    """Adam (Kingma and Ba 2015, algorithm 1).

        m ← β₁ m + (1 - β₁) g         v ← β₂ v + (1 - β₂) g²
        θ ← θ - η m̂ / (√v̂ + ε)        m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)

    Attributes
    ----------
    epsilon_hat : bool
        Add ε to √v instead of √v̂, the order of operations that the paper's section 2 offers and
        that scikit-learn computes. PyTorch computes algorithm 1.
    """

    name = "adam"
    slot_names = ("mean", "square")

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, "beta_1", 0, 1)
        _check(self, "beta_2", 0, 1)
        _check(self, "epsilon", 0, float("inf"), open_left=True)

    def constants(self, steps: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Return η √(1 - β₂ᵗ) / (1 - β₁ᵗ), β₁, β₂ and the ε that is added to √v."""
        table = super().constants(steps, rates)
        t = np.asarray(steps, dtype=np.float64) + 1
        root = np.sqrt(_one_less_power(self.beta_2, t))
        table[:, 0] = rates * root / _one_less_power(self.beta_1, t)
        table[:, 1], table[:, 2] = self.beta_1, self.beta_2
        table[:, 3] = self.epsilon * (1 if self.epsilon_hat else root)
        return table

    def terms(
        self, xp: Any, weights: Any, parts: Mapping[str, Any], slots: Slots, c: Any
    ) -> tuple[Terms, Slots]:
        """Δθ = -η' m / (√v + ε'), with η' and ε' from `constants`."""
        g = _total(parts)
        mean = c[1] * slots[0] + (1 - c[1]) * g
        square = c[2] * slots[1] + (1 - c[2]) * g * g
        step = -c[0] / (xp.sqrt(square) + c[3])
        terms = {name: step * (1 - c[1]) * part for name, part in parts.items()}
        return {"momentum": step * c[1] * slots[0], **terms}, (mean, square)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weight decay beside the gradient: θ ← θ - η λ θ - η m̂ / (√v̂ + ε).

    Loshchilov and Hutter 2019. Decay reaches weights and not biases; in PyTorch it reaches every
    parameter of its group.
    """

    name = "adamw"

    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, "weight_decay", 0, float("inf"))

    def constants(self, steps: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Return Adam's constants and η λ."""
        table = super().constants(steps, rates)
        table[:, 4] = rates * self.weight_decay
        return table

    def terms(
        self, xp: Any, weights: Any, parts: Mapping[str, Any], slots: Slots, c: Any
    ) -> tuple[Terms, Slots]:
        """Δθ = -η λ θ - η' m / (√v + ε')."""
        terms, slots = super().terms(xp, weights, parts, slots, c)
        return {**terms, "decay": -c[4] * weights}, slots


RULES: dict[str, type[Rule]] = {
    rule.name: rule for rule in (GradientDescent, Momentum, Nesterov, RMSprop, Adam, AdamW)
}
