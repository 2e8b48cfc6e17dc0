"""A trace's rows, ready for an engine to run them again.

Public name: `rerun_of`.
May import: `clearprop.engines`, `clearprop.functions`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearprop.engines import Block, Trace
from clearprop.engines.sequences import Sequences
from clearprop.engines.trace import SequenceTrace
from clearprop.functions import CustomLoss
from clearprop.network import DTypeName, Network


def rerun_of(trace: Trace, dtype: DTypeName | None = None) -> tuple[Network, Block]:
    """Return a network and a block whose loss is the trace's, without its dropout.

    A trace holds its targets smoothed, so the network's loss smooths no more; its coefficients,
    which add up to one, are the block's weights.

    Parameters
    ----------
    trace : Trace
    dtype : {"float32", "float64"}, optional
        The trace's own where absent.
    """
    dtype = dtype or trace.network.dtype
    loss = trace.network.objective
    plain = loss if isinstance(loss, CustomLoss) else replace(loss, label_smoothing=0.0)
    x, y, c = (array.astype(dtype) for array in (trace.x, trace.y, trace.coefficients))
    network = replace(trace.network, loss=plain, dtype=dtype)
    if isinstance(trace, SequenceTrace):
        return network, _sequences(trace, x, y, c)
    return network, Block(x, y, c)


def _sequences(trace: SequenceTrace, x: np.ndarray, y: np.ndarray, c: np.ndarray) -> Block:
    """Return a trace's sequences as a block; where every step is read out, y has a row a step."""
    n = len(trace.packing.lengths)
    places = [trace.packing.of(place) for place in range(n)]
    sequences = Sequences.of([x[rows] for rows in places])
    if trace.network.readout != "every":
        return Block(sequences, y, c)
    # the weight of a sequence is that of each of its steps
    weights = c[[rows[0] for rows in places]]
    return Block(sequences, y[np.concatenate(places)], weights)
