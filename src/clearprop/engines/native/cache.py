"""Where compiled kernels are kept, so that a machine compiles them once.

Numba's own on-disk cache looks only at the file of the function it caches and does not see edits in
files that a kernel imports. Here the stamp of a kernel is a digest of every source file that goes
into it. Numba's index adds its own version, the processor and its features.

A part of a kernel is a symbol of its object file, named by the function's name, its types and a
number that Numba counts up in each process. Of two symbols of one name a linker takes the first; so
two kernels that different processes compiled could be given each other's parts, such as a band of
six rows in the place of one of four. Numbers are therefore counted from one drawn at random.

The folder is `$CLEARPROP_CACHE` where set, else the user's cache folder. Files are written by Numba
to a temporary name and renamed, so several processes may compile at once; the last one wins and all
wrote the same.
"""

from __future__ import annotations

import itertools
import os
import secrets
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import bytecode, caching

from clearprop import equations, functions
from clearprop.engines.folder import cache_folder, digest_of
from clearprop.engines.native.compiling import KernelCompiler
from clearprop.importing import uncollected

_SOURCES = (Path(__file__).parent, *(Path(m.__file__ or "").parent for m in (equations, functions)))


def sources_digest() -> str:
    """Return the digest of all files whose code or constants are compiled into a kernel."""
    return digest_of(_SOURCES)


def name_apart() -> None:
    """Let this process name what it compiles as no other process does."""
    bytecode.FunctionIdentity._unique_ids = itertools.count(secrets.randbits(60))


name_apart()
if hasattr(os, "register_at_fork"):
    # a child would go on counting where its parent does
    os.register_at_fork(after_in_child=name_apart)


class _Locator(caching._CacheLocator):
    """Tells Numba to keep a function under `cache_folder`, stamped by `sources_digest`."""

    def __init__(self, py_file: str) -> None:
        self._py_file = py_file
        self._stamp = sources_digest()

    def get_cache_path(self) -> str:
        return str(cache_folder() / self._stamp)

    def get_source_stamp(self) -> str:
        return self._stamp

    def get_disambiguator(self) -> str:
        return "kernel"

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator:
        return cls(py_file)


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = (_Locator,)


class _Cache(caching.FunctionCache):
    _impl_class = _Implementation

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load a compiled kernel; one that cannot be read is compiled again.

        Numba's own method fills the registries of its compiler first, which takes longer than all
        else. A kernel that is found needs none of them: it is linked, and uses no Numba runtime
        (`_nrt=False`). Before it compiles, Numba fills them in any case.
        """
        try:
            with uncollected(), self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)
        except OSError:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled kernel; a folder that cannot be written to is said, and survived."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            warnings.warn(
                f"Compiled kernels cannot be kept in {cache_folder()} ({error.strerror}), so every "
                f"process compiles them anew. Set CLEARPROP_CACHE to a folder that can be written "
                f"to.",
                RuntimeWarning,
                stacklevel=2,
            )


def kept_on_disk(function: Callable[..., Any], **options: Any) -> Any:
    """Compile a function when it is first called, and keep the result in `cache_folder`.

    It does without Numba's runtime, and so makes no arrays: see `_Cache.load_overload`.
    """
    dispatcher = njit(**{**options, "_nrt": False, "pipeline_class": KernelCompiler})(function)
    dispatcher._cache = _Cache(function)
    return dispatcher


def is_kept(dispatcher: Any, signature: Any) -> bool:
    """Return whether a compiled version for this signature is in memory or on disk."""
    if signature in dispatcher.overloads:
        return True
    cache = dispatcher._cache
    key = cache._index_key(signature, dispatcher.targetctx.codegen())
    try:
        return key in cache._cache_file._load_index()
    except OSError:
        return False
