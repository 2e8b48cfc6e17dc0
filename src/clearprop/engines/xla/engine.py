"""The xla engine's verbs: blocks put on the devices, programs called, records read back.

Traces and measurements are made on one device of the process, all else on those of the `Site`.
Batches of sequences go through grids whose steps are a power of two (at most the block's longest
sequence), so that few programs serve any lengths; batches that need the same one go in one call.
"""

from __future__ import annotations

import zlib
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
    Hardware,
    Horizon,
    Plan,
    Recipe,
    Record,
    TrainState,
    Watching,
    goes_by_pieces,
)
from clearprop.engines.sequence_batches import sum_of_weights as sum_of_step_weights
from clearprop.engines.sequences import Sequences
from clearprop.engines.timing import PartTime, median_times
from clearprop.engines.trace import Trace
from clearprop.engines.xla import programs
from clearprop.engines.xla.choice import chosen_times
from clearprop.engines.xla.device import bucket, precision
from clearprop.engines.xla.feed import Feed, Resident
from clearprop.engines.xla.measuring import timed_parts
from clearprop.engines.xla.passes import Drops, Kind
from clearprop.engines.xla.programs import STEPS, Note, Run
from clearprop.engines.xla.site import Site, check_site
from clearprop.engines.xla.steps import (
    drops_of,
    filled_up,
    read,
    record_of,
    run_of,
    table_of,
    take_over,
)
from clearprop.engines.xla.tracing import SequenceTracer, Tracer
from clearprop.engines.xla.trust import check_jax
from clearprop.engines.xla.world import agreed_any, agreed_least, check_alike, with_others
from clearprop.equations import RULES
from clearprop.network import Network

# rows of a chunk where every row is wanted, and of a grid of sequences
CHUNK = 4096
GRID_ROWS = 1 << 16


class XlaEngine(Engine):
    """Runs `equations/` under XLA, many steps a call."""

    name = "xla"
    plain_only = False

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        plan: Plan | None = None,
        hardware: Hardware | None = None,
        *,
        checked: bool = True,
        together: bool = True,
    ) -> None:
        hardware = hardware or Hardware()
        site = Site.of(hardware, plan, together=together)
        if plan is None or not plan.device:
            on = site.platform, site.precision, site.neurons
            plan = replace(plan or Plan("xla"), device=on[0], precision=on[1], neurons=on[2])
        super().__init__(network, recipe, plan)
        check_site(network, site)
        if checked:
            check_jax(XlaEngine, site.alone)
        self.site = site
        self.feed = Feed(site, network, hardware.memory)
        self._alike: Any = None

    def agreed(self, wish: bool) -> bool:
        """Return whether any of the processes wishes it."""
        if self.site.processes == 1:
            return wish
        with with_others(self.site.processes):
            return agreed_any(wish)

    def by_itself(self) -> Engine:
        """Return this engine, or of several processes one of this process's own."""
        if self.site.processes == 1:
            return self
        plan = replace(self.plan, neurons=1)
        return XlaEngine(self.network, self.recipe, plan, checked=False, together=False)

    def advance(
        self, state: TrainState, block: Block, steps: int, watch: Watching | None = None
    ) -> tuple[TrainState, Record]:
        """Take steps, up to `STEPS` in a call of the program; see `Engine.advance`."""
        steps = self._agreed_steps(min(steps, self.steps_left(state, block)), block)
        constants = self.step_constants(state, block, steps)
        entries = np.array(watch.entries if watch else (), dtype=np.int32)
        before, taken = state.step, 0
        notes: list[Note] = []
        size = min(self.recipe.batch_size, block.visits)
        with precision(self.network.dtype), with_others(self.site.processes):
            source = self.feed.of(block, size)
            run = self.site.put(run_of(self.network, state, self.site.share.padded(size)))
            standing = replace(state)
            while taken < steps and not (notes and notes[-1].failed):
                data = source.at(standing.position, size)
                left = self.steps_left(standing, block, source.stop(standing.position))
                count, grid = self._next_call(standing, block, min(left, steps - taken))
                here = constants[taken : taken + count]
                drops = drops_of(self.network, state.seed, before + taken, here[:, 5])
                table = table_of(self.network, self.recipe.penalty, here)
                given = run, data, table, Drops(*map(filled_up, drops)), entries
                program = programs.advance(self.kind(state, grid, size), size)
                run, note = program(*given, np.int32(count))
                notes.append(read(note))
                standing.position, standing.piece = int(run.position), int(run.piece)
                taken += count
            there = min(self.recipe.batch_size, block.visits - standing.position)
            numbers = Run(*map(np.asarray, run))
            take_over(state, numbers, sum(note.taken for note in notes), there)
        return state, record_of(notes, before, watch)

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

    def evaluate_many(self, vectors: np.ndarray, block: Block) -> np.ndarray:
        """Return the loss of many networks, (n,), from their parameters, (n, network.size)."""
        normaliser = self._sum_of_weights(block) or 1.0
        return self._summed(vectors, block, normaliser, gradient=False)[0]

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Send chunks to the device; see `Engine.predict`.

        From the parameters of many networks, (n, network.size), (n, rows, outputs).
        """
        every = self.network.readout == "every"
        rows = len(x.values) if every else x.shape[0]
        shape = (*vector.shape[:-1], rows, self.network.outputs)
        result = np.empty(shape, self.network.dtype)
        with precision(self.network.dtype), with_others(self.site.processes):
            vector = self.site.put(vector)
            for places, outputs in self._predicted(vector, x):
                result[..., places, :] = outputs
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
        alone = self.site.alone
        tracer.kind = lambda steps, count: replace(self.kind(state, steps, count), site=alone)
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
            data = Resident(self.site.alone, self.network).of(block.ordered(rows)).data
            constants = self.step_constants(state, block, 1)
            drops = drops_of(self.network, state.seed, state.step, constants[:, 5]).of(0)
            runs = [timed_parts(self, state, block, data, drops) for _ in range(repeats + 1)]
        return median_times(runs[1:])

    # programs and what goes into them

    def kind(self, state: TrainState | None, steps: int, count: int, **changes: Any) -> Kind:
        """Return what the program for grids of this shape is compiled for; 0 steps for rows."""
        # schedules are numbers by then
        plain = {"schedule": Constant(), "dropout_schedule": None, "decay_schedule": None}
        own = self.recipe.penalty
        penalty = replace(own, l1=float(own.l1 > 0), l2=float(own.l2 > 0))
        recipe = replace(self.recipe, epochs=1, penalty=penalty, **(plain | changes))
        if type(recipe.rule) in RULES.values():
            recipe = replace(recipe, rule=type(recipe.rule)())  # its numbers go in as constants
        seed = state.seed if state is not None and recipe.carrier == "random" else 0
        times: Any = ()
        if steps:
            count = self.site.share.rows_of(count)
            wanted = self.plan.through_time
            times = chosen_times(wanted, self.network, steps, count, self.site.alone)
        return Kind(self.network, recipe, self.site, seed, steps, times)

    def _agreed_steps(self, steps: int, block: Block) -> int:
        """Return how many steps all processes take; each paces itself by its own clock."""
        if self.site.processes == 1:
            return steps
        with with_others(self.site.processes):
            if self._alike is not block.x:
                check_alike(_digest(self.network, block))
                self._alike = block.x
            return agreed_least(steps)

    def _next_call(self, state: TrainState, block: Block, steps: int) -> tuple[int, int]:
        """Return how many steps go in one call, and on which grid: neighbours that share one."""
        steps = min(steps, STEPS)
        if not self.network.recurrent:
            return steps, 0
        most = int(block.x.lengths.max())
        if goes_by_pieces(self.network, self.recipe):
            return steps, min(most, int(self.recipe.truncate or 1))
        batch = self.recipe.batch_size
        rows = block.visited(state.position, state.position + steps * batch)
        tops = np.maximum.reduceat(block.x.lengths[rows], np.arange(0, len(rows), batch))
        grids = np.array([bucket(int(top), most) for top in tops])
        other = np.flatnonzero(grids != grids[0])
        return int(other[0]) if len(other) else steps, int(grids[0])

    # whole blocks

    def _sum_of_weights(self, block: Block) -> float:
        if self.network.recurrent:
            return sum_of_step_weights(self.network, block)
        return sum_of_weights(block)

    def _summed(
        self, vector: np.ndarray, block: Block, normaliser: float, *, gradient: bool
    ) -> tuple[Any, np.ndarray]:
        """Return Σ c_i E_i over the block and, if asked for, its gradient; of many networks each.

        The sum over chunks is in float64.
        """
        dtype, losses, many = self.network.dtype, [], vector.ndim == 2
        length = self.network.size if gradient else 0
        with precision(dtype), with_others(self.site.processes):
            vector = self.site.put(vector)
            total = self.site.put(np.zeros((*vector.shape[:-1], length), dtype=dtype))
            whole = np.array(normaliser, dtype=dtype)
            for position, size, steps in self._chunks(block):
                data = self.feed.of(block, size).at(position, size)
                kind = self.kind(None, steps, size, carrier="exact", truncate=None)
                program = programs.slope(kind, size, gradient=gradient, many=many)
                loss, total = program(vector, total, data, np.int32(position), whole)
                losses.append(loss)
            sums = np.sum([np.asarray(loss, dtype=np.float64) for loss in losses], axis=0)
            return sums if many else float(sums), np.array(total)

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
        kind = self.kind(None, 0, 0, carrier="exact", truncate=None)
        program = programs.predict(kind, many=vector.ndim == 2)
        for start in range(0, x.shape[0], CHUNK):
            rows = np.arange(start, min(start + CHUNK, x.shape[0]))
            chunk = np.zeros((bucket(len(rows)), self.network.inputs), dtype=self.network.dtype)
            chunk[: len(rows)] = dense_inputs(Block(x, rows), rows)
            yield rows, np.asarray(program(vector, chunk, None))[..., : len(rows), :]

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
            program = programs.predict(kind, many=vector.ndim == 2)
            outputs = np.asarray(program(vector, grid, lengths))
            if every:
                there = (step < lengths).ravel()
                yield places.ravel()[there], outputs[..., there, :]
            else:
                yield rows, outputs[..., : len(rows), :]


def _digest(network: Network, block: Block) -> int:
    """Return a checksum of what processes that train together have to share."""
    found = zlib.crc32(f"{network} {network.dtype}".encode())
    values = block.x.values if isinstance(block.x, Sequences) else getattr(block.x, "data", block.x)
    for array in (values, block.y, block.weights):
        if array is not None:
            whole: Any = np.ascontiguousarray(array)
            found = zlib.crc32(whole, found)
    return found


def _sequences_at_once(longest: int) -> int:
    """Return how many sequences of this length make a chunk: a power of two."""
    return max(1, min(256, GRID_ROWS >> (longest - 1).bit_length()))
