"""What the rows of a batch become before the first product: dense inputs, targets, coefficients."""

from __future__ import annotations

import numpy as np

from clearprop.engines.contracts import Block
from clearprop.equations import coefficients
from clearprop.network import Network


def dense_inputs(block: Block, rows: np.ndarray) -> np.ndarray:
    """Return the inputs of these rows, (n, inputs); sparse rows are filled in with zeros."""
    x = block.x[rows]
    return x.toarray() if hasattr(x, "toarray") else x


def dense_targets(network: Network, block: Block, rows: np.ndarray) -> np.ndarray:
    """Return the smoothed targets of these rows, (n, outputs); class codes become one-hot rows."""
    y = block.y[rows]
    if y.ndim == 1:
        one_hot = np.zeros((len(rows), network.outputs), dtype=network.dtype)
        one_hot[np.arange(len(rows)), y] = 1
        y = one_hot
    return network.objective.smooth(np, y).astype(network.dtype, copy=False)


def row_weights(network: Network, block: Block, rows: np.ndarray) -> np.ndarray:
    """Return the sample weights of these rows, (n,)."""
    if block.weights is None:
        return np.ones(len(rows), dtype=network.dtype)
    return block.weights[rows]


def row_coefficients(
    network: Network, block: Block, rows: np.ndarray, normaliser: float | None = None
) -> np.ndarray:
    """Return c_i = w_i / N of these rows, (n,); N is their sum of weights unless given."""
    weights = row_weights(network, block, rows)
    total = weights.sum() if normaliser is None else normaliser
    return coefficients(np, weights, total).astype(network.dtype, copy=False)
