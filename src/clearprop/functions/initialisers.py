"""How weights and biases start, one row of a table each.

An initialiser draws for one layer: `draw(layer, generator)` gives weights (fan_in, units) and
biases (units,) in float64. It asks a layer for its `fan_in`, its `units` and its `activation.name`,
and any of NumPy's generators for numbers.

Two starts look at the data that the layer will see, besides: `"std"` for weights and `"he+5"` for
biases; `clearprop.network.starts` takes them from here and does that.

A recurrent initialiser draws for one gate: `draw(layer, size, generator)` gives W (size, fan_in),
U (size, size) and b (size,).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class Layer(Protocol):
    """What an initialiser asks of a layer; a network's operations have it."""

    @property
    def fan_in(self) -> int:
        """Units that feed the layer."""

    @property
    def units(self) -> int:
        """Units of the layer."""

    @property
    def activation(self) -> Any:
        """The layer's activation."""


_RELU_FAMILY = ("relu", "leaky_relu", "elu", "gelu", "silu", "mish", "softplus")


def _spread(gain: float, fan: str, shape: str) -> Any:
    """Return an initialiser whose weights have variance gain / fan; biases are zero."""

    def draw(layer: Layer, generator: Any) -> tuple[np.ndarray, np.ndarray]:
        n_in, n_out = layer.fan_in, layer.units
        variance = gain / ((n_in + n_out) / 2 if fan == "average" else n_in)
        size = (n_in, n_out)
        if shape == "uniform":
            bound = (3 * variance) ** 0.5
            return generator.uniform(-bound, bound, size), np.zeros(n_out)
        return generator.normal(0.0, variance**0.5, size), np.zeros(n_out)

    return draw


def _automatic(layer: Layer, generator: Any) -> tuple[np.ndarray, np.ndarray]:
    name = layer.activation.name
    if name in _RELU_FAMILY:
        return INITIALISERS["he_uniform"](layer, generator)
    return INITIALISERS["lecun_normal" if name == "selu" else "glorot_uniform"](layer, generator)


def _scikit_learn(factor: float) -> Any:
    """Return scikit-learn's initialiser; its factor is 2 where hidden units are logistic, else 6.

    Weights and biases are both uniform within ±√(factor / (fan_in + units)).
    """

    def draw(layer: Layer, generator: Any) -> tuple[np.ndarray, np.ndarray]:
        bound = (factor / (layer.fan_in + layer.units)) ** 0.5
        weight = generator.uniform(-bound, bound, (layer.fan_in, layer.units))
        return weight, generator.uniform(-bound, bound, layer.units)

    return draw


def _zeros(layer: Layer, generator: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((layer.fan_in, layer.units)), np.zeros(layer.units)


def _standard_normal(layer: Layer, generator: Any) -> tuple[np.ndarray, np.ndarray]:
    # for the NTK parametrisation, whose forward scale holds the 1/√fan_in
    weight = generator.standard_normal((layer.fan_in, layer.units))
    return weight, generator.standard_normal(layer.units)


def _weights_alone(layer: Layer, generator: Any) -> tuple[np.ndarray, np.ndarray]:
    # for "std", which then divides the weights of each unit by the standard deviation of its z
    return generator.standard_normal((layer.fan_in, layer.units)), np.zeros(layer.units)


# name → draws (weights of shape (fan_in, units), biases of shape (units,))
INITIALISERS: dict[str, Any] = {
    "auto": _automatic,
    "glorot_uniform": _spread(1.0, "average", "uniform"),
    "glorot_normal": _spread(1.0, "average", "normal"),
    "he_uniform": _spread(2.0, "fan_in", "uniform"),
    "he_normal": _spread(2.0, "fan_in", "normal"),
    "lecun_uniform": _spread(1.0, "fan_in", "uniform"),
    "lecun_normal": _spread(1.0, "fan_in", "normal"),
    "sklearn": _scikit_learn(6.0),
    "sklearn_logistic": _scikit_learn(2.0),
    "standard_normal": _standard_normal,
    "std": _weights_alone,
    "zeros": _zeros,
}

# how biases start where a layer's `init` does not settle it
BIAS_STARTS = ("auto", "zeros", "normal", "he+5")


def _orthogonal(size: int, generator: Any) -> np.ndarray:
    """Return a random orthogonal matrix, uniform over all of them (Mezzadri 2007)."""
    q, r = np.linalg.qr(generator.normal(0.0, 1.0, (size, size)))
    # the signs that QR leaves open are those of r, so that the choice is not biased
    return q * np.where(np.diag(r) < 0, -1.0, 1.0)


def _glorot_and_orthogonal(
    layer: Layer, size: int, generator: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bound = (6 / (layer.fan_in + size)) ** 0.5
    weight = generator.uniform(-bound, bound, (size, layer.fan_in))
    return weight, _orthogonal(size, generator), np.zeros(size)


def _within_root(
    layer: Layer, size: int, generator: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw all uniformly within ±1/√size, as PyTorch does (which adds two such biases)."""
    bound = size**-0.5
    shapes = ((size, layer.fan_in), (size, size), (size,))
    weight, recurrent, bias = (generator.uniform(-bound, bound, shape) for shape in shapes)
    return weight, recurrent, bias


def _no_weights(
    layer: Layer, size: int, generator: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros((size, layer.fan_in)), np.zeros((size, size)), np.zeros(size)


# name → draws (W, U, b) of one gate
RECURRENT_INITIALISERS: dict[str, Any] = {
    "auto": _glorot_and_orthogonal,
    "uniform": _within_root,
    "zeros": _no_weights,
}
