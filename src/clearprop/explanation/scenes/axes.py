"""Axes of a plot: from values to pixels, ticks at round numbers, and the marks that show them.

Public names: `Axis`, `axis_over`, `bottom_axis`, `in_units`, `left_axis`.
May import: `scene`, `measure`, `numbers`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from clearprop.explanation.numbers import LARGE, amount, figure
from clearprop.explanation.scenes.measure import width_of
from clearprop.explanation.scenes.scene import Line, Mark, Words

SMALL = 12.0


@dataclass(frozen=True)
class Axis:
    """One direction of a plot.

    Attributes
    ----------
    low, high : float
        The values at the two ends.
    ticks : tuple of (float, str)
        Values with what is written at them.
    log : bool
        Whether equal lengths are equal ratios.
    start, stop : float
        The pixels of the two ends.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False
    start: float = 0.0
    stop: float = 1.0

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, value = (
            (math.log10(v) for v in (self.low, self.high, value))
            if self.log
            else (self.low, self.high, value)
        )
        return self.start + (value - low) / (high - low) * (self.stop - self.start)

    def over(self, start: float, stop: float) -> Axis:
        """Return the axis laid over other pixels."""
        return Axis(self.low, self.high, self.ticks, self.log, start, stop)

    @property
    def room(self) -> float:
        """The width of the widest tick's text."""
        return max((width_of(text, SMALL) for _, text in self.ticks), default=0.0)


def axis_over(
    values: Iterable[float],
    *,
    log: bool = False,
    count: int = 5,
    tight: bool = False,
    whole: bool = False,
) -> Axis:
    """Return an axis that holds values, its ticks at round numbers.

    Parameters
    ----------
    values : iterable of float
        Those that are not finite, and on a log axis those not above 0, are left out.
    count : int
        About how many ticks.
    tight : bool
        End at the values, not at the next tick.
    whole : bool
        Of whole numbers, such as epochs and layers: ticks at whole numbers only.
    """
    kept = [v for v in map(float, values) if math.isfinite(v) and (v > 0 or not log)]
    low, high = (min(kept), max(kept)) if kept else (1.0, 10.0)
    if log:
        return _log_axis(low, high, count, tight)
    whole = whole and all(value.is_integer() for value in kept)
    if low == high:
        apart = abs(low) / 2 or 1.0
        low, high = low - apart, high + apart
    step = _step((high - low) / count)
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [index * step for index in range(first, last + 1)]
    if tight:
        slack = 1e-9 * (high - low)
        ticks = [tick for tick in ticks if low - slack <= tick <= high + slack]
    else:
        low, high = ticks[0], ticks[-1]
    return Axis(low, high, tuple((tick, _tick_text(tick, step)) for tick in ticks))


def in_units(axis: Axis) -> Axis:
    """Return an axis whose large ticks are written as amounts: 200,000."""
    ticks = tuple((v, amount(v) if abs(v) >= LARGE else text) for v, text in axis.ticks)
    return replace(axis, ticks=ticks)


def _step(rough: float) -> float:
    """Return the round step, 1, 2 or 5 times a power of ten, nearest above."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _tick_text(tick: float, step: float) -> str:
    if abs(tick) < step / 2:
        return "0"
    digits = math.floor(math.log10(abs(tick)) + 1e-9) - math.floor(math.log10(step) + 1e-9) + 1
    return figure(tick, max(1, digits))


def _log_axis(low: float, high: float, count: int, tight: bool) -> Axis:
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    stride = max(1, math.ceil((last - first) / count))
    ticks = [10.0**power for power in range(first, last + 1, stride)]
    if last - first <= 2:
        ticks = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
        ticks = [tick for tick in ticks if tick <= 10.0**last * 1.001]
    if not tight:
        low, high = 10.0**first, 10.0**last
    elif low == high:
        low, high = low / 2, high * 2
    inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
    return Axis(low, high, tuple((t, figure(t, 1).removeprefix("1×")) for t in inside), log=True)


def bottom_axis(axis: Axis, y: float, label: str, grid_top: float | None = None) -> list[Mark]:
    """Return the marks of an axis below a plot: base line, ticks, label under the right end.

    With `grid_top`, a fine line is drawn up to there at every tick.
    """
    marks: list[Mark] = []
    for value, text in axis.ticks:
        x = axis.at(value)
        if grid_top is not None:
            marks.append(Line(x, y, x, grid_top, role="grid"))
        marks.append(Line(x, y, x, y + 4, role="axis"))
        marks.append(Words(x, y + 17, text, size=SMALL, role="muted"))
    marks.append(Line(axis.start, y, axis.stop, y, role="axis"))
    marks.append(Words(axis.stop, y + 35, label, size=SMALL, anchor="end", role="ink"))
    return marks


def left_axis(axis: Axis, x: float, right: float, label: str) -> list[Mark]:
    """Return the marks of an axis left of a plot: fine lines to `right`, ticks, label on top."""
    marks: list[Mark] = []
    for value, text in axis.ticks:
        y = axis.at(value)
        marks.append(Line(x, y, right, y, role="grid"))
        marks.append(Words(x - 7, y + 4, text, size=SMALL, anchor="end", role="muted"))
    top = min(axis.start, axis.stop)
    left = x - 7 - axis.room
    marks.append(Words(left, top - 12, label, size=SMALL, anchor="start", role="ink"))
    return marks
