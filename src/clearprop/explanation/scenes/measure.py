"""How wide a text will be, estimated, so that layouts can leave room for it.

Widths are those of a common sans-serif face with tabular figures, a little on the wide side; a
Chinese character is as wide as it is high.

Public names: `Box`, `box_of`, `shortened`, `width_of`, `wrap`.
May import: `scene`.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from clearprop.explanation.scenes.scene import Words

_NARROW = frozenset("iljtfrI.,:;'|!()[] ·⁻¹")
_WIDE = frozenset("mwMW%@→←…∂Σ×−+=<>")
_SUPERSCRIPTS = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Box(NamedTuple):
    """A rectangle by its edges; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def _em(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in _SUPERSCRIPTS:
        return 0.36
    if character in _NARROW:
        return 0.31
    if character in _WIDE:
        return 0.78 if character.isalpha() or character in "%@…" else 0.6
    return 0.64 if character.isupper() else 0.56


def width_of(text: str, size: float, bold: bool = False) -> float:
    """Return the estimated width of a text in pixels; `size` is the face's."""
    return sum(map(_em, text)) * size * (1.06 if bold else 1.0)


def box_of(words: Words) -> Box:
    """Return the rectangle that an unturned text takes up."""
    width = width_of(words.text, words.size, words.bold)
    left = words.x - {"start": 0.0, "middle": width / 2, "end": width}[words.anchor]
    return Box(left, words.y - 0.76 * words.size, left + width, words.y + 0.2 * words.size)


def wrap(text: str, size: float, room: float, bold: bool = False) -> list[str]:
    """Break a text into lines no wider than `room`: at spaces, and between Chinese characters."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and width_of((line + piece).rstrip(), size, bold) > room:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    """Cut a text where a line may break; closing punctuation stays with what it closes."""
    pieces = [""]
    for character in text:
        wide = unicodedata.east_asian_width(character) in "WF"
        after_wide = bool(pieces[-1]) and unicodedata.east_asian_width(pieces[-1][-1]) in "WF"
        closing = character in "，。；：！？、）」』”’%,.;:)"
        opening = bool(pieces[-1]) and pieces[-1][-1] in "（「『“‘("
        if (pieces[-1].endswith(" ") or wide or after_wide) and not closing and not opening:
            pieces.append(character)
        else:
            pieces[-1] += character
    return pieces


def shortened(text: str, size: float, room: float, bold: bool = False) -> str:
    """Return a text cut off with … where it is wider than `room`."""
    if width_of(text, size, bold) <= room:
        return text
    while text and width_of(text + "…", size, bold) > room:
        text = text[:-1]
    return text.rstrip() + "…"
