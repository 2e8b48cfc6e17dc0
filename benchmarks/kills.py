"""Kill training at moments of chance, go on from its checkpoints, and compare the bits at the end.

    python -m benchmarks.kills --kills 100

A run is made once whole. Then it is made in child processes that keep a checkpoint after nearly
every call of the engine: each is killed (SIGKILL) after a time drawn at random, and the next goes
on from the folder as it was left, until one comes to its end. Its parameters, all that stopping
restored and its curves must be those of the whole run to the bit. A kill counts as one in mid-write
where it left a file half written. Children are forked from a process that has compiled everything,
so that training and writing are hit, and not the import of the package. Of tables that is
done in the children alone: Polars, which reads them, does not survive a fork.

With --faults the disk is full, or the folder cannot be written to, at moments of chance as well;
with --damage the newest checkpoint is cut off or has a bit flipped now and then, while the one
before it is whole.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearprop import (
    GRU,
    Checkpoints,
    Dense,
    MLPClassifier,
    Network,
    RNNRegressor,
    Settings,
    TabularClassifier,
)
from clearprop.engines import Block, Recipe
from clearprop.equations import Adam
from clearprop.storage import replace_file
from clearprop.training import History, Run, Stopping, Validation

DRAW = np.random.default_rng(7)
X = DRAW.normal(size=(512, 12)).astype(np.float32)
Y = (X[:, :3].sum(axis=1) > 0).astype(int)

# folder (None to keep nothing) → what must be the same
Fit = Callable[[Checkpoints | None], bytes]


def _bits(history: History, *vectors: np.ndarray) -> bytes:
    curves = np.array([*history.objective, *history.validation_loss, history.best_epoch])
    return b"".join(array.tobytes() for array in (curves, *vectors))


def small(kept: Checkpoints | None) -> bytes:
    """Train a small network on two threads, with dropout and early stopping."""
    network = Network(12, (Dense(16, "relu", dropout=0.2), Dense(2, "softmax")), "cross_entropy")
    return _run(network, kept, epochs=60, threads=2)


def wide(kept: Checkpoints | None) -> bytes:
    """Train a network of 270,000 parameters, whose checkpoints take 4 MB."""
    network = Network(12, (Dense(512, "gelu"), Dense(512), Dense(2, "softmax")), "cross_entropy")
    return _run(network, kept, epochs=6, threads=1)


def _run(network: Network, kept: Checkpoints | None, epochs: int, threads: int) -> bytes:
    recipe = Recipe(Adam(0.003), batch_size=64, epochs=epochs)
    stopping = Stopping("validation_loss", patience=30, tolerance=0, restore_best=True)
    settings = Settings(recipe, "native", threads, seed=5, stopping=stopping)
    held = Validation(Block.of(network, X[400:], Y[400:]))
    run = Run(network, Block.of(network, X[:400], Y[:400]), settings, validation=held)
    outcome = run.finish([], kept)
    return _bits(outcome.history, outcome.parameters.vector, outcome.state.slots)


def classifier(kept: Checkpoints | None) -> bytes:
    """Fit a classifier whose rows are shuffled as scikit-learn shuffles."""
    model = MLPClassifier(
        (16,), batch_size=32, max_iter=40, random_state=1, early_stopping=True,
        n_iter_no_change=np.inf, checkpoint=kept, threads=1,
    )  # fmt: skip
    return _bits(model.fit(X, Y).history_, model.parameters_.vector)


def sequences(kept: Checkpoints | None) -> bytes:
    """Train a recurrent network in pieces, whose states are carried over."""
    network = Network(2, (GRU(6), Dense(1)), "half_squared_error", readout="every")
    draw = np.random.default_rng(3)
    x = [draw.normal(size=(n, 2)) for n in draw.integers(5, 40, size=24)]
    block = Block.of(network, x, [steps[:, :1].cumsum(axis=0) for steps in x])
    recipe = Recipe(Adam(0.01), batch_size=4, epochs=20, truncate=8)
    outcome = Run(network, block, Settings(recipe, threads=1)).finish([], kept)
    return _bits(outcome.history, outcome.parameters.vector)


def forecasts(kept: Checkpoints | None) -> bytes:
    """Fit a forecast of one series."""
    wave = np.sin(np.arange(200) / 5)
    model = RNNRegressor(8, window=20, max_iter=8, random_state=0, checkpoint=kept, threads=1)
    return _bits(model.fit(wave).history_, model.parameters_.vector)


def folds(kept: Checkpoints | None) -> bytes:
    """Fit three networks of four members each, one a fold, on a table."""
    model = TabularClassifier(
        (16,), members=4, n_cv=3, max_epochs=8, batch_size=64, checkpoint=kept, threads=1
    )
    model.fit(X, Y)
    vectors = [parameters.vector for parameters in model.bagged_]
    return _bits(model.history_, *vectors, np.array([model.temperature_ or 0.0]))


FITS: dict[str, Fit] = {
    fit.__name__: fit for fit in (small, wide, classifier, sequences, forecasts, folds)
}


@dataclass
class Score:
    """What happened to one kind of fit."""

    kills: int = 0
    in_mid_write: int = 0
    finished: int = 0
    equal: int = 0
    damaged: int = 0
    faults: int = 0


def campaign(name: str, kills: int, chance: random.Random, *, faults: bool, damage: bool) -> Score:
    """Kill one kind of fit so many times, and compare whatever comes to its end."""
    fit, score = FITS[name], Score()
    wanted, seconds = _whole(fit)
    while score.kills < kills or not score.finished:
        folder = Path(tempfile.mkdtemp(prefix="clearprop-kills-"))
        # about one in six children is left alone, so that runs of many lives come to their end
        while not (folder / "result").exists():
            alone = score.kills >= kills or chance.random() < 1 / 6
            trouble = faults and chance.random() < 0.5 and not alone
            score.faults += trouble
            delay = None if alone else chance.random() * max(0.3, seconds)
            _child(fit, folder, delay, score, trouble=trouble)
            if damage and chance.random() < 0.3:
                score.damaged += _damage(folder, chance)
        score.finished += 1
        score.equal += (folder / "result").read_bytes() == wanted
        shutil.rmtree(folder)
    return score


def _whole(fit: Fit) -> tuple[bytes, float]:
    """Make a run that nobody breaks off; return its result, and how long it took."""
    if fit is not folds:
        fit(None)  # children are to find the kernels loaded
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result"
        began = time.perf_counter()
        _wait(_forked(lambda: replace_file(path, [fit(None)])))
        return path.read_bytes(), time.perf_counter() - began


def _forked(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def _wait(pid: int) -> None:
    status = os.waitpid(pid, 0)[1]
    if status:
        raise SystemExit(f"a run that nobody killed ended with {status}")


def _child(fit: Fit, folder: Path, delay: float | None, score: Score, *, trouble: bool) -> None:
    before = _unfinished(folder)

    def work() -> None:
        kept = Checkpoints(folder / "kept", "0.001 seconds", keep=3, resume=True)
        if trouble:
            _full_disk(random.Random(time.monotonic()))
        replace_file(folder / "result", [fit(kept)])

    pid = _forked(work)
    if delay is not None:
        time.sleep(delay)
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        os.kill(pid, signal.SIGKILL)
        score.kills += 1
        os.waitpid(pid, 0)
        score.in_mid_write += bool(_unfinished(folder) - before)
    else:
        _wait(pid)


def _unfinished(folder: Path) -> set[Path]:
    return set(folder.rglob(".clearprop-*.tmp"))


def _full_disk(chance: random.Random) -> None:
    """Let every third call that makes bytes last fail, in this process."""
    real = os.fsync

    def full(handle: int) -> None:
        if chance.random() < 1 / 3:
            raise OSError(28, os.strerror(28))
        real(handle)

    os.fsync = full


def _damage(folder: Path, chance: random.Random) -> bool:
    """Spoil the checkpoint that was written last, if another is there besides."""
    files = sorted(folder.rglob("step-*.checkpoint"), key=lambda path: path.stat().st_mtime_ns)
    if not files or sum(path.parent == files[-1].parent for path in files) < 2:
        return False
    data = bytearray(files[-1].read_bytes())
    if chance.random() < 0.5:
        data = data[: chance.randrange(len(data) or 1)]
    elif data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    # it is the last one written now as well, and so no other is spoilt before a new one is there
    files[-1].write_bytes(data)
    return True


def main() -> None:
    """Run what the arguments ask for and print a line for each kind of fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="of all kinds of fits together")
    parser.add_argument("--only", choices=list(FITS), action="append", help="kinds of fits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", action="store_true", help="the disk is full now and then")
    parser.add_argument("--damage", action="store_true", help="spoil the newest checkpoint")
    asked = parser.parse_args()
    names = asked.only or list(FITS)
    # children share the plans: measuring them anew could choose others for the whole run
    os.environ.setdefault("CLEARPROP_PLAN", "guess")
    warnings.simplefilter("ignore")
    print(f"{'fit':<12}{'kills':>7}{'in mid-write':>14}{'damaged':>9}{'full disk':>11}"
          f"{'finished':>10}{'same bits':>11}")  # fmt: skip
    total = Score()
    for number, name in enumerate(names):
        share = asked.kills // len(names) + (number < asked.kills % len(names))
        chance = random.Random(f"{asked.seed} {name}")
        score = campaign(name, share, chance, faults=asked.faults, damage=asked.damage)
        _print(name, score)
        for field, value in vars(score).items():
            setattr(total, field, getattr(total, field) + value)
    _print("all", total)
    sys.exit(total.equal != total.finished)


def _print(name: str, score: Score) -> None:
    print(
        f"{name:<12}{score.kills:>7}{score.in_mid_write:>14}{score.damaged:>9}{score.faults:>11}"
        f"{score.finished:>10}{score.equal:>11}",
        flush=True,
    )


if __name__ == "__main__":
    main()
