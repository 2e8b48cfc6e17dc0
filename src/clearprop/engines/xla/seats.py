"""Engines that answer together: each run has its seat, and one call serves the whole table.

A run that needs its engine waits at its seat until all others there do as well; the last one that
comes lets the networks take their steps, be evaluated or predict in one call. A run that is over
leaves its seat, so that nobody waits for it.

Public names: `seats`.
May import: the other modules of this package.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clearprop.engines.contracts import Block, Recipe, Record, TrainState, Watching
from clearprop.engines.recipes import Hardware
from clearprop.engines.xla.engine import XlaEngine
from clearprop.engines.xla.many import ManyNetworks, Step
from clearprop.network import Network


def seats(
    network: Network, recipes: Sequence[Recipe], hardware: Hardware
) -> tuple[list[Seat], Callable[[int], None]]:
    """Return an engine for each recipe, and what a run calls with its number when it is over."""
    table = _Table(len(recipes))
    found = [Seat(network, recipe, hardware, table, k) for k, recipe in enumerate(recipes)]
    for seat in found[1:]:
        seat.feed = found[0].feed
    table.networks = ManyNetworks(found)
    return found, table.leave


class Seat(XlaEngine):
    """One network's engine at the table; when its run is over, an engine like others."""

    def __init__(
        self, network: Network, recipe: Recipe, hardware: Hardware, table: _Table, number: int
    ) -> None:
        super().__init__(network, recipe, hardware=hardware)
        self._table, self._number = table, number

    def advance(
        self, state: TrainState, block: Block, steps: int, watch: Watching | None = None
    ) -> tuple[TrainState, Record]:
        """Take steps with the others; see `Engine.advance`."""
        if not self._table.sits(self._number):
            return super().advance(state, block, steps, watch)
        found: tuple[TrainState, Record] = self._table.ask(
            self._number, "advance", Step(state, block, steps, watch)
        )
        return found

    def evaluate(self, vector: np.ndarray, block: Block) -> float:
        """Evaluate with the others; see `Engine.evaluate`."""
        if not self._table.sits(self._number):
            return super().evaluate(vector, block)
        return float(self._table.ask(self._number, "evaluate", (vector, block)))

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Predict with the others; see `Engine.predict`."""
        if not self._table.sits(self._number):
            return super().predict(vector, x)
        found: np.ndarray = self._table.ask(self._number, "predict", (vector, x))
        return found


class _Table:
    """Collects what the seats ask for, and lets the last one answer for all."""

    networks: ManyNetworks

    def __init__(self, count: int) -> None:
        self._count, self._seated = count, set(range(count))
        self._condition = threading.Condition()
        self._asked: dict[int, tuple[str, Any]] = {}
        self._answers: dict[int, Any] = {}

    def sits(self, number: int) -> bool:
        """Whether a run still has its seat."""
        return number in self._seated

    def leave(self, number: int) -> None:
        """Give a seat up."""
        with self._condition:
            self._seated.discard(number)
            self._answer()

    def ask(self, number: int, verb: str, question: Any) -> Any:
        """Wait until all have asked; return this seat's answer, or raise what came instead."""
        with self._condition:
            self._asked[number] = verb, question
            self._answer()
            while number not in self._answers:
                self._condition.wait()
            found = self._answers.pop(number)
        if isinstance(found, BaseException):
            raise found
        return found

    def _answer(self) -> None:
        """Answer all where all have asked."""
        if not self._asked or set(self._asked) != self._seated:
            return
        asked, self._asked = self._asked, {}
        for verb in ("advance", "evaluate", "predict"):
            own = {k: question for k, (said, question) in asked.items() if said == verb}
            if own:
                self._answers.update(self._answered(verb, own))
        self._condition.notify_all()

    def _answered(self, verb: str, asked: dict[int, Any]) -> dict[int, Any]:
        try:
            if verb == "advance":
                return dict(self.networks.advance(asked))
            return self._of_vectors(verb, asked)
        except BaseException as error:  # each run raises it in its own thread
            return dict.fromkeys(asked, error)

    def _of_vectors(self, verb: str, asked: dict[int, Any]) -> dict[int, Any]:
        """Evaluate or predict on the rows that all share; a seat that is free stands in."""
        vector, rows = next(iter(asked.values()))
        vectors = np.stack([asked.get(k, (vector, rows))[0] for k in range(self._count)])
        engine = self.networks.engines[0]
        if verb == "evaluate":
            found: Any = engine.evaluate_many(vectors, rows)
        else:
            found = XlaEngine.predict(engine, vectors, rows)
        return {k: found[k] for k in asked}
