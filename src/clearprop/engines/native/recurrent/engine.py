"""The native engine for networks with recurrent layers: prepares, calls the kernel, reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines.contracts import (
    Block,
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
from clearprop.engines.ledger import Notes, update_terms
from clearprop.engines.native import records as phase
from clearprop.engines.native.recurrent import layout, plans, schedule, timing
from clearprop.engines.native.recurrent.call import SequenceCall
from clearprop.engines.native.recurrent.reading import Reading
from clearprop.engines.sequence_batches import sum_of_weights
from clearprop.engines.sequences import Sequences, Window
from clearprop.engines.timing import PartTime, median_times
from clearprop.engines.trace import SequenceTrace
from clearprop.functions import CustomLoss
from clearprop.network import Network

# steps of a thread's chunk, and sequences of it, where all sequences are gone through
CHUNK_ROWS, CHUNK = 2048, 1024

_FORWARD = phase.GATHER | phase.FORWARD


class SequenceNativeEngine(Engine):
    """Runs the compiled kernel for sequences. An engine's buffers serve one call at a time.

    Parameters
    ----------
    network : Network
    recipe : Recipe
    plan : Plan, optional
        How to run; chosen for the network where absent.
    threads : int, optional
        Threads of the plan that is chosen.
    """

    name = "native"

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        plan: Plan | None = None,
        threads: int | None = None,
    ) -> None:
        if plan is None:
            plan = plans.plan_for(network, recipe.batch_size, threads)
        plans.check_plan(network, plan)
        super().__init__(network, recipe, plan)
        self._workspace: layout.Workspace | None = None

    def advance(
        self, state: TrainState, block: Block, steps: int, watch: Watching | None = None
    ) -> tuple[TrainState, Record]:
        """Run the kernel over the next batches, or pieces of them; see `Engine.advance`."""
        steps = min(steps, self.steps_left(state, block))
        constants = self.step_constants(state, block, steps)
        if self._custom:
            return self._advance_custom(state, block, constants, Notes(watch))
        call = self._call(state.vector, block, self._schedule(state, block, steps))
        call.watch = watch
        done = call.run(phase.TRAIN, state=state, constants=constants) if steps else 0
        failed = done < steps
        seen = watched_steps(state.step, state.step + done, watch.every if watch else 1)
        self._move_on(state, block, call, done)
        made = done + failed
        record = Record(call.losses[:made], call.penalties[:made], call.rows[:made], failed)
        if watch is not None:
            record = replace(record, watched_steps=seen, watched=call.watched[: len(seen)])
        return state, record

    def gradient(self, vector: np.ndarray, block: Block) -> tuple[float, np.ndarray]:
        """Accumulate over chunks; see `Engine.gradient`."""
        normaliser = sum_of_weights(self.network, block) or 1.0
        loss, gradient = 0.0, np.zeros_like(vector)
        if self._custom:
            for part, call in self._custom_chunks(vector, block):
                call.run(phase.BACKWARD)
                loss += part
                gradient += _gradient_sum(call)
        else:
            call = self._over_all(vector, block, phase.LOSS | phase.BACKWARD, normaliser)
            loss, gradient = float(call.losses.sum()), _gradient_sum(call)
        arguments = (np, self.network, vector, self.recipe.penalty)
        factor = float(self.recipe.penalty.factor(normaliser))
        slope = factor * eq.penalty_gradient(*arguments)
        loss += factor * float(eq.penalty_value(*arguments))
        return loss, gradient + slope.astype(gradient.dtype, copy=False)

    def evaluate(self, vector: np.ndarray, block: Block) -> float:
        """Sum over chunks; see `Engine.evaluate`."""
        if self._custom:
            return sum(loss for loss, _ in self._custom_chunks(vector, block))
        normaliser = sum_of_weights(self.network, block) or 1.0
        return float(self._over_all(vector, block, phase.LOSS, normaliser).losses.sum())

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Run the forward phase on chunks of sequences; see `Engine.predict`."""
        x = Sequences.of(x, self.network.dtype)
        count = len(x.values) if self.network.readout == "every" else len(x)
        outputs = np.empty((count, self.network.outputs), dtype=self.network.dtype)
        block = Block(x, np.empty((0, self.network.outputs), dtype=self.network.dtype))
        call = self._call(vector, block, self._chunks(block), exact=True)
        call.outputs = outputs
        call.run(_FORWARD | phase.PREDICT, normaliser=1.0)
        return outputs

    def trace(
        self,
        state: TrainState,
        block: Block,
        rows: np.ndarray,
        *,
        dropout: bool = True,
        horizon: Horizon | None = None,
    ) -> SequenceTrace:
        """Run one step on a copy of the state and read the workspaces; see `Engine.trace`."""
        state = state.copy()
        before, slots = state.vector.copy(), state.slots.copy()
        rows = np.asarray(rows, dtype=np.int64)
        constants = self.step_constants(state, block, 1, horizon)
        call, window = self._one_step(state, block, rows, keeps=True)
        reading = Reading(call, window)
        losses = self._forward_backward(call, reading, state, dropout=dropout)
        arrays, gradient = reading.layers(), _gradient_sum(call)
        if not dropout:
            arrays["masks"] = [None] * len(arrays["masks"])
        normaliser = self._normaliser(block, rows[window.kept], window)
        factor = float(self.recipe.penalty.factor(normaliser or 1.0))
        unchanged = replace(state, vector=before)
        terms = update_terms(self.network, self.recipe, unchanged, gradient, constants[0], factor)[
            0
        ]
        call.run(phase.UPDATE, state=state, constants=constants, normaliser=normaliser)
        return SequenceTrace(
            network=self.network,
            recipe=self.recipe,
            engine=self.name,
            step=state.step,
            rows=rows[window.kept] + block.first_row,
            vector=before,
            slots=slots,
            x=arrays["inputs"][0],
            y=reading.by_outputs("target", self.network.outputs),
            coefficients=reading.by_outputs("coefficient", 1)[:, 0],
            losses=losses,
            penalty=float(call.penalties[0]),
            penalty_factor=factor,
            gradient=gradient,
            terms=terms,
            update=state.vector - before,
            rate=float(self.step_rates(state, block, 1, horizon)[0]),
            constants=constants[0],
            packing=window.packing,
            begin=int(call.schedule[0, schedule.BEGIN]),
            cut=self.recipe.truncate,
            **arrays,
        )

    def measure(
        self, state: TrainState, block: Block, rows: np.ndarray, repeats: int = 9
    ) -> tuple[PartTime, ...]:
        """Let the kernel stamp the end of each part; see `Engine.measure`."""
        rows = np.asarray(rows, dtype=np.int64)
        constants = self.step_constants(state, block, 1)
        runs = []
        for _ in range(repeats + 1):
            copy = state.copy()
            call, window = self._one_step(copy, block, rows)
            runs.append(self._stamped_step(call, window, copy, constants))
        return median_times(runs[1:])

    @property
    def _custom(self) -> bool:
        return isinstance(self.network.objective, CustomLoss)

    def _schedule(self, state: TrainState, block: Block, steps: int) -> np.ndarray:
        pieces = goes_by_pieces(self.network, self.recipe)
        make = schedule.of_pieces if pieces else schedule.of_batches
        return make(state, block, self.recipe, steps)

    def _chunks(self, block: Block) -> np.ndarray:
        threads = self.plan.threads
        return schedule.of_chunks(block, CHUNK_ROWS * threads, CHUNK * threads)

    def _call(
        self,
        vector: np.ndarray,
        block: Block,
        table: np.ndarray,
        *,
        exact: bool = False,
        keeps: bool = False,
    ) -> SequenceCall:
        pieces = not exact and goes_by_pieces(self.network, self.recipe)
        window = int(self.recipe.truncate or 0) if pieces else 0
        space = self._room(schedule.room_for(block, table, window, self.plan.threads))
        return SequenceCall(self, space, vector, block, table, exact=exact, keeps=keeps)

    def _room(self, room: layout.Room) -> layout.Workspace:
        """Return buffers that hold so much; they grow and are never given back."""
        space = self._workspace
        if space is None or not space.places.room.holds(room):
            room = room if space is None else room.joined(space.places.room)
            self._workspace = space = layout.Workspace.allocate(self.network, self.plan, room)
        return space

    def _one_step(
        self, state: TrainState, block: Block, rows: np.ndarray, *, keeps: bool = False
    ) -> tuple[SequenceCall, Window]:
        """Return a call for the step that the state would take on these sequences."""
        begin, count = 0, None
        if goes_by_pieces(self.network, self.recipe):
            count = int(self.recipe.truncate or 1)
            begin = state.piece * count
        table = np.array([[0, len(rows), begin]], dtype=np.int64)
        call = self._call(state.vector, block.ordered(rows), table, keeps=keeps)
        return call, block.x.window(rows, begin, count)

    def _move_on(self, state: TrainState, block: Block, call: SequenceCall, done: int) -> None:
        """Let the state stand behind the steps that were taken."""
        if not done:
            return
        state.step += done
        first, count, begin = (int(number) for number in call.schedule[done - 1])
        state.position, state.piece, state.carried = first + count, 0, None
        if call.window:
            longest = block.x.lengths[block.visited(first, first + count)].max()
            if begin + call.window < longest:
                state.position, state.piece = first, begin // call.window + 1
                state.carried = call.space.carried[:count].copy()

    def _normaliser(self, block: Block, rows: np.ndarray, window: Window) -> float:
        """Return Σ w over the outputs of a batch, added up in the kernel's order."""
        lengths = window.packing.lengths
        weights = np.ones(len(rows)) if block.weights is None else block.weights[rows]
        weights = weights.astype(np.float64)
        if self.network.readout == "every":
            weights = weights * lengths
        return float(np.cumsum(weights)[-1])

    def _over_all(
        self, vector: np.ndarray, block: Block, phases: int, normaliser: float
    ) -> SequenceCall:
        call = self._call(vector, block, self._chunks(block), exact=True)
        call.run(_FORWARD | phases, normaliser=normaliser, accumulate=1)
        return call

    def _forward_backward(
        self, call: SequenceCall, reading: Reading, state: TrainState, *, dropout: bool
    ) -> np.ndarray:
        """Run all phases but the update on the call's one batch; return E of each output."""
        phases = _FORWARD | (phase.DROPOUT if dropout else 0)
        if not self._custom:
            call.run(phases | phase.LOSS | phase.BACKWARD, state=state)
            return reading.by_outputs("value", 1)[:, 0]
        call.run(phases, state=state)
        losses = self._custom_loss(call, reading)
        call.run(phase.BACKWARD, state=state)
        return losses

    def _custom_loss(self, call: SequenceCall, reading: Reading) -> np.ndarray:
        """Compute a user's loss on what the forward phase left, and put δ^L where BP2 reads it."""
        last, loss = self.network.operations[-1].activation, self.network.objective
        units = self.network.outputs
        z, a, y = (reading.by_outputs(name, units) for name in ("z_turned", "a_turned", "target"))
        c = reading.by_outputs("coefficient", 1)[:, 0]
        losses = np.asarray(loss.value(np, last, y, z, a))
        reading.put_output_delta(np.asarray(eq.bp1(np, loss, last, y, z, a, c)))
        call.space.partial[:, phase.PART_LOSS] = 0
        call.space.partial[0, phase.PART_LOSS] = np.sum(c * losses, dtype=np.float64)
        return losses

    def _advance_custom(
        self, state: TrainState, block: Block, constants: np.ndarray, notes: Notes
    ) -> tuple[TrainState, Record]:
        """Take steps one by one, since the loss is a Python function."""
        losses, penalties, sizes, failed = [], [], [], False
        for c in constants:
            rows = block.visited(state.position, state.position + self.recipe.batch_size)
            call, window = self._one_step(state, block, rows)
            call.run(_FORWARD | phase.DROPOUT, state=state, constants=c[None])
            self._custom_loss(call, Reading(call, window))
            done = call.run(
                phase.BACKWARD | phase.UPDATE,
                state=state,
                constants=c[None],
                normaliser=self._normaliser(block, rows[window.kept], window),
            )
            losses.append(call.losses[0])
            penalties.append(call.penalties[0])
            sizes.append(len(window.kept))
            failed = not done
            if failed:
                break
            call.schedule[0, schedule.FIRST] = state.position
            self._move_on(state, block, call, 1)
            notes.take(state)
        made = np.array(sizes, dtype=np.int64)
        record = Record(np.array(losses), np.array(penalties), made, failed)
        return state, notes.added_to(record)

    def _custom_chunks(
        self, vector: np.ndarray, block: Block
    ) -> Iterator[tuple[float, SequenceCall]]:
        """Run forward and the user's loss chunk by chunk; yield Σ c_i E_i and the call."""
        total = sum_of_weights(self.network, block) or 1.0
        for first, count, _ in self._chunks(block):
            rows = block.visited(first, first + count)
            table = np.array([[0, len(rows), 0]], dtype=np.int64)
            call = self._call(vector, block.ordered(rows), table, exact=True)
            call.run(_FORWARD, normaliser=total)
            self._custom_loss(call, Reading(call, block.x.window(rows, 0, None)))
            yield float(call.space.partial[0, phase.PART_LOSS]), call

    def _stamped_step(
        self, call: SequenceCall, window: Window, state: TrainState, constants: np.ndarray
    ) -> list[PartTime]:
        places = timing.places(len(self.network.operations))
        call.stamps = np.zeros((self.plan.threads, 2 * len(places)), dtype=np.int64)
        if not self._custom:
            call.run(phase.TRAIN, state=state, constants=constants)
            return timing.part_times(call.stamps[0])
        call.run(_FORWARD | phase.DROPOUT, state=state, constants=constants)
        times = timing.part_times(call.stamps[0])
        began = time.perf_counter()
        self._custom_loss(call, Reading(call, window))
        times.append(PartTime("loss", 0, time.perf_counter() - began))
        call.stamps[:] = 0
        call.run(phase.BACKWARD | phase.UPDATE, state=state, constants=constants, normaliser=1.0)
        return [*times, *timing.part_times(call.stamps[0])]


def _gradient_sum(call: SequenceCall) -> np.ndarray:
    """Return the sum of the threads' gradients, in the order in which the kernel adds them."""
    total = call.space.gradients[0].copy()
    for other in call.space.gradients[1:]:
        total += other
    return total
