"""Roles and their colours, on light and on dark ground.

The colours are those of Okabe and Ito, which people with any colour vision tell apart; on dark
ground they are lightened, and as text they are darkened or lightened until they contrast with the
ground by 4.5 : 1 or more. A role says what a mark is:

    ink, muted, axis, grid      text and structure, from strong to faint
    ground, panel               what everything stands on; an inside
    positive, negative          the sign of a number, a weight, a product
    signal                      what runs forward
    error                       δ and whatever runs backward
    update                      a step of a parameter
    contrast                    a second line of a plot
    halo                        what is pointed out, always behind a mark, never text
    pen, paper                  strokes and plates on a heat map; the same on both grounds

Public names: `Colour`, `DARK`, `LIGHT`, `PALETTE`, `colours`, `contrast`, `heat_colour`.
May import: nothing of the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scheme = Literal["light", "dark"]
LIGHT: Scheme = "light"
DARK: Scheme = "dark"


@dataclass(frozen=True)
class Colour:
    """A role's colours, as `#RRGGBB`: of lines and areas, and of text."""

    light: str
    dark: str
    light_text: str
    dark_text: str


def _same(light: str, dark: str) -> Colour:
    return Colour(light, dark, light, dark)


PALETTE: dict[str, Colour] = {
    "ink": _same("#1B1F24", "#E8EBEF"),
    "muted": Colour("#7A828C", "#8A939E", "#5C646E", "#A3ACB7"),
    "axis": Colour("#9AA1AA", "#6E7781", "#5C646E", "#A3ACB7"),
    "grid": Colour("#DFE3E8", "#343B44", "#5C646E", "#A3ACB7"),
    "ground": _same("#FFFFFF", "#14171A"),
    "panel": _same("#F4F6F8", "#1F242B"),
    "positive": Colour("#0072B2", "#3E9CDB", "#0069A4", "#62B2EA"),
    "negative": Colour("#D55E00", "#F0803A", "#A94A00", "#F59257"),
    "signal": Colour("#44546A", "#AEBCCD", "#3A485C", "#BCC8D6"),
    "error": Colour("#CC79A7", "#D88CB6", "#94406E", "#E3A3C6"),
    "update": Colour("#009E73", "#1FB48A", "#00704F", "#3CC79E"),
    "contrast": Colour("#E69F00", "#E8A823", "#855C00", "#EBB340"),
    "halo": Colour("#F0E442", "#8F8614", "#6F6700", "#F0E442"),
    "pen": _same("#111417", "#111417"),
    "paper": _same("#FFFFFF", "#FFFFFF"),
}

# roles whose text stands on the plain ground
READ_ON_GROUND = tuple(role for role in PALETTE if role not in ("ground", "panel", "pen", "paper"))

_POSITIVE_END, _NEGATIVE_END = (0, 114, 178), (213, 94, 0)


def colours(scheme: Scheme) -> dict[str, tuple[str, str]]:
    """Return each role's colours in one scheme: of lines and areas, and of text."""
    if scheme == LIGHT:
        return {role: (colour.light, colour.light_text) for role, colour in PALETTE.items()}
    return {role: (colour.dark, colour.dark_text) for role, colour in PALETTE.items()}


def contrast(first: str, second: str) -> float:
    """Return how much two colours contrast, 1 to 21, as WCAG 2 defines it.

    (L₁ + 0.05) / (L₂ + 0.05), with the relative luminances L of the lighter and the darker one.
    """
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def heat_colour(value: float, limit: float, zero: float = 0.0) -> tuple[int, int, int]:
    """Return a heat map's colour: vermillion at zero - limit, white at zero, blue at zero + limit.

    A value that is not a number is grey.
    """
    if value != value:
        return 128, 128, 128
    share = max(-1.0, min(1.0, (value - zero) / limit)) if limit else 0.0
    red, green, blue = _POSITIVE_END if share >= 0 else _NEGATIVE_END
    share = abs(share)
    return (
        round(255 + (red - 255) * share),
        round(255 + (green - 255) * share),
        round(255 + (blue - 255) * share),
    )
