"""A loss of the user's own is held against finite differences before a run uses it."""

from __future__ import annotations

import numpy as np

from clearprop.engines import Block
from clearprop.engines.batches import dense_targets
from clearprop.functions import CustomLoss
from clearprop.network import Network

CHECKED_ROWS = 64


def check_own_loss(network: Network, block: Block) -> None:
    """Check a `CustomLoss` on the first targets of a block; other losses are tested already.

    Raises
    ------
    GradientError
        If its delta is not the slope of its value.
    ShapeError
        If one of its functions returns another shape than it should.
    """
    loss = network.objective
    if isinstance(loss, CustomLoss):
        rows = np.arange(min(CHECKED_ROWS, block.rows))
        loss.check(network.operations[-1].activation, dense_targets(network, block, rows))
