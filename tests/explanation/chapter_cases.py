"""Explanations that the tests of several chapters read, and what stands on a section."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from clearprop import Dense, Network, Parameters
from clearprop.engines import Recipe
from clearprop.equations import GradientDescent, Penalty
from clearprop.explanation import Explanation, Names, Place, explain
from clearprop.explanation.formulas import Grid, Number
from clearprop.explanation.pages import Block, Check, Section, Span
from clearprop.functions import Loss

W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]


def worked_example() -> Explanation:
    """The 2-2-2 network with numbers of the origin texts."""
    layers = (Dense(2, "sigmoid"), Dense(2, "sigmoid"))
    network = Network(2, layers, "half_squared_error", "float64")
    parameters = Parameters.from_arrays(network, [W1, W2], [[0.35] * 2, [0.60] * 2])
    pairs = [(layer, unit, source) for layer in (1, 2) for unit in (0, 1) for source in (0, 1)]
    aliases = {f"w{at}": Place(*pair) for at, pair in enumerate(pairs, start=1)}
    names = Names(network, ("i1", "i2"), ("o1", "o2"), (("h1", "h2"),), aliases)
    return explain(parameters, [[0.05, 0.10]], [[0.01, 0.99]], names=names)


def batch_of_classes(dtype: str = "float32", rows: int = 20) -> Explanation:
    """A batch for a network with a folded layer, a forward scale, smoothing and a penalty."""
    layers = (Dense(10, "tanh", scale="ntk"), Dense(3, "softmax"))
    network = Network(4, layers, Loss("cross_entropy", label_smoothing=0.1), dtype)
    draw = np.random.default_rng(0)
    recipe = Recipe(rule=GradientDescent(0.1), batch_size=rows, penalty=Penalty(l2=0.01))
    x, y = draw.normal(size=(rows, 4)), draw.integers(0, 3, rows)
    return explain(network, x, y, sample_weight=draw.uniform(0.5, 2, rows), recipe=recipe)


def wide() -> Explanation:
    """A 784-512-256-10 network on a few sparse rows."""
    layers = (Dense(512, "relu"), Dense(256, "relu"), Dense(10, "softmax"))
    network = Network(784, layers, "cross_entropy", "float32")
    draw = np.random.default_rng(0)
    x = draw.uniform(size=(6, 784)) * (draw.uniform(size=(6, 784)) < 0.2)
    return explain(network, x, draw.integers(0, 10, 6))


def walk(node: Any) -> Iterator[Any]:
    """Yield a node and all data in it."""
    yield node
    if isinstance(node, tuple):
        for item in node:
            yield from walk(item)
    elif is_dataclass(node):
        for field in fields(node):
            yield from walk(getattr(node, field.name))


def numbers(section: Section) -> list[float]:
    """Return all numbers of formulas, in their order."""
    return [node.value for node in walk(section) if isinstance(node, Number)]


def checks(section: Section) -> list[Check]:
    """Return all checks."""
    return [node for node in walk(section) if isinstance(node, Check)]


def grids(section: Section | Block) -> list[Grid]:
    """Return all matrices."""
    return [node for node in walk(section) if isinstance(node, Grid)]


def text(section: Section) -> str:
    """Return all words, run together."""
    return " ".join(node.text for node in walk(section) if isinstance(node, Span))


def keyed(section: Section) -> dict[str, set[float]]:
    """Return the values that stand under each key."""
    found: dict[str, set[float]] = {}
    for node in walk(section):
        if isinstance(node, Number) and node.key:
            found.setdefault(node.key, set()).add(node.value)
    return found
