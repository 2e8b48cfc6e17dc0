"""Texts that several chapters share: names, lists, values with their intervals.

Public names: `comma`, `figure_text`, `joined`, `listed`, `name_of`, `range_text`, `short_range`,
`target_text`, `value_text`.
May import: `amounts`, `comparison`, `gathering`, `clearprop.explanation` (`pages`, `words`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from clearprop.explanation.numbers import amount, figure
from clearprop.explanation.pages import Inline, Span, Text
from clearprop.explanation.words import Words
from clearprop.reporting.amounts import percent, told
from clearprop.reporting.comparison import Figure
from clearprop.reporting.gathering import Report
from clearprop.reporting.resampling import Interval

# measures that are shares of something, and those in the target's own unit
SHARES = ("accuracy", "balanced", "all_right", "labels_right")
IN_UNITS = ("mae", "rmse")


def target_text(report: Report, say: Words) -> str:
    """Return the names of the target columns."""
    target = report.model.target_
    names = [target.name] if hasattr(target, "name") else list(target.names)
    return listed(names, say)


def comma(say: Words) -> str:
    """Return what stands between the items of a list."""
    return "、" if say.lang == "zh" else ", "


def listed(names: Sequence[str], say: Words, most: int = 4) -> str:
    """Return names one after another, of many the first."""
    shown = comma(say).join(names[:most])
    if len(names) <= most:
        return shown
    return say("report.and_more", names=shown, more=len(names) - most)


def joined(say: Words, *texts: Text) -> Text:
    """Return sentences one after another; Chinese sets no space between them."""
    between = () if say.lang == "zh" else (Span(" "),)
    found: tuple[Inline, ...] = ()
    for text in texts:
        if text:
            found += (*between, *text) if found else text
    return found


def name_of(model: str, say: Words) -> str:
    """Return what a model is called."""
    return say(f"report.model_{model}")


def value_text(measure: str, value: float) -> str:
    """Return a measure's value as people read it."""
    if measure in SHARES:
        return percent(value)
    if measure == "r2":
        return fixed(value, 4)
    return amount(value) if measure in IN_UNITS else figure(value)


def fixed(value: float, decimals: int) -> str:
    """Return a number near 1 with so many decimals; figures of a guess are hardly above 0."""
    if not abs(value) < 10:
        return figure(value)
    return f"{value:.{decimals}f}".replace("-", "−")


def range_text(measure: str, interval: Interval, say: Words) -> str:
    """Return an interval: `85.1 to 86.8 %`."""
    if math.isnan(interval.low):
        return "–"
    low, high = (value_text(measure, end) for end in interval)
    return say("report.range", low=low.removesuffix("\u00a0%"), high=high)


def short_range(measure: str, interval: Interval) -> str:
    """Return an interval for a table's cell: `85.1–86.8`."""
    if math.isnan(interval.low):
        return "–"

    def write(value: float) -> str:
        if measure in SHARES:
            return percent(value)[:-2]
        return fixed(value, 3) if measure == "r2" else amount(value, 3)

    between = "–" if interval.low >= 0 else " … "
    return f"{write(interval.low)}{between}{write(interval.high)}"


def figure_text(measure: str, found: Figure, *, strong: bool) -> Span:
    """Return a measure's value, with all its digits on pointing."""
    return told(value_text(measure, found.value), found.value, "strong" if strong else "")
