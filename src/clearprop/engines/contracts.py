"""The contracts that all engines share: what goes in, what comes out, and the verbs.

A `Recipe` says how to train (its module's names are here as well); a `Block` is the data at hand; a
`TrainState` is everything that training changes. They are plain data. An `Engine` is bound to one
network and one recipe, owns its buffers, and its verb is

    state, record = engine.advance(state, block, steps)

which takes up to `steps` batches from where the state stands in the block. The state that went in
is used up (its arrays become the new state's); `state.copy()` keeps one. The same state, plan and
block give the same bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import numpy as np

from clearprop.engines.checks import (
    check_inputs,
    check_step_targets,
    check_targets,
    check_weights,
)
from clearprop.engines.recipes import Constant, Hardware, Horizon, Plan, Recipe, Schedule
from clearprop.engines.timing import PartTime
from clearprop.engines.trace import Trace
from clearprop.equations import Carrier, carrier_for
from clearprop.errors import SettingError
from clearprop.network import Network, Parameters

__all__ = [
    "Block",
    "Constant",
    "Engine",
    "Hardware",
    "Horizon",
    "Plan",
    "Recipe",
    "Record",
    "Schedule",
    "TrainState",
    "Watching",
    "check_recipe",
    "goes_by_pieces",
    "watched_steps",
]


@dataclass(frozen=True)
class Block:
    """The data that an engine trains on: whole, or a part of a stream.

    Attributes
    ----------
    x : (rows, inputs) array, SciPy CSR matrix, or Sequences
        In the network's dtype. A row is a whole sequence in the last case.
    y : (rows, outputs) float array, or (rows,) int array of class codes
        Targets, before label smoothing. Where every step is read out, a row a step, in the order of
        `x.values`.
    weights : (rows,) array, optional
        Sample weights; 1 where absent.
    order : (m,) int array, optional
        The rows to visit, in this order; all of them in their own order where absent.
    first_row : int
        The number of row 0 in the whole data; dropout is a function of it.
    epoch_rows : int, optional
        Rows that an epoch visits, where the block is one of several that make it up: what schedules
        go by.
    """

    x: Any
    y: np.ndarray
    weights: np.ndarray | None = None
    order: np.ndarray | None = None
    first_row: int = 0
    epoch_rows: int | None = None

    @property
    def rows(self) -> int:
        """Rows of x."""
        return self.x.shape[0]

    @property
    def visits(self) -> int:
        """Rows that one pass visits."""
        return self.rows if self.order is None else len(self.order)

    def visited(self, start: int, stop: int) -> np.ndarray:
        """Return the rows at places start to stop of the order."""
        if self.order is None:
            return np.arange(start, min(stop, self.rows))
        return self.order[start:stop]

    def ordered(self, order: np.ndarray | None) -> Block:
        """Return this block with another order."""
        return replace(self, order=order)

    @classmethod
    def of(cls, network: Network, x: Any, y: Any, weights: Any = None) -> Block:
        """Check data against a network and bring it into the network's dtype.

        Nothing is copied where dtype and layout fit already. Sequences come as `Sequences.of`
        takes them; with `readout="every"` y is a list of one array a sequence, or has one row for
        each step of all.

        Raises
        ------
        ShapeError
            If shapes do not fit the network or each other.
        DataError
            If a value is not finite, or a target is outside what the loss is defined on.
        """
        x = check_inputs(network, x)
        if network.readout == "every":
            y = check_step_targets(network, y, x)
        else:
            y = check_targets(network, y, x.shape[0])
        if weights is not None:
            weights = check_weights(weights, x.shape[0], network.dtype)
        return cls(x, y, weights)


@dataclass
class TrainState:
    """Everything that training changes.

    Attributes
    ----------
    vector : (network.size,) array
        The parameters.
    slots : (slots of the rule, network.size) array
        What the update rule remembers.
    step : int
        Steps taken.
    epoch : int
        Epochs completed.
    position : int
        Rows of the current order that are used up.
    seed : int
        Of dropout, shuffles and random feedback.
    rate_factor : float
        What an adaptive schedule multiplied the learning rate by.
    plan : Plan
        How the engine runs.
    piece : int
        Pieces of the present batch's sequences that are used up; see `Recipe.truncate`.
    carried : (n, sizes of all states) array, optional
        Where the recurrent layers' states stand at the end of that piece, a row a sequence of the
        batch; None at the beginning of sequences.
    """

    vector: np.ndarray
    slots: np.ndarray
    plan: Plan
    seed: int = 0
    step: int = 0
    epoch: int = 0
    position: int = 0
    rate_factor: float = 1.0
    piece: int = 0
    carried: np.ndarray | None = None

    def copy(self) -> TrainState:
        """Return a state with arrays of its own."""
        carried = None if self.carried is None else self.carried.copy()
        return replace(self, vector=self.vector.copy(), slots=self.slots.copy(), carried=carried)


def goes_by_pieces(network: Network, recipe: Recipe) -> bool:
    """Return whether each piece of the batch's sequences is a step; see `Recipe.truncate`."""
    return (
        recipe.truncate is not None
        and network.readout == "every"
        and not any(way.reverse for operation in network.recurrences for way in operation.ways)
    )


def check_recipe(network: Network, recipe: Recipe) -> None:
    """Raise a SettingError where a recipe cannot be had with the network's kind."""
    if not network.plain and recipe.carrier != "exact":
        raise SettingError(
            f"carrier={recipe.carrier!r} is for networks of plain dense layers; through Scaling, "
            f"Periodic and parametric layers, and with members, errors are carried back exactly. "
            f"Use carrier='exact'."
        )
    if network.recurrent and recipe.carrier != "exact":
        raise SettingError(
            f"carrier={recipe.carrier!r} is for networks without recurrent layers; through time "
            f"errors are carried back exactly. Use carrier='exact'."
        )
    if recipe.truncate is not None and not network.recurrent:
        raise SettingError(
            "truncate is for networks with recurrent layers; this one has no time to go back "
            "through. Leave it out."
        )


def check_dropout(network: Network, factors: np.ndarray) -> None:
    """Raise a SettingError where a schedule's factors take a dropout rate out of [0, 1)."""
    highest = max(operation.dropout for operation in network.operations)
    if len(factors) and not (factors.min() >= 0 and highest * factors.max() < 1):
        raise SettingError(
            f"dropout_schedule has factors from {factors.min():g} to {factors.max():g}, which take "
            f"a dropout rate of {highest:g} out of [0, 1)."
        )


class Watching(Protocol):
    """Which parameters `advance` copies out, and how often."""

    @property
    def entries(self) -> tuple[int, ...]:
        """Places in the flat parameter vector."""

    @property
    def every(self) -> int:
        """Copy after each step whose number, counted from 1, this divides."""


def watched_steps(before: int, after: int, every: int) -> np.ndarray:
    """Return the multiples of `every` above `before` and up to `after`: steps that are copied."""
    return every * np.arange(before // every + 1, after // every + 1)


@dataclass(frozen=True)
class Record:
    """What happened in the steps of one `advance`, one entry a step.

    Attributes
    ----------
    losses : (steps,) float64 array
        E of each batch before its update: the weighted mean loss, without penalty.
    penalties : (steps,) float64 array
        The penalty at the same moment.
    rows : (steps,) int array
        Rows of each batch.
    failed : bool
        The last entry's loss or gradient is not finite; its update was not made.
    watched_steps : (k,) int array
        Steps taken when the watched parameters were copied.
    watched : (k, m) array
        Their values then, to the bit. Both are empty where nothing is watched.
    """

    losses: np.ndarray
    penalties: np.ndarray
    rows: np.ndarray
    failed: bool = False
    watched_steps: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    watched: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))


class Engine(ABC):
    """Where the equations run, bound to one network and one recipe.

    Attributes
    ----------
    network : Network
    recipe : Recipe
        May be replaced between two calls of `advance`.
    plan : Plan
    plain_only : bool
        It runs plain networks (see `Network.plain`) at fixed dropout rates, and no others.
    """

    name: str
    plain_only: ClassVar[bool] = True

    def __init__(self, network: Network, recipe: Recipe, plan: Plan) -> None:
        self.network = network
        self.recipe = recipe
        self.plan = plan
        self._carrier: tuple[str, int, Carrier] | None = None
        check_recipe(network, recipe)
        if self.plain_only and not network.plain:
            raise SettingError(
                f"The {self.name} engine does not run Scaling, Periodic or parametric layers, nor "
                f"networks with members. Use engine='reference'."
            )
        if self.plain_only and recipe.dropout_schedule is not None:
            raise SettingError(
                f"The {self.name} engine runs dropout at fixed rates. Leave dropout_schedule out, "
                f"or use engine='reference'."
            )

    def carrier(self, state: TrainState) -> Carrier:
        """Return how the recipe carries errors back; random feedback is drawn once a seed."""
        wanted = self.recipe.carrier, state.seed
        if self._carrier is None or self._carrier[:2] != wanted:
            self._carrier = (*wanted, carrier_for(wanted[0], self.network, wanted[1]))
        return self._carrier[2]

    def initial_state(self, parameters: Parameters, seed: int = 0) -> TrainState:
        """Return a state at step 0 with a copy of these parameters."""
        shape = (len(self.recipe.rule.slot_names), self.network.size)
        slots = np.zeros(shape, dtype=self.network.dtype)
        return TrainState(parameters.vector.copy(), slots, self.plan, seed)

    def step_rates(
        self, state: TrainState, block: Block, steps: int, horizon: Horizon | None = None
    ) -> np.ndarray:
        """Return η of the next steps, (steps,), with the schedule.

        `horizon` is the run's, which is that of the block where absent.
        """
        numbers = np.arange(state.step, state.step + steps)
        horizon = horizon or self.horizon(block)
        factors = self.recipe.schedule.factors(numbers, horizon)
        return self.recipe.rule.learning_rate * state.rate_factor * factors

    def step_constants(
        self, state: TrainState, block: Block, steps: int, horizon: Horizon | None = None
    ) -> np.ndarray:
        """Return what the next steps do not take from the data, (steps, 6).

        Columns 0 to 4 are the rule's constants, with the decay's schedule; column 5 is the factor
        on dropout rates.
        """
        numbers = np.arange(state.step, state.step + steps)
        rates = self.step_rates(state, block, steps, horizon)
        rule = self.recipe.rule.constants(numbers, rates)
        decay, dropout = self.recipe.decay_schedule, self.recipe.dropout_schedule
        horizon = horizon or self.horizon(block)
        if decay is not None:
            rule[:, 4] *= decay.factors(numbers, horizon)
        factors = np.ones(steps) if dropout is None else dropout.factors(numbers, horizon)
        check_dropout(self.network, factors)
        return np.column_stack([rule, factors])

    def agreed(self, wish: bool) -> bool:
        """Return whether to do what not all processes that train together need to wish."""
        return wish

    def by_itself(self) -> Engine:
        """Return an engine that computes the same in this process alone."""
        return self

    def horizon(self, block: Block) -> Horizon:
        """Return the horizon of a run over this block."""
        found = self.recipe.horizon(block.epoch_rows or block.visits)
        if not goes_by_pieces(self.network, self.recipe):
            return found
        pieces = -(-int(block.x.lengths.max()) // int(self.recipe.truncate or 1))
        return replace(found, steps=found.steps * pieces)

    def steps_left(self, state: TrainState, block: Block, stop: int | None = None) -> int:
        """Return how many steps are left of the block's order, or up to a place of it."""
        batch, stop = self.recipe.batch_size, block.visits if stop is None else stop
        if not goes_by_pieces(self.network, self.recipe):
            return -(-(stop - state.position) // batch)
        lengths = block.x.lengths[block.visited(state.position, stop)]
        longest = [lengths[i : i + batch].max() for i in range(0, len(lengths), batch)]
        return sum(-(-int(n) // int(self.recipe.truncate or 1)) for n in longest) - state.piece

    @abstractmethod
    def advance(
        self, state: TrainState, block: Block, steps: int, watch: Watching | None = None
    ) -> tuple[TrainState, Record]:
        """Take up to `steps` steps from where the state stands in the block's order.

        Stops early at the end of the order, or before the update of a batch whose loss or gradient
        is not finite. `watch` asks for parameters as they were on the way; how many steps a call
        takes makes no difference to what is copied.
        """

    @abstractmethod
    def gradient(self, vector: np.ndarray, block: Block) -> tuple[float, np.ndarray]:
        """Return the objective (loss and penalty) over the whole block and its gradient.

        No dropout and no clipping. Errors are carried back exactly, whatever the recipe's carrier.
        """

    @abstractmethod
    def evaluate(self, vector: np.ndarray, block: Block) -> float:
        """Return the weighted mean loss over the whole block, without penalty or dropout."""

    @abstractmethod
    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Return a^L for every row of x, (rows, outputs), computed in blocks of rows."""

    @abstractmethod
    def trace(
        self,
        state: TrainState,
        block: Block,
        rows: np.ndarray,
        *,
        dropout: bool = True,
        horizon: Horizon | None = None,
    ) -> Trace:
        """Return all arrays of the step that `advance` would take on these rows now.

        The state is left as it is. `horizon` is what the run's schedule goes by, where the block is
        not the one that the run goes over.
        """

    @abstractmethod
    def measure(
        self, state: TrainState, block: Block, rows: np.ndarray, repeats: int = 9
    ) -> tuple[PartTime, ...]:
        """Return how long each part of the step on these rows takes, in the order of the step.

        The step is taken `repeats` times on a copy of the state, after one time that does not
        count; each part's median is given. On several threads it is the first thread's time,
        waiting for the others included.
        """
