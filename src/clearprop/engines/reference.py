"""The reference engine: `equations/` on NumPy. It is the oracle, and what small explanations use.

Each verb is the equations written one after another, with a loop over batches around them. It makes
no attempt at speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines.batches import (
    dense_inputs,
    dense_targets,
    mean_of_members,
    row_coefficients,
    sum_of_weights,
)
from clearprop.engines.contracts import (
    Block,
    Engine,
    Horizon,
    Plan,
    Recipe,
    Record,
    TrainState,
    Watching,
)
from clearprop.engines.ledger import Notes, dropout_masks, update_terms
from clearprop.engines.reference_times import timed_step
from clearprop.engines.timing import PartTime, median_times
from clearprop.engines.trace import Trace
from clearprop.engines.unrolled import SequencePass
from clearprop.network import Network

# rows of a chunk where every row is wanted and no batch size is given
CHUNK = 4096


class ReferenceEngine(Engine):
    """Runs `equations/` on NumPy, one batch at a time."""

    name = "reference"
    plain_only = False

    def __init__(self, network: Network, recipe: Recipe, plan: Plan | None = None) -> None:
        super().__init__(network, recipe, plan or Plan("reference"))

    def advance(
        self, state: TrainState, block: Block, steps: int, watch: Watching | None = None
    ) -> tuple[TrainState, Record]:
        """Take steps one after another; see `Engine.advance`."""
        steps = min(steps, self.steps_left(state, block))
        traces: list[tuple[float, float, int]] = []
        notes = Notes(watch)
        rates = self.step_rates(state, block, steps)
        for c, rate in zip(self.step_constants(state, block, steps), rates, strict=True):
            rows = block.visited(state.position, state.position + self.recipe.batch_size)
            trace, slots = self._step(state, block, rows, c, rate, dropout=True)
            traces.append((trace.loss, trace.penalty, len(trace.rows)))
            if not (np.isfinite(trace.loss) and np.isfinite(trace.gradient).all()):
                return state, notes.added_to(_record(traces, failed=True))
            state.vector += trace.update
            for slot, value in zip(state.slots, slots, strict=True):
                slot[...] = value
            state.step += 1
            self._move_on(state, block, rows)
            notes.take(state)
        return state, notes.added_to(_record(traces))

    def gradient(self, vector: np.ndarray, block: Block) -> tuple[float, np.ndarray]:
        """Sum chunk after chunk; see `Engine.gradient`."""
        normaliser = self._sum_of_weights(block) or 1.0
        objective, gradient = 0.0, np.zeros_like(vector)
        for rows in self._chunks(block):
            loss, slope = self._loss_and_slope(vector, block, rows, normaliser)
            objective += loss
            gradient += slope()
        factor = self.recipe.penalty.factor(normaliser)
        arguments = (np, self.network, vector, self.recipe.penalty)
        objective += float(factor * eq.penalty_value(*arguments))
        gradient += (factor * eq.penalty_gradient(*arguments)).astype(vector.dtype, copy=False)
        return objective, gradient

    def evaluate(self, vector: np.ndarray, block: Block) -> float:
        """Sum chunk after chunk; see `Engine.evaluate`."""
        normaliser = self._sum_of_weights(block) or 1.0
        return sum(
            self._loss_and_slope(vector, block, rows, normaliser)[0] for rows in self._chunks(block)
        )

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Run the forward pass on chunks of rows; see `Engine.predict`."""
        result = np.empty((x.shape[0], self.network.outputs), dtype=self.network.dtype)
        block, members = Block(x, result), self.network.members
        for rows in self._chunks(block):
            result[rows] = mean_of_members(self._outputs(vector, block, rows), members)
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
        """Run one step and keep everything; see `Engine.trace`."""
        constants = self.step_constants(state, block, 1, horizon)[0]
        rate = self.step_rates(state, block, 1, horizon)[0]
        return self._step(state, block, np.asarray(rows), constants, rate, dropout=dropout)[0]

    def measure(
        self, state: TrainState, block: Block, rows: np.ndarray, repeats: int = 9
    ) -> tuple[PartTime, ...]:
        """Time the equations one by one; see `Engine.measure`."""
        runs = [timed_step(self, state, block, np.asarray(rows)) for _ in range(repeats + 1)]
        return median_times(runs[1:])

    def _outputs(self, vector: np.ndarray, block: Block, rows: np.ndarray) -> np.ndarray:
        """Return a^L of these rows, member after member."""
        x = dense_inputs(block, rows, self.network.members)
        return eq.forward(np, self.network, vector, x).output

    # what differs between a batch of rows and one of sequences

    _trace_kind: type[Trace] = Trace
    _chunk = CHUNK

    def _arrays(
        self, state: TrainState, block: Block, rows: np.ndarray, dropout: float | None
    ) -> tuple[dict[str, Any], float]:
        """Return the arrays of a Trace of these rows by name, and their sum of weights.

        `dropout` is the factor on dropout rates, None for no dropout.
        """
        network, vector = self.network, state.vector
        x = dense_inputs(block, rows, network.members)
        y = dense_targets(network, block, rows)
        c = row_coefficients(network, block, rows)
        masks = dropout_masks(network, state, block, rows, dropout)
        saved, gradients = self._passes(vector, x, y, c, masks, self.carrier(state))
        arrays = {
            "rows": rows + block.first_row,
            "x": x,
            "y": y,
            "coefficients": c,
            "inputs": saved.inputs,
            "z": saved.z,
            "a": saved.a,
            "delta": gradients.delta,
            "masks": masks,
            "losses": self._losses(y, saved),
            "gradient": gradients.vector,
        }
        return arrays, sum_of_weights(block, rows)

    def _passes(
        self, vector: np.ndarray, x: Any, y: Any, c: Any, masks: list[Any], carrier: eq.Carrier
    ) -> tuple[eq.Pass, eq.Gradients]:
        """Go forward and back; an engine that does so otherwise traces through here."""
        saved = eq.forward(np, self.network, vector, x, masks)
        return saved, eq.backward(np, self.network, vector, y, c, saved, masks, carrier)

    def _sum_of_weights(self, block: Block) -> float:
        return sum_of_weights(block)

    def _loss_and_slope(
        self, vector: np.ndarray, block: Block, rows: np.ndarray, normaliser: float
    ) -> tuple[float, Callable[[], np.ndarray]]:
        """Return these rows' part of the loss, and what computes their part of its gradient."""
        y = dense_targets(self.network, block, rows)
        c = row_coefficients(self.network, block, rows, normaliser)
        x = dense_inputs(block, rows, self.network.members)
        saved = eq.forward(np, self.network, vector, x)
        loss = float(eq.total_loss(np, self._losses(y, saved), c))
        return loss, lambda: eq.backward(np, self.network, vector, y, c, saved).vector

    def _move_on(self, state: TrainState, block: Block, rows: np.ndarray) -> None:
        """Let the state stand behind the step that was just taken on these rows."""
        state.position += len(rows)

    def _chunks(self, block: Block) -> Iterator[np.ndarray]:
        for start in range(0, block.visits, self._chunk):
            yield block.visited(start, start + self._chunk)

    def _losses(self, y: np.ndarray, saved: eq.Pass | SequencePass) -> np.ndarray:
        last = self.network.operations[-1].activation
        return self.network.objective.value(np, last, y, saved.z[-1], saved.a[-1])

    def _step(
        self,
        state: TrainState,
        block: Block,
        rows: np.ndarray,
        constants: np.ndarray,
        rate: float,
        *,
        dropout: bool,
    ) -> tuple[Trace, eq.updates.Slots]:
        network, recipe = self.network, self.recipe
        arrays, normaliser = self._arrays(state, block, rows, constants[5] if dropout else None)
        factor = float(recipe.penalty.factor(normaliser or 1.0))
        gradient = arrays["gradient"]
        terms, slots = update_terms(network, recipe, state, gradient, constants, factor)
        penalty = factor * eq.penalty_value(np, network, state.vector, recipe.penalty)
        trace = self._trace_kind(
            network=network,
            recipe=recipe,
            engine=self.name,
            step=state.step,
            vector=state.vector.copy(),
            slots=state.slots.copy(),
            penalty=float(penalty),
            penalty_factor=factor,
            terms=terms,
            update=np.sum(list(terms.values()), axis=0).astype(gradient.dtype, copy=False),
            rate=float(rate),
            constants=constants,
            **arrays,
        )
        return trace, slots


def _record(steps: list[tuple[float, float, int]], *, failed: bool = False) -> Record:
    losses, penalties, rows = zip(*steps, strict=True) if steps else ((), (), ())
    return Record(np.array(losses), np.array(penalties), np.array(rows, dtype=np.int64), failed)
