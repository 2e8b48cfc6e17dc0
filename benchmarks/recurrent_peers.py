"""Who takes a step of back-propagation through time: this package, and PyTorch's layers.

Both have the same start, batch and gradient descent. PyTorch keeps two biases for each gate, which
only ever occur as a sum: the second is held at 0, apart from that of a GRU's candidate, which is
this package's `c`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.equations import GradientDescent
from clearprop.network import GRU, LSTM, Recurrent

RATE, OUTPUTS = 0.05, 5
# batches of an epoch
BATCHES = 8
LAYERS = {"RNN": Recurrent, "GRU": GRU, "LSTM": LSTM}


@dataclass(frozen=True)
class Case:
    """A layer, its batch, and how long its sequences are."""

    cell: str
    units: int
    batch: int
    inputs: int
    steps: int

    @property
    def name(self) -> str:
        """The case in a few words."""
        return f"{self.cell} {self.inputs}-{self.units}, batch {self.batch}, {self.steps} steps"

    def network(self) -> Network:
        """Return the layer with a softmax on its last state."""
        layers = (LAYERS[self.cell](self.units), Dense(OUTPUTS, "softmax"))
        return Network(self.inputs, layers, "cross_entropy", "float32")

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return an epoch of sequences and their classes."""
        draw, rows = np.random.default_rng(0), BATCHES * self.batch
        x = draw.normal(size=(rows, self.steps, self.inputs)).astype(np.float32)
        return x, draw.integers(0, OUTPUTS, rows)


class Stepping:
    """Takes steps, epoch after epoch, with a clock around them."""

    def train(self, steps: int) -> list[float]:
        """Take up to so many steps, at least one, and return their losses."""
        raise NotImplementedError

    def losses(self, steps: int) -> list[float]:
        """Return the losses of the first steps."""
        return [self.train(1)[0] for _ in range(steps)]

    def calibrate(self, seconds: float) -> int:
        """Warm up, and return how many steps take about so long."""
        self.run(2)
        return max(1, int(seconds / (self.run(2) / 2)))

    def run(self, steps: int) -> float:
        """Return the seconds of so many steps."""
        began = time.perf_counter()
        while steps > 0:
            steps -= len(self.train(steps))
        return time.perf_counter() - began


class Ours(Stepping):
    """The native engine."""

    def __init__(self, case: Case, threads: int | None) -> None:
        network = case.network()
        recipe = Recipe(GradientDescent(RATE), batch_size=case.batch)
        self._engine = build("native", network, recipe, threads)
        self._block = Block.of(network, *case.data())
        self._state = self._engine.initial_state(Parameters.initial(network, 0))

    def train(self, steps: int) -> list[float]:
        """Let the engine take the steps in one call."""
        if not self._engine.steps_left(self._state, self._block):
            self._state.position = 0
        self._state, record = self._engine.advance(self._state, self._block, steps)
        return record.losses.tolist()


class PyTorch(Stepping):
    """PyTorch's own layer, eager, with plain gradient descent."""

    def __init__(self, case: Case, threads: int | None) -> None:
        import torch

        torch.set_num_threads(threads or 1)
        self._torch = torch
        start = Parameters.initial(case.network(), 0)
        layer = getattr(torch.nn, case.cell)(case.inputs, case.units, batch_first=True)
        output = torch.nn.Linear(case.units, OUTPUTS)
        pairs = [
            (layer.weight_ih_l0, start["W1"]), (layer.weight_hh_l0, start["U1"]),
            (layer.bias_ih_l0, start["b1"]), (output.weight, start["W2"]),
            (output.bias, start["b2"]),
        ]  # fmt: skip
        with torch.no_grad():
            layer.bias_hh_l0.zero_()
            for parameter, values in pairs:
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
        _hold_second_bias(torch, layer.bias_hh_l0, case)
        self._layer, self._output = layer, output
        trained = [p for p in (*layer.parameters(), *output.parameters()) if p.requires_grad]
        self._optimiser = torch.optim.SGD(trained, lr=RATE)
        x, y = map(torch.from_numpy, case.data())
        self._batches = list(zip(x.split(case.batch), y.split(case.batch), strict=True))
        self._taken = 0

    def train(self, steps: int) -> list[float]:
        """Forward, backward and update, one step after another."""
        return [self._step(*self._next()) for _ in range(steps)]

    def _next(self) -> tuple[Any, Any]:
        self._taken += 1
        return self._batches[(self._taken - 1) % BATCHES]

    def _step(self, x: Any, y: Any) -> float:
        self._optimiser.zero_grad()
        last = self._layer(x)[0][:, -1]
        loss = self._torch.nn.functional.cross_entropy(self._output(last), y)
        loss.backward()
        self._optimiser.step()
        return float(loss.detach())


def _hold_second_bias(torch: Any, bias: Any, case: Case) -> None:
    """Let nothing of the second bias be trained but a GRU's candidate."""
    if case.cell != "GRU":
        bias.requires_grad_(False)
        return
    mask = torch.zeros_like(bias)
    mask[2 * case.units :] = 1
    bias.register_hook(lambda gradient: gradient * mask)
