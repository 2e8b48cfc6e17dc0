"""Imports: without pauses of the garbage collector, and of what may not be installed.

An import makes hundreds of thousands of objects, all of which stay. The collector, woken by their
number, looks through every one of them again and again and finds nothing to free: a tenth of the
time from a cold process to the first fit.

Public names: `import_extra`, `uncollected`. May import: `clearprop.errors`.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearprop.errors import MissingExtraError


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


def import_extra(module: str, extra: str, what: str) -> Any:
    """Import a module of an extra.

    Parameters
    ----------
    module : str
        Its name for imports.
    extra : str
        The extra that installs it.
    what : str
        What asks for it, as the subject of a sentence: "Export to ONNX".

    Raises
    ------
    MissingExtraError
        It is not installed, and with the pip command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtraError(
            f"{what} needs {module.split('.')[0]}, which is an extra: "
            f"pip install 'clearprop[{extra}]'"
        ) from error


def _take_for_old() -> None:
    """Put all objects among the collector's oldest, without looking at them.

    Otherwise its first turn after an import would go through all that the import has made. Nothing
    is kept alive by that: a full collection finds them. Where somebody has frozen objects, as
    servers do before they fork, they are left as they are.
    """
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
