"""Fits at once: the first compilation by several processes, and what threads cost each other.

    python -m benchmarks.together --processes 3

First so many processes start with an empty folder for kernels and compile the same kernel at once;
each must train to the same bits, and a later process must find the kernel. Then fits run one after
another, at once in threads, and at once in forked processes, each fit with as many threads as there
are cores: the time of all of them is given as a multiple of one after another. On a machine whose
cores are busy already a multiple near 1 is the best there can be.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

TRAIN = "from benchmarks.together import fit; print(fit(0))"


def fit(seed: int) -> str:
    """Train a network with two threads; return a digest of its parameters."""
    from clearprop import Dense, Network, Settings, train
    from clearprop.engines import Block, Recipe
    from clearprop.equations import Adam
    from clearprop.training import Stopping

    draw = np.random.default_rng(1)
    x = draw.normal(size=(4096, 32))
    network = Network(32, (Dense(64, "relu"), Dense(2, "softmax")), "cross_entropy", "float64")
    block = Block.of(network, x, (x[:, 0] > 0).astype(int))
    recipe = Recipe(Adam(0.001), batch_size=256, epochs=40)
    stopping = Stopping(patience=np.inf)
    outcome = train(network, block, Settings(recipe, "native", 2, seed, stopping=stopping))
    return hashlib.sha256(outcome.parameters.vector.tobytes()).hexdigest()


def first_compilation(processes: int) -> None:
    """Let processes that find no kernel compile it at once."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CLEARPROP_CACHE": folder}
        command = [sys.executable, "-c", TRAIN]
        began = time.perf_counter()
        running = [
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(processes)
        ]
        said = [process.communicate() for process in running]
        seconds = time.perf_counter() - began
        later = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        digests = {out for out, _ in said} | {later.stdout}
        compiled = sum("Compiling" in error for _, error in said)
        print(
            f"first compilation: {compiled} of {processes} processes compiled at once in "
            f"{seconds:.0f} s; different results: {len(digests) - 1}; a later process compiled: "
            f"{'Compiling' in later.stderr}"
        )


def at_once(count: int) -> None:
    """Time fits one after another, in threads, and in forked processes."""
    wanted = [fit(seed) for seed in range(count)]
    began = time.perf_counter()
    assert [fit(seed) for seed in range(count)] == wanted
    one_by_one = time.perf_counter() - began
    print(f"{count} fits of two threads, one after another: {one_by_one:.2f} s")

    found: dict[int, str] = {}
    workers = [
        threading.Thread(target=lambda seed=seed: found.update({seed: fit(seed)}))
        for seed in range(count)
    ]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    _say("in threads", time.perf_counter() - began, one_by_one, list(map(found.get, range(count))) == wanted)  # noqa: E501  # fmt: skip

    with multiprocessing.get_context("fork").Pool(count) as pool:
        began = time.perf_counter()
        same = pool.map(fit, range(count)) == wanted
        _say("in forked processes", time.perf_counter() - began, one_by_one, same)


def _say(how: str, seconds: float, one_by_one: float, same: bool) -> None:
    print(f"at once {how}: {seconds / one_by_one:.2f} times that; same bits: {same}")


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--only", choices=["compile", "fits"])
    asked = parser.parse_args()
    os.environ.setdefault("CLEARPROP_PLAN", "guess")
    if asked.only != "fits":
        first_compilation(asked.processes)
    if asked.only != "compile":
        at_once(asked.processes)


if __name__ == "__main__":
    main()
