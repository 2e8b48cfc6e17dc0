"""Layers that a network of rows may begin with, before its first dense layer: Scaling, Periodic.

They prepare the inputs and have no activation of their own, a = z. Their equations are in
`clearprop.equations.front`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from clearprop.errors import SettingError
from clearprop.functions import Activation, activation
from clearprop.functions.spelling import suggest
from clearprop.network.dense import check_rates

ScalingStart = Literal["auto", "ones", "signs", "normal"]
SCALING_STARTS = ("auto", "ones", "signs", "normal")


@dataclass(frozen=True)
class FrontLayer:
    """What front layers share; `Scaling` and `Periodic` are layers."""

    kind: ClassVar[str]
    dropout: ClassVar[float] = 0.0
    bias_rate: ClassVar[float] = 1.0

    @property
    def function(self) -> Activation:
        """The activation: a = z."""
        return activation("identity")

    def with_activation(self, name: str | Activation) -> FrontLayer:
        """Return this layer with another activation; there is none to choose."""
        raise SettingError(f"{self} has no activation. Put a Dense layer behind it.")

    def outputs_of(self, fan_in: int) -> int:
        """Return how many units are handed on where so many come in."""
        raise NotImplementedError


@dataclass(frozen=True)
class Scaling(FrontLayer):
    """One gain for each input: z_j = g_j x_j, a = z.

    In a network of rows it lets inputs be weighed against each other faster than through W
    (RealMLP; Holzmüller, Grinsztajn and Steinwart 2024). In a network with members it is what makes
    them differ (TabM; Gorishniy, Kotelnikov and Babenko 2025): each has gains of its own.

    Attributes
    ----------
    rate : float
        Factor on the learning rate of g. 0 holds it fixed.
    init : {"auto", "ones", "signs", "normal"}
        How gains start. `"auto"` is 1; with members it is a random sign, or a normal number where a
        `Periodic` comes before, the same for all units of one of its columns, as in TabM.
    """

    kind = "scaling"

    rate: float = 1.0
    init: ScalingStart = "auto"

    def __post_init__(self) -> None:
        check_rates(self, "rate")
        if self.init not in SCALING_STARTS:
            raise SettingError(
                f"Gains cannot start as {self.init!r}. {suggest(self.init, SCALING_STARTS)}"
            )

    def outputs_of(self, fan_in: int) -> int:
        """Return how many units are handed on: as many as come in."""
        return fan_in

    def __str__(self) -> str:
        """Return the layer in a word."""
        return "scaling"


@dataclass(frozen=True)
class Periodic(FrontLayer):
    """Some inputs become several features each, made of waves; the others pass unchanged.

    Input c becomes [x_c, v_c1, …, v_c(features-1)] with

        v_c = B_c cos(2π (f_c x_c + p_c)) + b_c

    (Gorishniy, Rubachev and Babenko 2022; in this form, "PBLD", of RealMLP: Holzmüller, Grinsztajn
    and Steinwart 2024). The inputs that are not among `columns` follow behind, in their order.

    Attributes
    ----------
    columns : tuple of int
        The inputs that become features, counted from 0.
    frequencies : int
        Waves of each column.
    features : int
        Units that a column becomes, itself included.
    sigma : float
        Frequencies start as normal numbers with this standard deviation; phases p are uniform over
        a turn, B and b uniform within ±1/√frequencies.
    rate : float
        Factor on the learning rate of f, B and b. That of the phases is rate / 2π: they are counted
        in turns here, so that they move as those in radians do.
    """

    kind = "periodic"

    columns: tuple[int, ...]
    frequencies: int = 16
    features: int = 4
    sigma: float = 0.1
    rate: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _column_numbers(self.columns))
        for name, least in (("frequencies", 1), ("features", 2)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise SettingError(
                    f"{name} must be a whole number, {least} or above, but {value!r} came."
                )
            object.__setattr__(self, name, int(value))
        if not 0 < self.sigma < np.inf:
            raise SettingError(f"sigma must be above 0, but {self.sigma} came.")
        check_rates(self, "rate")

    def outputs_of(self, fan_in: int) -> int:
        """Return how many units are handed on: `features` a column, and the other inputs."""
        return fan_in + len(self.columns) * (self.features - 1)

    def __str__(self) -> str:
        """Return the layer in a few words: `3 x 4 periodic`."""
        return f"{len(self.columns)} x {self.features} periodic"


def _column_numbers(columns: Sequence[int]) -> tuple[int, ...]:
    numbers = tuple(columns)
    if not numbers:
        raise SettingError("Periodic needs at least one column. Leave the layer out instead.")
    for number in numbers:
        whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
        if not whole or number < 0:
            raise SettingError(
                f"The columns of Periodic are numbers of inputs, from 0 on, but {number!r} came."
            )
    if len(set(numbers)) < len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise SettingError(f"Each column of Periodic is named once, but {twice} came twice.")
    return tuple(int(number) for number in numbers)
