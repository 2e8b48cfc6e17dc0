"""One run that can be advanced, edited and taken back: the engine, its state, the curves.

Nothing here knows time or threads. `advance` takes steps of the package's engine; an edit or
another learning rate changes the state or the recipe between two steps; `go_to` takes the run back
to any step to the bit (`timeline`). What came after is forgotten as soon as training goes on or
something is changed.

Public names: `Point`, `Trainer`.
May import: `samples`, `setups`, `timeline`, `clearprop.engines`, `clearprop.training`,
`clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from clearprop.engines import Block, Recipe, Record, Trace, TrainState, build
from clearprop.errors import SettingError
from clearprop.network import Network, Parameters
from clearprop.studio.samples import Samples
from clearprop.studio.setups import Setup
from clearprop.studio.timeline import Timeline
from clearprop.training import Shuffled
from clearprop.training.blame import verdict

# measuring the whole data takes at most this share of the time
MEASURING = 0.1
MOST_POINTS = 2000


@dataclass(frozen=True)
class Point:
    """How good the network was at a step.

    Attributes
    ----------
    step : int
    epoch : float
        With the share of the running epoch.
    loss, held_loss : float
        Mean loss on the rows to learn from, and on those held out.
    score, held_score : float
        Share of right classes; R² where targets are numbers.
    """

    step: int
    epoch: float
    loss: float
    held_loss: float
    score: float
    held_score: float


class Trainer:
    """A run.

    Attributes
    ----------
    setup : Setup
    samples : Samples
    network : Network
    state : TrainState
    points : list of Point
        The curves so far.
    end : int
        The last step that was reached, which may lie after the present one.
    failure : str
        Why the run cannot go on; empty where it can.
    changes : int
        How often something was changed by hand.
    forgetting : list of callables
        Each is called with a step where what came after it is forgotten.
    """

    def __init__(
        self,
        setup: Setup,
        samples: Samples,
        engine: str = "auto",
        start: np.ndarray | None = None,
    ) -> None:
        self.setup, self.samples = setup, samples
        self.network: Network = setup.network(samples)
        recipe = setup.recipe()
        self.block = Block.of(self.network, samples.x, samples.y)
        self._held = Block.of(self.network, samples.held_x, samples.held_y)
        self.engine = build(engine, self.network, recipe, rows=self.block.rows)
        parameters = Parameters.initial(self.network, setup.seed)
        if start is not None:
            parameters = Parameters(self.network, start.copy())
        self.state: TrainState = self.engine.initial_state(parameters, setup.seed)
        self._orders = Shuffled(setup.seed)
        self._ordered: tuple[int, Block] | None = None
        self.timeline = Timeline(self.state, recipe)
        self.points: list[Point] = []
        self.end, self.failure = 0, ""
        self.changes = 0
        self.forgetting: list[Callable[[int], None]] = []
        self._next_measure = 0.0
        self.measure()

    @property
    def epoch(self) -> float:
        """Epochs so far, with the share of the running one."""
        return self.state.epoch + self.state.position / self.block.rows

    @property
    def steps_of_epoch(self) -> int:
        """Steps that are left of the running epoch."""
        return self.engine.steps_left(self.state, self.block)

    # forwards

    def advance(self, steps: int) -> int:
        """Take up to so many steps, within one epoch; return how many were taken."""
        self._forget_future()
        if self.failure:
            return 0
        record = self._take(steps)
        taken = len(record.losses) - record.failed
        self.end = self.state.step
        if taken:
            self.timeline.passed(self.state, self.engine.recipe)
        if record.failed:
            self.failure = self._why()
        if record.failed or (self.state.position == 0 and self.may_measure()):
            self.measure()
        return taken

    def advance_sample(self) -> None:
        """Take one step on the next sample alone."""
        whole = self.engine.recipe
        if whole.batch_size == 1:
            self.advance(1)
            return
        self._change(replace(whole, batch_size=1))
        self.advance(1)
        self._change(whole)

    def _take(self, steps: int) -> Record:
        """Advance the engine, and begin the next epoch where one is over."""
        # a run that leaves the finite numbers is told about, and not by warnings
        with np.errstate(all="ignore"):
            self.state, record = self.engine.advance(self.state, self.ordered, steps)
        if self.state.position >= self.block.rows:
            self.state.epoch += 1
            self.state.position = 0
        return record

    @property
    def ordered(self) -> Block:
        """The rows in the order of the running epoch."""
        epoch = self.state.epoch
        if self._ordered is None or self._ordered[0] != epoch:
            order = self._orders.order(epoch, self.block.rows)
            self._ordered = epoch, self.block.ordered(order)
        return self._ordered[1]

    def _why(self) -> str:
        batch = self.engine.recipe.batch_size
        rows = self.ordered.visited(self.state.position, self.state.position + batch)
        with np.errstate(all="ignore"):
            return verdict(self.engine.trace(self.state, self.ordered, rows))

    # changes by hand

    def set_parameter(self, entry: int, value: float) -> None:
        """Put a number into the parameter vector.

        Raises
        ------
        SettingError
            It is not finite, or there is no such entry.
        """
        if not math.isfinite(value):
            raise SettingError(f"A weight must be a finite number, but {value} came.")
        if not 0 <= entry < self.network.size:
            raise SettingError(f"The network has {self.network.size} parameters, no {entry}.")
        self._forget_future()
        self.state.vector[entry] = value
        self.failure = ""
        self.changes += 1
        self.timeline.changed(self.state, self.engine.recipe)
        self._drop_points(self.state.step - 1)
        if not self.points:
            self.measure()

    def change(self, setup: Setup) -> None:
        """Go on with another learning rate, batch size, penalty or carrier."""
        self.setup = setup
        self._forget_future()
        self.failure = ""
        self._change(setup.recipe())

    def _change(self, recipe: object) -> None:
        self.engine.recipe = recipe  # type: ignore[assignment]
        self.timeline.changed(self.state, self.engine.recipe)

    # backwards

    def go_to(self, step: int) -> None:
        """Take the run to a step that it has been at; later ones stay until something changes."""
        step = min(max(0, step), self.end)
        if step == self.state.step:
            return
        kept, step = self.timeline.before(step)
        self.state = kept.state.copy()
        self.engine.recipe = kept.recipe
        self.setup = self.setup.with_recipe(kept.recipe)
        self.failure = ""
        while self.state.step < step:
            record = self._take(step - self.state.step)
            if record.failed:
                break
        self.measure(keep=False)

    def _forget_future(self) -> None:
        if self.state.step < self.end:
            self.timeline.cut(self.state.step)
            self.end = self.state.step
            self._drop_points(self.state.step)

    def _drop_points(self, step: int) -> None:
        self.points = [point for point in self.points if point.step <= step]
        for forget in self.forgetting:
            forget(step)

    # looking

    def trace(self, row: int) -> Trace:
        """Return every number of the step on one row of the training data, without dropout."""
        return self.trace_of(self.state, self.engine.recipe, row)

    def trace_of(self, state: TrainState, recipe: Recipe, row: int, carrier: str = "") -> Trace:
        """Return the same of any state and recipe; errors are carried back as asked for."""
        whole = self.engine.recipe
        self.engine.recipe = replace(recipe, carrier=carrier or recipe.carrier)
        try:
            return self.engine.trace(state, self.block, np.array([row]), dropout=False)
        finally:
            self.engine.recipe = whole

    def may_measure(self) -> bool:
        """Whether measuring now keeps within its share of the time."""
        return time.perf_counter() >= self._next_measure

    def measure(self, *, keep: bool = True) -> Point:
        """Return how good the network is now; a point of the curves, unless it is not kept."""
        if self.points and self.points[-1].step == self.state.step:
            return self.points[-1]
        began = time.perf_counter()
        with np.errstate(all="ignore"):
            loss, score = self._quality(self.block)
            held_loss, held_score = self._quality(self._held)
        point = Point(self.state.step, self.epoch, loss, held_loss, score, held_score)
        now = time.perf_counter()
        self._next_measure = now + (now - began) * (1 / MEASURING - 1)
        if keep:
            self.points.append(point)
            if len(self.points) > MOST_POINTS:
                self.points = self.points[:1] + self.points[1:-1:2] + self.points[-1:]
        return point

    def _quality(self, block: Block) -> tuple[float, float]:
        """Return the mean loss and the score on rows."""
        loss = self.engine.evaluate(self.state.vector, block)
        outputs = self.engine.predict(self.state.vector, block.x)
        return loss, score_of(self.samples.kind, outputs, block.y)


def score_of(kind: str, outputs: np.ndarray, y: np.ndarray) -> float:
    """Return the share of right classes, or R² = 1 - Σ(y - a)² / Σ(y - ȳ)² for numbers."""
    if kind == "binary":
        return float(np.mean((outputs > 0.5) == (y > 0.5)))
    if kind == "classes":
        return float(np.mean(outputs.argmax(axis=1) == y.argmax(axis=1)))
    spread = float(np.sum((y - y.mean(axis=0)) ** 2))
    return 1 - float(np.sum((y - outputs) ** 2)) / spread if spread else math.nan
