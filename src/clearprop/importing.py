"""Imports without pauses of the garbage collector.

An import makes hundreds of thousands of objects, all of which stay. The collector, woken by their
number, looks through every one of them again and again and finds nothing to free: a tenth of the
time from a cold process to the first fit.

Public names: `uncollected`. May import: nothing of clearprop.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the collector of reference cycles inside the `with` block, where it is on."""
    held = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if held:
            gc.enable()
