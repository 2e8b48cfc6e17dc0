"""Networks whose pictures are looked at by the tests of scenes and of SVG."""

from __future__ import annotations

from functools import cache

import numpy as np

from clearprop import Dense, Network, Parameters
from clearprop.explanation import Explanation, Names, Place, explain

# the worked example of the origin texts: sigmoid, half squared error, biases held fixed
W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
WEIGHTS = {f"w{i + 1}": Place(1 + i // 4, (i % 4) // 2, i % 2) for i in range(8)}


@cache
def worked() -> Explanation:
    """The 2-2-2 network with numbers."""
    layers = tuple(Dense(2, "sigmoid", bias_rate=0) for _ in range(2))
    network = Network(2, layers, "half_squared_error", "float64")
    given = Parameters.from_arrays(network, [W1, W2], [[0.35, 0.35], [0.60, 0.60]])
    names = Names(network, ("i1", "i2"), ("o1", "o2"), (("h1", "h2"),), WEIGHTS)
    return explain(given, [[0.05, 0.10]], [[0.01, 0.99]], names=names)


@cache
def drawn(
    shape: tuple[int, ...],
    hidden: str = "tanh",
    output: str = "sigmoid",
    loss: str = "half_squared_error",
    rows: int = 1,
) -> Explanation:
    """A network of random weights on random rows."""
    layers = [Dense(units, hidden) for units in shape[1:-1]] + [Dense(shape[-1], output)]
    network = Network(shape[0], tuple(layers), loss, "float64")
    draw = np.random.Generator(np.random.Philox(7))
    X = draw.normal(size=(rows, shape[0]))
    y = np.eye(shape[-1])[draw.integers(0, shape[-1], rows)]
    vector = Parameters.initial(network, 3)
    for bias in vector.biases:
        bias[:] = draw.normal(size=bias.shape) / 2
    return explain(vector, X, y)


def perceptron() -> Explanation:
    """The 2-3-2-1 network of the picture series."""
    return drawn((2, 3, 2, 1))


def flowers() -> Explanation:
    """A classifier of three classes, on a batch."""
    return drawn((4, 10, 3), "relu", "softmax", "cross_entropy", 8)


def digits() -> Explanation:
    """A wide network."""
    return drawn((784, 512, 256, 10), "relu", "softmax", "cross_entropy")


def deep() -> Explanation:
    """Ten layers of eight."""
    return drawn((8,) * 11)


ALL = {
    "worked": worked,
    "perceptron": perceptron,
    "flowers": flowers,
    "digits": digits,
    "deep": deep,
}
