"""The forward pass of one sample, neuron by neuron, and its loss term by term.

A neuron has two halves. The left one sums what comes in, the right one bends it:

    z_j = Σ_k s w_jk a_k + b_j        a_j = f(z_j)

Here a_k is what the layer received, s its forward scale (1 unless the network sets one), and what a
neuron hands on is a_j, times its dropout mask where there is one. The products s w_jk a_k are
formed here, in float64; z and a are the engine's own, and each layer says how far the sum of its
products is from z. A layer as matrices is the same arrays read at once: z = s W a + b.

Where an activation is learnt, a_j = z_j + t_j (f(z_j) - z_j). A layer that prepares inputs hands on
its z: a scaling's is g_j x_j, so that its matrix is diag(g); that of a periodic layer is x_c or a
sum of cosines (see `waves`), which takes the place of the products.

The loss of a sample is a sum over the output units, E_i = Σ_k e_k, for every loss of the table, and
that of the batch is E = Σ_i c_i E_i. A loss of one's own is one number a sample, without terms.

Public names: `Forward`, `LayerForward`, `LossTerms`, `Neuron`, `forward_of`, `tolerance`.
May import: `waves`, `clearprop.engines`, `clearprop.functions`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.waves import WaveNumbers, waves_of
from clearprop.functions import Activation, CustomLoss, Loss

# how far a sum may be from what the engine computed, relative to the sum of its absolute terms
_TOLERANCES = {"float64": 1e-12, "float32": 1e-5}


def tolerance(trace: Trace) -> float:
    """Return how far a sum may be from the engine's number, relative to its absolute terms."""
    return _TOLERANCES[trace.network.dtype]


@dataclass(frozen=True)
class Neuron:
    """One neuron in its two halves.

    Attributes
    ----------
    layer, unit : int
        1 for the first layer, 0 for the first unit.
    scale : float
        s, the layer's forward scale.
    weights, received : (fan_in,) arrays
        w_jk and a_k.
    products : (fan_in,) array
        s w_jk a_k.
    bias : float
    z, a : float
        The engine's own.
    activation : Activation
        f; its `kind` holds the formula.
    mask : float or None
        What dropout multiplies a by; None for layers without.
    bend : float or None
        t_j, where the activation is learnt.
    """

    layer: int
    unit: int
    scale: float
    weights: np.ndarray
    received: np.ndarray
    products: np.ndarray
    bias: float
    z: float
    a: float
    activation: Activation
    mask: float | None
    bend: float | None = None

    @property
    def bent(self) -> float:
        """f(z), which is a unless the activation is learnt."""
        return float(self.activation.value(np, np.float64(self.z)))

    @property
    def output(self) -> float:
        """What the neuron hands on: a, times its mask."""
        return self.a if self.mask is None else self.a * self.mask

    @property
    def sum(self) -> float:
        """Σ_k s w_jk a_k + b_j, to be held against z."""
        return float(self.products.sum() + self.bias)


@dataclass(frozen=True)
class LayerForward:
    """One layer of the forward pass of one sample.

    Attributes
    ----------
    layer : int
        1 for the first.
    kind : str
        `"dense"`, `"scaling"` or `"periodic"`.
    activation : Activation
    scale : float
        s, the forward scale.
    weights : (units, fan_in) array
        W; diag(g) of a scaling; of a periodic layer 1 where an input passes unchanged, else 0.
    biases : (units,) array
        b; zeros where there are none.
    received : (fan_in,) array
        The a of the layer before, after its dropout.
    z, a : (units,) arrays
        The engine's own; a is before dropout.
    mask : (units,) array or None
        0 for dropped units, 1 / (1 - rate) for the others; None for layers without dropout.
    bends : (units,) array or None
        t, where the activation is learnt.
    waves : WaveNumbers or None
        Of a periodic layer, at this sample alone.
    """

    layer: int
    kind: str
    activation: Activation
    scale: float
    weights: np.ndarray
    biases: np.ndarray
    received: np.ndarray
    z: np.ndarray
    a: np.ndarray
    mask: np.ndarray | None
    bends: np.ndarray | None = None
    waves: WaveNumbers | None = None

    @property
    def units(self) -> int:
        """How many neurons there are."""
        return len(self.z)

    @property
    def products(self) -> np.ndarray:
        """s w_jk a_k, (units, fan_in); Σ W cos θ where an input is made into waves."""
        with np.errstate(invalid="ignore", over="ignore"):
            found = self.scale * self.weights * self.received
            return found if self.waves is None else found + self.waves.products(0)

    def z_for(self, received: np.ndarray) -> np.ndarray:
        """Return z for another input, (units,), in float64."""
        if self.waves is not None:
            return self.waves.units_for(received)
        return np.asarray(self.scale * (self.weights @ received) + self.biases)

    def a_for(self, z: np.ndarray) -> np.ndarray:
        """Return a for another z, (units,)."""
        bent = self.activation.value(np, z[None])[0]
        return np.asarray(bent if self.bends is None else z + self.bends * (bent - z))

    @property
    def output(self) -> np.ndarray:
        """What the layer hands on, (units,): a, times the mask."""
        return self.a if self.mask is None else self.a * self.mask

    @property
    def total(self) -> float:
        """Σ_k e^z_k, what softmax divides by; ∞ where that is no number of this precision."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.exp(self.z).sum())

    @property
    def error(self) -> float:
        """Largest |Σ products + b - z|, relative to the largest sum of absolute terms."""
        products = self.products
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.abs(products.sum(axis=1) + self.biases - self.z)
            size = np.abs(products).sum(axis=1) + np.abs(self.biases)
            return _relative(float(apart.max()), float(size.max()))

    def neuron(self, unit: int) -> Neuron:
        """Return one neuron, counted from 0."""
        products = self.products[unit]
        return Neuron(
            layer=self.layer,
            unit=unit,
            scale=self.scale,
            weights=self.weights[unit],
            received=self.received,
            products=products,
            bias=float(self.biases[unit]),
            z=float(self.z[unit]),
            a=float(self.a[unit]),
            activation=self.activation,
            mask=None if self.mask is None else float(self.mask[unit]),
            bend=None if self.bends is None else float(self.bends[unit]),
        )


@dataclass(frozen=True)
class LossTerms:
    """The loss of one sample by output units, and of the batch by samples.

    Attributes
    ----------
    loss : Loss or CustomLoss
        Its `kind.formula` is the formula.
    targets, outputs : (outputs,) arrays
        y after label smoothing, and a^L.
    terms : (outputs,) array or None
        What each output unit adds; None for a loss of one's own, which is one number a sample.
    from_z : bool
        The engine computes value and terms from z, where neither overflows, since loss and output
        activation match.
    value : float
        E_i of the sample, the engine's own.
    sample : int
        The row of the trace, counted from 0.
    losses, coefficients : (n,) arrays
        E_i and c_i of all samples of the batch.
    total : float
        E = Σ c_i E_i.
    penalty : float
        What penalties on the weights add to E in this batch.
    size : float
        What rounding errors of the value are relative to: the sum of the absolute terms, or of the
        z that the engine computed them from.
    """

    loss: Loss | CustomLoss
    targets: np.ndarray
    outputs: np.ndarray
    terms: np.ndarray | None
    from_z: bool
    value: float
    sample: int
    losses: np.ndarray
    coefficients: np.ndarray
    total: float
    penalty: float
    size: float

    @property
    def shares(self) -> np.ndarray:
        """c_i E_i of all samples, (n,): what each adds to E."""
        return self.coefficients * self.losses

    @property
    def error(self) -> float:
        """|Σ terms - E_i| relative to `size`; 0 without terms."""
        if self.terms is None:
            return 0.0
        return _relative(abs(float(self.terms.sum()) - self.value), self.size)


@dataclass(frozen=True)
class Forward:
    """The forward pass of one sample.

    Attributes
    ----------
    sample : int
        The row of the trace, counted from 0.
    inputs : (inputs,) array
        a^0.
    layers : tuple of LayerForward
        First layer first.
    loss : LossTerms
    tolerance : float
        How large `error` may be in the network's precision.
    """

    sample: int
    inputs: np.ndarray
    layers: tuple[LayerForward, ...]
    loss: LossTerms
    tolerance: float

    @property
    def error(self) -> float:
        """The largest error of a layer's sums against the engine's z."""
        return max(layer.error for layer in self.layers)

    def neuron(self, layer: int, unit: int) -> Neuron:
        """Return one neuron; layers count from 1, units from 0."""
        return self.layers[layer - 1].neuron(unit)


def forward_of(trace: Trace, sample: int) -> Forward:
    """Return the forward pass of one sample of a trace, neuron by neuron, with its loss.

    Parameters
    ----------
    trace : Trace
    sample : int
        The row of the trace, counted from 0.
    """
    layers = tuple(_layer(trace, sample, index) for index in range(len(trace.z)))
    return Forward(sample, layers[0].received, layers, _loss_terms(trace, sample), tolerance(trace))


def _layer(trace: Trace, sample: int, index: int) -> LayerForward:
    operation, mask = trace.network.operations[index], trace.masks[index]
    waves = None
    if operation.kind == "dense":
        weights, biases = (s.view(trace.vector) for s in (operation.weight, operation.bias))
    elif operation.kind == "scaling":
        weights, biases = operation.matrix(trace.vector), np.zeros(operation.units)
    else:
        waves = waves_of(trace, operation.layer).at(sample)
        weights, biases = waves.passing, waves.offsets
    bends = operation.named("t").view(trace.vector) if operation.parametric else None
    return LayerForward(
        layer=operation.layer,
        kind=operation.kind,
        activation=operation.activation,
        scale=operation.scale,
        weights=_exact(weights),
        biases=_exact(biases),
        received=_exact(trace.inputs[index][sample]),
        z=_exact(trace.z[index][sample]),
        a=_exact(trace.a[index][sample]),
        mask=None if mask is None else _exact(mask[sample]),
        bends=None if bends is None else _exact(bends),
        waves=waves,
    )


def _loss_terms(trace: Trace, sample: int) -> LossTerms:
    objective = trace.network.objective
    activation = trace.network.operations[-1].activation
    y, z, a = (_exact(array[sample]) for array in (trace.y, trace.z[-1], trace.a[-1]))
    terms, from_z = None, False
    if isinstance(objective, Loss):
        from_z = objective.is_match(activation) and objective.kind.value_from_z is not None
        terms = _terms(objective, activation, y, z, a)
    size = 0.0 if terms is None else float(np.abs(terms).sum())
    return LossTerms(
        loss=objective,
        targets=y,
        outputs=a,
        terms=terms,
        from_z=from_z,
        value=float(trace.losses[sample]),
        sample=sample,
        losses=_exact(trace.losses),
        coefficients=_exact(trace.coefficients),
        total=trace.loss,
        penalty=trace.penalty,
        size=size + float(np.abs(z).sum()) if from_z else size,
    )


def _terms(loss: Loss, f: Activation, y: np.ndarray, z: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return what each output unit adds, (outputs,): each as a network of that one output.

    Softmax is the one activation that ties outputs together; with cross-entropy a unit's term is
    -y_k log a_k = y_k (log Σ_m e^z_m - z_k), which no a_k that underflowed can spoil.
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        if f.name == "softmax" and loss.is_match(f):
            top = z.max()
            return y * (top + np.log(np.exp(z - top).sum()) - z)
        share = 1 / len(y) if loss.kind.over_outputs == "mean" else 1.0
        return share * loss.value(np, f, y[:, None], z[:, None], a[:, None])


def _relative(apart: float, size: float) -> float:
    return apart / size if size else apart


def _exact(array: Any) -> np.ndarray:
    return np.asarray(array, dtype=np.float64)
