"""The native engine: prepares what the kernel reads, calls it, and reads what it left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines.batches import sum_of_weights
from clearprop.engines.contracts import (
    Block,
    Engine,
    Horizon,
    Plan,
    Recipe,
    Record,
    TrainState,
    Watching,
    watched_steps,
)
from clearprop.engines.ledger import Notes, update_terms
from clearprop.engines.native import layout, records, timing
from clearprop.engines.native.call import Call, two_rows
from clearprop.engines.native.planning import best_plan
from clearprop.engines.native.plans import check_plan, piece_for
from clearprop.engines.native.prediction import Predictor
from clearprop.engines.native.reading import Left, joined_arrays
from clearprop.engines.native.threads import available_threads
from clearprop.engines.timing import PartTime, median_times
from clearprop.engines.trace import Trace
from clearprop.functions import CustomLoss
from clearprop.network import Network

# rows of a chunk where every row is wanted: enough for BLAS, small beside the data
CHUNK = 1024


class NativeEngine(Engine):
    """Runs the compiled kernel. An engine's buffers serve one call at a time.

    Parameters
    ----------
    network : Network
    recipe : Recipe
    plan : Plan, optional
        How to run; chosen for the network and the machine where absent.
    threads : int, optional
        Threads of the plan that is chosen.
    rows : int, optional
        Rows of an epoch, where the recipe is to be trained with; see `planning`.
    """

    name = "native"
    plain_only = False

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        plan: Plan | None = None,
        threads: int | None = None,
        rows: int | None = None,
    ) -> None:
        if plan is not None:
            threads = plan.threads
        else:
            plan = best_plan(network, recipe, threads, rows, partial(NativeEngine, network, recipe))
        check_plan(network, plan)
        threads = threads or available_threads()
        super().__init__(network, recipe, plan)
        self._workspace: layout.Workspace | None = None
        self._predictor = Predictor(network, recipe, threads)

    def advance(
        self, state: TrainState, block: Block, steps: int, watch: Watching | None = None
    ) -> tuple[TrainState, Record]:
        """Run the kernel over the next batches; see `Engine.advance`."""
        steps = min(steps, self.steps_left(state, block))
        constants = self.step_constants(state, block, steps)
        if isinstance(self.network.objective, CustomLoss):
            return self._advance_custom(state, block, constants, Notes(watch))
        call = self._call_on(state, block, self.recipe.batch_size)
        call.watch = watch
        done = call.run(
            records.TRAIN, steps, start=state.position, state=state, constants=constants
        )
        failed = done < steps
        rows = self._row_counts(state, block, done + failed)
        seen = watched_steps(state.step, state.step + done, watch.every if watch else 1)
        state.step += done
        state.position += int(rows[:done].sum())
        made = done + failed
        record = Record(call.losses[:made], call.penalties[:made], rows, failed)
        if watch is not None:
            record = replace(record, watched_steps=seen, watched=call.watched[: len(seen)])
        return state, record

    def gradient(self, vector: np.ndarray, block: Block) -> tuple[float, np.ndarray]:
        """Accumulate over chunks; see `Engine.gradient`."""
        if isinstance(self.network.objective, CustomLoss):
            return self._gradient_custom(vector, block)
        call, normaliser = self._over_all(vector, block, records.BACKWARD, accumulate=1)
        return self._with_penalty(vector, float(call.losses.sum()), call.gradient_sum(), normaliser)

    def evaluate(self, vector: np.ndarray, block: Block) -> float:
        """Sum over chunks; see `Engine.evaluate`."""
        if isinstance(self.network.objective, CustomLoss):
            return sum(loss for loss, _ in self._custom_chunks(vector, block))
        return float(self._over_all(vector, block, 0)[0].losses.sum())

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Run the forward phase; see `Engine.predict` and `prediction`."""
        return self._predictor.predict(vector, x)

    def trace(
        self,
        state: TrainState,
        block: Block,
        rows: np.ndarray,
        *,
        dropout: bool = True,
        horizon: Horizon | None = None,
    ) -> Trace:
        """Run one step on a copy of the state and read the workspace; see `Engine.trace`."""
        state = state.copy()
        before, slots = state.vector.copy(), state.slots.copy()
        rows = np.asarray(rows, dtype=np.int64)
        # a schedule counts the steps of the whole block
        constants = self.step_constants(state, block, 1, horizon)
        call = self._call_on(state, block.ordered(rows), len(rows))
        phases = records.GATHER | records.FORWARD | (records.DROPOUT if dropout else 0)
        pieces = self._pieces(call, phases, state=state, constants=constants)
        arrays = joined_arrays([left.arrays() for left in pieces], self.network.members)
        gradient = call.gradient_sum()
        factor = float(self.recipe.penalty.factor(call.sum_of_weights() or 1.0))
        terms = update_terms(
            self.network, self.recipe, replace(state, vector=before), gradient, constants[0], factor
        )[0]
        call.run(
            records.UPDATE, 1, state=state, constants=constants, normaliser=call.sum_of_weights()
        )
        if not dropout:
            arrays["masks"] = [None] * len(self.network.layers)
        return Trace(
            network=self.network,
            recipe=self.recipe,
            engine=self.name,
            step=state.step,
            rows=rows + block.first_row,
            vector=before,
            slots=slots,
            x=arrays["inputs"][0],
            penalty=float(call.penalties[0]),
            penalty_factor=factor,
            gradient=gradient,
            terms=terms,
            update=state.vector - before,
            rate=float(self.step_rates(state, block, 1, horizon)[0]),
            constants=constants[0],
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
            call = self._call_on(state.copy(), block.ordered(rows), len(rows))
            runs.append(self._stamped_step(call, state, constants))
        return median_times(runs[1:])

    def _stamped_step(self, call: Call, state: TrainState, constants: np.ndarray) -> list[PartTime]:
        """Return the times of a step's parts; of pieces the last is timed, for all of them."""
        spans, places = call.spans(), timing.places(len(self.network.operations))
        call.stamps = np.zeros((self.plan.threads, 2 * len(places)), dtype=np.int64)
        if isinstance(self.network.objective, CustomLoss):
            times = self._stamped_custom_step(call, spans[-1], state, constants)
        else:
            call.run(records.TRAIN, 1, state=state, constants=constants)
            times = timing.part_times(call.stamps[0])
        return [
            t if t.part == "update" else replace(t, seconds=len(spans) * t.seconds) for t in times
        ]

    def _stamped_custom_step(
        self, call: Call, span: tuple[int, int], state: TrainState, constants: np.ndarray
    ) -> list[PartTime]:
        given: dict[str, Any] = {"span": span, "state": state, "constants": constants}
        call.run(records.GATHER | records.FORWARD | records.DROPOUT, 1, **given)
        times = timing.part_times(call.stamps[0])
        began = time.perf_counter()
        self._custom_loss(call, span)
        times.append(PartTime("loss", 0, time.perf_counter() - began))
        call.stamps[:] = 0
        normaliser = call.sum_of_weights()
        call.run(records.BACKWARD | records.UPDATE, 1, **given, normaliser=normaliser)
        return [*times, *timing.part_times(call.stamps[0])]

    def _call(self, vector: np.ndarray, block: Block, batch: int) -> Call:
        return Call(self, self.workspace(batch), vector, block, batch)

    def _call_on(self, state: TrainState, block: Block, batch: int) -> Call:
        """Return a call that trains, or does as if it did."""
        call = self._call(state.vector, block, batch)
        call.slots, call.carrier = two_rows(state.slots), self.carrier(state)
        return call

    def workspace(self, batch: int) -> layout.Workspace:
        """Return buffers for batches of this many rows; they grow and are never given back."""
        piece = piece_for(self.network, self.plan, batch)
        space, singles = self._workspace, self.recipe.batch_size == 1 and self.network.plain
        if space is None or space.samples < piece or (singles and not space.singles):
            piece = max(piece, space.samples if space else 1)
            space = layout.Workspace.allocate(self.network, self.plan, piece, singles=singles)
            self._workspace = space
        return space

    def _chunk(self, rows: int) -> int:
        return max(1, min(rows, max(CHUNK, self.recipe.batch_size)))

    def _row_counts(self, state: TrainState, block: Block, steps: int) -> np.ndarray:
        starts = state.position + self.recipe.batch_size * np.arange(steps, dtype=np.int64)
        return np.minimum(self.recipe.batch_size, block.visits - starts)

    def _over_all(
        self, vector: np.ndarray, block: Block, phases: int, accumulate: int = 0
    ) -> tuple[Call, float]:
        call = self._call(vector, block, self._chunk(block.visits))
        normaliser = call.sum_of_weights() or 1.0
        phases |= records.GATHER | records.FORWARD | records.LOSS
        steps = -(-block.visits // call.batch)
        call.run(phases, steps, normaliser=normaliser, accumulate=accumulate)
        return call, normaliser

    def _with_penalty(
        self, vector: np.ndarray, loss: float, gradient: np.ndarray, normaliser: float
    ) -> tuple[float, np.ndarray]:
        arguments = (np, self.network, vector, self.recipe.penalty)
        factor = float(self.recipe.penalty.factor(normaliser))
        slope = factor * eq.penalty_gradient(*arguments)
        loss += factor * float(eq.penalty_value(*arguments))
        return loss, gradient + slope.astype(gradient.dtype, copy=False)

    def _pieces(self, call: Call, phases: int, **given: Any) -> Iterator[Left]:
        """Run the call's one batch forward and back, piece by piece; yield what each has left."""
        normaliser = call.sum_of_weights()
        for number, span in enumerate(call.spans()):
            details = {"span": span, "normaliser": normaliser, "accumulate": 2 * (number > 0)}
            if isinstance(self.network.objective, CustomLoss):
                call.run(phases, 1, **details, **given)
                self._custom_loss(call, span, further=number > 0)
                call.run(records.BACKWARD, 1, **details, **given)
            else:
                call.run(phases | records.LOSS | records.BACKWARD, 1, **details, **given)
            yield call.left(span)

    def _custom_loss(self, call: Call, span: tuple[int, int], *, further: bool = False) -> None:
        """Compute a user's loss on what the forward phase left, and put δ^L where BP2 reads it.

        `further` says that it is to be added to the loss of the pieces before.
        """
        last, loss = self.network.operations[-1].activation, self.network.objective
        left = call.left(span)
        (z, a), y, c = left.output(), left.targets(), left.coefficients()
        losses = np.asarray(loss.value(np, last, y, z, a))
        left.put(losses, eq.bp1(np, loss, last, y, z, a, c))
        sums = call.space.partial[:, records.PART_LOSS]
        if not further:
            sums[:] = 0
        sums[0] += np.sum(c * losses, dtype=np.float64)

    def _advance_custom(
        self, state: TrainState, block: Block, constants: np.ndarray, notes: Notes
    ) -> tuple[TrainState, Record]:
        """Take steps one by one, since the loss is a Python function."""
        losses, penalties, sizes, failed = [], [], [], False
        for c in constants:
            rows = block.visited(state.position, state.position + self.recipe.batch_size)
            call = self._call_on(state, block.ordered(rows), len(rows))
            given: dict[str, Any] = {"state": state, "constants": c[None]}
            forward = records.GATHER | records.FORWARD | records.DROPOUT
            for _ in self._pieces(call, forward, **given):
                pass
            sizes.append(len(rows))
            done = call.run(records.UPDATE, 1, **given, normaliser=call.sum_of_weights())
            losses.append(call.losses[0])
            penalties.append(call.penalties[0])
            failed = not done
            if failed:
                break
            state.step += 1
            state.position += len(rows)
            notes.take(state)
        rows = np.array(sizes, dtype=np.int64)
        record = Record(np.array(losses), np.array(penalties), rows, failed)
        return state, notes.added_to(record)

    def _custom_chunks(self, vector: np.ndarray, block: Block) -> Iterator[tuple[float, Call]]:
        """Run forward and the user's loss chunk by chunk; yield Σ c_i E_i and the call."""
        total = sum_of_weights(block)
        size = piece_for(self.network, self.plan, self._chunk(block.visits))
        for start in range(0, block.visits, size):
            rows = block.visited(start, start + size)
            call = self._call(vector, block.ordered(rows), len(rows))
            call.run(records.GATHER | records.FORWARD, 1, normaliser=total or 1.0)
            self._custom_loss(call, (0, len(rows)))
            yield float(call.space.partial[0, records.PART_LOSS]), call

    def _gradient_custom(self, vector: np.ndarray, block: Block) -> tuple[float, np.ndarray]:
        total, gradient = 0.0, np.zeros_like(vector)
        for loss, call in self._custom_chunks(vector, block):
            call.run(records.BACKWARD, 1)
            total += loss
            gradient += call.gradient_sum()
        return self._with_penalty(vector, total, gradient, sum_of_weights(block) or 1.0)
