"""Which way errors go back through time: step after step, as a chain of Jacobians, or by a scan.

On a CPU a rule decides, from measurements over length, state and batch (docs/
parallel-through-time.md, which tells how to repeat them). On another device nothing has been
measured, so there the ways are timed once for each kind and shape of layer, on numbers drawn at
random, and the serial one is left only for one that takes less than 95 % of its time.

Public names: `chosen_times`, `rule`, `ways_timed`.
"""

from __future__ import annotations

import time
from functools import lru_cache
from statistics import median
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from clearprop.engines.unrolled import WayPass
from clearprop.engines.xla.grid import TIMES, Grid
from clearprop.engines.xla.site import Site
from clearprop.equations.cells import CELLS
from clearprop.errors import SettingError
from clearprop.functions import Activation
from clearprop.functions.spelling import suggest
from clearprop.network import Network

# another way must be faster than the serial one by so much
GAIN = 0.95
# numbers of Jacobians that are held at once, where ways are timed
MOST_NUMBERS = 1 << 28

Times = tuple[tuple[tuple[str, int], str], ...]


def chosen_times(wanted: str, network: Network, steps: int, count: int, site: Site) -> Times:
    """Return the way for each kind of recurrent layer, on a grid of this shape on one device.

    Raises
    ------
    SettingError
        If there is no way of the wanted name.
    """
    if wanted not in ("auto", *TIMES):
        near = suggest(wanted, ("auto", *TIMES))
        raise SettingError(f"There is no way through time {wanted!r}. {near}")
    found = {}
    for operation in network.recurrences:
        key = operation.cell, operation.size
        if wanted != "auto":
            found[key] = wanted
        elif site.platform == "cpu":
            found[key] = rule(*key, steps, count)
        else:
            with jax.default_device(site.mesh.devices.flat[0]):
                found[key] = _fastest(*key, operation.activation, steps, count, network.dtype)
    return tuple(found.items())


class Bounds(NamedTuple):
    """Where the chain was measured to be faster than the serial way, for one kind of layer.

    Attributes
    ----------
    units : int
        At most so many.
    rows : int
        At least so many units of all rows, steps · sequences · units; below, its calls do not pay.
    step : int
        At most so many numbers of Jacobians in a step.
    all : int
        At most so many in all steps, which have to go through the memory.
    """

    units: int
    rows: int
    step: int
    all: int


BOUNDS = {
    "elman": Bounds(units=2, rows=1 << 14, step=1 << 6, all=1 << 20),
    "gru": Bounds(units=16, rows=1 << 10, step=1 << 14, all=1 << 23),
    "lstm": Bounds(units=8, rows=1 << 10, step=1 << 9, all=1 << 20),
}


def rule(cell: str, size: int, steps: int, count: int) -> str:
    """Return the way for a layer on a CPU; `count` sequences of `steps` steps.

    The scan was faster than both others in 5 of 103 shapes, by 70 µs at most.
    """
    bounds, numbers = BOUNDS[cell], count * (size * len(CELLS[cell].states)) ** 2
    pays = size <= bounds.units and steps * count * size >= bounds.rows
    fits = numbers <= bounds.step and steps * numbers <= bounds.all
    return "chain" if pays and fits else "serial"


@lru_cache(maxsize=256)
def _fastest(cell: str, size: int, f: Activation, steps: int, count: int, dtype: str) -> str:
    state = size * len(CELLS[cell].states)
    if steps * count * state**2 > MOST_NUMBERS:
        return "serial"
    seconds = ways_timed(cell, size, f, steps, count, dtype)
    best = min(seconds, key=lambda way: seconds[way])
    return best if seconds[best] < GAIN * seconds["serial"] else "serial"


def ways_timed(
    cell: str,
    size: int,
    f: Activation,
    steps: int,
    count: int,
    dtype: str = "float32",
    ways: tuple[str, ...] = tuple(TIMES),
    repeats: int = 9,
) -> dict[str, float]:
    """Return the median seconds of each way back through one layer, in turns."""
    kind, draw = CELLS[cell], np.random.default_rng(0)
    gates, rows = len(kind.gates) * size, steps * count

    def drawn(*shape: int) -> Any:
        return jnp.asarray(draw.normal(size=shape) / np.sqrt(size), dtype=dtype)

    states = tuple(drawn(rows, size) for _ in kind.states)
    inner = drawn(rows, size) if cell == "gru" else None
    found = WayPass(None, drawn(rows, gates), states, states, inner)
    given = drawn(gates, size), found, drawn(rows, size), jnp.full(count, steps, dtype=jnp.int32)

    def program(way: str) -> Any:
        def go(U: Any, found: WayPass, error: Any, lengths: Any) -> Any:
            grid = Grid(lengths, steps)
            return TIMES[way].backward(jnp, kind, f, U, found, error, grid, None)

        return jax.jit(go)

    programs = {way: program(way) for way in ways}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats + 1):
        for way, run in programs.items():
            began = time.perf_counter()
            jax.block_until_ready(run(*given))
            seconds[way].append(time.perf_counter() - began)
    return {way: median(taken[1:]) for way, taken in seconds.items()}
