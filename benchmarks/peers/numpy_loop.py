"""The equations as a loop over batches in NumPy: what one writes after reading the book."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import peer
from benchmarks.problems import Problem


def _forward(x: np.ndarray, weights: list, biases: list) -> list[np.ndarray]:
    """Return a^0 to a^L: relu inside, softmax at the end."""
    a = [x]
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        a.append(np.maximum(a[-1] @ W + b, 0))
    z = a[-1] @ weights[-1] + biases[-1]
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return [*a, e / e.sum(axis=1, keepdims=True)]


class Trainer(peer.Trainer):
    """Adam on relu layers with softmax and cross-entropy."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.weights = [W.copy() for W in problem.weights]
        self.biases = [b.copy() for b in problem.biases]
        self.means, self.squares = (
            [np.zeros_like(v) for v in self.weights + self.biases] for _ in range(2)
        )
        self.step = 0

    def train(self, first: int, steps: int) -> float:
        """Take the steps one by one."""
        loss = 0.0
        for number in range(first, first + steps):
            rows = self.problem.rows(number, 1)
            loss = self._one(self.problem.x[rows], self.problem.y[rows])
        return loss

    def _one(self, x: np.ndarray, y: np.ndarray) -> float:
        a = _forward(x, self.weights, self.biases)
        p, rows = a[-1], np.arange(len(y))
        loss = float(-np.log(p[rows, y]).mean())
        p[rows, y] -= 1
        delta = p / np.float32(len(y))
        last = len(self.weights) - 1
        gradients = [*self.weights, *self.biases]
        for layer in range(last, -1, -1):
            gradients[layer] = a[layer].T @ delta
            gradients[last + 1 + layer] = delta.sum(axis=0)
            if layer:
                delta = (delta @ self.weights[layer].T) * (a[layer] > 0)
        self._update(gradients)
        return loss

    def _update(self, gradients: list[np.ndarray]) -> None:
        self.step += 1
        root = np.sqrt(1 - 0.999**self.step)
        rate = np.float32(self.problem.case.rate * root / (1 - 0.9**self.step))
        tiny = np.float32(1e-8 * root)
        for v, g, m, s in zip(
            self.weights + self.biases, gradients, self.means, self.squares, strict=True
        ):
            m += np.float32(0.1) * (g - m)
            s += np.float32(0.001) * (g * g - s)
            v -= rate * m / (np.sqrt(s) + tiny)


class Predictor(peer.Predictor):
    """The forward pass alone."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return a^L."""
        return _forward(x, list(self.problem.weights), list(self.problem.biases))[-1]
