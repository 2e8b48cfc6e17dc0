"""Back-propagation one sample at a time in NumPy, as the book's first program goes about it.

Column vectors, a list of activations, BP1 to BP4 in turn, plain gradient descent. Written from the
equations; the book's network.py was not at hand and is not copied. float32 as everywhere here.
"""

from __future__ import annotations

import numpy as np

from benchmarks.peers import peer
from benchmarks.problems import Problem


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + e^-z)."""
    return 1 / (1 + np.exp(-z))


class Trainer(peer.Trainer):
    """Sigmoid layers, half squared error, gradient descent, batches of one."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.weights = [W.T.copy() for W in problem.weights]
        self.biases = [b[:, None].copy() for b in problem.biases]
        self.x = problem.x[:, :, None]
        self.y = problem.y[:, :, None]

    def train(self, first: int, steps: int) -> float:
        """Take the samples one by one."""
        loss = 0.0
        for number in range(first, first + steps):
            loss = self._one(self.x[number], self.y[number])
        return loss

    def _one(self, x: np.ndarray, y: np.ndarray) -> float:
        a = [x]
        for W, b in zip(self.weights, self.biases, strict=True):
            a.append(sigmoid(W @ a[-1] + b))
        error = a[-1] - y
        delta = error * a[-1] * (1 - a[-1])
        rate = np.float32(self.problem.case.rate)
        for layer in range(len(self.weights) - 1, -1, -1):
            slope, W = delta @ a[layer].T, self.weights[layer]
            behind = W.T @ delta
            W -= rate * slope
            self.biases[layer] -= rate * delta
            delta = behind * a[layer] * (1 - a[layer])
        return float((error * error).sum()) / 2
