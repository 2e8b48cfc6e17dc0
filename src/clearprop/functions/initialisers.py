"""How weights and biases start, one row of a table each.

An initialiser draws for one layer: `draw(layer, generator)` gives weights (fan_in, units) and
biases (units,) in float64. It asks a layer for its `fan_in`, its `units` and its `activation.name`,
and any of NumPy's generators for numbers.
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
    "zeros": _zeros,
}
