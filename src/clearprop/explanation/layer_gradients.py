"""BP3 and BP4 of a layer as its kind has them: the gradient of each of its arrays.

    dense      ∂E/∂W = s Σ_i δ_i a_iᵀ,  ∂E/∂b = Σ_i δ_i,  ∂E/∂t = Σ_i e_i ⊙ m_i ⊙ (f(z_i) - z_i)
    scaling    ∂E/∂g = Σ_i δ_i ⊙ x_i
    periodic   ∂E/∂W_ckq = Σ_i δ_i,ck cos θ_i,cq,  ∂E/∂b = Σ_i δ_i,
               ∂E/∂f_cq = Σ_i τ_i,cq 2π x_ic,  ∂E/∂p_cq = Σ_i τ_i,cq 2π,
               with τ_cq = ∂E/∂θ_cq = -sin θ_cq Σ_k w_ckq δ_ck

Here e = ∂E/∂(output) is what came back from the layer behind, before f' and the mask m.

Public names: `Sum`, `layer_gradients`.
May import: `waves`, `clearprop.engines`, `clearprop.equations`, NumPy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from clearprop import equations as eq
from clearprop.engines import Trace
from clearprop.explanation.waves import TURN, waves_of


class Sum(NamedTuple):
    """A gradient, and the sum of its absolute terms, which rounding is relative to."""

    value: np.ndarray
    size: np.ndarray


def layer_gradients(
    trace: Trace, layer: int, delta: np.ndarray, carried: np.ndarray | None
) -> dict[str, Sum]:
    """Return the gradients of a layer's arrays by their letters, in the order of the vector.

    Parameters
    ----------
    trace : Trace
    layer : int
    delta : (n, units) array
        δ of the layer.
    carried : (n, units) array or None
        e; None in the output layer.
    """
    operation, index = trace.network.operations[layer - 1], layer - 1
    received = np.asarray(trace.inputs[index], dtype=np.float64)
    if operation.kind == "scaling":
        return {"g": _summed(delta * received)}
    if operation.kind == "periodic":
        return _of_waves(trace, layer, delta)
    scale = operation.scale
    weights = Sum(eq.bp4(received, delta, scale), eq.bp4(np.abs(received), np.abs(delta), scale))
    found = {"W": weights, "b": _summed(delta)}
    if operation.parametric:
        assert carried is not None, "the output layer has no learnt part"
        z = np.asarray(trace.z[index], dtype=np.float64)
        mask = 1.0 if trace.masks[index] is None else trace.masks[index]
        found["t"] = _summed(carried * mask * (operation.activation.value(np, z) - z))
    return found


def _of_waves(trace: Trace, layer: int, delta: np.ndarray) -> dict[str, Sum]:
    numbers = waves_of(trace, layer)
    waves, n = numbers.waves, len(delta)
    own = delta[:, : numbers.made].reshape(n, len(waves.columns), waves.features)[:, :, 1:]
    # ∂E/∂θ through each unit, (n, columns, features - 1, frequencies)
    turned = TURN * own[..., None] * numbers.bends
    weights = own[..., None] * numbers.cosines[:, :, None]
    rows = len(waves.columns) * (waves.features - 1)
    return {
        "f": _summed(turned * numbers.x[:, :, None, None], (0, 2)),
        "p": _summed(turned, (0, 2)),
        "W": _summed(weights.reshape(n, rows, waves.frequencies)),
        "b": _summed(own.reshape(n, rows)),
    }


def _summed(terms: np.ndarray, over: tuple[int, ...] = (0,)) -> Sum:
    """Sum over the samples; for what is inside a cosine over the units of its column as well."""
    return Sum(terms.sum(axis=over), np.abs(terms).sum(axis=over))
