"""Many networks of one description at once, on the same rows: seeds, or settings that are numbers.

One call takes steps of all of them: `programs.advance` with a first axis of networks (`jax.vmap`).
Each has its own state, order of rows, learning rate, numbers of the rule, schedule and penalty;
what a program is compiled for they share. A network that has nothing to do takes no step.

Public names: `ManyNetworks`, `Step`.
May import: the other modules of this package; JAX, NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from clearprop.engines.contracts import (
    Block,
    Recipe,
    Record,
    TrainState,
    Watching,
    goes_by_pieces,
)
from clearprop.engines.xla import programs
from clearprop.engines.xla.device import precision
from clearprop.engines.xla.engine import XlaEngine
from clearprop.engines.xla.feed import Whole
from clearprop.engines.xla.passes import Drops, Kind
from clearprop.engines.xla.programs import STEPS, Run
from clearprop.engines.xla.steps import (
    drops_of,
    filled_up,
    read,
    record_of,
    run_of,
    table_of,
    take_over,
)
from clearprop.errors import EngineError, SettingError


class Step(NamedTuple):
    """What one network is to do: the arguments of `Engine.advance`."""

    state: TrainState
    block: Block
    steps: int
    watch: Watching | None


class ManyNetworks:
    """Lets the engines of many networks take their steps together.

    Parameters
    ----------
    engines : sequence of XlaEngine
        One a network, each bound to its own recipe.

    Raises
    ------
    SettingError
        If they differ in more than numbers.
    """

    def __init__(self, engines: Sequence[XlaEngine]) -> None:
        self.engines = engines
        self._first = engines[0]
        self._orders: tuple[tuple[Any, ...], Any] = ((), None)
        if self._first.site.mesh.size > 1:
            raise SettingError(
                "Networks are trained at once on one device. Leave devices and processes out, or "
                "train one network."
            )
        if len({_compiled_for(engine.recipe) for engine in engines}) > 1:
            raise SettingError(
                "Networks that are trained at once may differ in seeds, start, rates, schedules "
                "and the numbers of rule and penalty; all else of their recipes must be alike. "
                "Train them one after another."
            )
        if self._first.recipe.carrier == "random":
            raise SettingError(
                "Random feedback is part of what is compiled, so networks with another seed each "
                "cannot be trained at once. Train them one after another."
            )

    def advance(self, asked: Mapping[int, Step]) -> dict[int, tuple[TrainState, Record]]:
        """Take steps of the networks of these numbers; as many as the one that asks for fewest."""
        network, one = self._first.network, next(iter(asked.values()))
        block, size = one.block, min(self._first.recipe.batch_size, one.block.visits)
        left = [self.engines[k].steps_left(step.state, step.block) for k, step in asked.items()]
        counts = [min(step.steps, n) for step, n in zip(asked.values(), left, strict=True)]
        count = min(*counts, STEPS)
        kind = self._kind(block, size)
        rows = self._first.site.share.padded(size)
        runs, tables, drops, steps = [], [], [], []
        for number, engine in enumerate(self.engines):
            step = asked.get(number, one)
            constants = engine.step_constants(step.state, step.block, count)
            runs.append(run_of(network, step.state, rows))
            tables.append(table_of(network, engine.recipe.penalty, constants))
            own = drops_of(network, step.state.seed, step.state.step, constants[:, 5])
            drops.append(Drops(*map(filled_up, own)))
            steps.append(count if number in asked else 0)
        entries = np.array(one.watch.entries if one.watch else (), dtype=np.int32)
        with precision(network.dtype):
            run = self._first.site.put(_stacked(runs))
            given = run, self._data(asked, one), np.stack(tables), _stacked(drops), entries
            program = programs.advance(kind, size, many=True)
            found, note = program(*given, np.array(steps, dtype=np.int32))
            numbers, told = jax.tree.map(np.asarray, found), jax.tree.map(np.asarray, note)
        return {k: self._taken(step, k, numbers, told) for k, step in asked.items()}

    def _taken(self, step: Step, number: int, run: Run, note: Any) -> tuple[TrainState, Record]:
        state, before, own = step.state, step.state.step, read(note, number)
        where = Run(*(array[number] for array in run))
        there = min(self._first.recipe.batch_size, step.block.visits - int(where.position))
        take_over(state, where, own.taken, there)
        return state, record_of([own], before, step.watch)

    def _kind(self, block: Block, size: int) -> Kind:
        """Return what the program is compiled for: a grid that holds the longest sequence."""
        steps, first = 0, self._first
        if first.network.recurrent:
            steps = int(block.x.lengths.max())
            if goes_by_pieces(first.network, first.recipe):
                steps = min(steps, int(first.recipe.truncate or 1))
        penalties = [engine.recipe.penalty for engine in self.engines]
        l1, l2 = (float(any(getattr(p, name) for p in penalties)) for name in ("l1", "l2"))
        kind = first.kind(None, steps, size)
        penalty = replace(kind.recipe.penalty, l1=l1, l2=l2)
        return replace(kind, recipe=replace(kind.recipe, penalty=penalty))

    def _data(self, asked: Mapping[int, Step], one: Step) -> Any:
        """Return the rows, which all share, with an order for each network."""
        size = min(self._first.recipe.batch_size, one.block.visits)
        source = self._first.feed.of(one.block, size)
        if not isinstance(source, Whole):
            raise EngineError(
                "Networks are trained at once on rows that fit into the device's memory, and these "
                "do not. Train them one after another, or allow more memory."
            )
        blocks = [asked.get(k, one).block for k in range(len(self.engines))]
        known, order = self._orders
        key = tuple(block.order for block in blocks)
        if order is None or any(a is not b for a, b in zip(known, key, strict=True)):
            orders = np.stack([block.visited(0, block.visits) for block in blocks])
            order = self._first.site.put(orders.astype(np.int32))
            self._orders = key, order
        return source.data._replace(order=order)


def _compiled_for(recipe: Recipe) -> tuple[Any, ...]:
    """Return what a recipe brings into a program, apart from numbers."""
    rule, clips = recipe.rule, (recipe.clip_norm, recipe.clip_value)
    kind = type(rule), getattr(rule, "epsilon_hat", None), recipe.batch_size, *clips
    return (*kind, recipe.carrier, recipe.truncate, recipe.penalty.per_sample)


def _stacked(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *arrays: np.stack(arrays), *trees)
