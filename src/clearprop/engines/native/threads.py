"""How kernels get their threads: Python's, parked between two calls, each running the whole kernel.

Numba's own layers each have a trap: OpenMP aborts in a child of a process that used it, workqueue
may not be entered from two threads, TBB is undefined after a fork from a thread. Kernels here are
plain functions without the GIL; the thread that calls runs the first member and parked threads run
the others. They meet at barriers inside the kernel (see `low_level.barrier`).

- *Parked* threads wait for work in a queue of their own and cost nothing but their stack. Waking
  one takes some 20 µs where starting one takes 100, which counts in calls of a few steps: small
  epochs, frames of a live page, measurements.
- *Members are placed*, not pinned: a scheduler tends to wake a thread on the core of the one that
  woke it, and may leave both there for milliseconds, in which the two wait for each other in turns.
  So a member first moves to a core of its own, and from there on the scheduler is free.
- *Nothing is shared by two callers*: each takes its crew off the list, or starts threads where the
  list is empty, and puts it back afterwards. Taking and putting back are single operations of a
  list, so there is no lock that a fork could find held.
- *Before a fork* all parked threads end, so that a child starts with none and Python finds no
  threads to warn of. Those that another thread uses at that moment are the parent's alone.
- *At exit* they are daemons: the interpreter waits for none of them.
- *Ctrl-C* is served when all members have ended. Python handles signals between its own
  instructions, and a member that never came would leave the others waiting at a barrier. So all
  members are started by one call of C, inside which no signal is handled.

A thread that waits at a barrier spins for a moment and then yields its core, so that more threads
than cores make a run slower and never stuck.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from operator import call
from queue import SimpleQueue
from typing import Any

_LIBRARY: Any = ctypes.CDLL(None) if os.name == "posix" else None


def available_threads() -> int:
    """Return how many threads may pay: the cores this process may use, or OMP_NUM_THREADS.

    joblib's workers and clusters' schedulers set OMP_NUM_THREADS to their share of a machine.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity masks
        cores = os.cpu_count() or 1
    wish = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(cores, int(wish)) if wish.isdigit() and int(wish) > 0 else cores


def run_together(function: Callable[..., int], threads: int, arguments: Sequence[Any] = ()) -> int:
    """Run function(number, *arguments) for each number below `threads` at once.

    All of them have ended when this returns, also where it is interrupted: they write to buffers
    that the caller owns. Members that wait for each other must be compiled functions, which Python
    cannot interrupt where they begin.

    Returns
    -------
    int
        What the first one returned.

    Raises
    ------
    BaseException
        What any of them raised; the first one's, where several did.
    """
    if threads == 1:
        return function(0, *arguments)
    crew: list[_Parked] = []
    try:
        _take(crew, threads - 1)
        return _run_crew(crew, function, arguments)
    finally:
        _PARKED.extend(crew)


def _run_crew(crew: Sequence[_Parked], function: Callable[..., int], arguments: Any) -> int:
    endings = _Endings(len(crew))
    starts: list[Any] = [
        partial(member.orders.put, (partial(function, number, *arguments), place, endings))
        for number, (member, place) in enumerate(zip(crew, _places(len(crew)), strict=True), 1)
    ]
    results: list[Any] = []
    error: BaseException | None = None
    try:
        # one call of C starts all members and keeps what the first returns
        results.extend(map(call, [*starts, partial(function, 0, *arguments)]))
    except BaseException as raised:
        error = raised
    while True:
        try:
            while results and not endings.complete:
                endings.wait()
            break
        except BaseException as raised:  # the handler of a signal raised it
            error = error or raised
    if error or endings.errors:
        raise error or endings.errors[0]
    return int(results[-1])


def _core_of_this_thread() -> int | None:
    """Return the core that this thread runs on, where the system tells."""
    try:
        return int(_LIBRARY.sched_getcpu())
    except (AttributeError, OSError):
        return None


@dataclass(frozen=True)
class _Place:
    """A core, and all cores that the caller may use."""

    core: int
    allowed: frozenset[int]

    def settle(self) -> None:
        """Move the calling thread to the core, and leave it free to be moved again."""
        if _core_of_this_thread() != self.core:
            with suppress(OSError):  # the mask of a container may change meanwhile
                os.sched_setaffinity(0, {self.core})
                os.sched_setaffinity(0, self.allowed)


def _places(members: int) -> list[_Place | None]:
    """Return a core for each member beside the caller, none where that cannot be chosen."""
    own = _core_of_this_thread() if hasattr(os, "sched_setaffinity") else None
    if own is None:
        return [None] * members
    allowed = frozenset(os.sched_getaffinity(0))
    others = sorted(allowed - {own}, key=lambda core: (core < own, core))
    # more members than cores share them, the caller's last
    cores = [*others, own]
    return [_Place(cores[number % len(cores)], allowed) for number in range(members)]


class _Endings:
    """How the members of a crew ended: what they raised, if anything."""

    def __init__(self, members: int) -> None:
        self._members = members
        self._endings: list[BaseException | None] = []
        self._news: SimpleQueue[None] = SimpleQueue()

    def note(self, error: BaseException | None) -> None:
        """Count one member as ended. Called by the member."""
        self._endings.append(error)
        self._news.put(None)

    def wait(self) -> None:
        """Wait for news. News that an interrupt swallows has been counted already."""
        self._news.get()

    @property
    def complete(self) -> bool:
        """Whether all members have ended."""
        return len(self._endings) == self._members

    @property
    def errors(self) -> list[BaseException]:
        """What members raised."""
        return [error for error in self._endings if error is not None]


_Order = tuple[Callable[[], Any], _Place | None, _Endings]


class _Parked:
    """A thread that waits for orders: a task, where to run it and where to note its end.

    None tells it to end itself.
    """

    def __init__(self) -> None:
        self.orders: SimpleQueue[_Order | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._serve, name="clearprop", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while order := self.orders.get():
            task, place, endings = order
            error: BaseException | None = None
            try:
                if place:
                    place.settle()
                task()
            except BaseException as raised:
                error = raised
            # a parked thread must keep no arrays alive, and none of an error's frames
            del order, task
            endings.note(error)
            del error, endings


_PARKED: list[_Parked] = []


def _take(crew: list[_Parked], count: int) -> None:
    """Fill a crew with parked threads, and with new ones where they are not enough."""
    with suppress(IndexError):
        # one call of C, so that an interrupt finds each thread on one of the two lists
        crew.extend(map(call, [_PARKED.pop] * count))
    while len(crew) < count:
        crew.append(_Parked())


def _dismiss() -> None:
    """Let all parked threads end, and wait until they have."""
    while _PARKED:
        members = [_PARKED.pop() for _ in range(len(_PARKED))]
        for member in members:
            member.orders.put(None)
        for member in members:
            member.thread.join()


if hasattr(os, "register_at_fork"):
    # what another thread puts back between the two is no thread of the child
    os.register_at_fork(before=_dismiss, after_in_child=_PARKED.clear)
