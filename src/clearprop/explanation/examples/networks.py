"""The networks of the worked examples, with their numbers and names, as a literal table.

The numbers of `two-two-two` are those of the second origin text. The others are chosen here: the
texts give none.

Public names: `ECHO`, `HOURS`, `LETTERS`, `LOGISTIC`, `PERCEPTRON`, `TEN`, `TWO_TWO_TWO`.
May import: `example`, `names`, `places`, `clearprop.engines`, `clearprop.equations`,
`clearprop.network`, NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.engines import Recipe
from clearprop.equations import GradientDescent
from clearprop.explanation.examples.example import Example
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place
from clearprop.network import Dense, Network, Parameters, Recurrent


def _recipe(rate: float, samples: int) -> Recipe:
    return Recipe(rule=GradientDescent(rate), batch_size=samples)


def _network(inputs: int, *layers: Dense, loss: str = "half_squared_error") -> Network:
    return Network(inputs, layers, loss, "float64")


def _fixed(network: Network, weights: list[Any], biases: list[Any]) -> Parameters:
    return Parameters.from_arrays(network, weights, biases)


def _row(*values: float) -> np.ndarray:
    return np.array([values])


# G: sigmoid, E = ½ Σ (out - target)², η = 0.5; biases are shared by a layer and held fixed
_G = _network(2, Dense(2, "sigmoid", bias_rate=0), Dense(2, "sigmoid", bias_rate=0))

TWO_TWO_TWO = Example(
    name="two-two-two",
    letter="G",
    parameters=_fixed(
        _G, [[[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]], [[0.35] * 2, [0.60] * 2]
    ),
    x=_row(0.05, 0.10),
    y=_row(0.01, 0.99),
    names=Names(
        _G,
        inputs=("i1", "i2"),
        outputs=("o1", "o2"),
        hidden=(("h1", "h2"),),
        aliases={
            "w1": Place(1, 0, 0),
            "w2": Place(1, 0, 1),
            "w3": Place(1, 1, 0),
            "w4": Place(1, 1, 1),
            "w5": Place(2, 0, 0),
            "w6": Place(2, 0, 1),
            "w7": Place(2, 1, 0),
            "w8": Place(2, 1, 1),
        },
    ),
    recipe=_recipe(0.5, 1),
    updates=10_000,
    module="two_two_two",
)

# A: all weights above zero, so that shares of an error are shares; numbers chosen here
_A = _network(2, Dense(2, "sigmoid"), Dense(2, "sigmoid"))

LETTERS = Example(
    name="a-b-c-d-e-f",
    letter="A",
    parameters=_fixed(
        _A,
        [[[0.2, 0.5], [0.7, 0.1]], [[0.9, 0.3], [0.2, 0.6]]],
        [[0.1, -0.2], [0.05, -0.4]],
    ),
    x=_row(0.9, 0.4),
    y=_row(1.0, 0.0),
    names=Names(
        _A,
        inputs=("a", "b"),
        outputs=("e", "f"),
        hidden=(("c", "d"),),
        aliases={
            "w_ac": Place(1, 0, 0),
            "w_bc": Place(1, 0, 1),
            "w_ad": Place(1, 1, 0),
            "w_bd": Place(1, 1, 1),
            "w_ce": Place(2, 0, 0),
            "w_de": Place(2, 0, 1),
            "w_cf": Place(2, 1, 0),
            "w_df": Place(2, 1, 1),
            "b_c": Place(1, 0, None),
            "b_d": Place(1, 1, None),
            "b_e": Place(2, 0, None),
            "b_f": Place(2, 1, None),
        },
    ),
    recipe=_recipe(0.5, 1),
    updates=2000,
    module="letters",
)

# E: without biases, as in the pictures; numbers chosen here
_E = _network(
    2,
    Dense(3, "sigmoid", bias_rate=0),
    Dense(2, "sigmoid", bias_rate=0),
    Dense(1, "sigmoid", bias_rate=0),
)

PERCEPTRON = Example(
    name="perceptron",
    letter="E",
    parameters=_fixed(
        _E,
        [
            [[0.5, -0.3], [0.8, 0.2], [-0.4, 0.9]],
            [[0.7, -0.5, 0.3], [0.2, 0.6, -0.8]],
            [[0.9, -0.6]],
        ],
        [[0.0] * 3, [0.0] * 2, [0.0]],
    ),
    x=_row(1.0, 0.5),
    y=_row(1.0),
    names=Names(
        _E,
        inputs=("x1", "x2"),
        outputs=("f6",),
        hidden=(("f1", "f2", "f3"), ("f4", "f5")),
        aliases={
            "w_x11": Place(1, 0, 0),
            "w_x21": Place(1, 0, 1),
            "w_x12": Place(1, 1, 0),
            "w_x22": Place(1, 1, 1),
            "w_x13": Place(1, 2, 0),
            "w_x23": Place(1, 2, 1),
            "w14": Place(2, 0, 0),
            "w24": Place(2, 0, 1),
            "w34": Place(2, 0, 2),
            "w15": Place(2, 1, 0),
            "w25": Place(2, 1, 1),
            "w35": Place(2, 1, 2),
            "w46": Place(3, 0, 0),
            "w56": Place(3, 0, 1),
        },
    ),
    recipe=_recipe(0.5, 1),
    updates=2000,
    module="perceptron",
)

# logistic regression: hours of practice and of sleep before a test, and whether it was passed
HOURS = [
    (0.5, 6.0, 0),
    (1.0, 8.0, 0),
    (1.5, 5.0, 0),
    (2.0, 7.5, 0),
    (2.5, 4.5, 0),
    (2.5, 8.0, 1),
    (3.0, 6.0, 1),
    (3.5, 7.0, 0),
    (4.0, 5.5, 1),
    (4.5, 8.0, 1),
    (5.0, 6.5, 1),
    (5.5, 5.0, 1),
]
_L = _network(2, Dense(1, "sigmoid"), loss="binary_cross_entropy")

LOGISTIC = Example(
    name="logistic",
    letter="",
    parameters=_fixed(_L, [[[0.0, 0.0]]], [[0.0]]),
    # hours beyond 3 of practice and beyond 6.5 of sleep: centred, so that no direction is steep
    x=np.array([(practice - 3.0, sleep - 6.5) for practice, sleep, _ in HOURS]),
    y=np.array([[float(passed)] for _, _, passed in HOURS]),
    names=Names(
        _L,
        inputs=("practice", "sleep"),
        outputs=("passed",),
        aliases={
            "w1": Place(1, 0, 0),
            "w2": Place(1, 0, 1),
            "b": Place(1, 0, None),
        },
    ),
    recipe=_recipe(0.5, len(HOURS)),
    updates=300,
    module="logistic",
)

# H: ten layers of weights; the parameters are drawn with a fixed seed
_H = _network(3, *(Dense(6, "sigmoid", init="he_uniform") for _ in range(9)), Dense(1, "sigmoid"))


def _corners() -> tuple[np.ndarray, np.ndarray]:
    """Return the eight corners of a cube, and whether an odd number of coordinates is 1."""
    x = np.array([[a, b, c] for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (0.0, 1.0)])
    return x, x.sum(axis=1, keepdims=True) % 2


TEN = Example(
    name="ten-layers",
    letter="H",
    parameters=Parameters.initial(_H, seed=2),
    x=_corners()[0],
    y=_corners()[1],
    names=Names(_H),
    recipe=_recipe(0.5, 8),
    updates=1000,
    module="ten_layers",
)

# the end of the texts: a recurrent network. Two units hear a sound and its echoes, 1, ½, ¼, ⅛, and
# at the end the output should say how loud the first one was
_E = Network(
    1,
    (Recurrent(2, bias_rate=0), Dense(1, "identity", bias_rate=0)),
    "half_squared_error",
    "float64",
)

ECHO = Example(
    name="echo",
    letter="",
    parameters=Parameters.from_names(
        _E,
        {
            "W1": [[0.5], [-0.3]],
            "U1": [[0.4, 0.2], [-0.5, 0.6]],
            "b1": [0.0, 0.0],
            "W2": [[0.8, -0.7]],
            "b2": [0.0],
        },
    ),
    x=np.array([[[1.0], [0.5], [0.25], [0.125]]]),
    y=_row(1.0),
    names=Names(
        _E,
        inputs=("x",),
        outputs=("o",),
        hidden=(("h1", "h2"),),
        aliases={
            "w1": Place(1, 0, 0),
            "w2": Place(1, 1, 0),
            "u11": Place(1, 0, 0, "U"),
            "u12": Place(1, 0, 1, "U"),
            "u21": Place(1, 1, 0, "U"),
            "u22": Place(1, 1, 1, "U"),
            "v1": Place(2, 0, 0),
            "v2": Place(2, 0, 1),
        },
    ),
    recipe=_recipe(0.5, 1),
    updates=0,
    module="echo",
)
