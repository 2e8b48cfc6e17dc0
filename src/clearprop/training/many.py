"""Several runs of one network at once: one for each seed, or for each of other settings.

Every run goes through the same loop as alone (`Run`), in a thread of its own. What is shared is how
their engines work:

    xla       the runs meet at a table: whoever needs the engine waits until all do, and one call
              takes the steps of all networks
    others    as many runs as there are cores go on side by side, each on one thread, where an epoch
              is long enough; else one after another, since short calls wait for each other's Python

So each run ends with what it would have ended with alone, but for rounding.

Public names: `seeded`, `train_many`.
May import: the other modules of this room, `clearprop.engines`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from clearprop.engines import Block, Engine, Sequences, build
from clearprop.errors import SettingError
from clearprop.network import Network, Parameters
from clearprop.training.events import Event, Listener
from clearprop.training.interrupts import interruptible
from clearprop.training.loop import Run
from clearprop.training.outcomes import Outcome, Validation
from clearprop.training.settings import Settings

# operations of an epoch, some milliseconds, from which on runs go side by side
WORTH = 1e8


def seeded(settings: Settings, seeds: Sequence[int]) -> list[Settings]:
    """Return the settings with each of these seeds; where orders are shuffled, they have it too."""

    def own(seed: int) -> Settings:
        orders = settings.orders
        if hasattr(orders, "seed"):
            orders = replace(orders, seed=seed)  # type: ignore[type-var]
        return replace(settings, seed=seed, orders=orders)

    return [own(seed) for seed in seeds]


def train_many(
    network: Network,
    block: Block,
    settings: Sequence[Settings],
    *,
    validation: Validation | None = None,
    starts: Sequence[Parameters] | None = None,
    listeners: Iterable[Listener] = (),
) -> list[Outcome]:
    """Train a network once for each of several settings, at the same time.

    Parameters
    ----------
    network : Network
    block : Block
    settings : sequence of Settings
        They share engine and hardware; on the xla engine they may differ in seeds, orders, rates,
        schedules, stopping and numbers of rule and penalty.
    validation : Validation, optional
        Rows that all of them are measured on.
    starts : sequence of Parameters, optional
        Where each begins; drawn from its seed where absent.
    listeners : iterable of callables
        Are told the events of the first run alone; one that returns True stops all of them.

    Returns
    -------
    list of Outcome
        In the order of the settings.
    """
    if not settings:
        raise SettingError("There is nothing to train: no settings were given.")
    first = settings[0]
    name = first.engine
    if name == "auto":
        rows, hardware = block.visits, first.hardware
        engine = build(name, network, first.recipe, first.threads, None, rows, hardware)
        name = engine.name
    runs = _Runs(network, block, settings, validation, starts)
    return (_at_once if name == "xla" else _side_by_side)(runs, list(listeners))


@dataclass(frozen=True)
class _Runs:
    """The runs to make, by number."""

    network: Network
    block: Block
    settings: Sequence[Settings]
    validation: Validation | None
    starts: Sequence[Parameters] | None

    def run(self, number: int, engine: Engine | None = None) -> Run:
        """Return one of them, not yet begun."""
        return Run(
            self.network,
            self.block,
            self.settings[number],
            validation=self.validation,
            parameters=self.starts[number] if self.starts else None,
            engine=engine,
        )


def _at_once(runs: _Runs, listeners: list[Listener]) -> list[Outcome]:
    from clearprop.engines.xla.seats import seats

    count = len(runs.settings)
    recipes, hardware = [each.recipe for each in runs.settings], runs.settings[0].hardware
    engines, leave = seats(runs.network, recipes, hardware)

    def work(number: int, listening: list[Listener]) -> Outcome:
        try:
            return runs.run(number, engines[number]).finish(listening)
        finally:
            leave(number)

    return _in_threads(work, count, count, listeners)


def _side_by_side(runs: _Runs, listeners: list[Listener]) -> list[Outcome]:
    count = len(runs.settings)
    workers = min(count, os.cpu_count() or 1) if _worth(runs.network, runs.block) else 1
    if workers > 1:
        runs = replace(runs, settings=[replace(each, threads=1) for each in runs.settings])

    def work(number: int, listening: list[Listener]) -> Outcome:
        return runs.run(number).finish(listening)

    return _in_threads(work, count, workers, listeners)


def _worth(network: Network, block: Block) -> bool:
    """Return whether an epoch is so long that runs side by side do not wait for each other."""
    rows = len(block.x.values) if isinstance(block.x, Sequences) else block.visits
    return 6.0 * network.size * rows >= WORTH


def _in_threads(
    work: Callable[[int, list[Listener]], Outcome],
    count: int,
    workers: int,
    listeners: list[Listener],
) -> list[Outcome]:
    """Run every number in a thread; Ctrl-C and a listener's wish reach all of them."""
    stopped = threading.Event()
    with interruptible() as wish, ThreadPoolExecutor(workers, "clearprop-run") as pool:

        def ends(event: Event) -> bool:
            return wish.asked or stopped.is_set()

        def told(event: Event) -> bool:
            wishes = [listener(event) for listener in listeners]
            if any(wishes):
                stopped.set()
            return any(wishes)

        tasks = [pool.submit(work, k, [ends] if k else [told, ends]) for k in range(count)]
        outcomes = [_patiently(task) for task in tasks]
    if not wish.asked:
        return outcomes
    return [_interrupted(outcome) for outcome in outcomes]


def _patiently(task: Any) -> Outcome:
    """Wait for a run in short turns, between which Ctrl-C is heard."""
    while True:
        try:
            found: Outcome = task.result(timeout=0.2)
        except TimeoutError:
            if task.done():
                raise
            continue
        return found


def _interrupted(outcome: Outcome) -> Outcome:
    """Say that a run which a wish has ended was interrupted."""
    if outcome.stop.reason != "listener":
        return outcome
    stop = replace(outcome.stop, reason="interrupted", message="Training was interrupted.")
    return replace(outcome, stop=stop)
