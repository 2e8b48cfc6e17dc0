"""The four equations of back-propagation, on one screen.

    BP1   δ^L = J_f(z^L)ᵀ ∇_a E                 the error at the output
    BP2   δ^l = (s W^(l+1)ᵀ δ^(l+1)) ⊙ f'(z^l)  the error one layer earlier
    BP3   ∂E/∂b^l = Σ_i δ_i^l                   summed over the samples i of the batch
    BP4   ∂E/∂W^l = s Σ_i δ_i^l a_i^(l-1)ᵀ

Here E is the loss of the whole batch, E = Σ_i c_i E_i, and so δ_i = ∂E/∂z_i holds the sample's
coefficient c_i (its weight over the sum of weights). For a single sample c = 1 and these are the
equations of the book (Nielsen 2015, chapter 2). With dropout, a^(l-1) in BP4 is what layer l
received, and BP2 multiplies by the mask as well. Errors can be carried in other ways than by BP2,
which are not the gradient: see `carriers`. Layers of other kinds have equations of their own: see
`front`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from clearprop.equations import front
from clearprop.equations.carriers import Carrier, Exact, output_error
from clearprop.equations.forward import Pass
from clearprop.functions import Activation, CustomLoss, Loss
from clearprop.network import Network, Operation, Waves


class Gradients(NamedTuple):
    """What the backward pass leaves behind.

    Attributes
    ----------
    delta : list of (n, units) arrays
        δ^1 … δ^L.
    vector : (network.size,) array
        ∂E/∂W1, ∂E/∂b1, ∂E/∂W2, …, laid out as the parameters are.
    error : list of (n, units) arrays
        What was carried: δ^1 … δ^L themselves, or e^1 … e^L where f' enters only at the update.
    """

    delta: list[Any]
    vector: Any
    error: list[Any]


def bp1(xp: Any, loss: Loss | CustomLoss, f: Activation, y: Any, z: Any, a: Any, c: Any) -> Any:
    """δ^L = c J_f(z^L)ᵀ ∇_a E: (n, outputs). Unit by unit this is c ∇_a E ⊙ f'(z^L)."""
    return c[:, None] * loss.delta(xp, f, y, z, a)


def bp2(W_next: Any, delta_next: Any, derivative: Any, scale: float = 1.0) -> Any:
    """δ^l = (s W^(l+1)ᵀ δ^(l+1)) ⊙ f'(z^l): (n, units of l+1) → (n, units of l)."""
    return scale * (delta_next @ W_next) * derivative


def bp3(xp: Any, delta: Any) -> Any:
    """∂E/∂b^l = Σ_i δ_i^l: (n, units) → (units,)."""
    return xp.sum(delta, axis=-2)


def bp4(a_previous: Any, delta: Any, scale: float = 1.0) -> Any:
    """∂E/∂W^l = s Σ_i δ_i^l a_i^(l-1)ᵀ: (n, fan_in), (n, units) → (units, fan_in)."""
    return scale * (delta.swapaxes(-1, -2) @ a_previous)


def own_gradients(xp: Any, operation: Operation, vector: Any, x: Any, delta: Any) -> list[Any]:
    """∂E/∂θ of a layer's parameters, one array a segment, apart from what it learns of f.

    From what the layer received, (n, fan_in), and its δ, (n, units).
    """
    if isinstance(operation, Waves):
        errors = front.wave_errors(xp, operation, vector, x, delta)
        return front.wave_gradients(xp, errors)
    x, delta = front.by_member(operation, x), front.by_member(operation, delta)
    if operation.kind == "scaling":
        return [front.gain_gradient(xp, x, delta)]
    return [bp4(x, delta, operation.scale), bp3(xp, delta)]


def sent_back(xp: Any, operation: Operation, vector: Any, x: Any, delta: Any) -> Any:
    """∂E/∂(what a layer received), BP2 before f' and the mask: (n, units) → (n, fan_in)."""
    if isinstance(operation, Waves):
        errors = front.wave_errors(xp, operation, vector, x, delta)
        return front.error_before_waves(xp, operation, vector, errors, delta)
    rows = front.by_member(operation, delta)
    if operation.kind == "scaling":
        error = front.scaled(operation.named("g").view(vector), rows)
    else:
        error = bp2(operation.weight.view(vector), rows, 1, operation.scale)
    return error.reshape(x.shape)


def carry(carrier: Carrier, C: Any, error: Any, slope: Any, mask: Any) -> tuple[Any, Any]:
    """What goes on to the layers before, and δ^l: two (n, units) arrays, the same one by BP2."""
    if carrier.late:
        error = bp2(C, error, mask)
        return error, error * slope
    delta = bp2(C, error, slope * mask)
    return delta, delta


def backward(
    xp: Any,
    network: Network,
    vector: Any,
    y: Any,
    c: Any,
    saved: Pass,
    masks: list[Any] | None = None,
    carrier: Carrier | None = None,
) -> Gradients:
    """Carry the error of a batch back through the network.

    Parameters
    ----------
    xp : module
        Array namespace.
    vector : (network.size,) array
        The parameters as they were in the forward pass.
    y : (n, outputs) array
        Targets, smoothed where the loss smooths.
    c : (n,) array
        Coefficient of each sample in the loss of the batch.
    saved : Pass
        What the forward pass saved.
    masks : list, optional
        The dropout masks that the forward pass used.
    carrier : Carrier, optional
        By BP2 where absent. With another one δ and `vector` are what stands in the gradient's
        place.
    """
    carrier = carrier or Exact()
    operations = network.operations
    last, a = operations[-1].activation, saved.a[-1]
    error = delta = bp1(xp, network.objective, last, y, saved.z[-1], a, c)
    if carrier.late:
        error = output_error(xp, network, y, a, c, delta)
    deltas, errors = [delta], [error]
    # what a layer learns of its f has its gradient one layer later, where ∂E/∂a arrives
    pieces: list[list[Any]] = []
    shape: list[Any] = []
    for index in reversed(range(len(operations))):
        operation, x = operations[index], saved.inputs[index]
        pieces.append(own_gradients(xp, operation, vector, x, delta) + shape)
        if index == 0:
            break
        before, z = operations[index - 1], saved.z[index - 1]
        slope = before.slope(xp, vector, z, saved.a[index - 1])
        mask = 1 if masks is None or masks[index - 1] is None else masks[index - 1]
        if network.plain:
            C = carrier.matrix(xp, operation, vector)
            error, delta = carry(carrier, C, error, slope, mask)
        else:
            arrived = sent_back(xp, operation, vector, x, delta) * mask
            shape = learnt_gradient(xp, before, z, arrived)
            error = delta = arrived * slope
        deltas.append(delta)
        errors.append(error)
    found = [piece for layer in reversed(pieces) for piece in layer]
    flat = [s.flat(piece) for s, piece in zip(network.segments, found, strict=True)]
    return Gradients(deltas[::-1], xp.concatenate(flat), errors[::-1])


def learnt_gradient(xp: Any, operation: Operation, z: Any, error: Any) -> list[Any]:
    """∂E/∂t of a layer that learns one, from ∂E/∂a."""
    if not operation.parametric:
        return []
    return [front.shape_gradient(xp, z, operation.activation.value(xp, z), error)]
