"""One run of the trainer, from an estimator's rows to its outcome, and the warnings at its end.

What scikit-learn's classes remember from one call to the next is here `Memory`: the update rule's
slots, for `partial_fit`, and how stopping stands, for `partial_fit` and `warm_start`.

Public names: `Memory`, `Job`, `run`.
May import: `clearprop.training`, `clearprop.engines`, `clearprop.errors`, scikit-learn, NumPy.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from clearprop.engines import Engine, TrainState
from clearprop.errors import DivergenceError
from clearprop.estimators.rows import Rows
from clearprop.network import Network, Parameters
from clearprop.training import Keeper, Listener, Outcome, Run, Settings, minimise
from clearprop.training.blame import blame_parameters


@dataclass
class Memory:
    """What a later call goes on from.

    Attributes
    ----------
    rule : str
        Name of the update rule that the slots belong to, empty where none has run.
    slots : (k, parameters) array or None
    step : int
        Steps taken by this optimiser.
    rate_factor : float
        What an adaptive learning rate was multiplied by.
    seed : int
        Of dropout and random feedback.
    monitor : str
        What stopping watched, with the best value (higher is better) and the epochs since.
    best, waited
    rows : int
        Rows of an epoch, 0 where none has run.
    """

    rule: str = ""
    slots: np.ndarray | None = None
    step: int = 0
    rate_factor: float = 1.0
    seed: int = 0
    monitor: str = ""
    best: float = -np.inf
    waited: int = 0
    rows: int = 0

    def fits(self, rule: str, size: int) -> bool:
        """Whether the optimiser can be gone on with."""
        return self.slots is not None and self.rule == rule and self.slots.shape[1] == size

    def state(self, engine: Engine, parameters: Parameters) -> TrainState:
        """Return the state from which a run goes on."""
        return self.put_into(engine.initial_state(parameters, self.seed))

    def put_into(self, state: TrainState) -> TrainState:
        """Let a fresh state go on from here; return it."""
        if self.slots is not None:
            state.slots[...] = self.slots
        state.step, state.rate_factor = self.step, self.rate_factor
        return state


@dataclass(frozen=True)
class Job:
    """What a run is made of.

    Attributes
    ----------
    network : Network
    parameters : Parameters
        Where it starts; their array is the job's to train in.
    rows : Rows
    settings : Settings
    memory : Memory
        Of earlier calls; replaced by the run's own when it ends.
    listeners : sequence of callables
    max_fun : int
        Bound on L-BFGS's evaluations.
    ends_as_planned : bool
        Whether a run through all epochs is what was wanted, and no reason to warn.
    checkpoint : Checkpoints, optional
    """

    network: Network
    parameters: Parameters
    rows: Rows
    settings: Settings
    memory: Memory
    listeners: Sequence[Listener] = field(default_factory=list)
    max_fun: int = 15_000
    ends_as_planned: bool = False
    checkpoint: Keeper | None = None


def run(job: Job, *, lbfgs: bool) -> tuple[Outcome, Memory, Any]:
    """Run to the end; return the outcome, what to remember, and SciPy's result for L-BFGS.

    Raises
    ------
    DivergenceError
        If a value was not finite before an epoch was completed, or a parameter is not at the end.
    """
    outcome, memory, result = _minimise(job) if lbfgs else _epochs(job)
    _warn(job, outcome, result)
    culprit = blame_parameters(job.network, outcome.parameters.vector)
    if culprit:
        raise DivergenceError(
            f"Training ended with a parameter that is not finite: {culprit}. Scale the inputs, "
            f"lower the learning rate, or clip the gradient with clip_norm."
        )
    return outcome, memory, result


def _epochs(job: Job) -> tuple[Outcome, Memory, None]:
    settings, memory = job.settings, job.memory
    training = Run(
        job.network,
        job.rows.block,
        settings,
        validation=job.rows.validation,
        parameters=job.parameters,
    )
    memory.put_into(training.state)
    progress = training.progress
    if memory.monitor == settings.stopping.monitor:
        progress.best, progress.waited = memory.best, memory.waited
        if settings.stopping.restore_best:
            # an earlier call ended with its best parameters
            progress.best_vector = job.parameters.vector.copy()
    # nobody needs the start again: the run trains in its array, and lets its own copy of it go
    training.state.vector = job.parameters.vector
    try:
        outcome = training.finish(job.listeners, job.checkpoint)
    except KeyboardInterrupt:
        outcome = training.outcome()
    # a run that went on from a checkpoint has that one's
    state, progress = outcome.state, training.progress
    rule = settings.recipe.rule.name
    later = Memory(
        rule,
        state.slots,
        state.step,
        state.rate_factor,
        state.seed,
        settings.stopping.monitor,
        progress.best,
        progress.waited,
        job.rows.block.visits,
    )
    return outcome, later, None


def _minimise(job: Job) -> tuple[Outcome, Memory, Any]:
    outcome, result = minimise(
        job.network,
        job.rows.block,
        job.settings,
        parameters=job.parameters,
        max_evaluations=job.max_fun,
        listeners=job.listeners,
        validation=job.rows.validation,
    )
    return outcome, job.memory, result


def _warn(job: Job, outcome: Outcome, result: Any) -> None:
    stop, epochs = outcome.stop, job.settings.recipe.epochs
    if stop.reason == "interrupted":
        warnings.warn("Training interrupted by user.", stacklevel=2)
    elif stop.reason == "diverged":
        if stop.epoch == 0:
            raise DivergenceError(stop.message)
        kept = f" The parameters of epoch {stop.best_epoch} are kept." if stop.best_epoch else ""
        warnings.warn(stop.message + kept, ConvergenceWarning, stacklevel=2)
    elif result is not None and result.status != 0:
        warnings.warn(
            f"lbfgs failed to converge after {min(result.nit, epochs)} iteration(s) "
            f"(status={result.status}): {result.message}. Increase max_iter (now {epochs}) or "
            f"max_fun (now {job.max_fun}), or scale the data.",
            ConvergenceWarning,
            stacklevel=2,
        )
    elif stop.reason == "finished" and not job.ends_as_planned:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({epochs}) reached and the optimization "
            f"hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=2,
        )
