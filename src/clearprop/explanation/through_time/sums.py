"""The gradient of one parameter and sequence as a sum over the steps of time.

The weights are the same at every step, so each step adds its own product (BP3 and BP4 through time)

    ∂E/∂W = Σ_t δ_t x_tᵀ     ∂E/∂U = Σ_t δ'_t h_(t-1)ᵀ     ∂E/∂b = Σ_t δ_t

and the gradient of the batch is the sum of these over its sequences. Every factor is read from the
trace. A parameter behind the readout acts once, or, where every step is read out, at each step.

Public names: `OverTime`, `over_time`.
May import: `places`, `run`, `clearprop.engines`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearprop.engines.trace import SequenceTrace
from clearprop.explanation.places import Place
from clearprop.explanation.through_time.run import rounding
from clearprop.network import Recurrence


@dataclass(frozen=True, eq=False)
class OverTime:
    """∂E/∂w of one sequence, step by step, in the order of time.

    Attributes
    ----------
    place : Place
    sequence : int
        Its place in the batch, counted from 0.
    steps : (k,) int array
        The steps at which the parameter acted, counted from 0; the last one alone for a parameter
        behind the readout.
    deltas : (k,) float64 array
        δ_t of what it leads into; δ'_t for a weight of U and for a GRU's inner bias.
    signals : (k,) float64 array
        What came along it: x_t or h_(t-1), with the layer's forward scale; ones for a bias.
    sequences : (n,) float64 array
        What each sequence of the batch adds to the gradient.
    gradient : float
        ∂E/∂w of the batch, as the update used it, before penalty and clipping.
    tolerance : float
        What rounding may come to, relative to the sum of absolute terms.
    sizes : (n,) float64 array
        Σ_t |…| of each sequence.
    """

    place: Place
    sequence: int
    steps: np.ndarray
    deltas: np.ndarray
    signals: np.ndarray
    sequences: np.ndarray
    gradient: float
    tolerance: float
    sizes: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """δ_t times the signal: what each step adds, (k,)."""
        return self.deltas * self.signals

    @property
    def running(self) -> np.ndarray:
        """The sum so far, in the order of time, (k,)."""
        return np.cumsum(self.values)

    @property
    def total(self) -> float:
        """Σ over the steps, rounded once."""
        return math.fsum(self.values)

    @property
    def shares(self) -> np.ndarray:
        """|value| / Σ |values|, (k,); zeros where all are 0."""
        size = np.abs(self.values)
        return size / (size.sum() or 1.0)

    @property
    def batch_total(self) -> float:
        """Σ over the batch's sequences."""
        return math.fsum(self.sequences)

    @property
    def adds_up(self) -> bool:
        """Whether all steps of all sequences add up to the gradient, within rounding."""
        return abs(self.batch_total - self.gradient) <= self.tolerance * math.fsum(self.sizes)


def over_time(trace: SequenceTrace, place: Place, sequence: int) -> OverTime:
    """Return the gradient of one parameter, step by step of one sequence."""
    deltas, signals = factors(trace, place)
    values = deltas * signals
    by_step = len(deltas) == trace.packing.rows
    owners = trace.packing.place if by_step else np.arange(len(deltas))
    n = len(trace.packing.lengths)
    rows = trace.packing.of(sequence) if by_step else np.array([sequence])
    steps = np.arange(len(rows)) if by_step else trace.packing.lengths[[sequence]] - 1
    return OverTime(
        place,
        sequence,
        steps,
        deltas[rows],
        signals[rows],
        np.bincount(owners, values, minlength=n),
        float(trace.gradient[place.entry(trace.network)]),
        rounding(trace),
        np.bincount(owners, np.abs(values), minlength=n),
    )


def factors(trace: SequenceTrace, place: Place) -> tuple[np.ndarray, np.ndarray]:
    """Return δ (or δ') and what it is multiplied by, a row each of the layer's arrays."""
    index = place.layer - 1
    operation = trace.network.operations[index]
    column = place.unit
    errors = trace.delta[index]
    if isinstance(operation, Recurrence):
        tall = operation.ways[0].weight.shape[0]
        column += place.way * tall
        if place.array == "c":
            column += tall - operation.size
        if place.array:
            errors = trace.fed_back[index]
    deltas = errors[:, column].astype(np.float64)
    if place.source is None:
        return deltas, np.ones(len(deltas))
    if place.array == "U":
        assert isinstance(operation, Recurrence)
        signals = trace.before[index][:, place.way * operation.size + place.source]
    else:
        signals = trace.inputs[index][:, place.source]
    return deltas, operation.scale * signals.astype(np.float64)
