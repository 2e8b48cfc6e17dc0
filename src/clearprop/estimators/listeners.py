"""What is shown while a run goes on: scikit-learn's lines, and a progress bar.

Both are listeners of the run's events and are made only where asked for.

Public names: `listening`.
May import: `clearprop.training`, `clearprop.errors`; Rich when a bar is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearprop.errors import SettingError
from clearprop.training import Epoch, Event, Listener, Stop


@contextmanager
def listening(estimator: Any) -> Iterator[list[Listener]]:
    """Give the listeners that an estimator's verbose, progress and callbacks ask for."""
    listeners: list[Listener] = []
    if estimator.verbose:
        listeners.append(_Lines(estimator))
    for callback in estimator.callbacks or ():
        if not callable(callback):
            raise SettingError(
                f"callbacks must be functions that take one event, but {callback!r} came."
            )
        listeners.append(callback)
    if not estimator.progress:
        yield listeners
        return
    with _bar() as bar:
        yield [*listeners, _Bar(bar)]


class _Lines:
    """Prints the lines that scikit-learn prints with `verbose=True`."""

    def __init__(self, estimator: Any) -> None:
        self._stochastic = estimator.solver != "lbfgs"
        self._early = estimator.early_stopping and self._stochastic
        self._adaptive = estimator.learning_rate == "adaptive" and estimator.solver != "adam"
        what = "Validation score" if self._early else "Training loss"
        if self._early and estimator.monitor == "loss":
            what = "Validation loss"
        self._stale = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        self._rate: float | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Epoch):
            if self._adaptive and self._rate is not None and event.learning_rate < self._rate:
                print(f"{self._stale} Setting learning rate to {event.learning_rate:f}")
            self._rate = event.learning_rate
            print(f"Iteration {event.epoch}, loss = {event.objective:.8f}")
            if self._early and event.validation_score is not None:
                print(f"Validation score: {event.validation_score:f}")
        elif isinstance(event, Stop) and event.reason == "converged" and self._stochastic:
            why = " Learning rate too small." if self._adaptive else ""
            print(f"{self._stale}{why} Stopping.")


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    # beside the results of a script, which go to standard output
    return Progress(*columns, console=Console(stderr=True))


class _Bar:
    """Moves a Rich progress bar, one step an epoch."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task: Any = None

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Epoch):
            return
        if self._task is None:
            self._task = self._bar.add_task("", total=event.epochs)
        text = f"loss {event.objective:.4g}"
        if event.validation_loss is not None:
            text += f"  validation {event.validation_loss:.4g}"
        self._bar.update(self._task, completed=event.epoch, description=text)
