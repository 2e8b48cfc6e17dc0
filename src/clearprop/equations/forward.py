"""Forward: z^l = s W^l a^(l-1) + b^l and a^l = f(z^l), layer by layer."""

from __future__ import annotations

from typing import Any, NamedTuple

from clearprop.network import Network


class Pass(NamedTuple):
    """The arrays of one forward pass, one entry a layer, first layer first.

    Attributes
    ----------
    inputs : list of (n, fan_in) arrays
        What each layer received: the batch, then each layer's output after dropout.
    z : list of (n, units) arrays
        Weighted inputs.
    a : list of (n, units) arrays
        Activations, before dropout.
    output : (n, outputs) array
        a^L.
    """

    inputs: list[Any]
    z: list[Any]
    a: list[Any]

    @property
    def output(self) -> Any:
        """a^L, (n, outputs)."""
        return self.a[-1]


def affine(W: Any, b: Any, a: Any, scale: float = 1.0) -> Any:
    """z = s W a + b for every row of a: (n, fan_in) → (n, units)."""
    return scale * (a @ W.T) + b


def forward(xp: Any, network: Network, vector: Any, x: Any, masks: list[Any] | None = None) -> Pass:
    """Send a batch through the network.

    Parameters
    ----------
    xp : module
        Array namespace.
    vector : (network.size,) array
        All parameters.
    x : (n, inputs) array
        The batch, a^0.
    masks : list, one entry a layer, optional
        Dropout masks, (n, units), of 0 and 1 / (1 - rate), None for layers without dropout.
        Without masks no unit is dropped, as in prediction.
    """
    result = Pass([], [], [])
    for index, operation in enumerate(network.operations):
        W, b = operation.weight.view(vector), operation.bias.view(vector)
        z = affine(W, b, x, operation.scale)
        a = operation.activation.value(xp, z)
        result.inputs.append(x)
        result.z.append(z)
        result.a.append(a)
        mask = masks[index] if masks else None
        x = a if mask is None else a * mask
    return result
