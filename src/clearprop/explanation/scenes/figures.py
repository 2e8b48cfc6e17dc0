"""The numbers of one sample that the network's pictures show, read from a Trace.

Public names: `Figures`.
May import: `jacobians`, `names`, `places`, `quantities`, `clearprop.engines`, NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.jacobians import is_front, joins
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities


@dataclass(frozen=True, eq=False)
class Figures:
    """The numbers of one sample of a trace; layers count from 1, layer 0 is the input.

    Attributes
    ----------
    trace : Trace
    names : Names
    sample : int
        The row of the trace, counted from 0.
    carried : sequence of (units,) arrays, optional
        Errors to show in place of δ, one array a layer, first layer first.
    through : sequence of (units, fan_in) arrays or None, optional
        What errors go through on their way back, in place of s·W, one a layer.
    late : bool
        Errors are shown before f' is part of them, as e and not as δ.
    """

    trace: Trace
    names: Names
    sample: int
    carried: Sequence[np.ndarray] | None = None
    through: Sequence[np.ndarray | None] | None = None
    late: bool = False

    @property
    def error_letter(self) -> str:
        """What errors are called."""
        return "e" if self.late else "δ"

    def error_key(self, layer: int, unit: int) -> str:
        """Return the key of a unit's error."""
        return f"{'c' if self.late else 'd'}{layer}.{unit}"

    @property
    def last(self) -> int:
        """The number of the output layer."""
        return len(self.trace.network.layers)

    @cached_property
    def weights(self) -> list[np.ndarray]:
        """∂z/∂(input) of every layer without its scale, (units, fan_in): W of a dense one."""
        read = Quantities(self.trace, self.names, self.sample)
        return [read.weights(layer) for layer in range(1, self.last + 1)]

    @cached_property
    def signals(self) -> list[np.ndarray]:
        """What each layer hands on, the input first, (units,)."""
        read = Quantities(self.trace, self.names, self.sample)
        return [read.handed_on(layer) for layer in range(self.last + 1)]

    def scale(self, layer: int) -> float:
        """Return the forward scale s of a layer."""
        return self.trace.network.operations[layer - 1].scale

    def z(self, layer: int, unit: int) -> float:
        """Return a weighted input."""
        return float(self.trace.z[layer - 1][self.sample, unit])

    def a(self, layer: int, unit: int) -> float:
        """Return an activation, before dropout; an input of layer 0."""
        if not layer:
            return float(self.signals[0][unit])
        return float(self.trace.a[layer - 1][self.sample, unit])

    def error(self, layer: int, unit: int) -> float:
        """Return δ, or what is shown in its place."""
        if self.carried is not None:
            return float(self.carried[layer - 1][unit])
        return float(self.trace.delta[layer - 1][self.sample, unit])

    def errors(self, layer: int) -> np.ndarray:
        """Return the errors of a layer, (units,)."""
        if self.carried is not None:
            return np.asarray(self.carried[layer - 1], dtype=np.float64)
        return np.asarray(self.trace.delta[layer - 1][self.sample], dtype=np.float64)

    def weight(self, layer: int, unit: int, source: int) -> float:
        """Return what an edge multiplies by: a weight, a gain, the slope of a wave."""
        return float(self.weights[layer - 1][unit, source])

    def product(self, layer: int, unit: int, source: int) -> float:
        """Return s·w·a: what a signal adds to the weighted input of the next layer."""
        signal = float(self.signals[layer - 1][source])
        return self.scale(layer) * self.weight(layer, unit, source) * signal

    def handed_back(self, layer: int, unit: int, source: int) -> float:
        """Return s·w·δ: what a unit hands back to one of the layer before."""
        through = self.through[layer - 1] if self.through is not None else None
        if through is not None:
            return float(through[unit, source]) * self.error(layer, unit)
        return self.scale(layer) * self.weight(layer, unit, source) * self.error(layer, unit)

    def parameter(self, place: Place) -> float:
        """Return a weight or bias before the step."""
        return float(self.trace.vector[place.entry(self.trace.network)])

    def step(self, place: Place) -> float:
        """Return what the step adds to a parameter."""
        return float(self.trace.update[place.entry(self.trace.network)])

    def has_bias(self, unit: tuple[int, int]) -> bool:
        """Whether a unit has a bias to be drawn: one that is held at 0 is none."""
        if self.prepares(unit[0]):
            return False
        layer = self.trace.network.layers[unit[0] - 1]
        return bool(layer.bias_rate) or self.parameter(Place(*unit, None)) != 0

    def prepares(self, layer: int) -> bool:
        """Whether a layer prepares inputs, so that its units have no two halves."""
        return layer > 0 and is_front(self.trace.network.operations[layer - 1])

    def place(self, layer: int, unit: int, source: int) -> Place | None:
        """Return the parameter that an edge is; None for one of a periodic layer."""
        kind = self.trace.network.operations[layer - 1].kind
        if kind == "scaling":
            return Place(layer, unit, None, "g")
        return Place(layer, unit, source) if kind == "dense" else None

    def sources(self, layer: int, unit: int) -> list[int]:
        """Return the units of the layer before that lead into a unit."""
        edges = joins(self.trace.network, layer)
        if edges is None:
            return list(range(self.trace.network.shape[layer - 1]))
        return [int(source) for source in np.flatnonzero(edges[unit])]

    def width(self, layer: int, weight: float, widest: float) -> float:
        """Return the width of an edge: √|w| over the layer's largest, times `widest`.

        A weight that is not finite is as wide as the widest.
        """
        most = self._largest(layer)
        if not math.isfinite(weight):
            return widest
        return widest * math.sqrt(min(abs(weight) / most, 1.0)) if most else 0.0

    def _largest(self, layer: int) -> float:
        """Return the largest finite |w| of a layer."""
        if layer not in self._largest_known:
            sizes = np.abs(self.weights[layer - 1])
            most = float(np.max(sizes, initial=0.0, where=np.isfinite(sizes)))
            self._largest_known[layer] = most
        return self._largest_known[layer]

    @cached_property
    def _largest_known(self) -> dict[int, float]:
        return {}

    def importance(self, layer: int) -> np.ndarray:
        """Return how much each unit matters here, (units,): |a · ∂E/∂a|, at the output |δ|.

        By it the units of a wide layer are chosen that are shown.
        """
        if layer == self.last:
            return np.abs(self.errors(layer))
        after = self.scale(layer + 1) * (self.weights[layer].T @ self.errors(layer + 1))
        return np.abs(self.signals[layer] * after)
