"""The painter of scenes, for a page that is not the studio's: its script and its style.

Public names: `painter_script`, `painter_style`, `roles_style`.
May import: `clearprop.explanation.scenes`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from clearprop.explanation.scenes.palette import PALETTE

_STATIC = Path(__file__).parent / "static"


def roles_style() -> str:
    """Return the classes of all roles: s- strokes, f- fills, t- texts, in the palette's colours."""
    return "".join(
        f".scene .s-{role}{{stroke:var(--{role})}}.scene .f-{role}{{fill:var(--{role})}}"
        f".scene .t-{role}{{fill:var(--{role}-text)}}\n"
        for role in PALETTE
    )


@cache
def painter_style() -> str:
    """Return all rules that a painted scene needs, but for the palette's colours."""
    return roles_style() + (_STATIC / "picture.css").read_text(encoding="utf-8")


@cache
def painter_script() -> str:
    """Return the ES module that exports `Picture`; it imports nothing."""
    return (_STATIC / "picture" / "index.js").read_text(encoding="utf-8")
