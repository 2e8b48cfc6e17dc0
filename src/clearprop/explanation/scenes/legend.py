"""The legend below a network's picture: each kind of mark with a word.

Public names: `legend_marks`, `legend_rows`.
May import: `board`, `halves`, `measure`, `scene`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clearprop.explanation.scenes.board import Board
from clearprop.explanation.scenes.halves import half
from clearprop.explanation.scenes.measure import width_of
from clearprop.explanation.scenes.scene import Circle, Line, Mark, Path, Rect, Words

SIZE = 11.0
SAMPLE = 26.0  # how long a sample of an edge is
LEADING = 19.0


def legend_marks(board: Board, left: float, top: float, right: float) -> tuple[list[Mark], float]:
    """Return the legend's marks and the height below them."""
    shown = [name for name in _SAMPLES if _has(board, name)]
    texts = {name: board.say(f"pictures.legend_{name}") for name in shown}
    return legend_rows(texts, left, top, right)


def legend_rows(
    texts: dict[str, str], left: float, top: float, right: float
) -> tuple[list[Mark], float]:
    """Return samples of marks with a word each, in rows; `texts` go by the samples' names."""
    x, y = left, top + LEADING
    marks: list[Mark] = []
    for name, text in texts.items():
        sample, draw = _SAMPLES[name]
        width = sample + 6 + width_of(text, SIZE)
        if x > left and x + width > right:
            x, y = left, y + LEADING
        marks += draw(x, y - 4)
        marks.append(Words(x + sample + 6, y, text, SIZE, "start", role="muted"))
        x += width + 18
    return marks, y + 8


def _has(board: Board, name: str) -> bool:
    plan, roomy = board.plan, board.layout.sizes.numbers
    shown = {
        "gated": False,
        "halves": roomy,
        "tint": not roomy,
        "error": bool(plan.errors_on or plan.loss_errors),
        "delta": bool(plan.errors) and roomy,
        "update": bool(plan.updates_on),
        "path": bool(plan.lit_edges or plan.lit_units),
        "bias": any(board.figures.has_bias(place) for place in board.layout.centres if place[0]),
        "product": bool(plan.products) and roomy,
    }
    return shown.get(name, True)


def _halves(x: float, y: float) -> list[Mark]:
    centre = x + 10
    return [
        Path(half(centre, y, 9.5, right=False), fill="ground"),
        Path(half(centre, y, 9.5, right=True), fill="panel"),
        Line(centre, y - 9.5, centre, y + 9.5, role="ink"),
        Circle(centre, y, 9.5, role="ink", width=1.2),
        Words(centre - 4.5, y + 3, "z", 9.0, italic=True, role="ink"),
        Words(centre + 4.5, y + 3, "a", 9.0, italic=True, role="ink"),
    ]


def _tint(x: float, y: float) -> list[Mark]:
    centre = x + 8
    return [
        Path(half(centre, y, 8, right=True), fill="positive", opacity=0.7),
        Line(centre, y - 8, centre, y + 8, role="ink"),
        Circle(centre, y, 8, role="ink", width=1.2),
    ]


def _edge(role: str, dash: tuple[float, ...] = ()) -> Callable[[float, float], list[Mark]]:
    return lambda x, y: [Line(x, y, x + SAMPLE, y, role=role, width=3.0, dash=dash)]


def _product(x: float, y: float) -> list[Mark]:
    return [Words(x + 11, y + 4, "0.12", 10.0, role="signal")]


def _error(x: float, y: float) -> list[Mark]:
    return [Line(x + SAMPLE, y, x, y, role="error", width=1.6, arrow=True)]


def _delta(x: float, y: float) -> list[Mark]:
    return [Words(x + 5, y + 4, "δ", 11.0, bold=True, role="error")]


def _many(x: float, y: float) -> list[Mark]:
    return [Line(x, y, x + SAMPLE, y, role="signal", width=3.0)]


def _update(x: float, y: float) -> list[Mark]:
    tick = (("M", x + 10, y - 4), ("L", x + 17, y - 3), ("L", x + 17, y + 3), ("L", x + 10, y + 4))
    edge = Line(x, y, x + SAMPLE, y, role="positive", width=3.0)
    return [edge, Path((*tick, ("Z",)), fill="update")]


def _path(x: float, y: float) -> list[Mark]:
    halo = Line(x + 3, y, x + SAMPLE - 3, y, role="halo", width=12.0)
    return [halo, replace(halo, role="positive", width=3.0)]


def _bias(x: float, y: float) -> list[Mark]:
    return [Rect(x + 1, y - 5, 11, 11, 1.5, role="positive", fill="panel", width=2.0)]


# how wide each sample is, and its marks
_SAMPLES: dict[str, tuple[float, Callable[[float, float], list[Mark]]]] = {
    "halves": (20.0, _halves),
    "tint": (16.0, _tint),
    "positive": (SAMPLE, _edge("positive")),
    "negative": (SAMPLE, _edge("negative", (7, 4))),
    "gated": (SAMPLE, _many),
    "bias": (13.0, _bias),
    "product": (22.0, _product),
    "error": (SAMPLE, _error),
    "delta": (10.0, _delta),
    "update": (SAMPLE, _update),
    "path": (SAMPLE, _path),
}
