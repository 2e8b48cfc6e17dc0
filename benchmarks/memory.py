"""Memory: the peak of a process that trains on a large table, over its state before the data came.

Each peer gets a fresh process, which imports it, trains a network of a few units (so that code,
compilers and pools of threads are there), notes its resident memory, makes the data, resets the
peak, and trains an epoch. Linux only: it reads /proc/self.

The bound is 1.1 times the data, θ with Adam's two slots, and one batch's buffers: the gathered
rows, z, a and δ of each layer, and the gradient.
"""

from __future__ import annotations

import gc
from pathlib import Path

from benchmarks import pool
from benchmarks.crew import Crew, crew
from benchmarks.options import Options
from benchmarks.peers import CLASSIFIER, TRAINERS, Entry
from benchmarks.peers.peer import LeftOutError
from benchmarks.problems import Case, Problem, parameters

SLACK = 1.1
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def large(rows: int) -> Case:
    """Return the case: 784-512-256-10, batches of 128."""
    return Case((784, 512, 256, 10), 128, rows // 128)


def bound(case: Case, data: int) -> dict[str, int]:
    """Return the bytes that training needs to hold, by what they are for."""
    size = parameters(case) * 4
    return {
        "data": data,
        "parameters' state": 3 * size,
        "one batch's buffers": size + 4 * case.batch * (case.units[0] + 3 * sum(case.units[1:])),
    }


def resident(field: str) -> int:
    """Return VmRSS or VmHWM of this process in bytes."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    raise LeftOutError(f"this system does not tell {field}")


class Measured:
    """The subject: measures in its own process."""

    def __init__(self, entry: Entry, case: Case, threads: int | None) -> None:
        if not CLEAR.exists():
            raise LeftOutError("memory is read from /proc, which this system does not have")
        self.entry, self.case, self.threads = entry, case, threads

    def peak(self) -> tuple[int, int]:
        """Return the bytes of the data, and of the peak over the state before them."""
        trainer = self.entry.load()
        small = Problem.of(Case((2, 3, 3), 4, 8))
        trainer(small, self.threads).train(0, 8)
        gc.collect()
        before = resident("VmRSS")
        problem = Problem.of(self.case)
        CLEAR.write_text("5")
        trainer(problem, self.threads).train(0, self.case.steps)
        return problem.x.nbytes + problem.y.nbytes, resident("VmHWM") - before


def run(options: Options) -> dict:
    """Measure every way at its most threads, one after the other."""
    case = large(20_000 if options.quick else 100_000)
    rows: list[dict] = []
    needed: dict[str, int] = {}
    left_out: dict[str, str] = {}
    for entry in (CLASSIFIER, *TRAINERS):
        options.say(f"memory {case.network}, {case.batch * case.steps:,} rows: {entry.way}")
        with crew([entry], options.thread_counts[-1:]) as members:
            for worker, (data, peak) in _peaks(members, case).items():
                needed = bound(case, data)
                rows.append({
                    "family": entry.family, "way": entry.way, "threads": worker.threads,
                    "bytes": peak, "of_needed": peak / sum(needed.values()),
                })  # fmt: skip
        left_out |= members.left_out
    return {
        "network": case.network, "batch": case.batch, "rows": case.batch * case.steps,
        "needed": needed, "bound": SLACK, "ways": rows, "left_out": left_out,
    }  # fmt: skip


def _peaks(members: Crew, case: Case) -> dict[pool.Worker, tuple[int, int]]:
    made = members.each(
        lambda worker, entry: ("make", "benchmarks.memory:Measured", entry, case, worker.threads),
        list(members.members), "",
    )  # fmt: skip
    return members.each(lambda *_: ("call", "peak"), list(made), "")
