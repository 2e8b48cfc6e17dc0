"""The driver's side of the workers: start them, ask them, measure them in rounds.

A library's idle threads go on spinning for a while after its work, and would take the cores of
whoever is measured next. So every worker is stopped (SIGSTOP) while it is not its turn: nothing of
it runs. In a round each worker has one turn; noise of the machine so falls on all alike.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.peers import Entry
from benchmarks.statistics import Spread

ROOT = Path(__file__).resolve().parent.parent
SETTLE = 0.02  # seconds between two turns
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class PeerError(Exception):
    """A worker could not do what it was asked; the message says why."""


def all_cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity masks
        return os.cpu_count() or 1


def environment(threads: int | None) -> dict[str, str]:
    """Return the environment of a worker with so many threads, or that chooses them itself."""
    values = {k: v for k, v in os.environ.items() if k not in THREAD_VARIABLES}
    values["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    values |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    if threads is not None:
        values |= dict.fromkeys(THREAD_VARIABLES, str(threads))
        if threads == 1:
            values["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return values


class Worker:
    """A process that holds one peer at one thread count.

    Parameters
    ----------
    threads : int, optional
        Threads of its libraries; where absent they choose.
    cores : int, optional
        How many cores it may use, for libraries that ask for nothing else (XLA).
    """

    def __init__(self, name: str, threads: int | None = None, cores: int | None = None) -> None:
        self.name, self.threads = name, threads
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.worker", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, env=environment(threads), cwd=ROOT, pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors,
        )  # fmt: skip
        theirs.close()
        self._pipe = Connection(ours.detach())
        if cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, sorted(os.sched_getaffinity(0))[:cores])

    def send(self, verb: str, target: str, *arguments: Any) -> None:
        """Ask for something; `receive` waits for the answer."""
        try:
            self._pipe.send((verb, target, arguments))
        except OSError:
            raise PeerError(self._last_words()) from None

    def receive(self) -> Any:
        """Return the answer; PeerError where there is none."""
        try:
            kind, value = self._pipe.recv()
        except (EOFError, OSError):
            raise PeerError(self._last_words()) from None
        if kind != "done":
            raise PeerError(value.strip())
        return value

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the worker's subject and return its result."""
        self.send("call", method, *arguments)
        return self.receive()

    def pause(self) -> None:
        """Stop every thread of the process where it is."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()
        self._errors.close()

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return "its process ended: " + (lines[-1] if lines else "it said nothing")


def start(entry: Entry, threads: int | None) -> Worker:
    """Start the worker of a peer's way."""
    return Worker(entry.way, threads, threads if "jax" in entry.needs else None)


@contextlib.contextmanager
def closing(workers: Sequence[Worker]) -> Iterator[Sequence[Worker]]:
    """End all workers when the block is left."""
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


def together(workers: Sequence[Worker], *message: Any) -> dict[Worker, Any]:
    """Send the same message to all, wait for all; an answer may be a PeerError."""
    return together_each(dict.fromkeys(workers, message))


def together_each(messages: dict[Worker, tuple]) -> dict[Worker, Any]:
    """Send each worker its message at once and wait for all; they run side by side, untimed."""
    answers: dict[Worker, Any] = {}
    for worker, message in messages.items():
        worker.resume()
        try:
            worker.send(*message)
        except PeerError as failure:
            answers[worker] = failure
    for worker in messages:
        if worker not in answers:
            try:
                answers[worker] = worker.receive()
            except PeerError as failure:
                answers[worker] = failure
        worker.pause()
    return answers


def turn(worker: Worker, work: Callable[[Worker], Any]) -> Any:
    """Let this worker alone run, do the work with it, and stop it again."""
    time.sleep(SETTLE)
    worker.resume()
    try:
        return work(worker)
    finally:
        worker.pause()


def in_rounds(
    workers: Sequence[Worker], work: Callable[[Worker], Any], repeats: int
) -> dict[Worker, list[Any]]:
    """Give every worker a turn, `repeats` times over, and return what its turns gave."""
    results: dict[Worker, list[Any]] = {worker: [] for worker in workers}
    for _ in range(repeats):
        for worker in workers:
            results[worker].append(turn(worker, work))
    return results


def spread(times: Sequence[float], steps: int = 1) -> Spread:
    """Return the median and quartiles of seconds a step."""
    return Spread.of([seconds / steps for seconds in times])
