"""One neuron, large: what comes in, product by product, its two halves, and what it hands on.

Public names: `neuron_scene`.
May import: `board`, `figures`, `halves`, `links`, `measure`, `scene`, `matrices`, `places`,
`numbers`, `words`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clearprop.errors import SettingError
from clearprop.explanation.matrices import by_sign, fold
from clearprop.explanation.numbers import figure
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.board import fitted, full, tied
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.halves import half
from clearprop.explanation.scenes.links import Run, between, dash_of, role_of
from clearprop.explanation.scenes.measure import shortened
from clearprop.explanation.scenes.scene import Circle, Line, Mark, Path, Rect, Scene, Words
from clearprop.explanation.words import Words as Catalogue
from clearprop.explanation.words import words as catalogue

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation

WIDTH = 510.0
LEFT = 92.0  # the middle of the inputs
RADIUS = 72.0
INPUT = 26.0
PITCH = 66.0
GATHERED = 0.3  # how far apart edges arrive, over how far apart they start
WIDEST = 8.0
ROOM, FOLDED = 6, 5


def neuron_scene(
    explanation: Explanation,
    layer: int,
    unit: int,
    *,
    sample: int = 0,
    words: Catalogue | None = None,
    lang: str = "en",
    errors: bool = True,
) -> Scene:
    """Return one neuron in its two halves, with every product that enters it.

    Parameters
    ----------
    explanation : Explanation
    layer : int
        1 for the first.
    unit : int
        Counted from 0.
    sample : int
        The row of the trace, counted from 0.
    words : Words, optional
        The catalogue; that of `lang` where absent.
    lang : {"en", "zh"}
    errors : bool
        With its δ, which is not known before the backward pass.
    """
    figures = Figures(explanation.trace, explanation.names, sample)
    say = words or catalogue(lang)
    _check(figures, layer)
    products = [figures.product(layer, unit, k) for k in range(len(figures.signals[layer - 1]))]
    chosen = fold(np.array(products), room=ROOM, folded=FOLDED)
    rows = len(chosen.shown) + (1 if chosen.hidden else 0)
    height = max(rows * PITCH + 20, 2 * RADIUS + 90)
    one = _Neuron(figures, layer, unit, (WIDTH - RADIUS - 74, height / 2), say)
    first = height / 2 - (rows - 1) * PITCH / 2
    marks = [
        mark
        for row, source in enumerate(chosen.shown)
        for mark in one.input(source, first + row * PITCH)
    ]
    if chosen.hidden:
        rest = float(np.sum(products) - np.sum([products[k] for k in chosen.shown]))
        marks += one.rest(chosen.hidden, rest, height / 2 + (rows - 1) * PITCH / 2)
    name = explanation.names.unit(layer, unit)
    title = say("pictures.neuron_title", name=name)
    values = {"z": figures.z(layer, unit), "a": figures.a(layer, unit)}
    description = say("pictures.neuron_description", name=name, n=len(products), **values)
    return Scene(
        WIDTH, height, (*marks, *one.circle(), *one.around(errors=errors)), title, description
    )


def _check(figures: Figures, layer: int) -> None:
    if figures.prepares(layer):
        raise SettingError(
            f"Layer {layer} prepares inputs and has no neurons. Ask for one of a dense layer."
        )


@dataclass(frozen=True)
class _Neuron:
    """Where the neuron stands, and its numbers."""

    figures: Figures
    layer: int
    unit: int
    centre: tuple[float, float]
    say: Catalogue

    def input(self, source: int, y: float) -> list[Mark]:
        """Return an input, its edge, its weight and, at the rim, the product."""
        before = self.layer - 1
        value = float(self.figures.signals[before][source])
        name, key = self.figures.names.unit(before, source), f"a{before}.{source}"
        text, size = fitted(value, 2 * INPUT - 8, 11.5)
        own = shortened(name, 12.0, 58.0, bold=True)
        marks: list[Mark] = [
            Circle(LEFT, y, INPUT, role="ink", fill="panel", width=1.4),
            Words(LEFT, y + 4, text, size),
            Words(LEFT - INPUT - 8, y + 4, own, 12.0, "end", bold=True),
        ]
        return self._edge(source, y) + tied(key, f"{name} = {full(value)}", *marks)

    def _edge(self, source: int, y: float) -> list[Mark]:
        figures, place = self.figures, Place(self.layer, self.unit, source)
        weight = figures.weight(self.layer, self.unit, source)
        product = figures.product(self.layer, self.unit, source)
        width = figures.width(self.layer, weight, WIDEST)
        run = self._run(y)
        style = {"role": role_of(weight), "dash": dash_of(weight, width)}
        edge = Line(*run.start, *run.end, arrow=True, width=width, **style)  # type: ignore[arg-type]
        (near_x, near_y), (far_x, far_y) = run.at(0.36), run.at(0.77)
        alias = figures.names.of(place)
        text = f"{'w' if alias == figures.names.path_of(place) else alias} = {figure(weight)}"
        label = Words(near_x, near_y + 4, text, 11.0, plate=True, role=by_sign(weight))
        added = Words(far_x, far_y + 4, figure(product), 11.0, plate=True, bold=True, role="signal")
        title = f"{alias} = {full(weight)}"
        return [
            *tied(place.key, title, edge, label),
            *tied(place.key, f"w·a = {full(product)}", added),
        ]

    def rest(self, count: int, total: float, y: float) -> list[Mark]:
        """Return what the inputs that are not shown add together."""
        run = self._run(y)
        x, base = run.at(0.77)
        text = self.say("pictures.more_units", n=count)
        title = f"Σ w·a = {full(total)}"
        return [
            Line(*run.start, *run.end, arrow=True, role="muted", dash=(1.5, 4), width=1.5),
            Words(LEFT + INPUT, y + 4, text, 12.0, "end", role="muted"),
            Words(x, base + 4, figure(total), 11.0, plate=True, role="muted", title=title),
        ]

    def _run(self, y: float) -> Run:
        """Return the way of an edge, which arrives at the left rim."""
        x, middle = self.centre
        up = max(-0.7 * RADIUS, min(0.7 * RADIUS, GATHERED * (y - middle)))
        rim = (x - math.sqrt(RADIUS**2 - up**2), middle + up)
        return between((LEFT, y), rim, INPUT + 3, 5)

    def circle(self) -> list[Mark]:
        """Return the two halves with z and a."""
        (x, y), figures = self.centre, self.figures
        name, place = figures.names.unit(self.layer, self.unit), f"{self.layer}.{self.unit}"
        z, a = figures.z(self.layer, self.unit), figures.a(self.layer, self.unit)
        f = str(figures.trace.network.layers[self.layer - 1].function)
        left, right = x - 0.5 * RADIUS + 2, x + 0.5 * RADIUS - 2
        return [
            *tied(
                f"z{place}",
                f"{name}: z = {full(z)}",
                Path(half(x, y, RADIUS, right=False), fill="ground"),
                Words(left, y - 24, "z", 15.0, italic=True),
                Words(left, y + 4, *fitted(z, RADIUS - 10, 15.0), bold=True),
                Words(left, y + 24, "Σ w·a + b", 11.0, role="muted"),
            ),
            *tied(
                f"a{place}",
                f"{name}: a = f(z) = {full(a)}",
                Path(half(x, y, RADIUS, right=True), fill="panel"),
                Words(right, y - 24, "a", 15.0, italic=True),
                Words(right, y + 4, *fitted(a, RADIUS - 10, 15.0), bold=True),
                Words(right, y + 24, "f(z)", 11.0, role="muted"),
                Words(right, y + 39, shortened(f, 10.5, 54.0), 10.5, role="muted"),
            ),
            Line(x, y - RADIUS, x, y + RADIUS, role="ink"),
            Circle(x, y, RADIUS, role="ink", width=1.6),
        ]

    def around(self, *, errors: bool) -> list[Mark]:
        """Return name, bias, δ if it is wanted, and the signal handed on."""
        (x, y), figures = self.centre, self.figures
        name, place = figures.names.unit(self.layer, self.unit), f"{self.layer}.{self.unit}"
        error = figures.error(self.layer, self.unit)
        handed = float(figures.signals[self.layer][self.unit])
        start, end = x + RADIUS + 4, x + RADIUS + 64
        above = Words((start + end) / 2, y - 9, figure(handed), 12.0, bold=True, role="signal")
        below = Words(x, y + RADIUS + 24, f"δ {figure(error)}", 13.0, bold=True, role="error")
        return [
            Words(x, y - RADIUS - 12, name, 14.0, bold=True),
            *self._bias(),
            *tied(
                f"a{place}",
                f"{name}: a = {full(handed)}",
                Line(start, y, end, y, role="signal", width=2.0, arrow=True),
                above,
            ),
            *(tied(f"d{place}", f"δ({name}) = {full(error)}", below) if errors else ()),
        ]

    def _bias(self) -> list[Mark]:
        if not self.figures.has_bias((self.layer, self.unit)):
            return []
        place, side = Place(self.layer, self.unit, None), 14.0
        value, rim = self.figures.parameter(place), 0.71 * RADIUS + side + 2
        left, top = self.centre[0] - rim, self.centre[1] - rim
        role, dash = by_sign(value), (3.0, 2.0) if value < 0 else ()
        return tied(
            place.key,
            f"{self.figures.names.path_of(place)} = {full(value)}",
            Rect(left, top, side, side, 2, role=role, fill="panel", width=2.0, dash=dash),
            Words(left - 5, top + 12, f"b = {figure(value)}", 11.0, "end", plate=True, role=role),
        )
