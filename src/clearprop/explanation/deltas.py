"""δ = ∂E/∂z and the four equations, as the actual matrices of one step.

    BP1   δ^L = c J_f(z^L)ᵀ ∇_a E              c ∇_a E ⊙ f'(z^L) for all but softmax
    BP2   δ^l = (s W^(l+1)ᵀ δ^(l+1)) ⊙ f'(z^l)
    BP3   ∂E/∂b^l = Σ_i δ_i^l
    BP4   ∂E/∂W^l = s Σ_i δ_i^l a_i^(l-1)ᵀ

BP1 and BP2 hold for each sample i of the batch, BP3 and BP4 sum over them; δ_i holds the sample's
coefficient c_i, which is 1 for a batch of one. The engine's own δ and gradients are held against
what the equations give from the other arrays of its Trace, relative to the sum of absolute terms.

What is shared: each δ is computed once and read by the weights into its unit (one a source), by its
bias, and by every δ of the layer before. Without δ each of these would be a sum over paths anew.

Public names: `Deltas`, `LayerDelta`, `Sharing`, `deltas_of`.
May import: `jacobians`, `neurons`, `clearprop.engines`, `clearprop.equations`,
`clearprop.functions`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from clearprop import equations as eq
from clearprop.engines import Trace
from clearprop.explanation.jacobians import ROUNDINGS, Ends, ends_of, is_exact
from clearprop.explanation.neurons import tolerance
from clearprop.functions import Activation, CustomLoss


@dataclass(frozen=True)
class Sharing:
    """Who reads the δs of one layer.

    Attributes
    ----------
    layer : int
    deltas : int
        How many δs a sample has in it: one a unit.
    weights, biases, earlier : int
        How many gradients of weights and of biases, and how many δs of the layer before, read each
        of them; `earlier` is 0 in the first layer.
    """

    layer: int
    deltas: int
    weights: int
    biases: int
    earlier: int

    @property
    def readers(self) -> int:
        """How many numbers read each δ."""
        return self.weights + self.biases + self.earlier

    @property
    def reads(self) -> int:
        """How often the δs of the layer are read in all."""
        return self.deltas * self.readers


@dataclass(frozen=True, eq=False)
class LayerDelta:
    """The four equations in one layer, for a batch of n samples.

    Attributes
    ----------
    layer : int
        1 for the first.
    activation : Activation
    delta : (n, units) array
        δ^l.
    carried : (n, units) array or None
        s W^(l+1)ᵀ δ^(l+1), what came from the layer behind; None in the output layer.
    slopes : (n, units) array or None
        f'(z^l); None where BP1 does not multiply by it: softmax, and a loss of one's own.
    mask : (n, units) array or None
        Of dropout, which BP2 multiplies by as well.
    next_weights : (units of l+1, units) array or None
        W^(l+1), not transposed; None in the output layer.
    next_scale : float
        s of layer l+1.
    received : (n, fan_in) array
        The a^(l-1) that the layer received, after dropout.
    scale : float
        s of this layer.
    weight_gradient : (units, fan_in) array
        ∂E/∂W^l, as the update used it.
    bias_gradient : (units,) array
        ∂E/∂b^l, as the update used it.
    delta_error, weight_error, bias_error : float
        How far δ^l is from BP1 or BP2, ∂E/∂W^l from BP4 and ∂E/∂b^l from BP3, relative to the sums
        of their absolute terms.
    """

    layer: int
    activation: Activation
    delta: np.ndarray
    carried: np.ndarray | None
    slopes: np.ndarray | None
    mask: np.ndarray | None
    next_weights: np.ndarray | None
    next_scale: float
    received: np.ndarray
    scale: float
    weight_gradient: np.ndarray
    bias_gradient: np.ndarray
    delta_error: float
    weight_error: float
    bias_error: float

    @property
    def is_output(self) -> bool:
        """Whether δ comes from BP1."""
        return self.carried is None

    @property
    def error(self) -> float:
        """The largest of the three errors."""
        return max(self.delta_error, self.weight_error, self.bias_error)

    @property
    def sharing(self) -> Sharing:
        """Who reads the layer's δs."""
        units, fan_in = self.weight_gradient.shape
        earlier = 0 if self.layer == 1 else fan_in
        return Sharing(self.layer, units, fan_in, 1, earlier)


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


def _layer(trace: Trace, index: int, deltas: list[np.ndarray], gradient: np.ndarray) -> LayerDelta:
    operation, mask = trace.network.operations[index], trace.masks[index]
    delta, received = _double(deltas[index]), _double(trace.inputs[index])
    way = _way_in(trace, index, deltas)
    weights, biases = (
        _double(segment.view(gradient)) for segment in (operation.weight, operation.bias)
    )
    weight_sizes = eq.bp4(np.abs(received), np.abs(delta), operation.scale)
    return LayerDelta(
        layer=operation.layer,
        activation=operation.activation,
        delta=delta,
        carried=way.carried,
        slopes=_slopes(trace, index),
        mask=None if mask is None else _double(mask),
        next_weights=way.weights,
        next_scale=way.scale,
        received=received,
        scale=operation.scale,
        weight_gradient=weights,
        bias_gradient=biases,
        delta_error=way.error,
        weight_error=_apart(eq.bp4(received, delta, operation.scale), weights, weight_sizes),
        bias_error=_apart(eq.bp3(np, delta), biases, eq.bp3(np, np.abs(delta))),
    )


class _WayIn(NamedTuple):
    """Where the δ of a layer comes from; see `LayerDelta`."""

    carried: np.ndarray | None
    weights: np.ndarray | None
    scale: float
    error: float


def _way_in(trace: Trace, index: int, deltas: list[np.ndarray]) -> _WayIn:
    """Return where the δ of a layer comes from, and how far it is from BP1 or BP2."""
    delta = _double(deltas[index])
    if index == len(trace.z) - 1:
        return _WayIn(None, None, 1.0, _bp1_error(trace, delta))
    behind, after = trace.network.operations[index + 1], _double(deltas[index + 1])
    weights, slopes = _double(behind.weight.view(trace.vector)), _slopes(trace, index)
    assert slopes is not None, "hidden layers work unit by unit"
    mask = 1.0 if trace.masks[index] is None else _double(trace.masks[index])
    with np.errstate(all="ignore"):
        carried = behind.scale * (after @ weights)
        size = behind.scale * (np.abs(after) @ np.abs(weights)) * (np.abs(slopes) + _slack(trace))
        error = _apart(carried * slopes * mask, delta, size * mask)
    return _WayIn(carried, weights, behind.scale, error)


def _slopes(trace: Trace, index: int) -> np.ndarray | None:
    """Return f'(z) as the engine's precision gives it, (n, units)."""
    f = trace.network.operations[index].activation
    is_output = index in (-1, len(trace.z) - 1)
    if not f.elementwise or (is_output and isinstance(trace.network.objective, CustomLoss)):
        return None
    return _double(f.derivative(np, trace.z[index], trace.a[index]))


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
