"""δ = ∂E/∂z and the four equations, as the actual matrices of one step.

    BP1   δ^L = c J_f(z^L)ᵀ ∇_a E              c ∇_a E ⊙ f'(z^L) for all but softmax
    BP2   δ^l = (s W^(l+1)ᵀ δ^(l+1)) ⊙ f'(z^l)
    BP3   ∂E/∂b^l = Σ_i δ_i^l
    BP4   ∂E/∂W^l = s Σ_i δ_i^l a_i^(l-1)ᵀ

A layer in front of the dense ones has the same equations as its kind has them (`layer_gradients`),
and what goes back through it is ∂z/∂(input)ᵀ δ: g ⊙ δ through a scaling. Where an activation is
learnt, its slope 1 + t (f' - 1) takes the place of f'.

BP1 and BP2 hold for each sample i of the batch, BP3 and BP4 sum over them; δ_i holds the sample's
coefficient c_i, which is 1 for a batch of one. The engine's own δ and gradients are held against
what the equations give from the other arrays of its Trace, relative to the sum of absolute terms.

What is shared: each δ is computed once and read by the weights into its unit (one a source), by its
bias, and by every δ of the layer before. Without δ each of these would be a sum over paths anew.

Public names: `Deltas`, `LayerDelta`, `Sharing`, `deltas_of`.
May import: `jacobians`, `layer_gradients`, `neurons`, `clearprop.engines`, `clearprop.equations`,
`clearprop.functions`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines import Trace
from clearprop.explanation.jacobians import (
    ROUNDINGS,
    Ends,
    carried_sizes,
    carried_to,
    ends_of,
    is_exact,
)
from clearprop.explanation.layer_gradients import layer_gradients
from clearprop.explanation.neurons import tolerance
from clearprop.functions import Activation, CustomLoss
from clearprop.network import Operation


@dataclass(frozen=True)
class Sharing:
    """Who reads the δs of one layer.

    Attributes
    ----------
    layer : int
    deltas : int
        How many δs a sample has in it: one a unit.
    weights, biases, earlier : int
        How many gradients of weights (of gains, …) and of biases, and how many δs of the layer
        before, read each of them, at most; `earlier` is 0 in the first layer.
    reads : int
        How often the δs of the layer are read in all.
    """

    layer: int
    deltas: int
    weights: int
    biases: int
    earlier: int
    reads: int

    @property
    def readers(self) -> int:
        """How many numbers read each δ."""
        return self.weights + self.biases + self.earlier


@dataclass(frozen=True, eq=False)
class LayerDelta:
    """The four equations in one layer, for a batch of n samples.

    Attributes
    ----------
    operation : Operation
    z, delta : (n, units) arrays
        z^l and δ^l.
    carried : (n, units) array or None
        s W^(l+1)ᵀ δ^(l+1), what came from the layer behind; None in the output layer.
    slopes : (n, units) array or None
        ∂a/∂z, f'(z^l) unless the activation is learnt; None where BP1 does not multiply by it:
        softmax, and a loss of one's own.
    mask : (n, units) array or None
        Of dropout, which BP2 multiplies by as well.
    received : (n, fan_in) array
        The a^(l-1) that the layer received, after dropout.
    gradients : dict of str to array
        ∂E/∂W^l, ∂E/∂b^l, … by the array's letter, as the update used them.
    delta_error : float
        How far δ^l is from BP1 or BP2, relative to the sum of absolute terms.
    errors : dict of str to float
        The same of each gradient, from BP4, BP3 and what other arrays have.
    """

    operation: Operation
    z: np.ndarray
    delta: np.ndarray
    carried: np.ndarray | None
    slopes: np.ndarray | None
    mask: np.ndarray | None
    received: np.ndarray
    gradients: dict[str, np.ndarray]
    delta_error: float
    errors: dict[str, float]

    @property
    def layer(self) -> int:
        """The layer's number, 1 for the first."""
        return self.operation.layer

    @property
    def activation(self) -> Activation:
        """f."""
        return self.operation.activation

    @cached_property
    def bent(self) -> np.ndarray:
        """f(z) - z, (n, units), of a layer whose activation is learnt."""
        return np.asarray(self.activation.value(np, self.z) - self.z)

    @property
    def is_output(self) -> bool:
        """Whether δ comes from BP1."""
        return self.carried is None

    @property
    def error(self) -> float:
        """The largest of the errors."""
        return max(self.delta_error, *self.errors.values())

    @property
    def sharing(self) -> Sharing:
        """Who reads the layer's δs."""
        units, biases = self.delta.shape[1], int("b" in self.gradients)
        edges = _edges(self.operation)
        if self.operation.kind == "dense":
            weights, parameters = self.operation.fan_in, units * self.operation.fan_in + units
        else:
            # a gain reads one δ; the weights, and what is inside the cosines, those of one column
            parts = [self.gradients[letter] for letter in self.gradients if letter != "b"]
            weights = max(part.size // len(part) if part.ndim > 1 else 1 for part in parts)
            parameters = sum(part.size for part in self.gradients.values())
        earlier = 0 if self.layer == 1 else edges // units
        reads = parameters + (0 if self.layer == 1 else edges)
        return Sharing(self.layer, units, weights, biases, earlier, reads)


@dataclass(frozen=True, eq=False)
class Deltas:
    """BP1 to BP4 for one step.

    Attributes
    ----------
    layers : tuple of LayerDelta
        First layer first.
    coefficients : (n,) array
        c_i.
    targets, outputs : (n, outputs) arrays
        y and a^L.
    matched : bool
        Loss and output activation belong together, so that δ^L = c (a - y).
    own : bool
        The δ are the step's own. Where errors were carried in another way, the step knows no exact
        δ; then they, and the gradients, are those of the equations on the step's other arrays.
    tolerance : float
        How large the errors may be in the network's precision.
    trace : Trace
    """

    layers: tuple[LayerDelta, ...]
    coefficients: np.ndarray
    targets: np.ndarray
    outputs: np.ndarray
    matched: bool
    own: bool
    tolerance: float
    trace: Trace

    @property
    def error(self) -> float:
        """The largest error of a layer."""
        return max(layer.error for layer in self.layers)

    @property
    def sharing(self) -> tuple[Sharing, ...]:
        """Who reads the δs, layer by layer."""
        return tuple(layer.sharing for layer in self.layers)

    def ends(self, sample: int) -> Ends:
        """Return ∂E/∂a and the output's Jacobian of one sample, the factors of BP1."""
        return ends_of(self.trace, sample)


def deltas_of(trace: Trace) -> Deltas:
    """Return the four equations with the arrays of a trace."""
    own = is_exact(trace)
    delta, gradient = (trace.delta, trace.gradient) if own else _exact_pass(trace)
    layers = [_layer(trace, index, delta, gradient) for index in range(len(trace.z))]
    return Deltas(
        layers=tuple(layers),
        coefficients=_double(trace.coefficients),
        targets=_double(trace.y),
        outputs=_double(trace.a[-1]),
        matched=trace.network.objective.is_match(trace.network.operations[-1].activation),
        own=own,
        tolerance=tolerance(trace),
        trace=trace,
    )


def _exact_pass(trace: Trace) -> tuple[list[np.ndarray], np.ndarray]:
    """Return δ and gradient of the equations, for a step that carried its errors otherwise."""
    network = replace(trace.network, dtype="float64")
    inputs, z, a = ([_double(array) for array in s] for s in (trace.inputs, trace.z, trace.a))
    masks = [None if mask is None else _double(mask) for mask in trace.masks]
    y, c = _double(trace.y), _double(trace.coefficients)
    found = eq.backward(np, network, _double(trace.vector), y, c, eq.Pass(inputs, z, a), masks)
    return found.delta, found.vector


def _edges(operation: Operation) -> int:
    """Return how many pairs of an input and a unit the layer joins."""
    return operation.units * (operation.fan_in if operation.kind == "dense" else 1)


def _layer(trace: Trace, index: int, deltas: list[np.ndarray], gradient: np.ndarray) -> LayerDelta:
    operation, mask = trace.network.operations[index], trace.masks[index]
    delta = _double(deltas[index])
    carried, error = _way_in(trace, index, deltas)
    sums = layer_gradients(trace, operation.layer, delta, carried)
    used = {letter: _double(operation.named(letter).view(gradient)) for letter in sums}
    return LayerDelta(
        operation=operation,
        z=_double(trace.z[index]),
        delta=delta,
        carried=carried,
        slopes=_slopes(trace, index),
        mask=None if mask is None else _double(mask),
        received=_double(trace.inputs[index]),
        gradients=used,
        delta_error=error,
        errors={k: _apart(sums[k].value, used[k], sums[k].size) for k in sums},
    )


def _way_in(trace: Trace, index: int, deltas: list[np.ndarray]) -> tuple[np.ndarray | None, float]:
    """Return what came back to a layer, and how far its δ is from BP1 or BP2."""
    delta = _double(deltas[index])
    if index == len(trace.z) - 1:
        return None, _bp1_error(trace, delta)
    slopes = _slopes(trace, index)
    assert slopes is not None, "hidden layers work unit by unit"
    mask = 1.0 if trace.masks[index] is None else _double(trace.masks[index])
    with np.errstate(all="ignore"):
        carried = carried_to(trace, index + 1, deltas[index + 1])
        size = carried_sizes(trace, index + 1, deltas[index + 1])
        size = size * (np.abs(slopes) + _slack(trace))
        error = _apart(carried * slopes * mask, delta, size * mask)
    return carried, error


def _slopes(trace: Trace, index: int) -> np.ndarray | None:
    """Return ∂a/∂z as the engine's precision gives it, (n, units)."""
    operation = trace.network.operations[index]
    is_output = index in (-1, len(trace.z) - 1)
    own = is_output and isinstance(trace.network.objective, CustomLoss)
    if not operation.activation.elementwise or own:
        return None
    return _double(operation.slope(np, trace.vector, trace.z[index], trace.a[index]))


def _bp1_error(trace: Trace, delta: np.ndarray) -> float:
    """Hold δ^L against c J_fᵀ ∇_a E as the loss gives it, which is c (a - y) where they match."""
    loss, f = trace.network.objective, trace.network.operations[-1].activation
    y, z, a = trace.y, trace.z[-1], trace.a[-1]
    c = _double(trace.coefficients)[:, None]
    with np.errstate(all="ignore"):
        rebuilt = c * _double(loss.delta(np, f, y, z, a))
        if isinstance(loss, CustomLoss):
            size = np.abs(rebuilt)
        elif loss.is_match(f):
            size = c * (np.abs(_double(a)) + np.abs(_double(y)))
        else:
            gradient = np.abs(_double(loss.kind.gradient(np, y, a, loss.parameter)))
            slopes = _slopes(trace, -1)
            if slopes is None:
                a = _double(a)
                size = c * a * (gradient + np.sum(gradient * a, axis=-1, keepdims=True))
            else:
                size = c * gradient * (np.abs(slopes) + _slack(trace))
        return _apart(rebuilt, delta, size)


def _slack(trace: Trace) -> float:
    """Return what is added to a slope's size: 1 - a² is all rounding where a unit is saturated."""
    return float(ROUNDINGS * np.finfo(trace.network.dtype).eps / tolerance(trace))


def _apart(got: np.ndarray, wanted: np.ndarray, size: np.ndarray) -> float:
    """‖got - wanted‖ / ‖size‖."""
    with np.errstate(all="ignore"):
        distance, length = np.linalg.norm(got - wanted), np.linalg.norm(size)
    return float(distance / length) if length else float(distance)


def _double(array: Any) -> np.ndarray:
    return np.asarray(array, dtype=np.float64)
