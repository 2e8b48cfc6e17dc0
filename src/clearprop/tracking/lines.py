"""`JSONLines`: a run as lines of JSON, one an event, which any program can follow as it grows.

    {"event": "begin", "time": "2026-01-31T09:00:00+00:00", "network": "4 → 10 relu → 3 softmax", …}
    {"event": "epoch", "epoch": 1, "loss": 1.09, …, "gradient_norms": {"1": 0.21, "2": 0.4}}
    {"event": "stop", "reason": "finished", "message": …, "epoch": 200, "best_epoch": 198}

Public names: `JSONLines`.
May import: `records`, `clearprop.errors`.
"""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clearprop.errors import FileError
from clearprop.tracking.records import Tracker


class JSONLines(Tracker):
    """Appends to a file, a line an event; each line is on the disk before training goes on.

    Parameters
    ----------
    path : str or path
        What is in it already stays. Numbers that JSON lacks (nan, inf) become null.
    gradients, every : see `clearprop.tracking.records.Tracker`

    Examples
    --------
    >>> from clearprop import MLPClassifier
    >>> from clearprop.tracking import JSONLines
    >>> model = MLPClassifier(callbacks=[JSONLines("run.jsonl")])
    """

    def __init__(self, path: str | os.PathLike[str], **options: Any) -> None:
        super().__init__(**options)
        self.path = Path(path)

    def _begun(self, run: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._write({"event": "begin", "time": now, **run})

    def _epoch(self, epoch: int, values: dict[str, float], norms: dict[int, float]) -> None:
        line: dict[str, Any] = {"event": "epoch", "epoch": epoch, **values}
        if norms:
            line["gradient_norms"] = {str(layer): norm for layer, norm in norms.items()}
        self._write(line)

    def _stopped(self, stop: dict[str, Any]) -> None:
        self._write({"event": "stop", **stop})

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps(_plain(line), ensure_ascii=False, allow_nan=False)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
        except OSError as error:
            raise FileError(
                f"The log {str(self.path)!r} cannot be written: {error.strerror or error}. Choose "
                f"another file, or make its folder first."
            ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
