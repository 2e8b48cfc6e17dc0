"""What the parts of a network's picture are drawn on: numbers, places, and the room still free.

Public names: `Board`, `fitted`, `full`, `tied`.
May import: `figures`, `layout`, `measure`, `plan`, `scene`, `numbers`, `words`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.layout import Layout
from clearprop.explanation.scenes.measure import Box, box_of, width_of
from clearprop.explanation.scenes.plan import Plan
from clearprop.explanation.scenes.scene import Mark, Words
from clearprop.explanation.words import Words as Catalogue


@dataclass
class Board:
    """A picture being drawn.

    Attributes
    ----------
    figures : Figures
    layout : Layout
    plan : Plan
    say : Words
        The catalogue.
    taken : list of Box
        Where something stands that no label may cover.
    """

    figures: Figures
    layout: Layout
    plan: Plan
    say: Catalogue
    taken: list[Box] = field(default_factory=list)

    def name(self, layer: int, unit: int) -> str:
        """Return the name of a unit."""
        return self.figures.names.unit(layer, unit)

    def free(self, box: Box) -> bool:
        """Whether nothing stands in a rectangle."""
        return not any(box.meets(other) for other in self.taken)

    def settle(self, words: Words, places: Iterable[tuple[float, float]]) -> list[Words]:
        """Return a text at the first of some places that is free, and take it; none if none is."""
        for x, y in places:
            placed = replace(words, x=x, y=y)
            if self.free(box_of(placed)):
                self.taken.append(box_of(placed))
                return [placed]
        return []

    def put(self, words: Words) -> Words:
        """Take the room of a text that stands where it stands."""
        self.taken.append(box_of(words))
        return words


def fitted(value: float, room: float, size: float) -> tuple[str, float]:
    """Return a number and its size for a narrow room: smaller first, then with fewer digits."""
    for digits in (4, 3, 2):
        text = figure(value, digits)
        for smaller in (size, size - 0.75, size - 1.5):
            if width_of(text, smaller) <= room:
                return text, smaller
    return text, size - 1.5


def full(value: float) -> str:
    """Return a number with all its digits, for pointing and copying."""
    return repr(float(value)).replace("-", "−")


def tied(key: str, title: str, *marks: Mark) -> list[Mark]:
    """Return marks with a key and with what pointing at them says."""
    return [replace(mark, key=key, title=title) for mark in marks]
