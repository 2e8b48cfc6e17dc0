"""Many networks at once: how much 32 seeds cost, beside one, on each engine.

    python -m benchmarks.many [--seeds 32] [--device cpu] [--repeats 3]

Of three networks and tables of random rows, in float32 with Adam: the seconds of one run, of all
seeds at once, and their ratio; compiled before, the least of the repeats. docs/scaling.md reads the
figures.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from clearprop import Dense, Network
from clearprop.engines import Block, Hardware, Recipe
from clearprop.training import Settings, seeded, train, train_many

# units, rows, batch, epochs
CASES = (
    ((4, 10, 3), 128, 32, 100),
    ((30, 64, 64, 2), 512, 64, 25),
    ((54, 256, 256, 7), 2048, 256, 3),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--device")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"| network | rows, batch, epochs | engine | one, s | {options.seeds} seeds, s | ratio |")
    print("|---|---|---|---|---|---|")
    for units, rows, batch, epochs in CASES:
        for engine in ("xla", "native"):
            one, many = timed(units, rows, batch, epochs, engine, options)
            name = "-".join(map(str, units))
            print(
                f"| {name} | {rows:,}, {batch}, {epochs} | {engine} | {one:.3f} | {many:.3f} "
                f"| {many / one:.1f} |",
                flush=True,
            )
    return 0


def timed(
    units: tuple[int, ...],
    rows: int,
    batch: int,
    epochs: int,
    engine: str,
    options: argparse.Namespace,
) -> tuple[float, float]:
    """Return the seconds of one run, and of all seeds at once."""
    layers = (*(Dense(n, "relu") for n in units[1:-1]), Dense(units[-1], "softmax"))
    network, draw = Network(units[0], layers, "cross_entropy"), np.random.default_rng(0)
    x, y = draw.normal(size=(rows, units[0])), draw.integers(0, units[-1], rows)
    block, recipe = Block.of(network, x, y), Recipe(batch_size=batch, epochs=epochs)
    settings = Settings(recipe, engine, hardware=Hardware(options.device))
    many = seeded(settings, range(options.seeds))
    found = []
    for work in (lambda: train(network, block, settings), lambda: train_many(network, block, many)):
        work()
        taken = []
        for _ in range(options.repeats):
            began = time.perf_counter()
            work()
            taken.append(time.perf_counter() - began)
        found.append(min(taken))
    return found[0], found[1]


if __name__ == "__main__":
    sys.exit(main())
