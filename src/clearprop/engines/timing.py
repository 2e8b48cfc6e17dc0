"""How long each part of a step takes, as an engine measured it.

Public names: `PartTime`, `median_times`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class PartTime:
    """One part of a step.

    Attributes
    ----------
    part : str
        `"gather"`; `"z"` and `"a"` of a layer; `"loss"`, with δ of the output layer; `"delta"` of a
        layer before it, `"bp3"` and `"bp4"` of a layer; `"update"`. An engine that does two of
        these in one pass gives the time of both to one of them. Of networks with recurrent layers
        also `"forward"` and `"backward"`, of all layers together or of one.
    layer : int
        1 for the first; 0 for gathering, loss and update.
    seconds : float
    """

    part: str
    layer: int
    seconds: float


def median_times(runs: Sequence[Sequence[PartTime]]) -> tuple[PartTime, ...]:
    """Return each part with the median of its seconds over several runs of one step."""
    times = zip(*runs, strict=True)
    return tuple(
        PartTime(same[0].part, same[0].layer, median(time.seconds for time in same))
        for same in times
    )
