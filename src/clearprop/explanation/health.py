"""The error's way back through the layers: how large it is, and which units take no part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.engines import Trace

# an activation whose slope is below this everywhere in the batch passes next to nothing back
FLAT = 1e-3


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
        ‖∂E/∂W^l‖.
    weight_norm : float
        ‖W^l‖.
    delta_norm : float
        ‖δ^l‖ over the batch.
    dead : int
        Units whose slope f'(z) is below `FLAT` for every sample; 0 for a softmax layer.
    """

    layer: int
    units: int
    activation: str
    gradient_norm: float
    weight_norm: float
    delta_norm: float
    dead: int


def health(trace: Trace) -> list[LayerHealth]:
    """Return a line for each layer, first layer first."""
    lines = []
    gradients = trace.weight_gradients()
    for operation, gradient, z, a, delta in zip(
        trace.network.operations, gradients, trace.z, trace.a, trace.delta, strict=True
    ):
        dead = 0
        if operation.activation.elementwise:
            slope = np.abs(operation.activation.derivative(np, z, a))
            dead = int(np.count_nonzero(slope.max(axis=0) < FLAT))
        lines.append(
            LayerHealth(
                operation.layer,
                operation.units,
                str(operation.activation),
                float(np.linalg.norm(gradient)),
                float(np.linalg.norm(operation.weight.view(trace.vector))),
                float(np.linalg.norm(delta)),
                dead,
            )
        )
    return lines
