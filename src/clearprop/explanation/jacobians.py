"""The local derivatives of one sample, in float64: what the chain rule multiplies.

    ends       ∂E/∂a_p and ∂a_p/∂z_o at the output
    slopes     f'(z) of a hidden layer, and its dropout mask
    weights    w of a layer; ∂z/∂(input) is s w

All are read from a Trace. Two of them may have lost digits in the trace's precision, and then they
are given as the engine used them, so that a product of factors is still the engine's gradient:

- Where an output is saturated, ∂E/∂a · ∂a/∂z is 0·∞ or a difference of two equal numbers. Then the
  two become one factor, ∂E/∂z = a - y of a loss with the activation that matches it, else δ^L / c.
- 1 - a² of a saturated unit is the difference of two nearly equal numbers and depends on how an
  engine rounds. Where that shows, f'(z) is δ_j / Σ_m s w_mj δ_m, as long as that lies within the
  rounding of f'(z); a larger difference is no rounding and stays to be seen.

Public names: `Ends`, `ends_of`, `slopes_of`, `weights_of`, `is_exact`.
May import: `neurons`, `clearprop.engines`, `clearprop.functions`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.neurons import tolerance
from clearprop.functions import Activation, CustomLoss, Loss

# the part of the tolerance of a sum of paths that a single factor may use up
SHARE = 0.1
# roundings that a slope is made of, in units of the precision
ROUNDINGS = 16

Collapsed = Literal["", "saturated", "custom"]


def is_exact(trace: Trace) -> bool:
    """Whether the trace's δ are the exact ones, and not errors carried in another way."""
    return trace.recipe.carrier == "exact"


@dataclass(frozen=True, eq=False)
class Ends:
    """Where paths end: from z of each output unit to the loss of the sample, without its c.

    Attributes
    ----------
    errors : (outputs, ends) array
        ∂E/∂a_p · ∂a_p/∂z_o of each end p of z_o; their sum over p is ∂E/∂z_o. There are as many
        ends as outputs for softmax, and one, p = o, for other activations.
    loss_slopes : (outputs,) array
        ∂E/∂a_p; empty where collapsed.
    jacobian : (outputs, ends) array
        ∂a_p/∂z_o in row o; empty where collapsed.
    collapsed : {"", "saturated", "custom"}
        Why only ∂E/∂z is known: an output is saturated, or the loss is one's own.
    """

    errors: np.ndarray
    loss_slopes: np.ndarray
    jacobian: np.ndarray
    collapsed: Collapsed = ""

    def unit(self, output: int, end: int) -> int:
        """Return p of an end of z_o."""
        return end if self.errors.shape[1] > 1 else output


def ends_of(trace: Trace, sample: int) -> Ends:
    """Return where the paths of a sample end."""
    objective, last = trace.network.objective, trace.network.operations[-1].activation
    c = float(trace.coefficients[sample])
    known = trace.delta[-1][sample].astype(np.float64) / (c or 1.0)
    if isinstance(objective, CustomLoss):
        return _collapsed(known, "custom")
    matched = objective.is_match(last)
    # a floor under a logarithm is the engine's own only in its own precision; a loss with its
    # match has none, and there float64 keeps the digits of a difference
    dtype = np.dtype(np.float64 if matched else trace.network.dtype)
    y, z, a = (array[sample].astype(dtype) for array in (trace.y, trace.z[-1], trace.a[-1]))
    with np.errstate(all="ignore"):
        slopes, jacobian = _factors(objective, last, y, z, a)
        ends = Ends(slopes[_units(jacobian)] * jacobian, slopes, jacobian)
        if matched:
            known = a - y
        apart = np.abs(ends.errors.sum(axis=1) - known)
        lost = ~(apart <= SHARE * tolerance(trace) * np.abs(ends.errors).sum(axis=1))
        if not matched:
            rounding = ROUNDINGS * np.finfo(dtype).eps * np.abs(slopes).sum()
            lost &= (apart <= rounding) & (c != 0) & is_exact(trace)
    return _collapsed(known, "saturated") if lost.any() else ends


def _collapsed(errors: np.ndarray, why: Collapsed) -> Ends:
    nothing = np.empty(0)
    return Ends(errors[:, None], nothing, nothing[:, None], why)


def _factors(loss: Loss, f: Activation, y: Any, z: Any, a: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return ∂E/∂a, (outputs,), and ∂a_p/∂z_o, (outputs, ends), in float64."""
    slopes = loss.kind.gradient(np, y[None], a[None], loss.parameter)[0].astype(np.float64)
    if f.elementwise:
        return slopes, f.derivative(np, z, a).astype(np.float64)[:, None]
    a = a.astype(np.float64)
    return slopes, a * (np.eye(len(a)) - a[:, None])


def _units(jacobian: np.ndarray) -> np.ndarray:
    """Return p of every end, of the shape of the Jacobian or one that broadcasts to it."""
    outputs, ends = jacobian.shape
    return np.arange(ends)[None] if ends > 1 else np.arange(outputs)[:, None]


def slopes_of(trace: Trace, sample: int, layer: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return f'(z) of a hidden layer as the engine used it, (units,), and the dropout mask."""
    index = layer - 1
    z, a = trace.z[index][sample], trace.a[index][sample]
    f = trace.network.operations[index].activation
    slopes = f.derivative(np, z, a).astype(np.float64)
    mask = trace.masks[index]
    mask = None if mask is None else mask[sample].astype(np.float64)
    if not is_exact(trace):
        return slopes, mask
    weights = trace.network.operations[layer].scale * weights_of(trace, layer + 1)
    after = trace.delta[layer][sample].astype(np.float64)
    passed = np.ones_like(slopes) if mask is None else mask
    with np.errstate(all="ignore"):
        carried, size = passed * (after @ weights), passed * (np.abs(after) @ np.abs(weights))
        delta = trace.delta[index][sample].astype(np.float64)
        used = delta / carried
        lost = np.abs(slopes * carried - delta) > (SHARE * tolerance(trace) * np.abs(slopes) * size)
        rounding = np.abs(used - slopes) <= ROUNDINGS * np.finfo(z.dtype).eps
    return np.where(lost & rounding, used, slopes), mask


def weights_of(trace: Trace, layer: int) -> np.ndarray:
    """Return W of a layer, without its forward scale, (units, fan_in) in float64."""
    weights = trace.network.operations[layer - 1].weight.view(trace.vector)
    return np.asarray(weights, dtype=np.float64)
