"""Write a large table of a known law, as a folder of Parquet files.

A row has numbers, some far out and some missing, and categories; the target is 1 with the chance
1 / (1 + exp(-s)), where

    s = 1.5 sin(2 n0) + n1 n2 + 0.8 n3 - 0.6 |n4| + level effects + 0.9 [n5 missing]

so that the best possible log loss and accuracy are known; they are printed. `make(folder, size)`
writes about `size` bytes, always the same ones for one seed.

    python benchmarks/large_table.py FOLDER --size 5GB
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=bytes_of, default="5GB")
    wish = parser.parse_args()
    print(json.dumps(make(wish.folder, wish.size)))
