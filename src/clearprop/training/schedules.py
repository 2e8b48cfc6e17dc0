"""Schedules over a run: a factor on the learning rate, dropout or weight decay, step by step.

Each schedule is a frozen description with `factors(steps, horizon)`, which gives the factor of each
step number; nothing is remembered between steps, so that a run can be resumed anywhere. Only
`Adaptive` reacts to the run: the loop asks it what to do when progress has stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from clearprop.engines import Constant, Horizon, Schedule
from clearprop.errors import SettingError


@dataclass(frozen=True)
class InverseScaling:
    """1 / (rows seen + 1)^power, renewed every epoch, as scikit-learn's `"invscaling"`."""

    name: ClassVar[str] = "inverse_scaling"
    power: float = 0.5

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return the factor of each step."""
        seen = (steps // horizon.steps) * float(horizon.rows)
        return (seen + 1.0) ** -self.power


@dataclass(frozen=True)
class Adaptive:
    """1, and a fifth of what it was whenever progress stops, as scikit-learn's `"adaptive"`.

    The run stops when progress has stopped and the learning rate is at `minimum` or below.
    """

    name: ClassVar[str] = "adaptive"
    divisor: float = 5.0
    minimum: float = 1e-6

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return ones; the state's `rate_factor` holds what was divided away."""
        return np.ones(len(steps))

    def on_plateau(self, rate: float) -> float | None:
        """Return what to multiply the rate by when progress has stopped, None to stop."""
        return 1 / self.divisor if rate > self.minimum else None


@dataclass(frozen=True)
class Cosine:
    """From 1 down to `floor` along half a cosine over the run (Loshchilov and Hutter 2017)."""

    name: ClassVar[str] = "cosine"
    floor: float = 0.0

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return the factor of each step."""
        share = _progress(steps, horizon)
        return self.floor + (1 - self.floor) * 0.5 * (1 + np.cos(np.pi * share))


@dataclass(frozen=True)
class OneCycle:
    """Up from `start` to 1 and down to `end`, along half cosines (Smith and Topin 2019).

    Attributes
    ----------
    rise : float
        Share of the run in which the rate rises.
    start, end : float
        Factors at the beginning and at the end.
    """

    name: ClassVar[str] = "one_cycle"
    rise: float = 0.3
    start: float = 0.04
    end: float = 4e-6

    def __post_init__(self) -> None:
        if not 0 < self.rise < 1:
            raise SettingError(f"rise of OneCycle must lie in (0, 1), but {self.rise} came.")

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return the factor of each step."""
        share = _progress(steps, horizon)
        up = np.minimum(share / self.rise, 1)
        down = np.clip((share - self.rise) / (1 - self.rise), 0, 1)
        rising = self.start + (1 - self.start) * 0.5 * (1 - np.cos(np.pi * up))
        falling = self.end + (1 - self.end) * 0.5 * (1 + np.cos(np.pi * down))
        return np.where(share < self.rise, rising, falling)


@dataclass(frozen=True)
class CosLog:
    """½ - ½ cos(2π log₂(1 + (2ᵏ - 1) t)): k waves from 0 to 1 and back, each twice as long.

    t is the share of the run that is done. Holzmüller et al. 2024, section 4 ("coslog4").

    Attributes
    ----------
    waves : int
        k.
    """

    name: ClassVar[str] = "coslog"
    waves: int = 4

    def __post_init__(self) -> None:
        if isinstance(self.waves, bool) or not isinstance(self.waves, int) or self.waves < 1:
            raise SettingError(
                f"waves of CosLog must be a whole number from 1 on, but {self.waves!r} came."
            )

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return the factor of each step."""
        stretched = 1 + (2**self.waves - 1) * _progress(steps, horizon)
        return 0.5 - 0.5 * np.cos(2 * np.pi * np.log2(stretched))


@dataclass(frozen=True)
class FlatCosine:
    """1 for a share of the run, then down to 0 along half a cosine (Holzmüller et al. 2024).

    Attributes
    ----------
    flat : float
        The share, in [0, 1).
    """

    name: ClassVar[str] = "flat_cosine"
    flat: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.flat < 1:
            raise SettingError(f"flat of FlatCosine must lie in [0, 1), but {self.flat} came.")

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return the factor of each step."""
        falling = np.clip((_progress(steps, horizon) - self.flat) / (1 - self.flat), 0, 1)
        return 0.5 + 0.5 * np.cos(np.pi * falling)


@dataclass(frozen=True)
class WarmUp:
    """A straight rise from near 0 to 1 over the first epochs, then another schedule.

    Attributes
    ----------
    epochs : float
        How long the rise takes.
    after : Schedule
        What follows; its own clock starts with the run.
    """

    name: ClassVar[str] = "warm_up"
    epochs: float = 1.0
    after: Schedule = field(default_factory=Constant)

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return the factor of each step."""
        length = max(1.0, self.epochs * horizon.steps)
        return np.minimum(1, (steps + 1) / length) * self.after.factors(steps, horizon)

    def on_plateau(self, rate: float) -> float | None:
        """Return what the schedule that follows makes of a plateau; None to stop."""
        on_plateau = getattr(self.after, "on_plateau", None)
        return on_plateau(rate) if on_plateau else None


def _progress(steps: np.ndarray, horizon: Horizon) -> np.ndarray:
    """Return the share of the planned run that lies before each step, in [0, 1]."""
    return np.clip(steps / max(1, horizon.steps * horizon.epochs), 0, 1)


SCHEDULES: dict[str, type] = {
    schedule.name: schedule
    for schedule in (
        Constant,
        InverseScaling,
        Adaptive,
        Cosine,
        OneCycle,
        CosLog,
        FlatCosine,
        WarmUp,
    )
}
