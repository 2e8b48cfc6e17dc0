"""SciPy's BLAS for kernels: its address, and one thread of its own while kernels call it.

SciPy publishes its BLAS to compiled code (`scipy.linalg.cython_blas`). Kernels receive the address
as a number. BLAS keeps a thread pool of its own, which beside the kernels' threads would put twice
as many threads on the cores, so it is held at one thread while any kernel runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from numba.extending import get_cython_function_address


@cache
def gemm_address(dtype: str) -> int:
    """Return the address of SGEMM or DGEMM in SciPy's BLAS."""
    name = {"float32": "sgemm", "float64": "dgemm"}[dtype]
    return int(get_cython_function_address("scipy.linalg.cython_blas", name))


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
        self._before: list[int] = []

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._before = [library.get_num_threads() for library in _libraries()]
                for library in _libraries():
                    library.set_num_threads(1)
            self._users += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for library, threads in zip(_libraries(), self._before, strict=True):
                    library.set_num_threads(threads)


_SINGLE = _SingleThread()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread inside the `with` block, in whatever thread it is entered."""
    with _SINGLE:
        yield
