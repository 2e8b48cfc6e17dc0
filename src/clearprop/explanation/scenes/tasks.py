"""The dependency graph of a pass as a picture: what must wait, what can run beside it, the times.

The critical path runs from left to right, a task a column, and begins a second row where the way
back begins. What can run at the same time stands below, in the column after what it waits for. A
box says what is computed and how many numbers at the same time; the bar below it is its measured
time. Of a deep network the first and the last layer are drawn, the others counted.

Public names: `label_of`, `seconds_text`, `tasks_scene`.
May import: `scene`, `measure`, `spots`, `parallel`, `numbers`, `words`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from clearprop.explanation.numbers import figure
from clearprop.explanation.parallel import Schedule, Task
from clearprop.explanation.scenes.measure import width_of
from clearprop.explanation.scenes.scene import Line, Mark, Path, Rect, Scene, Words
from clearprop.explanation.scenes.spots import head_of
from clearprop.explanation.words import Words as Catalogue

# layers that are all drawn
LAYERS = 3
BOX_W, BOX_H, GAP = 68.0, 44.0, 20.0
BAR, LANE = 5.0, 84.0
LEFT, SMALL = 22.0, 11.0

_DIGITS = str.maketrans("0123456789()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾")
_LETTERS = {"z": "z", "a": "a", "delta": "δ", "bp3": "∂E/∂b", "bp4": "∂E/∂W"}


@dataclass(frozen=True)
class _Placed:
    """A task, or the layers that are left out (a number), and where its box stands."""

    task: Task | int
    x: float
    y: float
    critical: bool

    @property
    def middle(self) -> float:
        return self.y + BOX_H / 2

    @property
    def right(self) -> float:
        return self.x + BOX_W


def label_of(task: Task, words: Catalogue) -> str:
    """Return what a task is called: `z⁽¹⁾`, `∂E/∂W⁽¹⁾`, `update`."""
    if task.part in _LETTERS:
        letter = "∂E/∂θ" if task.prepares else _LETTERS[task.part]
        return letter + f"({task.layer})".translate(_DIGITS)
    return "E" if task.part == "loss" else words(f"parallel.{task.part}")


def seconds_text(seconds: float) -> str:
    """Return a time with its unit: `12 µs`, `3.4 ms`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{figure(seconds / size, 3)} {unit}"
    return f"{figure(seconds * 1e9, 3)} ns"


def tasks_scene(schedule: Schedule, words: Catalogue) -> Scene:
    """Return the graph of a pass as a picture."""
    rows = _rows(schedule)
    width = 2 * LEFT + max(map(len, rows)) * (BOX_W + GAP) - GAP
    title = words("parallel.picture", length=schedule.length, wide=schedule.widest.width)
    head, top = head_of(title, width)
    path = _on_path(rows, top + 14)
    placed = path + _beside(schedule, path)
    bottom = max(box.y for box in placed) + LANE
    marks = [*head, *_along(path), *_down(schedule, path, placed, bottom - 8)]
    longest = max((task.seconds or 0.0 for task in schedule.tasks), default=0.0)
    for box in placed:
        marks += _box(box, longest, words)
    marks += _legend(bottom + 16, words)
    timed = schedule.seconds is not None
    text = words("parallel.picture_text" if timed else "parallel.picture_untimed")
    return Scene(width, bottom + 26, tuple(marks), title, text)


def _shown_layers(schedule: Schedule) -> set[int]:
    last = max(task.layer for task in schedule.tasks)
    return set(range(last + 1)) if last <= LAYERS else {0, 1, last}


def _rows(schedule: Schedule) -> tuple[list[Task | int], list[Task | int]]:
    """Return the critical path forward and back, with a number in place of layers left out."""
    shown = _shown_layers(schedule)
    rows: tuple[list[Task | int], list[Task | int]] = ([], [])
    hidden: set[int] = set()
    for task in schedule.critical_path:
        row = rows[0 if task.is_forward else 1]
        if task.layer not in shown:
            hidden.add(task.layer)
            continue
        if hidden:
            row.append(len(hidden))
            hidden = set()
        row.append(task)
    return rows


def _on_path(rows: tuple[list[Task | int], list[Task | int]], top: float) -> list[_Placed]:
    return [
        _Placed(task, LEFT + column * (BOX_W + GAP), top + row * LANE, True)
        for row, tasks in enumerate(rows)
        for column, task in enumerate(tasks)
    ]


def _beside(schedule: Schedule, path: list[_Placed]) -> list[_Placed]:
    """Return what runs beside the critical path, each below the box after what it waits for."""
    shown = _shown_layers(schedule)
    place = {box.task.name: index for index, box in enumerate(path) if isinstance(box.task, Task)}
    lanes = [0] * len(path)
    placed = []
    for task in schedule.tasks:
        if task.name in place or task.layer not in shown:
            continue
        # what is left out lies before what is drawn
        index = 1 + max(place.get(name, 0) for name in task.after)
        lanes[index] += 1
        y = path[index].y + lanes[index] * LANE
        placed.append(_Placed(task, path[index].x, y, False))
    return placed


def _along(path: list[_Placed]) -> Iterator[Mark]:
    """Yield the arrows along the critical path."""
    for here, after in pairwise(path):
        if here.y == after.y:
            ends = (here.right, here.middle, after.x - 2, after.middle)
            yield Line(*ends, role="ink", width=2.0, arrow=True)
            continue
        right, between, left = here.right + 9, after.y - 12, after.x - 12
        start, end = (here.right, here.middle), (after.x - 2, after.middle)
        corners = [(right, start[1]), (right, between), (left, between), (left, end[1])]
        commands = (("M", *start), *(("L", *corner) for corner in corners), ("L", *end))
        yield Path(commands, role="ink", width=2.0, arrow=True)


def _down(
    schedule: Schedule, path: list[_Placed], placed: list[_Placed], rail: float
) -> Iterator[Mark]:
    """Yield the lines down to what runs beside the path, and from there to the update."""
    end = path[-1]
    middle = end.x + BOX_W / 2
    for box in placed:
        if box.critical or not isinstance(box.task, Task):
            continue
        # from the arrow into the box of the path above
        above = next(other for other in path if other.x == box.x and other.y + LANE > path[-1].y)
        x = box.x - (12 if box.x == LEFT else 7)
        commands = (("M", x, above.middle), ("L", x, box.middle), ("L", box.x - 2, box.middle))
        yield Path(commands, role="muted", width=1.2, arrow=True)
        if box.task.name in schedule[_name(end)].after:
            x = box.right + 9
            commands = (("M", box.right, box.middle), ("L", x, box.middle), ("L", x, rail))
            yield Path((*commands, ("L", middle, rail)), role="muted", width=1.2)
    start = end.y + BOX_H + (BAR + 20 if schedule.seconds is not None else 2)
    yield Line(middle, rail, middle, start, role="muted", width=1.2, arrow=True)


def _name(box: _Placed) -> str:
    assert isinstance(box.task, Task)
    return box.task.name


def _box(box: _Placed, longest: float, words: Catalogue) -> Iterator[Mark]:
    middle = box.x + BOX_W / 2
    if isinstance(box.task, int):
        yield Rect(x=box.x, y=box.y, w=BOX_W, h=BOX_H, fill="ground")
        yield Words(middle, box.middle + 1, "⋯", 18, role="muted")
        text = words("parallel.hidden", n=box.task)
        yield Words(middle, box.y + BOX_H - 4, text, SMALL, role="muted")
        return
    task = box.task
    role = "update" if task.part == "update" else "signal" if task.is_forward else "error"
    tip = _tip(task, words)
    for away in (6, 3) if task.width > 1 else ():
        yield Rect(
            box.x + away, box.y - away, BOX_W, BOX_H, 5, role=role, fill="panel", opacity=0.4
        )
    stroke = 2.4 if box.critical else 1.2
    yield Rect(box.x, box.y, BOX_W, BOX_H, 5, role=role, fill="panel", width=stroke, title=tip)
    label, wide = label_of(task, words), _width_text(task)
    size = min(14.0, 14.0 * (BOX_W - 8) / width_of(label, 14, bold=True))
    yield Words(middle, box.y + 19, label, size, bold=True, role=role, title=tip)
    yield Words(middle, box.y + 36, wide, _fitting(wide), role="ink", title=tip)
    if task.seconds is not None:
        yield from _time(box, task.seconds, longest, role, tip)


def _time(box: _Placed, seconds: float, longest: float, role: str, tip: str) -> Iterator[Mark]:
    y = box.y + BOX_H + 5
    yield Rect(box.x, y, BOX_W, BAR, 2, fill="grid")
    share = seconds / longest if longest else 0.0
    yield Rect(box.x, y, max(1.0, BOX_W * share), BAR, 2, fill=role, title=tip)
    text = seconds_text(seconds)
    yield Words(box.x + BOX_W / 2, y + BAR + 12, text, SMALL, role="muted", title=tip)


def _width_text(task: Task) -> str:
    if task.part in ("bp3", "bp4", "update"):
        return f"{task.units:,}"
    return f"{task.samples:,} × {task.units:,}"


def _fitting(text: str) -> float:
    return min(SMALL + 1, (SMALL + 1) * (BOX_W - 6) / width_of(text, SMALL + 1))


def _tip(task: Task, words: Catalogue) -> str:
    given = {"task": label_of(task, words), "wide": task.width, "depth": task.depth}
    if task.seconds is None:
        return words("parallel.tip", **given)
    return words("parallel.tip_timed", time=seconds_text(task.seconds), **given)


def _legend(y: float, words: Catalogue) -> Iterator[Mark]:
    x = LEFT
    for role, key in (("signal", "forward"), ("error", "backward"), ("update", "update")):
        text = words(f"parallel.{key}")
        yield Rect(x, y - 9, 14, 10, 2, role=role, fill="panel", width=1.6)
        yield Words(x + 19, y, text, SMALL, "start", role=role)
        x += 19 + width_of(text, SMALL) + 18
    yield Words(x, y, words("parallel.critical"), SMALL, "start", role="muted")
