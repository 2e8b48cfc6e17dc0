"""The gradient of one parameter as a sum over the samples of the batch, largest first.

    ∂E/∂w_jk = Σ_i δ_ij a_ik s        ∂E/∂b_j = Σ_i δ_ij

δ_i holds the sample's coefficient c_i, a_i is what the layer received (after dropout) and s the
layer's forward scale; for other parameters see `reach`. Every summand is read from the Trace; their
sum is the gradient that the update used, up to the rounding of the sum.

Public names: `Contributions`, `contributions_of`.
May import: `places`, `reach`, `clearprop.engines`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.places import Place, source_of
from clearprop.explanation.reach import reach_of


@dataclass(frozen=True, eq=False)
class Contributions:
    """∂E/∂w of a batch, sample by sample; arrays are sorted, the largest |value| first.

    Attributes
    ----------
    place : Place
    samples : (n,) int array
        Rows of the trace, counted from 0.
    rows : (n,) int array
        The same rows' numbers in the data.
    deltas : (n,) float64 array or None
        δ_ij, with the sample's coefficient in it; ∂E/∂a_ij for a learnt part of an activation. None
        where the parameter moves several units.
    signals : (n,) float64 array or None
        s a_ik, what came along the weight; ones for a bias; in general what it moves of its unit.
    values : (n,) float64 array
        δ_ij · s a_ik, what each sample adds to the gradient.
    delta_key, signal_key : str
        The keys of the focused sample's δ and signal in pictures; empty for what none shows.
    gradient : float
        ∂E/∂w as the update used it, before penalty and clipping.
    tolerance : float
        What the rounding of the engine's sum may come to, relative to Σ |values|.
    """

    place: Place
    samples: np.ndarray
    rows: np.ndarray
    deltas: np.ndarray | None
    signals: np.ndarray | None
    values: np.ndarray
    delta_key: str
    signal_key: str
    gradient: float
    tolerance: float

    @property
    def total(self) -> float:
        """Σ values, rounded once."""
        return math.fsum(self.values)

    @property
    def size(self) -> float:
        """Σ |values|."""
        return math.fsum(np.abs(self.values))

    @property
    def shares(self) -> np.ndarray:
        """|value| / Σ |values| of each sample, (n,); zeros where all values are 0."""
        return np.abs(self.values) / (self.size or 1.0)

    @property
    def cumulated(self) -> np.ndarray:
        """The sum of the values so far, (n,)."""
        return np.cumsum(self.values)

    @property
    def cancelled(self) -> float:
        """1 - |Σ values| / Σ |values|: how much of the pushing the samples undo each other's."""
        return 1 - abs(self.total) / self.size if self.size else 0.0

    @property
    def adds_up(self) -> bool:
        """Whether the values add up to the gradient, within rounding."""
        return abs(self.total - self.gradient) <= self.tolerance * self.size


def contributions_of(trace: Trace, place: Place) -> Contributions:
    """Return what each sample of a trace adds to the gradient of one parameter."""
    reach = reach_of(trace, place)
    values = reach.pushes
    order = np.argsort(-np.abs(values), kind="stable")
    precision = float(np.finfo(trace.gradient.dtype).eps)
    # what a sample adds through several units may cancel before it is added
    spread = float(reach.sizes.sum() / (np.abs(values).sum() or 1.0))
    alone = len(reach.units) == 1
    front, source = place.layer - 1, source_of(trace.network, place)
    shown = alone and trace.network.operations[front].kind != "periodic" and place.array != "t"
    return Contributions(
        place=place,
        samples=order,
        rows=np.asarray(trace.rows)[order],
        deltas=reach.errors[order, 0] if alone else None,
        signals=reach.moved[order, 0] if alone else None,
        values=values[order],
        delta_key=f"d{place.layer}.{place.unit}" if shown else "",
        signal_key=f"a{front}.{source}" if shown and source is not None else "",
        gradient=float(trace.gradient[place.entry(trace.network)]),
        # the roundings of a sum of n terms wander off like √n units; engines sum in other orders
        tolerance=(8 + 4 * math.sqrt(len(order))) * precision * max(1.0, spread),
    )
