"""A picture as data: a size and a list of marks, in the order in which they are painted.

Lengths are CSS pixels at natural size; y grows downwards. A mark's `role` stands for its colour
(`palette`), its `key` for the number that it shows (`formulas`), `title` is what pointing at it
says, with all digits. A printer adds nothing and leaves nothing out.

Public names: `Scene`, `Mark` and its kinds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The base of all marks.

    Attributes
    ----------
    role : str
        Of the stroke, or of the text; nothing for no stroke.
    fill : str
        Role of the inside; nothing for none.
    width : float
        Of the stroke.
    dash : tuple of float
        Lengths of strokes and gaps; empty for a solid line.
    opacity : float
    key, title : str
    """

    role: str = ""
    fill: str = ""
    width: float = 1.0
    dash: tuple[float, ...] = ()
    opacity: float = 1.0
    key: str = ""
    title: str = ""


@dataclass(frozen=True)
class Line(Mark):
    """A line; `arrow` puts a head at its end."""

    x1: float
    y1: float
    x2: float
    y2: float
    arrow: bool = False


@dataclass(frozen=True)
class Path(Mark):
    """A path of SVG commands: ("M", x, y), ("L", x, y), ("C", …), ("A", …), ("Z",)."""

    commands: tuple[tuple[Any, ...], ...]
    arrow: bool = False


@dataclass(frozen=True)
class Circle(Mark):
    """A circle."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Rect(Mark):
    """A rectangle; x and y are its upper left corner."""

    x: float
    y: float
    w: float
    h: float
    radius: float = 0.0


@dataclass(frozen=True)
class Words(Mark):
    """A text; x and y are its anchor on the base line. `plate` puts the ground's colour behind."""

    x: float
    y: float
    text: str
    size: float = 13.0
    anchor: Anchor = "middle"
    bold: bool = False
    italic: bool = False
    plate: bool = False
    turn: float = 0.0


@dataclass(frozen=True)
class Heat(Mark):
    """A grid of values, painted vermillion-white-blue around `zero`; `limit` from it is the end.

    The first row of `values` is the uppermost. `clip` holds the commands of a closed path, as in
    `Path`, that the grid is cut out along; nothing for the whole rectangle. Cells run into one
    another, unless the grid is `crisp`.
    """

    x: float
    y: float
    w: float
    h: float
    values: tuple[tuple[float, ...], ...]
    limit: float = 1.0
    zero: float = 0.0
    clip: tuple[tuple[Any, ...], ...] = ()
    crisp: bool = False


@dataclass(frozen=True)
class Scene:
    """A picture.

    Attributes
    ----------
    width, height : float
    marks : tuple of Mark
    title, description : str
        What it shows, for those who cannot see it.
    narrow : Scene, optional
        The same for a narrow page, such as a phone's, where this one would be too wide.
    legend : int
        How many of the marks, at their end, are the legend.
    """

    width: float
    height: float
    marks: tuple[Mark, ...]
    title: str
    description: str = ""
    narrow: Scene | None = None
    legend: int = 0

    def to_document(self) -> dict[str, Any]:
        """Return the scene as plain data: each mark a dict with its `kind`."""
        document: dict[str, Any] = {
            "width": self.width,
            "height": self.height,
            "title": self.title,
            "description": self.description,
            "marks": [{"kind": type(mark).__name__.lower(), **_plain(mark)} for mark in self.marks],
        }
        return document if self.narrow is None else document | {"narrow": self.narrow.to_document()}


def _plain(mark: Any) -> dict[str, Any]:
    """Return what of a mark differs from the defaults, as JSON holds it."""
    assert is_dataclass(mark)
    given = {f.name: (getattr(mark, f.name), f.default) for f in fields(mark)}
    return {name: _listed(value) for name, (value, default) in given.items() if value != default}


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value
