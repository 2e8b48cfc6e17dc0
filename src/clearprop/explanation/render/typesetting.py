"""A formula as lines of text: fractions, chips and matrices take several, and stay aligned.

Public names: `box_of`.
May import: Rich, `formulas`, `boxes`, `breaking`, `inline`, `layout`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from rich.text import Text as Line

from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Grid,
    Group,
    Lines,
    Row,
    Script,
    Sign,
    Stack,
    Total,
)
from clearprop.explanation.render.boxes import (
    STYLES,
    Box,
    beside,
    fenced,
    padded,
    spaced,
    stacked,
    texted,
    toned_box,
)
from clearprop.explanation.render.breaking import BREAKS, atoms
from clearprop.explanation.render.inline import flat
from clearprop.explanation.render.layout import (
    Pair,
    alignments,
    bracketed,
    has_chips,
    pairs_of,
)


def box_of(formula: Formula, width: int | None = None) -> Box:
    """Return a formula as a block of text; what is wider than `width` goes on below."""
    formula = bracketed(formula)
    box = _box(formula)
    return box if width is None or box.width <= width else _fitted(formula, width)


def _box(formula: Formula) -> Box:
    if has_chips(formula) and isinstance(formula, Stack | Row | Group | Total):
        return _two_lines(pairs_of(formula))
    printer = _TALL_NODES.get(type(formula))
    return printer(formula) if printer else Box((flat(formula),))


def _row_box(formula: Row) -> Box:
    return toned_box(beside(spaced(formula.parts, _box)), formula.role)


def _two_lines(pairs: list[Pair]) -> Box:
    upper, lower = _halves(pairs)
    if not any(line.plain.strip() for line in upper.lines):
        return lower
    return stacked((upper, lower), upper.base)


def _halves(pairs: list[Pair]) -> tuple[Box, Box]:
    """Return the line of symbols and the line of numbers, column by column of one width."""
    above, below = [], []
    for pair in pairs:
        boxes = [_line_of(pair, part) for part in (pair.above, pair.below)]
        width = max(box.width for box in boxes)
        above.append(padded(boxes[0], width))
        below.append(padded(boxes[1], width))
    return beside(above), beside(below)


def _line_of(pair: Pair, formula: Formula | None) -> Box:
    if formula is None:
        return texted("")
    if isinstance(formula, Sign):
        return texted(f" {formula.text} ", formula.role)
    return toned_box(_box(formula), pair.role)


def _fraction(formula: Fraction) -> Box:
    top, bottom = _box(formula.top), _box(formula.bottom)
    width = max(top.width, bottom.width)
    bar = texted("─" * width)
    return toned_box(stacked((top, bar, bottom), top.height), formula.role)


def _group(formula: Group) -> Box:
    return fenced(_box(formula.body), formula.brackets, formula.role)


def _total(formula: Total) -> Box:
    sigma = stacked((texted("Σ"), Box((flat(formula.over),))))
    return beside((sigma, texted(" "), _box(formula.body)))


def _grid(formula: Grid, first: int = 0, last: int | None = None) -> Box:
    """Return a matrix, or its columns from `first` to before `last`."""
    cells = [[flat(cell) for cell in row[first:last]] for row in formula.rows]
    labels = [Line(text, STYLES["muted"]) for text in formula.column_labels[first:last]]
    columns = list(zip(*cells, strict=True))
    widths = [max(line.cell_len for line in column) for column in columns]
    if labels:
        widths = [max(w, label.cell_len) for w, label in zip(widths, labels, strict=True)]
    body = Box(tuple(_joined(row, widths, "right") for row in cells), (len(cells) - 1) // 2)
    box = fenced(body, "[]")
    if labels:
        head = Line.assemble(" ", _joined(labels, widths, "right"), " ")
        box = Box((head, *box.lines), box.base + 1)
    if formula.row_labels:
        names = [Line(text, STYLES["muted"]) for text in formula.row_labels]
        side = Box((*([Line()] if labels else []), *names), box.base)
        box = beside((padded(side, side.width, "left"), texted(" "), box))
    return box


def _joined(cells: Iterable[Line], widths: Iterable[int], side: str) -> Line:
    lines = (
        padded(Box((cell,)), width, side).lines[0]
        for cell, width in zip(cells, widths, strict=True)
    )
    return Line("  ").join(lines)


def _lines(formula: Lines, width: int | None = None) -> Box:
    """Return aligned lines; the last cell of each goes on below where it is too wide."""
    sides = alignments(formula.rows)
    rows = [row for cells in formula.rows for row in _cells(cells, None)]
    widths = _widths(rows, sides)
    room = None if width is None else width - sum(widths[:-1])
    if room is not None and 20 <= room < widths[-1]:
        last = len(sides) - 1
        limits = [room if len(cells) > last else None for cells in formula.rows]
        pairs = zip(formula.rows, limits, strict=True)
        rows = [row for cells, limit in pairs for row in _cells(cells, limit)]
        widths = _widths(rows, sides)
    lines = []
    for row in rows:
        places = zip(row, widths, sides, _airs(sides), strict=False)
        lines.append(
            beside(
                padded(padded(box, size - air, side), size, "left")
                for box, size, side, air in places
            )
        )
    return stacked(lines, side="left")


def _widths(rows: list[list[Box]], sides: list[str]) -> list[int]:
    """Return the widths of columns, with air between two that no sign keeps apart."""
    widths = [
        max((row[at].width for row in rows if at < len(row)), default=0) for at in range(len(sides))
    ]
    return [width + air for width, air in zip(widths, _airs(sides), strict=True)]


def _airs(sides: list[str]) -> list[int]:
    """Return the air after each column: none beside a sign, which brings its own."""
    return [0 if "center" in pair else 2 for pair in pairwise(sides)] + [0]


def _cells(cells: tuple[Formula, ...], limit: int | None) -> list[list[Box]]:
    """Return a line's cells; with chips in them two lines, of symbols and of numbers.

    Where a limit is given, the last cell keeps to it.
    """
    if limit is not None and _box(cells[-1]).width > limit:
        return [[*map(_cell, cells[:-1]), _fitted(cells[-1], limit)]]
    if not any(has_chips(cell) for cell in cells):
        return [list(map(_cell, cells))]
    halves = [_halves(pairs_of(cell)) for cell in cells]
    return [[upper for upper, _ in halves], [lower for _, lower in halves]]


def _cell(formula: Formula) -> Box:
    return texted(f" {formula.text} ", formula.role) if isinstance(formula, Sign) else _box(formula)


_TALL_NODES: dict[type, Callable[..., Box]] = {
    Row: _row_box,
    Fraction: _fraction,
    Group: _group,
    Total: _total,
    Grid: _grid,
    Lines: _lines,
}


# fitting a width


def _fitted(formula: Formula, width: int) -> Box:
    """Return a formula in at most `width` places, as far as it can be broken."""
    if isinstance(formula, Lines):
        return _lines(formula, width)
    if isinstance(formula, Grid):
        return _grid_in_pieces(formula, width)
    if has_chips(formula) and isinstance(formula, Row | Group | Total):
        pairs = pairs_of(formula)
        return _broken(
            pairs, [_ease(pair.below or pair.above) for pair in pairs], _two_lines, width
        )
    if isinstance(formula, Row | Group | Script):
        whole = replace(formula, role="") if isinstance(formula, Row) else formula
        parts = list(atoms(whole, lambda part: _box(part).width > width // 2))
        boxes = spaced(parts, lambda part: box_of(part, width - 2))
        breaks = [BREAKS.get(box.lines[box.base].plain.strip(), 0) for box in boxes]
        return toned_box(_broken(boxes, breaks, beside, width), formula.role)
    return _box(formula)


def _ease(formula: Formula | None) -> int:
    return BREAKS.get(formula.text, 0) if isinstance(formula, Sign) else 0


def _broken(
    items: Sequence[Any], breaks: Sequence[int], draw: Callable[[Any], Box], width: int
) -> Box:
    """Return items in as many lines as they need.

    Parameters
    ----------
    items : sequence
        Pairs or boxes.
    breaks : sequence of int
        Whether a line may begin with the item: 2 if it may, 1 if it must, 0 if it must not.
    draw : callable
        A list of items as one box.
    width : int
        Places that a line may take; later lines are set in by two.
    """
    rows: list[Box] = []
    start, room = 0, width
    while start < len(items):
        end = _end_of_line(items, breaks, draw, start, room)
        rows.append(draw(items[start:end]))
        start, room = end, width - 2
    first, *later = rows
    boxes = [first, *(beside((texted("  "), box)) for box in later)]
    return stacked(boxes, first.base, "left")


def _end_of_line(
    items: Sequence[Any], breaks: Sequence[int], draw: Callable[[Any], Box], start: int, room: int
) -> int:
    """Return where a line that starts at an item ends: as late as fits, at an easy break."""
    ends = [at for at in range(start + 1, len(items)) if breaks[at]] + [len(items)]
    fitting = [end for end in ends if draw(items[start:end]).width <= room]
    easy = [end for end in fitting if end == len(items) or breaks[end] == 2]
    return max(easy, default=0) or max(fitting, default=0) or ends[0]


def _grid_in_pieces(formula: Grid, width: int) -> Box:
    columns = len(formula.rows[0])
    count = columns
    while (
        count > 1
        and max(_grid(formula, at, at + count).width for at in range(0, columns, count)) > width
    ):
        count -= 1
    pieces = [_grid(formula, at, at + count) for at in range(0, columns, count)]
    return stacked(pieces, pieces[0].base, "left")
