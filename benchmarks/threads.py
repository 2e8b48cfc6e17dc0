"""Threads: how our step's time falls from one thread to all cores, and what the plan chose."""

from __future__ import annotations

from benchmarks import pool
from benchmarks.options import Options
from benchmarks.peers import TRAINERS
from benchmarks.problems import CASES


def run(options: Options) -> dict:
    """Measure every case at one thread, at all cores, and as the engine chooses."""
    rows = []
    counts: list[int | None] = [*options.thread_counts, None]
    with pool.closing([pool.Worker(str(count), None) for count in counts]) as workers:
        pairs = dict(zip(workers, counts, strict=True))
        for case in options.chosen(CASES):
            options.say(f"threads {case.name}: {', '.join(str(c or 'own choice') for c in counts)}")
            for worker, count in pairs.items():
                pool.turn(worker, lambda w, c=count, k=case: (
                    w.send("make", "benchmarks.worker:Training", TRAINERS[0], k, c), w.receive()
                ))  # fmt: skip
            steps = {
                w: pool.turn(w, lambda w: w.ask("calibrate", options.turn_seconds)) for w in pairs
            }
            turns = pool.in_rounds(
                workers, lambda w, n=steps: w.ask("run", n[w])[0], options.repeats
            )
            seconds = {pairs[w]: pool.spread(taken, steps[w]).median for w, taken in turns.items()}
            chosen = next(w for w, count in pairs.items() if count is None)
            rows.append({
                "name": case.name, "network": case.network, "batch": case.batch,
                "seconds": {str(count or "chosen"): value for count, value in seconds.items()},
                "speed_up": seconds[1] / seconds[options.thread_counts[-1]],
                "plan": pool.turn(chosen, lambda w: w.ask("note")),
            })  # fmt: skip
    return {"cases": rows}
