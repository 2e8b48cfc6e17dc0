"""Which sequences each step of a job takes, from which step on, and the room they need."""

from __future__ import annotations

import numpy as np

from clearprop.engines.contracts import Block, Recipe, TrainState
from clearprop.engines.native.recurrent.layout import Room

# columns of a schedule: the place of the first sequence in the order, how many, their first step
FIRST, COUNT, BEGIN = range(3)


def of_batches(state: TrainState, block: Block, recipe: Recipe, steps: int) -> np.ndarray:
    """Return the schedule of the next steps where each takes a whole batch, (steps, 3)."""
    table = np.zeros((steps, 3), dtype=np.int64)
    table[:, FIRST] = state.position + recipe.batch_size * np.arange(steps)
    table[:, COUNT] = np.minimum(recipe.batch_size, block.visits - table[:, FIRST])
    return table


def of_pieces(state: TrainState, block: Block, recipe: Recipe, steps: int) -> np.ndarray:
    """Return the schedule of the next steps where each takes a piece of a batch's sequences."""
    window = int(recipe.truncate or 1)
    table: list[tuple[int, int, int]] = []
    position, piece = state.position, state.piece
    while len(table) < steps and position < block.visits:
        rows = block.visited(position, position + recipe.batch_size)
        pieces = -(-int(block.x.lengths[rows].max()) // window)
        table += [(position, len(rows), window * number) for number in range(piece, pieces)]
        position, piece = position + len(rows), 0
    return np.array(table[:steps], dtype=np.int64).reshape(-1, 3)


def of_chunks(block: Block, rows: int, batch: int) -> np.ndarray:
    """Return the schedule of a pass over all sequences, some `rows` steps of them at a time.

    A chunk has a sequence at least and as many as `batch` if they are short.
    """
    lengths = block.x.lengths
    lengths = lengths if block.order is None else lengths[block.order]
    ends, table, first = np.cumsum(lengths), [], 0
    while first < len(ends):
        before = int(ends[first - 1]) if first else 0
        stop = int(np.searchsorted(ends, before + rows, side="right"))
        stop = min(max(stop, first + 1), first + batch, len(ends))
        table.append((first, stop - first, 0))
        first = stop
    return np.array(table, dtype=np.int64).reshape(-1, 3)


def room_for(block: Block, schedule: np.ndarray, window: int, threads: int) -> Room:
    """Return the room that the steps of a schedule need, at most."""
    if not len(schedule):
        return Room(1, 1, 1, 1)
    rows = longest = 0
    for first, count, begin in schedule:
        left = block.x.lengths[block.visited(first, first + count)] - begin
        left = np.maximum(left, 0)
        left = np.minimum(left, window) if window else left
        rows, longest = max(rows, int(left.sum())), max(longest, int(left.max()))
    batch = int(schedule[:, COUNT].max())
    sequences = -(-batch // threads)
    # the first thread has at most one sequence's steps more than another
    part = rows if threads == 1 else min(rows, rows // threads + longest)
    return Room(sequences, part, longest, batch)
