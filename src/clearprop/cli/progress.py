"""The progress bar of a run: a listener that draws with Rich on standard error."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from clearprop.cli.output import console
from clearprop.explanation.numbers import figure
from clearprop.training import Batches, Epoch, Event, Stop


class ProgressBar:
    """Draws a bar over the epochs, with the last losses beside it; use it as a context manager.

    Of several runs each begins where the one before it ended.
    """

    def __init__(self, epochs: int, runs: int = 1) -> None:
        self._epochs, self._runs, self._ended = epochs, runs, 0
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.total:.0f}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeRemainingColumn(compact=True),
            console=console(error=True),
        )
        self._task = self._progress.add_task("", total=epochs * runs, epoch=0, losses="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Batches():
                done = event.epoch - 1 + event.rows_done / max(1, event.rows)
                self._progress.update(self._task, completed=self._before + done)
            case Epoch():
                losses = f"loss {figure(event.loss)}"
                if event.validation_loss is not None:
                    losses += f"  validation {figure(event.validation_loss)}"
                done = self._before + event.epoch
                self._progress.update(self._task, completed=done, epoch=done, losses=losses)
            case Stop():
                self._ended += 1
                last = self._ended == self._runs or event.reason in ("interrupted", "listener")
                # a run that ended early has nothing left to do
                done = self._before if not last else max(1, self._before_last + event.epoch)
                total = done if last else self._epochs * self._runs
                self._progress.update(self._task, completed=done, total=total)

    @property
    def _before(self) -> int:
        """Epochs of the runs that have ended, as they were planned."""
        return self._epochs * self._ended

    @property
    def _before_last(self) -> int:
        return self._epochs * (self._ended - 1)
