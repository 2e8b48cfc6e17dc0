"""What some sequences of a block become before the first product: rows, targets, coefficients.

The mean over a batch's losses goes over its sequences by their weights w_i; where every step is
read out, over all steps, each with the weight of its sequence: c_it = w_i / Σ_i w_i T_i.

Public names: `SequenceBatch`, `carried_over`, `sequence_batch`, `states_from`, `sum_of_weights`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from clearprop.engines import batches
from clearprop.engines.contracts import Block, TrainState
from clearprop.engines.sequences import Packing
from clearprop.engines.unrolled import SequencePass
from clearprop.equations import CELLS
from clearprop.equations.cells import State
from clearprop.network import Network


class SequenceBatch(NamedTuple):
    """Some sequences of a block, or a piece of each.

    Attributes
    ----------
    rows : (n,) int array
        The sequences, as rows of the block; those of a batch that have steps in this piece.
    kept : (n,) int array
        Their places in the batch.
    packing : Packing
    places : (N,) int array
        Where each row's step stands in the block's `x.values`.
    x : (N, inputs) array
    y : (n or N, outputs) array
        Targets in the order of the network's outputs.
    c : (n or N,) array
        Coefficients of the outputs.
    normaliser : float
        The sum of weights that `c` was divided by.
    begin : int
        The step at which the sequences are entered.
    """

    rows: np.ndarray
    kept: np.ndarray
    packing: Packing
    places: np.ndarray
    x: np.ndarray
    y: np.ndarray
    c: np.ndarray
    normaliser: float
    begin: int


def sequence_batch(
    network: Network,
    block: Block,
    rows: np.ndarray,
    *,
    begin: int = 0,
    count: int | None = None,
    normaliser: float | None = None,
) -> SequenceBatch:
    """Return `count` steps of these sequences from `begin` on; all of them where absent.

    `normaliser` is the sum of weights of a larger whole, where the batch is part of one.
    """
    window = block.x.window(rows, begin, count)
    rows, packing, every = rows[window.kept], window.packing, network.readout == "every"
    # targets and weights as a block of their own, whose rows are the network's outputs
    weights = None if block.weights is None else block.weights[rows]
    y = block.y[window.places] if every else block.y[rows]
    if every and weights is not None:
        weights = weights[packing.place]
    outputs = replace(block, x=y, y=y, weights=weights, order=None)
    visited = np.arange(len(y))
    if normaliser is None:
        normaliser = batches.sum_of_weights(outputs)
    return SequenceBatch(
        rows,
        window.kept,
        packing,
        window.places,
        block.x.values[window.places],
        batches.dense_targets(network, outputs, visited),
        batches.row_coefficients(network, outputs, visited, normaliser),
        normaliser,
        begin,
    )


def sum_of_weights(network: Network, block: Block) -> float:
    """Return Σ w over all outputs of the sequences that a pass visits."""
    if network.readout != "every":
        return batches.sum_of_weights(block)
    rows = block.visited(0, block.visits)
    lengths = block.x.lengths[rows]
    weights = lengths if block.weights is None else block.weights[rows] * lengths
    return float(np.sum(weights, dtype=np.float64))


def states_from(network: Network, state: TrainState, batch: SequenceBatch) -> list[State] | None:
    """Return where each way's states begin, (n, units) each; None at the sequences' beginning."""
    if state.carried is None:
        return None
    carried, found, column = state.carried[batch.kept], [], 0
    for operation in network.recurrences:
        for _ in operation.ways:
            parts = []
            for _ in CELLS[operation.cell].states:
                parts.append(carried[:, column : column + operation.size])
                column += operation.size
            found.append(tuple(parts))
    return found


def carried_over(
    state: TrainState, batch: SequenceBatch, saved: SequencePass, count: int
) -> np.ndarray:
    """Return the states at the end of a piece, a row for each of the batch's `count` sequences."""
    ends = [part[batch.packing.last] for ways in saved.ways for way in ways for part in way.state]
    new = np.concatenate(ends, axis=1)
    carried = np.zeros((count, new.shape[1]), dtype=new.dtype)
    if state.carried is not None:
        carried[...] = state.carried
    carried[batch.kept] = new
    return carried
