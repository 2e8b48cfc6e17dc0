"""The marks of a weight: an edge with the signal forward, the error backward, and the update.

The colour of an edge is its weight's sign, its width √|w| within the layer, and negative edges are
dashed. The error runs back on a second line beside it. The update is a short tick that widens or
narrows from the old width to the new.

Public names: `Run`, `between`, `dash_of`, `edge_labels`, `edge_marks`, `halo_marks`, `role_of`,
`run_of`.
May import: `board`, `halves`, `layout`, `measure`, `plan`, `scene`, `matrices`, `names`,
`numbers`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from clearprop.explanation.matrices import by_sign
from clearprop.explanation.names import ARROW
from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.board import Board, full
from clearprop.explanation.scenes.halves import HALO, brightness
from clearprop.explanation.scenes.layout import Point
from clearprop.explanation.scenes.measure import box_of
from clearprop.explanation.scenes.plan import Edge
from clearprop.explanation.scenes.scene import Line, Mark, Path, Words

LABEL = 10.0
# the widest edge of a layer
WIDEST = {True: 5.0, False: 2.6}
# where the update's tick begins, as a share of the way, and how long it is
TICK, TICK_LENGTH = 0.06, 7.0
# shares of the way at which labels are tried: behind the tick by so much, and near the target
BEHIND_TICK, NEAR_TARGET = (0.0, 0.06, 0.12, 0.2, 0.28, -0.05), (0.74, 0.68, 0.8, 0.62)
DOTS = (1.5, 3.0)
ASIDE = 4.0  # from the rim of an edge to the line of the error beside it


@dataclass(frozen=True)
class Run:
    """A straight way from one point to another."""

    start: Point
    end: Point

    @property
    def along(self) -> Point:
        """The unit vector along it."""
        length = math.dist(self.start, self.end) or 1.0
        return (self.end[0] - self.start[0]) / length, (self.end[1] - self.start[1]) / length

    @property
    def length(self) -> float:
        """Its length."""
        return math.dist(self.start, self.end)

    def at(self, share: float, aside: float = 0.0) -> Point:
        """Return the point at a share of the way, moved `aside` to its right."""
        (x1, y1), (x2, y2), (ux, uy) = self.start, self.end, self.along
        return x1 + share * (x2 - x1) - aside * uy, y1 + share * (y2 - y1) + aside * ux


def between(start: Point, end: Point, leave: float, arrive: float) -> Run:
    """Return the way between two circles' rims."""
    way = Run(start, end)
    (ux, uy) = way.along
    return Run(
        (start[0] + leave * ux, start[1] + leave * uy), (end[0] - arrive * ux, end[1] - arrive * uy)
    )


def run_of(board: Board, edge: Edge) -> Run:
    """Return the way of an edge."""
    layer, unit, source = edge
    layout = board.layout
    ends = layout.centres[layer - 1, source], layout.centres[layer, unit]
    return between(*ends, layout.radius(layer - 1) + 2, layout.radius(layer) + 2)


def _width(board: Board, edge: Edge) -> float:
    widest = WIDEST[board.layout.sizes.numbers]
    return board.figures.width(edge[0], board.figures.weight(*edge), widest)


def halo_marks(board: Board, edge: Edge) -> list[Mark]:
    """Return the halo of an edge on a lit path."""
    share = board.plan.lit_edges.get(edge)
    if share is None:
        return []
    run = run_of(board, edge)
    reach = _width(board, edge) + 2 * (HALO if board.layout.sizes.numbers else 3.0)
    return [Line(*run.start, *run.end, role="halo", width=reach, opacity=brightness(share))]


def edge_marks(board: Board, edge: Edge) -> list[Mark]:
    """Return an edge, with the error's line and the update's tick where the plan has them."""
    plan = board.plan
    marks = [_forward(board, edge)]
    if edge in plan.errors_on:
        marks.append(_backward(board, edge))
    if edge in plan.updates_on:
        marks += _tick(board, edge)
    return marks


def _forward(board: Board, edge: Edge) -> Mark:
    layer, _, source = edge
    weight = board.figures.weight(*edge)
    width = _width(board, edge) if weight else 1.0
    place = board.figures.place(*edge)
    title = f"{_called(board, edge)} = {full(weight)}"
    if (layer - 1, source) in board.plan.signals and place is not None:
        letter = "g·x" if place.array else "w·a"
        title += f"\n{letter} = {full(board.figures.product(*edge))}"
    lit = edge in board.plan.lit_edges or edge in board.plan.products
    run, faint = run_of(board, edge), board.plan.faint and not lit
    return Line(
        *run.start,
        *run.end,
        arrow=edge in board.plan.products,
        width=width,
        role=role_of(weight),
        dash=dash_of(weight, width),
        opacity=0.4 if faint else 1.0,
        key=place.key if place is not None else "",
        title=title,
    )


def _called(board: Board, edge: Edge) -> str:
    """Return what an edge is: its parameter's names, or the derivative that it is."""
    names, place = board.figures.names, board.figures.place(*edge)
    if place is None:
        layer, unit, source = edge
        return f"∂({names.unit(layer, unit)})/∂({names.unit(layer - 1, source)})"
    own, path = names.of(place), names.path_of(place)
    return path if own == path else f"{own} ({path})"


def role_of(weight: float) -> str:
    """Return the role of an edge: its sign; grey for a weight of 0 or one that is no number."""
    return "muted" if not weight or math.isnan(weight) else by_sign(weight)


def dash_of(weight: float, width: float) -> tuple[float, ...]:
    """Return the dashes of an edge: dots for a weight of 0, dashes for one below, none above."""
    if not weight:
        return DOTS
    return (round(3 + 1.6 * width, 1), round(2 + 0.7 * width, 1)) if weight < 0 else ()


def _backward(board: Board, edge: Edge) -> Mark:
    layer, unit, _ = edge
    run = run_of(board, edge)
    aside = _width(board, edge) / 2 + (ASIDE if board.layout.sizes.numbers else 2.5)
    back = board.figures.handed_back(*edge)
    name = board.name(layer, unit)
    title = f"{_handed(board)}({name}) = {full(back)}"
    start, end = run.at(0.98, aside), run.at(0.02, aside)
    width = 1.6 if board.layout.sizes.numbers else 1.2
    key = board.figures.error_key(layer, unit)
    return Line(*start, *end, arrow=True, role="error", width=width, key=key, title=title)


def _handed(board: Board) -> str:
    """Return what is handed back, in letters: w·δ, or C·e where something takes w's place."""
    figures = board.figures
    return f"{'w' if figures.through is None else 'C'}·{figures.error_letter}"


def _tick(board: Board, edge: Edge) -> list[Mark]:
    """Return the tick: along the edge, as wide as before at its start and as after at its end."""
    place = board.figures.place(*edge)
    step = board.figures.step(place) if place is not None else 0.0
    if place is None or not step:
        return []
    weight = board.figures.parameter(place)
    widest = WIDEST[board.layout.sizes.numbers]
    before, after = (
        board.figures.width(edge[0], value, widest) / 2 + 2 for value in (weight, weight + step)
    )
    run = run_of(board, edge)
    if not board.layout.sizes.numbers:
        before, after = before - 0.5, after - 0.5
    first, last = TICK, TICK + TICK_LENGTH / run.length
    corners = [
        run.at(first, before),
        run.at(last, after),
        run.at(last, -after),
        run.at(first, -before),
    ]
    commands = tuple(("M" if i == 0 else "L", *corner) for i, corner in enumerate(corners))
    title = f"{board.figures.names.of(place)}: {full(weight)} → {full(weight + step)}"
    return [Path((*commands, ("Z",)), fill="update", key=place.key, title=title)]


def edge_labels(board: Board, edge: Edge) -> list[Mark]:
    """Return the numbers on an edge that the plan has and that find room."""
    place = board.figures.place(*edge)
    if not board.layout.sizes.numbers or place is None:
        return []
    plan, half = board.plan, _width(board, edge) / 2
    weight, step = board.figures.weight(*edge), board.figures.step(place)
    product, back = board.figures.product(*edge), board.figures.handed_back(*edge)
    key, name = place.key, board.figures.names.of(place)
    said = figure(weight) if ARROW in name else f"{name} {figure(weight)}"
    after, full_after = f"→ {figure(weight + step)}", full(weight + step)
    label = _Labels(board, run_of(board, edge))
    marks: list[Mark] = []
    if edge in plan.weights:
        placed = label.near_source(0, _text(said, by_sign(weight), key, full(weight)))
        marks += placed
        label = replace(label, below=placed[0] if placed else None)
    if edge in plan.new_weights and step:
        marks += label.near_source(14, _text(after, "update", key, full_after))
    if edge in plan.products:
        told = _text(figure(product), "signal", key, f"w·a = {full(product)}")
        marks += label.at(NEAR_TARGET, -half - 7, told)
    if edge in plan.handed_back:
        own = board.figures.error_key(edge[0], edge[1])
        told = _text(figure(back), "error", own, f"{_handed(board)} = {full(back)}")
        marks += replace(label, below=None).near_source(half + ASIDE + 8, told, 0.12)
    return marks


def _text(text: str, role: str, key: str, title: str) -> Words:
    return Words(0, 0, text, LABEL, plate=True, role=role, key=key, title=title)


@dataclass(frozen=True)
class _Labels:
    """Labels along an edge; `below` is a label that the next one stands below, if it can."""

    board: Board
    run: Run
    below: Words | None = None

    def near_source(self, aside: float, words: Words, more: float = 0.0) -> list[Words]:
        """Return a label as near to the source as it leaves the update's tick free.

        It stands a share `more` of the way farther off.
        """
        box = box_of(words)
        (ux, uy), w, h = self.run.along, (box.right - box.left) / 2, (box.bottom - box.top) / 2
        reach = min(w / abs(ux) if ux else math.inf, h / abs(uy) if uy else math.inf)
        first = TICK + (TICK_LENGTH + 2 + reach) / self.run.length + more
        above = self.below
        if above is not None:
            places = [(above.x, above.y + LABEL + 3.5), (above.x, above.y - LABEL - 3.5)]
            placed = self.board.settle(words, places)
            if placed:
                return placed
        return self.at(tuple(first + share for share in BEHIND_TICK), aside, words)

    def at(self, shares: tuple[float, ...], aside: float, words: Words) -> list[Words]:
        """Return a label at the first free of some shares of the way, `aside` from it."""
        places = [self.run.at(share, aside) for share in shares]
        return self.board.settle(words, [(x, y + 3.5) for x, y in places])
