"""How long the error stays on its way back through time: vanishing and exploding gradients.

Each step back multiplies the error of a state by the transposed Jacobian, e_(t-1) = J_tᵀ e_t. Its
length is multiplied by at most the spectral norm ‖J_t‖, and in the long run by the spectral radius
(Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013). Followed here is the error
that came in at the last step of a way's own time, and nothing that came in later.

The verdict is data; its words are in the catalogue. With the lengths at both ends of the sequence:

- *vanishing*, *exploding*: of the error less than 10⁻³ is left at the first step, or more than 10³
  times as much is there: the bounds that layers have, too (`health`).
- *fading*, *growing*: the bounds are not reached in this sequence, but a step multiplies the error
  by less than 0.9, or by more than 1.1, so that longer sequences reach them.
- *steady*: neither.
- *none*: no error came in, or there is one step only.
- *lost*: an error is not finite.

Public names: `TimeNorms`, `norms_of`.
May import: `health` (its bounds), `run`, `clearprop.engines`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearprop.engines.trace import SequenceTrace
from clearprop.explanation.health import EXPLODED, VANISHED
from clearprop.explanation.through_time.run import WaySteps, run_of, way_steps

# what a step multiplies the error by, outside of which it fades or grows
FADING, GROWING = 0.9, 1.1
# the share of the error of which `reach` says when it is reached
LITTLE = 0.01
# multiplications that the spectra of all steps take at most; beyond it some steps are left out
BUDGET = 4e8

Kind = Literal["vanishing", "exploding", "fading", "growing", "steady", "none", "lost"]


@dataclass(frozen=True, eq=False)
class TimeNorms:
    """The error of one way of a recurrent layer over one sequence, in the order of its own time.

    Attributes
    ----------
    layer, way : int
        1 for the first layer, 1 for the way back of a layer that goes both ways.
    cell : str
    units : int
    times : (T,) int array
        The numbers of the steps.
    delta : (T,) array
        ‖δ_t‖ of all gates, from the trace.
    error : (T,) array
        ‖what came from above at t‖.
    carried : (T,) array
        What is left at each step of the error that came in at the last: the length of ∂E/∂state.
    spectral, radius : (T,) array
        ‖J_t‖ and the largest |eigenvalue| of J_t, the step from t - 1 to t; NaN where they were
        left out.
    """

    layer: int
    way: int
    cell: str
    units: int
    times: np.ndarray
    delta: np.ndarray
    error: np.ndarray
    carried: np.ndarray
    spectral: np.ndarray
    radius: np.ndarray

    @property
    def steps(self) -> int:
        """T."""
        return len(self.times)

    @property
    def factors(self) -> np.ndarray:
        """What the step back from t + 1 to t multiplied the error by, (T - 1,)."""
        after = np.where(self.carried[1:] > 0, self.carried[1:], np.nan)
        return self.carried[:-1] / after

    @property
    def left(self) -> np.ndarray:
        """What is left of the error, as a multiple of its length at the last step, (T,)."""
        return self.carried / (self.carried[-1] or np.nan)

    @property
    def total(self) -> float:
        """What is left at the first step."""
        return float(self.left[0])

    @property
    def per_step(self) -> float:
        """What a step back multiplies the error by, in the geometric mean."""
        return self.total ** (1 / (self.steps - 1)) if self.steps > 1 else math.nan

    @property
    def kind(self) -> Kind:
        """The verdict."""
        if not np.isfinite(self.carried).all():
            return "lost"
        if not self.carried[-1] or self.steps < 2:
            return "none"
        if self.total < VANISHED:
            return "vanishing"
        if self.total > EXPLODED:
            return "exploding"
        if self.per_step < FADING:
            return "fading"
        return "growing" if self.per_step > GROWING else "steady"

    @property
    def reach(self) -> int | None:
        """After how many steps back less than `LITTLE` of the error is left; None if never."""
        below = np.flatnonzero(self.left[::-1] < LITTLE)
        return int(below[0]) if len(below) else None

    @property
    def horizon(self) -> int | None:
        """After how many steps, at the mean rate, a bound of the verdict is reached."""
        if self.kind not in ("fading", "growing") or not self.total:
            return None
        bound = VANISHED if self.kind == "fading" else EXPLODED
        return math.ceil(math.log(bound) / math.log(self.per_step))


def norms_of(
    trace: SequenceTrace, sequence: int, layer: int, way: int = 0, *, spectra: bool = True
) -> TimeNorms:
    """Return how long the error stays in one way of a recurrent layer.

    `spectra` says whether ‖J‖ and ρ(J) are wanted, which take by far the most time.
    """
    ways = way_steps(run_of(trace, sequence), layer, way)
    rows = trace.packing.of(sequence)[ways.times]
    tall = len(ways.cell.gates) * ways.operation.size
    delta = trace.delta[layer - 1][rows, way * tall : (way + 1) * tall].astype(np.float64)
    nothing = np.full(len(ways.times), np.nan)
    spectral, radius = _spectra(ways) if spectra else (nothing, nothing)
    return TimeNorms(
        layer,
        way,
        ways.operation.cell,
        ways.operation.size,
        ways.times,
        np.linalg.norm(delta, axis=1),
        np.linalg.norm(ways.above, axis=1),
        _carried(ways),
        spectral,
        radius,
    )


def _carried(ways: WaySteps) -> np.ndarray:
    """Return the length of the last step's error at each step, (T,)."""
    steps, size = ways.above.shape
    error = (ways.above[-1:], *(np.zeros((1, size)) for _ in ways.cell.states[1:]))
    lengths = np.zeros(steps)
    for t in reversed(range(steps)):
        lengths[t] = math.sqrt(sum(float(np.sum(part * part)) for part in error))
        error = ways.back(t, error)[2]
    return lengths


def _spectra(ways: WaySteps) -> tuple[np.ndarray, np.ndarray]:
    """Return the spectral norm and radius of J_t at each step, NaN where they were left out."""
    steps, size = ways.above.shape
    states = size * len(ways.cell.states)
    stride = max(1, math.ceil(steps * 25.0 * states**3 / BUDGET))
    norms, radii = np.full(steps, np.nan), np.full(steps, np.nan)
    for t in range(steps - 1, -1, -stride):
        J = ways.jacobian(t)
        if np.isfinite(J).all():
            norms[t] = np.linalg.norm(J, 2)
            radii[t] = np.abs(np.linalg.eigvals(J)).max()
    return norms, radii
