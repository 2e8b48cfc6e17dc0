"""The file of fits: one JSON line each, appended as soon as a fit is done.

A fit is the same as another where table, split, method, its versions, threads and `timed` are; of
several fits of one method on one split the last counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

KEYS = ("table", "split", "method", "versions", "threads", "timed")


def key_of(row: dict) -> str:
    """Return what tells one fit from another."""
    return json.dumps([row[key] for key in KEYS], sort_keys=True)


def read(path: Path) -> list[dict]:
    """Return the rows of a file, none where there is no file."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def append(path: Path, row: dict) -> None:
    """Add a row at the end of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def latest(rows: Iterable[dict]) -> dict[tuple[str, int, str], dict]:
    """Return the last row of each (table, split, method)."""
    return {(row["table"], row["split"], row["method"]): row for row in rows}
