"""JAX on the CPU: a jitted step for each batch, and a whole epoch in one `lax.scan`.

Both donate their parameters, so that XLA may write the new ones over the old. The data lie on the
device beforehand. Adam is written out; JAX itself has no optimisers.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import peer
from benchmarks.problems import Problem


def _start(problem: Problem) -> Any:
    """Return (values, means, squares, steps taken)."""
    values = [
        (jnp.array(W), jnp.array(b)) for W, b in zip(problem.weights, problem.biases, strict=True)
    ]
    zeros = [jax.tree.map(jnp.zeros_like, values) for _ in range(2)]
    return values, *zeros, jnp.zeros((), jnp.float32)


def _z(values: Any, x: Any) -> Any:
    """Return the last layer's z."""
    for W, b in values[:-1]:
        x = jax.nn.relu(x @ W + b)
    W, b = values[-1]
    return x @ W + b


def _objective(values: Any, x: Any, y: Any) -> Any:
    """Return the mean cross-entropy."""
    logs = jax.nn.log_softmax(_z(values, x))
    return -jnp.take_along_axis(logs, y[:, None], axis=1).mean()


def _stepper(rate: float) -> Any:
    def step(state: Any, x: Any, y: Any) -> Any:
        values, means, squares, count = state
        loss, gradient = jax.value_and_grad(_objective)(values, x, y)
        count = count + 1
        root = jnp.sqrt(1 - 0.999**count)
        factor, tiny = rate * root / (1 - 0.9**count), 1e-8 * root
        means = jax.tree.map(lambda m, g: m + 0.1 * (g - m), means, gradient)
        squares = jax.tree.map(lambda s, g: s + 0.001 * (g * g - s), squares, gradient)
        values = jax.tree.map(
            lambda v, m, s: v - factor * m / (jnp.sqrt(s) + tiny), values, means, squares
        )
        return (values, means, squares, count), loss

    return step


class Step(peer.Trainer):
    """One call of a jitted function a step."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.state = _start(problem)
        self.step = jax.jit(_stepper(problem.case.rate), donate_argnums=0)
        # batches of their own: slicing a device array costs more than a small step
        self.batches: dict[int, Any] = {}

    def _batch(self, number: int) -> Any:
        if number not in self.batches:
            rows = self.problem.rows(number, 1)
            self.batches[number] = jax.device_put((self.problem.x[rows], self.problem.y[rows]))
        return self.batches[number]

    def train(self, first: int, steps: int) -> float:
        """Take the steps one by one; JAX runs ahead and is waited for at the end."""
        loss: Any = 0.0
        for number in range(first, first + steps):
            self.state, loss = self.step(self.state, *self._batch(number))
        return float(loss)


class Scan(peer.Trainer):
    """The epoch as one compiled call."""

    whole_epoch = True

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.state = _start(problem)
        step = _stepper(problem.case.rate)

        def epoch(state: Any, x: Any, y: Any) -> Any:
            state, losses = jax.lax.scan(lambda s, xy: step(s, *xy), state, (x, y))
            return state, losses[-1]

        self.epoch = jax.jit(epoch, donate_argnums=0)
        self.spans: dict[tuple[int, int], Any] = {}

    def train(self, first: int, steps: int) -> float:
        """Scan over these batches."""
        if (first, steps) not in self.spans:
            rows = self.problem.rows(first, steps)
            shape = (steps, self.problem.case.batch)
            x, y = self.problem.x[rows], self.problem.y[rows]
            self.spans[first, steps] = jax.device_put(
                (x.reshape(*shape, x.shape[1]), y.reshape(shape))
            )
        self.state, loss = self.epoch(self.state, *self.spans[first, steps])
        return float(loss)


class Predictor(peer.Predictor):
    """A jitted forward pass, arrays in, arrays out."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.values = _start(problem)[0]
        self.run = jax.jit(lambda values, x: jax.nn.softmax(_z(values, x)))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Run it and wait."""
        return np.asarray(self.run(self.values, x))
