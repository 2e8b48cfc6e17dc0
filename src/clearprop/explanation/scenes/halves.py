"""The marks of one unit: a circle in two halves, left z and right a = f(z), with δ below it.

Public names: `unit_marks`.
May import: `board`, `measure`, `scene`, `matrices`, `places`, `numbers`.
"""

from __future__ import annotations

import math

from clearprop.explanation.matrices import by_sign
from clearprop.explanation.numbers import figure
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.board import Board, fitted, full, tied
from clearprop.explanation.scenes.measure import Box, shortened
from clearprop.explanation.scenes.scene import Anchor, Circle, Heat, Line, Mark, Path, Rect, Words

NAME, NUMBER, LETTER = 12.0, 10.5, 9.5
HALO = 6.0  # how far a halo reaches beyond what it lights


def half(x: float, y: float, radius: float, *, right: bool) -> tuple[tuple[object, ...], ...]:
    """Return the outline of the left or right half of a circle."""
    top, bottom = y - radius, y + radius
    return (("M", x, top), ("A", radius, radius, 0, 0, int(right), x, bottom), ("Z",))


def unit_marks(board: Board, layer: int, unit: int, plane: Heat | None = None) -> list[Mark]:
    """Return the marks of a unit at its place; `plane` is painted into its right half."""
    x, y = board.layout.centres[layer, unit]
    radius = board.layout.radius(layer)
    board.taken.append(Box(x - radius, y - radius, x + radius, y + radius))
    marks = _halo(board, layer, unit, x, y, radius)
    if layer == 0:
        return marks + _input(board, unit, x, y, radius)
    if board.figures.prepares(layer):
        return [
            *marks,
            *_prepared(board, layer, unit, x, y, radius),
            *_name(board, layer, unit, x, y, radius),
        ]
    marks += _circle(board, layer, unit, plane)
    if board.layout.sizes.numbers:
        marks += _numbers(board, layer, unit, over_heat=plane is not None)
    marks += _bias(board, layer, unit, x, y, radius)
    return marks + _name(board, layer, unit, x, y, radius)


def _halo(board: Board, layer: int, unit: int, x: float, y: float, radius: float) -> list[Mark]:
    share = board.plan.lit_units.get((layer, unit))
    if share is None:
        return []
    reach = HALO if board.layout.sizes.numbers else 3.5
    return [Circle(x, y, radius + reach, fill="halo", opacity=brightness(share))]


def brightness(share: float) -> float:
    """Return the opacity of a halo, by its path's share of the strongest path."""
    return 0.35 + 0.65 * min(1.0, share)


def _input(board: Board, unit: int, x: float, y: float, radius: float) -> list[Mark]:
    name, value = board.name(0, unit), board.figures.a(0, unit)
    key, title = f"a0.{unit}", f"{name} = {full(value)}"
    marks: list[Mark] = [
        Circle(x, y, radius, role="ink", fill="panel", width=1.4, key=key, title=title)
    ]
    if board.layout.sizes.numbers:
        text, size = fitted(value, 2 * radius - 8, NUMBER)
        marks.append(board.put(Words(x, y + 4, text, size, role="ink", key=key, title=title)))
    size = NAME if board.layout.sizes.numbers else LETTER
    if board.layout.upright:
        text = shortened(name, size, board.layout.sizes.pitch - 10, bold=True)
        label = Words(x, y - radius - 9, text, size, bold=True, key=key, title=name)
    else:
        text = shortened(name, size, x - radius - 16, bold=True)
        label = Words(x - radius - 10, y + 4, text, size, "end", bold=True, key=key, title=name)
    return [*marks, board.put(label)]


def _prepared(board: Board, layer: int, unit: int, x: float, y: float, radius: float) -> list[Mark]:
    """Return a unit of a layer that prepares inputs: one number, in a circle without halves."""
    key, value = f"a{layer}.{unit}", board.figures.a(layer, unit)
    title = f"{board.name(layer, unit)} = {full(value)}"
    circle = Circle(x, y, radius, role="ink", fill="panel", width=1.4, key=key, title=title)
    if not board.layout.sizes.numbers or (layer, unit) not in board.plan.signals:
        return [circle]
    text, size = fitted(value, 2 * radius - 8, NUMBER)
    return [circle, board.put(Words(x, y + 4, text, size, role="ink", key=key, title=title))]


def _circle(board: Board, layer: int, unit: int, plane: Heat | None) -> list[Mark]:
    x, y = board.layout.centres[layer, unit]
    radius = board.layout.radius(layer)
    known = (layer, unit) in board.plan.signals
    z, a = _titles(board, layer, unit) if known else ("", "")
    outline = {"left": half(x, y, radius, right=False), "right": half(x, y, radius, right=True)}
    marks: list[Mark] = [
        Path(outline["left"], fill="ground", key=f"z{layer}.{unit}", title=z),
        Path(outline["right"], fill="panel", key=f"a{layer}.{unit}", title=a),
    ]
    if plane is not None:
        marks.append(plane)
    elif not board.layout.sizes.numbers and known:
        marks += _strength(board, layer, unit, outline["right"], a)
    marks.append(Line(x, y - radius, x, y + radius, role="ink"))
    return [*marks, Circle(x, y, radius, role="ink", width=1.4)]


def _titles(board: Board, layer: int, unit: int) -> tuple[str, str]:
    name = board.name(layer, unit)
    z, a = board.figures.z(layer, unit), board.figures.a(layer, unit)
    left, right = f"{name}: z = {full(z)}", f"{name}: a = f(z) = {full(a)}"
    if not board.layout.sizes.numbers and (layer, unit) in board.plan.errors:
        left += f"\n{board.figures.error_letter} = {full(board.figures.error(layer, unit))}"
    return left, right


def _strength(
    board: Board, layer: int, unit: int, outline: tuple[tuple[object, ...], ...], title: str
) -> list[Mark]:
    """Return the right half tinted by |a| over the layer's largest, with a − where a < 0."""
    values = [abs(board.figures.a(layer, other)) for other in board.layout.units(layer)]
    value, most = board.figures.a(layer, unit), max(values)
    share = abs(value) / most if most > 0 and math.isfinite(most) else 0.0
    key = f"a{layer}.{unit}"
    tint = Path(outline, fill=by_sign(value), opacity=0.85 * share, key=key, title=title)
    if value >= 0:
        return [tint]
    (x, y), radius = board.layout.centres[layer, unit], board.layout.radius(layer)
    minus = Line(x + 0.25 * radius, y, x + 0.75 * radius, y, role="ink", width=1.6)
    return [tint, minus]


def _numbers(board: Board, layer: int, unit: int, *, over_heat: bool) -> list[Mark]:
    """Return z and a in their halves, once they are known."""
    if (layer, unit) not in board.plan.signals:
        return []
    (x, y), radius = board.layout.centres[layer, unit], board.layout.radius(layer)
    values = (("z", board.figures.z(layer, unit), -0.5), ("a", board.figures.a(layer, unit), 0.5))
    marks: list[Mark] = []
    for (letter, value, side), title in zip(values, _titles(board, layer, unit), strict=True):
        plate = over_heat and letter == "a"
        text, size = fitted(value, radius - 4, NUMBER)
        place, role = x + side * (radius - 1), "pen" if plate else "ink"
        soft = "pen" if plate else "muted"
        above = Words(place, y - 9, letter, LETTER, italic=True, role=soft, plate=plate)
        below = Words(place, y + 7, text, size, role=role, plate=plate)
        key = f"{letter}{layer}.{unit}"
        marks += tied(key, title, board.put(above), board.put(below))
    return marks


def _bias(board: Board, layer: int, unit: int, x: float, y: float, radius: float) -> list[Mark]:
    """Return the bias as a small square at the upper left, with its number where there is room."""
    if not board.figures.has_bias((layer, unit)):
        return []
    place, roomy = Place(layer, unit, None), board.layout.sizes.numbers
    value, step = board.figures.parameter(place), board.figures.step(place)
    title = f"{board.figures.names.path_of(place)} = {full(value)}"
    if (layer, unit) in board.plan.errors and step:
        title += f" → {full(value + step)}"
    side = 11.0 if roomy else 5.0
    left, top = x - 0.71 * radius - side - 1, y - 0.71 * radius - side - 1
    board.taken.append(Box(left - 1, top - 1, left + side + 1, top + side + 1))
    role, dash = by_sign(value), (3.0, 2.0) if value < 0 else ()
    width = 2.0 if roomy else 1.5
    square = Rect(left, top, side, side, 1.5, role=role, fill="panel", width=width, dash=dash)
    if not roomy or board.layout.upright or board.plan.faint:
        return tied(place.key, title, square)
    number = Words(left - 4, top + side - 1, figure(value), LETTER, "end", plate=True, role=role)
    return tied(place.key, title, square, board.put(number))


def _room_right(board: Board, layer: int, x: float) -> float:
    """Return how far it is from a unit's middle to the bias of the next one, or to the edge."""
    bias = 0.71 * board.layout.radius(layer) + 16
    centres = (board.layout.centres[layer, unit][0] for unit in board.layout.units(layer))
    return min((there - bias for there in centres if there > x), default=board.layout.right) - x


def _name(board: Board, layer: int, unit: int, x: float, y: float, radius: float) -> list[Mark]:
    """Return the unit's name and its δ, above and below it."""
    name, sizes = board.name(layer, unit), board.layout.sizes
    if not sizes.numbers:
        text = shortened(name, LETTER, sizes.step - 2 * radius - 6)
        label = Words(x, y - radius - 3, text, 8.5, role="muted", plate=True, title=name)
        return [board.put(label)]
    anchor: Anchor = "middle"
    above, below, room = (x, y - radius - 10), (x, y + radius + 18), sizes.pitch - 20
    if board.layout.upright:
        anchor = "start"
        above = (x + 0.66 * radius, y - 0.8 * radius)
        below = (x + 0.62 * radius, y + 0.8 * radius + 13)
        room = _room_right(board, layer, x) - 0.66 * radius
    text = shortened(name, NAME, room, bold=True)
    label = Words(*above, text, NAME, anchor, bold=True, plate=True, role="ink", title=name)
    marks: list[Mark] = [board.put(label)]
    if (layer, unit) in board.plan.errors:
        error = board.figures.error(layer, unit)
        letter, key = board.figures.error_letter, board.figures.error_key(layer, unit)
        said = f"{letter} {figure(error)}"
        told = Words(*below, said, 11.0, anchor, bold=True, plate=True, role="error")
        marks += tied(key, f"{letter}({name}) = {full(error)}", board.put(told))
    return marks
