"""The same sequence through a network with another kind of cell, to see how long its error stays.

The cells are compared fresh: every recurrent layer is replaced by one of the kind, with as many
units and the same ways, and all parameters are drawn with the same seed. The network in hand may be
trained; its own kind is drawn fresh among them, so that like stands beside like.

Public names: `CELL_KINDS`, `twins_of`.
May import: `norms`, `run`, `clearprop.engines`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearprop.engines import Block, Recipe, build
from clearprop.engines.trace import SequenceTrace
from clearprop.equations import GradientDescent
from clearprop.explanation.through_time.norms import TimeNorms, norms_of
from clearprop.explanation.through_time.run import Run, run_of
from clearprop.functions import CustomLoss
from clearprop.network import GRU, LSTM, Dense, Network, Parameters, Recurrent, RecurrentLayer

CELL_KINDS: dict[str, type[RecurrentLayer]] = {"elman": Recurrent, "gru": GRU, "lstm": LSTM}
SEED = 0


def twins_of(trace: SequenceTrace, sequence: int, layer: int, way: int = 0) -> dict[str, TimeNorms]:
    """Return the norms of fresh networks with each kind of cell, by the cell's name."""
    run = run_of(trace, sequence)
    return {cell: norms_of(_fresh(run, cell), 0, layer, way, spectra=False) for cell in CELL_KINDS}


def _fresh(run: Run, cell: str) -> SequenceTrace:
    """Return the trace of a fresh network of one kind of cell on the run's sequence."""
    layers = tuple(
        CELL_KINDS[cell](layer.units, direction=layer.direction, init="auto")
        if isinstance(layer, RecurrentLayer)
        else replace(layer, dropout=0.0)
        if isinstance(layer, Dense)
        else layer
        for layer in run.network.layers
    )
    loss = run.network.objective
    # the trace's targets are smoothed already
    plain = loss if isinstance(loss, CustomLoss) else replace(loss, label_smoothing=0.0)
    network = Network(run.network.inputs, layers, plain, "float64", run.network.readout)
    y = [run.y] if network.readout == "every" else run.y
    block = Block.of(network, [run.x], y)
    engine = build("reference", network, Recipe(rule=GradientDescent(1.0), batch_size=1))
    state = engine.initial_state(Parameters.initial(network, SEED))
    trace = engine.trace(state, block, np.array([0]), dropout=False)
    assert isinstance(trace, SequenceTrace)
    return trace
