"""The machine's limit: how fast the matrix products and the update of a step could be here.

The limit of a case is the sum over its products of the best time that any BLAS here reaches at that
very shape and layout, plus the update's bytes at the bandwidth measured over arrays of that size.
Each BLAS (xla_products.py has XLA's products, which JAX runs on) is a worker of its own and takes
part in the rounds like a peer. For each product it tries

    one core                          one thread on the whole product
    its own threads                   the library's threads on the whole product
    rows, columns or depth split      one thread a core on a share each, no waiting in between

and keeps the best three, which the rounds then measure. Splitting the batch is "rows" in z and BP2
and "depth" in BP4, where the sum over the shares is not charged. Operands stay the same from one
call to the next and so lie in cache where they fit: the limit is meant to be hard to reach.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.peer import LeftOutError
from benchmarks.pool import PeerError, Worker, all_cores
from benchmarks.pool import turn as pool_turn
from benchmarks.problems import Case, Product, parameters, products, update_bytes

TURN = 0.01  # seconds that a candidate is measured for
KEPT = 3
SPLITS = {"rows split": "m", "columns split": "n", "depth split": "k"}


def shares(length: int, parts: int) -> list[int]:
    """Return the sizes of so many nearly equal parts."""
    return [length // parts + (number < length % parts) for number in range(parts)]


def _mkl() -> Any:
    """Return Intel's library; LeftOutError where it is not installed."""
    try:
        files = metadata.files("mkl") or []
    except metadata.PackageNotFoundError:
        raise LeftOutError("mkl is not installed") from None
    named = [Path(str(file.locate())) for file in files if "libmkl_rt" in file.name]
    named += sorted(Path(sys.prefix, "lib").glob("libmkl_rt.so*"))
    for path in named:
        if path.exists():
            return ctypes.CDLL(str(path))
    raise LeftOutError("mkl is installed, but its library libmkl_rt was not found")


def _addresses(blas: str) -> tuple[int, Callable[[int], None]]:
    """Return SGEMM's address in a BLAS, and what sets that library's threads."""
    if blas == "MKL":
        library = _mkl()
        return ctypes.cast(library.sgemm_, ctypes.c_void_p).value or 0, library.MKL_Set_Num_Threads
    import scipy.linalg.cython_blas  # noqa: F401
    from numba.extending import get_cython_function_address
    from threadpoolctl import ThreadpoolController

    libraries = ThreadpoolController().select(user_api="blas").lib_controllers

    def set_threads(threads: int) -> None:
        for library in libraries:
            library.set_num_threads(threads)

    return int(get_cython_function_address("scipy.linalg.cython_blas", "sgemm")), set_threads


def _gemm_loop(address: int) -> Callable[..., None]:
    """Return a compiled function that calls SGEMM over and over, without Python's lock."""
    from numba import njit

    gemm = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(address)

    @njit(nogil=True)
    def loop(calls, letters, sizes, scale, a, b, c):
        # C = A B by rows is Cᵀ = Bᵀ Aᵀ by columns, which is what BLAS counts in
        for _ in range(calls):
            gemm(
                letters[1:].ctypes, letters.ctypes, sizes[1:].ctypes, sizes.ctypes,
                sizes[2:].ctypes, scale.ctypes, b.ctypes, sizes[4:].ctypes, a.ctypes,
                sizes[3:].ctypes, scale[1:].ctypes, c.ctypes, sizes[1:].ctypes,
            )  # fmt: skip

    return loop


def operands(product: Product) -> tuple[np.ndarray, ...]:
    """Return transposes' letters, sizes (m, n, k, lda, ldb), alpha and beta, A, B and C.

    Arrays lie as a step has them: the activation in BP4 and the weights in BP2 are read transposed.
    """
    kind, _, m, n, k = product
    draw = np.random.default_rng(0)
    a = draw.standard_normal((k, m) if kind == "BP4" else (m, k), dtype=np.float32)
    b = draw.standard_normal((n, k) if kind == "BP2" else (k, n), dtype=np.float32)
    letters = np.array([ord("T" if kind == "BP4" else "N"), ord("T" if kind == "BP2" else "N")])
    sizes = np.array([m, n, k, a.shape[1], b.shape[1]], np.int32)
    scale = np.array([1, 0], np.float32)
    return letters.astype(np.uint8), sizes, scale, a, b, np.empty((m, n), np.float32)


def pinned_threads(cores: int) -> list[ThreadPoolExecutor]:
    """Return one thread a core, each held on a core of its own.

    Threads that are woken for some milliseconds are often put on one core by the system, which
    would halve the rate.
    """

    def hold(core: int) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})

    return [ThreadPoolExecutor(1, initializer=hold, initargs=(core,)) for core in range(cores)]


def clocked(work: Callable[..., Any], *arguments: Any) -> float:
    """Return the seconds of a call."""
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def side_by_side(
    pools: list[ThreadPoolExecutor], work: Callable[..., Any], shares: list[tuple]
) -> float:
    """Return the longest share's seconds, by each thread's own clock: waking it is not counted."""
    jobs = [pool.submit(clocked, work, *share) for pool, share in zip(pools, shares, strict=False)]
    return max(job.result() for job in jobs)


class Candidates:
    """What can do one piece of work; a candidate does it so many times and returns the seconds."""

    def __init__(self, runs: dict[str, Callable[[int], float]]) -> None:
        self.runs = runs
        calls = {name: self._calls(name) for name in runs}
        first = {
            name: min(self.runs[name](calls[name]) / calls[name] for _ in range(3)) for name in runs
        }
        best = sorted(first, key=lambda name: first[name])[:KEPT]
        self.kept = {name: max(1, int(TURN / first[name])) for name in best}

    def _calls(self, name: str) -> int:
        """Return how many calls take at least a quarter of a turn."""
        self.runs[name](1)
        calls = 1
        while self.runs[name](calls) < TURN / 4:
            calls *= 4
        return calls

    def measure(self) -> dict[str, float]:
        """Return the seconds of those that were kept."""
        return {name: self.runs[name](calls) / calls for name, calls in self.kept.items()}


class Blas:
    """The subject of a BLAS's worker: `measure` gives the seconds of every product."""

    def __init__(self, blas: str, case: Case, cores: int) -> None:
        address, self.set_threads = _addresses(blas)
        self.loop, self.cores = _gemm_loop(address), cores
        self.pools = pinned_threads(cores)
        self.candidates = [Candidates(self._runs(product)) for product in products(case)]

    def _runs(self, product: Product) -> dict[str, Callable[[int], float]]:
        whole = [operands(product)]
        runs = {"one core": lambda calls: self._run(whole, 1, calls)}
        if self.cores == 1:
            return runs
        runs["its own threads"] = lambda calls: self._run(whole, self.cores, calls)
        for name, axis in SPLITS.items():
            length = getattr(product, axis)
            if length >= self.cores:
                parts = [
                    operands(product._replace(**{axis: n})) for n in shares(length, self.cores)
                ]
                runs[name] = lambda calls, parts=parts: self._run(parts, 1, calls)
        return runs

    def _run(self, parts: list[tuple], threads: int, calls: int) -> float:
        self.set_threads(threads)
        if len(parts) == 1:
            return clocked(self.loop, calls, *parts[0])
        return side_by_side(self.pools, self.loop, [(calls, *part) for part in parts])

    def measure(self) -> list[dict[str, float]]:
        """Return, product by product, the seconds of its best ways."""
        return [candidates.measure() for candidates in self.candidates]


class TorchBlas:
    """The same for the BLAS that PyTorch brings: its own threads only."""

    def __init__(self, case: Case, cores: int) -> None:
        import torch

        self.torch = torch
        self.candidates = [Candidates(self._runs(p, cores)) for p in products(case)]

    def _runs(self, product: Product, cores: int) -> dict[str, Callable[[int], float]]:
        a, b, c = (self.torch.from_numpy(array) for array in operands(product)[3:])
        a, b = a.T if product.kind == "BP4" else a, b.T if product.kind == "BP2" else b

        def many(calls: int) -> None:
            for _ in range(calls):
                self.torch.mm(a, b, out=c)

        def run(threads: int, calls: int) -> float:
            self.torch.set_num_threads(threads)
            return clocked(many, calls)

        ways = {"one core": 1} | ({"its own threads": cores} if cores > 1 else {})
        return {name: lambda calls, t=t: run(t, calls) for name, t in ways.items()}

    measure = Blas.measure


class Update:
    """The bytes of Adam's pass, moved by plain additions, on one core and on all."""

    def __init__(self, case: Case, cores: int) -> None:
        from numba import njit

        @njit(nogil=True, fastmath=True)
        def passes(calls, g, m, v, theta):
            for _ in range(calls):
                for i in range(len(g)):
                    m[i] += g[i]
                    v[i] += g[i]
                    theta[i] -= m[i] + v[i]

        arrays = [np.zeros(parameters(case), np.float32) for _ in range(4)]
        pools = pinned_threads(cores)

        def run(parts: int, calls: int) -> float:
            split = zip(*(np.array_split(a, parts) for a in arrays), strict=True)
            return side_by_side(pools, passes, [(calls, *part) for part in split])

        passes(1, *arrays)
        ways = {"one core": 1} | ({"all cores": cores} if cores > 1 else {})
        self.bytes = update_bytes(case)
        self.candidates = [
            Candidates({name: lambda calls, n=n: run(n, calls) for name, n in ways.items()})
        ]

    measure = Blas.measure


# name: class, its arguments before the case, and threads where a process takes them at its start
SUBJECTS: dict[str, tuple[str, tuple, int | None]] = {
    "OpenBLAS of SciPy": ("benchmarks.limit:Blas", ("OpenBLAS",), None),
    "MKL": ("benchmarks.limit:Blas", ("MKL",), None),
    "PyTorch's BLAS": ("benchmarks.limit:TorchBlas", (), None),
    "XLA, all cores": ("benchmarks.xla_products:XlaProducts", (), None),
    "XLA, one core": ("benchmarks.xla_products:XlaProducts", (), 1),
    "memory": ("benchmarks.limit:Update", (), None),
}


def best_times(turns: dict[str, list[list[dict[str, float]]]], place: int) -> tuple[float, str]:
    """Return the least median seconds of the product at a place, and who reached it."""
    found = {
        f"{name}, {way}": float(np.median([turn[place][way] for turn in rounds]))
        for name, rounds in turns.items()
        for way in rounds[0][place]
    }
    best = min(found, key=lambda name: found[name])
    return found[best], best


def summary(case: Case, turns: dict[str, list[list[dict[str, float]]]]) -> dict:
    """Return the limit of a case from what the workers measured in the rounds."""
    blas = {name: rounds for name, rounds in turns.items() if name != "memory"}
    rows = []
    for place, product in enumerate(products(case)):
        seconds, by = best_times(blas, place)
        rate = 2e-9 * product.multiplications / seconds
        rows.append({**product._asdict(), "seconds": seconds, "by": by, "gflops": rate})
    update, by = best_times({"memory": turns["memory"]}, 0)
    return {
        "seconds": update + sum(row["seconds"] for row in rows),
        "products": rows,
        "update": {
            "seconds": update, "by": by, "gigabytes_a_second": 1e-9 * update_bytes(case) / update,
        },
    }  # fmt: skip


class Limits:
    """The workers of all BLAS for one case; a BLAS that is not there is left out."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.turns: dict[str, list[list[dict[str, float]]]] = {}
        self.left_out: dict[str, str] = {}
        self.workers: list[Worker] = []
        cores = all_cores()
        for name, (target, arguments, threads) in SUBJECTS.items():
            worker = Worker(name, threads, threads)
            self.workers.append(worker)
            try:
                worker.send("make", target, *arguments, case, cores)
                worker.receive()
            except PeerError as failure:
                self.left_out[name] = str(failure).splitlines()[-1]
            else:
                self.turns[name] = []
            worker.pause()

    def turn(self) -> None:
        """Let each measure once."""
        for worker in self.workers:
            if worker.name in self.turns:
                self.turns[worker.name].append(pool_turn(worker, lambda w: w.ask("measure")))

    def summary(self) -> dict:
        """Return the limit."""
        return summary(self.case, self.turns) | {"left_out": self.left_out}

    def close(self) -> None:
        """End the workers."""
        for worker in self.workers:
            worker.close()
