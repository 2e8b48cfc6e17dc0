"""The right end of a network's picture: targets, the loss, and the error that it sends back.

Public names: `loss_marks`, `way_to_loss`.
May import: `board`, `links`, `scene`, `numbers`, `clearprop.functions`, NumPy.
"""

from __future__ import annotations

import numpy as np

from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.board import Board, fitted, full
from clearprop.explanation.scenes.halves import HALO, brightness
from clearprop.explanation.scenes.layout import Point
from clearprop.explanation.scenes.links import ASIDE, LABEL, Run, between
from clearprop.explanation.scenes.measure import Box
from clearprop.explanation.scenes.scene import Line, Mark, Rect, Words
from clearprop.functions import Loss


def loss_marks(board: Board) -> tuple[list[Mark], list[Mark]]:
    """Return the marks below the units, and those above them."""
    outputs = board.layout.units(board.figures.last)
    below = [mark for unit in outputs for mark in _line(board, unit)]
    above = [mark for unit in outputs for mark in _target(board, unit)]
    above += [mark for unit in outputs for mark in _error(board, unit)]
    return below, above + _box(board)


def _half_sizes(board: Board) -> tuple[float, float]:
    return (34.0, 24.0) if board.layout.sizes.numbers else (15.0, 12.0)


def way_to_loss(board: Board, unit: int) -> Run:
    """Return the way from an output to the rim of the loss's box."""
    centre = board.layout.centres[board.figures.last, unit]
    run = between(centre, board.layout.loss, board.layout.sizes.radius + 2, 0)
    (ux, uy), (w, h) = run.along, _half_sizes(board)
    reach = min(w / abs(ux) if ux else 1e9, h / abs(uy) if uy else 1e9) + 2
    return between(centre, board.layout.loss, board.layout.sizes.radius + 2, reach)


def _line(board: Board, unit: int) -> list[Mark]:
    run, plan = way_to_loss(board, unit), board.plan
    numbers = board.layout.sizes.numbers
    marks: list[Mark] = []
    share = plan.lit_outputs.get(unit)
    if share is not None:
        width = 2.0 + 2 * (HALO if numbers else 3.0)
        marks.append(
            Line(*run.start, *run.end, role="halo", width=width, opacity=brightness(share))
        )
    opacity = 0.5 if plan.faint and share is None else 1.0
    marks.append(
        Line(*run.start, *run.end, role="signal", arrow=plan.loss, width=1.2, opacity=opacity)
    )
    return marks


def slope_of_loss(board: Board, unit: int) -> float | None:
    """Return ∂E/∂a of an output for the sample alone; None for a loss of one's own."""
    trace, sample = board.figures.trace, board.figures.sample
    loss = trace.network.objective
    if not isinstance(loss, Loss):
        return None
    y = np.asarray(trace.y[[sample]], dtype=np.float64)
    a = np.asarray(trace.a[-1][[sample]], dtype=np.float64)
    with np.errstate(all="ignore"):
        return float(loss.kind.gradient(np, y, a, loss.parameter)[0, unit])


def _error(board: Board, unit: int) -> list[Mark]:
    """Return the line of the error from the loss to an output, with ∂E/∂a where it is lit."""
    if unit not in board.plan.loss_errors:
        return []
    run, numbers = way_to_loss(board, unit), board.layout.sizes.numbers
    slope = slope_of_loss(board, unit)
    key, name = f"e{unit}", board.name(board.figures.last, unit)
    title = "" if slope is None else f"∂E/∂a({name}) = {full(slope)}"
    aside = ASIDE + 1.5 if numbers else 2.5
    marks: list[Mark] = [
        Line(
            *run.at(0.98, aside),
            *run.at(0.02, aside),
            arrow=True,
            role="error",
            width=1.6 if numbers else 1.2,
            key=key,
            title=title,
        )
    ]
    if numbers and slope is not None:
        words = Words(0, 0, figure(slope), LABEL, plate=True, role="error", key=key, title=title)
        places = [run.at(share, aside + 8) for share in (0.5, 0.6, 0.4)]
        marks += board.settle(words, [(x, y + 3.5) for x, y in places])
    return marks


def _target(board: Board, unit: int) -> list[Mark]:
    if not board.layout.sizes.numbers:
        return []
    value = float(board.figures.trace.y[board.figures.sample, unit])
    text = board.say("pictures.target", value=value)
    title = board.say("pictures.target", value=full(value))
    words = Words(0, 0, text, LABEL, "start", plate=True, role="muted", title=title)
    return list(board.settle(words, _target_places(board, unit)))


def _target_places(board: Board, unit: int) -> list[Point]:
    """Return places beside an output on the side that its line to the loss does not take."""
    x, y = board.layout.centres[board.figures.last, unit]
    radius = board.layout.sizes.radius
    if board.layout.upright:
        return [(x - radius, y + radius + 14), (x - radius, y + radius + 26)]
    side = x + 0.83 * radius + 8
    above, below = (side, y - 0.66 * radius), (side, y + 0.82 * radius)
    return [above, below] if board.layout.loss[1] >= y - 1 else [below, above]


def _box(board: Board) -> list[Mark]:
    """Return the loss's box, with its value once it is known."""
    (x, y), (w, h) = board.layout.loss, _half_sizes(board)
    loss = float(board.figures.trace.losses[board.figures.sample])
    title = f"E = {full(loss)}" if board.plan.loss else ""
    marks: list[Mark] = []
    board.taken.append(Box(x - w, y - h, x + w, y + h))
    if board.plan.lit_outputs:
        marks.append(Rect(x - w - 5, y - h - 5, 2 * w + 10, 2 * h + 10, 12, fill="halo"))
    marks.append(
        Rect(
            x - w,
            y - h,
            2 * w,
            2 * h,
            8,
            role="ink",
            fill="ground",
            width=1.4,
            key="E",
            title=title,
        )
    )
    if not board.layout.sizes.numbers:
        return [*marks, Words(x, y + 4, "E", 11, italic=True, key="E", title=title)]
    marks.append(
        Words(x, y - 6 if board.plan.loss else y + 5, "E", 13, italic=True, key="E", title=title)
    )
    if board.plan.loss:
        text, size = fitted(loss, 2 * w - 8, 11.0)
        marks.append(Words(x, y + 12, text, size, bold=True, key="E", title=title))
        marks += _coefficient(board)
    return marks


def _coefficient(board: Board) -> list[Mark]:
    """Return how much the sample counts in the loss of its batch, where that is not 1."""
    share = float(board.figures.trace.coefficients[board.figures.sample])
    if share == 1:
        return []
    (x, y), (_, h) = board.layout.loss, _half_sizes(board)
    text = board.say("pictures.coefficient", value=share)
    title = board.say("pictures.coefficient_title", value=full(share))
    words = Words(x, y + h + 20, text, LABEL, plate=True, role="muted", title=title)
    return [board.put(words)]
