"""Small networks with data that fits their loss, and how far two arrays are apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop import Dense, Network
from clearprop.engines import Block
from clearprop.errors import SettingError
from clearprop.functions import ACTIVATIONS, LOSSES, Loss, activation, check_pair, loss

# every activation that works unit by unit, and some with a number of their own
HIDDEN = [name for name, kind in ACTIVATIONS.items() if kind.derivative is not None]
NUMBERED = ["leaky_relu(0.2)", "elu(0.5)"]


def _is_valid(loss_name: str, output: str) -> bool:
    try:
        check_pair(loss(loss_name), activation(output))
    except SettingError:
        return False
    return True


PAIRS = [(name, output) for name in LOSSES for output in ACTIVATIONS if _is_valid(name, output)]
PAIR_NAMES = ["-".join(pair) for pair in PAIRS]


def apart(got: Any, wanted: Any) -> float:
    """‖got - wanted‖ / ‖wanted‖, the norm-wise error."""
    got, wanted = np.asarray(got, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    assert got.shape == wanted.shape
    assert np.isfinite(got).all()
    length = np.linalg.norm(wanted)
    return float(np.linalg.norm(got - wanted) / (length or 1.0))


def targets_for(network: Network, rows: int, seed: int = 1) -> np.ndarray:
    """Targets that the network's loss is defined on, (rows, outputs), zeros and ones among them."""
    draw = np.random.default_rng(seed)
    objective = network.objective
    shape = (rows, network.outputs)
    if objective.name == "cross_entropy":
        y = draw.dirichlet(np.ones(network.outputs), rows)
        y[::2] = np.eye(network.outputs)[draw.integers(0, network.outputs, len(y[::2]))]
        return y
    if objective.name == "binary_cross_entropy":
        y = draw.uniform(size=shape)
        y[::2] = draw.integers(0, 2, y[::2].shape)
        return y
    if objective.name == "poisson":
        return draw.poisson(1.5, shape).astype(float)
    return draw.normal(size=shape)


def block_for(network: Network, rows: int, seed: int = 1, *, weighted: bool = False) -> Block:
    """A block of this many random rows; with `weighted`, some weights are 0."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, network.inputs))
    weights = draw.uniform(0.5, 2, rows) * (np.arange(rows) % 3 != 1) if weighted else None
    return Block.of(network, x, targets_for(network, rows, seed), weights)


def pair_network(name: str, output: str, dtype: str = "float64", **options: Any) -> Network:
    """A 4-5-3 network with tanh, this loss and this output activation."""
    objective = Loss(name, label_smoothing=0.2 if LOSSES[name].smooths else 0.0)
    layers = (Dense(5, "tanh", **options), Dense(3, output, scale=0.5))
    return Network(4, layers, objective, dtype)


def hidden_network(name: str, dtype: str = "float64", dropout: float = 0.0) -> Network:
    """A 4-6-5-3 network with this activation in both hidden layers."""
    layers = (
        Dense(6, name, dropout=dropout, scale=0.8),
        Dense(5, name, dropout=dropout),
        Dense(3, "softmax", scale="ntk"),
    )
    return Network(4, layers, "cross_entropy", dtype)


def vector_for(network: Network, seed: int = 0) -> np.ndarray:
    """Random parameters, biases included, of a size that saturates nothing."""
    draw = np.random.default_rng(seed)
    return (0.6 * draw.normal(size=network.size)).astype(network.dtype)
