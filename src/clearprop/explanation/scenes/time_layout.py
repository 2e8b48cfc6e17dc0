"""Where the units of a network stand when it is unrolled in time.

Steps stand side by side, each a column with the inputs below and the output layer on top; on a
phone a row each, inputs at the left. A layer's units lean over one another, so that the edges that
come from below, or from the step before, pass beside them. A way of a layer that goes both ways is
a band of its own. Long sequences are folded, as wide layers are.

Public names: `Band`, `Node`, `TimeLayout`, `TimeSizes`, `time_layout`.
May import: `matrices` (its folds), `clearprop.network`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clearprop.explanation.matrices import Fold

Point = tuple[float, float]


@dataclass(frozen=True)
class Node:
    """A unit at a step: `layer` 0 is the input, `unit` counts over all ways, from 0."""

    layer: int
    unit: int
    step: int


@dataclass(frozen=True)
class Band:
    """Units that stand over one another: a layer, or one way of it.

    Attributes
    ----------
    layer : int
    units : Fold
        Which of its units are shown; `first` is added to their numbers.
    first : int
        The number of its first unit in the layer.
    steps : tuple of int
        The shown steps at which it is: all, or the last alone behind the readout.
    reverse : bool
        Whether it goes back through time.
    recurrent : bool
    """

    layer: int
    units: Fold
    first: int
    steps: tuple[int, ...]
    reverse: bool = False
    recurrent: bool = False


@dataclass(frozen=True)
class TimeSizes:
    """The measures of a picture, in pixels.

    Attributes
    ----------
    radius, input_radius : float
    column : float
        From one step to the next.
    pitch, lean : float
        From one unit of a band to the next, across time and along it.
    band : float
        From the last unit of a band to the first of the next.
    aside : float
        How far the next layer is moved along time.
    numbers : bool
        Whether units show their numbers.
    """

    radius: float
    input_radius: float
    column: float
    pitch: float
    lean: float
    band: float
    aside: float
    numbers: bool


WIDE = TimeSizes(28, 20, 172, 86, 28, 116, 46, numbers=True)
UPRIGHT = TimeSizes(25, 17, 150, 70, 24, 84, 30, numbers=True)
SMALL = TimeSizes(11, 8, 92, 34, 12, 58, 22, numbers=False)
SMALL_UPRIGHT = TimeSizes(9.5, 7, 84, 25, 10, 42, 16, numbers=False)
# units of a band, and steps, that have room for their numbers
ROOMY, ROOMY_STEPS = 2, 5


@dataclass(frozen=True)
class TimeLayout:
    """The places of everything; a picture `upright` has time running downwards.

    Attributes
    ----------
    sizes : TimeSizes
    upright : bool
    steps : Fold
    bands : tuple of Band
        The inputs first.
    centres : dict of Node to (x, y)
    marks : dict of int to (x, y)
        Where each shown step is named.
    gaps : tuple of ((x, y), int)
        Where steps are folded away, and how many.
    folded : tuple of ((x, y), int)
        Where units are folded away, and how many.
    width, height : float
    """

    sizes: TimeSizes
    upright: bool
    steps: Fold
    bands: tuple[Band, ...]
    centres: dict[Node, Point]
    marks: dict[int, Point]
    gaps: tuple[tuple[Point, int], ...]
    folded: tuple[tuple[Point, int], ...]
    width: float
    height: float

    def radius(self, node: Node) -> float:
        """Return the radius of a unit."""
        return self.sizes.radius if node.layer else self.sizes.input_radius


def time_layout(
    steps: Fold, bands: Sequence[Band], *, upright: bool, margin: float, head: float
) -> TimeLayout:
    """Place the units of a network unrolled in time.

    Parameters
    ----------
    steps : Fold
        Which steps are shown.
    bands : sequence of Band
        From the inputs to the output layer.
    margin : float
        Room at the left, for names.
    head : float
        Room above everything.
    """
    sizes = _sizes(steps, bands, upright)
    # along: along time; across: from the inputs to the output
    along: dict[Node, float] = {}
    across: dict[Node, float] = {}
    folded: list[tuple[float, float, int]] = []
    columns, gaps = _columns(steps, sizes)
    height, shift = 0.0, 0.0
    for index, band in enumerate(bands):
        if index:
            height += sizes.band
            previous = bands[index - 1]
            other_way = band.layer == previous.layer
            shift += -1.4 * sizes.aside if other_way else sizes.aside * (band.layer > 1)
        rise = 0.0
        own = shift - (0.42 * sizes.column if not band.layer else 0.0)
        for k, unit in enumerate(band.units.places):
            for step in band.steps:
                here = columns[step] + own - k * sizes.lean
                if unit is None:
                    missing = _missing(band.units, k)
                    folded.append((here, height + rise, missing))
                    continue
                node = Node(band.layer, band.first + unit, step)
                along[node], across[node] = here, height + rise
            if k + 1 < len(band.units.places):
                rise += sizes.pitch if band.layer else 0.62 * sizes.pitch
        height += rise
    lowest = min(along.values()) - sizes.radius
    span = max(along.values()) + sizes.radius - lowest
    deep = height + sizes.radius + sizes.input_radius
    foot = 26.0

    def place(a: float, b: float) -> Point:
        if upright:
            return margin + foot + sizes.input_radius + b, head + (a - lowest)
        return margin + (a - lowest), head + deep - sizes.input_radius - b

    floor = -(sizes.input_radius + 18)
    ends = 14.0 if upright else 40.0
    width = margin + foot + deep + ends if upright else margin + span + ends
    bottom = head + span + 26 if upright else head + deep + foot
    return TimeLayout(
        sizes,
        upright,
        steps,
        tuple(bands),
        {node: place(along[node], across[node]) for node in along},
        {step: place(x - 0.42 * sizes.column, floor) for step, x in columns.items()},
        tuple((place(x - 0.42 * sizes.column, floor), count) for x, count in gaps),
        tuple((place(a, b), count) for a, b, count in folded),
        width,
        bottom,
    )


def _sizes(steps: Fold, bands: Sequence[Band], upright: bool) -> TimeSizes:
    widest = max(len(band.units.places) for band in bands)
    deep = sum(len(band.units.places) for band in bands)
    roomy = widest <= ROOMY and len(steps.shown) <= ROOMY_STEPS and deep <= (4 if upright else 7)
    if roomy:
        return UPRIGHT if upright else WIDE
    return SMALL_UPRIGHT if upright else SMALL


def _columns(steps: Fold, sizes: TimeSizes) -> tuple[dict[int, float], list[tuple[float, int]]]:
    """Return where each shown step stands along time, and the gaps with how many are left out."""
    columns: dict[int, float] = {}
    gaps: list[tuple[float, int]] = []
    place, after = 0.0, 0
    for step in steps.shown:
        if step > after:
            gaps.append((place - 0.15 * sizes.column, step - after))
            place += 0.7 * sizes.column
        columns[step] = place
        place += sizes.column
        after = step + 1
    return columns, gaps


def _missing(units: Fold, place: int) -> int:
    before = [unit for unit in units.places[:place] if unit is not None]
    behind = [unit for unit in units.places[place:] if unit is not None]
    start = before[-1] + 1 if before else 0
    return (behind[0] if behind else units.count) - start
