"""A checkpoint as parts of a file, and back.

The document holds numbers and text: where the run stands, its plan, how stopping stands, how it
ended, the fingerprint of its data and settings. Arrays are the parameters, the update rule's slots,
the best parameters so far, the curves, what the order of the rows remembers (`orders_…`) and what
was recorded (`recorded_…`). The network is a child, so that a file says what it is of.

Public names: `Checkpoint`.
May import: `clearprop.files.networks`, `clearprop.files.parts`, `clearprop.training`,
`clearprop.engines`, `clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from clearprop.engines import Plan, TrainState
from clearprop.engines.recipes import PLATFORMS, PRECISIONS
from clearprop.errors import FileError
from clearprop.files.networks import network_from_parts, network_to_parts
from clearprop.files.parts import Parts
from clearprop.network import Network
from clearprop.training import History, Snapshot, Stop, Stopping
from clearprop.training.stopping import Progress

_FIELDS = ("fingerprint", "plan", "state", "progress", "run", "stop")
# fields of a state that are whole numbers
_COUNTS = ("seed", "step", "epoch", "position", "piece")
# more threads than a machine has are slow, and far more would exhaust it
_MOST_THREADS = 1024


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint's file holds.

    Attributes
    ----------
    network : Network
    fingerprint : dict of str to str
        The data and settings of the run; see `clearprop.training.fingerprints`.
    snapshot : Snapshot
    """

    network: Network
    fingerprint: dict[str, str]
    snapshot: Snapshot

    def to_parts(self) -> Parts:
        """Return parts of kind `"checkpoint"`."""
        return _to_parts(self)

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Return the checkpoint; FileError where anything is not as it should be."""
        children = {"network": parts.children.get("network")}
        parts.expect(_FIELDS, parts.arrays, children)
        network = network_from_parts(parts.child("network", "network"))
        kept = parts.document["fingerprint"]
        if not isinstance(kept, dict) or not all(isinstance(text, str) for text in kept.values()):
            raise FileError("The fingerprint of a checkpoint must be texts by name.")
        return cls(network, kept, _snapshot(parts))


def _to_parts(checkpoint: Checkpoint) -> Parts:
    snapshot = checkpoint.snapshot
    state, progress, history = snapshot.state, snapshot.progress, snapshot.history
    document = {
        "fingerprint": checkpoint.fingerprint,
        "plan": asdict(state.plan),
        "state": {name: getattr(state, name) for name in _COUNTS}
        | {"rate_factor": state.rate_factor},
        "progress": {
            "best": float(progress.best),
            "best_epoch": progress.best_epoch,
            "waited": progress.waited,
        },
        "run": {
            "rows": snapshot.rows,
            "seconds": snapshot.seconds,
            "best_epoch": history.best_epoch,
        },
        "stop": None if snapshot.stop is None else asdict(snapshot.stop),
    }
    arrays: dict[str, np.ndarray | None] = {
        "vector": state.vector,
        "slots": state.slots,
        "carried": state.carried,
        "best_vector": progress.best_vector,
        "sums": snapshot.sums,
        **{f"curve_{name}": np.array(getattr(history, name)) for name in _CURVES},
        **{f"orders_{name}": array for name, array in snapshot.orders.items()},
        **{f"recorded_{name}": array for name, array in snapshot.recorded.items()},
    }
    held = {name: array for name, array in arrays.items() if array is not None}
    children = {"network": network_to_parts(checkpoint.network)}
    return Parts("checkpoint", document, held, children)


_CURVES = [f.name for f in fields(History) if f.name != "best_epoch"]


def _snapshot(parts: Parts) -> Snapshot:
    arrays, run, progress = parts.arrays, parts.document["run"], _progress(parts)
    curves = {name: parts.array(f"curve_{name}", "float64", (None,)) for name in _CURVES}
    history = History(
        **{name: curve.tolist() for name, curve in curves.items()},
        best_epoch=_count(run, "best_epoch"),
    )
    stop = parts.document["stop"]
    known = {f"curve_{name}" for name in _CURVES} | {"vector", "slots", "carried", "best_vector"}
    strange = [
        name
        for name in arrays.keys() - known - {"sums"}
        if not name.startswith(("orders_", "recorded_"))
    ]
    if strange:
        raise FileError(f"A checkpoint has no array {strange[0]!r}.")
    return Snapshot(
        _state(parts),
        parts.array("sums", "float64", (2,)),
        _count(run, "rows"),
        progress,
        history,
        _number(run, "seconds"),
        None if stop is None else _stop(stop),
        _named(arrays, "orders_"),
        _named(arrays, "recorded_"),
    )


def _state(parts: Parts) -> TrainState:
    held, plan = parts.document["state"], dict(parts.document["plan"])
    plan["blas"] = tuple(plan["blas"])
    texts = all(
        isinstance(plan[name], str)
        for name in ("engine", "split", "library", "device", "precision")
    )
    if not texts or not 1 <= _count(plan, "threads") <= _MOST_THREADS:
        raise FileError(f"The plan of a checkpoint must have 1 to {_MOST_THREADS} threads.")
    if plan["precision"] not in PRECISIONS or plan["device"] not in ("", *PLATFORMS):
        raise FileError(
            f"The plan of a checkpoint names the device {plan['device']!r:.40} and the precision "
            f"{plan['precision']!r:.40}, which there are not."
        )
    if _count(plan, "neurons") < 1:
        raise FileError("The plan of a checkpoint shares neurons out over no device.")
    return TrainState(
        parts.arrays["vector"],
        parts.arrays["slots"],
        Plan(**plan),
        rate_factor=_number(held, "rate_factor"),
        carried=parts.arrays.get("carried"),
        **{name: _count(held, name) for name in _COUNTS},
    )


def _progress(parts: Parts) -> Progress:
    held = parts.document["progress"]
    # how it stops is the run's own to say
    progress = Progress(Stopping())
    progress.best = _number(held, "best")
    progress.best_epoch, progress.waited = _count(held, "best_epoch"), _count(held, "waited")
    progress.best_vector = parts.arrays.get("best_vector")
    return progress


def _stop(document: Any) -> Stop:
    stop = Stop(**document)
    if stop.reason not in ("finished", "converged", "diverged"):
        raise FileError(f"A run does not end as {str(stop.reason)[:40]!r}.")
    if not (isinstance(stop.message, str) and _count(document, "epoch") >= 0):
        raise FileError("How the run ended is not told as it should be.")
    return stop


def _named(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _count(document: Any, name: str) -> int:
    value = document[name]
    if type(value) is not int or value < 0:
        raise FileError(f"{name!r} of a checkpoint must be a whole number from 0 on.")
    return value


def _number(document: Any, name: str) -> float:
    value = document[name]
    if type(value) not in (int, float):
        raise FileError(f"{name!r} of a checkpoint must be a number.")
    return float(value)
