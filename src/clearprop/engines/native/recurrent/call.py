"""One call of the kernel for sequences: what it is given, and what it is told to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop.engines.contracts import Block, TrainState, Watching, goes_by_pieces, watched_steps
from clearprop.engines.native import layout as of_rows
from clearprop.engines.native import records as phase
from clearprop.engines.native.blas import one_blas_thread
from clearprop.engines.native.cache import kept_on_disk
from clearprop.engines.native.call import OPTIONS, READY, Setting, make_ready, two_rows
from clearprop.engines.native.recurrent import kernel, layout, records
from clearprop.engines.native.threads import run_together

_run = kept_on_disk(kernel.run_sequences, **OPTIONS)


class SequenceCall:
    """One job of an engine: the arrays it reads and writes.

    Parameters
    ----------
    schedule : (steps, 3) int64 array
        See `schedule`.
    exact : bool
        Errors go back through all of time, and no sequence is cut into pieces, whatever the recipe
        says.
    keeps : bool
        z of recurrent layers is wanted afterwards.
    """

    def __init__(
        self,
        engine: Setting,
        space: layout.Workspace,
        vector: np.ndarray,
        block: Block,
        schedule: np.ndarray,
        *,
        exact: bool = False,
        keeps: bool = False,
    ) -> None:
        self.engine = engine
        self.space = space
        self.vector = vector
        self.block = block
        self.schedule = schedule
        self.slots = np.empty((2, 0), dtype=vector.dtype)
        self.outputs = np.empty((0, 0), dtype=vector.dtype)
        steps = len(schedule)
        self.losses, self.penalties = np.zeros(steps), np.zeros(steps)
        self.rows = np.zeros(steps, dtype=np.int64)
        self.stamps = np.zeros((engine.plan.threads, 0), dtype=np.int64)
        self.watch: Watching | None = None
        self.watched = np.empty((0, 0), dtype=vector.dtype)
        truncate = None if exact else engine.recipe.truncate
        self.cut = truncate or 0
        pieces = truncate is not None and goes_by_pieces(engine.network, engine.recipe)
        self.window = self.cut if pieces else 0
        self._pieces, self._keeps = int(pieces), int(keeps)

    def run(
        self,
        phases: int,
        *,
        state: TrainState | None = None,
        constants: np.ndarray | None = None,
        normaliser: float = 0.0,
        accumulate: int = 0,
    ) -> int:
        """Run the kernel on all threads of the plan; return how many steps were sound."""
        plan, dtype = self.engine.plan, self.engine.network.dtype
        if state is not None:
            self._prepare(state)
        arguments = self._arguments(phases, state, constants, normaliser, accumulate)
        run: Callable[..., int] = READY.get((_run, dtype)) or make_ready(
            _run, dtype, (0, *arguments), seconds=30
        )
        if not any(plan.blas):
            return run_together(run, plan.threads, arguments)
        with one_blas_thread():
            return run_together(run, plan.threads, arguments)

    def _prepare(self, state: TrainState) -> None:
        """Take over the state's slots, and the states that its sequences begin with."""
        self.slots = two_rows(state.slots)
        if state.carried is not None:
            self.space.carried[: len(state.carried)] = state.carried

    def _arguments(
        self,
        phases: int,
        state: TrainState | None,
        constants: np.ndarray | None,
        normaliser: float,
        accumulate: int,
    ) -> tuple[Any, ...]:
        """Return what the kernel is given behind the number of a thread."""
        network, recipe, plan = self.engine.network, self.engine.recipe, self.engine.plan
        space, step = self.space, state.step if state else 0
        vector, table = self.vector, np.zeros((1, 6)) if constants is None else constants
        entries, every = np.empty(0, dtype=np.int64), 1
        if self.watch is not None:
            entries, every = np.array(self.watch.entries, dtype=np.int64), self.watch.every
            seen = watched_steps(step, step + len(self.schedule), every)
            self.watched = np.empty((len(seen), len(entries)), dtype=network.dtype)
        if not phases & phase.UPDATE:
            vector = of_rows.of_one_type(vector, vector.dtype)
        memory = records.Memory(
            vector, self.slots, space.gradients, space.work, space.whole, space.carried,
            space.partial, space.control,
        )  # fmt: skip
        job = layout.job_for(
            network,
            recipe,
            plan,
            space.places,
            phases=phases,
            first_row=self.block.first_row,
            step=step,
            seed=of_rows.signed(state.seed) if state else 0,
            accumulate=accumulate,
            every=every,
            window=self.window,
            cut=self.cut,
            pieces=self._pieces,
            keeps=self._keeps,
        )
        return (
            memory,
            space.tables,
            layout.data_for(network, self.block),
            job,
            of_rows.numbers_for(network, recipe, normaliser),
            records.Results(
                self.losses,
                self.penalties,
                self.rows,
                self.outputs,
                entries,
                self.watched,
                self.stamps,
            ),
            self.schedule,
            np.ascontiguousarray(table, dtype=network.dtype),
        )
