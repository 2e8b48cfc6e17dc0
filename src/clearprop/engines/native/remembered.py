"""Plans that were measured once, kept in memory and in a small file beside the kernels.

The file is `plans.json` in the folder of kernels of the same sources, so that an edit of a kernel
leaves it behind. It is written whole, after what stands in it by then has been read: of two
processes that measure the same the last one wins. What cannot be read, written or understood is
left alone; the plan is then measured anew by the next process.

Public names: `recall`, `remember`, `memory_file`.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from clearprop.engines.contracts import Plan
from clearprop.engines.native.cache import cache_folder, sources_digest
from clearprop.errors import FileError
from clearprop.storage import replace_file

# how many plans the file holds; the oldest go first
CAPACITY = 1000

_known: dict[str, Plan] = {}


def recall(key: str) -> Plan | None:
    """Return the plan that was remembered under this key, or None."""
    if key not in _known and (plan := _plan_of(_read().get(key))):
        _known[key] = plan
    return _known.get(key)


def remember(key: str, plan: Plan, *, lasting: bool = True) -> None:
    """Keep a plan under a key, in this process and, if lasting and possible, on disk."""
    _known[key] = plan
    if not lasting:
        return
    plans = _read()
    plans.pop(key, None)
    newest = dict([*plans.items(), (key, asdict(plan))][-CAPACITY:])
    file = memory_file()
    with suppress(OSError, FileError):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, [json.dumps({"plans": newest}, indent=1).encode()])


def memory_file() -> Path:
    """Return where plans are kept."""
    return cache_folder() / _digest() / "plans.json"


@cache
def _digest() -> str:
    return sources_digest()


def _read() -> dict[str, Any]:
    """Return the plans of the file as they stand in it; none where it makes no sense."""
    try:
        plans = json.loads(memory_file().read_bytes())["plans"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return plans if isinstance(plans, dict) else {}


def _plan_of(entry: Any) -> Plan | None:
    """Return what stands in the file as a plan, or None where it is none."""
    match entry:
        case {
            "engine": str(engine),
            "threads": int(threads),
            "split": str(split),
            "blas": [*blas],
            "library": str(library),
        } if all(isinstance(choice, bool) for choice in blas):
            return Plan(engine, threads, split, tuple(blas), library)
    return None
