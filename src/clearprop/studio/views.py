"""What a person looks at.

Public names: `SPEEDS`, `View`.
May import: `clearprop.explanation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from clearprop.explanation.places import Place

# steps a second; the last is as fast as the engine goes
SPEEDS: dict[str, float] = {"slow": 3, "calm": 30, "quick": 600, "full": float("inf")}


@dataclass(frozen=True)
class View:
    """What a person looks at.

    Attributes
    ----------
    lang : str
    upright : bool
        The network's layers run downwards, for a narrow page.
    weight : Place
        The parameter that is looked into.
    row : int
        The training row whose numbers the network shows.
    output : int
        The output that the surface is of.
    pane : str
        The drawer's pane that is open, by its name; none where empty.
    """

    lang: str = "en"
    upright: bool = False
    weight: Place = field(default=Place(1, 0, 0))
    row: int = 0
    output: int = 0
    pane: str = ""
