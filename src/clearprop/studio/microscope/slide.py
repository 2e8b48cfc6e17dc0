"""A slide: one training row at one state of a run, and everything that can be seen of it.

Public names: `CARRIERS`, `READINGS`, `Slide`, `Stain`.
May import: `trainer`, `drawings`, `clearprop.explanation`, `clearprop.engines`, NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.carrying import ORDER, Carried, CarrierComparison
from clearprop.explanation.chapters.moment import moment_blocks
from clearprop.explanation.chapters.shared import shared_blocks
from clearprop.explanation.explanation import Explanation, Focus
from clearprop.explanation.names import Names
from clearprop.explanation.pages import Block, Paragraph
from clearprop.explanation.places import Place
from clearprop.explanation.render.html import blocks_html, sections_of
from clearprop.explanation.scenes.board import Board
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.layout import Layout
from clearprop.explanation.scenes.moments import Moment, Zoom, moments_of, ways_of
from clearprop.explanation.scenes.network import draw, folded_layout
from clearprop.explanation.scenes.neuron import neuron_scene
from clearprop.explanation.scenes.plan import Edge, edges_of, overview
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import words
from clearprop.studio.drawings import KeepingBoard
from clearprop.studio.microscope.differences import difference

CARRIERS = ORDER
# what can be read beside the picture: the moment's formulas, or a chapter on the weight
READINGS = ("moment", "chain", "deltas", "update", "carriers")
PATHS = 20  # that are written out


@dataclass(frozen=True)
class Stain:
    """How a slide is looked at.

    Attributes
    ----------
    weight : Place
        The parameter whose derivation is read.
    lang : str
    upright : bool
        Layers run downwards, for a narrow page.
    """

    weight: Place
    lang: str
    upright: bool


class Slide:
    """What can be seen of a row at a state.

    Parameters
    ----------
    own, shown : Trace
        Of the step that the run would take, and of the one that carries errors back in the way
        that is shown.
    names : Names
    stain : Stain
    feedback_seed : int
        What random feedback is drawn with.
    """

    def __init__(
        self, own: Trace, shown: Trace, names: Names, stain: Stain, feedback_seed: int
    ) -> None:
        self.stain, self._say = stain, words(stain.lang)
        self._own = Explanation(own, names, feedback_seed=feedback_seed)
        self._shown = Explanation(shown, names, feedback_seed=feedback_seed)
        self._moments: dict[Zoom, tuple[Moment, ...]] = {}
        self._chosen: dict[tuple[str, str, int], int | None] = {}
        self._readings: dict[str, str] = {}

    @property
    def carrier(self) -> str:
        """How errors are carried back in what is shown."""
        return self._shown.trace.recipe.carrier

    @property
    def found(self) -> CarrierComparison:
        """All ways to carry errors back, on this row."""
        return self._shown.carriers

    @cached_property
    def focus(self) -> Focus:
        """The weight and the row."""
        return Focus(self.stain.weight, 0, PATHS)

    @cached_property
    def _figures(self) -> Figures:
        trace, names = self._shown.trace, self._shown.names
        if self.carrier == "exact":
            return Figures(trace, names, 0)
        carried = self.found.carriers[self.carrier]
        return Figures(trace, names, 0, _errors(carried, trace), carried.matrices, carried.late)

    @cached_property
    def _layout(self) -> Layout:
        chain = self._shown.chain(self.stain.weight, 0, paths=PATHS)
        return folded_layout(self._figures, chain, upright=self.stain.upright)

    # the pass

    def moments(self, zoom: Zoom) -> tuple[Moment, ...]:
        """Return the moments of the pass."""
        if zoom not in self._moments:
            found = moments_of(self._figures, self._layout, self._say, zoom)
            self._moments[zoom] = found
        return self._moments[zoom]

    def picture(self, moment: Moment) -> Scene:
        """Return the network at a moment."""
        return draw(self._board(moment), moment.said, "", legend=False)

    def ways(self, moment: Moment) -> list[list[float]]:
        """Return the ways on which something travels at a moment: x and y of both ends."""
        ways = ways_of(self._board(moment), moment)
        return [[*way.start, *way.end] for way in ways]

    def _board(self, moment: Moment) -> Board:
        return KeepingBoard(
            self._figures, self._layout, moment.plan, self._say, chosen=self._chosen
        )

    def neuron(self, moment: Moment) -> Scene | None:
        """Return the one neuron that a signal comes to, large; None where it is another thing."""
        if moment.phase != "forward" or len(moment.units) > 1:
            return None
        return neuron_scene(
            self._shown, moment.layer, moment.units[0], lang=self.stain.lang, errors=False
        )

    def formulas(self, moment: Moment) -> str:
        """Return a moment's formulas as HTML."""
        with np.errstate(all="ignore"):
            blocks = moment_blocks(self._shown, self.focus, moment, self._say)
        return blocks_html(blocks, self.stain.lang)

    # the derivation

    @cached_property
    def paths(self) -> Scene:
        """The whole step, with every path of the weight lit, the strongest brightest."""
        chain = self._shown.chain(self.stain.weight, 0, paths=PATHS)
        plan = overview(self._figures, self._layout, chain, "both")
        every = dict.fromkeys(self._edges_behind(), 0.0) | dict(plan.lit_edges)
        units = {(layer, unit): 0.0 for layer, unit, _ in every} | dict(plan.lit_units)
        outputs = {unit: 0.0 for layer, unit in units if layer == self._figures.last}
        plan = replace(
            plan, lit_edges=every, lit_units=units, lit_outputs=outputs | dict(plan.lit_outputs)
        )
        say, name = self._say, self._shown.names.of(self.stain.weight)
        title = say("studio_microscope.paths", n=chain.count_of_paths, weight=name)
        board = Board(self._figures, self._layout, plan, say)
        return draw(board, title, "", legend=False)

    def _edges_behind(self) -> list[Edge]:
        """Return the edges over which paths of the weight can run, of those that are shown."""
        place = self.stain.weight
        return [
            edge
            for edge in edges_of(self._figures, self._layout)
            if edge[0] > place.layer + 1
            or (edge[0] == place.layer + 1 and edge[2] == place.unit)
            or edge == (place.layer, place.unit, place.source)
        ]

    def reading(self, name: str) -> str:
        """Return a chapter on the weight as HTML; of the step that the run would take."""
        if name not in self._readings:
            self._readings[name] = self._read(name)
        return self._readings[name]

    def _read(self, name: str) -> str:
        page = self._own.page(
            (name,), weight=self.stain.weight, sample=0, lang=self.stain.lang, paths=PATHS
        )
        more = ""
        if name == "chain" and self._own.trace.recipe.carrier == "exact":
            blocks = shared_blocks(self._own, self.focus, self._say)
            more = blocks_html(blocks, self.stain.lang)
        return sections_of(page) + more

    @cached_property
    def difference(self) -> str:
        """How the way that is shown differs from the gradient, as HTML."""
        if self.carrier == "exact":
            blocks: Iterable[Block] = [Paragraph(self._say.text("studio_microscope.exact"))]
        else:
            blocks = difference(self.found, self.carrier, self._shown.names, self._say)
        return blocks_html(blocks, self.stain.lang)


def _errors(carried: Carried, trace: Trace) -> Sequence[np.ndarray]:
    """Return what is carried to each layer, (units,); NaN where no error comes."""
    units = [layer.units for layer in trace.network.operations]
    return [
        np.full(count, np.nan) if error is None else error[0]
        for error, count in zip(carried.errors, units, strict=True)
    ]
