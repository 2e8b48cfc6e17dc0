"""A scene as SVG: one element a mark, coloured by classes, with its key and what pointing says.

`svg_of` gives a file that stands alone and follows the reader's light or dark scheme; `svg_inline`
gives the element for a page that has put `page_style()` and `fitting_style()` into its own style.
Colours are also written as attributes, for programs that read no style. There are no scripts, and
nothing is loaded.

Public names: `fitting_style`, `page_style`, `svg_inline`, `svg_of`.
May import: `scenes.scene`, `scenes.measure`, `scenes.palette`.
"""

from __future__ import annotations

import base64
import hashlib
import math
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from clearprop.explanation.scenes.measure import box_of
from clearprop.explanation.scenes.palette import (
    DARK,
    LIGHT,
    PALETTE,
    Scheme,
    colours,
    heat_colour,
)
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

# faces with the same widths everywhere, so that texts fit where the scene put them
FACES = (
    "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', "
    "'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"
)
LEAST_TEXT = 8.0  # pixels; a picture is not shrunk until its texts are smaller


def svg_of(scene: Scene, scheme: Scheme | None = None) -> str:
    """Return a scene as an SVG file that stands alone, on the reader's ground or on a given one."""
    style = f"<style>{_rules(LIGHT)}@media screen and (prefers-color-scheme: dark){{"
    style += f"{_rules(DARK)}}}</style>"
    if scheme is not None:
        style = f"<style>{_rules(LIGHT)}{_rules(scheme)}</style>"
    ground = f'<rect class="f-ground" width="100%" height="100%" fill="{PALETTE["ground"].light}"/>'
    return _svg(scene, 'xmlns="http://www.w3.org/2000/svg"', style + ground, "")


def svg_inline(scene: Scene, prefix: str = "") -> str:
    """Return a scene as an element of a page, which brings the style.

    It is that of `page_style` and `fitting_style`.

    A scene with a narrow form gives two elements, of which the page's width shows one. `prefix`
    keeps ids apart where the same scene stands on a page twice. Inside an element of class `wide`
    the picture shrinks with the page as far as its texts stay readable; beyond that it scrolls.
    """
    if scene.narrow is None:
        return _svg(scene, _least(scene), "", prefix)
    other = _svg(scene.narrow, _least(scene.narrow), "", prefix and f"{prefix}n", "scene narrow")
    return f"{_svg(scene, _least(scene), '', prefix, 'scene broad')}\n{other}"


def _least(scene: Scene) -> str:
    """Return the attribute that tells how far a picture may shrink."""
    sizes = [mark.size for mark in scene.marks if isinstance(mark, Words)]
    least = scene.width * min(1.0, LEAST_TEXT / min(sizes, default=LEAST_TEXT))
    return f'style="--least:{_figure(least)}px"'


def page_style() -> str:
    """Return the rules that colour the scenes of a page, for light and for dark ground."""
    return (
        f"{_rules(LIGHT)}\n@media screen and (prefers-color-scheme: dark) {{\n{_rules(DARK)}\n}}\n"
    )


def fitting_style() -> str:
    """Return the rules that fit the scenes of a page to its width."""
    return (
        ".wide>.scene.scene{max-width:100%;min-width:var(--least);height:auto}\n"
        ".scene.narrow.narrow{display:none}\n@media screen and (max-width: 37.5rem) {"
        ".scene.broad.broad{display:none}.scene.narrow.narrow{display:block}}\n"
    )


def _rules(scheme: Scheme) -> str:
    """Return the classes of all roles: s- strokes, f- fills, t- texts."""
    table = colours(scheme)
    rules = [
        f".scene .s-{role}{{stroke:{line}}}.scene .f-{role}{{fill:{line}}}"
        f".scene .t-{role}{{fill:{text}}}"
        for role, (line, text) in table.items()
    ]
    if scheme == LIGHT:
        rules.append(f".scene text{{font-family:{FACES};font-variant-numeric:tabular-nums}}")
    return "".join(rules)


def _svg(scene: Scene, attributes: str, head: str, prefix: str, classes: str = "scene") -> str:
    painter = _Painter(prefix or f"s{_digest(scene)}")
    width, height = _figure(scene.width), _figure(scene.height)
    marks = "\n".join(map(painter.paint, scene.marks))
    description = f"<desc>{escape(scene.description)}</desc>" if scene.description else ""
    return (
        f'<svg {attributes} class="{classes}" role="img" aria-label={quoteattr(scene.title)} '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>{escape(scene.title)}</title>{description}{head}\n{marks}\n</svg>"
    )


def _digest(scene: Scene) -> str:
    return hashlib.sha256(repr(scene).encode()).hexdigest()[:8]


def _figure(value: float) -> str:
    """Return a length with two decimals at most."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@dataclass
class _Painter:
    """Paints marks; counts what needs an id."""

    prefix: str
    ids: int = 0

    def paint(self, mark: Mark) -> str:
        """Return one mark as an element."""
        return _PAINTERS[type(mark)](self, mark)

    def line(self, mark: Line) -> str:
        end = (mark.x2, mark.y2)
        ends = {"x1": mark.x1, "y1": mark.y1, "x2": mark.x2, "y2": mark.y2}
        if mark.arrow:
            angle = math.atan2(mark.y2 - mark.y1, mark.x2 - mark.x1)
            stop = _short_of(end, angle, mark.width)
            ends |= {"x2": stop[0], "y2": stop[1]}
            return _grouped(mark, _element("line", mark, ends, bare=True) + _head(mark, end, angle))
        return _element("line", mark, ends)

    def path(self, mark: Path) -> str:
        shape = {"d": _commands(mark.commands)}
        if mark.arrow:
            end, angle = _heading(mark)
            return _grouped(
                mark, _element("path", mark, shape, bare=True) + _head(mark, end, angle)
            )
        return _element("path", mark, shape)

    def circle(self, mark: Circle) -> str:
        return _element("circle", mark, {"cx": mark.x, "cy": mark.y, "r": mark.radius})

    def rect(self, mark: Rect) -> str:
        shape = {"x": mark.x, "y": mark.y, "width": mark.w, "height": mark.h}
        return _element("rect", mark, shape | ({"rx": mark.radius} if mark.radius else {}))

    def words(self, mark: Words) -> str:
        role = mark.role or "ink"
        style = f' text-anchor="{mark.anchor}"' if mark.anchor != "start" else ""
        style += ' font-weight="600"' if mark.bold else ""
        style += ' font-style="italic"' if mark.italic else ""
        place = f'x="{_figure(mark.x)}" y="{_figure(mark.y)}"'
        if mark.turn:
            where = f"{_figure(mark.turn)} {_figure(mark.x)} {_figure(mark.y)}"
            place += f' transform="rotate({where})"'
        text = (
            f'<text class="t-{role}" fill="{PALETTE[role].light_text}" '
            f'font-size="{_figure(mark.size)}"{style} {place}{_about(mark)}>'
            f"{_title(mark)}{escape(mark.text)}</text>"
        )
        return _plate(mark) + text if mark.plate and not mark.turn else text

    def heat(self, mark: Heat) -> str:
        place = {"x": mark.x, "y": mark.y, "width": mark.w, "height": mark.h}
        where = "".join(f' {name}="{_figure(value)}"' for name, value in place.items())
        clip, cut = "", ""
        if mark.clip:
            self.ids += 1
            name = f"{self.prefix}-{self.ids}"
            clip = f'<clipPath id="{name}"><path d="{_commands(mark.clip)}"/></clipPath>'
            cut = f' clip-path="url(#{name})"'
        edges = ' style="image-rendering:pixelated"' if mark.crisp else ""
        image = (
            f'<image{where} preserveAspectRatio="none"{edges}{cut}{_about(mark)} '
            f'href="data:image/png;base64,{_png(mark)}"'
        )
        return clip + (f"{image}>{_title(mark)}</image>" if mark.title else f"{image}/>")


_PAINTERS: dict[type, Callable[[_Painter, Any], str]] = {
    Line: _Painter.line,
    Path: _Painter.path,
    Circle: _Painter.circle,
    Rect: _Painter.rect,
    Words: _Painter.words,
    Heat: _Painter.heat,
}


def _element(name: str, mark: Mark, shape: dict[str, Any], *, bare: bool = False) -> str:
    """Return a drawn element; a bare one leaves key and title to the group around it."""
    classes = [f"f-{mark.fill}"] if mark.fill else []
    classes += [f"s-{mark.role}"] if mark.role else []
    drawn = "".join(
        f' {key}="{value if isinstance(value, str) else _figure(value)}"'
        for key, value in shape.items()
    )
    fill = PALETTE[mark.fill].light if mark.fill else "none"
    drawn += f' fill="{fill}"' if name != "line" else ""
    if mark.role:
        drawn += f' stroke="{PALETTE[mark.role].light}"'
        drawn += f' stroke-width="{_figure(mark.width)}"' if mark.width != 1 else ""
        dashes = " ".join(map(_figure, mark.dash))
        drawn += f' stroke-dasharray="{dashes}"' if dashes else ' stroke-linecap="round"'
        drawn += ' stroke-linejoin="round"' if name == "path" else ""
    drawn += f' opacity="{_figure(mark.opacity)}"' if mark.opacity != 1 and not bare else ""
    about, title = ("", "") if bare else (_about(mark), _title(mark))
    start = f'<{name} class="{" ".join(classes)}"{drawn}{about}'
    return f"{start}>{title}</{name}>" if title else f"{start}/>"


def _plate(mark: Words) -> str:
    """Return the plate behind a text, in the colour of what it stands on."""
    box, role = box_of(mark), "paper" if mark.role == "pen" else "ground"
    shape = {"x": box.left - 1, "y": box.top - 1, "rx": 2}
    shape |= {"width": box.right - box.left + 2, "height": box.bottom - box.top + 2}
    drawn = "".join(f' {key}="{_figure(value)}"' for key, value in shape.items())
    return f'<rect class="f-{role}" fill="{PALETTE[role].light}"{drawn}/>'


def _grouped(mark: Mark, inside: str) -> str:
    opacity = f' opacity="{_figure(mark.opacity)}"' if mark.opacity != 1 else ""
    return f"<g{opacity}{_about(mark)}>{_title(mark)}{inside}</g>"


def _about(mark: Mark) -> str:
    return f" data-key={quoteattr(mark.key)}" if mark.key else ""


def _title(mark: Mark) -> str:
    return f"<title>{escape(mark.title)}</title>" if mark.title else ""


def _commands(commands: Iterable[tuple[Any, ...]]) -> str:
    return "".join(f"{name}{' '.join(map(_figure, numbers))}" for name, *numbers in commands)


# arrow heads


def _reach(width: float) -> float:
    return 4.5 + 1.5 * width


def _short_of(end: tuple[float, float], angle: float, width: float) -> tuple[float, float]:
    """Return where a line stops so that it does not stick out of its head."""
    back = 0.7 * _reach(width)
    return end[0] - back * math.cos(angle), end[1] - back * math.sin(angle)


def _heading(mark: Path) -> tuple[tuple[float, float], float]:
    """Return a path's end and the direction in which it arrives there."""
    numbers = [n for _, *values in mark.commands for n in values]
    x0, y0, x1, y1 = numbers[-4:]
    return (x1, y1), math.atan2(y1 - y0, x1 - x0)


def _head(mark: Mark, end: tuple[float, float], angle: float) -> str:
    reach = _reach(mark.width)
    corners = [end]
    for turn in (2.7, -2.7):
        corners.append(
            (end[0] + reach * math.cos(angle + turn), end[1] + reach * math.sin(angle + turn))
        )
    points = " ".join(f"{_figure(x)},{_figure(y)}" for x, y in corners)
    return f'<polygon class="f-{mark.role}" fill="{PALETTE[mark.role].light}" points="{points}"/>'


# heat maps


def _png(mark: Heat) -> str:
    """Return a grid of values as a small PNG image, base64."""
    rows, columns = len(mark.values), len(mark.values[0])
    scan = b"".join(
        b"\0" + bytes(c for value in row for c in heat_colour(value, mark.limit, mark.zero))
        for row in mark.values
    )
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(scan, 9)), (b"IEND", b"")]
    image = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return base64.b64encode(image).decode()
