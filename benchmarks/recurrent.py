"""Recurrent layers: a step of back-propagation through time beside PyTorch's, best threads each."""

from __future__ import annotations

from benchmarks import pool
from benchmarks.options import Options
from benchmarks.recurrent_peers import LAYERS, Case
from benchmarks.same_work import DifferentWorkError
from benchmarks.tables import Table, microseconds, times
from benchmarks.targets import Verdict

SIZES = ((64, 32, 32), (16, 1, 8), (512, 64, 128))  # units, batch, inputs
STEPS = 100
# how many times faster than PyTorch's layer we want to be, by units
WANTED = {64: 3.0, 16: 10.0, 512: 1.2}
SAME = 1e-5  # losses of the first steps may differ by this much of themselves
FIRST = 4


def run(options: Options) -> dict:
    """Measure every cell at every size, at one thread and at all cores."""
    cases = [Case(cell, *size, STEPS) for size in SIZES for cell in LAYERS]
    return {"cases": [_measure(options, case) for case in cases]}


def _measure(options: Options, case: Case) -> dict:
    options.say(f"recurrent {case.name}")
    counts = [count for count in options.thread_counts if count <= max(1, case.batch)]
    who = [(peer, count) for peer in ("Ours", "PyTorch") for count in counts]
    with pool.closing([pool.Worker(f"{peer} {n}", n) for peer, n in who]) as workers:
        pairs = dict(zip(workers, who, strict=True))
        for worker, (peer, count) in pairs.items():
            pool.turn(worker, lambda w, p=peer, n=count: (
                w.send("make", f"benchmarks.recurrent_peers:{p}", case, n), w.receive()
            ))  # fmt: skip
        losses = {w: pool.turn(w, lambda w: w.ask("losses", FIRST)) for w in pairs}
        apart = _apart(case, list(losses.values()))
        steps = {w: pool.turn(w, lambda w: w.ask("calibrate", options.turn_seconds)) for w in pairs}
        turns = pool.in_rounds(workers, lambda w: w.ask("run", steps[w]), options.repeats)
        seconds = {pairs[w]: pool.spread(taken, steps[w]).median for w, taken in turns.items()}
    best = {
        peer: min((seconds[one], one[1]) for one in seconds if one[0] == peer)
        for peer in ("Ours", "PyTorch")
    }
    return {
        "name": case.name,
        "seconds": {f"{peer}, {count} threads": s for (peer, count), s in seconds.items()},
        "ours": best["Ours"], "torch": best["PyTorch"],
        "ratio": best["PyTorch"][0] / best["Ours"][0],
        "wanted": WANTED[case.units], "losses_differ_by": apart,
    }  # fmt: skip


def _apart(case: Case, losses: list[list[float]]) -> float:
    """Return how far the first losses are apart; who starts elsewhere does other work."""
    worst = max(
        abs(value - first) / abs(first)
        for others in losses[1:]
        for value, first in zip(others, losses[0], strict=True)
    )
    if worst > SAME:
        raise DifferentWorkError(
            f"{case.name}: the first losses differ by {worst:.1e}, so the peers do other work."
        )
    return worst


def tables(section: dict) -> list[Table]:
    """Return the section as a table."""
    table = Table(
        "Back-propagation through time: microseconds a step",
        ["case", "ours", "threads", "PyTorch", "threads", "PyTorch / ours", "wanted", "losses"],
        about="float32; forward, backward and gradient descent; a softmax on the last step.",
    )
    for case in section["cases"]:
        (ours, mine), (torch, theirs) = case["ours"], case["torch"]
        table.add(
            case["name"], microseconds(ours), mine, microseconds(torch), theirs,
            times(case["ratio"]), times(case["wanted"]), f"{case['losses_differ_by']:.0e}",
        )  # fmt: skip
    return [table]


def verdicts(section: dict) -> list[Verdict]:
    """Return how far PyTorch's layers are behind, case by case, beside what was to be reached."""
    return [
        Verdict(
            "recurrent", case["name"], f"≥ {case['wanted']:g}×", f"{case['ratio']:.3g}×",
            case["ratio"] >= case["wanted"],
        )
        for case in section["cases"]
    ]  # fmt: skip
