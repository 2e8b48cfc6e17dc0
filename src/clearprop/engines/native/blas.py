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


class _SingleThread:
    """Counts who needs BLAS on one thread; the first sets it, the last puts it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limits: Any = None

    @cache  # noqa: B019  one instance, for the life of the process
    def _controller(self) -> Any:
        import scipy.linalg.cython_blas  # noqa: F401  the controller sees loaded libraries only
        from threadpoolctl import ThreadpoolController

        return ThreadpoolController()

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._limits = self._controller().limit(limits=1, user_api="blas")
            self._users += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._limits.restore_original_limits()
                self._limits = None


_SINGLE = _SingleThread()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread inside the `with` block, in whatever thread it is entered."""
    with _SINGLE:
        yield
