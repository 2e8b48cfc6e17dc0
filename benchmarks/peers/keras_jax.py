"""Keras on JAX: `train_on_batch` and `fit`; `predict_on_batch` and calling the model.

Its Adam adds ε to √v and not to √v̂; ε is set to the 1e-8 of the others.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from benchmarks.peers import peer
from benchmarks.problems import Problem


def _model(problem: Problem, last: str | None = None) -> Any:
    layers: list[Any] = [keras.layers.Input((problem.case.units[0],))]
    layers += [keras.layers.Dense(n, "relu") for n in problem.case.units[1:-1]]
    model = keras.Sequential([*layers, keras.layers.Dense(problem.case.units[-1], last)])
    pairs = zip(problem.weights, problem.biases, strict=True)
    model.set_weights([array for pair in pairs for array in pair])
    return model


class OnBatch(peer.Trainer):
    """`train_on_batch`, a call a step."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.model = _model(problem)
        self.model.compile(
            keras.optimizers.Adam(problem.case.rate, epsilon=1e-8),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def train(self, first: int, steps: int) -> float:
        """Take the steps one by one; what Keras reports is a mean, so ask for one to compare."""
        loss: Any = 0.0
        self.model.reset_metrics()
        for number in range(first, first + steps):
            rows = self.problem.rows(number, 1)
            loss = self.model.train_on_batch(self.problem.x[rows], self.problem.y[rows])
        return float(loss)


class Fit(OnBatch):
    """`fit` without shuffling, an epoch a call."""

    def train(self, first: int, steps: int) -> float:
        """Fit on these batches' rows."""
        rows = self.problem.rows(first, steps)
        history = self.model.fit(
            self.problem.x[rows], self.problem.y[rows], self.problem.case.batch,
            shuffle=False, verbose=0,
        )  # fmt: skip
        return float(history.history["loss"][-1])


class OnBatchPredictor(peer.Predictor):
    """`predict_on_batch`."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.model = _model(problem, "softmax")

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Call Keras's fastest method that is compiled."""
        return self.model.predict_on_batch(x)


class CallPredictor(OnBatchPredictor):
    """The model called as a function, which Keras advises for small inputs."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Call the model."""
        return np.asarray(self.model(x, training=False))
