"""The fit loop: advance an engine epoch by epoch, and tell the listeners.

How many steps one call of the engine takes is chosen by time: enough that Python does not count,
few enough that Ctrl-C and listeners are served within `GRAIN` seconds. It has no influence on the
numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.engines import Block, Engine, Record, Trace, TrainState, build
from clearprop.errors import SettingError
from clearprop.network import Network, Parameters
from clearprop.training.blame import verdict
from clearprop.training.checks import check_own_loss
from clearprop.training.events import Batches, Epoch, Event, Listener, Reason, Stop
from clearprop.training.history import History
from clearprop.training.interrupts import Wish, interruptible
from clearprop.training.recording import Recorder, Recording
from clearprop.training.running import Running, begin
from clearprop.training.settings import Settings
from clearprop.training.stopping import Progress

# the longest that a call of the engine should take, in seconds
GRAIN = 0.1


@dataclass(frozen=True)
class Validation:
    """Rows that training does not see.

    Attributes
    ----------
    block : Block
    score : callable, optional
        `score(outputs)` of the network's outputs on the block's rows, (rows, outputs); higher is
        better.
    """

    block: Block
    score: Callable[[np.ndarray], float] | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run left.

    Attributes
    ----------
    parameters : Parameters
        Of the best epoch where the settings restore it or the run broke off, else the last.
    state : TrainState
        Where training would go on; its vector is the last one.
    history : History
    stop : Stop
    engine : Engine
        For predictions and traces.
    recording : Recording, optional
        The parameters over the course of the run, where the settings watched any.
    rows : int
        Rows of an epoch; what schedules go by.
    """

    parameters: Parameters
    state: TrainState
    history: History
    stop: Stop
    engine: Engine
    recording: Recording | None = None
    rows: int = 0

    def trace(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        engine: str | None = None,
        dropout: bool = False,
    ) -> Trace:
        """Return every array of the step that training would take next, on these rows.

        It starts from `state`, whose parameters, slots and step belong together; its parameters are
        the last ones, also where `parameters` are those of a better epoch. The state is left as it
        is. After L-BFGS, which takes no such steps, the update is that of the recipe's rule with
        nothing remembered.

        Parameters
        ----------
        X, y, sample_weight : as for `Block.of`
        engine : str, optional
            Another engine than the run's own.
        dropout : bool
            Drop units as that step would. Without, the trace shows the network that predicts.
        """
        network, recipe = self.engine.network, self.engine.recipe
        block = Block.of(network, X, y, sample_weight)
        own = engine in (None, self.engine.name)
        runner = self.engine if own else build(str(engine), network, recipe)
        rows, horizon = np.arange(block.rows), recipe.horizon(self.rows or block.rows)
        return runner.trace(self.state, block, rows, dropout=dropout, horizon=horizon)

    def unit_names(self) -> dict[str, tuple[str, ...]]:
        """Return nothing: a network's own units have no names but `x1`, `h1.2`, `o1`."""
        return {}


class Run:
    """One training run.

    Parameters
    ----------
    network : Network
    block : Block
        The training rows.
    settings : Settings
    validation : Validation, optional
    parameters : Parameters, optional
        Where to start; drawn from the settings' seed where absent.
    state : TrainState, optional
        Go on from here instead.

    Raises
    ------
    SettingError
        If stopping watches validation rows and there are none, or an entry to watch is no entry.
    GradientError
        If a loss of the user's own has a delta that is not the slope of its value.
    """

    def __init__(
        self,
        network: Network,
        block: Block,
        settings: Settings,
        *,
        validation: Validation | None = None,
        parameters: Parameters | None = None,
        state: TrainState | None = None,
    ) -> None:
        self.network, self.block = network, block
        self.settings, self.validation = settings, validation
        check_own_loss(network, block)
        plan = state.plan if state else None
        self.engine = build(
            settings.engine, network, settings.recipe, settings.threads, plan, block.visits
        )
        if state is None:
            start = parameters or Parameters.initial(network, settings.seed, block.x)
            state = self.engine.initial_state(start, settings.seed)
        self.state = state
        self.history = History()
        self.progress = Progress(settings.stopping)
        self.stop: Stop | None = None
        self._recorder: Recorder | None = None
        self._pace = _Pace(network, settings.recipe.batch_size)
        self._check()

    def _check(self) -> None:
        self.settings.watch.check(self.network.size)
        monitor = self.settings.stopping.monitor
        validation = self.validation
        if monitor != "objective" and validation is None:
            raise SettingError(
                f"Stopping watches the {monitor.replace('_', ' ')}, but no validation rows were "
                f"given. Give some, or watch the objective."
            )
        if monitor == "validation_score" and (validation is None or validation.score is None):
            raise SettingError("Stopping watches the validation score, but no score was given.")

    def events(self) -> Iterator[Event]:
        """Run to the end, one event at a time. Closing the iterator ends the run where it is."""
        began = time.perf_counter()
        if not self.settings.watch.is_empty:
            self._recorder = Recorder(self.settings.watch, self.state.vector, self.state.step)
        with interruptible() as wish:
            for epoch in range(self.state.epoch, self.settings.recipe.epochs):
                tally = _Tally()
                yield from self._batches(epoch, tally, wish)
                if tally.failed:
                    self.stop = self._stopped("diverged", self._divergence(epoch))
                elif wish.asked:
                    self.stop = self._stopped("interrupted", "Training was interrupted.")
                if self.stop:
                    break
                yield self._end_of_epoch(tally, time.perf_counter() - began)
                if self.progress.exhausted and not self._slower():
                    self.stop = self._stopped("converged", self.progress.sentence())
                    break
            if self.stop is None:
                epochs = self.settings.recipe.epochs
                self.stop = self._stopped("finished", f"All {epochs} epochs were run.")
        yield self.stop

    def finish(self, listeners: Iterable[Listener] = ()) -> Outcome:
        """Run to the end, telling the listeners, and return what the run left."""
        listeners = list(listeners)
        begin(listeners, Running(self.engine, self.block, self.settings, lambda: self.state.vector))
        for event in self.events():
            wants_stop = [listener(event) for listener in listeners]
            if any(wants_stop) and not isinstance(event, Stop):
                self.stop = self._stopped("listener", "A listener stopped the run.")
                for listener in listeners:
                    listener(self.stop)
                break
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return what the run has left so far."""
        stop = self.stop or self._stopped("interrupted", "The run was left before its end.")
        broken = stop.reason in ("diverged", "interrupted")
        vector = self.state.vector
        if self.settings.stopping.restore_best or broken:
            best = self.progress.best_vector
            vector = vector if best is None else best
        elif self.stop:
            # the run is over without it: its place is free for the copy
            self.progress.best_vector = None
        parameters = Parameters(self.network, vector.copy())
        recording = self._recorder.recording() if self._recorder else None
        return Outcome(
            parameters, self.state, self.history, stop, self.engine, recording, self.block.visits
        )

    def _batches(self, epoch: int, tally: _Tally, wish: Wish) -> Iterator[Batches]:
        block = self.block.ordered(self.settings.orders.order(epoch, self.block.rows))
        self._running = block
        recorder = self._recorder
        watch = recorder.watching if recorder else None
        while not wish.asked and not tally.failed and self.state.position < block.visits:
            began = time.perf_counter()
            self.state, record = self.engine.advance(self.state, block, self._pace.steps, watch)
            self._pace.took(time.perf_counter() - began, len(record.losses))
            tally.add(record)
            if recorder:
                recorder.add(record)
            position = self.state.position
            yield Batches(epoch + 1, self.state.step, record.losses, position, block.visits)

    def _end_of_epoch(self, tally: _Tally, seconds: float) -> Epoch:
        self.state.epoch += 1
        self.state.position = 0
        vector, validation = self.state.vector, self.validation
        if self._recorder:
            self._recorder.end_of_epoch(vector, self.state.step)
        validation_loss = validation_score = None
        if validation is not None:
            validation_loss = self.engine.evaluate(vector, validation.block)
            if validation.score is not None:
                outputs = self.engine.predict(vector, validation.block.x)
                validation_score = float(validation.score(outputs))
        watched = {
            "objective": tally.objective,
            "validation_loss": validation_loss,
            "validation_score": validation_score,
        }[self.settings.stopping.monitor]
        assert watched is not None  # _check has seen to it
        event = Epoch(
            epoch=self.state.epoch,
            epochs=self.settings.recipe.epochs,
            loss=tally.loss,
            objective=tally.objective,
            validation_loss=validation_loss,
            validation_score=validation_score,
            learning_rate=self._learning_rate(),
            seconds=seconds,
            improved=self.progress.see(self.state.epoch, watched, vector),
        )
        self.history.add(event)
        return event

    def _learning_rate(self) -> float:
        """Return η of the last step."""
        recipe = self.settings.recipe
        last = np.array([max(0, self.state.step - 1)])
        factor = recipe.schedule.factors(last, self.engine.horizon(self.block))[0]
        return float(recipe.rule.learning_rate * self.state.rate_factor * factor)

    def _slower(self) -> bool:
        """Ask an adaptive schedule for a lower rate; return whether the run goes on with it."""
        on_plateau = getattr(self.settings.recipe.schedule, "on_plateau", None)
        factor = on_plateau(self._learning_rate()) if on_plateau else None
        if factor is None:
            return False
        self.state.rate_factor *= factor
        self.progress.waited = 0
        return True

    def _divergence(self, epoch: int) -> str:
        batch = self.settings.recipe.batch_size
        rows = self._running.visited(self.state.position, self.state.position + batch)
        with np.errstate(all="ignore"):
            reason = verdict(self.engine.trace(self.state, self._running, rows))
        return f"Training diverged in epoch {epoch + 1}, step {self.state.step + 1}: {reason}"

    def _stopped(self, reason: Reason, message: str) -> Stop:
        return Stop(reason, message, self.state.epoch, self.progress.best_epoch)


class _Tally:
    """Adds up the records of an epoch."""

    def __init__(self) -> None:
        self._loss = self._objective = 0.0
        self._rows = 0
        self.failed = False

    def add(self, record: Record) -> None:
        self._loss += float(record.losses @ record.rows)
        self._objective += float((record.losses + record.penalties) @ record.rows)
        self._rows += int(record.rows.sum())
        self.failed = record.failed

    @property
    def loss(self) -> float:
        return self._loss / max(1, self._rows)

    @property
    def objective(self) -> float:
        return self._objective / max(1, self._rows)


class _Pace:
    """How many steps to take in one call of the engine."""

    def __init__(self, network: Network, batch: int) -> None:
        # a guess of 10 GFLOP/s for the first call: six operations a parameter and row
        self.steps = max(1, int(GRAIN / (2e-6 + 6e-10 * network.size * batch)))

    def took(self, seconds: float, steps: int) -> None:
        """Learn from a call that took this long."""
        wanted = int(GRAIN * max(1, steps) / max(seconds, 1e-6))
        # at most four times as many, since the last steps may have been untypical
        self.steps = max(1, min(wanted, 4 * self.steps))


def train(
    network: Network,
    block: Block,
    settings: Settings | None = None,
    *,
    validation: Validation | None = None,
    parameters: Parameters | None = None,
    listeners: Iterable[Listener] = (),
) -> Outcome:
    """Train a network and return what the run left.

    Parameters
    ----------
    network : Network
    block : Block
        Training data; `Block.of(network, X, y, weights)` makes one.
    settings : Settings, optional
    validation : Validation, optional
        Rows that training does not see; their loss is followed.
    parameters : Parameters, optional
        Where to start.
    listeners : iterable of callables
        Each is called with every event; one that returns True stops the run.
    """
    run = Run(network, block, settings or Settings(), validation=validation, parameters=parameters)
    return run.finish(listeners)
