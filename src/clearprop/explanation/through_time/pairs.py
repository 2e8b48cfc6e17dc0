"""Paths through time: the gradient of one weight by the step at which its error came in.

What is carried back is linear in the errors, so δ_t is a sum over the later steps T at which an
error came in from above, each carried back by the Jacobians of the steps between (Pascanu, Mikolov
and Bengio 2013):

    ∂E/∂h_t = Σ_(T ≥ t)  J_(t+1)ᵀ J_(t+2)ᵀ ⋯ J_Tᵀ  (what came from above at T)

So the gradient of a weight is the sum of a matrix, with a row for each step t at which the weight
acted and a column for each step T at which its error came in; T - t is how far a path reached
through time. The errors of all T are carried back side by side.

Public names: `Pairs`, `pairs_of`.
May import: `places`, `run`, `sums`, `clearprop.engines`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearprop.engines.trace import SequenceTrace
from clearprop.explanation.places import Place
from clearprop.explanation.through_time.run import WaySteps, rounding, run_of, way_steps
from clearprop.explanation.through_time.sums import factors


@dataclass(frozen=True, eq=False)
class Pairs:
    """The gradient of one weight of a recurrent layer and one sequence, by pairs of steps.

    Attributes
    ----------
    place : Place
    sequence : int
    times : (T,) int array
        The numbers of the steps, in the order of the way's own time.
    values : (T, T) array
        Row t: the weight acted at step t. Column T: the error came in from above at step T; 0 where
        that is before t. Rows and columns in the order of the way's own time.
    gradient : float
        What the sequence adds to the gradient, from the trace.
    size : float
        Σ_t |δ_t · signal_t|, from the trace.
    tolerance : float
    """

    place: Place
    sequence: int
    times: np.ndarray
    values: np.ndarray
    gradient: float
    size: float
    tolerance: float

    @property
    def total(self) -> float:
        """The sum of all pairs."""
        return math.fsum(self.values.ravel())

    @property
    def by_distance(self) -> np.ndarray:
        """What paths over 0, 1, 2, … steps of time add, (T,)."""
        return np.array([np.trace(self.values, offset=d) for d in range(len(self.values))])

    @property
    def acted(self) -> np.ndarray:
        """What each step adds at which the weight acted, (T,)."""
        return self.values.sum(axis=1)

    @property
    def read(self) -> np.ndarray:
        """What the error adds that came in at each step, (T,)."""
        return self.values.sum(axis=0)

    @property
    def sources(self) -> int:
        """At how many steps an error came in."""
        return int(np.count_nonzero(np.abs(self.values).sum(axis=0)))

    @property
    def agrees(self) -> bool:
        """Whether all pairs add up to the gradient, within rounding."""
        size = max(self.size, math.fsum(np.abs(self.values).ravel()))
        return abs(self.total - self.gradient) <= self.tolerance * size


def pairs_of(trace: SequenceTrace, place: Place, sequence: int) -> Pairs:
    """Return the gradient of one weight of a recurrent layer by pairs of steps."""
    run = run_of(trace, sequence)
    ways = way_steps(run, place.layer, place.way)
    deltas, signals = (array[trace.packing.of(sequence)] for array in factors(trace, place))
    own = signals[ways.times]
    return Pairs(
        place,
        sequence,
        ways.times,
        _carried(ways, place) * own[:, None],
        math.fsum(deltas * signals),
        math.fsum(np.abs(deltas * signals)),
        rounding(trace),
    )


def _carried(ways: WaySteps, place: Place) -> np.ndarray:
    """Return δ_t of the place's unit (δ' for U and c), by where its error came in: (T, T)."""
    steps, size = ways.above.shape
    found = np.zeros((steps, steps))
    column = place.unit
    if place.array == "c":
        column += ways.U.shape[0] - size
    # row k is the error that came in at step T - 1 - k
    error = tuple(np.zeros((0, size)) for _ in ways.cell.states)
    for t in reversed(range(steps)):
        entering = [ways.above[t : t + 1], *(np.zeros((1, size)) for _ in error[1:])]
        error = tuple(np.concatenate(pair) for pair in zip(error, entering, strict=True))
        delta, prime, error = ways.back(t, error)
        chosen = prime if place.array else delta
        found[t, t:] = chosen[::-1, column]
    return found
