"""How kernels get their threads: plain Python threads, each running the whole kernel.

Numba's own layers each have a trap: OpenMP aborts in a child of a process that used it, workqueue
may not be entered from two threads, TBB is undefined after a fork from a thread. Kernels here are
plain functions without the GIL; the threads that run them are Python's, meet at barriers inside the
kernel (see `low_level.barrier`), and exist for one call only. So nothing is left behind that a fork
could break, two fits in two threads share nothing, and joblib's workers are like any process. A
call covers many steps, beside which starting a thread (some 50 µs) does not count.

A waiting thread spins for a moment and then yields its core, so that more threads than cores make a
run slower and never stuck.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def available_threads() -> int:
    """Return how many threads may pay: the cores this process may use, or OMP_NUM_THREADS.

    joblib's workers and clusters' schedulers set OMP_NUM_THREADS to their share of a machine.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity masks
        cores = os.cpu_count() or 1
    wish = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(cores, int(wish)) if wish.isdigit() and int(wish) > 0 else cores


def run_together(function: Callable[[int], int], threads: int) -> int:
    """Run function(0) … function(threads - 1) at once and return what function(0) returns.

    All of them have ended when this returns, also where it is interrupted: they write to buffers
    that the caller owns.
    """
    if threads == 1:
        return function(0)
    results = [0] * threads
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            results[number] = function(number)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    interrupted: BaseException | None = None
    for worker in workers:
        while worker.is_alive():
            try:
                worker.join()
            except KeyboardInterrupt as error:
                interrupted = error
    if interrupted or errors:
        raise interrupted or errors[0]
    return results[0]
