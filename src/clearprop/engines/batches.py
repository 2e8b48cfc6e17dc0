"""What the rows of a batch become before the first product: dense inputs, targets, coefficients.

Each member of a network sees every row: what comes first is all rows of the first member, then
those of the second, and so on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.engines.contracts import Block
from clearprop.equations import coefficients
from clearprop.network import Network


def dense_inputs(block: Block, rows: np.ndarray, members: int = 1) -> np.ndarray:
    """Return the inputs of these rows, (members · n, inputs); sparse ones are filled in with 0."""
    x = block.x[rows]
    return for_members(x.toarray() if hasattr(x, "toarray") else x, members)


def for_members(rows: np.ndarray, members: int) -> np.ndarray:
    """Return rows once for each member, one member's behind another's."""
    return rows if members == 1 else np.concatenate([rows] * members)


def mean_of_members(rows: Any, members: int) -> Any:
    """Return the mean over members of rows (members · n, units), of NumPy or JAX."""
    return rows if members == 1 else rows.reshape(members, -1, rows.shape[-1]).mean(axis=0)


def dense_targets(network: Network, block: Block, rows: np.ndarray) -> np.ndarray:
    """Return the smoothed targets of these rows, (members · n, outputs).

    Class codes become one-hot rows.
    """
    y = block.y[rows]
    if y.ndim == 1:
        one_hot = np.zeros((len(rows), network.outputs), dtype=network.dtype)
        one_hot[np.arange(len(rows)), y] = 1
        y = one_hot
    y = network.objective.smooth(np, y).astype(network.dtype, copy=False)
    return for_members(y, network.members)


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
    """Return c_i = w_i / N of these rows, (members · n,): the loss is the mean over members.

    N is the rows' sum of weights unless given.
    """
    weights = row_weights(network, block, rows)
    total = sum_of_weights(block, rows) if normaliser is None else normaliser
    c = coefficients(np, weights, total) / network.members
    return for_members(c.astype(network.dtype, copy=False), network.members)
