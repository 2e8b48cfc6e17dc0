"""What plots share: the title above them, and points that are pointed out.

Public names: `Spot`, `head_of`, `spot_marks`.
May import: `scene`, `axes`, `measure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clearprop.explanation.scenes.axes import SMALL, Axis
from clearprop.explanation.scenes.measure import Box, box_of, width_of, wrap
from clearprop.explanation.scenes.scene import Anchor, Circle, Line, Mark, Words

TITLE_SIZE = 14.0


@dataclass(frozen=True)
class Spot:
    """A point of a plot with what is said of it.

    Attributes
    ----------
    x : float
    y : float or None
        None for an upright rule over the whole height at x.
    label : str
        Written beside it.
    role, key : str
    """

    x: float
    y: float | None
    label: str = ""
    role: str = "ink"
    key: str = ""


def head_of(title: str, width: float) -> tuple[list[Mark], float]:
    """Return the title's lines and the height below them."""
    lines = wrap(title, TITLE_SIZE, width - 8, bold=True)
    marks: list[Mark] = [
        Words(4, 18 + 19 * index, line, TITLE_SIZE, "start", bold=True, role="ink")
        for index, line in enumerate(lines)
    ]
    return marks, 6.0 + 19 * len(lines)


def spot_marks(spots: Sequence[Spot], x_axis: Axis, y_axis: Axis) -> list[Mark]:
    """Return the marks of points and upright rules with their labels, which keep apart."""
    marks: list[Mark] = []
    taken: list[Box] = []
    for spot in spots:
        x = x_axis.at(spot.x)
        if spot.y is None:
            rule = Line(x, y_axis.start, x, y_axis.stop, role=spot.role, dash=(3, 3), key=spot.key)
            marks.append(rule)
            y = y_axis.stop + 14
        else:
            y = y_axis.at(spot.y)
            title = f"{spot.label} ({spot.x!r}, {spot.y!r})".strip()
            marks.append(Circle(x, y, 4, fill=spot.role, key=spot.key, title=title))
        if spot.label:
            marks.append(_spot_label(spot, x, y, x_axis, taken))
    return marks


def _spot_label(spot: Spot, x: float, y: float, x_axis: Axis, taken: list[Box]) -> Words:
    """Return a spot's label on the side with room, below where another label is above already."""
    after = x + 8 + width_of(spot.label, SMALL, bold=True) <= x_axis.stop
    side: tuple[float, Anchor] = (x + 8, "start") if after else (x - 8, "end")
    style = {"role": spot.role, "key": spot.key}
    for base in (y - 8, y + 17, y + 32, y + 47):
        label = Words(side[0], base, spot.label, SMALL, side[1], bold=True, plate=True, **style)  # type: ignore[arg-type]
        if not any(box_of(label).meets(box) for box in taken):
            break
    taken.append(box_of(label))
    return label
