"""PyTorch on the CPU: eager (Adam as it comes, and its fused one), and `torch.compile`.

`torch.compile` gets the whole step as one function (forward, gradient, Adam), written without
autograd's tape, so that its compiler sees all of it; where it cannot compile that, the model with
its loss is compiled and the rest stays eager, and the peer's note says so. It needs a C++ compiler.
"""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import torch

from benchmarks.peers import peer
from benchmarks.problems import Problem


def _model(problem: Problem) -> Any:
    """Return the network with the problem's start; its output is z, as PyTorch's loss wants it."""
    layers: list[torch.nn.Module] = []
    for W, b in zip(problem.weights, problem.biases, strict=True):
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.T.copy()))
            linear.bias.copy_(torch.from_numpy(b.copy()))
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


class _Batches(peer.Trainer):
    """Shared: a loop over batches that hands each to `self.step`."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        torch.set_num_threads(threads or 1)
        self.x, self.y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)

    def step(self, x: Any, y: Any) -> Any:
        """Take a step and return its loss as a tensor."""
        raise NotImplementedError

    def train(self, first: int, steps: int) -> float:
        """Take the steps one by one."""
        loss: Any = 0.0
        for number in range(first, first + steps):
            rows = self.problem.rows(number, 1)
            loss = self.step(self.x[rows], self.y[rows])
        return float(loss)


class Eager(_Batches):
    """What a user writes."""

    fused = False

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.model = _model(problem)
        self.loss = torch.nn.CrossEntropyLoss()
        options = {"fused": True} if self.fused else {}
        self.optimiser = torch.optim.Adam(self.model.parameters(), problem.case.rate, **options)

    def step(self, x: Any, y: Any) -> Any:
        """Forward, backward, update."""
        self.optimiser.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimiser.step()
        return loss.detach()


class EagerFused(Eager):
    """With Adam's fused implementation, which is faster on small and on large networks."""

    fused = True


class Compiled(_Batches):
    """The whole step under `torch.compile`."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        if not shutil.which("g++"):
            raise peer.LeftOutError("torch.compile needs g++, which is not on the path")
        torch._dynamo.reset()  # past eight networks it would go on eagerly without a word
        self._note = "whole step compiled"
        try:
            self.step = self._whole_step()
            self.train(0, 2)
        except Exception as error:
            self._note = f"model and loss compiled, rest eager ({type(error).__name__})"
            self.step = self._model_step()
        else:
            self.step = self._whole_step()  # the trial has changed the parameters

    def note(self) -> str:
        """Return how much of the step is compiled."""
        return self._note

    def _whole_step(self) -> Any:
        model, rate = _model(self.problem), self.problem.case.rate
        values = {k: v.detach().clone() for k, v in model.named_parameters()}
        means = {k: torch.zeros_like(v) for k, v in values.items()}
        squares = {k: torch.zeros_like(v) for k, v in values.items()}
        count = torch.zeros(())

        def objective(values: Any, x: Any, y: Any) -> Any:
            return torch.nn.functional.cross_entropy(
                torch.func.functional_call(model, values, (x,)), y
            )

        def step(x: Any, y: Any) -> Any:
            gradient, loss = torch.func.grad_and_value(objective)(values, x, y)
            count.add_(1)
            root = torch.sqrt(1 - 0.999**count)
            for name, v in values.items():
                g, m, s = gradient[name], means[name], squares[name]
                m.lerp_(g, 0.1)
                s.lerp_(g * g, 0.001)
                v.sub_((rate * root / (1 - 0.9**count)) * m / (torch.sqrt(s) + 1e-8 * root))
            return loss

        compiled = torch.compile(step, fullgraph=True, dynamic=False)

        def without_tape(x: Any, y: Any) -> Any:
            with torch.no_grad():
                return compiled(x, y)

        return without_tape

    def _model_step(self) -> Any:
        model = _model(self.problem)
        loss_of = torch.compile(lambda x, y: torch.nn.functional.cross_entropy(model(x), y))
        optimiser = torch.optim.Adam(model.parameters(), self.problem.case.rate, fused=True)

        def step(x: Any, y: Any) -> Any:
            optimiser.zero_grad()
            loss = loss_of(x, y)
            loss.backward()
            optimiser.step()
            return loss.detach()

        return step


class EagerPredictor(peer.Predictor):
    """Forward and softmax in inference mode, arrays in, arrays out."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        torch.set_num_threads(threads or 1)
        self.model = torch.nn.Sequential(*_model(problem), torch.nn.Softmax(dim=1)).eval()

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Run the model."""
        with torch.inference_mode():
            return self.model(torch.from_numpy(x)).numpy()


class CompiledPredictor(EagerPredictor):
    """The same under `torch.compile`."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        if not shutil.which("g++"):
            raise peer.LeftOutError("torch.compile needs g++, which is not on the path")
        torch._dynamo.reset()
        self.model = torch.compile(self.model, dynamic=False)
