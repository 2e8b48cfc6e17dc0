"""How long an explanation of a 784-512-256-10 network takes: analyses, and chapters as pages.

    python -m benchmarks.explaining [--repeats 5]

Shown are medians in milliseconds, on a batch of 32 rows. The chain rule of a weight with its ten
largest paths out of 25,600 is to take less than a second.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from clearprop import Dense, Network, explain
from clearprop.explanation.chapters import CHAPTERS


def median_milliseconds(work: Callable[[], object], repeats: int) -> float:
    """Return the median time of a call, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    network = Network(784, (Dense(512), Dense(256), Dense(10, "softmax")), "cross_entropy")
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(32, 784)), draw.integers(0, 10, 32)
    explanation = explain(network, x, y)
    for paths in (10, 100, 1000):
        taken = median_milliseconds(lambda n=paths: explanation.chain("h1.1<-x1", paths=n), repeats)
        print(f"chain rule, {paths:>4} paths {taken:10.1f} ms")
    for chapter in CHAPTERS:
        taken = median_milliseconds(lambda c=chapter: explanation.to_html(chapters=[c]), repeats)
        print(f"chapter {chapter:<14} {taken:10.1f} ms")


if __name__ == "__main__":
    main()
