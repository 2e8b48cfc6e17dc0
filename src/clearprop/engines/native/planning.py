"""Measured plans: the few that make sense are timed once, and the best one is remembered.

What is best depends on the network's shape, the batch, the processor, its threads and the BLAS that
is installed, so it is measured (on random rows, with a learning rate of 0) where three things hold:

- it is not obvious: a step has at least `OBVIOUS_BELOW` multiplications;
- the run is long enough: measuring takes some tens of steps, and a run of `LEAST_STEPS` steps or
  more spends a twentieth of its time on it at most (or 50 ms where that is more, 10 s where less);
- nobody has said how to run, by a plan or by ``CLEARPROP_PLAN=guess``.

Otherwise the thresholds of `plans` decide. ``CLEARPROP_PLAN=measure`` measures for shorter runs as
well. First the parts of a step tell for each layer whether its products are faster as own tiles or
through BLAS; then whole steps tell how many threads, what they split and which BLAS. All plans take
turns, since the machine may be busy with something else for a while. The plan that was guessed is
kept unless another one is clearly faster. Where other programs held the processors meanwhile, the
plan serves this process alone, and the next one measures anew.

A plan changes how numbers are rounded. The state records it (`TrainState.plan`), and a run with
that plan repeats to the bit.

Public names: `best_plan`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

import numpy as np
from llvmlite import binding

from clearprop.engines.contracts import Block, Engine, Plan, Recipe, TrainState
from clearprop.engines.native.blas import usable_libraries
from clearprop.engines.native.plans import check_plan, piece_for, plan_for, products
from clearprop.engines.native.remembered import recall, remember
from clearprop.engines.native.threads import available_threads
from clearprop.errors import EngineError, SettingError
from clearprop.functions import CustomLoss
from clearprop.network import Network, Parameters

# multiplications a step below which one thread and own tiles are best
OBVIOUS_BELOW = 20_000
# multiplications of a layer's product: beyond these, one of its two forms is out of the question
BLAS_FROM_AT_LEAST, OWN_UP_TO = 5_000_000, 4_000_000_000
# a layer with less than this share of a step's multiplications is run as guessed
COUNTS = 0.03
# a run may end early: no more of its epochs count as certain
CERTAIN_EPOCHS = 100
LEAST_STEPS = 1000
# of the run's time, and in seconds whatever the run
SHARE, LEAST_BUDGET, MOST_BUDGET = 0.05, 0.05, 10.0
# loading MKL takes a quarter of a second
BUDGET_FOR_MKL = 0.5
# how often each plan is timed, unless it has fallen behind by this factor
FEWEST_ROUNDS, MOST_ROUNDS = 2, 7
BEHIND = 1.2
# a call of the engine should take so many seconds, so that the call itself does not count
CALL = 0.002
# the guess is kept unless another plan takes less than this share of its time
CLEARLY = 0.95
# a plan is kept for later processes where this one had the processors for this share of the time
UNDISTURBED = 0.8

EngineFor = Callable[[Plan], Engine]


def best_plan(
    network: Network, recipe: Recipe, threads: int | None, rows: int | None, engine_for: EngineFor
) -> Plan:
    """Return the plan to train with: remembered, measured or guessed.

    Parameters
    ----------
    threads : int, optional
        Take this many threads; where absent as many as pay.
    rows : int, optional
        Rows of an epoch of the run; where absent no training is meant, and the plan is guessed.
    engine_for : callable
        Returns an engine that runs the network and the recipe by a plan.

    Raises
    ------
    SettingError
        If `CLEARPROP_PLAN` or `CLEARPROP_BLAS` has a value that we do not know.
    """
    mode = _mode()
    guess = plan_for(network, recipe.batch_size, threads)
    batch = min(recipe.batch_size, rows or 0)
    if mode == "guess" or isinstance(network.objective, CustomLoss):
        return guess
    if sum(products(network, batch)) < OBVIOUS_BELOW:
        return guess
    key = _key(network, recipe, batch, threads)
    plan = recall(key)
    if plan is not None and _runs(network, plan):
        return plan
    steps = recipe.horizon(rows or 0).steps * min(recipe.epochs, CERTAIN_EPOCHS)
    if mode == "measure":
        steps = max(steps, 20 * LEAST_STEPS)
    if steps < LEAST_STEPS:
        return guess
    trials = _Trials(network, recipe, batch, engine_for)
    plan = trials.best(guess, _ways(threads, batch), steps)
    if plan is None:
        return guess
    remember(key, plan, lasting=trials.undisturbed)
    return plan


def _mode() -> str:
    mode = os.environ.get("CLEARPROP_PLAN", "")
    if mode not in ("", "guess", "measure"):
        raise SettingError(
            f"CLEARPROP_PLAN must be 'guess' or 'measure' where it is set, but {mode!r} came."
        )
    return mode


def _runs(network: Network, plan: Plan) -> bool:
    """Return whether this process can run a plan that another one has left behind."""
    try:
        check_plan(network, plan)
    except EngineError:
        return False
    return plan.library in usable_libraries()


def _key(network: Network, recipe: Recipe, batch: int, threads: int | None) -> str:
    """Return everything that the best plan depends on, as a text."""
    layers = [
        f"{o.units} {o.activation.name if o.kind == 'dense' else o.kind}"
        f"{' dropout' if o.dropout else ''}{' parametric' if o.parametric else ''}"
        for o in network.operations
    ]
    return "; ".join(
        [
            f"{network.inputs} - {' - '.join(layers)}",
            f"{network.members} members",
            f"{network.objective.name}, {recipe.rule.name}, carried {recipe.carrier}",
            f"{network.dtype}, batches of {batch}",
            f"{threads} threads" if threads else f"up to {available_threads()} threads",
            " or ".join(usable_libraries()),
            f"{binding.get_host_cpu_name()} with {os.cpu_count()} processors",
        ]
    )


def _ways(threads: int | None, batch: int) -> list[tuple[int, str]]:
    """Return the numbers of threads worth a trial, with what they split.

    All processors, half of them (where two share a core, that may be faster), and one.
    """
    most = available_threads()
    numbers = {threads} if threads else {most, most // 2, 1}
    numbers = {max(1, min(number, batch)) for number in numbers}
    return [
        (number, split)
        for number in sorted(numbers)
        for split in (("batch", "neurons") if number > 1 else ("none",))
    ]


class _OutOfTimeError(Exception):
    """The budget is used up, or a step on random rows was not sound."""


class _Trials:
    """Times plans on batches of random rows; the learning rate is 0, so nothing changes.

    An engine is built for each trial and let go after it: buffers of all plans at once would take
    up more memory than the run.
    """

    def __init__(self, network: Network, recipe: Recipe, batch: int, engine_for: EngineFor) -> None:
        self._network, self._recipe, self._batch = network, recipe, batch
        self._engine_for = engine_for
        draw = np.random.default_rng(0)
        x = draw.standard_normal((batch, network.inputs)).astype(network.dtype)
        y = np.eye(network.outputs, dtype=network.dtype)[draw.integers(network.outputs, size=batch)]
        self._block = Block(x, y)
        self._state: TrainState | None = None
        self._deadline = float("inf")
        # seconds of all threads by the clock, and those in which they had a processor
        self._passed = self._used = 0.0

    @property
    def undisturbed(self) -> bool:
        """Whether other programs left the processors to the trials."""
        return self._used >= UNDISTURBED * self._passed

    def best(self, guess: Plan, ways: Sequence[tuple[int, str]], steps: int) -> Plan | None:
        """Return the fastest plan, or None where the time for finding out was too short."""
        try:
            step = self._step_time(guess, 1)
            budget = min(max(LEAST_BUDGET, SHARE * steps * step), MOST_BUDGET)
            self._deadline = time.perf_counter() + budget
            libraries = usable_libraries()
            if budget < BUDGET_FOR_MKL:
                libraries = libraries[:1]
            layouts = self._layouts(guess, libraries)
            plans = [
                replace(layout, threads=threads, split=split)
                for layout in layouts
                for threads, split in ways
            ]
            return self._fastest(list(dict.fromkeys([guess, *plans])), step)
        except _OutOfTimeError:
            return None

    def _layouts(self, guess: Plan, libraries: Sequence[str]) -> list[Plan]:
        """Return the guess with the better form of each product, once for each BLAS."""
        least, most = self._open_choices(guess)
        own = replace(guess, blas=least)
        called = [replace(guess, blas=most, library=library) for library in libraries]
        if least == most:
            return called
        costs: dict[Plan, list[np.ndarray]] = {plan: [] for plan in (own, *called)}
        for _ in range(FEWEST_ROUNDS):
            for plan, found in costs.items():
                self._check_time()
                found.append(self._layer_costs(plan))
        cost = {plan: np.min(found, axis=0) for plan, found in costs.items()}
        return [
            replace(
                plan,
                blas=tuple(
                    wanted or (allowed and bool(faster))
                    for wanted, allowed, faster in zip(
                        least, most, cost[plan] < cost[own], strict=True
                    )
                ),
            )
            for plan in called
        ]

    def _open_choices(self, guess: Plan) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
        """Return for each layer whether it must, and whether it may, go through BLAS."""
        least, most = list(guess.blas), list(guess.blas)
        piece = piece_for(self._network, guess, self._batch)
        sizes = products(self._network, piece, at_once=True)
        for layer, product in enumerate(sizes):
            if product >= COUNTS * sum(sizes):
                least[layer] = product > OWN_UP_TO
                most[layer] = product >= BLAS_FROM_AT_LEAST
        return tuple(least), tuple(most)

    def _layer_costs(self, plan: Plan) -> np.ndarray:
        """Return the seconds of each layer's products; the first one's include gathering."""
        engine = self._engine_for(plan)
        rows = np.arange(self._batch)
        costs = np.zeros(len(self._network.operations))
        for time_of in engine.measure(self._state_for(engine), self._block, rows, 1):
            if time_of.part in ("z", "bp4"):
                costs[time_of.layer - 1] += time_of.seconds
            elif time_of.part in ("delta", "gather"):
                costs[time_of.layer] += time_of.seconds
        return costs

    def _fastest(self, plans: Sequence[Plan], step: float) -> Plan:
        """Return the plan with the lowest median; the first one unless another clearly wins."""
        together = max(1, min(20, int(CALL / max(step, 1e-6))))
        times: dict[Plan, list[float]] = {plan: [] for plan in plans}
        try:
            for turn in range(MOST_ROUNDS):
                first = min(min(found, default=0.0) for found in times.values())
                for plan, found in times.items():
                    if turn < FEWEST_ROUNDS or min(found) < BEHIND * first:
                        self._check_time()
                        found.append(self._step_time(plan, together))
        except _OutOfTimeError:
            if min(len(found) for found in times.values()) < FEWEST_ROUNDS:
                raise
        middle = {plan: median(found) for plan, found in times.items()}
        best = min(plans, key=lambda plan: middle[plan])
        return best if middle[best] < CLEARLY * middle[plans[0]] else plans[0]

    def _step_time(self, plan: Plan, together: int) -> float:
        """Return the seconds of a step, of so many in one call, after one that does not count."""
        engine = self._engine_for(plan)
        state, order = self._state_for(engine), np.tile(np.arange(self._batch), together)
        block = self._block.ordered(order)
        self._advance(engine, state, block, 1)
        began, used = time.perf_counter(), time.process_time()
        self._advance(engine, state, block, together)
        passed = time.perf_counter() - began
        self._passed += plan.threads * passed
        self._used += time.process_time() - used
        return passed / together

    def _advance(self, engine: Engine, state: TrainState, block: Block, steps: int) -> None:
        state.position = 0
        if engine.advance(state, block, steps)[1].failed:
            raise _OutOfTimeError

    def _state_for(self, engine: Engine) -> TrainState:
        if self._state is None:
            # a start that looks at rows is given one: which numbers are timed makes no difference
            row = np.zeros((1, self._network.inputs))
            self._state = engine.initial_state(Parameters.initial(self._network, rows=row))
            self._state.rate_factor = 0.0
        return self._state

    def _check_time(self) -> None:
        if time.perf_counter() > self._deadline:
            raise _OutOfTimeError
