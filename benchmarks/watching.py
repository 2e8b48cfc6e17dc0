"""What watching parameters costs: off, one weight at every step, whole vectors, in one run.

    python -m benchmarks.watching [--repeats 9]

The same training run (native engine, Adam, four epochs) with and without a `Watch`, one after the
other in every repeat, so that a busy machine slows them alike. Shown is the median time of a step
with nothing watched, and the median of the repeats' ratios to it.
"""

from __future__ import annotations

import argparse
import statistics
import time

from benchmarks.peers.ours import network_of, parameters_of
from benchmarks.problems import CASES, RATE, Problem
from clearprop.engines import Block, Recipe
from clearprop.equations import Adam
from clearprop.training import InOrder, Settings, Stopping, Watch, train

EPOCHS = 4
WATCHES = {
    "off": Watch(),
    "one weight": Watch((0,)),
    "100 weights": Watch(tuple(range(100))),
    "snapshots": Watch(snapshots=EPOCHS + 1),
}


def seconds(problem: Problem, watch: Watch) -> float:
    """Return how long a run takes with this watch."""
    recipe = Recipe(Adam(RATE), batch_size=problem.case.batch, epochs=EPOCHS)
    settings = Settings(recipe, orders=InOrder(), stopping=Stopping(patience=EPOCHS), watch=watch)
    network = network_of(problem.case)
    block = Block.of(network, problem.x, problem.y)
    began = time.perf_counter()
    train(network, block, settings, parameters=parameters_of(problem))
    return time.perf_counter() - began


def measure(problem: Problem, repeats: int) -> tuple[float, dict[str, float]]:
    """Return the seconds of a run with nothing watched, and the ratios of the others to it."""
    size = network_of(problem.case).size
    watches = {name: w for name, w in WATCHES.items() if max(w.entries, default=0) < size}
    seconds(problem, watches["off"])
    times = [{name: seconds(problem, w) for name, w in watches.items()} for _ in range(repeats)]
    ratios = {
        name: statistics.median(row[name] / row["off"] for row in times)
        for name in watches
        if name != "off"
    }
    return statistics.median(row["off"] for row in times), ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print("microseconds a step with nothing watched, and time with a watch / time without")
    for case in (case.with_steps(min(case.steps, 2000)) for case in CASES[:-1]):
        off, ratios = measure(Problem.of(case), options.repeats)
        shown = "   ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items())
        step = off / case.steps / EPOCHS * 1e6
        print(f"{case.network:>20} batch {case.batch:<4} {step:9.2f}   {shown}", flush=True)


if __name__ == "__main__":
    main()
