"""One call of the kernel: what it is given, and what it left in the workspace.

Here the kernel is compiled, or loaded from disk, when it is first needed; that a compilation is
about to happen is said through the logger `clearprop`, which reaches the screen unless told not to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import numpy as np
from numba import typeof

from clearprop.engines.batches import sum_of_weights
from clearprop.engines.contracts import Block, Plan, Recipe, TrainState, Watching, watched_steps
from clearprop.engines.native import kernel, layout, records, sample
from clearprop.engines.native.blas import one_blas_thread
from clearprop.engines.native.cache import is_kept, kept_on_disk
from clearprop.engines.native.plans import piece_for
from clearprop.engines.native.reading import Left
from clearprop.engines.native.threads import run_together
from clearprop.equations import Carrier, Exact, Random
from clearprop.network import Network

logger = logging.getLogger("clearprop")

# nobody calls them from C: a wrapper for that would take a fifth of a second to compile; references
# are not counted, as in `low_level.part`
OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}
_run = kept_on_disk(kernel.run, **OPTIONS)
_run_samples = kept_on_disk(sample.run_samples, **OPTIONS)
_predict_row = kept_on_disk(sample.predict_row, **OPTIONS)


@cache
def _announce(dtype: str, seconds: int) -> None:
    """Say, once a process, that a compilation is about to happen."""
    logger.warning(
        "Compiling clearprop's kernels for %s. This happens once on a machine and takes some "
        "%d seconds.",
        dtype,
        seconds,
    )


class Setting(Protocol):
    """What a call reads of an engine."""

    @property
    def network(self) -> Network:
        """The network."""

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""

    @property
    def plan(self) -> Plan:
        """How the kernel runs."""


class Call:
    """One job of an engine: the arrays it reads and writes, and what it left in the workspace."""

    def __init__(
        self,
        engine: Setting,
        space: layout.Workspace,
        vector: np.ndarray,
        block: Block,
        batch: int,
    ) -> None:
        self.engine = engine
        self.block = block
        self.batch = batch
        self.piece = piece_for(engine.network, engine.plan, batch)
        self.space = space
        self.vector = vector
        self.carrier: Carrier = Exact()
        self.slots = np.empty((2, 0), dtype=vector.dtype)
        self.outputs = np.empty((0, 0), dtype=vector.dtype)
        self.losses = np.zeros(0)
        self.penalties = np.zeros(0)
        self.stamps = np.zeros((engine.plan.threads, 0), dtype=np.int64)
        self.watch: Watching | None = None
        self.watched = np.empty((0, 0), dtype=vector.dtype)

    def arguments(
        self,
        phases: int,
        steps: int,
        *,
        start: int = 0,
        span: tuple[int, int] | None = None,
        state: TrainState | None = None,
        constants: np.ndarray | None = None,
        normaliser: float = 0.0,
        accumulate: int = 0,
    ) -> tuple[Any, ...]:
        """Return what the kernel is given behind the number of a thread.

        `span` is the piece to run, where not all of the block is meant.
        """
        network, recipe, plan = self.engine.network, self.engine.recipe, self.engine.plan
        space, places = self.space, self.space.places
        self.losses, self.penalties = np.zeros(steps), np.zeros(steps)
        table = np.zeros((1, 6)) if constants is None else constants
        step = state.step if state else 0
        entries, every = np.empty(0, dtype=np.int64), 1
        if self.watch is not None:
            entries, every = np.array(self.watch.entries, dtype=np.int64), self.watch.every
            rows = watched_steps(step, step + steps, every)
            self.watched = np.empty((len(rows), len(entries)), dtype=network.dtype)
        # only training writes to the parameters; elsewhere they may be read-only
        vector = self.vector
        if not phases & records.UPDATE:
            vector = layout.of_one_type(vector, vector.dtype)
        random = self.carrier.feedback if isinstance(self.carrier, Random) else None
        memory = records.Memory(
            vector,
            vector if random is None else random,
            self.slots,
            space.gradients,
            space.work,
            space.partial,
            space.numbers,
            space.row_numbers,
            space.control,
        )
        job = layout.job_for(
            network,
            recipe,
            plan,
            places,
            self.carrier,
            phases=phases,
            steps=steps,
            batch=self.batch if span is None else span[1] - span[0],
            piece=self.piece,
            members=network.members,
            start=start if span is None else span[0],
            visits=self.block.visits if span is None else span[1],
            first_row=self.block.first_row,
            step=step,
            every=every,
            seed=layout.signed(state.seed) if state else 0,
            accumulate=accumulate,
        )
        return (
            memory,
            self._tables(constants),
            layout.data_for(network, self.block),
            job,
            layout.numbers_for(network, recipe, normaliser),
            records.Results(
                self.losses, self.penalties, self.outputs, entries, self.watched, self.stamps
            ),
            np.ascontiguousarray(table, dtype=network.dtype),
        )

    def _tables(self, constants: np.ndarray | None) -> records.Tables:
        """Return the network as numbers, with the dropout rates of these steps."""
        tables = self.space.tables
        if constants is None or np.all(constants[:, 5] == 1):
            return tables
        thresholds, keeps = layout.dropping(self.engine.network, constants[:, 5])
        return tables._replace(thresholds=thresholds, keeps=keeps)

    def run(self, phases: int, steps: int, **details: Any) -> int:
        """Run the kernel on all threads of the plan; return how many steps were sound.

        `details` are those of `arguments`.
        """
        network, recipe, plan = self.engine.network, self.engine.recipe, self.engine.plan
        arguments = self.arguments(phases, steps, **details)
        if sample.takes_samples(network, recipe, self.carrier, self.block, arguments[3]):
            return _run_single(network.dtype, arguments)
        if not any(plan.blas):
            return run_kernel(network.dtype, arguments, plan.threads)
        with one_blas_thread():
            return run_kernel(network.dtype, arguments, plan.threads)

    def sum_of_weights(self) -> float:
        """Return Σ w over the rows that the call visits."""
        return sum_of_weights(self.block)

    def spans(self) -> list[tuple[int, int]]:
        """Return where the pieces of a batch begin and end, as the kernel cuts it.

        Who wants to read what a batch left in the workspace runs piece by piece.
        """
        count, piece = min(self.batch, self.block.visits), self.piece
        pieces = -(-count // piece)
        return [(count * p // pieces, count * (p + 1) // pieces) for p in range(pieces)]

    def gradient_sum(self) -> np.ndarray:
        """Return the sum of the threads' gradients, in the order in which the kernel adds them."""
        total = self.space.gradients[0].copy()
        for other in self.space.gradients[1:]:
            total += other
        return total

    def left(self, span: tuple[int, int]) -> Left:
        """Return what the last piece, which was this one, left in the workspace."""
        return Left(self.engine.network, self.space, span[1] - span[0])


def two_rows(slots: np.ndarray) -> np.ndarray:
    """Return slots as the kernel indexes them; rules with fewer than two leave rows unused."""
    return slots if len(slots) else np.empty((0, 0), dtype=slots.dtype)


# compiled code of the kernels and precisions that this process has; each has one signature (see
# `layout.of_one_type`), so Numba need not look at the types of some fifty arguments in every call,
# which would take it ten times as long as a small network's prediction
READY: dict[tuple[Any, str], Callable[..., Any]] = {}


def run_kernel(dtype: str, arguments: tuple[Any, ...], threads: int) -> int:
    """Run the kernel for batches on so many threads; return how many steps were sound."""
    run = READY.get((_run, dtype)) or make_ready(_run, dtype, (0, *arguments))
    return run_together(run, threads, arguments)


def run_row(dtype: str, *arguments: Any) -> None:
    """Run the kernel that predicts one row; see `sample.predict_row`."""
    run = READY.get((_predict_row, dtype)) or make_ready(_predict_row, dtype, arguments)
    run(*arguments)


def _run_single(dtype: str, arguments: tuple[Any, ...]) -> int:
    """Run the kernel for steps of one sample."""
    run = READY.get((_run_samples, dtype)) or make_ready(_run_samples, dtype, (0, *arguments))
    return int(run(0, *arguments))


def make_ready(
    kernel: Any, dtype: str, arguments: tuple[Any, ...], seconds: int = 20
) -> Callable[..., Any]:
    """Load or compile a kernel before threads start: one that failed would leave others stuck."""
    signature = tuple(typeof(argument) for argument in arguments)
    if signature not in kernel.overloads:
        if not is_kept(kernel, signature):
            _announce(dtype, seconds)
        kernel.compile(signature)
    READY[kernel, dtype] = kernel.overloads[signature].entry_point
    return READY[kernel, dtype]
