"""One epoch of training beside scikit-learn, PyTorch eager and a NumPy loop, in one run.

    python benchmarks/epoch.py [--repeats 5] [--threads 2] [--json FILE]

Adam, ReLU, softmax cross-entropy, float32; the same start, the same rows in the same order. Each
peer runs with one thread and with all, and its better median counts. Peers that are not installed
are left out and named. Before timing, all losses after a few steps are held against each other.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.equations import Adam

# units of each layer, batch, steps of the timed epoch
CASES = (
    ((2, 2, 2), 1, 2000),
    ((4, 10, 3), 32, 1000),
    ((64, 100, 10), 200, 200),
    ((54, 128, 128, 7), 256, 100),
    ((784, 512, 256, 10), 128, 30),
    ((1024, 1024, 1024, 1024, 10), 1024, 3),
)
RATE = 1e-3


@dataclass(frozen=True)
class Problem:
    """Data, order and start that every peer gets."""

    units: tuple[int, ...]
    batch: int
    x: np.ndarray
    y: np.ndarray
    network: Network
    start: Parameters

    @classmethod
    def of(cls, units: tuple[int, ...], batch: int, steps: int) -> Problem:
        """Draw rows for so many steps, labels and a start."""
        generator = np.random.default_rng(0)
        x = generator.normal(size=(batch * steps, units[0])).astype(np.float32)
        y = generator.integers(0, units[-1], len(x))
        layers = [Dense(n, "relu") for n in units[1:-1]] + [Dense(units[-1], "softmax")]
        network = Network(units[0], tuple(layers), "cross_entropy")
        return cls(units, batch, x, y, network, Parameters.initial(network, 0))


# a peer's epoch: trains once over the rows and returns the mean loss of its last step
Epoch = Callable[[], float]


def clearprop_epoch(problem: Problem, threads: int | None) -> Epoch:
    recipe = Recipe(Adam(RATE), batch_size=problem.batch)
    engine = build("native", problem.network, recipe, threads)
    block = Block.of(problem.network, problem.x, problem.y)
    state = engine.initial_state(problem.start)
    steps = len(problem.x) // problem.batch

    def epoch() -> float:
        nonlocal state
        state.position = 0
        state, record = engine.advance(state, block, steps)
        return float(record.losses[-1])

    return epoch


def numpy_epoch(problem: Problem, threads: int) -> Epoch:
    weights = [W.T.copy() for W in problem.start.weights]
    biases = [b.copy() for b in problem.start.biases]
    values = weights + biases
    means, squares = ([np.zeros_like(v) for v in values] for _ in range(2))
    step = 0

    def epoch() -> float:
        nonlocal step
        loss = 0.0
        for first in range(0, len(problem.x), problem.batch):
            x, y = (
                problem.x[first : first + problem.batch],
                problem.y[first : first + problem.batch],
            )
            a = [x]
            for W, b in zip(weights, biases, strict=True):
                z = a[-1] @ W + b
                a.append(np.maximum(z, 0) if W is not weights[-1] else z)
            e = np.exp(a[-1] - a[-1].max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            rows = np.arange(len(y))
            loss = float(-np.log(p[rows, y]).mean())
            p[rows, y] -= 1
            delta = p / np.float32(len(y))
            grads_w, grads_b = [], []
            for index in range(len(weights) - 1, -1, -1):
                grads_w.insert(0, a[index].T @ delta)
                grads_b.insert(0, delta.sum(axis=0))
                if index:
                    delta = (delta @ weights[index].T) * (a[index] > 0)
            step += 1
            rate = np.float32(RATE * np.sqrt(1 - 0.999**step) / (1 - 0.9**step))
            tiny = np.float32(1e-8 * np.sqrt(1 - 0.999**step))
            for v, g, m, s in zip(values, grads_w + grads_b, means, squares, strict=True):
                m += np.float32(0.1) * (g - m)
                s += np.float32(0.001) * (g * g - s)
                v -= rate * m / (np.sqrt(s) + tiny)
        return loss

    return epoch


def torch_epoch(problem: Problem, threads: int) -> Epoch:
    import torch

    torch.set_num_threads(threads)
    layers: list[torch.nn.Module] = []
    for W, b in zip(problem.start.weights, problem.start.biases, strict=True):
        linear = torch.nn.Linear(W.shape[1], W.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.copy()))
            linear.bias.copy_(torch.from_numpy(b.copy()))
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.Adam(model.parameters(), RATE)
    loss_function = torch.nn.CrossEntropyLoss()
    x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)

    def epoch() -> float:
        loss = torch.tensor(0.0)
        for first in range(0, len(x), problem.batch):
            optimiser.zero_grad()
            loss = loss_function(
                model(x[first : first + problem.batch]), y[first : first + problem.batch]
            )
            loss.backward()
            optimiser.step()
        return float(loss.detach())

    return epoch


def sklearn_epoch(problem: Problem, threads: int) -> Epoch:
    """One `partial_fit`, which is one epoch in the rows' own order."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        problem.units[1:-1], alpha=0, batch_size=problem.batch, learning_rate_init=RATE,
        shuffle=False, random_state=0,
    )  # fmt: skip
    classes = np.arange(problem.units[-1])
    some = np.arange(min(len(problem.x), max(problem.batch, 64)))
    model.partial_fit(problem.x[some], problem.y[some], classes=classes)

    def epoch() -> float:
        model.partial_fit(problem.x, problem.y)
        return float("nan")

    return epoch


PEERS: dict[str, Callable[[Problem, int], Epoch]] = {
    "PyTorch eager": torch_epoch,
    "scikit-learn": sklearn_epoch,
    "NumPy loop": numpy_epoch,
}


def median_time(epoch: Epoch, repeats: int) -> float:
    """Return the median seconds of an epoch, after one that does not count.

    BLAS and OpenMP threads of whoever ran before go on spinning for a tenth of a second.
    """
    time.sleep(0.5)
    epoch()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        epoch()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def check_same_work(problem: Problem, threads: int) -> float:
    """Return the largest relative difference of the peers' losses after one epoch."""
    ours = clearprop_epoch(problem, threads)()
    losses = [numpy_epoch(problem, threads)()]
    if "PyTorch eager" in PEERS:
        losses.append(torch_epoch(problem, threads)())
    return max(abs(loss - ours) / abs(ours) for loss in losses)


def measure(units: tuple[int, ...], batch: int, steps: int, options: argparse.Namespace) -> dict:
    problem = Problem.of(units, batch, steps)
    difference = check_same_work(Problem.of(units, batch, min(steps, 10)), options.threads)
    row: dict = {"network": "-".join(map(str, units)), "batch": batch, "difference": difference}
    ours = median_time(clearprop_epoch(problem, None), options.repeats) / steps
    row["clearprop"] = ours * 1e6
    for name, peer in PEERS.items():
        best = float("inf")
        for threads in sorted({1, options.threads}):
            with threadpool_limits(threads), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                best = min(best, median_time(peer(problem, threads), options.repeats) / steps)
        row[name] = best * 1e6
        row[f"{name} ratio"] = best / ours
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", help="also write the figures to this file")
    options = parser.parse_args()
    try:
        import torch  # noqa: F401
    except ImportError:
        del PEERS["PyTorch eager"]
        print("PyTorch is not installed and is left out.")
    rows = []
    print("microseconds a step (peer's time / ours)")
    for case in CASES:
        row = measure(*case, options)
        rows.append(row)
        peers = "   ".join(f"{n} {row[n]:,.1f} ({row[f'{n} ratio']:.1f}x)" for n in PEERS)
        print(
            f"{row['network']:>26} batch {row['batch']:<5} clearprop {row['clearprop']:,.2f}   "
            f"{peers}   losses differ by {row['difference']:.1e}",
            flush=True,
        )
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": platform.processor() or platform.machine(), "rows": rows}, file)


if __name__ == "__main__":
    main()
