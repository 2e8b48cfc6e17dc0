"""What a run is measured on, and what it leaves.

Public names: `Outcome`, `Validation`.
May import: the other modules of this room, `clearprop.engines`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.engines import Block, Engine, Trace, TrainState, build
from clearprop.network import Parameters
from clearprop.training.events import Stop
from clearprop.training.history import History
from clearprop.training.recording import Recording


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
