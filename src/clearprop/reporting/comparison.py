"""The network beside other models: measures with their intervals, and differences row by row.

Public names: `Comparison`, `Figure`, `Model`, `compare`.
May import: `answers`, `measures`, `resampling`, NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearprop.reporting.answers import Answers
from clearprop.reporting.measures import Measure, measures_of
from clearprop.reporting.resampling import Interval, draws, middle, wilson

NETWORK = "network"
# entries of all draws together, at most
MOST_COUNTS, FEWEST_DRAWS = 20_000_000, 200


@dataclass(frozen=True)
class Figure:
    """A measure of one model.

    Attributes
    ----------
    value : float
    interval : Interval
        95 %.
    ahead : float
        How much better the network's value is; below 0 where it is worse, 0 of the network.
    ahead_interval : Interval
        95 %, by the bootstrap over the same rows for both.
    """

    value: float
    interval: Interval
    ahead: float
    ahead_interval: Interval

    @property
    def verdict(self) -> Literal["better", "worse", "alike"]:
        """How the network compares: better or worse where the interval leaves no doubt."""
        if self.ahead_interval.low > 0:
            return "better"
        return "worse" if self.ahead_interval.high < 0 else "alike"


@dataclass(frozen=True)
class Comparison:
    """All models under all measures.

    Attributes
    ----------
    rows : int
        Rows that they were measured on.
    draws : int
        Of the bootstrap.
    measures : tuple of str
        Keys, the most telling first.
    higher_is_better : mapping of key to bool
    by_wilson : frozenset of str
        Measures whose intervals are Wilson's; the others are the bootstrap's.
    figures : mapping of model to mapping of measure to Figure
        The network is `"network"` and comes first.
    groups : int
        Groups that were drawn whole; 0 where rows were.
    """

    rows: int
    draws: int
    measures: tuple[str, ...]
    higher_is_better: Mapping[str, bool]
    by_wilson: frozenset[str]
    figures: Mapping[str, Mapping[str, Figure]]
    groups: int = 0

    @property
    def main(self) -> str:
        """The measure that findings speak of."""
        return self.measures[0]

    def best_other(self, measure: str) -> str | None:
        """Return the baseline that does best; None where there is none."""
        sign = 1 if self.higher_is_better[measure] else -1
        others = [name for name in self.figures if name != NETWORK]
        return max(others, key=lambda m: sign * self.figures[m][measure].value, default=None)


def compare(
    answers: Mapping[str, Answers], *, seed: int = 0, groups: np.ndarray | None = None
) -> Comparison:
    """Measure models on the same rows.

    Parameters
    ----------
    answers : mapping of model to Answers
        The network's are under `"network"`.
    groups : (n,) array of int, optional
        Codes from 0 of groups of rows that belong together.
    """
    rows = len(answers[NETWORK])
    count = max(FEWEST_DRAWS, min(1000, MOST_COUNTS // rows))
    measures = {model: measures_of(given) for model, given in answers.items()}
    drawn = _drawn(measures, draws(rows, count, seed, groups))
    once = _drawn(measures, [np.ones((1, rows))])
    own = measures[NETWORK]
    by_wilson = frozenset(m.key for m in own if m.is_share and groups is None)
    figures: dict[str, dict[str, Figure]] = {}
    for model in answers:
        for measure in own:
            key, sign = measure.key, 1 if measure.higher_is_better else -1
            value = float(once[model, key][0])
            hits = round(value * rows) if key in by_wilson else 0
            figures.setdefault(model, {})[key] = Figure(
                value,
                wilson(hits, rows) if key in by_wilson else middle(drawn[model, key]),
                sign * (float(once[NETWORK, key][0]) - value),
                middle(sign * _apart(drawn[NETWORK, key], drawn[model, key])),
            )
    return Comparison(
        rows,
        count,
        tuple(measure.key for measure in own),
        {measure.key: measure.higher_is_better for measure in own},
        by_wilson,
        figures,
        0 if groups is None else int(groups.max()) + 1,
    )


def _drawn(
    measures: Mapping[str, Sequence[Measure]], counts: Iterable[np.ndarray]
) -> dict[tuple[str, str], np.ndarray]:
    """Return what every measure of every model comes to in each draw."""
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for some in counts:
        for model, of_model in measures.items():
            for measure in of_model:
                found.setdefault((model, measure.key), []).append(measure.of(some))
    return {key: np.concatenate(parts) for key, parts in found.items()}


def _apart(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return differences; none where a draw left something undefined, as R² of equal values."""
    with np.errstate(invalid="ignore"):
        return np.asarray(own - other)
