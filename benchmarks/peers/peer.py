"""What a peer is to the benchmark: a trainer, a predictor, or both, made inside its own process.

    Trainer(problem, threads).train(first, steps)    takes steps, returns the last step's loss
    Predictor(problem, threads).predict(x)           returns each class's probability

`problem` may hold more steps than are taken. A loss is the mean over the step's batch before its
update. A peer that cannot take part raises `LeftOutError`; the report repeats its reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from benchmarks.problems import Problem


class LeftOutError(Exception):
    """A peer cannot take part here; the message says why."""


class Trainer(ABC):
    """Trains the problem's network from the problem's start."""

    # a compiled epoch has one length; others may be timed over a part of the epoch
    whole_epoch = False

    def __init__(self, problem: Problem, threads: int | None) -> None:
        self.problem = problem
        self.threads = threads

    @abstractmethod
    def train(self, first: int, steps: int) -> float:
        """Train on batches `first` to `first + steps`; return the mean loss of the last one."""

    def note(self) -> str:
        """Return what should be known about how this peer runs here, in a few words."""
        return ""


class Predictor(ABC):
    """Predicts with the problem's start as the fitted network."""

    # whether it is the network of the problem; see scikit_learn.py on two classes
    same_network = True

    def __init__(self, problem: Problem, threads: int | None) -> None:
        self.problem = problem
        self.threads = threads

    @abstractmethod
    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return probabilities, (rows, classes), as an array or something that becomes one."""
