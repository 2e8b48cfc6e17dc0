"""The xla engine's verbs: blocks put on the device, programs called, records read back.

Batches of sequences go through grids whose steps are a power of two (at most the block's longest
sequence), so that few programs serve any lengths; batches that need the same one go in one call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines.batches import dense_inputs, sum_of_weights
from clearprop.engines.contracts import (
    Block,
    Constant,
    Engine,
    Horizon,
    Plan,
    Recipe,
    Record,
    TrainState,
    Watching,
    goes_by_pieces,
    watched_steps,
)
from clearprop.engines.sequence_batches import sum_of_weights as sum_of_step_weights
from clearprop.engines.timing import PartTime, median_times
from clearprop.engines.trace import Trace
from clearprop.engines.xla import programs
from clearprop.engines.xla.choice import chosen_times
from clearprop.engines.xla.device import Resident, bucket, placed, precision
from clearprop.engines.xla.measuring import timed_parts
from clearprop.engines.xla.programs import STEPS, Drops, Kind, Note, Run
from clearprop.engines.xla.tracing import SequenceTracer, Tracer
from clearprop.engines.xla.trust import check_jax
from clearprop.equations import RULES
from clearprop.equations.cells import CELLS
from clearprop.network import Network

# rows of a chunk where every row is wanted, and of a grid of sequences
CHUNK = 4096
GRID_ROWS = 1 << 16


class XlaEngine(Engine):
    """Runs `equations/` under XLA, many steps a call."""

    name = "xla"
    plain_only = False

    def __init__(
        self, network: Network, recipe: Recipe, plan: Plan | None = None, *, checked: bool = True
    ) -> None:
        super().__init__(network, recipe, plan or Plan("xla"))
        if checked:
            check_jax(XlaEngine)
        self._resident = Resident(network)

    def advance(
        self, state: TrainState, block: Block, steps: int, watch: Watching | None = None
    ) -> tuple[TrainState, Record]:
        """Take steps, up to `STEPS` in a call of the program; see `Engine.advance`."""
        steps = min(steps, self.steps_left(state, block))
        constants = self.step_constants(state, block, steps)
        entries = np.array(watch.entries if watch else (), dtype=np.int32)
        before, notes, taken = state.step, [], 0
        size = min(self.recipe.batch_size, block.visits)
        with precision(self.network.dtype):
            data, run = self._resident.of(block), self._run_from(state, size)
            for count, grid in self._calls(state, block, steps):
                here = constants[taken : taken + count]
                table = _filled_up(here.astype(self.network.dtype))
                drops = self._drops(state.seed, before + taken, here[:, 5])
                drops = Drops(*map(_filled_up, drops))
                program = programs.advance(self.kind(state, grid, size), size)
                run, note = program(run, data, table, drops, entries, np.int32(count))
                notes.append(_read(note))
                taken += count
                if notes[-1].failed:
                    break
            self._take_over(state, block, run, sum(len(n.losses) - n.failed for n in notes))
        return state, _record(notes, before, watch)

    def gradient(self, vector: np.ndarray, block: Block) -> tuple[float, np.ndarray]:
        """Sum chunk after chunk on the device; see `Engine.gradient`."""
        normaliser = self._sum_of_weights(block) or 1.0
        loss, gradient = self._summed(vector, block, normaliser, gradient=True)
        factor = float(self.recipe.penalty.factor(normaliser))
        arguments = (np, self.network, vector, self.recipe.penalty)
        loss += float(factor * eq.penalty_value(*arguments))
        slope = factor * eq.penalty_gradient(*arguments)
        return loss, gradient + slope.astype(vector.dtype, copy=False)

    def evaluate(self, vector: np.ndarray, block: Block) -> float:
        """Sum chunk after chunk on the device; see `Engine.evaluate`."""
        normaliser = self._sum_of_weights(block) or 1.0
        return self._summed(vector, block, normaliser, gradient=False)[0]

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Send chunks to the device; see `Engine.predict`."""
        every = self.network.readout == "every"
        result = np.empty(
            (len(x.values) if every else x.shape[0], self.network.outputs), self.network.dtype
        )
        with precision(self.network.dtype):
            vector = placed(vector)
            for places, outputs in self._predicted(vector, x):
                result[places] = outputs
        return result

    def trace(
        self,
        state: TrainState,
        block: Block,
        rows: np.ndarray,
        *,
        dropout: bool = True,
        horizon: Horizon | None = None,
    ) -> Trace:
        """Run both passes by XLA and keep everything; see `Engine.trace`."""
        tracer = (SequenceTracer if self.network.recurrent else Tracer)(self.network, self.recipe)
        tracer.kind = lambda steps, count: self.kind(state, steps, count)
        with precision(self.network.dtype):
            return tracer.trace(state, block, rows, dropout=dropout, horizon=horizon)

    def measure(
        self, state: TrainState, block: Block, rows: np.ndarray, repeats: int = 9
    ) -> tuple[PartTime, ...]:
        """Time each part compiled on its own; see `Engine.measure`.

        In training XLA compiles the whole step, which takes less than its parts together.
        """
        rows = np.asarray(rows)
        with precision(self.network.dtype):
            data = Resident(self.network).of(block.ordered(rows))
            constants = self.step_constants(state, block, 1)
            drops = self._drops(state.seed, state.step, constants[:, 5]).of(0)
            runs = [timed_parts(self, state, block, data, drops) for _ in range(repeats + 1)]
        return median_times(runs[1:])

    # programs and what goes into them

    def kind(self, state: TrainState | None, steps: int, count: int, **changes: Any) -> Kind:
        """Return what the program for grids of this shape is compiled for; 0 steps for rows."""
        # schedules are numbers by then
        plain = {"schedule": Constant(), "dropout_schedule": None, "decay_schedule": None}
        recipe = replace(self.recipe, epochs=1, **(plain | changes))
        if type(recipe.rule) in RULES.values():
            recipe = replace(recipe, rule=type(recipe.rule)())  # its numbers go in as constants
        seed = state.seed if state is not None and recipe.carrier == "random" else 0
        times = chosen_times(self.plan.through_time, self.network, steps, count) if steps else ()
        return Kind(self.network, recipe, seed, steps, times)

    def _run_from(self, state: TrainState, size: int) -> Run:
        width = sum(
            operation.size * len(operation.ways) * len(CELLS[operation.cell].states)
            for operation in self.network.recurrences
        )
        carried = np.zeros((size, width), dtype=self.network.dtype)
        if state.carried is not None:
            carried[: len(state.carried)] = state.carried
        numbers = np.int32(state.position), np.int32(state.piece)
        return placed(Run(state.vector, state.slots, *numbers, carried))

    def _take_over(self, state: TrainState, block: Block, run: Run, taken: int) -> None:
        """Let the state stand where the run has come to."""
        state.vector[...] = np.asarray(run.vector)
        state.slots[...] = np.asarray(run.slots)
        state.step += taken
        state.position, state.piece = int(run.position), int(run.piece)
        state.carried = None
        if state.piece:
            there = min(self.recipe.batch_size, block.visits - state.position)
            state.carried = np.array(run.carried)[:there]

    def _drops(self, seed: int, first: int, factors: np.ndarray) -> Drops:
        """Return what dropout goes by in the steps from `first` on, from their rates' factors."""
        dropping = [o for o in self.network.operations if o.dropout]
        words = np.zeros((len(factors), len(dropping), 3), dtype=np.uint32)
        kept = np.ones(words.shape[:2], dtype=self.network.dtype)
        for place, operation in enumerate(dropping):
            purpose = eq.chance.PURPOSES["dropout"] + operation.layer
            for step, rate in enumerate(operation.dropout * factors):
                words[step, place, :2] = eq.key_of(seed, purpose, first + step)
                words[step, place, 2] = eq.chance.drop_threshold(rate)
                kept[step, place] = 1 / (1 - rate)
        return Drops(words, kept)

    def _calls(self, state: TrainState, block: Block, steps: int) -> Iterator[tuple[int, int]]:
        """Return how many steps each call takes, and on which grid: neighbours that share one."""
        if not self.network.recurrent:
            grids = np.zeros(steps, dtype=np.int64)
        elif goes_by_pieces(self.network, self.recipe):
            longest = int(block.x.lengths.max())
            grids = np.full(steps, min(longest, int(self.recipe.truncate or 1)))
        else:
            rows = block.visited(state.position, block.visits)
            lengths, most = block.x.lengths[rows], int(block.x.lengths.max())
            batch = self.recipe.batch_size
            tops = [lengths[batch * i : batch * (i + 1)].max() for i in range(steps)]
            grids = np.array([bucket(int(top), most) for top in tops], dtype=np.int64)
        begin = 0
        while begin < steps:
            other = np.flatnonzero(grids[begin : begin + STEPS] != grids[begin])
            count = int(other[0]) if len(other) else min(STEPS, steps - begin)
            yield count, int(grids[begin])
            begin += count

    # whole blocks

    def _sum_of_weights(self, block: Block) -> float:
        if self.network.recurrent:
            return sum_of_step_weights(self.network, block)
        return sum_of_weights(block)

    def _summed(
        self, vector: np.ndarray, block: Block, normaliser: float, *, gradient: bool
    ) -> tuple[float, np.ndarray]:
        """Return Σ c_i E_i over the block and, if asked for, its gradient."""
        dtype, losses = self.network.dtype, []
        with precision(dtype):
            data, vector = self._resident.of(block), placed(vector)
            total = placed(np.zeros(self.network.size if gradient else 0, dtype=dtype))
            whole = np.array(normaliser, dtype=dtype)
            for position, size, steps in self._chunks(block):
                kind = self.kind(None, steps, size, carrier="exact", truncate=None)
                program = programs.slope(kind, size, gradient=gradient)
                loss, total = program(vector, total, data, np.int32(position), whole)
                losses.append(loss)
            return sum(map(float, losses)), np.array(total)

    def _chunks(self, block: Block) -> Iterator[tuple[int, int, int]]:
        """Return position, size and steps of the grid of each chunk of a pass."""
        if not block.visits:
            return
        steps, size = 0, min(CHUNK, block.visits)
        if self.network.recurrent:
            longest = int(block.x.lengths.max())
            steps, size = longest, min(_sequences_at_once(longest), block.visits)
        for position in range(0, block.visits, size):
            grid = steps
            if steps:
                lengths = block.x.lengths[block.visited(position, position + size)]
                grid = bucket(int(lengths.max()), steps)
            yield position, size, grid

    def _predicted(self, vector: Any, x: Any) -> Iterator[tuple[Any, np.ndarray]]:
        if self.network.recurrent:
            yield from self._predicted_sequences(vector, x)
            return
        program = programs.predict(self.kind(None, 0, 0, carrier="exact", truncate=None))
        for start in range(0, x.shape[0], CHUNK):
            rows = np.arange(start, min(start + CHUNK, x.shape[0]))
            chunk = np.zeros((bucket(len(rows)), self.network.inputs), dtype=self.network.dtype)
            chunk[: len(rows)] = dense_inputs(Block(x, rows), rows)
            yield rows, np.asarray(program(vector, chunk, None))[: len(rows)]

    def _predicted_sequences(self, vector: Any, x: Any) -> Iterator[tuple[Any, np.ndarray]]:
        size = _sequences_at_once(int(x.lengths.max()))
        every = self.network.readout == "every"
        for start in range(0, len(x), size):
            rows = np.arange(start, min(start + size, len(x)))
            lengths = np.zeros(min(size, bucket(len(rows))), dtype=np.int32)
            lengths[: len(rows)] = x.lengths[rows]
            steps = bucket(int(lengths.max()))
            step = np.arange(steps)[:, None]
            begins = x.starts[:-1][np.resize(rows, len(lengths))]
            places = begins + np.minimum(step, np.maximum(lengths - 1, 0))
            kind = self.kind(None, steps, len(lengths), truncate=None)
            grid = x.values[places.ravel()]
            outputs = np.asarray(programs.predict(kind)(vector, grid, lengths))
            if every:
                there = (step < lengths).ravel()
                yield places.ravel()[there], outputs[there]
            else:
                yield rows, outputs[: len(rows)]


def _sequences_at_once(longest: int) -> int:
    """Return how many sequences of this length make a chunk: a power of two."""
    return max(1, min(256, GRID_ROWS >> (longest - 1).bit_length()))


def _filled_up(table: np.ndarray) -> np.ndarray:
    """Return a table of one row a step with rows of 0 behind, so that it has `STEPS`."""
    full = np.zeros((STEPS, *table.shape[1:]), dtype=table.dtype)
    full[: len(table)] = table
    return full


def _read(note: Note) -> Note:
    """Return a note as NumPy arrays of the steps that were tried."""
    tried = int(note.tried)
    losses, penalties, rows, watched = (np.array(array)[:tried] for array in note[:4])
    return Note(losses, penalties, rows, watched, tried, bool(note.failed))


def _record(notes: list[Note], before: int, watch: Watching | None) -> Record:
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
