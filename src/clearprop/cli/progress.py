"""The progress bar of a run: a listener that draws with Rich on standard error."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from clearprop.cli.output import console
from clearprop.explanation.numbers import figure
from clearprop.training import Batches, Epoch, Event, Stop


class ProgressBar:
    """Draws a bar over the epochs, with the last losses beside it; use it as a context manager."""

    def __init__(self, epochs: int) -> None:
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.total:.0f}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeRemainingColumn(compact=True),
            console=console(error=True),
        )
        self._task = self._progress.add_task("", total=epochs, epoch=0, losses="")

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
                self._progress.update(self._task, completed=done)
            case Epoch():
                losses = f"loss {figure(event.loss)}"
                if event.validation_loss is not None:
                    losses += f"  validation {figure(event.validation_loss)}"
                self._progress.update(
                    self._task, completed=event.epoch, epoch=event.epoch, losses=losses
                )
            case Stop():
                # a run that ended early has nothing left to do
                done = max(1, event.epoch)
                self._progress.update(self._task, completed=done, total=done)
