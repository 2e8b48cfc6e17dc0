"""The xla engine: `equations/` compiled by JAX, for rows and for sequences.

    engine.py     the verbs                  programs.py   what XLA compiles
    steps.py      what goes into a call of many steps, and what comes back
    passes.py     both passes of a batch in a program
    site.py       the devices and their mesh   world.py    several processes
    feed.py       rows on the devices        batches.py    a batch brought together there
    device.py     float64, few shapes        products.py   TF32 and bf16
    grid.py       sequences in one shape, and three ways back through time
    choice.py     which of the three         tracing.py    traces
    many.py       many networks at once      seats.py      for runs that go their own ways
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
