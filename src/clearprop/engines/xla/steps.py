"""What goes into a call of `programs.advance`, and what its result means to a state.

Public names: `drops_of`, `filled_up`, `read`, `record_of`, `run_of`, `table_of`, `take_over`.
May import: the other modules of `clearprop.engines`, `clearprop.equations`; NumPy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines.contracts import Record, TrainState, Watching, watched_steps
from clearprop.engines.xla.passes import Drops
from clearprop.engines.xla.programs import STEPS, Note, Run
from clearprop.equations import Penalty
from clearprop.equations.cells import CELLS
from clearprop.network import Network


def run_of(network: Network, state: TrainState, rows: int) -> Run:
    """Return where a state stands, with room for the states of so many sequences."""
    width = sum(
        operation.size * len(operation.ways) * len(CELLS[operation.cell].states)
        for operation in network.recurrences
    )
    carried = np.zeros((rows, width), dtype=network.dtype)
    if state.carried is not None:
        carried[: len(state.carried)] = state.carried
    return Run(state.vector, state.slots, np.int32(state.position), np.int32(state.piece), carried)


def table_of(network: Network, penalty: Penalty, constants: np.ndarray) -> np.ndarray:
    """Return the constants of steps with the penalty's numbers behind, (STEPS, 8)."""
    numbers = np.broadcast_to([penalty.l1, penalty.l2], (len(constants), 2))
    return filled_up(np.hstack([constants, numbers]).astype(network.dtype))


def drops_of(network: Network, seed: int, first: int, factors: np.ndarray) -> Drops:
    """Return what dropout goes by in the steps from `first` on, from their rates' factors."""
    dropping = [operation for operation in network.operations if operation.dropout]
    words = np.zeros((len(factors), len(dropping), 3), dtype=np.uint32)
    kept = np.ones(words.shape[:2], dtype=network.dtype)
    steps: Any = np.arange(first, first + len(factors), dtype=np.uint64)
    for place, operation in enumerate(dropping):
        rates = operation.dropout * factors
        key = eq.key_of(seed, eq.chance.PURPOSES["dropout"] + operation.layer, steps)
        words[:, place, :2] = np.column_stack(key)
        words[:, place, 2] = [eq.chance.drop_threshold(rate) for rate in rates]
        kept[:, place] = 1 / (1 - rates)
    return Drops(words, kept)


def filled_up(table: np.ndarray) -> np.ndarray:
    """Return a table of one row a step with rows of 0 behind, so that it has `STEPS`."""
    full = np.zeros((STEPS, *table.shape[1:]), dtype=table.dtype)
    full[: len(table)] = table
    return full


def read(note: Note, network: int | None = None) -> Note:
    """Return a note as NumPy arrays of the steps that were tried, of one network of many."""
    at = () if network is None else (network,)
    taken, failed = int(np.asarray(note.taken)[at]), bool(np.asarray(note.failed)[at])
    tried = taken + failed
    losses, penalties, rows, watched = (
        np.array(np.asarray(array)[(slice(tried), *at)]) for array in note[:4]
    )
    return Note(losses, penalties, rows, watched, tried, taken, failed)


def take_over(state: TrainState, run: Run, taken: int, there: int) -> None:
    """Let a state stand where a run, in NumPy arrays, has come to.

    `there` is how many sequences the batch has whose pieces are gone through.
    """
    state.vector[...] = run.vector
    state.slots[...] = run.slots
    state.step += taken
    state.position, state.piece = int(run.position), int(run.piece)
    state.carried = np.array(run.carried[:there]) if state.piece else None


def record_of(notes: list[Note], before: int, watch: Watching | None) -> Record:
    """Return what calls wrote down, from the step `before` on."""
    losses, penalties, rows = (
        np.concatenate([note[k] for note in notes]) if notes else np.empty(0) for k in range(3)
    )
    failed = bool(notes and notes[-1].failed)
    record = Record(
        losses.astype(np.float64), penalties.astype(np.float64), rows.astype(np.int64), failed
    )
    if watch is None:
        return record
    steps = watched_steps(before, before + len(losses) - failed, watch.every)
    values = np.concatenate([note.watched for note in notes] or [np.empty((0, len(watch.entries)))])
    return replace(record, watched_steps=steps, watched=values[steps - before - 1])
