"""`Running`: what a listener may see of the run that it listens to, besides the events.

A listener is a function of an event. One that wants more is an object that may also have

    begin(running)    called before the first event, with a `Running`
    fitted(model)     called by an estimator when its `fit` is over, with the estimator

Public names: `Running`, `begin`, `fitted`.
May import: `clearprop.engines`, `clearprop.training.events`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.engines import Block, Engine, Trace, TrainState
from clearprop.training.events import Listener
from clearprop.training.settings import Settings


@dataclass(frozen=True)
class Running:
    """A run, to look at.

    Attributes
    ----------
    engine : Engine
        With its `network`, `recipe` and `plan`.
    block : Block
        The training rows.
    settings : Settings
    vector : callable
        Returns the parameters as they stand, (network.size,), to be read and not kept.
    state : callable
        Returns the state of training as it stands, likewise. That of L-BFGS, which takes no such
        steps, is one at which plain steps would begin.
    """

    engine: Engine
    block: Block
    settings: Settings
    vector: Callable[[], np.ndarray]
    state: Callable[[], TrainState]

    def trace(self, row: int) -> Trace:
        """Return every array of the step that training would take on one row next.

        Without dropout, so that it shows the network that predicts; the row counts from 0.
        """
        return self.engine.trace(self.state(), self.block, np.array([row]), dropout=False)

    def gradient_norms(self, rows: int = 1024) -> dict[int, float]:
        """Return ‖∂E/∂θ^l‖ of each layer l, over so many rows, the same each time.

        E is the objective, without dropout; the rows are spread evenly over all.
        """
        network = self.engine.network
        sample = self._sample(rows)
        _, gradient = self.engine.gradient(self.vector(), sample)
        squares: dict[int, float] = {}
        for segment in network.segments:
            part = gradient[segment.start : segment.stop].astype(np.float64)
            squares[segment.layer] = squares.get(segment.layer, 0.0) + float(part @ part)
        return {layer: square**0.5 for layer, square in squares.items()}

    def _sample(self, rows: int) -> Block:
        if self.block.rows <= rows:
            return self.block.ordered(None)
        return self.block.ordered(np.arange(rows) * self.block.rows // rows)


def begin(listeners: Iterable[Listener], running: Running) -> None:
    """Tell the listeners that want to know that a run begins."""
    _tell(listeners, "begin", running)


def fitted(listeners: Iterable[Listener] | None, model: Any) -> None:
    """Tell the listeners that want to know that an estimator is fitted."""
    _tell(listeners or (), "fitted", model)


def _tell(listeners: Iterable[Listener], method: str, what: Any) -> None:
    for listener in listeners:
        told = getattr(listener, method, None)
        if callable(told):
            told(what)
