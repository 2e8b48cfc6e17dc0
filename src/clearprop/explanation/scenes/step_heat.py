"""A heat map over the steps of time: a row for each unit or column, a column for each step.

Blue is above 0, vermillion below, white at 0; few cells have their numbers written in.

Public names: `Heated`, `step_heat`.
May import: `measure`, `scene`, `spots`, `board` (its texts), `matrices`, `numbers`, NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clearprop.explanation.matrices import leading
from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.board import full
from clearprop.explanation.scenes.measure import shortened, width_of
from clearprop.explanation.scenes.scene import Heat, Mark, Rect, Scene, Words
from clearprop.explanation.scenes.spots import head_of

# rows that are shown: the largest of more; cells that say their number on pointing
ROWS, TIPS = 24, 800
WIDTH, PHONE = 560.0, 340.0
TALL, SMALL = 22.0, 11.0
# colours end at so many times the largest value, so that numbers can be read on them
PALE = 1.5


@dataclass(frozen=True, eq=False)
class Heated:
    """What a heat map shows.

    Attributes
    ----------
    values : (rows, T) array
    names : sequence of str
        Of the rows.
    times : (T,) int array
        The numbers of the steps, from 0.
    letter : str
        What a value is called on pointing: `h`, `δ`.
    """

    values: np.ndarray
    names: Sequence[str]
    times: np.ndarray
    letter: str


def step_heat(title: str, heated: Heated, *, axis: str, more: str, description: str) -> Scene:
    """Return a heat map, with a form for a phone.

    Parameters
    ----------
    title : str
        The finding.
    axis : str
        What the columns are.
    more : str
        Says, with `{n}` in it, how many rows are left out.
    """
    sizes = np.linalg.norm(np.nan_to_num(heated.values), axis=1)
    kept = sorted(leading(sizes, room=ROWS, folded=ROWS - 4))
    left_out = len(sizes) - len(kept)
    shown = replace(heated, values=heated.values[kept], names=[heated.names[k] for k in kept])
    foot = more.replace("{n}", str(left_out)) if left_out else ""
    wide, narrow = (_scene(title, shown, axis, foot, description, w) for w in (WIDTH, PHONE))
    return replace(wide, narrow=narrow)


def _scene(
    title: str, heated: Heated, axis: str, foot: str, description: str, width: float
) -> Scene:
    head, top = head_of(title, width)
    room = min(0.36 * width, max(width_of(name, SMALL) for name in heated.names) + 4)
    left, steps = 8 + room + 6, heated.values.shape[1]
    cell = min(72.0, (width - left - 10) / steps)
    finite = heated.values[np.isfinite(heated.values)]
    limit = PALE * float(np.abs(finite).max(initial=0.0)) or 1.0
    area = (left, top + 6, cell * steps, TALL * len(heated.values))
    grid = tuple(tuple(row) for row in heated.values.tolist())
    marks: list[Mark] = [*head, Heat(*area, grid, limit, crisp=True)]
    marks += _names(heated, left, top + 6, room)
    marks += _cells(heated, left, top + 6, cell)
    bottom = top + 6 + area[3]
    marks.append(Rect(*area, role="axis", width=0.8))
    marks += _times(heated, left, bottom, cell)
    said = [Words(left, bottom + 32, axis, SMALL, "start", role="muted")]
    if foot:
        said.append(Words(left, bottom + 48, foot, SMALL, "start", role="muted"))
    marks += said
    return Scene(width, bottom + 40 + 16 * bool(foot), tuple(marks), title, description)


def _names(heated: Heated, left: float, top: float, room: float) -> Iterator[Mark]:
    for row, name in enumerate(heated.names):
        text = shortened(name, SMALL, room)
        y = top + TALL * (row + 0.5) + 4
        yield Words(left - 6, y, text, SMALL, "end", role="ink", title=name)


def _cells(heated: Heated, left: float, top: float, cell: float) -> Iterator[Mark]:
    """Yield what cells say: on pointing, and, where there is room for all, in writing."""
    rows, steps = heated.values.shape
    if rows * steps > TIPS:
        return
    texts = (figure(float(value), 3) for value in heated.values.ravel())
    written = max(width_of(text, SMALL - 1) for text in texts) <= cell - 6
    for row in range(rows):
        for step in range(steps):
            value, x, y = float(heated.values[row, step]), left + cell * step, top + TALL * row
            when = int(heated.times[step]) + 1
            title = f"{heated.names[row]}, t = {when}: {heated.letter} = {full(value)}"
            text = figure(value, 3)
            if written:
                yield Words(
                    x + cell / 2, y + TALL / 2 + 4, text, SMALL - 1, role="pen", title=title
                )
            else:
                yield Rect(x, y, cell, TALL, fill="paper", opacity=0.0, title=title)


def _times(heated: Heated, left: float, bottom: float, cell: float) -> Iterator[Mark]:
    """Yield the numbers of the steps, as many as there is room for."""
    widest = width_of(str(int(heated.times.max()) + 1), SMALL) + 8
    stride = max(1, int(np.ceil(widest / cell)))
    for step in range(0, len(heated.times), stride):
        x = left + cell * (step + 0.5)
        yield Words(x, bottom + 15, str(int(heated.times[step]) + 1), SMALL, role="muted")
