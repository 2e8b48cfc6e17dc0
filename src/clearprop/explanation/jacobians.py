"""The local derivatives of one sample, in float64: what the chain rule multiplies.

    ends       ∂E/∂a_p and ∂a_p/∂z_o at the output
    slopes     ∂a/∂z of a hidden layer, f'(z) unless its activation is learnt, and its dropout mask
    jacobian   ∂z/∂(input) of a layer: s W of a dense one, diag(g) of a scaling, and of a periodic
               one another matrix for each sample

All are read from a Trace. Two of them may have lost digits in the trace's precision, and then they
are given as the engine used them, so that a product of factors is still the engine's gradient:

- Where an output is saturated, ∂E/∂a · ∂a/∂z is 0·∞ or a difference of two equal numbers. Then the
  two become one factor, ∂E/∂z = a - y of a loss with the activation that matches it, else δ^L / c.
- 1 - a² of a saturated unit is the difference of two nearly equal numbers and depends on how an
  engine rounds. Where that shows, f'(z) is δ_j / Σ_m s w_mj δ_m, as long as that lies within the
  rounding of f'(z); a larger difference is no rounding and stays to be seen.

Public names: `Ends`, `carried_sizes`, `carried_to`, `ends_of`, `is_exact`, `is_front`,
`jacobian_of`, `joins`, `passes`, `slopes_of`.
May import: `neurons`, `waves`, `clearprop.engines`, `clearprop.functions`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.neurons import tolerance
from clearprop.explanation.waves import waves_of
from clearprop.functions import Activation, CustomLoss, Loss
from clearprop.network import Network, Operation, Waves

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
    """Return ∂a/∂z of a hidden layer as the engine used it, (units,), and the dropout mask."""
    index = layer - 1
    z, a = trace.z[index][sample], trace.a[index][sample]
    slopes = trace.network.operations[index].slope(np, trace.vector, z, a).astype(np.float64)
    mask = trace.masks[index]
    mask = None if mask is None else mask[sample].astype(np.float64)
    if not is_exact(trace):
        return slopes, mask
    weights = jacobian_of(trace, sample, layer + 1)
    after = trace.delta[layer][sample].astype(np.float64)
    passed = np.ones_like(slopes) if mask is None else mask
    with np.errstate(all="ignore"):
        carried, size = passed * (after @ weights), passed * (np.abs(after) @ np.abs(weights))
        delta = trace.delta[index][sample].astype(np.float64)
        used = delta / carried
        lost = np.abs(slopes * carried - delta) > (SHARE * tolerance(trace) * np.abs(slopes) * size)
        rounding = np.abs(used - slopes) <= ROUNDINGS * np.finfo(z.dtype).eps
    return np.where(lost & rounding, used, slopes), mask


def jacobian_of(trace: Trace, sample: int, layer: int) -> np.ndarray:
    """Return ∂z/∂(input) of a layer at a sample, (units, fan_in) in float64."""
    operation = trace.network.operations[layer - 1]
    if operation.kind == "periodic":
        return waves_of(trace, layer).jacobian(sample)
    return np.asarray(operation.matrix(trace.vector.astype(np.float64)), dtype=np.float64)


def joins(network: Network, layer: int) -> np.ndarray | None:
    """Return which inputs reach which units of a layer, (units, fan_in); None where all do."""
    operation = network.operations[layer - 1]
    if isinstance(operation, Waves):
        found = np.zeros((operation.units, operation.fan_in), dtype=bool)
        made = np.repeat(operation.columns, operation.features)
        found[np.arange(operation.units), [*made, *operation.others]] = True
        return found
    return np.eye(operation.units, dtype=bool) if operation.kind == "scaling" else None


def is_front(operation: Operation) -> bool:
    """Whether a layer prepares inputs, and hands on its z as it is."""
    return operation.kind in ("scaling", "periodic")


def passes(operation: Operation, unit: int) -> bool:
    """Whether a unit of a periodic layer is one of its inputs, unchanged."""
    if not isinstance(operation, Waves):
        return False
    made = len(operation.columns) * operation.features
    return unit >= made or unit % operation.features == 0


def carried_to(trace: Trace, layer: int, delta: np.ndarray | None = None) -> np.ndarray:
    """Carry errors back to what a layer hands on, (n, units): ∂E/∂(output), before f' and mask.

    Parameters
    ----------
    trace : Trace
    layer : int
        Not the last; 0 for the input.
    delta : (n, units) array, optional
        δ of the layer behind; the trace's where absent.
    """
    behind = trace.network.operations[layer]
    after = np.asarray(trace.delta[layer] if delta is None else delta, dtype=np.float64)
    if behind.kind == "periodic":
        return waves_of(trace, layer + 1).carried(after)
    if behind.kind == "scaling":
        return np.asarray(after * behind.named("g").view(trace.vector))
    return np.asarray(after @ jacobian_of(trace, 0, layer + 1))


def carried_sizes(trace: Trace, layer: int, delta: np.ndarray) -> np.ndarray:
    """Return the sums of absolute terms of `carried_to`, (n, units)."""
    if trace.network.operations[layer].kind == "periodic":
        return np.asarray(waves_of(trace, layer + 1).carried(np.abs(delta), absolute=True))
    sizes = np.abs(np.asarray(delta, dtype=np.float64))
    return np.asarray(sizes @ np.abs(jacobian_of(trace, 0, layer + 1)))
