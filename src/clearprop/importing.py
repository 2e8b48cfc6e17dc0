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
            _take_for_old()
            gc.enable()


def _take_for_old() -> None:
    """Put all objects among the collector's oldest, without looking at them.

    Otherwise its first turn after an import would go through all that the import has made. Nothing
    is kept alive by that: a full collection finds them. Where somebody has frozen objects, as
    servers do before they fork, they are left as they are.
    """
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
