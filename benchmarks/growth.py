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


# what a series does, and what does not grow with it
REASONS = {
    "rows": ("an epoch over more rows is more of the same steps", "a call's"),
    "width": ("products grow with the width's square and all else with the width", "a step's"),
    "depth": ("each hidden layer adds the same work", "the first and last layer's"),
    "batch": ("arithmetic grows with the batch, while the update stays the same", "a step's"),
}


def sentence(what: str, slope: float, work_slope: float, last: float, last_work: float) -> str:
    """Return one sentence that explains a slope beside that of the multiplications.

    `last` and `last_work` are the slopes between the two largest points.
    """
    why, fixed = REASONS[what]
    end = f"between the two largest points the slopes are {last:.2f} and {last_work:.2f}"
    if abs(slope - work_slope) <= 0.1:
        return f"Time grows as the multiplications do: {why}; {end}."
    if slope < work_slope:
        return (
            f"Time grows more slowly, as {fixed} fixed cost weighs on the small end: {why}; {end}."
        )
    return f"Time grows faster, as data outgrow the caches at the large end: {why}; {end}."


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
        if what == "rows":  # whole epochs, as many as make a turn
            calls = {w: max(1, steps[w] // cases[w][1].steps) for w in workers}
            turns = pool.in_rounds(workers, lambda w: w.ask("epochs", calls[w]), options.repeats)
        else:
            calls = steps
            turns = pool.in_rounds(workers, lambda w: w.ask("run", calls[w])[0], options.repeats)
    measured = []
    for worker, (x, case) in cases.items():
        work = case.steps if what == "rows" else 1
        spread = Spread.of([seconds / calls[worker] for seconds in turns[worker]])
        measured.append({
            "x": x, "network": case.network, "batch": case.batch, "seconds": spread.median,
            "low": spread.low, "high": spread.high,
            "multiplications": work * multiplications(case),
        })  # fmt: skip
    xs, times = [p["x"] for p in measured], [p["seconds"] for p in measured]
    slope = log_slope(xs, times)
    work_slope = log_slope(xs, [p["multiplications"] for p in measured])
    last = log_slope(xs[-2:], times[-2:])
    last_work = log_slope(xs[-2:], [p["multiplications"] for p in measured[-2:]])
    return {
        "points": measured, "slope": slope, "slope_of_multiplications": work_slope,
        "last_slope": last, "sentence": sentence(what, slope, work_slope, last, last_work),
    }  # fmt: skip


def _prepare(worker: pool.Worker, case: Case, options: Options) -> int:
    worker.send("make", "benchmarks.worker:Training", TRAINERS[0], case, None)
    worker.receive()
    return worker.ask("calibrate", options.turn_seconds / 2)
