"""The installed JAX held against the reference engine, once on a machine.

Some releases compute wrongly on some device, in silence: 0.10.2 had a product of a narrow matrix
with many rows that went wrong on CPUs under jit when a sum followed (jax issue 39103), 0.11.0 wrong
results on a GPU (issue 40633). So before the engine is used it trains small networks of both
kinds, and goes over a block of many narrow rows, in both precisions, and compares. What passed is
written down in the cache folder by release, device and sources, and not tried again. Where many
processes start with an empty cache, ``CLEARPROP_JAX=trusted`` spares them the check.

Public names: `check_jax`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax
import jaxlib
import numpy as np

from clearprop import equations, functions
from clearprop.engines.contracts import Block, Hardware, Recipe
from clearprop.engines.folder import cache_folder, digest_of
from clearprop.engines.reference import ReferenceEngine
from clearprop.engines.reference_sequences import SequenceReferenceEngine
from clearprop.engines.xla.site import Site
from clearprop.equations import Adam, Penalty
from clearprop.errors import EngineError, FileError
from clearprop.network import GRU, LSTM, Dense, DTypeName, Network, Parameters
from clearprop.storage import replace_file

BOUND: dict[DTypeName, float] = {"float64": 1e-10, "float32": 1e-4}
# more than the rows from which on the product of release 0.10.2 went wrong
MANY = 33_000

_SOURCES = (Path(__file__).parent, *(Path(m.__file__ or "").parent for m in (equations, functions)))


@lru_cache(maxsize=8)
def check_jax(kind: Any, site: Site) -> None:
    """Raise an EngineError if the installed JAX computes wrongly on a device.

    `kind` is the engine's class.
    """
    if os.environ.get("CLEARPROP_JAX") == "trusted":
        return
    label = _label(site)
    known = _passed()
    if label in known:
        return
    for what, error, bound in _comparisons(kind, site.platform):
        if not error < bound:
            raise EngineError(
                f"JAX {jax.__version__} computes wrongly on this machine's "
                f"{site.platform}: {what} is {error:.1e} away from the reference engine's, "
                f"where {bound:g} is allowed. Install another release, for example with "
                f"pip install 'jax!={jax.__version__}', or use engine='native'."
            )
    file = _file()
    with suppress(OSError, FileError):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, [json.dumps([*known, label], indent=1).encode()])


def _label(site: Site) -> str:
    device = site.mesh.devices.flat[0]
    versions = f"jax {jax.__version__}, jaxlib {jaxlib.__version__}, numpy {np.__version__}"
    return f"{versions}, {device.platform} {device.device_kind}, sources {digest_of(_SOURCES)}"


def _file() -> Path:
    return cache_folder() / "jax.json"


def _passed() -> list[str]:
    try:
        found = json.loads(_file().read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    return [entry for entry in found if isinstance(entry, str)] if isinstance(found, list) else []


def _comparisons(kind: Any, device: str) -> Iterator[tuple[str, float, float]]:
    """Return what was compared, how far it was apart, and how far it may be."""
    draw = np.random.default_rng(0)
    engine = partial(kind, hardware=Hardware(device, devices=1), checked=False)
    recipe = Recipe(Adam(0.01), penalty=Penalty(l2=0.01), batch_size=4, clip_norm=1.0)
    sequences = [draw.normal(size=(steps, 3)) for steps in (5, 1, 9, 7, 2, 9)]
    for dtype, bound in BOUND.items():
        name = f"a network in {dtype}"
        dense = Network(3, (Dense(5, "tanh", dropout=0.3), Dense(2, "identity")), dtype=dtype)
        block = Block.of(dense, draw.normal(size=(10, 3)), draw.normal(size=(10, 2)))
        yield f"{name} trained for 3 steps", _trained_apart(engine, dense, recipe, block), bound
        narrow = Network(3, (Dense(3, "identity"),), dtype=dtype)
        shape = (MANY, 3)
        block = Block.of(narrow, draw.normal(size=shape), draw.normal(size=shape))
        whole = Recipe(Adam(0.01), batch_size=MANY)
        yield f"{name} on {MANY} rows at once", _trained_apart(engine, narrow, whole, block), bound
        layers = (GRU(3, direction="both"), LSTM(4), Dense(2, "identity"))
        recurrent = Network(3, layers, dtype=dtype)
        block = Block.of(recurrent, sequences, draw.normal(size=(6, 2)))
        error = _trained_apart(engine, recurrent, recipe, block)
        yield f"{name} trained for 2 steps on sequences", error, bound


def _trained_apart(build: Any, network: Network, recipe: Recipe, block: Block) -> float:
    """Return how far losses and parameters of an epoch are apart, the larger of the two."""
    parameters = Parameters.initial(network, 0)
    oracle = (SequenceReferenceEngine if network.recurrent else ReferenceEngine)(network, recipe)
    found = []
    for engine in (oracle, build(network, recipe)):
        state = engine.initial_state(parameters, seed=1)
        state, record = engine.advance(state, block, 3)
        found.append((record.losses, state.vector.astype(np.float64)))
    pairs = zip(found[1], found[0], strict=True)
    errors = [np.linalg.norm(got - wanted) / np.linalg.norm(wanted) for got, wanted in pairs]
    return float(max(errors)) if np.isfinite(errors).all() else float("inf")
