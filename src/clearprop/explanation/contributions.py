"""The gradient of one parameter as a sum over the samples of the batch, largest first.

    ∂E/∂w_jk = Σ_i δ_ij a_ik s        ∂E/∂b_j = Σ_i δ_ij

δ_i holds the sample's coefficient c_i, a_i is what the layer received (after dropout) and s the
layer's forward scale. Every summand is read from the Trace; their sum is the gradient that the
update used, up to the rounding of the sum.

Public names: `Contributions`, `contributions_of`.
May import: `names`, `clearprop.engines`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.names import Place


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
    deltas : (n,) float64 array
        δ_ij, with the sample's coefficient in it.
    signals : (n,) float64 array
        s a_ik, what came along the weight; ones for a bias.
    values : (n,) float64 array
        δ_ij · s a_ik, what each sample adds to the gradient.
    gradient : float
        ∂E/∂w as the update used it, before penalty and clipping.
    tolerance : float
        What the rounding of the engine's sum may come to, relative to Σ |values|.
    """

    place: Place
    samples: np.ndarray
    rows: np.ndarray
    deltas: np.ndarray
    signals: np.ndarray
    values: np.ndarray
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
    index = place.layer - 1
    deltas = trace.delta[index][:, place.unit].astype(np.float64)
    signals = _signals(trace, place)
    values = deltas * signals
    order = np.argsort(-np.abs(values), kind="stable")
    precision = float(np.finfo(trace.gradient.dtype).eps)
    return Contributions(
        place=place,
        samples=order,
        rows=np.asarray(trace.rows)[order],
        deltas=deltas[order],
        signals=signals[order],
        values=values[order],
        gradient=float(trace.gradient[place.entry(trace.network)]),
        # the roundings of a sum of n terms wander off like √n units; engines sum in other orders
        tolerance=(8 + 4 * math.sqrt(len(order))) * precision,
    )


def _signals(trace: Trace, place: Place) -> np.ndarray:
    """Return s a of the samples, (n,); ones for a bias."""
    if place.source is None:
        return np.ones(len(trace.rows))
    scale = trace.network.operations[place.layer - 1].scale
    return scale * trace.inputs[place.layer - 1][:, place.source].astype(np.float64)
