"""How good a network is, measured on another thread where that takes long.

Over many rows a measure takes as long as many steps. So it is made of a copy of the parameters, by
an engine of its own with one thread, and the run goes on meanwhile. One thread measures for all
sessions, so that runs and pages keep the rest of the machine.

Public names: `Measure`, `Measurer`, `measured`, `score_of`.
May import: `clearprop.engines`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop.engines import Block, Engine, build
from clearprop.network import Network

# multiplications of a measure that the run's own thread takes on, some milliseconds
AT_ONCE = 20_000_000
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="studio-measuring")


@dataclass(frozen=True, eq=False)
class Measure:
    """How good some parameters are.

    Attributes
    ----------
    loss, held_loss, score, held_score : float
    held : (n, outputs) array
        What the network gives on the rows held out.
    seconds : float
        How long it took.
    """

    loss: float
    held_loss: float
    score: float
    held_score: float
    held: np.ndarray
    seconds: float


def measured(engine: Engine, vector: np.ndarray, blocks: tuple[Block, Block], kind: str) -> Measure:
    """Measure parameters on the rows to learn from and on those held out."""
    began = time.perf_counter()
    with np.errstate(all="ignore"):
        outputs = [engine.predict(vector, block.x) for block in blocks]
        losses = [engine.evaluate(vector, block) for block in blocks]
        scores = [score_of(kind, a, block.y) for a, block in zip(outputs, blocks, strict=True)]
    seconds = time.perf_counter() - began
    return Measure(losses[0], losses[1], scores[0], scores[1], outputs[1], seconds)


class Measurer:
    """Measures one run, one measure at a time.

    Attributes
    ----------
    when_done : callable, optional
        Is called on the measuring thread.
    """

    def __init__(self, engine: Engine, blocks: tuple[Block, Block], kind: str) -> None:
        self._engine, self._blocks, self._kind = engine, blocks, kind
        self._own: Engine | None = None
        self._running: tuple[Any, Future[Measure]] | None = None
        self.when_done: Callable[[], None] | None = None

    def ask(self, about: Any, vector: np.ndarray) -> None:
        """Have parameters measured, where nothing is being measured."""
        if self._running is None:
            future = _THREAD.submit(self._measure, vector.copy())
            self._running = about, future
            # the run takes the measure over on its own thread, a moment later
            future.add_done_callback(lambda _: self.when_done and self.when_done())

    @staticmethod
    def takes_long(network: Network, rows: int) -> bool:
        """Whether measuring takes longer than a run should wait."""
        return 2 * rows * network.size > AT_ONCE

    def answer(self) -> tuple[Any, Measure] | None:
        """Return what a finished measure was about, and the measure; None where there is none."""
        if self._running is None or not self._running[1].done():
            return None
        about, future = self._running
        self._running = None
        return about, future.result()

    def _measure(self, vector: np.ndarray) -> Measure:
        if self._own is None:
            plan = replace(self._engine.plan, threads=1, split="none")
            self._own = build(plan.engine, self._engine.network, self._engine.recipe, plan=plan)
        return measured(self._own, vector, self._blocks, self._kind)


def score_of(kind: str, outputs: np.ndarray, y: np.ndarray) -> float:
    """Return the share of right classes, or R² = 1 - Σ(y - a)² / Σ(y - ȳ)² for numbers."""
    if kind == "binary":
        return float(np.mean((outputs > 0.5) == (y > 0.5)))
    if kind == "classes":
        return float(np.mean(outputs.argmax(axis=1) == y.argmax(axis=1)))
    spread = float(np.sum((y - y.mean(axis=0)) ** 2))
    return 1 - float(np.sum((y - outputs) ** 2)) / spread if spread else math.nan
