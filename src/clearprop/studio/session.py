"""A session: one run on a thread of its own, commands to it, frames from it.

The thread takes the commands that have come, makes a frame where one is wanted and there is news,
and takes as many steps as the pace asks for; then it begins again. A call of the engine lasts a
fraction of the time between two frames, so that commands and frames never wait long; kernels let
other threads of Python run meanwhile. Commands that cannot be done are told to the page, and change
nothing.

Public names: `SPEEDS`, `Session`.
May import: `desk`, `frames`, `clearprop.errors`.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from clearprop.errors import ClearpropError
from clearprop.studio.desk import Desk
from clearprop.studio.frames import Frames

log = logging.getLogger(__name__)

# steps a second; the last is as fast as the engine goes
SPEEDS: dict[str, float] = {"slow": 3, "calm": 30, "quick": 600, "full": float("inf")}
BETWEEN_FRAMES = 0.04  # seconds
SHARE_OF_FRAMES = 0.5  # of the thread's time that frames may take
GRAIN = 0.015  # seconds that a call of the engine should take

Tell = Callable[[str, Any], None]


class Session:
    """One run, on a thread of its own.

    Attributes
    ----------
    desk : Desk
        The run and what is looked at; the session's thread alone touches it.
    """

    desk: Desk

    def __init__(self, make: Callable[[], Desk], tell: Tell) -> None:
        self._make, self._tell = make, tell
        self._commands: queue.SimpleQueue[tuple[str, tuple[Any, ...]]] = queue.SimpleQueue()
        self._frames = Frames()
        self._wanted, self._news = True, True
        self._next_frame = 0.0
        self._closed = False
        self._pace = _Pace()
        self._thread = threading.Thread(target=self._work, name="studio-session", daemon=True)
        self._thread.start()

    # for the page, from its thread

    def do(self, name: str, *arguments: Any) -> None:
        """Have the desk do something; returns at once."""
        self._commands.put((name, arguments))

    def want_frame(self, *, whole: bool = False) -> None:
        """Ask for the next frame: the page has painted the last one."""
        self._commands.put(("", (whole,)))

    def close(self) -> None:
        """End the run and free it; returns at once."""
        self._closed = True
        self._commands.put(("", (False,)))

    def join(self, seconds: float) -> bool:
        """Wait for the end of a closed session; return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # the thread

    def _work(self) -> None:
        self.desk = self._make()
        self.desk.send = self.do
        self._tell("state", self.desk.to_document())
        while not self._closed:
            self._take_commands()
            if self._closed:
                break
            self._frame_if_due()
            if self.desk.playing:
                self._play()
        self.desk.close()

    def _take_commands(self) -> None:
        """Carry out what has come; wait for something where there is nothing else to do."""
        wait: float | None = 0.0
        while True:
            try:
                if wait == 0.0:
                    wait = self._patience()
                    name, arguments = (
                        self._commands.get(timeout=wait) if wait else (self._commands.get_nowait())
                    )
                else:
                    name, arguments = self._commands.get_nowait()
            except queue.Empty:
                return
            self._carry_out(name, arguments)

    def _patience(self) -> float:
        """Return how long there is nothing to do but to wait for a command, in seconds."""
        now = time.perf_counter()
        until_frame = self._next_frame - now if self._wanted and self._news else 3600.0
        until_step = self._pace.next_step - now if self.desk.playing else 3600.0
        return max(0.0, min(until_frame, until_step))

    def _carry_out(self, name: str, arguments: tuple[Any, ...]) -> None:
        if not name:
            self._wanted = True
            if arguments[0]:
                self._frames.reset()
                self._news = True
            return
        self._guarded(self.desk.command, name, *arguments)
        if not self.desk.playing or name == "play":
            self._pace.restart()
        self._tell("state", self.desk.to_document())
        self._news = True

    def _guarded(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Do something; what goes wrong is told to the page, and the session goes on."""
        try:
            return act(*arguments)
        except ClearpropError as error:
            self._tell("problem", str(error))
        except MemoryError:
            self._tell("problem", "The machine's memory is not enough for this.")
        except Exception as error:
            log.exception("studio: %s", getattr(act, "__name__", act))
            self._tell("problem", f"Something went wrong inside: {type(error).__name__}: {error}")
        return None

    def _frame_if_due(self) -> None:
        began = time.perf_counter()
        if not (self._wanted and self._news) or began < self._next_frame:
            return
        self._wanted = self._news = False
        desk = self.desk
        make = partial(
            self._frames.make, desk.trainer, desk.view, playing=desk.playing, pane=desk.pane
        )
        frame = self._guarded(make)
        if frame is not None:
            self._tell("frame", frame)
        took = time.perf_counter() - began
        self._next_frame = began + max(BETWEEN_FRAMES, min(0.5, took / SHARE_OF_FRAMES))

    def _play(self) -> None:
        due = self._pace.due(SPEEDS[self.desk.speed])
        if not due:
            return
        began = time.perf_counter()
        taken = self._guarded(self.desk.trainer.advance, due)
        if taken:
            self._pace.took(time.perf_counter() - began, taken)
        self._news = True
        if not taken or self.desk.trainer.failure:
            self.desk.playing = False
            self._tell("state", self.desk.to_document())


class _Pace:
    """How many steps are due."""

    def __init__(self) -> None:
        self._most = 1
        self.restart()

    def restart(self) -> None:
        """Begin to count anew."""
        self._last, self._owed = time.perf_counter(), 0.0
        self.next_step = self._last

    def due(self, rate: float) -> int:
        """Return the steps to take now, at a rate a second; as many as fit in a call at most."""
        now = time.perf_counter()
        if rate == float("inf"):
            self.next_step = now
            return self._most
        # what could not be done in time is not made up for
        self._owed = min(self._owed + rate * (now - self._last), float(self._most) + 1)
        self._last = now
        steps = min(int(self._owed), self._most)
        self._owed -= steps
        wait = (1 - self._owed) / rate
        self.next_step = now + max(0.0, wait)
        return steps

    def took(self, seconds: float, steps: int) -> None:
        """Learn from a call that took this long."""
        wanted = int(GRAIN * steps / max(seconds, 1e-6))
        self._most = max(1, min(wanted, 4 * self._most))
