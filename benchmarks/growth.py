"""Growth: how our time grows with rows, width, depth and batch; slopes on a log-log scale.

Each series is told beside the growth of its multiplications. Where time grows more slowly than they
do, something else than arithmetic is left at the small end (a step's fixed cost, passes over
vectors); where faster, something stops fitting a cache at the large end.
"""

from __future__ import annotations

from benchmarks import pool
from benchmarks.options import Options
from benchmarks.peers import TRAINERS
from benchmarks.problems import Case, multiplications
from benchmarks.statistics import Spread, log_slope

DATA_ROWS = 8192  # rows of all series but the first


def series() -> dict[str, list[tuple[int, Case]]]:
    """Return the points of each series: what grows, and the case."""

    def steps(batch: int) -> int:
        return max(2, DATA_ROWS // batch)

    return {
        "rows": [(n * 200, Case((64, 100, 10), 200, n)) for n in (10, 40, 160, 640, 2560)],
        "width": [(w, Case((w, w, w, 10), 256, steps(256))) for w in (16, 32, 64, 128, 256, 512)],
        "depth": [
            (d, Case((64, *[128] * d, 10), 256, steps(256))) for d in (1, 2, 4, 8, 16)
        ],
        "batch": [
            (b, Case((64, 100, 10), b, steps(b))) for b in (1, 4, 16, 64, 256, 1024, 4096)
        ],
    }  # fmt: skip


def sentence(what: str, time_slope: float, work_slope: float, last: float) -> str:
    """Return one sentence that explains a slope beside that of the multiplications."""
    told = {
        "rows": "an epoch over more rows is more of the same steps",
        "width": "the products grow with the width's square, all else with the width",
        "depth": "each hidden layer adds the same work",
        "batch": "a step on more rows does more arithmetic and the same update",
    }[what]
    if abs(time_slope - work_slope) <= 0.1:
        return f"Time grows as the multiplications do, for {told}."
    if time_slope < work_slope:
        return (
            f"Time grows more slowly than the multiplications, for at the small end each step has "
            f"costs that do not grow with them; between the two largest points the slope is "
            f"{last:.2f} ({told})."
        )
    return (
        f"Time grows faster than the multiplications, for at the large end data no longer fit the "
        f"caches that they fitted before; between the two largest points the slope is {last:.2f} "
        f"({told})."
    )


def run(options: Options) -> dict:
    """Measure all series, each point in rounds with the others of its series."""
    return {"series": {what: _series(options, what, points) for what, points in series().items()}}


def _series(options: Options, what: str, points: list[tuple[int, Case]]) -> dict:
    options.say(f"growth with {what}: {', '.join(str(x) for x, _ in points)}")
    with pool.closing([pool.Worker(str(x)) for x, _ in points]) as workers:
        cases = dict(zip(workers, points, strict=True))
        steps = {}
        for worker, (_, case) in cases.items():
            steps[worker] = pool.turn(worker, lambda w, k=case: _prepare(w, k, options))
            if what == "rows":
                steps[worker] = case.steps
        turns = pool.in_rounds(workers, lambda w: w.ask("run", steps[w])[0], options.repeats)
    measured = []
    for worker, (x, case) in cases.items():
        # rows: an epoch; else a step
        calls, work = (1, case.steps) if what == "rows" else (steps[worker], 1)
        spread = Spread.of([seconds / calls for seconds in turns[worker]])
        measured.append({
            "x": x, "network": case.network, "batch": case.batch, "seconds": spread.median,
            "low": spread.low, "high": spread.high,
            "multiplications": work * multiplications(case),
        })  # fmt: skip
    xs, times = [p["x"] for p in measured], [p["seconds"] for p in measured]
    slope = log_slope(xs, times)
    work_slope = log_slope(xs, [p["multiplications"] for p in measured])
    last = log_slope(xs[-2:], times[-2:])
    return {
        "points": measured, "slope": slope, "slope_of_multiplications": work_slope,
        "last_slope": last, "sentence": sentence(what, slope, work_slope, last),
    }  # fmt: skip


def _prepare(worker: pool.Worker, case: Case, options: Options) -> int:
    worker.send("make", "benchmarks.worker:Training", TRAINERS[0], case, None)
    worker.receive()
    return worker.ask("calibrate", options.turn_seconds / 2)
