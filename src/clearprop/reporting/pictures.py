"""The pictures of a report that are its own, as scenes; each has a form for a phone.

    ranges_scene       a value and its interval a line: models side by side
    confusion_scene    rows by truth and answer
    calibration_scene  chances given against shares that came true
    scatter_scene      predictions against the truth
    histogram_scene    how often values come

Public names: these, and `both`, `bars_of`.
May import: `clearprop.explanation` (its scenes), `words`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clearprop.explanation.numbers import amount
from clearprop.explanation.scenes.axes import (
    SMALL,
    Axis,
    axis_over,
    bottom_axis,
    in_units,
    left_axis,
)
from clearprop.explanation.scenes.measure import shortened, width_of
from clearprop.explanation.scenes.plots import Bar, bars_scene
from clearprop.explanation.scenes.scene import Circle, Heat, Line, Mark, Path, Rect, Scene
from clearprop.explanation.scenes.scene import Words as Letters
from clearprop.explanation.scenes.spots import head_of
from clearprop.reporting.amounts import percent
from clearprop.reporting.calibration import Calibration

WIDE, PHONE = 560.0, 340.0
PITCH = 26.0
# colours end at so many times a whole row, so that numbers can be read on them
PALE = 1.6


def both(draw: Callable[[float], Scene]) -> Scene:
    """Return a scene as wide as a page allows, with its form for a phone."""
    return replace(draw(WIDE), narrow=draw(PHONE))


def bars_of(title: str, bars: Sequence[Bar], *, label: str, description: str = "") -> Scene:
    """Return bars in the units of a table, with names cut short where they would take the room."""

    def draw(width: float) -> Scene:
        short = [
            replace(
                bar, name=shortened(bar.name, SMALL, 0.42 * width), title=bar.title or told(bar)
            )
            for bar in bars
        ]
        return bars_scene(
            title, short, label=label, units=True, description=description, width=width
        )

    def told(bar: Bar) -> str:
        return f"{bar.name}: {bar.value!r}"

    return both(draw)


@dataclass(frozen=True)
class Range:
    """A value with its interval.

    Attributes
    ----------
    name : str
    value, low, high : float
    text : str
        The value as it is written.
    role : str
    """

    name: str
    value: float
    low: float
    high: float
    text: str
    role: str = "muted"


def ranges_scene(title: str, ranges: Sequence[Range], *, label: str, description: str) -> Scene:
    """Return a line a model: a dot at its value, a bar over its interval."""

    def draw(width: float) -> Scene:
        head, top = head_of(title, width)
        names = [shortened(one.name, SMALL, 0.4 * width, bold=True) for one in ranges]
        left = 14 + max(width_of(name, SMALL, bold=True) for name in names)
        right = width - 14 - max(width_of(one.text, SMALL, bold=True) for one in ranges)
        ends = [v for one in ranges for v in (one.low, one.high, one.value)]
        axis = in_units(axis_over(ends, count=5 if width > PHONE else 3).over(left, right))
        bottom = top + 12 + PITCH * len(ranges)
        marks: list[Mark] = [*head, *bottom_axis(axis, bottom, label, grid_top=top + 6)]
        for index, (one, name) in enumerate(zip(ranges, names, strict=True)):
            y = top + 12 + PITCH * (index + 0.5)
            marks += _range_marks(one, name, axis, left, y)
        return Scene(width, bottom + 44, tuple(marks), title, description)

    return both(draw)


def _range_marks(one: Range, name: str, axis: Axis, left: float, y: float) -> list[Mark]:
    title = f"{one.name}: {one.value!r} ({one.low!r} … {one.high!r})"
    bold = one.role != "muted"
    marks: list[Mark] = [
        Letters(left - 8, y + 4, name, SMALL, "end", bold=bold, role="ink", title=one.name)
    ]
    if np.isfinite([one.low, one.high]).all():
        ends = axis.at(one.low), axis.at(one.high)
        marks.append(Line(ends[0], y, ends[1], y, role=one.role, width=2.0, title=title))
        marks += [Line(x, y - 4, x, y + 4, role=one.role, width=2.0) for x in ends]
    marks.append(Circle(axis.at(one.value), y, 5.0, fill=one.role, title=title))
    place = (axis.stop + 8, y + 4)
    marks.append(Letters(*place, one.text, SMALL, "start", bold=bold, role="ink", title=title))
    return marks


def confusion_scene(
    title: str,
    names: Sequence[str],
    counts: np.ndarray,
    *,
    truth: str,
    answer: str,
    description: str,
) -> Scene:
    """Return a square of counts: a row a class, a column an answer; colour is the row's share.

    What is right is blue, what is wrong vermillion; every cell says its count.
    """

    def draw(width: float) -> Scene:
        head, top = head_of(title, width)
        short = [shortened(name, SMALL, 0.26 * width) for name in names]
        left = 18 + max(width_of(name, SMALL) for name in (*short, f"{truth} ↓"))
        cell = min(96.0, (width - left - 8) / len(names))
        tall = min(cell, 52.0)
        turned = max(width_of(name, SMALL) for name in short) > cell - 6
        above = top + 24 + (max(width_of(n, SMALL) for n in short) if turned else SMALL + 4)
        marks: list[Mark] = [*head]
        marks.append(Letters(left, top + 16, f"{answer} →", SMALL, "start", role="ink"))
        marks.append(Letters(left - 8, above - 5, f"{truth} ↓", SMALL, "end", role="ink"))
        area = (left, above, cell * len(names), tall * len(names))
        marks.append(Heat(*area, _tints(counts), PALE, crisp=True))
        for k, name in enumerate(short):
            y = above + tall * (k + 0.5) + 4
            marks.append(Letters(left - 8, y, name, SMALL, "end", role="ink", title=names[k]))
            marks.append(_column_name(name, names[k], left + cell * (k + 0.5), above, turned))
        marks += _cells(names, counts, (left, above, cell, tall))
        marks.append(Rect(*area, role="axis", width=0.8))
        return Scene(width, above + area[3] + 10, tuple(marks), title, description)

    return both(draw)


def _tints(counts: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Return the share of each row, above 0 on the diagonal and below elsewhere."""
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(rows, rows, 1)
    signed = np.where(np.eye(len(counts), dtype=bool), shares, -shares)
    return tuple(tuple(row) for row in signed.tolist())


def _column_name(name: str, full: str, x: float, base: float, turned: bool) -> Mark:
    if turned:
        place = (x + 4, base - 6)
        return Letters(*place, name, SMALL, "start", role="ink", title=full, turn=-90.0)
    return Letters(x, base - 6, name, SMALL, role="ink", title=full)


def _cells(
    names: Sequence[str], counts: np.ndarray, place: tuple[float, float, float, float]
) -> list[Mark]:
    left, top, cell, tall = place
    marks: list[Mark] = []
    for (i, j), count in np.ndenumerate(counts):
        x, y = left + cell * (j + 0.5), top + tall * (i + 0.5)
        share = percent(count / max(1, counts[i].sum()))
        title = f"{names[i]} → {names[j]}: {count:,} ({share})"
        text = f"{count:,}"
        size = next((s for s in (SMALL, 10.0, 8.5) if width_of(text, s) <= cell - 4), 8.0)
        roomy = cell >= 64
        if count or roomy:
            lift = -3 if roomy else 4
            marks.append(Letters(x, y + lift, text, size, bold=i == j, role="pen", title=title))
        if roomy:
            marks.append(Letters(x, y + 14, share, 10.5, role="pen", title=title))
    return marks


def calibration_scene(
    title: str, found: Calibration, *, given: str, came: str, perfect: str, description: str
) -> Scene:
    """Return shares that came true over chances given, with their intervals, and the diagonal."""

    def draw(width: float) -> Scene:
        head, top = head_of(title, width)
        side = min(340.0, width - 74)
        ticks = tuple((k / 5, f"{20 * k} %") for k in range(6))
        left = 52.0
        across = Axis(0.0, 1.0, ticks, start=left, stop=left + side)
        up = Axis(0.0, 1.0, ticks, start=top + 34 + side, stop=top + 34)
        marks = [*head, *left_axis(up, left, left + side, came)]
        marks += bottom_axis(across, up.start, given)
        ends = (across.at(0), up.at(0), across.at(1), up.at(1))
        marks.append(Line(*ends, role="axis", dash=(5, 4), title=perfect))
        # where the curve hardly ever comes by
        corner = across.at(0.97), up.at(0.04)
        marks.append(Letters(*corner, perfect, 11.0, "end", plate=True, role="muted"))
        points = [(across.at(b.chance), up.at(b.share)) for b in found.bins]
        if len(points) > 1:
            line = tuple(("M" if k == 0 else "L", *point) for k, point in enumerate(points))
            marks.append(Path(line, role="positive", width=1.6))
        for one, (x, y) in zip(found.bins, points, strict=True):
            low, high = up.at(one.interval.low), up.at(one.interval.high)
            told = f"{one.chance:.4f} → {one.share:.4f} ({one.rows:,})"
            marks.append(Line(x, low, x, high, role="positive", width=1.2, title=told))
            marks.append(Circle(x, y, 4.0, fill="positive", title=told))
        return Scene(width, up.start + 46, tuple(marks), title, description)

    return both(draw)


def scatter_scene(
    title: str,
    truth: np.ndarray,
    given: np.ndarray,
    *,
    labels: tuple[str, str, str],
    description: str,
) -> Scene:
    """Return a dot a row, its truth over its prediction, and the diagonal.

    Parameters
    ----------
    labels : (prediction, truth, diagonal)
    """

    def draw(width: float) -> Scene:
        head, top = head_of(title, width)
        both_ends = axis_over([*truth.tolist(), *given.tolist()], count=4)
        room = in_units(both_ends).room
        left = 14 + room
        side = min(360.0, width - left - 22)
        across = in_units(both_ends.over(left, left + side))
        up = in_units(both_ends.over(top + 34 + side, top + 34))
        marks = [*head, *left_axis(up, left, left + side, labels[1])]
        marks += bottom_axis(across, up.start, labels[0])
        low, high = both_ends.low, both_ends.high
        ends = across.at(low), up.at(low), across.at(high), up.at(high)
        for x, y in zip(given.tolist(), truth.tolist(), strict=True):
            marks.append(Circle(across.at(x), up.at(y), 2.4, fill="positive", opacity=0.45))
        marks.append(Line(*ends, role="ink", dash=(5, 4), title=labels[2]))
        return Scene(width, up.start + 46, tuple(marks), title, description)

    return both(draw)


def histogram_scene(
    title: str, edges: np.ndarray, counts: np.ndarray, *, label: str, rows: str, description: str
) -> Scene:
    """Return upright bars over the values between edges."""

    def draw(width: float) -> Scene:
        head, top = head_of(title, width)
        up = axis_over([0.0, *counts.tolist()], count=3, whole=True)
        left = 14 + up.room
        across = in_units(axis_over(edges, tight=True, count=5 if width > PHONE else 3))
        across, up = across.over(left, width - 26), up.over(top + 150, top + 34)
        marks = [*head, *left_axis(up, left, width - 26, rows)]
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
            start, stop = across.at(low), across.at(high)
            area = (start + 0.5, up.at(count), max(stop - start - 1, 0.5), up.start - up.at(count))
            told = f"{amount(low)} … {amount(high)}: {count:,}"
            marks.append(Rect(*area, fill="signal", title=told))
        marks += bottom_axis(across, up.start, label)
        return Scene(width, up.start + 46, tuple(marks), title, description)

    return both(draw)
