"""What a run depends on, as short texts: two runs with the same texts make the same numbers.

Settings are spelled out, so that a difference can be named; arrays are digested (SHA-256). Code
cannot be: of a function, such as a loss of the user's own, its name counts, and what it has kept
from where it was made.

Public names: `differences`, `fingerprint`.
May import: `clearprop.engines`, NumPy.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop.engines import Block, Sequences
from clearprop.training.sources import Source

if TYPE_CHECKING:
    from clearprop.training.loop import Run

# values that are longer are cut off in a message
_SHOWN = 60
_DIGEST = re.compile(r"\b[0-9a-f]{32}\b")
# functions within functions are followed so far
_DEPTH = 6


def fingerprint(run: Run) -> dict[str, str]:
    """Return what the run depends on: name → text.

    The start is left out, since a run that goes on does not need it.
    """
    settings = run.settings
    recipe = settings.recipe
    found = {f"recipe: {f.name}": _told(getattr(recipe, f.name)) for f in fields(recipe)}
    found["network"] = f"{run.network} {_told(run.network)}"
    for name in ("engine", "threads", "seed", "orders", "stopping", "watch"):
        found[name] = _told(getattr(settings, name))
    found["precision"] = settings.hardware.precision
    found |= _data("training", run.block)
    if run.validation is not None:
        found |= _data("validation", run.validation.block)
        found["validation score"] = _told(run.validation.score)
    return found


def differences(kept: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return in words what is not the same; empty where all is."""
    names = [name for name in {**kept, **now} if kept.get(name) != now.get(name)]
    return [_difference(name, kept.get(name, "none"), now.get(name, "none")) for name in names]


def _difference(name: str, before: str, after: str) -> str:
    if max(len(before), len(after)) > _SHOWN or _DIGEST.search(f"{before} {after}"):
        return f"{name} (another than then)"
    return f"{name} ({before} then, {after} now)"


def _data(what: str, block: Block | Source) -> dict[str, str]:
    if not isinstance(block, Block):
        return {f"{what} {name}": text for name, text in block.fingerprint().items()}
    return {
        f"{what} inputs": _told(block.x),
        f"{what} targets": _told(block.y),
        f"{what} weights": _told(block.weights),
        f"{what} rows": _told(block.order),
    }


def _told(value: Any, depth: int = 0) -> str:
    """Return a value as a text that is the same whenever the value is."""
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Sequences):
        return f"sequences {_array(value.values)} {_array(value.starts)}"
    if hasattr(value, "tocsr"):
        arrays = (value.data, value.indices, value.indptr)
        return f"sparse {value.shape} {' '.join(map(_array, arrays))}"
    if is_dataclass(value) and not isinstance(value, type):
        parts = (f"{f.name}={_told(getattr(value, f.name), depth)}" for f in fields(value))
        return f"{type(value).__name__}({', '.join(parts)})"
    if isinstance(value, list | tuple):
        return f"({', '.join(_told(part, depth) for part in value)})"
    if isinstance(value, dict):
        return f"({', '.join(f'{key}: {_told(part, depth)}' for key, part in value.items())})"
    if inspect.isfunction(value):
        kept = inspect.getclosurevars(value).nonlocals if depth < _DEPTH else {}
        return f"{value.__module__}.{value.__qualname__}{_told(kept, depth + 1) if kept else ''}"
    if value is None or isinstance(value, str | int | float | np.generic):
        return str(value)
    # what prints where it lies in memory is known by its class alone
    told = repr(value)
    return type(value).__qualname__ if " at 0x" in told else told


def _array(array: np.ndarray) -> str:
    if array.dtype == object:
        return f"{array.shape} {hashlib.sha256(repr(array.tolist()).encode()).hexdigest()[:32]}"
    whole = np.ascontiguousarray(array)
    digest = hashlib.sha256(whole.reshape(-1).view(np.uint8).data).hexdigest()[:32]
    return f"{array.dtype} {array.shape} {digest}"
