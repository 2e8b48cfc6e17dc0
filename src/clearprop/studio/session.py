"""A session: one run on a thread of its own, commands to it, frames from it.

The thread takes the commands that have come, makes a frame where one is wanted and there is news,
and takes as many steps as the pace asks for; then it begins again. A call of the engine lasts a
fraction of the time between two frames, so that commands and frames never wait long; kernels let
other threads of Python run meanwhile. Commands that cannot be done are told to the page, and change
nothing.

Public names: `Session`.
May import: `desk`, `frames`, `told`, `views`, `clearprop.training`, `clearprop.errors`.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from clearprop.errors import ClearpropError
from clearprop.explanation.words import words
from clearprop.studio.desk import Desk
from clearprop.studio.frames import Frames
from clearprop.studio.told import said
from clearprop.studio.views import SPEEDS
from clearprop.training.pace import Pace

log = logging.getLogger(__name__)

BETWEEN_FRAMES = 0.04  # seconds
SHORT_FRAME, LONGEST_REST = 0.02, 0.5  # seconds
GRAIN = 0.015  # seconds that a call of the engine should take

Tell = Callable[[str, Any], None]
# a command's name (none for a wish for a frame), what it is given, and who waits for its answer
_Command = tuple[str, tuple[Any, ...], "Future[Any] | None"]


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
        self._commands: queue.SimpleQueue[_Command] = queue.SimpleQueue()
        self._frames = Frames()
        self._wanted, self._news = False, True
        self._next_frame = self._soonest = 0.0
        self._closed = False
        self._pace = _Pace()
        self._thread = threading.Thread(target=self._work, name="studio-session", daemon=True)
        self._thread.start()

    # for the page, from its thread

    def do(self, name: str, *arguments: Any) -> None:
        """Have the desk do something; returns at once."""
        self._commands.put((name, arguments, None))

    def ask(self, name: str, *arguments: Any) -> Future[Any]:
        """Have the desk do something that gives something back; returns at once."""
        answer: Future[Any] = Future()
        self._commands.put((name, arguments, answer))
        return answer

    def want_frame(self, *, whole: bool = False) -> None:
        """Ask for the next frame: the page has painted the last one."""
        self._commands.put(("", (whole,), None))

    def close(self) -> None:
        """End the run and free it; returns at once."""
        self._closed = True
        self._commands.put(("", (False,), None))

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
        self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        """Answer those who still wait."""
        while not self._commands.empty():
            answer = self._commands.get_nowait()[2]
            if answer is not None:
                answer.cancel()

    def _take_commands(self) -> None:
        """Carry out what has come; wait for something where there is nothing else to do."""
        wait: float | None = 0.0
        while True:
            try:
                if wait == 0.0:
                    wait = self._patience()
                    command = (
                        self._commands.get(timeout=wait) if wait else (self._commands.get_nowait())
                    )
                else:
                    command = self._commands.get_nowait()
            except queue.Empty:
                return
            self._carry_out(*command)

    def _patience(self) -> float:
        """Return how long there is nothing to do but to wait for a command, in seconds."""
        now = time.perf_counter()
        until_frame = self._next_frame - now if self._wanted and self._news else 3600.0
        until_step = self._pace.next_step - now if self.desk.playing else 3600.0
        return max(0.0, min(until_frame, until_step))

    def _carry_out(self, name: str, arguments: tuple[Any, ...], answer: Future[Any] | None) -> None:
        if not name:
            self._wanted = True
            if arguments[0]:
                self._frames.reset()
                self._news = True
            return
        if answer is not None:
            self._answer(answer, name, arguments)
            return
        self._guarded(self.desk.command, name, *arguments)
        if not self.desk.playing or name == "play":
            self._pace.restart()
        self._tell("state", self.desk.to_document())
        self._news = True
        self._next_frame = min(self._next_frame, self._soonest)

    def _answer(self, answer: Future[Any], name: str, arguments: tuple[Any, ...]) -> None:
        """Give back what a command gives, or what went wrong with it."""
        try:
            answer.set_result(self.desk.command(name, *arguments))
        except Exception as error:
            answer.set_exception(error)

    def _guarded(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Do something; what goes wrong is told to the page, and the session goes on."""
        lang = self.desk.view.lang
        try:
            return act(*arguments)
        except ClearpropError as error:
            self._tell("problem", said(error, lang))
        except MemoryError:
            self._tell("problem", words(lang)("studio_sharing.no_memory"))
        except Exception as error:
            log.exception("studio: %s", getattr(act, "__name__", act))
            why = f"{type(error).__name__}: {error}"
            self._tell("problem", words(lang)("studio_sharing.went_wrong", why=why))
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
        # what a person does is shown as soon as that keeps within half of the time
        self._soonest = began + max(BETWEEN_FRAMES, 2 * took)
        self._next_frame = began + _until_next(took)

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


def _until_next(took: float) -> float:
    """Return the time from the beginning of a frame that took so long to that of the next.

    Short frames take up to half of the thread's time. Those of a wide network, whose steps take
    long too, take less the longer they are: an eighth of what is above `SHORT_FRAME`.
    """
    rest = max(BETWEEN_FRAMES, 2 * took, 8 * (took - SHORT_FRAME))
    return max(2 * took, min(LONGEST_REST, rest))


class _Pace:
    """How many steps are due."""

    def __init__(self) -> None:
        self._calls = Pace(GRAIN)
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
            return self._calls.steps
        # what could not be done in time is not made up for
        self._owed = min(self._owed + rate * (now - self._last), float(self._calls.steps) + 1)
        self._last = now
        steps = min(int(self._owed), self._calls.steps)
        self._owed -= steps
        wait = (1 - self._owed) / rate
        self.next_step = now + max(0.0, wait)
        return steps

    def took(self, seconds: float, steps: int) -> None:
        """Learn from a call that took this long."""
        self._calls.took(seconds, steps)
