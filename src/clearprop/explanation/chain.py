"""The gradient of one weight of one sample, as a chain rule with its numbers.

For a weight from unit k into unit j of layer l,

    ∂E/∂w = ∂E/∂z_j · ∂z_j/∂w = δ_j · a_k

and the error of a hidden unit comes from the units m that it feeds:

    δ_j = (Σ_m w_mj δ_m) · f'(z_j)

All factors are read from a Trace of that one sample; f'(z) is the activation's own table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.engines import Trace
from clearprop.errors import SettingError


@dataclass(frozen=True)
class PathTerm:
    """One way on which the error reaches the unit: w_mj · δ_m.

    Attributes
    ----------
    unit : int
        m, a unit of the next layer.
    weight : float
        w_mj, with the layer's forward scale.
    delta : float
        δ_m.
    """

    unit: int
    weight: float
    delta: float

    @property
    def product(self) -> float:
        """w_mj δ_m."""
        return self.weight * self.delta


@dataclass(frozen=True)
class Chain:
    """∂E/∂w of one weight and one sample, taken apart.

    Attributes
    ----------
    layer, unit, source : int
        The weight leads from unit `source` of layer - 1 into `unit` of `layer` (1 for the first).
    signal : float
        a_k, what came along the weight (times the layer's forward scale).
    slope : float or None
        f'(z_j); None at the output, where `delta` comes from BP1.
    terms : tuple of PathTerm
        The error's ways into a hidden unit, largest product first; empty at the output.
    delta : float
        δ_j as the engine computed it.
    gradient : float
        ∂E/∂w as the engine computed it.
    """

    layer: int
    unit: int
    source: int
    signal: float
    slope: float | None
    terms: tuple[PathTerm, ...]
    delta: float
    gradient: float

    @property
    def product(self) -> float:
        """The product of the chain's factors, to be held against `gradient`."""
        if self.slope is None:
            return self.signal * self.delta
        return self.signal * self.slope * sum(term.product for term in self.terms)

    @property
    def size(self) -> float:
        """The sum of the paths' absolute products: what rounding errors are relative to."""
        if self.slope is None:
            return abs(self.signal * self.delta)
        return abs(self.signal * self.slope) * sum(abs(term.product) for term in self.terms)

    @property
    def error(self) -> float:
        """|product - gradient| relative to `size`; where that is 0, the gradient's own size."""
        apart = abs(self.product - self.gradient)
        return apart / self.size if self.size else apart


def strongest_weight(trace: Trace, layer: int = 1) -> tuple[int, int]:
    """Return (unit, source) of the weight of a layer whose gradient is largest in size."""
    gradient = np.abs(trace.weight_gradients()[layer - 1])
    unit, source = np.unravel_index(int(np.argmax(gradient)), gradient.shape)
    return int(unit), int(source)


def chain_of_weight(trace: Trace, layer: int, unit: int, source: int) -> Chain:
    """Take the gradient of one weight apart.

    Parameters
    ----------
    trace : Trace
        Of one sample.
    layer : int
        1 for the first.
    unit, source : int
        The weight leads from unit `source` of the layer before into `unit`.

    Raises
    ------
    SettingError
        If the trace holds several samples, or there is no such weight.
    """
    if len(trace.rows) != 1:
        raise SettingError(
            f"A chain rule is written for one sample, but the trace holds {len(trace.rows)}."
        )
    operations = trace.network.operations
    if not 1 <= layer <= len(operations):
        raise SettingError(f"The network has layers 1 to {len(operations)}, but {layer} came.")
    operation = operations[layer - 1]
    if not (0 <= unit < operation.units and 0 <= source < operation.fan_in):
        raise SettingError(
            f"Layer {layer} has weights from {operation.fan_in} units into {operation.units}, so "
            f"there is none from {source} into {unit}."
        )
    slope: float | None = None
    terms: tuple[PathTerm, ...] = ()
    if layer < len(operations):
        slope, terms = _ways_into(trace, layer, unit)
    return Chain(
        layer=layer,
        unit=unit,
        source=source,
        signal=operation.scale * float(trace.inputs[layer - 1][0, source]),
        slope=slope,
        terms=terms,
        delta=float(trace.delta[layer - 1][0, unit]),
        gradient=float(trace.weight_gradients()[layer - 1][unit, source]),
    )


def _ways_into(trace: Trace, layer: int, unit: int) -> tuple[float, tuple[PathTerm, ...]]:
    """Return f'(z_j) (with the dropout mask) and the terms w_mj δ_m, largest first."""
    operations = trace.network.operations
    here, after = operations[layer - 1], operations[layer]
    z, a = trace.z[layer - 1][:, unit], trace.a[layer - 1][:, unit]
    slope = float(here.activation.derivative(np, z, a)[0])
    mask = trace.masks[layer - 1]
    if mask is not None:
        slope *= float(mask[0, unit])
    weights = after.scale * after.weight.view(trace.vector)[:, unit]
    pairs = zip(weights, trace.delta[layer][0], strict=True)
    terms = [PathTerm(m, float(w), float(d)) for m, (w, d) in enumerate(pairs)]
    return slope, tuple(sorted(terms, key=lambda term: -abs(term.product)))
