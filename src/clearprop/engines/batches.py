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


def sum_of_weights(block: Block, rows: np.ndarray | None = None) -> float:
    """Return Σ w of these rows, of all that a pass visits where absent; 0 where there are none.

    They are added one after another in float64, as a kernel does: `np.sum` goes by pairs and
    rounds otherwise.
    """
    if rows is None:
        rows = block.visited(0, block.visits)
    if block.weights is None or not len(rows):
        return float(len(rows))
    return float(np.cumsum(block.weights[rows], dtype=np.float64)[-1])


def row_coefficients(
    network: Network, block: Block, rows: np.ndarray, normaliser: float | None = None
) -> np.ndarray:
    """Return c_i = w_i / N of these rows, (n,); N is their sum of weights unless given."""
    weights = row_weights(network, block, rows)
    total = sum_of_weights(block, rows) if normaliser is None else normaliser
    return coefficients(np, weights, total).astype(network.dtype, copy=False)
