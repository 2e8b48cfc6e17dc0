"""The fit loop: advance an engine epoch by epoch, and tell the listeners.

How many steps one call of the engine takes is chosen by time: enough that Python does not count,
few enough that Ctrl-C and listeners are served within `GRAIN` seconds. It has no influence on the
numbers.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from clearprop.engines import Block, Engine, Plan, Record, TrainState, Watching, build
from clearprop.errors import SettingError
from clearprop.network import Network, Parameters
from clearprop.training.blame import WAY_OUT, blame_in, blame_parameters, verdict
from clearprop.training.checks import check_own_loss
from clearprop.training.events import Batches, Epoch, Event, Listener, Reason, Stop
from clearprop.training.history import History
from clearprop.training.interrupts import Wish, interruptible
from clearprop.training.orders import Remembering
from clearprop.training.outcomes import Outcome, Validation
from clearprop.training.pace import Pace
from clearprop.training.recording import Recorder
from clearprop.training.running import Running, begin
from clearprop.training.settings import Settings
from clearprop.training.snapshots import Keeper, Snapshot, check_snapshot
from clearprop.training.sources import Source, parts_of, sample_of
from clearprop.training.stopping import Progress
from clearprop.training.tallies import Tally

# NumPy's warnings, which know neither layer nor row: what is not finite is looked for, and blamed
_QUIET = partial(np.errstate, over="ignore", invalid="ignore")
# the longest that a call of the engine should take, in seconds
GRAIN = 0.1


class Run:
    """One training run.

    Parameters
    ----------
    network : Network
    block : Block or Source
        The training rows, in memory or from a stream; a source has an order of its own.
    settings : Settings
    validation : Validation, optional
    parameters : Parameters, optional
        Where to start; drawn from the settings' seed where absent.
    state : TrainState, optional
        Go on from here instead.
    engine : Engine, optional
        What runs it; built as the settings say where absent.

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
        block: Block | Source,
        settings: Settings,
        *,
        validation: Validation | None = None,
        parameters: Parameters | None = None,
        state: TrainState | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.network, self.block = network, block
        self.settings, self.validation = settings, validation
        self._sample = sample_of(block)
        check_own_loss(network, self._sample)
        self.engine = engine or self._engine(settings.engine, state.plan if state else None)
        if state is None:
            start = parameters or Parameters.initial(network, settings.seed, self._sample.x)
            state = self.engine.initial_state(start, settings.seed)
        self.state = state
        self.history = History()
        self.progress = Progress(settings.stopping)
        self.stop: Stop | None = None
        self._tally = Tally()
        # time that was taken before this run went on from a snapshot
        self._seconds, self._began = 0.0, time.perf_counter()
        self._blamed_validation = self._interrupted = False
        self._recorder: Recorder | None = None
        self._pace = Pace.guessed(network, settings.recipe.batch_size, GRAIN)
        self._check()

    def _engine(self, name: str, plan: Plan | None) -> Engine:
        settings, rows = self.settings, self.block.visits
        given = (self.network, settings.recipe, settings.threads, plan, rows, settings.hardware)
        return build(name, *given)

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
        self._began, self._interrupted = time.perf_counter(), False
        self._recorder = self._recorder or self._new_recorder()
        if self.stop is None:  # a run that goes on from its end has nothing left to do
            with interruptible() as wish:
                yield from self._epochs(wish)
        assert self.stop is not None
        yield self.stop

    def _epochs(self, wish: Wish) -> Iterator[Event]:
        epochs = self.settings.recipe.epochs
        for epoch in range(self.state.epoch, epochs):
            yield from self._batches(epoch, wish)
            if self._tally.failed:
                self.stop = self._stopped("diverged", self._divergence(epoch))
            elif self._interrupted:
                self.stop = self._stopped("interrupted", "Training was interrupted.")
            elif not np.isfinite(self.state.vector).all():
                self.stop = self._stopped("diverged", self._spoilt(epoch))
            if self.stop:
                return
            event = self._end_of_epoch()
            # before anybody hears of the epoch, so that a snapshot taken then has it in it
            if self.progress.exhausted and not self._slower():
                self.stop = self._stopped("converged", self.progress.sentence())
            yield event
            if self.stop:
                return
        self.stop = self._stopped("finished", f"All {epochs} epochs were run.")

    def finish(
        self, listeners: Iterable[Listener] = (), checkpoint: Keeper | None = None
    ) -> Outcome:
        """Run to the end, telling the listeners, and return what the run left."""
        if checkpoint is None:
            return self._finish(list(listeners))
        with checkpoint.keeping(self) as keeper:
            # the last to hear of an event: what it keeps is what the others have left
            return self._finish([*listeners, keeper])

    def _finish(self, listeners: list[Listener]) -> Outcome:
        engine = self.engine.by_itself()  # a listener asks for what other processes know nothing of
        begin(
            listeners,
            Running(
                engine, self._sample, self.settings, lambda: self.state.vector, lambda: self.state
            ),
        )
        for event in self.events():
            wants_stop = [listener(event) for listener in listeners]
            if not isinstance(event, Stop) and self.engine.agreed(any(wants_stop)):
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

    def snapshot(self) -> Snapshot:
        """Return all that it takes to go on from here; to be asked between two events.

        A wish to stop (Ctrl-C, a listener) is no end: whoever goes on from here does go on.
        """
        stop, orders = self.stop, self.settings.orders
        if stop is not None and stop.reason in ("interrupted", "listener"):
            stop = None
        return Snapshot(
            self.state.copy(),
            self._tally.sums,
            self._tally.rows,
            self.progress.copy(),
            self.history.copy(),
            self._seconds + time.perf_counter() - self._began,
            stop,
            orders.memory() if isinstance(orders, Remembering) else {},
            self._recorder.to_arrays() if self._recorder else {},
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot of a run with the same data and settings, before it has begun.

        It is used up. The plan is the snapshot's, whatever would be chosen now.

        Raises
        ------
        FileError
            It does not fit the run.
        EngineError
            Its plan cannot be run on this machine.
        """
        plan = snapshot.state.plan
        if plan != self.engine.plan:
            self.engine = self._engine(plan.engine, plan)
        check_snapshot(snapshot, self.engine, self.block)
        self._recorder = self._new_recorder()
        if self._recorder:
            self._recorder.go_on(snapshot.recorded)
        if isinstance(self.settings.orders, Remembering):
            self.settings.orders.recall(snapshot.orders)
        # into the arrays that are there: somebody may hold them
        self.state.vector[...], self.state.slots[...] = snapshot.state.vector, snapshot.state.slots
        vector, slots = self.state.vector, self.state.slots
        self.state = replace(snapshot.state, vector=vector, slots=slots)
        self._tally = Tally(snapshot.sums, snapshot.rows)
        self.progress, self.history = snapshot.progress, snapshot.history
        self.progress.stopping = self.settings.stopping
        self._seconds, self.stop = snapshot.seconds, snapshot.stop

    def _new_recorder(self) -> Recorder | None:
        watch = self.settings.watch
        return None if watch.is_empty else Recorder(watch, self.state.vector, self.state.step)

    def _batches(self, epoch: int, wish: Wish) -> Iterator[Batches]:
        orders = self.settings.orders
        for start, block in parts_of(self.block, orders, epoch, self.state.position):
            self._running = start, block
            yield from self._batches_of(start, block, wish)
            if self._interrupted or self._tally.failed:
                break

    def _batches_of(self, start: int, block: Block, wish: Wish) -> Iterator[Batches]:
        """Go through a block that begins at this place of the epoch."""
        recorder = self._recorder
        watch = recorder.watching if recorder else None
        end, total = start + block.visits, self.block.visits
        while self.state.position < end and not self._tally.failed:
            if self.engine.agreed(wish.asked):
                self._interrupted = True
                return
            began = time.perf_counter()
            record = self._advance(start, block, watch)
            self._pace.took(time.perf_counter() - began, len(record.losses))
            self._tally.add(record)
            if recorder:
                recorder.add(record)
            position = self.state.position
            yield Batches(self.state.epoch + 1, self.state.step, record.losses, position, total)

    def _advance(self, start: int, block: Block, watch: Watching | None) -> Record:
        """Let the engine advance, which counts its position from the block's beginning."""
        self.state.position -= start
        try:
            with _QUIET():
                self.state, record = self.engine.advance(self.state, block, self._pace.steps, watch)
        finally:
            self.state.position += start
        return record

    def _end_of_epoch(self) -> Epoch:
        tally, self._tally = self._tally, Tally()
        self.state.epoch += 1
        self.state.position = 0
        vector, validation = self.state.vector, self.validation
        if self._recorder:
            self._recorder.end_of_epoch(vector, self.state.step)
        validation_loss = validation_score = None
        if validation is not None:
            with _QUIET():
                validation_loss = self.engine.evaluate(vector, validation.block)
            self._blame_validation(validation_loss, validation.block)
            if validation.score is not None:
                with _QUIET():
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
            seconds=self._seconds + time.perf_counter() - self._began,
            improved=self.progress.see(self.state.epoch, watched, vector),
        )
        self.history.add(event)
        return event

    def _learning_rate(self) -> float:
        """Return η of the last step."""
        recipe = self.settings.recipe
        last = np.array([max(0, self.state.step - 1)])
        factor = recipe.schedule.factors(last, self.engine.horizon(self._sample))[0]
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
        start, block = self._running
        place = self.state.position - start
        with np.errstate(all="ignore"):
            rows = block.visited(place, place + batch)
            reason = verdict(self.engine.trace(self.state, block, rows))
        return f"Training diverged in epoch {epoch + 1}, step {self.state.step + 1}: {reason}"

    def _spoilt(self, epoch: int) -> str:
        culprit = blame_parameters(self.network, self.state.vector)
        where = f"epoch {epoch + 1}, step {self.state.step}"
        return (
            f"Training diverged in {where}: its update left a parameter that is not "
            f"finite: {culprit}. {WAY_OUT}"
        )

    def _blame_validation(self, loss: float, block: Block) -> None:
        """Warn, once a run, of a loss on validation rows that is not finite: that is no end."""
        if np.isfinite(loss) or self._blamed_validation:
            return
        self._blamed_validation = True
        warnings.warn(
            f"After epoch {self.state.epoch} the loss on validation rows is {loss}: the first "
            f"value that is not finite is {blame_in(self.engine, self.state, block)}. Training "
            f"goes on, and an epoch without such a loss counts as better.",
            RuntimeWarning,
            stacklevel=2,
        )

    def _stopped(self, reason: Reason, message: str) -> Stop:
        return Stop(reason, message, self.state.epoch, self.progress.best_epoch)


def train(
    network: Network,
    block: Block | Source,
    settings: Settings | None = None,
    *,
    validation: Validation | None = None,
    parameters: Parameters | None = None,
    listeners: Iterable[Listener] = (),
    checkpoint: Keeper | None = None,
) -> Outcome:
    """Train a network and return what the run left.

    Parameters
    ----------
    network : Network
    block : Block or Source
        Training data; `Block.of(network, X, y, weights)` makes a block.
    settings : Settings, optional
    validation : Validation, optional
        Rows that training does not see; their loss is followed.
    parameters : Parameters, optional
        Where to start.
    listeners : iterable of callables
        Each is called with every event; one that returns True stops the run.
    checkpoint : Checkpoints, optional
        Where the run is kept while it goes, and what it goes on from; see `clearprop.Checkpoints`.
    """
    run = Run(network, block, settings or Settings(), validation=validation, parameters=parameters)
    return run.finish(listeners, checkpoint)
