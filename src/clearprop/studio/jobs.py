"""Work that takes longer than a session's thread may wait: a thread of its own for it.

What a job works on is a copy, or never changes. It says from time to time how much is done, and may
say what it has found so far; there it also learns that it is to stop. Of all jobs of a server one
runs at a time: the others wait for their turn, so that trainings lose no more than one of them
takes, and since NumPy's threads are set for all of them together (`terrain.one_thread`).

Public names: `Job`, `Tell`.
May import: `clearprop.errors`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from clearprop.errors import ClearpropError

log = logging.getLogger(__name__)

# seconds between two pieces of news of one job
BETWEEN_NEWS = 0.2

Tell = Callable[..., None]
State = Literal["waiting", "running", "done", "stopped", "failed"]
_TURN = threading.Lock()


class _Stopped(Exception):  # noqa: N818, it is no error
    """The job was asked to stop."""


class Job:
    """A piece of work.

    Parameters
    ----------
    work : callable
        `work(tell)` returns what is found. It calls `tell(share)`, or `tell(share, found)` with
        what is found so far; either ends it where it is to stop.
    heard : callable
        Is called, on the job's thread, where there is something new.

    Attributes
    ----------
    state : {"waiting", "running", "done", "stopped", "failed"}
    share : float
        How much is done, 0 to 1.
    found : object
        What was found, or was so far.
    problem : str
        Why it failed.
    """

    def __init__(self, work: Callable[[Tell], Any], heard: Callable[[], Any]) -> None:
        self.state: State = "waiting"
        self.share, self.found, self.problem = 0.0, None, ""
        self._work, self._heard = work, heard
        self._stop = threading.Event()
        self._next_news = 0.0
        self._thread = threading.Thread(target=self._run, name="studio-job", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("done", "stopped", "failed")

    def stop(self) -> None:
        """Ask for the end; returns at once. What was found so far stays."""
        self._stop.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end; return whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # the thread

    def _run(self) -> None:
        while not _TURN.acquire(timeout=0.1):
            if self._stop.is_set():
                self.state = "stopped"
                self._heard()
                return
        try:
            self.state = "running"
            self._tell(0.0)
            self.found = self._work(self._tell)
            self.share, self.state = 1.0, "done"
        except _Stopped:
            self.state = "stopped"
        except ClearpropError as error:
            self.state, self.problem = "failed", str(error)
        except Exception as error:
            log.exception("studio: a job failed")
            self.state, self.problem = "failed", f"{type(error).__name__}: {error}"
        finally:
            _TURN.release()
            self._heard()

    def _tell(self, share: float, found: Any = None) -> None:
        if self._stop.is_set():
            raise _Stopped
        self.share = share
        if found is not None:
            self.found = found
        now = time.monotonic()
        if now >= self._next_news:
            self._next_news = now + BETWEEN_NEWS
            self._heard()
