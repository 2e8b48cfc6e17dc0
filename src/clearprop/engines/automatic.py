"""`engine="auto"`: the native engine, or xla's where an accelerator was measured to gain.

The native engine starts in no time and runs everything, so another one is thought of only where

- there is an accelerator that JAX can use. Without one of JAX's plugins nothing is imported;
- the run is long: at `GUESSED_RATE` the native engine would take `WORTH` seconds or more;
- nobody has said ``CLEARPROP_PLAN=guess``.

Then both engines take some steps on random rows (sequences of `STEPS` steps, since the real ones
are not known here), with a learning rate of 0. xla's is taken where the whole run, its compilation
included, takes less than `CLEARLY` of native's time. What was found is kept in the cache folder.
Who asks for devices or a precision that only xla's engine has, gets that one without a question.

Public names: `Pace`, `accelerator`, `chosen`.
May import: the other modules of this room; JAX where it finds a plugin of it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from clearprop.engines.contracts import Block, Engine, Recipe
from clearprop.engines.folder import cache_folder
from clearprop.engines.recipes import Hardware
from clearprop.engines.sequences import Sequences
from clearprop.errors import FileError
from clearprop.functions import CustomLoss
from clearprop.network import Network, Parameters
from clearprop.storage import replace_file

# operations a second by which the native engine's time is guessed, and the seconds worth a question
GUESSED_RATE, WORTH = 4e10, 20.0
CLEARLY = 0.8
# a run may end early: no more of its epochs count as certain
CERTAIN_EPOCHS = 100
# of the sequences that are timed
STEPS = 64
# seconds that the steps of a trial take at least
TRIAL = 0.2
# what JAX's own packages for accelerators are called
_PLUGINS = ("jax_plugins", "jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm7_plugin", "libtpu")

Builder = Callable[[str], Engine]


@dataclass(frozen=True)
class Pace:
    """How long an engine takes.

    Attributes
    ----------
    start : float
        Seconds before its first step: what it compiles.
    step : float
        Seconds of a step.
    """

    start: float
    step: float

    def of(self, steps: int) -> float:
        """Return the seconds of so many steps."""
        return self.start + steps * self.step


@cache
def accelerator() -> str | None:
    """Return the device that JAX would use, as it names its kind; None for a CPU or no JAX."""
    if find_spec("jax") is None or not any(map(find_spec, _PLUGINS)):
        return None
    import jax

    try:
        device = jax.devices()[0]
    except RuntimeError:
        return None
    return None if device.platform == "cpu" else str(device.device_kind)


def chosen(
    network: Network,
    recipe: Recipe,
    rows: int | None,
    hardware: Hardware,
    build: Builder,
    found: Callable[[], str | None] = accelerator,
) -> str:
    """Return `"native"` or `"xla"`.

    Parameters
    ----------
    rows : int, optional
        Rows of an epoch; where absent nothing is trained, and the native engine is right.
    build : callable
        Returns the engine of a name.
    found : callable
        Returns the kind of accelerator, None where there is none.
    """
    if hardware not in (Hardware(), Hardware("cpu")):
        return "xla"
    guesses = os.environ.get("CLEARPROP_PLAN") == "guess" or hardware.device == "cpu"
    if not rows or guesses or isinstance(network.objective, CustomLoss):
        return "native"
    steps = recipe.horizon(rows).steps * min(recipe.epochs, CERTAIN_EPOCHS)
    batch = min(recipe.batch_size, rows)
    if steps * _operations(network, batch) < WORTH * GUESSED_RATE or not (device := found()):
        return "native"
    key = f"{network!r}, {recipe.rule.name}, batches of {batch}, {device}, {os.cpu_count()} cores"
    known = _known()
    if known.get(key) not in ("native", "xla"):
        paces = {name: pace(build(name), batch) for name in ("native", "xla")}
        seconds = {name: pace.of(steps) for name, pace in paces.items()}
        gains = seconds["xla"] < CLEARLY * seconds["native"]
        known[key] = "xla" if gains else "native"
        _keep(known)
    return str(known[key])


def _operations(network: Network, batch: int) -> float:
    """Return how many operations a step takes: six a parameter and row, forward and back."""
    return 6.0 * network.size * batch * (STEPS if network.recurrent else 1)


def pace(engine: Engine, batch: int) -> Pace:
    """Return how long an engine takes for steps of so many random rows."""
    block = _random_block(engine.network, batch)
    row = np.zeros((1, engine.network.inputs))
    state = engine.initial_state(Parameters.initial(engine.network, rows=row))
    state.rate_factor = 0.0

    def seconds_of(steps: int) -> float:
        nonlocal state
        state.position = 0
        order = np.tile(np.arange(batch), steps)
        began = time.perf_counter()
        state, _ = engine.advance(state, block.ordered(order), steps)
        return time.perf_counter() - began

    first, steps = seconds_of(1), 1
    taken = seconds_of(steps)
    while taken < TRIAL and steps < 4096:
        steps *= max(2, min(16, int(TRIAL / max(taken, 1e-6))))
        taken = seconds_of(steps)
    return Pace(max(0.0, first - taken / steps), taken / steps)


def _random_block(network: Network, batch: int) -> Block:
    draw = np.random.default_rng(0)
    rows = batch * STEPS if network.recurrent else batch
    values = draw.standard_normal((rows, network.inputs)).astype(network.dtype)
    x: Any = values
    if network.recurrent:
        x = Sequences(values, STEPS * np.arange(batch + 1, dtype=np.int64))
    count = rows if network.readout == "every" else batch
    # what every loss is defined on: one of the outputs is 1
    codes = draw.integers(network.outputs, size=count)
    return Block(x, np.eye(network.outputs, dtype=network.dtype)[codes])


def _file() -> Path:
    return cache_folder() / "engines.json"


def _known() -> dict[str, Any]:
    try:
        found = json.loads(_file().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(known: dict[str, Any]) -> None:
    with suppress(OSError, FileError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        replace_file(_file(), [json.dumps(known, indent=1).encode()])
