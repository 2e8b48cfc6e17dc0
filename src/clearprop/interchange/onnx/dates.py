"""Dates in ONNX: from seconds since 1970 to `clearprop.tables.dates`' parts.

ONNX has no dates, so a column of dates comes as float64 seconds since the beginning of 1970, NaN
where missing: of dates without a time zone by the calendar, of dates with one in UTC. The calendar
is arithmetic (years of 365.2425 days counted from March, so that the leap day is the last of a
year; Hinnant, "chrono-compatible low-level date algorithms", 2013). A time zone is a table of when
its distance from UTC changes, from 1900 to 2100, which becomes a constant of the graph.

All numbers are whole numbers far below 2^53 in float64, so floors of quotients are exact.

Public names: `date_features`.
May import: `functions`, `graph`, `clearprop.tables`, NumPy, Polars.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from clearprop.interchange.onnx.functions import cosine, scalar
from clearprop.interchange.onnx.graph import INTEGER, REAL, Graph

_DAY = 86_400
_EPOCH = datetime(1970, 1, 1)
_FIRST, _LAST = datetime(1900, 1, 1), datetime(2100, 1, 1)


def date_features(graph: Graph, seconds: str, zone: str | None, names: list[str]) -> list[str]:
    """Return the parts of these names of dates (…, 1), each (…, 1), NaN where a date is."""
    clock = _Clock(graph, seconds, zone)
    return [_PARTS[name](clock) for name in names]


class _Clock:
    """Arithmetic on seconds, which remembers what it has been asked."""

    def __init__(self, graph: Graph, seconds: str, zone: str | None) -> None:
        self.graph, self.seconds = graph, seconds
        local = seconds if zone in (None, "UTC") else self._local(str(zone))
        whole = graph.add("Floor", local)
        self.day = self.quotient(whole, _DAY)
        self.time = graph.add("Sub", whole, self.by("Mul", self.day, _DAY))
        self._civil: dict[str, str] = {}

    def by(self, operator: str, value: str, number: float) -> str:
        return scalar(self.graph, operator, value, float(number), REAL)

    def quotient(self, value: str, number: float) -> str:
        return self.graph.add("Floor", self.by("Div", value, number))

    def rest(self, value: str, number: float) -> str:
        return self.graph.add("Sub", value, self.by("Mul", self.quotient(value, number), number))

    def sine(self, position: str, length: float) -> str:
        return self.graph.add("Sin", self.by("Mul", position, 2 * math.pi / length))

    def cosine(self, position: str, length: float) -> str:
        return cosine(self.graph, self.by("Mul", position, 2 * math.pi / length), REAL)

    def month(self) -> str:
        """Months since January."""
        return self.by("Sub", self.civil("month"), 1)

    def weekday(self) -> str:
        """Days since Monday; 1970 began on a Thursday."""
        return self.rest(self.by("Add", self.day, 3), 7)

    def civil(self, name: str) -> str:
        """Return "year", "month" or "day" (both from 1 on)."""
        if not self._civil:
            self._civil = self._calendar()
        return self._civil[name]

    def _calendar(self) -> dict[str, str]:
        add, by, quotient = self.graph.add, self.by, self.quotient
        days = by("Add", self.day, 719_468)
        era = quotient(days, 146_097)
        day = add("Sub", days, by("Mul", era, 146_097))
        leaps = add("Sub", quotient(day, 36_524), quotient(day, 1_460))
        fourth = add("Sub", leaps, quotient(day, 146_096))
        year = quotient(add("Add", day, fourth), 365)
        before = add("Add", by("Mul", year, 365), quotient(year, 4))
        of_year = add("Sub", day, add("Sub", before, quotient(year, 100)))
        from_march = quotient(by("Add", by("Mul", of_year, 5), 2), 153)
        past = quotient(by("Add", by("Mul", from_march, 153), 2), 5)
        late = add("Less", from_march, self.graph.constant(10.0, REAL))
        month = add("Where", late, by("Add", from_march, 3), by("Sub", from_march, 9))
        whole = add("Add", year, by("Mul", era, 400))
        early = add("Less", month, self.graph.constant(3.0, REAL))
        return {
            "year": add("Add", whole, self.graph.cast(early, REAL)),
            "month": month,
            "day": by("Add", add("Sub", of_year, past), 1),
        }

    def _local(self, zone: str) -> str:
        """Return the wall clock's seconds."""
        moments, distances = _changes(zone)
        add, constant = self.graph.add, self.graph.constant
        passed = self.graph.cast(add("GreaterOrEqual", self.seconds, constant(moments, REAL)), REAL)
        axes = constant([-1], INTEGER)
        place = self.graph.cast(add("ReduceSum", passed, axes, keepdims=1), INTEGER)
        return add("Add", self.seconds, add("Gather", constant(distances, REAL), place))


_PARTS: dict[str, Callable[[_Clock], str]] = {
    "year": lambda clock: clock.civil("year"),
    "month_sin": lambda clock: clock.sine(clock.month(), 12),
    "month_cos": lambda clock: clock.cosine(clock.month(), 12),
    "day": lambda clock: clock.civil("day"),
    "weekday_sin": lambda clock: clock.sine(clock.weekday(), 7),
    "weekday_cos": lambda clock: clock.cosine(clock.weekday(), 7),
    "hour_sin": lambda clock: clock.sine(clock.time, _DAY),
    "hour_cos": lambda clock: clock.cosine(clock.time, _DAY),
    "epoch_seconds": lambda clock: clock.seconds,
}


def _changes(zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Return when a zone's distance from UTC changes (k,), and the distances (k + 1,), seconds."""
    days = pl.datetime_range(_FIRST, _LAST, "1d", eager=True)
    distances = _distances(days, zone)
    starts = days.gather(np.flatnonzero(np.diff(distances)))
    moments, found = [], [distances[0]]
    for start in starts:
        minutes = pl.datetime_range(start, start + timedelta(days=1), "1m", eager=True)
        inside = _distances(minutes, zone)
        for place in np.flatnonzero(np.diff(inside)) + 1:
            moments.append((minutes[int(place)] - _EPOCH).total_seconds())
            found.append(inside[place])
    return np.array(moments, dtype=float), np.array(found, dtype=float)


def _distances(moments: pl.Series, zone: str) -> np.ndarray:
    there = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    apart = there.dt.replace_time_zone(None) - moments
    return apart.dt.total_seconds().to_numpy()
