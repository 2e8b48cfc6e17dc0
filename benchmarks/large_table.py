"""A large table of a known law: written as a folder of Parquet files, and trained on.

A row has numbers, some far out and some missing, and categories; the target is 1 with the chance
1 / (1 + exp(-s)), where

    s = 1.5 sin(2 n0) + n1 n2 + 0.8 n3 - 0.6 |n4| + level effects + 0.9 [n5 missing]

so that the best possible log loss and accuracy are known; they are printed. `make(folder, size)`
writes about `size` bytes, always the same ones for one seed.

`train` trains with the default settings of `TabularClassifier`, streamed within a bound on
memory or with the table in memory, and prints rows a second of training, the most memory that the
process has held (Python and the libraries included), and how good the model is on rows of another
seed.

    python -m benchmarks.large_table make FOLDER --size 5GB
    python -m benchmarks.large_table make TEST --size 100MB --seed 1
    python -m benchmarks.large_table train FOLDER --test TEST --memory 1GB --epochs 1
    python -m benchmarks.large_table train FOLDER --test TEST --in-memory --epochs 1
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

NUMBERS = 40
ROWS_OF_A_FILE = 500_000
ROWS_OF_A_GROUP = 62_500
# as measured of one file: doubles of chance cannot be packed
BYTES_A_ROW = 321


def rows_of(seed: int, number: int, rows: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Return one file's rows and the true chance of each."""
    random = np.random.Generator(np.random.Philox([seed, number]))
    values = random.standard_normal((NUMBERS, rows))
    score = 1.5 * np.sin(2 * values[0]) + values[1] * values[2] + 0.8 * values[3]
    score -= 0.6 * np.abs(values[4])
    columns: dict[str, pl.Series] = {}
    for k, levels in enumerate((3, 12, 60)):
        codes = random.integers(0, levels, rows)
        score += 0.8 * np.cos(codes)  # the effect of a level
        names = pl.Series([f"level {code}" for code in range(levels)])
        columns[f"c{k}"] = names.gather(codes)
    missing = random.random(rows) < 0.2
    score += 0.9 * missing
    for k in range(NUMBERS):
        # every fourth number has a long tail; its order is what it was
        column = np.exp(values[k]) if k % 4 == 3 else values[k]
        columns[f"n{k}"] = pl.Series(column)
    columns["n5"] = pl.select(pl.when(pl.Series(~missing)).then(columns["n5"])).to_series()
    chance = 1 / (1 + np.exp(-score))
    frame = pl.DataFrame(columns).with_columns(
        pl.Series("y", (random.random(rows) < chance).astype(np.int8))
    )
    return frame, chance


def make(folder: Path, size: float, seed: int = 0) -> dict[str, float]:
    """Write files of about `size` bytes in all; return their rows and what can be reached."""
    folder.mkdir(parents=True, exist_ok=True)
    left, number = int(size / BYTES_A_ROW), 0
    rows = hits = loss = 0.0
    while left > 0:
        frame, chance = rows_of(seed, number, min(ROWS_OF_A_FILE, left))
        path = folder / f"part-{number:03}.parquet"
        frame.write_parquet(path, row_group_size=ROWS_OF_A_GROUP, compression="lz4")
        hits += np.maximum(chance, 1 - chance).sum()
        loss -= (chance * np.log(chance) + (1 - chance) * np.log1p(-chance)).sum()
        rows, left, number = rows + frame.height, left - frame.height, number + 1
    written = sum(path.stat().st_size for path in folder.iterdir())
    return {
        "rows": int(rows), "bytes": written, "best accuracy": hits / rows,
        "best log loss": loss / rows,
    }  # fmt: skip


def bytes_of(text: str) -> float:
    """Read `5GB` or `300MB`."""
    return float(text[:-2]) * {"GB": 1e9, "MB": 1e6}[text[-2:]]


def train(wish: argparse.Namespace) -> dict[str, Any]:
    """Train one way, and measure."""
    from clearprop import Stream, TabularClassifier
    from clearprop.estimators.stream_metrics import measure_stream
    from clearprop.training import Batches

    seen: list[tuple[float, int]] = []

    def watch(event: Any) -> None:
        if isinstance(event, Batches):
            seen.append((time.perf_counter(), event.rows_done))

    model = TabularClassifier(
        max_epochs=wish.epochs, threads=wish.threads, batch_size=wish.batch_size
    )
    began = time.perf_counter()
    if wish.in_memory:
        prepared = model.prepare(pl.read_parquet(wish.folder / "*.parquet"), "y")
    else:
        prepared = model.prepare(Stream(wish.folder, wish.memory), "y")
    rows = prepared.run.block.visits
    ready, before, busy = time.perf_counter(), _most_memory(), time.process_time()
    model.keep(prepared, prepared.finish([watch]))
    done, busy = time.perf_counter(), time.process_time() - busy
    most = _most_memory()
    metrics = measure_stream(model, Stream(wish.test, "2GB")).metrics()
    trained = model.history_.seconds[-1]
    return {
        "way": "in memory" if wish.in_memory else f"streamed within {wish.memory}",
        "rows": rows,
        "features": prepared.encoder.width,
        "preparing (s)": round(ready - began, 1),
        "training (s)": round(trained, 1),
        "all (s)": round(done - began, 1),
        # one epoch or several, reading, encoding and validation included
        # of all threads: what other programs on the machine do not change
        "processor time of training (s)": round(busy, 1),
        "rows a second": round(rows * len(model.history_) / trained),
        "most memory (MB)": round(most / 1e6),
        "of it while preparing (MB)": round(before / 1e6),
        "epoch": [round(second - ready, 1) for second, place in seen if place == rows],
        "buffer (rows)": getattr(prepared.run.block, "most", None),
        **{metric.name: round(metric.value, 5) for metric in metrics},
    }


def _most_memory() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Write a table, or train on one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(required=True)
    made = verbs.add_parser("make")
    made.add_argument("folder", type=Path)
    made.add_argument("--size", type=bytes_of, default="5GB")
    made.add_argument("--seed", type=int, default=0)
    made.set_defaults(run=lambda wish: make(wish.folder, wish.size, wish.seed))
    trained = verbs.add_parser("train")
    trained.add_argument("folder", type=Path)
    trained.add_argument("--test", type=Path, required=True)
    trained.add_argument("--memory", default="1GB")
    trained.add_argument("--in-memory", action="store_true")
    trained.add_argument("--epochs", type=int, default=1)
    trained.add_argument("--threads", type=int, default=2)
    trained.add_argument("--batch-size", type=int, default=2048)
    trained.set_defaults(run=train)
    wish = parser.parse_args()
    print(json.dumps(wish.run(wish), indent=1))


if __name__ == "__main__":
    main()
