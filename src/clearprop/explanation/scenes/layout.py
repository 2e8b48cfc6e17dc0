"""Where the units of a network stand: layer by layer, wide layers folded.

Layers run from left to right, or downwards in an upright picture, which fits a phone. There are
two sizes: in `FULL` every unit has room for its numbers; in `COMPACT`, for wide or deep networks,
numbers are told on pointing.

Public names: `COMPACT`, `FULL`, `Gap`, `Layout`, `Sizes`, `Unit`, `layout_of`.
May import: `matrices` (its folds).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearprop.explanation.matrices import Fold

# a unit by its layer, 0 for the input, and its index, counted from 0
Unit = tuple[int, int]
Point = tuple[float, float]


@dataclass(frozen=True)
class Sizes:
    """The measures of a picture, in pixels.

    Attributes
    ----------
    radius, input_radius : float
        Of a neuron and of an input.
    pitch : float
        From one unit of a layer to the next.
    step : float
        From one layer to the next.
    gap : float
        What the units that are folded away between two others take up.
    numbers : bool
        Whether units show their numbers.
    """

    radius: float
    input_radius: float
    pitch: float
    step: float
    gap: float
    numbers: bool


FULL = Sizes(radius=43, input_radius=28, pitch=134, step=202, gap=30, numbers=True)
FULL_UPRIGHT = Sizes(radius=41, input_radius=28, pitch=110, step=196, gap=6, numbers=True)
COMPACT = Sizes(radius=12, input_radius=8, pitch=42, step=68, gap=24, numbers=False)


@dataclass(frozen=True)
class Gap:
    """Units of a layer that are folded away, and where they would stand."""

    layer: int
    count: int
    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """The places of everything.

    Attributes
    ----------
    sizes : Sizes
    upright : bool
        Whether layers run downwards.
    centres : dict of Unit to (x, y)
    gaps : tuple of Gap
    loss : (x, y)
    left, top, right, bottom : float
        The edges of all units and the loss, with their names.
    """

    sizes: Sizes
    upright: bool
    centres: dict[Unit, Point]
    gaps: tuple[Gap, ...]
    loss: Point
    left: float
    top: float
    right: float
    bottom: float

    def radius(self, layer: int) -> float:
        """Return the radius of a layer's units."""
        return self.sizes.radius if layer else self.sizes.input_radius

    def units(self, layer: int) -> list[int]:
        """Return the units of a layer that are shown."""
        return [unit for number, unit in self.centres if number == layer]

    def shows(self, unit: Unit) -> bool:
        """Whether a unit is shown."""
        return unit in self.centres


def layout_of(folds: Sequence[Fold], *, upright: bool, margin: float, head: float) -> Layout:
    """Place the units of a network.

    Parameters
    ----------
    folds : sequence of Fold
        One a layer, the input first.
    upright : bool
    margin : float
        Room left of the first units, for their names.
    head : float
        Room above everything.
    """
    sizes = _sizes_for(folds, upright)
    if not upright and sizes.numbers and len(folds) > 3:
        # long names take their room from the steps, so that the picture still fits a page
        sizes = replace(sizes, step=sizes.step - max(0.0, margin - 60) / (len(folds) - 1))
    breadth = max(_extent(fold, sizes) for fold in folds)
    along = (head + sizes.input_radius + 22) if upright else (margin + sizes.input_radius)
    across = (margin if upright else head) + breadth / 2
    centres: dict[Unit, Point] = {}
    gaps: list[Gap] = []
    for layer, fold in enumerate(folds):
        depth = along + layer * sizes.step
        for unit, missing, offset in _placed(fold, sizes):
            place = (across + offset, depth) if upright else (depth, across + offset)
            if unit is None:
                gaps.append(Gap(layer, missing, *place))
            else:
                centres[layer, unit] = place
    end = along + (len(folds) - 1) * sizes.step
    end += sizes.radius + (110 if sizes.numbers else 60)
    loss = (across, end) if upright else (end, across)
    half = (38.0, 30.0)
    right = margin + breadth + 33 if upright else end + half[0]
    bottom = end + half[1] if upright else head + max(breadth, 2 * half[1])
    return Layout(sizes, upright, centres, tuple(gaps), loss, margin, head, right, bottom)


def _sizes_for(folds: Sequence[Fold], upright: bool) -> Sizes:
    widest = max(len(fold.shown) for fold in folds)
    if len(folds) <= 5 and widest <= (3 if upright else 6):
        # few units have more room between them, for the numbers on crossing edges
        return replace(FULL_UPRIGHT, pitch=max(110, 300 / max(2, widest))) if upright else FULL
    return COMPACT


def _extent(fold: Fold, sizes: Sizes) -> float:
    return sum(sizes.gap if place is None else sizes.pitch for place in fold.places)


def _placed(fold: Fold, sizes: Sizes) -> list[tuple[int | None, int, float]]:
    """Return (unit, 0, offset) of what is shown, (None, count, offset) of what is folded away."""
    placed: list[tuple[int | None, int, float]] = []
    cursor = -_extent(fold, sizes) / 2
    after = 0
    for index, place in enumerate(fold.places):
        extent = sizes.gap if place is None else sizes.pitch
        following = [unit for unit in fold.places[index:] if unit is not None]
        missing = (following[0] if following else fold.count) - after if place is None else 0
        placed.append((place, missing, cursor + extent / 2))
        cursor += extent
        after = after if place is None else place + 1
    return placed
