"""Forward: z^l = s W^l a^(l-1) + b^l and a^l = f(z^l), layer by layer.

What layers of other kinds make of their input is in `front`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from clearprop.equations import front
from clearprop.network import Network, Operation, Waves


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
    """z = s W a + b for every row of a: (n, fan_in) → (n, units).

    With an axis before these in all of them, the same for each member.
    """
    return scale * (a @ W.swapaxes(-1, -2)) + b[..., None, :]


def weighted_input(xp: Any, operation: Operation, vector: Any, x: Any) -> Any:
    """z of a layer of any kind: (n, fan_in) → (n, units)."""
    if isinstance(operation, Waves):
        return front.waved(xp, operation, vector, x)
    rows = front.by_member(operation, x)
    if operation.kind == "scaling":
        z = front.scaled(operation.named("g").view(vector), rows)
    else:
        W, b = operation.weight.view(vector), operation.bias.view(vector)
        z = affine(W, b, rows, operation.scale)
    return z.reshape(x.shape[0], operation.units)


def activated(xp: Any, operation: Operation, vector: Any, z: Any) -> Any:
    """a = f(z), or with a learnt shape a = z + t (f(z) - z): (n, units)."""
    a = operation.activation.value(xp, z)
    return front.shaped(operation.named("t").view(vector), z, a) if operation.parametric else a


def forward(xp: Any, network: Network, vector: Any, x: Any, masks: list[Any] | None = None) -> Pass:
    """Send a batch through the network.

    Parameters
    ----------
    xp : module
        Array namespace.
    vector : (network.size,) array
        All parameters.
    x : (n, inputs) array
        The batch, a^0. Of a network with k members (k · n, inputs): the rows that the first member
        sees, then those of the second, and so on.
    masks : list, one entry a layer, optional
        Dropout masks, (n, units), of 0 and 1 / (1 - rate), None for layers without dropout.
        Without masks no unit is dropped, as in prediction.
    """
    result = Pass([], [], [])
    for index, operation in enumerate(network.operations):
        z = weighted_input(xp, operation, vector, x)
        a = activated(xp, operation, vector, z)
        result.inputs.append(x)
        result.z.append(z)
        result.a.append(a)
        mask = masks[index] if masks else None
        x = a if mask is None else a * mask
    return result
