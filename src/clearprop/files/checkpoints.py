"""`Checkpoints`: where a run is kept while it goes, how often, and that it goes on from there.

What is promised, and how it is kept:

- *A run that goes on ends with the same bits as one that was never broken off*, on the same engine
  with the same threads: the plan is part of a checkpoint. Settings and data are held against those
  of the checkpoint, and a run with others is refused.
- *What was saved stays.* A checkpoint is a model file: written under another name, flushed to the
  disk, renamed, digested. Old ones go only after a new one is safely there. One that cannot be
  written is reported, and training goes on without.
- *One writer a folder*, by a lock that ends with its process.

Public names: `Checkpoints`.
May import: the other modules of this room, `clearprop.training`, `clearprop.errors`.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from clearprop import __version__
from clearprop.errors import FileError, SettingError
from clearprop.files.checkpoint_parts import Checkpoint
from clearprop.files.locks import locked
from clearprop.files.shelves import Shelf
from clearprop.training import Epoch, Event, Listener, Run, Stop
from clearprop.training.fingerprints import differences, fingerprint

_EVERY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(epochs?|steps?|seconds?|minutes?|hours?)?\s*")
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
# what the fingerprint calls the version of the package
_WRITER = "clearprop"


@dataclass(frozen=True)
class Checkpoints:
    """Keep a run on disk while it goes, and go on from there.

    Parameters
    ----------
    folder : str or path
        Made where it is missing. One run a folder.
    every : int or str
        Epochs between two checkpoints, or as text: `"2 epochs"`, `"500 steps"`, `"10 minutes"`.
        Steps and times are looked at between two calls of the engine, some ten times a second. One
        is written at the end in any case, also after Ctrl-C.
    keep : int
        How many of the newest are kept.
    resume : bool
        Go on from the newest checkpoint in the folder that is whole. Where there is none, begin
        anew, so that a job can always be started by the same command. Without `resume` a folder
        that has checkpoints is refused.
    follows : bool
        Another process that trains the same network keeps the run; this one goes on from there as
        well, and writes nothing.
    say : callable, optional
        `say(text)` is told what happens. Where absent, faults are warnings and all else is silent.

    Raises
    ------
    SettingError
        A parameter is out of its range.

    Examples
    --------
    >>> from clearprop import Checkpoints
    >>> Checkpoints("kept", every="500 steps").keep
    3
    """

    folder: str | os.PathLike[str]
    every: int | str = 1
    keep: int = 3
    resume: bool = False
    follows: bool = False
    say: Callable[[str], object] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _parse(self.every)
        if isinstance(self.keep, bool) or not isinstance(self.keep, int) or self.keep < 1:
            raise SettingError(f"keep must be a whole number from 1 on, but {self.keep!r} came.")

    def part(self, name: str) -> Checkpoints:
        """Return the same for a run of several: its folder is one of this name in `folder`."""
        return replace(self, folder=Path(self.folder) / name)

    @contextmanager
    def keeping(self, run: Run) -> Iterator[Listener]:
        """Let a run go on if asked to, and give the listener that keeps it.

        Raises
        ------
        SettingError
            The checkpoints are of other data or settings; the message says which.
        FileError
            The folder cannot be written to, is in use, has checkpoints where `resume` was not asked
            for, or none of them is whole.
        """
        shelf = Shelf(Path(self.folder), self.keep, self._complain)
        told = {_WRITER: __version__, **fingerprint(run)}
        run.snapshot()  # where something cannot be kept, it is said before any work is done
        with ExitStack() as stack:
            writable = not self.follows and self._enter(stack, shelf)
            self._go_on(run, shelf, told)
            yield _Keeping(self, run, shelf, told) if writable else _watch_only

    def _enter(self, stack: ExitStack, shelf: Shelf) -> bool:
        """Take the folder; return False where it can be read from and not written to."""
        try:
            shelf.folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(shelf.folder))
        except OSError as error:
            why = f"{str(shelf.folder)!r} cannot be written to ({error.strerror or error})"
            if not (self.resume and shelf.names()):
                raise FileError(f"{why}, so no checkpoints can be kept there.") from error
            self._complain(f"{why}: the run goes on from there, but keeps no new checkpoints.")
            return False
        shelf.sweep()
        return True

    def _go_on(self, run: Run, shelf: Shelf, told: dict[str, str]) -> None:
        if not self.resume:
            if shelf.names():
                raise FileError(
                    f"{str(shelf.folder)!r} holds checkpoints of an earlier run. Go on from them "
                    f"(resume=True, --resume), or name another folder."
                )
            return
        found = shelf.newest()
        if found is None:
            self._tell(f"There are no checkpoints in {str(shelf.folder)!r} yet.")
            return
        path, checkpoint = found
        self._check(path, dict(checkpoint.fingerprint), dict(told))
        try:
            run.restore(checkpoint.snapshot)
        except FileError as error:
            raise FileError(f"{str(path)!r} does not fit this run. {error}") from error
        self._tell(f"Going on from {str(path)!r}: {run.state.epoch} epochs are done.")

    def _check(self, path: Path, kept: dict[str, str], told: dict[str, str]) -> None:
        writer = kept.pop(_WRITER, "?")
        if writer != told.pop(_WRITER):
            self._complain(
                f"{str(path)!r} was written by clearprop {writer[:20]}, and this is {__version__}: "
                f"numbers may differ by rounding from those of a run that was not broken off."
            )
        apart = differences(kept, told)
        if apart:
            raise SettingError(
                f"{str(path)!r} is of a run with other data or settings, and going on from it "
                f"would be neither run. What differs: {'; '.join(apart)}. Put these back, or "
                f"name another folder to begin anew."
            )

    def _tell(self, message: str) -> None:
        if self.say:
            self.say(message)

    def _complain(self, message: str) -> None:
        if self.say:
            self.say(message)
        else:
            warnings.warn(message, RuntimeWarning, stacklevel=2)


def _watch_only(event: Event) -> None:
    """Keep nothing."""


class _Keeping:
    """The listener that writes."""

    def __init__(self, asked: Checkpoints, run: Run, shelf: Shelf, told: dict[str, str]) -> None:
        self._asked, self._run, self._shelf, self._told = asked, run, shelf, told
        self._count, self._unit = _parse(asked.every)
        self._last = self._clock()
        self._written: tuple[int, int, bool] | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Stop):
            self._write()
        elif self._unit != "epoch" or isinstance(event, Epoch):
            now = self._clock()
            if now // self._count > self._last // self._count:
                self._last = now
                self._write()

    def _clock(self) -> float:
        """Return what is counted: epochs or steps that are done, or the time in seconds."""
        if self._unit == "epoch":
            return self._run.state.epoch
        return self._run.state.step if self._unit == "step" else time.monotonic()

    def _write(self) -> None:
        run = self._run
        snapshot = run.snapshot()
        where = run.state.step, run.state.epoch, snapshot.stop is not None
        if where == self._written:
            return
        checkpoint = Checkpoint(run.network, self._told, snapshot)
        try:
            self._shelf.put(checkpoint)
        except (FileError, SettingError) as error:
            self._asked._complain(
                f"After step {run.state.step} no checkpoint could be kept; training goes on. "
                f"{error}"
            )
        else:
            self._written = where


def _parse(every: int | str) -> tuple[float, str]:
    """Return a count and what is counted: `"epoch"`, `"step"` or `"second"`."""
    found = None if isinstance(every, bool) else _EVERY.fullmatch(str(every))
    count = float(found[1]) if found else 0.0
    unit = (found[2] or "epoch").removesuffix("s") if found else ""
    if unit in _SECONDS:
        count, unit = count * _SECONDS[unit], "second"
    if not count or (unit != "second" and count != int(count)):
        raise SettingError(
            f"every must be a number of epochs, or a text such as '2 epochs', '500 steps' or "
            f"'10 minutes', but {every!r} came."
        )
    return count, unit
