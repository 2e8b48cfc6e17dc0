"""One fit as a row: which, with what, how long, and its errors on the test rows."""

from __future__ import annotations

import hashlib
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.evidence import measures
from benchmarks.evidence.data import CLASSES, Table
from benchmarks.evidence.methods import Method


def planned(table: str, split: int, method: Method, threads: int, timed: bool) -> dict:
    """Return what names a fit before it is done."""
    versions = method.versions()
    if "clearprop" in versions:
        versions["source"] = _source()
    return {"table": table, "split": split, "method": method.name, "versions": versions,
            "threads": threads, "timed": timed}  # fmt: skip


def _source() -> str:
    """Return a digest of clearprop's source, for one version has many states."""
    import clearprop

    digest = hashlib.sha256()
    for path in sorted(Path(clearprop.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def fit(table: Table, split: int, method: Method, threads: int) -> dict[str, Any]:
    """Fit a method on a split's training rows and return seconds and errors."""
    train, test = table.split(split)
    model = method.build(table, split, threads)
    with warnings.catch_warnings(), threadpool_limits(threads):
        # that a peer's defaults do not converge on a table is a result, not news
        warnings.simplefilter("ignore")
        began = time.perf_counter()
        model.fit(table.x.iloc[train], table.y[train])
        fitted = time.perf_counter()
        errors = _errors(model, table, test)
        predicted = time.perf_counter()
    return {"seconds": round(fitted - began, 4), "predict_seconds": round(predicted - fitted, 4),
            "errors": errors}  # fmt: skip


def _errors(model: Any, table: Table, test: np.ndarray) -> dict[str, float]:
    x, y = table.x.iloc[test], table.y[test]
    if table.task == CLASSES:
        return measures.of_classes(y, np.asarray(model.classes_), model.predict_proba(x))
    return measures.of_number(y, model.predict(x))
