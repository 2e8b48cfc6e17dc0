"""The process of one peer: makes a subject, and then does what the driver asks for over a pipe.

    python -m benchmarks.worker FILE_DESCRIPTOR

A message is ("make", "module:class", arguments) or ("call", method, arguments); the answer is
("done", value), ("left out", reason) or ("failed", traceback). Times are taken here, around the
work, so that the pipe is never in them.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from benchmarks.peers import Entry
from benchmarks.peers.peer import LeftOutError
from benchmarks.problems import Case, Problem


class Training:
    """A trainer with a clock."""

    def __init__(self, entry: Entry, case: Case, threads: int | None) -> None:
        self.steps = case.steps
        self.trainer = entry.load()(Problem.of(case), threads)

    def note(self) -> str:
        """Return what the trainer says of itself."""
        return self.trainer.note()

    def losses(self, steps: int) -> list[float]:
        """Return the losses of the first steps, taken one a call."""
        return [self.trainer.train(number, 1) for number in range(steps)]

    def calibrate(self, seconds: float) -> int:
        """Warm up, and return how many steps take about so long, or the epoch."""
        if self.trainer.whole_epoch:
            self.trainer.train(0, self.steps)
            return self.steps
        steps = 1
        self.run(steps)
        while (taken := self.run(steps)[0]) < seconds / 2 and steps < self.steps:
            wanted = int(steps * seconds / max(taken, 1e-6))
            steps = min(self.steps, max(steps + 1, min(wanted, 16 * steps)))
        return steps

    def run(self, steps: int) -> tuple[float, float]:
        """Return the seconds of so many steps from the first batch on, and the last loss."""
        began = time.perf_counter()
        loss = self.trainer.train(0, steps)
        return time.perf_counter() - began, loss

    def epochs(self, count: int) -> float:
        """Return the seconds of so many epochs."""
        return sum(self.run(self.steps)[0] for _ in range(count))


class Predicting:
    """A predictor with a clock."""

    def __init__(self, entry: Entry, case: Case, threads: int | None, rows: int) -> None:
        self.x = Problem.of(case, rows).x
        self.predictor = entry.load()(Problem.of(case, 0), threads)

    def sample(self) -> np.ndarray | None:
        """Return the first rows' probabilities, or nothing where the network is another."""
        predicted = np.asarray(self.predictor.predict(self.x))[:100]
        return predicted if self.predictor.same_network else None

    def calibrate(self, seconds: float) -> int:
        """Warm up, and return how many calls take about so long."""
        if self.run(1) > seconds:  # `sample` has called it before
            return 1
        self.run(3)
        return max(1, int(seconds / (self.run(3) / 3)))

    def run(self, calls: int) -> float:
        """Return the seconds of so many calls."""
        began = time.perf_counter()
        for _ in range(calls):
            self.predictor.predict(self.x)
        return time.perf_counter() - began


def _end_with_parent() -> None:
    """Ask Linux to end this process with the driver's, even while it is stopped."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _answer(subject: Any, message: tuple) -> tuple[Any, tuple]:
    """Return the subject from now on, and the answer."""
    verb, target, arguments = message
    if verb == "make":
        module, name = target.split(":")
        return getattr(importlib.import_module(module), name)(*arguments), ("done", None)
    return subject, ("done", getattr(subject, target)(*arguments))


def serve(pipe: Connection) -> None:
    """Answer messages until the pipe is closed."""
    subject: Any = None
    while True:
        try:
            message = pipe.recv()
        except EOFError:
            return
        if message[0] == "make":
            subject = None  # the one before is freed first
        try:
            subject, answer = _answer(subject, message)
        except LeftOutError as reason:
            answer = ("left out", str(reason))
        except Exception:
            answer = ("failed", traceback.format_exc(limit=-4))
        pipe.send(answer)


if __name__ == "__main__":
    _end_with_parent()
    serve(Connection(int(sys.argv[1])))
