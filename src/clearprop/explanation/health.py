"""The error's way back through the layers: how large it is, and which units take no part.

Each step back is two factors (BP2), and so is what it multiplies the error's length by:

    ‖δ^l‖ / ‖δ^(l+1)‖  =  ‖s W^(l+1)ᵀ δ^(l+1)‖ / ‖δ^(l+1)‖  ·  ‖δ^l‖ / ‖s W^(l+1)ᵀ δ^(l+1)‖
                          the weights' part                   the slopes' part, f'(z^l)

The product over all steps is ‖δ^1‖ / ‖δ^L‖. Lengths are taken over the whole batch, of δ as the
Trace holds it; where units were dropped, the slopes' part holds the mask as well. The slopes' part
can never exceed the largest slope that the activation has: ¼ for the sigmoid.

The verdict is data; its words are in the catalogue. Its bounds:

- *vanishing*, *exploding*: ‖δ^1‖ / ‖δ^L‖ is below 10⁻³ or above 10³. All layers share one learning
  rate. Where the first layer's error is a thousandth, it takes the first layer a thousand steps to
  go as far as the last goes in one: by the time that the last layer is done, it has not begun.
- *dead*: in some hidden layer every unit is silent (|f'(z)| < 10⁻³ on every sample), so that the
  error ends there; or nine in ten of its units are, on at least 16 samples. A unit of relu is off
  on any one sample with probability ½ where z is symmetric, so fewer samples would tell nothing.
- *not finite*: a NaN or an infinity came up, and all else is its consequence.

Public names: `Diagnosis`, `LayerHealth`, `diagnose`, `diagnose_with`, `health`,
`hidden_functions`, `twin_of`.
May import: `jacobians`, `clearprop.training.blame`, `clearprop.engines`, `clearprop.equations`,
`clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from clearprop import equations as eq
from clearprop.engines import Trace
from clearprop.errors import SettingError
from clearprop.explanation.jacobians import carried_to, is_front
from clearprop.functions import activation as activation_named
from clearprop.network import Dense, Network, Segment
from clearprop.training.blame import Fault, find_fault

# an activation whose slope is below this passes next to nothing back
FLAT = 1e-3
# ‖δ^1‖ / ‖δ^L‖ outside these bounds is called vanishing or exploding
VANISHED, EXPLODED = 1e-3, 1e3
# the share of a layer's units that are silent, and the samples it takes to tell
MOST, TELLING_SAMPLES = 0.9, 16

# flat at both ends, and never steeper than this
STEEPEST = {"sigmoid": 0.25, "tanh": 1.0}
# a unit of these is off where it is flat, and takes part on its other samples: not saturated
OFF_OR_ON = ("relu", "leaky_relu")

Kind = Literal["vanishing", "exploding", "healthy", "dead", "not finite"]


@dataclass(frozen=True)
class LayerHealth:
    """One layer of one batch.

    Attributes
    ----------
    layer : int
        1 for the first.
    units : int
    activation : str
    gradient_norm : float
        ‖∂E/∂W^l‖; of a layer in front of the dense ones that of its gains, or of all that makes its
        waves but their biases.
    weight_norm : float
        ‖W^l‖, likewise.
    delta_norm : float
        ‖δ^l‖ over the batch.
    dead : int
        Units whose slope f'(z) is below `FLAT` for every sample; 0 for a softmax layer.
    bias_gradient_norm : float
        ‖∂E/∂b^l‖.
    through_weights : float or None
        ‖s W^(l+1)ᵀ δ^(l+1)‖ / ‖δ^(l+1)‖: what the weights multiplied the error by on its way into
        this layer. None for the last layer, and where no error came.
    through_slopes : float or None
        ‖δ^l‖ / ‖s W^(l+1)ᵀ δ^(l+1)‖: what f' (and dropout's mask) multiplied it by.
    flat : float or None
        The share of all slopes of the layer, over units and samples, that are below `FLAT`; None
        for a softmax layer.
    dead_units : tuple of int
        The units of `dead`, counted from 0.
    saturated_units : tuple of int
        Units that are flat on at least half of the samples but not on all of them. Units of relu,
        which are on or off, are not counted.
    """

    layer: int
    units: int
    activation: str
    gradient_norm: float
    weight_norm: float
    delta_norm: float
    dead: int
    bias_gradient_norm: float
    through_weights: float | None
    through_slopes: float | None
    flat: float | None
    dead_units: tuple[int, ...]
    saturated_units: tuple[int, ...]

    @property
    def step(self) -> float | None:
        """‖δ^l‖ / ‖δ^(l+1)‖, the two parts together; None for the last layer."""
        if self.through_weights is None or self.through_slopes is None:
            return None
        return self.through_weights * self.through_slopes


@dataclass(frozen=True)
class Diagnosis:
    """How the error fares on its way back: the verdict and the figures it rests on.

    Attributes
    ----------
    kind : {"vanishing", "exploding", "healthy", "dead", "not finite"}
    layers : tuple of LayerHealth
        First layer first.
    samples : int
        Samples of the batch.
    total : float or None
        ‖δ^1‖ / ‖δ^L‖; None where no error arose at the output.
    product : float or None
        The product of all the steps' two parts, to be held against `total`.
    fault : Fault or None
        The first number that is not finite.
    silent_layer : int or None
        The hidden layer that a verdict of `"dead"` rests on.
    """

    kind: Kind
    layers: tuple[LayerHealth, ...]
    samples: int
    total: float | None
    product: float | None
    fault: Fault | None = None
    silent_layer: int | None = None

    @property
    def steps(self) -> int:
        """Steps from the last layer back to the first: L - 1."""
        return len(self.layers) - 1

    @property
    def per_step(self) -> float | None:
        """The geometric mean of what a step back multiplied the error by: total^(1 / (L - 1))."""
        return self._mean(self.total)

    @property
    def per_step_weights(self) -> float | None:
        """The geometric mean of the weights' parts."""
        return self._mean(_product([line.through_weights for line in self.layers[:-1]]))

    @property
    def per_step_slopes(self) -> float | None:
        """The geometric mean of the slopes' parts."""
        return self._mean(_product([line.through_slopes for line in self.layers[:-1]]))

    @property
    def error(self) -> float:
        """|product - total| relative to `total`: rounding, and nothing else."""
        if self.product is None or self.total is None:
            return 0.0
        apart = abs(self.product - self.total)
        return apart / self.total if self.total else apart

    def _mean(self, value: float | None) -> float | None:
        return value ** (1 / self.steps) if value is not None and self.steps else None


def health(trace: Trace) -> list[LayerHealth]:
    """Return a line for each layer, first layer first."""
    lines = []
    for index, operation in enumerate(trace.network.operations):
        biases = [s for s in operation.segments if s.name[0] == "b"]
        weights = [s for s in operation.segments if s.name[0] not in "bt"]
        flat = _flat(trace, index)
        share = flat.mean(axis=0)
        dead = tuple(int(unit) for unit in np.flatnonzero(share == 1))
        through_weights, through_slopes = _way_into(trace, index)
        lines.append(
            LayerHealth(
                layer=operation.layer,
                units=operation.units,
                activation=operation.kind if is_front(operation) else str(operation.activation),
                gradient_norm=_length_of(trace.gradient, weights),
                weight_norm=_length_of(trace.vector, weights),
                delta_norm=length(trace.delta[index]),
                dead=len(dead),
                bias_gradient_norm=_length_of(trace.gradient, biases),
                through_weights=through_weights,
                through_slopes=through_slopes,
                flat=float(flat.mean()) if operation.activation.elementwise else None,
                dead_units=dead,
                saturated_units=_saturated(operation.activation.name, share),
            )
        )
    return lines


def diagnose(trace: Trace) -> Diagnosis:
    """Return the verdict on the error's way back, with each layer's figures."""
    layers = tuple(health(trace))
    last = layers[-1].delta_norm
    total = layers[0].delta_norm / last if last else None
    product = _product([line.step for line in layers[:-1]]) if last else None
    found = Diagnosis("healthy", layers, len(trace.rows), total, product)
    fault = find_fault(trace)
    if fault:
        return replace(found, kind="not finite", fault=fault)
    silent = max(layers[:-1], key=lambda line: line.dead / line.units, default=None)
    if silent and _is_silent(silent, found.samples):
        return replace(found, kind="dead", silent_layer=silent.layer)
    if total is not None and total < VANISHED:
        return replace(found, kind="vanishing")
    if total is not None and total > EXPLODED:
        return replace(found, kind="exploding")
    return found


def diagnose_with(trace: Trace, activation: str) -> Diagnosis:
    """Return the health of the same network with another activation in its hidden layers.

    Parameters, rows, coefficients and dropout masks are the trace's own; the equations run in
    float64.

    Raises
    ------
    SettingError
        If there is no such activation, it is not for hidden layers, or there are none.
    """
    name = activation_named(activation)
    *hidden, output = trace.network.layers
    if not any(isinstance(layer, Dense) for layer in hidden):
        raise SettingError(
            "The network has no hidden layers whose activation could be another one; nothing is "
            "carried back."
        )
    others = (
        layer.with_activation(name) if isinstance(layer, Dense) else layer for layer in hidden
    )
    layers = (*others, output)
    network = replace(trace.network, layers=layers, dtype="float64")
    vector, y, c = (
        array.astype(np.float64) for array in (trace.vector, trace.y, trace.coefficients)
    )
    with np.errstate(all="ignore"):
        saved = eq.forward(np, network, vector, trace.x.astype(np.float64), trace.masks)
        gradients = eq.backward(np, network, vector, y, c, saved, trace.masks)
        last = network.operations[-1].activation
        losses = network.objective.value(np, last, y, saved.z[-1], saved.a[-1])
    # all that a diagnosis reads; the update, which it does not, stays the other network's
    return diagnose(
        replace(
            trace,
            network=network,
            engine="reference",
            vector=vector,
            inputs=saved.inputs,
            z=saved.z,
            a=saved.a,
            delta=gradients.delta,
            losses=losses,
            gradient=gradients.vector,
        )
    )


def twin_of(network: Network) -> str | None:
    """Return the activation worth looking at beside a network's own; None without hidden layers.

    Relu for a network whose hidden layers can all saturate at both ends, the sigmoid for others.
    """
    hidden = hidden_functions(network)
    if not hidden:
        return None
    return "relu" if all(name in STEEPEST for name in hidden) else "sigmoid"


def hidden_functions(network: Network) -> list[str]:
    """Return the names of the hidden layers' activations, without layers that prepare inputs."""
    return [layer.function.name for layer in network.layers[:-1] if isinstance(layer, Dense)]


def _length_of(vector: np.ndarray, segments: Sequence[Segment]) -> float:
    """‖…‖ of some segments of a vector together."""
    return math.hypot(*(length(vector[s.start : s.stop]) for s in segments))


def length(array: np.ndarray) -> float:
    """‖array‖ over all entries, in float64, where squares would overflow or vanish as well."""
    values = np.abs(array, dtype=np.float64)
    largest = float(values.max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(values / largest))


def _flat(trace: Trace, index: int) -> np.ndarray:
    """Return where slopes are below `FLAT`, (n, units); nowhere in a softmax layer."""
    operation, z, a = trace.network.operations[index], trace.z[index], trace.a[index]
    if not operation.activation.elementwise:
        return np.zeros(z.shape, dtype=bool)
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(operation.slope(np, trace.vector, z, a)) < FLAT)


def _saturated(activation: str, share: np.ndarray) -> tuple[int, ...]:
    if activation in OFF_OR_ON:
        return ()
    return tuple(int(unit) for unit in np.flatnonzero((share >= 0.5) & (share < 1)))


def _way_into(trace: Trace, index: int) -> tuple[float | None, float | None]:
    """Return what W^(l+1)ᵀ and f'(z^l) multiplied the error's length by, None where none came."""
    if index + 1 == len(trace.delta):
        return None, None
    error = trace.delta[index + 1].astype(np.float64)
    came = length(error)
    if not came:
        return None, None
    with np.errstate(all="ignore"):
        # divided first: the squares of a vanishing error would be zero
        carried = length(carried_to(trace, index + 1, error / came))
        here = length(trace.delta[index]) / came
    return carried, here / carried if carried else None


def _is_silent(line: LayerHealth, samples: int) -> bool:
    if line.dead == line.units:
        return True
    return samples >= TELLING_SAMPLES and line.dead >= MOST * line.units


def _product(parts: list[float | None]) -> float | None:
    """Return the product of the parts, None where one of them is missing."""
    known = [part for part in parts if part is not None]
    return math.prod(known) if len(known) == len(parts) else None
