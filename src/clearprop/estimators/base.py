"""What `MLP…` and `RNN…` share: fitting, fitted attributes, traces, pickling.

The parameters of the network live in `parameters_`, one flat vector. What a row is (a row of a
table, a whole sequence) is the subclass's: it checks data, describes the network, and says in which
order rows are visited.

Public names: `EngineCache`, `Trained`, `keep_parameters`.
May import: the other modules of this room, `clearprop.training`, `clearprop.engines`,
`clearprop.network`, `clearprop.errors`, scikit-learn, NumPy.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from clearprop.engines import Engine, Recipe, Trace, build
from clearprop.errors import SettingError
from clearprop.estimators.fitting import Job, Memory, run
from clearprop.estimators.legacy import Planned
from clearprop.estimators.listeners import listening
from clearprop.estimators.naming import UnitNames, unit_names, watch_for
from clearprop.estimators.rows import Rows, block_for, combined_weights, flat, rows_for
from clearprop.estimators.scikit_callbacks import (
    Callbacks,
    CallbackSupport,
    joined,
    with_callbacks,
)
from clearprop.estimators.settings import (
    PLANNED,
    hardware_for,
    recipe_for,
    rule_for,
    schedule_for,
    stopping_for,
    warn_of_large_batches,
)
from clearprop.estimators.tasks import Classification, Task
from clearprop.network import Network, Parameters
from clearprop.training import History, Keeper, Orders, Outcome, Recording, Settings
from clearprop.training.running import fitted

# rows that predictions plan for; the engine works through more of them in blocks
PREDICTED_AT_ONCE = 1024


def keep_parameters(estimator: BaseEstimator, given: dict[str, Any]) -> None:
    """Store what a constructor was given, `locals()`, as attributes of the same names."""
    for name, value in given.items():
        if name != "self":
            setattr(estimator, name, value)


class EngineCache(threading.local):
    """The engine for predictions, built when first needed; each thread has its own buffers."""

    engine: Engine | None = None
    asked: tuple[Any, ...] = ()

    def get(self, estimator: Any) -> Engine:
        """Return an engine for an estimator's network, as its parameters ask for."""
        network, hardware = estimator.network_, hardware_for(estimator)
        name, threads = estimator.engine, estimator.threads
        if self.engine is None or self.engine.network is not network:
            self.engine = None
        if self.engine is None or self.asked != (name, threads, hardware):
            # its plan does not depend on how the network was trained, nor do predictions
            recipe = Recipe(batch_size=PREDICTED_AT_ONCE)
            self.engine = build(name, network, recipe, threads, hardware=hardware)
            self.asked = (name, threads, hardware)
        return self.engine


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to go, and what it is for.

    Attributes
    ----------
    job : Job
    task : Task
    first : bool
        Nothing of an earlier fit is gone on with.
    """

    job: Job
    task: Task
    first: bool

    def kept_by(self, checkpoint: Keeper | None) -> Prepared:
        """Return the same run, which is kept while it goes."""
        return replace(self, job=replace(self.job, checkpoint=checkpoint))


class Trained(CallbackSupport, BaseEstimator):
    """An estimator whose network the trainer trains."""

    # the parameter that says how many units there are, for messages
    _sizes: ClassVar[str]
    _task: Any
    history_: History
    recording_: Recording | None
    t_: int

    @abstractmethod
    def _check_data(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        """Return X as a block takes it, (rows, inputs), and the targets as they are to be learned.

        With `reset` the columns are those that are fitted; without, they are held against these.
        """

    @abstractmethod
    def _task_for(self, y: Any, *, first: bool, incremental: bool) -> Task:
        """Return the task that targets ask for, checked against earlier calls."""

    @abstractmethod
    def _described(self, task: Task, X: Any, *, first: bool) -> Network:
        """Return the network that the parameters describe."""

    @abstractmethod
    def _auto_batch(self, rows: int) -> int:
        """Return the rows of a batch where that is left to the estimator."""

    @abstractmethod
    def _orders(self, X: Any, train: np.ndarray, random: np.random.RandomState) -> Orders:
        """Return the order in which epochs visit the training rows."""

    @abstractmethod
    def _strata(self, task: Task, targets: np.ndarray) -> np.ndarray | None:
        """Return the classes whose shares a split of the rows keeps, if any."""

    @with_callbacks
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        validation_data: Any = None,
        incremental: bool = False,
    ) -> Self:
        prepared = self._prepare(X, y, sample_weight, validation_data, incremental=incremental)
        callbacks = None
        if not incremental:
            metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
            epochs = prepared.job.settings.recipe.epochs
            callbacks = self._callbacks(epochs, X=X, y=y, metadata=metadata)
        self._finish(prepared, callbacks)
        if callbacks is not None:
            callbacks.end()
        return self

    def _prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation_data: Any = None,
        *,
        incremental: bool = False,
    ) -> Prepared:
        """Check data and parameters, and set the run up."""
        keeper = None if incremental else getattr(self, "checkpoint", None)
        if keeper is not None:
            self._check_keeping()
        if incremental and self.early_stopping:
            raise SettingError("partial_fit does not support early_stopping=True")
        first = not hasattr(self, "parameters_") or not (self.warm_start or incremental)
        X, y = self._check_data(X, y, reset=first)
        task = self._task_for(y, first=first, incremental=incremental)
        weights = combined_weights(self, X, y, sample_weight, incremental=incremental)
        random = check_random_state(self.random_state)
        network = self._network(task, X, first=first)
        if first:
            start = Parameters.initial(network, random)
        else:
            start = Parameters(network, self._vector().copy())
        rows = rows_for(self, network, task, (X, y, weights), random, validation_data)
        memory = self._memory_for(network, random, first=first, incremental=incremental)
        settings = self._settings(rows, memory, first=first, incremental=incremental)
        if self.record is not None:
            watch = watch_for(self.record, network, self._names_of_units(task))
            settings = replace(settings, watch=watch)
        job = Job(
            network,
            start,
            rows,
            settings,
            memory,
            max_fun=self.max_fun,
            ends_as_planned=incremental or self.learning_rate in PLANNED,
            checkpoint=keeper,
        )
        return Prepared(job, task, first)

    def _check_keeping(self) -> None:
        """Refuse checkpoints where a run could never go on from them."""
        if self.solver == "lbfgs":
            raise SettingError(
                "checkpoint is for solvers that go over the rows in batches: what L-BFGS remembers "
                "lies within SciPy. Take another solver, or leave checkpoint out."
            )
        if self.random_state is None:
            raise SettingError(
                "checkpoint needs random_state, a whole number: without it the start and the split "
                "of the rows are others each time, so that no run could go on from a checkpoint."
            )

    def _finish(self, prepared: Prepared, callbacks: Callbacks | None = None) -> Self:
        """Run, and set the fitted attributes."""
        task, job = prepared.task, prepared.job
        if callbacks is not None:
            callbacks.stand_in = lambda copied, vector: copied._take(
                task, Parameters(job.network, vector)
            )
        with listening(self) as listeners:
            outcome, self._memory, result = run(
                replace(job, listeners=joined(listeners, callbacks)), lbfgs=self.solver == "lbfgs"
            )
        self._take(task, outcome.parameters)
        self._keep(outcome, job.rows, result, first=prepared.first)
        fitted(self.callbacks, self)
        return self

    def _network(self, task: Task, X: Any, *, first: bool) -> Network:
        network = self._described(task, X, first=first)
        if not first and network.segments != self.network_.segments:
            raise SettingError(
                f"The parameters describe a network {network}, but the one that was fitted and "
                f"would be gone on with is {self.network_}. Put {self._sizes} back, or set "
                f"warm_start=False and call fit."
            )
        return network

    def _memory_for(
        self, network: Network, random: np.random.RandomState, *, first: bool, incremental: bool
    ) -> Memory:
        """Return what the run goes on from.

        Stopping stands where it stood, and in `partial_fit` the optimiser does as well.
        """
        before = Memory() if first else self._memory
        drops = any(layer.dropout for layer in network.layers)
        feeds_back = getattr(self, "carrier", "exact") == "random"
        if incremental and before.fits(rule_for(self).name, network.size):
            return before
        # drawn only where it is needed: the stream is scikit-learn's
        seed = int(random.randint(2**31)) if drops or feeds_back else 0
        if feeds_back and not first:
            # random feedback is fixed for as long as the network learns
            seed = before.seed
        return Memory(seed=seed, monitor=before.monitor, best=before.best, waited=before.waited)

    def _settings(self, rows: Rows, memory: Memory, *, first: bool, incremental: bool) -> Settings:
        seen = 0 if first else self.t_
        schedule = schedule_for(self, seen, memory.step, fresh=not incremental)
        if incremental and self.learning_rate in PLANNED:
            schedule = Planned(schedule, int(self.max_iter))
        epochs = 1 if incremental else int(self.max_iter)
        warn_of_large_batches(self, rows.block.visits)
        recipe = recipe_for(self, rows.block.visits, schedule, epochs)
        return Settings(
            recipe,
            self.engine,
            self.threads,
            memory.seed,
            rows.orders,
            stopping_for(self),
            hardware=hardware_for(self),
        )

    def _take(self, task: Task, parameters: Parameters) -> None:
        """Predict with these parameters from now on."""
        self._task = task
        if isinstance(task, Classification):
            self.classes_ = task.classes
        self._adopt(parameters)

    def _keep(self, outcome: Outcome, rows: Rows, result: Any, *, first: bool) -> None:
        """Set the fitted attributes."""
        self.recording_ = outcome.recording
        before = History() if first else self.history_
        self.history_ = before.followed_by(outcome.history)
        lbfgs = self.solver == "lbfgs"
        self.n_iter_ = outcome.stop.epoch
        if lbfgs and result is not None:
            self.n_iter_ = min(int(result.nit), int(self.max_iter))
        seen = 0 if first else self.t_
        self.t_ = seen if lbfgs else seen + self.n_iter_ * rows.block.visits
        if result is not None:
            self.loss_ = float(result.fun)
        elif self.history_.objective:
            self.loss_ = self.history_.objective[-1]
        validated = rows.validation is not None
        self.validation_loss_curve_ = self.history_.validation_loss if validated else None
        if not lbfgs:
            self._keep_curves()

    def _keep_curves(self) -> None:
        """Set what scikit-learn's stochastic solvers leave."""
        self.loss_curve_ = self.history_.objective
        self.best_loss_ = self.best_validation_score_ = self.validation_scores_ = None
        if self.early_stopping:
            scores = self.validation_scores_ = self.history_.validation_score
            self.best_validation_score_ = max((s for s in scores if s == s), default=-np.inf)
        else:
            self.best_loss_ = min((e for e in self.loss_curve_ if e == e), default=np.inf)

    def _adopt(self, parameters: Parameters) -> None:
        """Make these the parameters of the model."""
        network = parameters.network
        self.network_, self.parameters_ = network, parameters
        name = network.layers[-1].function.name
        self.out_activation_ = "logistic" if name == "sigmoid" else name
        self.n_layers_, self.n_outputs_ = len(network.shape), network.outputs
        self._engines = EngineCache()

    def _vector(self) -> np.ndarray:
        """Return the parameter vector."""
        return self.parameters_.vector

    def unit_names(self) -> UnitNames:
        """Return what units are called, as keyword arguments of `clearprop.explanation.Names`.

        `inputs` are the columns' names, where X had any, and `outputs` the classes; with two
        classes, the one that the output unit gives the probability of.
        """
        check_is_fitted(self, "parameters_")
        return self._names_of_units(self._task)

    def _names_of_units(self, task: Task) -> UnitNames:
        return unit_names(getattr(self, "feature_names_in_", None), task.output_names)

    def trace(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        engine: str | None = None,
        dropout: bool = False,
    ) -> Trace:
        """Return every array of the training step that would be taken on these rows now.

        It is the step that `partial_fit` would take next, with the optimiser where it stands.
        Nothing is changed. With `solver="lbfgs"`, which takes no such steps, the update is Adam's.

        Parameters
        ----------
        X, y : as for `fit`
        sample_weight : (n,) array, optional
        engine : str, optional
            Another engine than the estimator's own.
        dropout : bool
            Drop units as that step would. Without, the trace shows the network that predicts.
        """
        check_is_fitted(self, "parameters_")
        X, y = self._check_data(X, y, reset=False)
        weights = combined_weights(self, X, y, sample_weight, incremental=False)
        block = block_for(self.network_, X, self._task.encode(flat(y)), weights)
        parameters, memory = Parameters(self.network_, self._vector()), self._memory
        rows = memory.rows or block.rows
        schedule = schedule_for(self, self.t_, memory.step, fresh=False)
        recipe = recipe_for(self, rows, schedule, int(self.max_iter))
        name, hardware = engine or self.engine, hardware_for(self)
        runner = build(name, self.network_, recipe, self.threads, hardware=hardware)
        if not memory.fits(recipe.rule.name, self.network_.size):
            memory = Memory(seed=memory.seed)
        state = memory.state(runner, parameters)
        chosen, horizon = np.arange(block.rows), recipe.horizon(rows)
        return runner.trace(state, block, chosen, dropout=dropout, horizon=horizon)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds: no engine."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_engines"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickle's content and make what it lacks anew."""
        super().__setstate__(state)
        if "parameters_" in state:
            parameters = state["parameters_"]
            # a vector that joblib maps from a file may be read-only
            writable = parameters if parameters.vector.flags.writeable else parameters.copy()
            self._adopt(writable)
