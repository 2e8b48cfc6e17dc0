r"""A scene as a TikZ picture, mark by mark; a scene's pixel is three quarters of a point.

Public names: `tikz_of`.
May import: `scenes.scene`, `scenes.palette`, `texmath`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from clearprop.explanation.render.texmath import escaped
from clearprop.explanation.scenes.palette import heat_colour
from clearprop.explanation.scenes.scene import (
    Circle,
    Heat,
    Line,
    Mark,
    Path,
    Rect,
    Scene,
    Words,
)

_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}
_PIXEL = 0.75


def tikz_of(scene: Scene) -> str:
    """Return a scene as a `tikzpicture`, as large as the scene."""
    marks = "\n".join(_PAINTERS[type(mark)](mark) for mark in scene.marks)
    frame = f"\\useasboundingbox (0,0) rectangle ({_n(scene.width)},{_n(scene.height)});"
    options = f"x={_PIXEL}bp,y=-{_PIXEL}bp,every node/.style={{inner sep=0}}"
    return f"\\begin{{tikzpicture}}[{options}]\n{frame}\n{marks}\n\\end{{tikzpicture}}"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _options(mark: Mark, *, arrow: bool = False) -> str:
    parts = [f"draw=cp-line-{mark.role}"] if mark.role else []
    parts += [f"fill=cp-line-{mark.fill}"] if mark.fill else []
    parts.append(f"line width={_n(mark.width * _PIXEL)}bp")
    if mark.dash:
        marks = zip(("on", "off") * len(mark.dash), mark.dash, strict=False)
        pattern = " ".join(f"{state} {_n(length * _PIXEL)}bp" for state, length in marks)
        parts.append(f"dash pattern={pattern}")
    if mark.opacity != 1:
        parts.append(f"opacity={_n(mark.opacity)}")
    return ",".join([*parts, *(["-stealth"] if arrow else [])])


def _line(mark: Line) -> str:
    start, end = f"({_n(mark.x1)},{_n(mark.y1)})", f"({_n(mark.x2)},{_n(mark.y2)})"
    return f"\\path[{_options(mark, arrow=mark.arrow)}] {start} -- {end};"


def _path(mark: Path) -> str:
    return f"\\path[{_options(mark, arrow=mark.arrow)}] {_svg(mark.commands)};"


def _svg(commands: Iterable[tuple[Any, ...]]) -> str:
    """Return SVG's own path, in which a unit is a pixel and y grows downwards."""
    text = " ".join(f"{name} {' '.join(map(_n, numbers))}" for name, *numbers in commands)
    return f"[xscale={_PIXEL},yscale=-{_PIXEL}] svg {{{text}}}"


def _circle(mark: Circle) -> str:
    size = f"radius={_n(mark.radius * _PIXEL)}bp"
    return f"\\path[{_options(mark)}] ({_n(mark.x)},{_n(mark.y)}) circle[{size}];"


def _rect(mark: Rect) -> str:
    corners = f",rounded corners={_n(mark.radius * _PIXEL)}bp" if mark.radius else ""
    far = f"({_n(mark.x + mark.w)},{_n(mark.y + mark.h)})"
    return f"\\path[{_options(mark)}{corners}] ({_n(mark.x)},{_n(mark.y)}) rectangle {far};"


def _words(mark: Words) -> str:
    text = escaped(mark.text)
    text = f"\\textbf{{{text}}}" if mark.bold else text
    text = f"\\textit{{{text}}}" if mark.italic else text
    options = [
        f"anchor={_ANCHORS[mark.anchor]}",
        f"text=cp-{mark.role or 'ink'}",
        f"font=\\fontsize{{{_n(mark.size * _PIXEL)}}}{{{_n(mark.size)}}}\\selectfont",
    ]
    options += [f"rotate={_n(-mark.turn)}"] if mark.turn else []
    options += ["fill=cp-line-ground"] if mark.plate else []
    return f"\\node[{','.join(options)}] at ({_n(mark.x)},{_n(mark.y)}) {{{text}}};"


def _heat(mark: Heat) -> str:
    """Return a field of small rectangles, cut out along `clip`."""
    down, across = mark.h / len(mark.values), mark.w / len(mark.values[0])
    cells = []
    for row, values in enumerate(mark.values):
        for column, value in enumerate(values):
            red, green, blue = heat_colour(value, mark.limit, mark.zero)
            x, y = mark.x + column * across, mark.y + row * down
            cells.append(
                f"\\fill[fill={{rgb,255:red,{red};green,{green};blue,{blue}}}] ({_n(x)},{_n(y)}) "
                f"rectangle ({_n(x + across)},{_n(y + down)});"
            )
    clip = f"\\clip {_svg(mark.clip)};" if mark.clip else ""
    inside = "\n".join(cells)
    return f"\\begin{{scope}}{clip}\n{inside}\n\\end{{scope}}"


_PAINTERS: dict[type, Callable[[Any], str]] = {
    Line: _line,
    Path: _path,
    Circle: _circle,
    Rect: _rect,
    Words: _words,
    Heat: _heat,
}
