"""FANN (Fast Artificial Neural Network Library, in C): fann.c, compiled here by gcc, and called.

Needs gcc and Debian's `libfann-dev`. The library itself is used as the distribution compiled it.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers import peer
from benchmarks.problems import Problem

SOURCE = Path(__file__).with_name("fann.c")


def compiled() -> ctypes.CDLL:
    """Return fann.c as a library of this process."""
    if not shutil.which("gcc"):
        raise peer.LeftOutError("gcc is not on the path, and FANN's program is compiled by it")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "fann.so"
        command = ["gcc", "-O2", "-march=native", "-shared", "-fPIC", "-o", str(target)]
        command += [str(SOURCE), "-lfann", "-lm"]
        made = subprocess.run(command, capture_output=True, check=False)
        if made.returncode:
            raise peer.LeftOutError("gcc finds no FANN; install libfann-dev")
        library = ctypes.CDLL(str(target))
    library.network_make.restype = ctypes.c_void_p
    library.network_train.restype = ctypes.c_float
    return library


class Trainer(peer.Trainer):
    """Incremental training: one update a sample."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.library = compiled()
        case = problem.case
        units = (ctypes.c_uint * len(case.units))(*case.units)
        made = self.library.network_make(len(case.units), units, ctypes.c_float(case.rate))
        if not made:
            raise peer.LeftOutError("FANN could not make the network")
        self.network = ctypes.c_void_p(made)
        start = [
            np.column_stack([W.T, b]).ravel()
            for W, b in zip(problem.weights, problem.biases, strict=True)
        ]
        weights = np.concatenate(start).astype(np.float32)
        taken = self.library.network_start(self.network, self._address(weights))
        if taken != len(weights):
            raise peer.LeftOutError(f"FANN's network has {taken} weights instead of {len(weights)}")
        self.x = np.ascontiguousarray(problem.x, np.float32)
        self.y = np.ascontiguousarray(problem.y, np.float32)

    @staticmethod
    def _address(array: np.ndarray) -> ctypes.c_void_p:
        return ctypes.c_void_p(array.ctypes.data)

    def train(self, first: int, steps: int) -> float:
        """Train on these samples in one call."""
        x, y = self.x[first:], self.y[first:]
        return float(
            self.library.network_train(self.network, self._address(x), self._address(y), steps)
        )
