"""Plots as scenes: curves, bars, and a surface with a run's path on it.

A title states the finding and is given by the caller, as are all names; lines are named at their
ends rather than in a legend, and differ in style as well as in colour. A logarithmic axis says so.

Public names: `Bar`, `Series`, `Spot`, `bars_scene`, `curve_scene`, `heat_scene` (of `surface`).
May import: `scene`, `axes`, `measure`, `spots`, `surface`, `words`, `numbers`, NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from clearprop.explanation.numbers import amount, figure
from clearprop.explanation.scenes.axes import (
    SMALL,
    Axis,
    axis_over,
    bottom_axis,
    in_units,
    left_axis,
)
from clearprop.explanation.scenes.measure import width_of
from clearprop.explanation.scenes.scene import Circle, Line, Mark, Path, Rect, Scene, Words
from clearprop.explanation.scenes.spots import Spot, head_of, spot_marks
from clearprop.explanation.scenes.surface import heat_scene
from clearprop.explanation.words import words

__all__ = ["Bar", "Series", "Spot", "bars_scene", "curve_scene", "heat_scene"]

ROLES = ("signal", "contrast", "positive", "update", "error", "negative")
DASHES: tuple[tuple[float, ...], ...] = ((), (7, 4), (2, 3), (9, 3, 2, 3), (12, 4), (4, 2))
MOST_POINTS = 400


@dataclass(frozen=True)
class Series:
    """A line of a plot.

    Attributes
    ----------
    name : str
        Written at its right end; nothing is written for an empty name.
    x, y : sequences of float of equal length
        A value that is not finite, or not above 0 on a log axis, leaves a gap.
    role : str
        See `palette`; the next of `ROLES` where empty.
    dash : tuple of float, optional
        () for a solid line; the next of `DASHES` where None.
    key : str
    """

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    role: str = ""
    dash: tuple[float, ...] | None = None
    key: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar of a plot: its name at the left, its value at its end.

    Attributes
    ----------
    name : str
    value : float
    role : str
        `"positive"` or `"negative"` by the value's sign where empty.
    key : str
    title : str
        What pointing at it says; name and value with all digits where empty.
    """

    name: str
    value: float
    role: str = ""
    key: str = ""
    title: str = ""


def curve_scene(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
    marks: Sequence[Spot] = (),
    description: str = "",
    lang: str = "en",
    width: float = 480.0,
    height: float = 300.0,
) -> Scene:
    """Return curves over a common axis.

    Parameters
    ----------
    title : str
        The finding: "validation loss stopped falling at epoch 41".
    series : sequence of Series
    x_label, y_label : str
        What the axes show, with units.
    log_x, log_y : bool
        Logarithmic axes; their labels then say so.
    marks : sequence of Spot
        Points and upright rules to point out.
    description : str
        What it shows, for those who cannot see it.
    lang : {"en", "zh"}
    width, height : float
        Of the whole picture, without the title.
    """
    series = [_styled(line, index) for index, line in enumerate(series)]
    points = [spot for spot in marks if spot.y is not None]
    x_axis = axis_over(
        [*_all(line.x for line in series), *(spot.x for spot in marks)],
        log=log_x,
        tight=True,
        whole=True,
    )
    y_axis = axis_over(
        [*_all(line.y for line in series), *(spot.y for spot in points if spot.y is not None)],
        log=log_y,
    )
    head, top = head_of(title, width)
    names = max((width_of(line.name, SMALL, bold=True) for line in series), default=0.0)
    left = 12 + y_axis.room
    right = width - 14 - (names + 6 if names else 0)
    y_axis, x_axis = y_axis.over(top + height - 64, top + 32), x_axis.over(left, right)
    frame = left_axis(y_axis, left, right, _said(y_label, log_y, lang))
    frame += bottom_axis(x_axis, y_axis.start, _said(x_label, log_x, lang))
    lines = [mark for line in series for mark in _line_marks(line, x_axis, y_axis)]
    ends = _end_labels(series, x_axis, y_axis, right)
    spots = spot_marks(marks, x_axis, y_axis)
    everything = (*head, *frame, *lines, *ends, *spots)
    return Scene(width, top + height, everything, title, description)


def bars_scene(
    title: str,
    bars: Sequence[Bar],
    *,
    label: str,
    log: bool = False,
    units: bool = False,
    description: str = "",
    lang: str = "en",
    width: float = 480.0,
) -> Scene:
    """Return bars one below another, from zero to the right or, negative, to the left.

    Parameters
    ----------
    title : str
        The finding.
    bars : sequence of Bar
    label : str
        What the values are, with units.
    log : bool
        A logarithmic axis, for values above 0; bars of other values are empty.
    units : bool
        The values are in the units of a table: large ones are written out.
    description : str
    lang : {"en", "zh"}
    width : float
    """
    pitch, thick = 24.0, 15.0
    written = amount if units else figure
    head, top = head_of(title, width)
    left = 14 + max((width_of(bar.name, SMALL) for bar in bars), default=0.0)
    ends = max((width_of(written(bar.value), SMALL) for bar in bars), default=0.0) + 10
    inner = left + (ends if any(bar.value < 0 for bar in bars) else 0)
    values = [*(bar.value for bar in bars), *(() if log else (0.0,))]
    axis = _roomy(values, inner, width - ends, log=log, units=units)
    bottom = top + 10 + pitch * len(bars)
    marks = list(head) + bottom_axis(axis, bottom, _said(label, log, lang), grid_top=top + 6)
    origin = axis.low if log else 0.0
    for index, bar in enumerate(bars):
        area = (top + 10 + pitch * index, thick, left)
        marks += _bar_marks(bar, axis, origin, area, written(bar.value))
    return Scene(width, bottom + 44, tuple(marks), title, description)


# what plots share


def _roomy(values: Sequence[float], start: float, stop: float, *, log: bool, units: bool) -> Axis:
    """Return an axis of some five ticks, or of as few as have room side by side."""
    for count in (5, 3, 2):
        axis = axis_over(values, log=log, count=count).over(start, stop)
        axis = in_units(axis) if units else axis
        places = [axis.at(value) for value, _ in axis.ticks]
        apart = min((b - a for a, b in pairwise(places)), default=math.inf)
        if apart >= axis.room + 4:
            break
    return axis


def _said(label: str, log: bool, lang: str) -> str:
    return words(lang)("pictures.log_axis", label=label) if log else label


def _all(sequences: Iterable[Sequence[float] | np.ndarray]) -> list[float]:
    return [float(value) for sequence in sequences for value in sequence]


def _styled(line: Series, index: int) -> Series:
    role = line.role or ROLES[index % len(ROLES)]
    dash = DASHES[index % len(DASHES)] if line.dash is None else line.dash
    return replace(line, role=role, dash=dash)


def _pixels(line: Series, x_axis: Axis, y_axis: Axis) -> list[list[tuple[float, float]]]:
    """Return the unbroken stretches of a line."""
    stretches: list[list[tuple[float, float]]] = [[]]
    for x, y in _thinned(np.asarray(line.x, float), np.asarray(line.y, float)):
        fits = math.isfinite(x) and math.isfinite(y)
        fits = fits and (x > 0 or not x_axis.log) and (y > 0 or not y_axis.log)
        if fits:
            stretches[-1].append((x_axis.at(x), y_axis.at(y)))
        elif stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


def _thinned(x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
    """Return at most about `MOST_POINTS` points: of every stretch its lowest and its highest."""
    if len(x) <= MOST_POINTS:
        return list(zip(x.tolist(), y.tolist(), strict=True))
    kept = {0, len(x) - 1} | set(np.flatnonzero(~np.isfinite(y))[:MOST_POINTS].tolist())
    for part in np.array_split(np.arange(len(x)), MOST_POINTS // 2):
        kept |= {int(part[np.argmin(y[part])]), int(part[np.argmax(y[part])])}
    return [(float(x[index]), float(y[index])) for index in sorted(kept)]


def _line_marks(line: Series, x_axis: Axis, y_axis: Axis) -> list[Mark]:
    marks: list[Mark] = []
    for stretch in _pixels(line, x_axis, y_axis):
        if len(stretch) == 1:
            marks.append(Circle(*stretch[0], 3, fill=line.role, key=line.key, title=line.name))
        else:
            commands = [("M" if i == 0 else "L", *point) for i, point in enumerate(stretch)]
            style = {"role": line.role, "dash": line.dash or (), "key": line.key}
            marks.append(Path(tuple(commands), width=2.0, title=line.name, **style))  # type: ignore[arg-type]
    return marks


def _end_labels(series: Sequence[Series], x_axis: Axis, y_axis: Axis, right: float) -> list[Mark]:
    """Return the lines' names at their right ends, moved apart where they would meet."""
    ends = []
    for line in series:
        stretches = _pixels(line, x_axis, y_axis)
        if line.name and stretches:
            ends.append((stretches[-1][-1], line))
    ends.sort(key=lambda end: end[0][1])
    heights = _apart([end[1] for end, _ in ends], 15.0, y_axis.stop, y_axis.start)
    marks: list[Mark] = []
    for ((x, y), line), height in zip(ends, heights, strict=True):
        if abs(height - y) > 5 or x < right - 2:
            marks.append(Line(x, y, right + 4, height, role="grid"))
        place = (right + 6, height + 4)
        text = Words(*place, line.name, SMALL, "start", bold=True, role=line.role, key=line.key)
        marks.append(text)
    return marks


def _apart(heights: list[float], gap: float, top: float, bottom: float) -> list[float]:
    """Move sorted heights so that neighbours are `gap` apart, inside top and bottom if they fit."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + gap) if moved else max(height, top))
    over = moved[-1] - bottom if moved else 0.0
    for index in reversed(range(len(moved))):
        if over <= 0:
            break
        moved[index] -= over
        over = moved[index - 1] + gap - moved[index] if index else 0.0
    return moved


def _bar_marks(
    bar: Bar, axis: Axis, origin: float, place: tuple[float, float, float], text: str
) -> list[Mark]:
    """Return a bar at (top, thickness, left end of the plot), with a text at its end."""
    top, thick, left = place
    base = top + thick / 2 + 4
    marks: list[Mark] = [
        Words(left - 7, base, bar.name, SMALL, "end", role="ink", key=bar.key),
    ]
    shown = math.isfinite(bar.value) and (bar.value > 0 or not axis.log)
    start, end = axis.at(origin), axis.at(bar.value) if shown else axis.at(origin)
    role = bar.role or ("negative" if bar.value < 0 else "positive")
    title = bar.title or f"{bar.name}: {bar.value!r}"
    area = (min(start, end), top, abs(end - start), thick)
    marks.append(Rect(*area, fill=role, key=bar.key, title=title))
    beside, anchor = (end - 5, "end") if bar.value < 0 and not axis.log else (end + 5, "start")
    marks.append(
        Words(beside, base, text, SMALL, anchor, plate=True, role="ink", key=bar.key, title=title)  # type: ignore[arg-type]
    )
    return marks
