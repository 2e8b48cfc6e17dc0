"""How training scales over processes: measured on this machine, and a model beyond it.

    python -m benchmarks.scaling [--batch 1024] [--repeats 15]

Each process has one core of its own. Measured are a step of 784-512-256-10 in float32 by one
process with the whole batch and with half of it, by two processes with half of it each, and an
all-reduce between the two, of the gradient and of a single number. docs/scaling.md reads the
figures and states the model:

    step(p) = compute(batch / p) + 2 ⌈log₂ p⌉ λ + 2 (p - 1)/p · G / β

with G the gradient's bytes, λ the time of a message and β the bytes a second, both from the two
all-reduces; compute is a line through the two batches that one process was measured with.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

UNITS = (784, 512, 256, 10)
DEVICES = (2, 8, 16, 64, 256, 1024)


@dataclass(frozen=True)
class Measured:
    """Seconds.

    Attributes
    ----------
    batch : int
    whole, half : float
        A step of one process with the batch, and with half of it.
    two : float
        A step of two processes with half of the batch each.
    number, gradient : float
        An all-reduce of one number, and of the gradient, between two processes.
    size : int
        Bytes of the gradient.
    """

    batch: int
    whole: float
    half: float
    two: float
    number: float
    gradient: float
    size: int

    def compute(self, rows: float) -> float:
        """Return the seconds that a process computes on so many rows."""
        slope = (self.whole - self.half) / (self.batch / 2)
        return self.half + slope * (rows - self.batch / 2)

    def all_reduce(self, devices: int) -> float:
        """Return the seconds of an all-reduce of the gradient over so many devices."""
        # two devices: 2 messages of λ, and each byte once
        latency, rate = self.number / 2, self.size / max(self.gradient - self.number, 1e-9)
        share = 2 * (devices - 1) / devices
        return 2 * math.ceil(math.log2(devices)) * latency + share * self.size / rate

    def step(self, devices: int, rows: float) -> float:
        """Return the seconds of a step of so many devices, each with so many rows."""
        return self.compute(rows) + self.all_reduce(devices)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--worker", type=int)
    parser.add_argument("--address")
    options = parser.parse_args()
    if options.worker is not None:
        print(json.dumps(worker(options)))
        return 0
    found = measured(options.batch, options.repeats)
    for line in report(found):
        print(line)
    return 0


def report(found: Measured) -> list[str]:
    """Return the figures and the model's table as lines of Markdown."""
    predicted = found.step(2, found.batch / 2)
    lines = [
        f"One process, {found.batch} rows: {1e3 * found.whole:.2f} ms; {found.batch // 2} rows: "
        f"{1e3 * found.half:.2f} ms. Two processes, {found.batch // 2} rows each: "
        f"{1e3 * found.two:.2f} ms, {found.whole / found.two:.2f} times as fast as one; the model "
        f"says {1e3 * predicted:.2f} ms.",
        f"All-reduce between two processes: one number {1e6 * found.number:.0f} µs, "
        f"{found.size / 1e6:.2f} MB {1e3 * found.gradient:.2f} ms.",
        "",
        "| devices | all-reduce, ms | step with the same rows each, ms | efficiency "
        "| step with the same rows in all, ms | times as fast as one |",
        "|---|---|---|---|---|---|",
    ]
    for devices in DEVICES:
        weak, strong = (found.step(devices, rows) for rows in (found.batch, found.batch / devices))
        lines.append(
            f"| {devices:,} | {1e3 * found.all_reduce(devices):.2f} | {1e3 * weak:.2f} "
            f"| {found.whole / weak:.0%} | {1e3 * strong:.2f} | {found.whole / strong:.1f} |"
        )
    return lines


def measured(batch: int, repeats: int) -> Measured:
    """Run the processes, one setting after another."""
    one, half = (_run(1, rows, repeats)[0] for rows in (batch, batch // 2))
    two = _run(2, batch, repeats)[0]
    names = ("number", "gradient", "size")
    return Measured(batch, one["step"], half["step"], two["step"], *(two[name] for name in names))


def _run(processes: int, batch: int, repeats: int) -> list[dict]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "benchmarks.scaling", "--batch", str(batch)]
    command += ["--repeats", str(repeats)]
    if processes > 1:
        command += ["--address", address]
    started = [
        subprocess.Popen([*command, "--worker", str(index)], stdout=subprocess.PIPE, text=True)
        for index in range(processes)
    ]
    # the last line is the result; before it stands what libraries say
    return [json.loads(process.communicate()[0].splitlines()[-1]) for process in started]


def worker(options: argparse.Namespace) -> dict:
    """Measure in one process, on one core."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[options.worker % len(cores)]})
    if not options.address:
        return {"step": _step(options)}
    from clearprop.engines.xla.world import World, joined

    with joined(World(options.address, 2, options.worker)):
        return {"step": _step(options), **_all_reduces(options.repeats)}


def _network() -> Any:
    from clearprop import Dense, Network

    layers = [Dense(units, "relu") for units in UNITS[1:-1]]
    return Network(UNITS[0], (*layers, Dense(UNITS[-1], "softmax")), "cross_entropy", "float32")


def _step(options: argparse.Namespace) -> float:
    from clearprop import Parameters
    from clearprop.engines import Block, Recipe, build

    network, steps = _network(), 4
    draw, rows = np.random.default_rng(0), options.batch * steps
    x = draw.normal(size=(rows, UNITS[0]))
    block = Block.of(network, x, draw.integers(0, UNITS[-1], rows))
    engine = build("xla", network, Recipe(batch_size=options.batch), rows=rows)
    state, taken = engine.initial_state(Parameters.initial(network)), []
    for _ in range(options.repeats + 1):
        state.position = 0
        began = time.perf_counter()
        state, _ = engine.advance(state, block, steps)
        taken.append((time.perf_counter() - began) / steps)
    return median(taken[1:])


def _all_reduces(repeats: int) -> dict:
    import jax

    from clearprop.engines import Hardware
    from clearprop.engines.xla.site import Site

    site, again = Site.of(Hardware()), 20
    found: dict[str, float] = {"size": 4 * _network().size}
    for name, count in (("number", 1), ("gradient", _network().size)):

        def sums(share: Any, x: Any) -> Any:
            # each adds up what the one before gave, so that none is left out
            body = lambda _, x: share.sum(x) / share.parts  # noqa: E731
            return jax.lax.fori_loop(0, again, body, x)

        program = site.compiled(site.spread(sums))
        x, taken = site.put(np.ones(count, dtype=np.float32)), []
        for _ in range(repeats + 1):
            began = time.perf_counter()
            jax.block_until_ready(program(x))
            taken.append((time.perf_counter() - began) / again)
        found[name] = median(taken[1:])
    return found


if __name__ == "__main__":
    sys.exit(main())
