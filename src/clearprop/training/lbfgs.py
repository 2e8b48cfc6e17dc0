"""Full-batch training with L-BFGS, through SciPy.

The objective and its gradient come from the engine, summed over chunks of rows; SciPy works on them
in float64 whatever the network's precision.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from clearprop.engines import Block, Engine, TrainState, build
from clearprop.errors import SettingError
from clearprop.network import Network, Parameters
from clearprop.training.blame import WAY_OUT, blame_in
from clearprop.training.checks import check_own_loss
from clearprop.training.events import Epoch, Listener, Stop
from clearprop.training.history import History
from clearprop.training.interrupts import interruptible
from clearprop.training.outcomes import Outcome, Validation
from clearprop.training.recording import Recorder
from clearprop.training.running import Running, begin
from clearprop.training.settings import Settings


class _Interrupted(Exception):  # noqa: N818  a way out of SciPy, not an error
    """Leaves SciPy's loop."""


def _divergence(engine: Engine, state: TrainState, block: Block, objective: _Objective) -> str:
    """Say what was not finite at the point where the search got lost."""
    vector = state.vector if objective.not_finite is None else objective.not_finite
    culprit = blame_in(engine, replace(state, vector=vector), block)
    return (
        f"Training diverged in iteration {state.epoch + 1}: the first value that is not finite is "
        f"{culprit}. {WAY_OUT}"
    )


class _Objective:
    """The function that SciPy minimises; remembers the best point it was asked about."""

    def __init__(self, engine: Engine, block: Block) -> None:
        self.engine, self.block = engine, block
        self.best = np.inf
        self.best_vector: np.ndarray | None = None
        self.not_finite: np.ndarray | None = None

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        vector = point.astype(self.engine.network.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            value, gradient = self.engine.gradient(vector, self.block)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            # SciPy's line search may find a way round it
            self.not_finite = vector
        elif value < self.best:
            self.best, self.best_vector = value, vector
        return value, gradient.astype(np.float64)


def minimise(
    network: Network,
    block: Block,
    settings: Settings,
    *,
    parameters: Parameters | None = None,
    max_evaluations: int = 15_000,
    listeners: Iterable[Listener] = (),
    validation: Validation | None = None,
) -> tuple[Outcome, Any]:
    """Minimise the objective over all rows; return the outcome and SciPy's own result.

    Each iteration counts as a step and is an `Epoch` event, with the loss on validation rows where
    there are some.
    `settings.recipe.epochs` bounds the iterations and `settings.stopping.tolerance` the largest
    entry of the gradient at the end. Ctrl-C, a listener that returns True, and a search that does
    not find its way back to finite numbers end the run with the best parameters so far; SciPy's
    result is then None.

    Raises
    ------
    SettingError
        If the recipe carries errors back in another way than exactly: L-BFGS needs the gradient.
    """
    from scipy.optimize import minimize

    if settings.recipe.carrier != "exact":
        raise SettingError(
            f"L-BFGS needs the gradient, so errors must be carried back exactly, but "
            f"carrier={settings.recipe.carrier!r} came. Use carrier='exact', or another solver."
        )
    check_own_loss(network, block)
    engine = build(settings.engine, network, settings.recipe, settings.threads)
    start = parameters or Parameters.initial(network, settings.seed, block.x)
    state = engine.initial_state(start, settings.seed)
    objective, history, listeners = _Objective(engine, block), History(), list(listeners)
    watch = settings.watch
    recorder = None if watch.is_empty else Recorder(watch, start.vector)
    began, limit = time.perf_counter(), settings.recipe.epochs
    now = start.vector
    begin(
        listeners,
        Running(engine, block, settings, lambda: now, lambda: replace(state, vector=now)),
    )

    def tell(event: Epoch | Stop) -> bool:
        wishes = [listener(event) for listener in listeners]
        return any(wishes)

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal now
        state.epoch += 1
        state.step += 1
        value = float(intermediate_result.fun)
        now = vector = intermediate_result.x.astype(network.dtype)
        if recorder:
            recorder.see(vector, state.step)
            recorder.end_of_epoch(vector, state.step)
        held_out = None
        if validation is not None:
            held_out = engine.evaluate(vector, validation.block)
        seconds = time.perf_counter() - began
        event = Epoch(state.epoch, limit, value, value, held_out, None, 1.0, seconds, True)
        history.add(event)
        if tell(event) or wish.asked:
            raise _Interrupted

    options = {"maxfun": max_evaluations, "maxiter": limit, "gtol": settings.stopping.tolerance}
    result: Any = None
    with interruptible() as wish:
        try:
            result = minimize(
                objective,
                start.vector.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=after_iteration,
                options=options,
            )
            vector = result.x.astype(network.dtype)
            reason, message = ("converged" if result.success else "finished"), str(result.message)
            if not (np.isfinite(result.fun) and np.isfinite(vector).all()):
                result, reason = None, "diverged"
                message = _divergence(engine, state, block, objective)
                vector = start.vector if objective.best_vector is None else objective.best_vector
        except _Interrupted:
            best = objective.best_vector
            vector = start.vector if best is None else best
            reason, message = "listener", "A listener stopped the run."
            if wish.asked:
                reason, message = "interrupted", "Training was interrupted."
    state.vector[...] = vector
    stop = Stop(reason, message, state.epoch, state.epoch)  # type: ignore[arg-type]
    tell(stop)
    recording = recorder.recording() if recorder else None
    final = Parameters(network, vector)
    return Outcome(final, state, history, stop, engine, recording, block.visits), result
