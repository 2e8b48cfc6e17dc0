"""Small networks of sequences with data that fits them."""

from __future__ import annotations

from itertools import product

import numpy as np

from clearprop import GRU, LSTM, Dense, Network, Recurrent
from clearprop.engines import Block
from clearprop.engines.sequence_batches import sequence_batch

CELLS = {"elman": Recurrent, "gru": GRU, "lstm": LSTM}
CASES = list(product(CELLS, ["forward", "backward", "both"], ["last", "every", "mean"]))
NAMES = ["-".join(case) for case in CASES]
# one sequence of a single step, equal lengths, and an order that is not that of the lengths
LENGTHS = (3, 1, 5, 2, 5)


def sequence_network(
    cell="lstm", direction="forward", readout="last", dtype="float64", dropout=0.0
):
    """Dense, recurrent, dense: 3-4-5-4-3, or with 10 units handed on where both ways are gone."""
    layers = (
        Dense(4, "tanh", dropout=dropout),
        CELLS[cell](5, direction=direction, dropout=dropout),
        Dense(4, "tanh", dropout=dropout),
        Dense(3, "softmax"),
    )
    return Network(3, layers, "cross_entropy", dtype, readout)


def stacked_network(cell="gru", readout="every", dtype="float64"):
    """Two recurrent layers above each other, the first both ways."""
    layers = (CELLS[cell](4, direction="both"), CELLS[cell](3), Dense(2, "identity"))
    return Network(3, layers, "half_squared_error", dtype, readout)


def sequence_block(network, lengths=LENGTHS, seed=1, *, weighted=False):
    """Random sequences of these lengths; with `weighted`, one weight is 0."""
    draw = np.random.default_rng(seed)
    x = [draw.normal(size=(steps, network.inputs)) for steps in lengths]
    rows = sum(lengths) if network.readout == "every" else len(lengths)
    shape = (rows, network.outputs)
    shares = network.objective.name == "cross_entropy"
    y = draw.dirichlet(np.ones(network.outputs), rows) if shares else draw.normal(size=shape)
    weights = None
    if weighted:
        weights = draw.uniform(0.5, 2, len(lengths)) * (np.arange(len(lengths)) % 4 != 1)
    return Block.of(network, x, y, weights)


def whole_batch(network, block):
    """All sequences of a block as one batch."""
    return sequence_batch(network, block, np.arange(block.rows))
