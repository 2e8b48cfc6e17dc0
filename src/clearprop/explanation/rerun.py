"""A trace's rows, ready for an engine to run them again.

Public name: `rerun_of`.
May import: `clearprop.engines`, `clearprop.functions`, `clearprop.network`.
"""

from __future__ import annotations

from dataclasses import replace

from clearprop.engines import Block, Trace
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
    return replace(trace.network, loss=plain, dtype=dtype), Block(x, y, c)
