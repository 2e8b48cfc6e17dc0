"""Training: microseconds a step of every peer, beside ours and beside the machine's limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import limit, pool, same_work
from benchmarks.crew import Crew, best_of_families, calibrated, crew, rounds, row_of
from benchmarks.options import Options
from benchmarks.peers import OURS, PER_SAMPLE, TRAINERS, Entry
from benchmarks.problems import CASES, Case, multiplications, update_bytes
from benchmarks.problems import PER_SAMPLE as PER_SAMPLE_CASES


def run(options: Options) -> dict:
    """Measure the cases of the targets' table."""
    return _section(options, TRAINERS, options.chosen(CASES), with_limit=True)


def run_per_sample(options: Options) -> dict:
    """Measure plain gradient descent, one sample a step."""
    return _section(options, PER_SAMPLE, options.chosen(PER_SAMPLE_CASES), with_limit=False)


def _section(
    options: Options, entries: Sequence[Entry], cases: Sequence[Case], *, with_limit: bool
) -> dict:
    with crew(entries, options.thread_counts) as members:
        rows = []
        for case in cases:
            options.say(f"training {case.name}: {case.rule}, all peers in turn")
            rows.append(_record(case, *measured(options, members, case, with_limit=with_limit)))
    return {"cases": rows, "left_out": members.left_out}


def measured(
    options: Options,
    members: Crew,
    case: Any,
    *,
    subject: str = "benchmarks.worker:Training",
    with_limit: bool = False,
) -> tuple[list[dict], float, dict | None]:
    """Measure all members of a crew on one case, once their losses were found equal.

    Parameters
    ----------
    case : Case
        Or another description with a `name` and a number of `steps`, which the subject understands.
    subject : str
        `module:class` of what a worker makes; it is called with (entry, case, threads) and has
        `losses`, `calibrate`, `run` and `note` as `worker.Training` has.

    Returns
    -------
    rows of all ways and thread counts, the largest difference of losses, the machine's limit
    """
    where = f" on {case.name}"
    made = members.each(
        lambda worker, entry: ("make", subject, entry, case, worker.threads),
        list(members.members), where,
    )  # fmt: skip
    checked = min(same_work.STEPS, case.steps)
    losses = members.each(lambda *_: ("call", "losses", checked), list(made), where)
    difference = same_work.check(
        {f"{_label(members, worker)}": row for worker, row in losses.items()}, case.name
    )
    calls = calibrated(members, list(losses), where, options.turn_seconds)
    limits = limit.Limits(case) if with_limit else None
    try:
        times: dict = {worker: [] for worker in calls}
        for _ in range(options.repeats):
            for worker, (result,) in rounds(members, calls, 1, where).items():
                times[worker].append(result[0])
            if limits:
                limits.turn()
        calls = {w: n for w, n in calls.items() if len(times[w]) == options.repeats}
        rows = [row_of(members.members[w], w, times[w], n) for w, n in calls.items()]
        notes = members.each(lambda *_: ("call", "note"), list(calls), where)
        for row, worker in zip(rows, calls, strict=True):
            row["note"] = notes[worker]
        reached = limits.summary() if limits else None
    finally:
        if limits:
            limits.close()
    return rows, difference, reached


def _label(members: Crew, worker: pool.Worker) -> str:
    entry = members.members[worker]
    threads = f", {worker.threads} threads" if worker.threads else ""
    return f"{entry.family} ({entry.way}{threads})"


def _record(case: Case, rows: list[dict], difference: float, reached: dict | None) -> dict:
    families = best_of_families(rows)
    work = multiplications(case)
    for figures in families.values():
        figures["gflops"] = 2e-9 * work / figures["seconds"]
        if reached:
            figures["of_limit"] = reached["seconds"] / figures["seconds"]
    return {
        "case": case.as_record(), "name": case.name, "network": case.network, "batch": case.batch,
        "multiplications": work, "update_bytes": update_bytes(case),
        "losses_differ_by": difference, "tolerance": same_work.TOLERANCE,
        "families": families, "ours": families[OURS]["seconds"], "ways": rows, "limit": reached,
    }  # fmt: skip
