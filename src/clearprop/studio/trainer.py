"""One run that can be advanced, edited and taken back: the engine, its state, the curves.

Nothing here knows time or threads. `advance` takes steps of the package's engine; an edit or
another learning rate changes the state or the recipe between two steps; `go_to` takes the run back
to any step to the bit (`timeline`). What came after is forgotten as soon as training goes on or
something is changed.

Public names: `Point`, `Trainer`.
May import: `measuring`, `samples`, `setups`, `timeline`, `told`, `clearprop.engines`,
`clearprop.training`, `clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from clearprop.engines import Block, Plan, Recipe, Record, Trace, TrainState, build
from clearprop.engines.contracts import check_recipe
from clearprop.errors import SettingError
from clearprop.network import Network, Parameters
from clearprop.studio.measuring import Measure, Measurer, measured
from clearprop.studio.samples import Samples
from clearprop.studio.setups import Setup
from clearprop.studio.timeline import Timeline
from clearprop.studio.told import ToldError
from clearprop.training import Shuffled
from clearprop.training.blame import verdict

# measuring the whole data takes at most this share of the time; less at the ends of epochs where it
# takes long, since nobody may be looking
MEASURING, MEASURING_UNSEEN = 0.1, 0.03
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


UNKNOWN = Point(0, 0.0, math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class _About:
    """What a measure is of: step, epoch, how often the run was changed or cut, a point or not."""

    step: int
    epoch: float
    version: int
    keep: bool


class Trainer:
    """A run.

    It begins with the setup's network and fresh weights, or with a network and weights that are
    given; a plan says how its engine runs, as another state has recorded it.

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
    held : (n, outputs) array, optional
        What the network gave on the rows held out when it was measured last.
    changes : int
        How often something was changed by hand.
    forgetting : list of callables
        Each is called with a step where what came after it is forgotten.
    """

    held: np.ndarray | None

    def __init__(
        self,
        setup: Setup,
        samples: Samples,
        engine: str = "auto",
        start: Parameters | None = None,
        plan: Plan | None = None,
    ) -> None:
        self.setup, self.samples = setup, samples
        self.network: Network = setup.network(samples) if start is None else start.network
        recipe = setup.recipe()
        self.block = Block.of(self.network, samples.x, samples.y)
        self._held = Block.of(self.network, samples.held_x, samples.held_y)
        self.engine = build(engine, self.network, recipe, plan=plan, rows=self.block.rows)
        parameters = start or Parameters.initial(self.network, setup.seed)
        self.state: TrainState = self.engine.initial_state(parameters, setup.seed)
        self._orders = Shuffled(setup.seed)
        self._ordered: tuple[int, Block] | None = None
        self.timeline = Timeline(self.state, recipe)
        self.points: list[Point] = []
        self.end, self.failure = 0, ""
        self._measured_at, self._seconds, self._version = 0.0, 0.0, 0
        blocks = self.block, self._held
        self._slow = Measurer.takes_long(self.network, self.block.rows + self._held.rows)
        self._measurer = Measurer(self.engine, blocks, samples.kind)
        self._last, self.held = UNKNOWN, None
        self._known = (-1, 0)
        self.changes = 0
        self.forgetting: list[Callable[[int], None]] = []
        self.measure()

    @property
    def when_measured(self) -> Callable[[], None] | None:
        """What is called, on another thread, when there is something to `collect`."""
        return self._measurer.when_done

    @when_measured.setter
    def when_measured(self, act: Callable[[], None]) -> None:
        self._measurer.when_done = act

    @property
    def held_outputs(self) -> np.ndarray | None:
        """What the network gave on the rows held out, where finding it out anew takes long."""
        return self.held if self._slow else None

    @property
    def last(self) -> Point:
        """The last measure; not of this step where measuring takes long."""
        return self._last

    @property
    def epoch(self) -> float:
        """Epochs so far, with the share of the running one."""
        return self.state.epoch + self.state.position / self.block.rows

    @property
    def steps_of_epoch(self) -> int:
        """Steps that are left of the running epoch."""
        return self.engine.steps_left(self.state, self.block)

    def take_over(self, state: TrainState, points: Iterable[Point], *, whole: bool) -> None:
        """Stand where a run of the same setup stood, and go on from there.

        `whole` says that training alone leads there from the first weights, so that one can go back
        all the way.
        """
        self.state = state.copy()
        self.points = [point for point in points if point.step <= state.step]
        self.end = state.step
        self._version += 1
        if whole:
            self.timeline.passed(self.state, self.engine.recipe)
        else:
            self.timeline = Timeline(self.state, self.engine.recipe)
        if not self.points:
            self.measure()

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
        share = MEASURING_UNSEEN if self._slow else MEASURING
        if record.failed or (self.state.position == 0 and self.may_measure(share)):
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
            raise ToldError("studio_problems.not_finite", came=str(value))
        if not 0 <= entry < self.network.size:
            raise SettingError(f"The network has {self.network.size} parameters, no {entry}.")
        self._forget_future()
        self._version += 1
        self.state.vector[entry] = value
        self.failure = ""
        self.changes += 1
        self.timeline.changed(self.state, self.engine.recipe)
        self._drop_points(self.state.step - 1)
        if not self.points:
            self.measure()

    def change(self, setup: Setup) -> None:
        """Go on with another learning rate, batch size, penalty or carrier."""
        check_recipe(self.network, setup.recipe())
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
        self._version += 1
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

    def may_measure(self, share: float = MEASURING) -> bool:
        """Whether measuring now keeps within its share of the time."""
        return time.perf_counter() >= self._measured_at + self._seconds * (1 / share - 1)

    def measure(self, *, keep: bool = True) -> Point:
        """Return how good the network is now; a point of the curves, unless it is not kept.

        Where that takes long, it is found out on another thread (`collect`), and the last known
        answer is returned meanwhile.
        """
        if self.points and self.points[-1].step == self.state.step:
            return self.points[-1]
        about = _About(self.state.step, self.epoch, self._version, keep=keep)
        if self._slow:
            self.collect()
            if self._known != (about.step, about.version):
                self._measurer.ask(about, self.state.vector)
            return self._last
        blocks = self.block, self._held
        found = measured(self.engine, self.state.vector, blocks, self.samples.kind)
        return self._taken_over(about, found)

    def collect(self) -> None:
        """Take over what has been measured on another thread."""
        answer = self._measurer.answer()
        if answer is not None and answer[0].version == self._version:
            self._taken_over(*answer)

    def _taken_over(self, about: _About, found: Measure) -> Point:
        """Keep a measure as the last one, and as a point of the curves."""
        self._last = point = Point(
            about.step, about.epoch, found.loss, found.held_loss, found.score, found.held_score
        )
        self.held = found.held
        self._known = about.step, about.version
        self._measured_at, self._seconds = time.perf_counter(), found.seconds
        if about.keep and not (self.points and self.points[-1].step >= about.step):
            self.points.append(point)
            if len(self.points) > MOST_POINTS:
                self.points = self.points[:1] + self.points[1:-1:2] + self.points[-1:]
        return point
