"""The xla engine: `equations/` compiled by JAX, for rows and for sequences.

    engine.py     the verbs                  programs.py   what XLA compiles
    device.py     precision, data on it      batches.py    a batch brought together there
    grid.py       sequences in one shape, and three ways back through time
    choice.py     which of the three         tracing.py    traces
    measuring.py  how long parts take        trust.py      the installed JAX against the reference

JAX is an extra. This package is imported only where the engine is asked for.
"""

from __future__ import annotations

from importlib.util import find_spec

from clearprop.errors import MissingExtraError

if find_spec("jax") is None:
    raise MissingExtraError(
        "engine='xla' runs on JAX, which is not installed. Install it with "
        "pip install 'clearprop[xla]', or 'clearprop[gpu]' for an NVIDIA GPU. The other engines "
        "need nothing more: engine='auto' is the native one."
    )

from clearprop.engines.xla.engine import XlaEngine

__all__ = ["XlaEngine"]
