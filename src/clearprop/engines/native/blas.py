"""BLAS for kernels: which libraries there are, the address of a product, one thread a library.

Kernels receive the address of xGEMM as a number, so which library a product goes through is a
matter of the plan (`Plan.library`):

- ``"openblas"``: SciPy's own BLAS, which is OpenBLAS in its wheels. SciPy publishes it to compiled
  code (`scipy.linalg.cython_blas`), so it is always there.
- ``"mkl"``: Intel's, where the package `mkl` is installed. It is loaded when a plan first asks for
  it, on its sequential layer and with whole numbers of 32 bits, unless somebody in this process
  has loaded it before: then it is theirs, and is left as it is set.

`CLEARPROP_BLAS` holds plans that are chosen here to one of them. A BLAS keeps a thread pool of its
own, which beside the kernels' threads would put twice as many threads on the cores, so all of them
are held at one thread while any kernel runs.

Public names: `gemm_address`, `usable_libraries`, `check_library`, `one_blas_thread`.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.metadata
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from numba.extending import get_cython_function_address

from clearprop.errors import EngineError, SettingError
from clearprop.functions.spelling import suggest

_ROUTINES = {"float32": "sgemm", "float64": "dgemm"}
_MKL_FILES = ("libmkl_rt.so*", "libmkl_rt*.dylib", "mkl_rt*.dll")
# MKL's own numbers: whole numbers of 32 bits; no threads
_LP64, _SEQUENTIAL = 0, 1


@cache
def gemm_address(dtype: str, library: str = "openblas") -> int:
    """Return the address of SGEMM or DGEMM, with Fortran's arguments, in one of `LIBRARIES`.

    Raises
    ------
    EngineError
        If the library is not installed, or takes whole numbers of 64 bits.
    """
    return LIBRARIES[library](_ROUTINES[dtype])


def usable_libraries() -> tuple[str, ...]:
    """Return the libraries that plans may choose from, the first one first.

    All that are installed, or the one that `CLEARPROP_BLAS` names.

    Raises
    ------
    SettingError
        If it names none that we know.
    EngineError
        If it names one that is not installed.
    """
    if wish := os.environ.get("CLEARPROP_BLAS"):
        if wish not in LIBRARIES:
            raise SettingError(
                f"CLEARPROP_BLAS names no BLAS: {wish!r}. {suggest(wish, tuple(LIBRARIES))}"
            )
        check_library(wish)
        return (wish,)
    return ("openblas", "mkl") if _packaged_mkl() else ("openblas",)


def check_library(library: str) -> None:
    """Raise EngineError where a plan asks for a BLAS that there is not."""
    if library not in LIBRARIES:
        raise EngineError(
            f"The plan asks for the BLAS {library!r}. {suggest(library, tuple(LIBRARIES))}"
        )
    if library == "mkl" and not (_packaged_mkl() or ctypes.util.find_library("mkl_rt")):
        raise EngineError(
            "MKL is asked for, by a plan or by CLEARPROP_BLAS, but it was not found. Install it "
            "with `pip install mkl`, or take the BLAS 'openblas', which comes with SciPy."
        )


def _scipys(routine: str) -> int:
    return int(get_cython_function_address("scipy.linalg.cython_blas", routine))


def _mkls(routine: str) -> int:
    return int(ctypes.cast(getattr(_mkl(), f"{routine}_"), ctypes.c_void_p).value or 0)


LIBRARIES: dict[str, Callable[[str], int]] = {"openblas": _scipys, "mkl": _mkls}


@cache
def _packaged_mkl() -> str | None:
    """Return the file of MKL's dispatching library where a package installed it."""
    # where pip in an environment and conda put it; the lists of packages take longer to read
    for folder in (Path(sys.prefix, "lib"), Path(sys.prefix, "Library", "bin")):
        for pattern in _MKL_FILES:
            if found := sorted(folder.glob(pattern)):
                return str(found[0])
    try:
        files = importlib.metadata.files("mkl") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())) for file in files if _is_mkl(file.name)]
    return next((str(path.resolve()) for path in paths if path.exists()), None)


def _is_mkl(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _MKL_FILES)


@cache
def _mkl() -> Any:
    """Load MKL and let it make itself ready, before several threads call it at once."""
    check_library("mkl")
    theirs = any(library.internal_api == "mkl" for library in _libraries())
    mkl = ctypes.CDLL(_packaged_mkl() or ctypes.util.find_library("mkl_rt"))
    if not theirs:
        mkl.MKL_Set_Threading_Layer(_SEQUENTIAL)
        mkl.MKL_Set_Interface_Layer(_LP64)
    if not _takes_32_bits(mkl):
        raise EngineError(
            "MKL runs with whole numbers of 64 bits in this process (MKL_INTERFACE_LAYER=ILP64?), "
            "which kernels do not pass. Unset that, or take the BLAS 'openblas'."
        )
    _libraries.cache_clear()
    return mkl


def _takes_32_bits(mkl: Any) -> bool:
    """Compute 1 · 1, with sizes that are 1 to whoever reads 32 bits of them, and nonsense else."""
    one, nothing = ctypes.byref(ctypes.c_double(1.0)), ctypes.byref(ctypes.c_double(0.0))
    # in 64 bits a negative number, which MKL refuses in a line on the screen
    rows = ctypes.byref((ctypes.c_int32 * 2)(1, -1))
    result = ctypes.c_double(0.0)
    n = ctypes.c_char_p(b"N")
    mkl.dgemm_(
        n, n, rows, rows, rows, one, one, rows, one, rows, nothing, ctypes.byref(result), rows
    )
    return result.value == 1.0


@cache
def _libraries() -> list[Any]:
    """Return the BLAS libraries of this process; SciPy's is loaded first, so that it is found."""
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas").lib_controllers


class _SingleThread:
    """Counts who needs BLAS on one thread; the first sets it, the last puts it back.

    threadpoolctl's own context manager looks at every loaded library each time, which takes longer
    than a small epoch; here it looks once a process, and setting a number takes a microsecond.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: list[tuple[Any, int]] = []
        self._inherited = False

    def start_in_child(self) -> None:
        """Count from nobody in a forked child, where the parent's other threads do not go on.

        One of them may have held the lock, which nobody would ever let go of; or it may have had
        BLAS on one thread, which then is not what the child had before.
        """
        self._lock = threading.Lock()
        self._inherited = self._inherited or self._users > 0
        self._users = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                if not self._inherited:
                    # kept as pairs: the list of libraries grows when MKL is loaded
                    self._before = [(known, known.get_num_threads()) for known in _libraries()]
                self._inherited = False
                for library, _ in self._before:
                    library.set_num_threads(1)
            self._users += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for library, threads in self._before:
                    library.set_num_threads(threads)


_SINGLE = _SingleThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_SINGLE.start_in_child)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread inside the `with` block, in whatever thread it is entered."""
    with _SINGLE:
        yield
