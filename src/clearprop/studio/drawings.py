"""The network while it learns: the same drawing again and again, with everything in its place.

It is the picture of `scenes.network`, of one row, with one path of the chain rule lit. What would
jump is held fast from the first drawing on: which units of wide layers are shown, which of several
free places a label took, and which path is lit.

Public names: `KeepingBoard`, `Look`, `NetworkDrawing`.
May import: `clearprop.explanation`, `clearprop.equations`, `samples`, NumPy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from clearprop.engines import Trace
from clearprop.equations import forward
from clearprop.explanation.explanation import Explanation
from clearprop.explanation.names import Names
from clearprop.explanation.path_factors import ChainPath
from clearprop.explanation.paths import Chain
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.board import Board
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.layout import Layout, Unit
from clearprop.explanation.scenes.measure import box_of
from clearprop.explanation.scenes.network import draw, folded_layout
from clearprop.explanation.scenes.plan import Plan, overview
from clearprop.explanation.scenes.planes import (
    CELLS,
    cells_for,
    heat_at,
    limit_of,
    points_of,
)
from clearprop.explanation.scenes.scene import Heat, Scene, Words
from clearprop.explanation.words import Words as Catalogue
from clearprop.network import Network

# a lit path is left for another one that is so many times as strong
STRONGER = 4.0
PATHS = 12


@dataclass(frozen=True)
class Look:
    """What a network's picture is of, apart from its numbers.

    Attributes
    ----------
    weight : Place
        The parameter whose path is lit.
    row : int
        The row of the training data.
    upright : bool
        Layers run downwards, for a narrow page.
    lang : str
    """

    weight: Place
    row: int
    upright: bool
    lang: str


@dataclass
class KeepingBoard(Board):
    """A board on which a label keeps the place that it once found."""

    chosen: dict[tuple[str, str, int], int | None] = field(default_factory=dict)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def settle(self, words: Words, places: Iterable[tuple[float, float]]) -> list[Words]:
        """Return a text at its place of before, or at the first free one; none if none is."""
        role = "sign" if words.role in ("positive", "negative") else words.role
        key = (words.key, role, self.asked[words.key, role])
        self.asked[words.key, role] += 1
        spots = list(places)
        if key not in self.chosen:
            self.chosen[key] = next(
                (
                    i
                    for i, (x, y) in enumerate(spots)
                    if self.free(box_of(replace(words, x=x, y=y)))
                ),
                None,
            )
        index = self.chosen[key]
        if index is None or index >= len(spots):
            return []
        x, y = spots[index]
        placed = replace(words, x=x, y=y)
        self.taken.append(box_of(placed))
        return [placed]


class NetworkDrawing:
    """Draws one network, and holds fast what would jump.

    Attributes
    ----------
    path : ChainPath
        The path that was lit last.
    chain : Chain
        The chain rule of the weight, as it was drawn last.
    """

    path: ChainPath
    chain: Chain

    def __init__(
        self, names: Names, look: Look, say: Catalogue, span: tuple[np.ndarray, np.ndarray] | None
    ) -> None:
        self.names, self.look, self._say = names, look, say
        self._cells = cells_for(names.network, CELLS)
        self._plane = None if span is None else points_of(*span, self._cells)
        self._layout: Layout | None = None
        self._held: tuple[int, tuple[int, ...]] | None = None
        self._chosen: dict[tuple[str, str, int], int | None] = {}

    def draw(self, trace: Trace) -> tuple[Scene, dict[str, np.ndarray]]:
        """Return the picture of a trace of one row, and the cells of its heat maps."""
        explanation = Explanation(trace, self.names)
        figures = Figures(trace, self.names, 0)
        self.chain = explanation.chain(self.look.weight, 0, paths=PATHS)
        self.path = self._lit_path()
        lit = replace(self.chain, paths=(self.path,))
        if self._layout is None:
            self._layout = folded_layout(figures, lit, upright=self.look.upright)
        plan = self._plan(figures, self._layout, lit)
        board = KeepingBoard(figures, self._layout, plan, self._say, chosen=self._chosen)
        heats, grids = self._heats(trace.network, trace.vector)
        title = self._say("pictures.network_title", network=str(trace.network))
        return draw(board, title, "", heats), grids

    def _plan(self, figures: Figures, layout: Layout, lit: Chain) -> Plan:
        return overview(figures, layout, lit, "both")

    def _lit_path(self) -> ChainPath:
        """Return the path of before, or the strongest one where that is much stronger."""
        paths = self.chain.paths
        held = next((p for p in paths if (p.end, p.units) == self._held), None)
        if held is None or abs(paths[0].product) > STRONGER * abs(held.product):
            held = paths[0]
        self._held = (held.end, held.units)
        return held

    def _heats(
        self, network: Network, vector: np.ndarray
    ) -> tuple[dict[Unit, Heat], dict[str, np.ndarray]]:
        """Return the neurons' heat maps, and their cells by the marks' keys."""
        if self._plane is None or self._layout is None:
            return {}, {}
        activations = forward(np, network, np.asarray(vector, dtype=np.float64), self._plane).a
        heats: dict[Unit, Heat] = {}
        grids: dict[str, np.ndarray] = {}
        for layer, unit in self._layout.centres:
            if layer:
                values = activations[layer - 1][:, unit]
                heat = heat_at(self._layout, (layer, unit), (), limit_of(values))
                heats[layer, unit] = heat
                grids[heat.key] = values.reshape(self._cells, self._cells)[::-1]
        return heats, grids
