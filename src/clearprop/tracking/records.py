"""What there is to tell of a run, as plain data; and the base of what tells it.

Public names: `Tracker`, `described`, `measured`.
May import: `clearprop.training`, `clearprop.errors`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar

from clearprop.errors import SettingError
from clearprop.training import Epoch, Event, Running, Stop

# rows over which gradients are taken
ROWS = 1024


class Tracker(ABC):
    """A listener that keeps what it hears; see `clearprop.tracking`.

    Parameters
    ----------
    gradients : bool
        Keep the norm of each layer's gradient as well, which takes an epoch one more gradient.
    every : int
        Keep every so many epochs only.
    """

    # attributes that belong to one process, and are None in a copy
    _open: ClassVar[tuple[str, ...]] = ("_running",)

    def __init__(self, *, gradients: bool = True, every: int = 1) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise SettingError(f"every must be a whole number from 1 on, but {every!r} came.")
        self.gradients, self.every = bool(gradients), every
        self._running: Running | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy, and one for another process, holds: nothing that is open."""
        return {**self.__dict__, **dict.fromkeys(self._open)}

    def begin(self, running: Running) -> None:
        """Take in that a run begins."""
        self._running = running
        self._begun(described(running))

    def __call__(self, event: Event) -> None:
        """Take in an event."""
        if isinstance(event, Epoch):
            if event.epoch % self.every == 0:
                self._epoch(event.epoch, measured(event), self._norms())
        elif isinstance(event, Stop):
            self._running = None
            self._stopped(asdict(event))

    def _norms(self) -> dict[int, float]:
        if not self.gradients or self._running is None:
            return {}
        return self._running.gradient_norms(ROWS)

    @abstractmethod
    def _begun(self, run: dict[str, Any]) -> None: ...

    @abstractmethod
    def _epoch(self, epoch: int, values: dict[str, float], norms: dict[int, float]) -> None: ...

    @abstractmethod
    def _stopped(self, stop: dict[str, Any]) -> None: ...


def described(running: Running) -> dict[str, Any]:
    """Return what is settled before a run, as plain data."""
    network, recipe, plan = running.engine.network, running.engine.recipe, running.engine.plan
    return {
        "network": str(network),
        "parameters": network.size,
        "loss": str(network.objective),
        "dtype": network.dtype,
        "rows": running.block.epoch_rows or running.block.visits,
        "rule": recipe.rule.name,
        "learning_rate": recipe.rule.learning_rate,
        "batch_size": recipe.batch_size,
        "epochs": recipe.epochs,
        "seed": running.settings.seed,
        "engine": plan.engine,
        "threads": plan.threads,
    }


def measured(event: Epoch) -> dict[str, float]:
    """Return the numbers of an epoch, those that there are."""
    names = ("loss", "objective", "validation_loss", "validation_score", "learning_rate", "seconds")
    values = {name: getattr(event, name) for name in names}
    return {name: float(value) for name, value in values.items() if value is not None}
