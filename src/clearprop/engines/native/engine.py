"""The native engine: prepares what the kernel reads, calls it, and reads what it left."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numba import typeof

from clearprop import equations as eq
from clearprop.engines.batches import row_weights
from clearprop.engines.contracts import Block, Engine, Plan, Recipe, Record, TrainState
from clearprop.engines.ledger import update_terms
from clearprop.engines.native import kernel, layout
from clearprop.engines.native.blas import one_blas_thread
from clearprop.engines.native.cache import is_kept, kept_on_disk
from clearprop.engines.native.plans import check_plan, plan_for
from clearprop.engines.native.threads import run_together
from clearprop.engines.trace import Trace
from clearprop.functions import CustomLoss
from clearprop.network import Network

logger = logging.getLogger("clearprop")

# rows of a chunk where every row is wanted: enough for BLAS, small beside the data
CHUNK = 1024

_run = kept_on_disk(kernel.run, nogil=True, error_model="numpy")


@cache
def _announce(dtype: str) -> None:
    """Say, once a process, that a compilation is about to happen."""
    logger.warning(
        "Compiling clearprop's kernels for %s. This happens once on a machine and takes some "
        "10 seconds.",
        dtype,
    )


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
    """

    name = "native"

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        plan: Plan | None = None,
        threads: int | None = None,
    ) -> None:
        plan = plan or plan_for(network, recipe.batch_size, threads)
        check_plan(network, plan)
        super().__init__(network, recipe, plan)
        self._workspace: layout.Workspace | None = None

    def advance(self, state: TrainState, block: Block, steps: int) -> tuple[TrainState, Record]:
        """Run the kernel over the next batches; see `Engine.advance`."""
        steps = min(steps, self.steps_left(state, block))
        constants = self.step_constants(state, block, steps)
        if isinstance(self.network.objective, CustomLoss):
            return self._advance_custom(state, block, constants)
        call = _Call(self, state.vector, block, self.recipe.batch_size)
        call.slots = _two_rows(state.slots)
        done = call.run(kernel.TRAIN, steps, start=state.position, state=state, constants=constants)
        failed = done < steps
        rows = self._row_counts(state, block, done + failed)
        state.step += done
        state.position += int(rows[:done].sum())
        made = done + failed
        return state, Record(call.losses[:made], call.penalties[:made], rows, failed)

    def gradient(self, vector: np.ndarray, block: Block) -> tuple[float, np.ndarray]:
        """Accumulate over chunks; see `Engine.gradient`."""
        if isinstance(self.network.objective, CustomLoss):
            return self._gradient_custom(vector, block)
        call, normaliser = self._over_all(vector, block, kernel.BACKWARD, accumulate=1)
        return self._with_penalty(vector, float(call.losses.sum()), call.gradient_sum(), normaliser)

    def evaluate(self, vector: np.ndarray, block: Block) -> float:
        """Sum over chunks; see `Engine.evaluate`."""
        if isinstance(self.network.objective, CustomLoss):
            return sum(loss for loss, _ in self._custom_chunks(vector, block))
        return float(self._over_all(vector, block, 0)[0].losses.sum())

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Run the forward phase over chunks; see `Engine.predict`."""
        outputs = np.empty((x.shape[0], self.network.outputs), dtype=self.network.dtype)
        if len(outputs):
            call = _Call(self, vector, Block(x, outputs), self._chunk(len(outputs)))
            call.outputs = outputs
            phases = kernel.GATHER | kernel.FORWARD | kernel.PREDICT
            call.run(phases, -(-len(outputs) // call.batch), normaliser=1.0)
        return outputs

    def trace(
        self, state: TrainState, block: Block, rows: np.ndarray, *, dropout: bool = True
    ) -> Trace:
        """Run one step on a copy of the state and read the workspace; see `Engine.trace`."""
        state = state.copy()
        before = state.vector.copy()
        rows = np.asarray(rows, dtype=np.int64)
        # a schedule counts the steps of the whole block
        constants = self.step_constants(state, block, 1)
        call = _Call(self, state.vector, block.ordered(rows), len(rows))
        call.slots = _two_rows(state.slots)
        losses = self._forward_backward(call, state, constants, dropout=dropout)
        arrays = call.arrays()
        gradient = call.gradient_sum()
        factor = float(self.recipe.penalty.factor(call.sum_of_weights() or 1.0))
        terms = update_terms(
            self.network, self.recipe, replace(state, vector=before), gradient, constants[0], factor
        )[0]
        call.run(
            kernel.UPDATE, 1, state=state, constants=constants, normaliser=call.sum_of_weights()
        )
        masks = [
            array if operation.dropout and dropout else None
            for array, operation in zip(arrays["mask"], self.network.operations, strict=True)
        ]
        return Trace(
            network=self.network,
            engine=self.name,
            step=state.step,
            rows=rows + block.first_row,
            vector=before,
            x=arrays["input"][0],
            y=call.targets(),
            coefficients=call.coefficients(),
            inputs=arrays["input"],
            z=arrays["z"],
            a=arrays["a"],
            delta=arrays["delta"],
            masks=masks,
            losses=losses,
            penalty=float(call.penalties[0]),
            gradient=gradient,
            terms=terms,
            update=state.vector - before,
            constants=constants[0],
        )

    def workspace(self, batch: int) -> layout.Workspace:
        """Return buffers for batches of this many rows; they grow and are never given back."""
        if self._workspace is None or self._workspace.rows < batch:
            self._workspace = layout.Workspace.allocate(self.network, self.plan, batch)
        return self._workspace

    def _chunk(self, rows: int) -> int:
        return max(1, min(rows, max(CHUNK, self.recipe.batch_size)))

    def _row_counts(self, state: TrainState, block: Block, steps: int) -> np.ndarray:
        starts = state.position + self.recipe.batch_size * np.arange(steps, dtype=np.int64)
        return np.minimum(self.recipe.batch_size, block.visits - starts)

    def _over_all(
        self, vector: np.ndarray, block: Block, phases: int, accumulate: int = 0
    ) -> tuple[_Call, float]:
        call = _Call(self, vector, block, self._chunk(block.visits))
        normaliser = call.sum_of_weights() or 1.0
        phases |= kernel.GATHER | kernel.FORWARD | kernel.LOSS
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

    def _forward_backward(
        self, call: _Call, state: TrainState, constants: np.ndarray, *, dropout: bool
    ) -> np.ndarray:
        """Run all phases but the update on the call's one batch; return E of each sample."""
        phases = kernel.GATHER | kernel.FORWARD | (kernel.DROPOUT if dropout else 0)
        if not isinstance(self.network.objective, CustomLoss):
            call.run(phases | kernel.LOSS | kernel.BACKWARD, 1, state=state, constants=constants)
            return call.values()
        call.run(phases, 1, state=state, constants=constants)
        losses = self._custom_loss(call)
        call.run(kernel.BACKWARD, 1, state=state, constants=constants)
        return losses

    def _custom_loss(self, call: _Call) -> np.ndarray:
        """Compute a user's loss on what the forward phase left, and put δ^L where BP2 reads it."""
        last, loss = self.network.operations[-1].activation, self.network.objective
        arrays = call.arrays()
        z, a = arrays["z"][-1], arrays["a"][-1]
        y, c = call.targets(), call.coefficients()
        losses = np.asarray(loss.value(np, last, y, z, a))
        call.put_delta(eq.bp1(np, loss, last, y, z, a, c))
        call.space.partial[:, kernel.PART_LOSS] = 0
        call.space.partial[0, kernel.PART_LOSS] = np.sum(c * losses, dtype=np.float64)
        return losses

    def _advance_custom(
        self, state: TrainState, block: Block, constants: np.ndarray
    ) -> tuple[TrainState, Record]:
        """Take steps one by one, since the loss is a Python function."""
        losses, penalties, sizes, failed = [], [], [], False
        for c in constants:
            rows = block.visited(state.position, state.position + self.recipe.batch_size)
            call = _Call(self, state.vector, block.ordered(rows), len(rows))
            call.slots = _two_rows(state.slots)
            forward = kernel.GATHER | kernel.FORWARD | kernel.DROPOUT
            call.run(forward, 1, state=state, constants=c[None])
            self._custom_loss(call)
            sizes.append(len(rows))
            done = call.run(
                kernel.BACKWARD | kernel.UPDATE,
                1,
                state=state,
                constants=c[None],
                normaliser=call.sum_of_weights(),
            )
            losses.append(call.losses[0])
            penalties.append(call.penalties[0])
            failed = not done
            if failed:
                break
            state.step += 1
            state.position += len(rows)
        rows = np.array(sizes, dtype=np.int64)
        return state, Record(np.array(losses), np.array(penalties), rows, failed)

    def _custom_chunks(self, vector: np.ndarray, block: Block) -> Iterator[tuple[float, _Call]]:
        """Run forward and the user's loss chunk by chunk; yield Σ c_i E_i and the call."""
        total = float(row_weights(self.network, block, block.visited(0, block.visits)).sum())
        size = self._chunk(block.visits)
        for start in range(0, block.visits, size):
            rows = block.visited(start, start + size)
            call = _Call(self, vector, block.ordered(rows), len(rows))
            call.run(kernel.GATHER | kernel.FORWARD, 1, normaliser=total or 1.0)
            self._custom_loss(call)
            yield float(call.space.partial[0, kernel.PART_LOSS]), call

    def _gradient_custom(self, vector: np.ndarray, block: Block) -> tuple[float, np.ndarray]:
        total, gradient = 0.0, np.zeros_like(vector)
        for loss, call in self._custom_chunks(vector, block):
            call.run(kernel.BACKWARD, 1)
            total += loss
            gradient += call.gradient_sum()
        weights = row_weights(self.network, block, block.visited(0, block.visits))
        return self._with_penalty(vector, total, gradient, float(weights.sum()) or 1.0)


class _Call:
    """One job of an engine: the arrays it reads and writes, and what it left in the workspace."""

    def __init__(self, engine: NativeEngine, vector: np.ndarray, block: Block, batch: int) -> None:
        self.engine = engine
        self.block = block
        self.batch = batch
        self.space = engine.workspace(batch)
        self.vector = vector
        self.slots = np.empty((2, 0), dtype=vector.dtype)
        self.outputs = np.empty((0, 0), dtype=vector.dtype)
        self.losses = np.zeros(0)
        self.penalties = np.zeros(0)

    def run(
        self,
        phases: int,
        steps: int,
        *,
        start: int = 0,
        state: TrainState | None = None,
        constants: np.ndarray | None = None,
        normaliser: float = 0.0,
        accumulate: int = 0,
    ) -> int:
        """Run the kernel on all threads of the plan; return how many steps were sound."""
        network, recipe, plan = self.engine.network, self.engine.recipe, self.engine.plan
        space, places = self.space, self.space.places
        self.losses, self.penalties = np.zeros(steps), np.zeros(steps)
        table = np.zeros((1, 5)) if constants is None else constants
        # only training writes to the parameters; elsewhere they may be read-only
        vector = self.vector
        if not phases & kernel.UPDATE:
            vector = layout.of_one_type(vector, vector.dtype)
        memory = kernel.Memory(
            vector,
            self.slots,
            space.gradients,
            space.work,
            space.partial,
            space.numbers,
            space.control,
        )
        job = layout.job_for(
            network,
            recipe,
            plan,
            places,
            phases=phases,
            steps=steps,
            batch=self.batch,
            start=start,
            visits=self.block.visits,
            first_row=self.block.first_row,
            step=state.step if state else 0,
            seed=layout.signed(state.seed) if state else 0,
            accumulate=accumulate,
        )
        arguments = (
            memory,
            space.tables,
            layout.data_for(network, self.block),
            job,
            layout.numbers_for(network, recipe, normaliser),
            kernel.Results(self.losses, self.penalties, self.outputs),
            np.ascontiguousarray(table, dtype=network.dtype),
        )
        if plan.threads > 1 or network.dtype not in _READY:
            _compile(network.dtype, arguments)
        with one_blas_thread():
            return run_together(lambda thread: _run(thread, *arguments), plan.threads)

    def sum_of_weights(self) -> float:
        """Return Σ w over the rows that the call visits."""
        if self.block.weights is None:
            return float(self.block.visits)
        if not self.block.visits:
            return 0.0
        # one after another, as the kernel adds them: np.sum goes by pairs and rounds otherwise
        weights = self.block.weights[self.block.visited(0, self.block.visits)]
        return float(np.cumsum(weights, dtype=np.float64)[-1])

    def gradient_sum(self) -> np.ndarray:
        """Return the sum of the threads' gradients, in the order in which the kernel adds them."""
        total = self.space.gradients[0].copy()
        for other in self.space.gradients[1:]:
            total += other
        return total

    def _counts(self) -> list[int]:
        """Return how many samples of the last batch each workspace holds."""
        copies, n = len(self.space.work), self.batch
        return [n * (copy + 1) // copies - n * copy // copies for copy in range(copies)]

    def _read(self, place: int, units: int) -> np.ndarray:
        """Return an array of the workspace as (n, units), one thread's samples after another."""
        parts = [
            work[place : place + units * n].reshape(units, n).T
            for work, n in zip(self.space.work, self._counts(), strict=True)
        ]
        return np.concatenate(parts)

    def values(self) -> np.ndarray:
        """Return E of each sample, (n,)."""
        return self._read(self.space.places.value, 1)[:, 0]

    def targets(self) -> np.ndarray:
        """Return the targets after label smoothing, (n, outputs)."""
        return self._read(self.space.places.target, self.engine.network.outputs)

    def coefficients(self) -> np.ndarray:
        """Return c_i of each sample, (n,)."""
        return self._read(self.space.places.coefficient, 1)[:, 0]

    def arrays(self) -> dict[str, list[Any]]:
        """Return copies of the layers' arrays, each (n, units), by name."""
        found: dict[str, list[Any]] = {"input": [], "z": [], "a": [], "mask": [], "delta": []}
        layers = zip(self.engine.network.operations, self.space.places.layers, strict=True)
        for index, (operation, (source, z, a, mask, _, delta)) in enumerate(layers):
            by_rows = index == 0 and self.engine.plan.blas[0]
            units = operation.units
            found["input"].append(
                self._read_rows(source, operation.fan_in)
                if by_rows
                else self._read(source, operation.fan_in)
            )
            found["z"].append(self._read(z, units))
            found["a"].append(self._read(a, units))
            found["mask"].append(self._read(mask, units) if mask >= 0 else None)
            found["delta"].append(self._read(delta, units))
        return found

    def _read_rows(self, place: int, units: int) -> np.ndarray:
        parts = [
            work[place : place + units * n].reshape(n, units)
            for work, n in zip(self.space.work, self._counts(), strict=True)
        ]
        return np.concatenate(parts)

    def put_delta(self, delta: np.ndarray) -> None:
        """Write δ^L, (n, outputs), to the workspaces."""
        place, first = self.space.places.layers[-1][-1], 0
        for work, n in zip(self.space.work, self._counts(), strict=True):
            part = delta[first : first + n].T
            work[place : place + part.size] = part.reshape(-1)
            first += n


def _two_rows(slots: np.ndarray) -> np.ndarray:
    """Return slots as the kernel indexes them; rules with fewer than two leave rows unused."""
    return slots if len(slots) else np.empty((0, 0), dtype=slots.dtype)


# precisions whose kernel this process has; a precision has one signature (see `layout.of_one_type`)
_READY: set[str] = set()


def _compile(dtype: str, arguments: tuple[Any, ...]) -> None:
    """Load or compile the kernel before threads start: one that failed would leave others stuck."""
    signature = tuple(typeof(argument) for argument in (0, *arguments))
    if signature not in _run.overloads:
        if not is_kept(_run, signature):
            _announce(dtype)
        _run.compile(signature)
    _READY.add(dtype)
