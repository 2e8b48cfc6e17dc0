"""A crew: the workers of all peers that take part in a section, and who is left out, with reasons.

Processes live for a section: they get case after case, so that a library is imported once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks import pool
from benchmarks.peers import OURS, Entry
from benchmarks.pool import PeerError, Worker

TARGET_SECONDS = 0.12  # of a turn


@dataclass
class Crew:
    """The workers with their entries, and reasons by `family, way`."""

    members: dict[Worker, Entry]
    left_out: dict[str, str] = field(default_factory=dict)

    def drop(self, worker: Worker, reason: object, where: str = "") -> None:
        """Note why a peer does not take part."""
        entry = self.members[worker]
        if entry.family == OURS:
            raise PeerError(f"clearprop itself failed{where}: {reason}")
        lines = str(reason).splitlines() or ["without a word"]
        self.left_out[f"{entry.family}, {entry.way}{where}"] = lines[-1]

    def each(
        self, message: Callable[[Worker, Entry], tuple], members: Sequence[Worker], where: str
    ) -> dict[Worker, Any]:
        """Send each member its message, side by side; return the answers, drop who failed."""
        answers = pool.together_each({w: message(w, self.members[w]) for w in members})
        for worker, answer in answers.items():
            if isinstance(answer, PeerError):
                self.drop(worker, answer, where)
        return {w: a for w, a in answers.items() if not isinstance(a, PeerError)}


@contextmanager
def crew(entries: Sequence[Entry], thread_counts: Sequence[int]) -> Iterator[Crew]:
    """Start a worker for each way and thread count, and end them all."""
    made = Crew({})
    for entry in entries:
        if reason := entry.missing():
            made.left_out[f"{entry.family}, {entry.way}"] = reason
            continue
        for threads in [None] if entry.own_threads else thread_counts:
            made.members[pool.start(entry, threads)] = entry
    with pool.closing(list(made.members)):
        yield made


def rounds(
    crew: Crew, calls: dict[Worker, int], repeats: int, where: str, method: str = "run"
) -> dict[Worker, list[Any]]:
    """Measure all members in rounds; whoever fails in one is dropped."""
    results: dict[Worker, list[Any]] = {worker: [] for worker in calls}
    for _ in range(repeats):
        for worker in list(results):
            try:
                results[worker].append(pool.turn(worker, lambda w: w.ask(method, calls[w])))
            except PeerError as failure:
                crew.drop(worker, failure, where)
                del results[worker]
    return results


def calibrated(
    crew: Crew, members: Sequence[Worker], where: str, seconds: float = TARGET_SECONDS
) -> dict[Worker, int]:
    """Return how many steps or calls of each member make a turn; warms it up, alone."""
    calls = {}
    for worker in members:
        try:
            calls[worker] = pool.turn(worker, lambda w: w.ask("calibrate", seconds))
        except PeerError as failure:
            crew.drop(worker, failure, where)
    return calls


def best_of_families(rows: Sequence[dict], ours: str = OURS) -> dict[str, dict]:
    """Return each family's fastest row by its median, with the ratio of its time to ours."""
    best: dict[str, dict] = {}
    for row in rows:
        if row["family"] not in best or row["seconds"] < best[row["family"]]["seconds"]:
            best[row["family"]] = row
    base = best[ours]["seconds"]
    return {
        family: {
            "seconds": row["seconds"], "low": row["low"], "high": row["high"], "way": row["way"],
            "threads": row["threads"], "ratio": row["seconds"] / base,
        }
        for family, row in best.items()
    }  # fmt: skip


def row_of(entry: Entry, worker: Worker, times: Sequence[float], calls: int) -> dict:
    """Return the figures of one way at one thread count, as kept in the file of results."""
    spread = pool.spread(times, calls)
    return {
        "family": entry.family, "way": entry.way, "threads": worker.threads,
        "seconds": spread.median, "low": spread.low, "high": spread.high, "least": spread.least,
        "rounds": spread.count, "calls": calls,
    }  # fmt: skip
