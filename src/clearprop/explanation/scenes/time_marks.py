"""The marks of a network unrolled in time: units in two halves, weights, errors back.

A weight is the same at every step, and so are its edges' colour, width and key: pointing at one
lights all. Units with gates are joined by one edge for all their gates' weights, in the colour of
signals, since they have no one sign.

Public names: `Painter`, `key_of`.
May import: `board` (its texts), `halves`, `links`, `measure`, `scene`, `time_figures`,
`time_layout`, `matrices`, `numbers`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from clearprop.explanation.matrices import by_sign
from clearprop.explanation.numbers import figure
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.board import fitted, full, tied
from clearprop.explanation.scenes.halves import half
from clearprop.explanation.scenes.links import Run, between, dash_of, role_of
from clearprop.explanation.scenes.measure import shortened
from clearprop.explanation.scenes.scene import Anchor, Circle, Line, Mark, Path, Words
from clearprop.explanation.scenes.time_figures import TimeFigures
from clearprop.explanation.scenes.time_layout import Node, TimeLayout

NAME, NUMBER, LETTER = 11.5, 10.0, 9.0
WIDEST = {True: 4.5, False: 2.4}


def key_of(letter: str, node: Node) -> str:
    """Return the key of a unit's number at a step: `a1.0t2`."""
    return f"{letter}{node.layer}.{node.unit}t{node.step}"


@dataclass(frozen=True, eq=False)
class Painter:
    """Draws the parts.

    Attributes
    ----------
    figures : TimeFigures
    layout : TimeLayout
    lit : mapping of Node to float
        Units into which the focused parameter leads, with the share of the gradient that it gets
        at that step, relative to the largest.
    focus : Place
    backward : bool
        Whether errors are drawn.
    """

    figures: TimeFigures
    layout: TimeLayout
    lit: Mapping[Node, float]
    focus: Place
    backward: bool = True

    def run(self, source: Node, into: Node) -> Run:
        """Return the way of an edge, from rim to rim."""
        layout = self.layout
        ends = layout.centres[source], layout.centres[into]
        return between(*ends, layout.radius(source) + 2, layout.radius(into) + 2)

    def halo(self, source: Node, into: Node) -> list[Mark]:
        """Return the halo of an edge of the focused weight."""
        if into not in self.lit or self.focus not in self.figures.places(into, source):
            return []
        run, reach = self.run(source, into), 15.0 if self.layout.sizes.numbers else 8.0
        opacity = 0.25 + 0.75 * self.lit[into]
        return [Line(*run.start, *run.end, role="halo", width=reach, opacity=opacity)]

    def edge(self, source: Node, into: Node) -> list[Mark]:
        """Return an edge, and beside it the error that it hands back."""
        places = self.figures.places(into, source)
        weight, largest = self.figures.weight(places), self.figures.widest(into.layer)
        share = math.sqrt(abs(weight) / largest) if largest and weight == weight else 1.0
        width = max(0.8, min(1.0, share) * WIDEST[self.layout.sizes.numbers])
        gated = len(places) > 1
        run, key = self.run(source, into), self._key(places)
        forward = Line(
            *run.start,
            *run.end,
            arrow=True,
            width=width,
            role="signal" if gated else role_of(weight),
            dash=() if gated else dash_of(weight, width),
            opacity=0.6 if gated else 1.0,
            key=key,
            title=self._said(places),
        )
        return [forward, *self._back(places, source, into, run, width)]

    def _key(self, places: list[Place]) -> str:
        return (self.focus if self.focus in places else places[0]).key

    def _said(self, places: list[Place]) -> str:
        names = self.figures.names
        return "\n".join(f"{names.of(p)} = {full(self.figures.value(p))}" for p in places)

    def _back(
        self, places: list[Place], source: Node, into: Node, run: Run, width: float
    ) -> list[Mark]:
        # what is handed back to the data moves nothing
        if not self.backward or not source.layer:
            return []
        back = self.figures.handed_back(places, into)
        if not back:
            return []
        aside = width / 2 + (3.5 if self.layout.sizes.numbers else 2.2)
        start, end = run.at(0.97, aside), run.at(0.03, aside)
        title = f"w·δ = {full(back)}"
        key = key_of("d", into)
        thin = 1.4 if self.layout.sizes.numbers else 1.0
        return [Line(*start, *end, arrow=True, role="error", width=thin, key=key, title=title)]

    def unit(self, node: Node) -> list[Mark]:
        """Return a unit with its name, its numbers and its error."""
        if not node.layer:
            return self._input(node)
        (x, y), radius = self.layout.centres[node], self.layout.radius(node)
        letter, inside = self.figures.inside(node)
        a, name = self.figures.a(node), self.figures.names.unit(node.layer, node.unit)
        last = node.layer == len(self.figures.trace.network.layers)
        right = "a" if self.figures.recurrence(node.layer) is None or last else "h"
        titles = f"{name}: {letter} = {full(inside)}", f"{name}: {right} = {full(a)}"
        if self.backward and not self.layout.sizes.numbers:
            titles = (f"{titles[0]}\nδ = {full(self.figures.error(node))}", titles[1])
        outline = [half(x, y, radius, right=side) for side in (False, True)]
        keys = key_of("z", node), key_of("a", node)
        marks: list[Mark] = []
        if node in self.lit:
            glow = 0.25 + 0.75 * self.lit[node]
            marks.append(Circle(x, y, radius + 5, fill="halo", opacity=glow))
        marks += [
            Path(outline[0], fill="ground", key=keys[0], title=titles[0]),
            Path(outline[1], fill="panel", key=keys[1], title=titles[1]),
        ]
        if not self.layout.sizes.numbers:
            shade = 0.85 * min(1.0, abs(a) / self._most(node))
            marks.append(
                Path(outline[1], fill=by_sign(a), opacity=shade, key=keys[1], title=titles[1])
            )
            if a < 0:
                bar = (x + 0.25 * radius, y, x + 0.75 * radius, y)
                marks.append(Line(*bar, role="ink", width=1.4))
        marks.append(Line(x, y - radius, x, y + radius, role="ink"))
        marks.append(Circle(x, y, radius, role="ink", width=1.3))
        if self.layout.sizes.numbers:
            pairs = (
                (letter, inside, -0.5, keys[0], titles[0]),
                (right, a, 0.5, keys[1], titles[1]),
            )
            for sign, value, side, key, title in pairs:
                marks += self._number(node, (sign, value, side), key, title)
        return marks + self._names(node, name)

    def _most(self, node: Node) -> float:
        values = [abs(self.figures.a(n)) for n in self.layout.centres if n.layer == node.layer]
        return max([*(v for v in values if math.isfinite(v)), 0.0]) or 1.0

    def _number(
        self, node: Node, shown: tuple[str, float, float], key: str, title: str
    ) -> list[Mark]:
        (letter, value, side), (x, y) = shown, self.layout.centres[node]
        radius = self.layout.radius(node)
        text, size = fitted(value, radius - 3, NUMBER)
        place = x + side * (radius - 1)
        above = Words(place, y - 7, letter, LETTER, italic=True, role="muted")
        return tied(key, title, above, Words(place, y + 7, text, size, role="ink"))

    def _input(self, node: Node) -> list[Mark]:
        (x, y), radius = self.layout.centres[node], self.layout.radius(node)
        value, name = self.figures.a(node), self.figures.names.unit(0, node.unit)
        title, key = f"{name} = {full(value)}", key_of("a", node)
        marks: list[Mark] = [
            Circle(x, y, radius, role="ink", fill="panel", width=1.3, key=key, title=title)
        ]
        if self.layout.sizes.numbers:
            text, size = fitted(value, 2 * radius - 6, NUMBER)
            marks.append(Words(x, y + 3.5, text, size, role="ink", key=key, title=title))
        if self._first(node):
            marks.append(self._name_at_left(x, y, radius, name))
        return marks

    def _first(self, node: Node) -> bool:
        return node.step == min(n.step for n in self.layout.centres if n.layer == node.layer)

    def _name_at_left(self, x: float, y: float, radius: float, name: str) -> Words:
        if self.layout.upright:
            return Words(x, y - radius - 6, shortened(name, NAME, 60, bold=True), NAME, bold=True)
        text = shortened(name, NAME, x - radius - 10, bold=True)
        return Words(x - radius - 6, y + 4, text, NAME, "end", bold=True, title=name)

    def _names(self, node: Node, name: str) -> list[Mark]:
        """Return a unit's name above it, and its error below it."""
        (x, y), radius = self.layout.centres[node], self.layout.radius(node)
        if not self.layout.sizes.numbers:
            if not self._first(node):
                return []
            size = LETTER
            text = shortened(name, size, x - radius - 6)
            if self.layout.upright:
                return [Words(x, y - radius - 4, name, size, plate=True, role="muted", title=name)]
            return [
                Words(
                    x - radius - 4, y + 3, text, size, "end", plate=True, role="muted", title=name
                )
            ]
        left: Anchor = "end"
        side: Anchor
        label = Words(
            x - 0.72 * radius, y - 0.8 * radius - 1, name, NAME, left, bold=True, plate=True
        )
        marks: list[Mark] = [label]
        error = self.figures.error(node)
        if self.backward and error:
            said = f"{'e' if self.figures.gated(node.layer) else 'δ'} {figure(error, 3)}"
            title = f"{said[0]}({name}) = {full(error)}"
            place, side = (x + 0.62 * radius, y + 0.9 * radius + 9), "start"
            # what ends at the edge of a narrow picture leans the other way
            if self.layout.upright and node.layer == len(self.figures.trace.network.layers):
                place, side = (x + radius, y + radius + 12), "end"
            told = Words(*place, said, NUMBER, side, bold=True, plate=True, role="error")
            marks += tied(key_of("d", node), title, told)
        return marks
