"""What the network answers over its inputs, beside the rows that it learns from.

Of two inputs it is a surface with the rows on it, of one a curve among them. Of more it is a table
of true against answered classes, or answered numbers against true ones, on the rows held out.

A point's shape is its class as well as its colour; rows held out are hollow.

Public names: `answer_scene`.
May import: `samples`, `clearprop.explanation.scenes`, `clearprop.explanation.words`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.axes import Axis, axis_over, bottom_axis, left_axis
from clearprop.explanation.scenes.measure import shortened
from clearprop.explanation.scenes.planes import points_of
from clearprop.explanation.scenes.scene import Circle, Heat, Line, Mark, Path, Rect, Scene, Words
from clearprop.explanation.words import Words as Catalogue
from clearprop.studio.samples import Samples

WIDTH, HEIGHT = 330.0, 312.0
CELLS = 48
MOST_ROWS, MOST_CLASSES = 260, 12
CLASS_ROLES = ("negative", "positive", "update", "contrast", "error", "signal")
SURFACE = "surface"  # the key of the heat map

Predict = Callable[[np.ndarray], np.ndarray]
Grids = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Asked:
    """What is shown of the answers.

    Attributes
    ----------
    samples : Samples
    predict : callable
        a^L of rows, (n, outputs).
    output : int
        The output that a surface is of.
    row : int
        The training row that the network's picture is of.
    say : Words
    held : (n, outputs) array, optional
        What the network gave on the rows held out, where asking it anew takes long.
    cells : int
        Of a side of the surface.
    """

    samples: Samples
    predict: Predict
    output: int
    row: int
    say: Catalogue
    held: np.ndarray | None = None
    cells: int = CELLS

    def on_held(self) -> np.ndarray:
        """Return a^L of the rows held out, (n, outputs)."""
        return self.predict(self.samples.held_x) if self.held is None else self.held


def answer_scene(asked: Asked) -> tuple[Scene, Grids]:
    """Return the picture, and the cells of its heat map by key."""
    inputs = asked.samples.x.shape[1]
    if inputs == 2:
        return _surface(asked)
    if inputs == 1 and asked.samples.kind == "number":
        return _curve(asked), {}
    if asked.samples.kind == "number":
        return _scatter(asked), {}
    return _confusion(asked)


def scale_of(samples: Samples) -> tuple[float, float]:
    """Return the value painted white and how far from it the colours end."""
    if samples.kind != "number":
        return 0.5, 0.5
    return 0.0, float(np.abs(samples.y).max(initial=0.0)) or 1.0


def _surface(asked: Asked) -> tuple[Scene, Grids]:
    low, high = asked.samples.span
    across, up = _axes((low[0], high[0]), (low[1], high[1]))
    cells = asked.cells
    values = asked.predict(points_of(low, high, cells))[:, asked.output]
    zero, limit = scale_of(asked.samples)
    area = (across.start, up.stop, across.stop - across.start, up.start - up.stop)
    marks: list[Mark] = [Heat(*area, (), limit, zero, key=SURFACE)]
    marks += _frame(across, up, asked.samples.inputs[0], asked.samples.inputs[1])
    marks += _points(asked.samples, across, up)
    spot = asked.samples.x[asked.row]
    marks.append(_ring(across.at(spot[0]), up.at(spot[1]), "pen"))
    name = asked.samples.outputs[asked.output]
    title = asked.say("studio.surface_title", name=name)
    grid = values.reshape(cells, cells)[::-1]
    return Scene(WIDTH, HEIGHT, tuple(marks), title), {SURFACE: grid}


def _axes(x: Sequence[float], y: Sequence[float]) -> tuple[Axis, Axis]:
    across, up = axis_over(x, tight=True, count=4), axis_over(y, tight=True, count=4)
    return across.over(16 + up.room, WIDTH - 12), up.over(HEIGHT - 48, 24)


def _frame(across: Axis, up: Axis, x_name: str, y_name: str) -> list[Mark]:
    names = (shortened(name, 12, WIDTH - 80) for name in (x_name, y_name))
    x_said, y_said = names
    left = left_axis(up, across.start, across.start, y_said)
    return [*left, *bottom_axis(across, up.start, x_said)]


def _ring(x: float, y: float, role: str) -> Mark:
    """Return the ring around the row that the network's picture is of."""
    return Circle(x, y, 8, role=role, width=2.2, key="picked")


@lru_cache(maxsize=8)
def _points(samples: Samples, across: Axis, up: Axis) -> tuple[Mark, ...]:
    """Return rows on the plane of two inputs; those to learn from can be picked."""
    marks: list[Mark] = []
    share = MOST_ROWS / max(1, len(samples.x) + len(samples.held_x))
    for x, y, held in ((samples.held_x, samples.held_y, True), (samples.x, samples.y, False)):
        most = max(1, round(len(x) * min(1.0, share)))
        for row in range(min(most, len(x))):
            marks.append(_point(samples, across, up, (x[row], y[row]), row, held=held))
    return tuple(marks)


def _point(
    samples: Samples, across: Axis, up: Axis, pair: tuple[np.ndarray, np.ndarray], row: int, *,
    held: bool,
) -> Mark:  # fmt: skip
    (x, y), key = (across.at(pair[0][0]), up.at(pair[0][1])), "" if held else f"p{row}"
    kind, role, said = _class_of(samples, pair[1])
    inputs = ", ".join(
        f"{name} = {figure(float(value))}"
        for name, value in zip(samples.inputs, pair[0], strict=True)
    )
    style = {"key": key, "title": f"{inputs}: {said}", "width": 1.2}
    style |= {"role": role, "fill": "paper"} if held else {"role": "paper", "fill": role}
    if kind == 1:
        return Rect(x - 3.2, y - 3.2, 6.4, 6.4, **style)  # type: ignore[arg-type]
    if kind == 2:
        corners = (("M", x, y - 4.4), ("L", x + 4.2, y + 3), ("L", x - 4.2, y + 3), ("Z",))
        return Path(corners, **style)  # type: ignore[arg-type]
    return Circle(x, y, 3.6, **style)  # type: ignore[arg-type]


def _class_of(samples: Samples, y: np.ndarray) -> tuple[int, str, str]:
    """Return a target's shape, role and words."""
    if samples.kind == "number":
        return 0, "negative" if y[0] < 0 else "positive", figure(float(y[0]))
    if samples.kind == "binary":
        return int(y[0]), CLASS_ROLES[int(y[0])], figure(float(y[0]))
    number = int(y.argmax())
    return number % 3, CLASS_ROLES[number % len(CLASS_ROLES)], samples.outputs[number]


def _curve(asked: Asked) -> Scene:
    samples = asked.samples
    low, high = samples.span
    x = np.linspace(low[0], high[0], 120)
    y = asked.predict(x[:, None])[:, 0]
    seen = np.concatenate([samples.y, samples.held_y])
    reach = 1.3 * max(1e-9, float(np.abs(seen).max()))
    across, up = _axes((low[0], high[0]), (-reach, reach))
    shown = [(a, float(np.clip(b, -reach, reach))) for a, b in zip(x, y, strict=True)]
    commands = tuple(
        ("M" if i == 0 else "L", across.at(a), up.at(b)) for i, (a, b) in enumerate(shown)
    )
    marks = _frame(across, up, samples.inputs[0], samples.outputs[0])
    for rows, targets, held in (
        (samples.held_x, samples.held_y, True),
        (samples.x, samples.y, False),
    ):
        for row in range(min(len(rows), MOST_ROWS)):
            pair = (np.array([rows[row, 0], targets[row, 0]]), targets[row])
            marks.append(_spot(pair, across, up, row, held=held))
    spot = samples.x[asked.row, 0], samples.y[asked.row, 0]
    ring = _ring(across.at(spot[0]), up.at(spot[1]), "ink")
    line = Path(commands, role="ink", width=2.5, title=asked.say("studio.answer"))
    return Scene(WIDTH, HEIGHT, (*marks, line, ring), asked.say("studio.curve_title"))


def _spot(
    pair: tuple[np.ndarray, np.ndarray], across: Axis, up: Axis, row: int, *, held: bool
) -> Mark:
    x, y = across.at(pair[0][0]), up.at(pair[0][1])
    title = f"({figure(float(pair[0][0]))}, {figure(float(pair[0][1]))})"
    if held:
        return Circle(x, y, 3.4, role="contrast", width=1.3, title=title)
    return Circle(x, y, 3.4, fill="signal", key=f"p{row}", title=title)


def _scatter(asked: Asked) -> Scene:
    samples = asked.samples
    rows = slice(0, MOST_ROWS)
    truth = samples.held_y[rows, asked.output]
    answers = asked.on_held()[rows, asked.output]
    ends = float(samples.y[:, asked.output].min()), float(samples.y[:, asked.output].max())
    across, up = _axes(ends, ends)
    say = asked.say
    marks = _frame(across, up, say("studio.truth"), say("studio.answer"))
    diagonal = Line(across.start, up.start, across.stop, up.stop, role="axis", dash=(4, 4))
    marks.append(diagonal)
    for index, (x, y) in enumerate(zip(truth, np.clip(answers, *ends), strict=True)):
        title = f"{figure(float(x))} → {figure(float(y))}"
        at = across.at(float(np.clip(x, *ends))), up.at(float(y))
        marks.append(Circle(*at, 3, fill="signal", opacity=0.6, key=f"h{index}", title=title))
    return Scene(WIDTH, HEIGHT, tuple(marks), say("studio.scatter_title"))


def _confusion(asked: Asked) -> tuple[Scene, Grids]:
    samples = asked.samples
    outputs = asked.on_held()
    binary = samples.kind == "binary"
    answered = (outputs[:, 0] > 0.5).astype(int) if binary else outputs.argmax(axis=1)
    true = samples.held_y[:, 0].astype(int) if binary else samples.held_y.argmax(axis=1)
    count = 2 if binary else outputs.shape[1]
    table = np.zeros((count, count))
    np.add.at(table, (true, answered), 1)
    names = [f"≠ {samples.outputs[0]}", samples.outputs[0]] if binary else samples.outputs
    side = min(WIDTH - 100, HEIGHT - 80) / count
    left, top = 92.0, 34.0
    size = side * count
    say = asked.say
    shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    marks: list[Mark] = [Heat(left, top, size, size, (), 1.0, key=SURFACE, crisp=True)]
    marks.append(Words(left + size / 2, 16, say("studio.answered"), 12, role="muted"))
    marks.append(Words(left - 78, top + size / 2, say("studio.true"), 12, role="muted", turn=-90))
    for k, name in enumerate(names if count <= MOST_CLASSES else ()):
        middle = (k + 0.5) * side
        short = shortened(str(name), 11, 64)
        marks.append(Words(left - 6, top + middle + 4, short, 11, "end", title=str(name)))
        below = shortened(str(name), 11, side)
        marks.append(Words(left + middle, top + size + 16, below, 11, title=str(name)))
        for j, other in enumerate(names):
            text = f"{int(table[k, j])}"
            title = f"{name} → {other}: {text}"
            place = (left + (j + 0.5) * side, top + middle + 4)
            dark = "paper" if shares[k, j] > 0.6 else "pen"
            marks.append(Words(*place, text, 11, role=dark, key=f"c{k}.{j}", title=title))
    return Scene(WIDTH, HEIGHT, tuple(marks), say("studio.confusion_title")), {SURFACE: shares}
