"""Where an epoch's rows come from: one block in memory, or one block after another of a stream.

The loop asks a source for the blocks of an epoch and lets the engine advance over each. The order
of the rows is the source's own; it is a function of the epoch (and the source's seed) alone. So
`TrainState.epoch` and `.position`, the rows of the epoch that are used up, say where a run stands,
with a stream as well as in memory.

Rows of a block of a stream stand in the order in which they are visited, and `first_row` is the
place of the first one in the epoch. A block holds whole batches but for the last one of an epoch,
so that batches, steps and dropout are those of one block in memory that holds the epoch's rows in
this order: the same bits.

Public names: `Source`, `parts_of`, `sample_of`.
May import: `clearprop.engines`, the other modules of this room.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

from clearprop.engines import Block
from clearprop.training.orders import Orders


class Source(Protocol):
    """Gives the blocks of an epoch.

    Attributes
    ----------
    rows, visits : int
        Rows of an epoch.
    sample : Block
        Some rows to begin with, with `epoch_rows`: starts that look at the data look at these.
    """

    rows: int
    visits: int
    sample: Block

    def blocks(self, epoch: int, position: int) -> Iterator[Block]:
        """Yield the blocks of an epoch (0 for the first) from the one on that holds a position.

        A block's arrays may be used again once the next one is asked for.
        """

    def fingerprint(self) -> dict[str, str]:
        """Return what the rows depend on, as short texts: equal where the rows are."""


def sample_of(data: Block | Source) -> Block:
    """Return some rows to begin with: of a block in memory all."""
    return data if isinstance(data, Block) else data.sample


def parts_of(
    data: Block | Source, orders: Orders, epoch: int, position: int
) -> Iterator[tuple[int, Block]]:
    """Yield the blocks of an epoch from a position on, and where in the epoch each begins."""
    if isinstance(data, Block):
        yield 0, data.ordered(orders.order(epoch, data.rows))
        return
    # whoever reads ahead is told when nobody wants more
    with closing(data.blocks(epoch, position)) as blocks:  # type: ignore[type-var]
        for block in blocks:
            yield block.first_row, block
