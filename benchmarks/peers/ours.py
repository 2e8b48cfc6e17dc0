"""clearprop: its native engine as the fit loop calls it, and its classifier as people do."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from benchmarks.peers import peer
from benchmarks.problems import Case, Problem
from clearprop import Dense, Network, Parameters
from clearprop.engines import Block, Recipe, build
from clearprop.equations import RULES, Penalty

ENGINE = "native"


def network_of(case: Case) -> Network:
    """Return the case's network."""
    hidden = [Dense(n, case.activation, dropout=case.dropout) for n in case.units[1:-1]]
    layers = (*hidden, Dense(case.units[-1], case.output))
    return Network(case.units[0], layers, case.loss, case.dtype)


def recipe_of(case: Case) -> Recipe:
    """Return the case's recipe."""
    return Recipe(
        RULES[case.rule](case.rate),
        penalty=Penalty(l2=case.l2),
        batch_size=case.batch,
        clip_norm=case.clip_norm,
    )


def parameters_of(problem: Problem) -> Parameters:
    """Return the problem's start."""
    network = network_of(problem.case)
    return Parameters.from_arrays(network, [W.T for W in problem.weights], problem.biases)


class Trainer(peer.Trainer):
    """The engine on the rows in their order; one call is one `advance`."""

    def __init__(self, problem: Problem, threads: int | None, engine: str = ENGINE) -> None:
        super().__init__(problem, threads)
        start = parameters_of(problem)
        self.engine = build(engine, start.network, recipe_of(problem.case), threads)
        self.block = Block.of(start.network, problem.x, problem.y)
        self.state = self.engine.initial_state(start)

    def train(self, first: int, steps: int) -> float:
        """Advance from this batch on."""
        self.state.position = first * self.problem.case.batch
        self.state, record = self.engine.advance(self.state, self.block, steps)
        return float(record.losses[-1])

    def note(self) -> str:
        """Return the engine's plan."""
        plan = self.state.plan
        return ", ".join(f"{name} {value}" for name, value in vars(plan).items())


class ClassifierTrainer(peer.Trainer):
    """`MLPClassifier.fit` as a user calls it: shuffled, from its own start, one epoch a call."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        from clearprop import MLPClassifier

        case = problem.case
        self.model: Any = MLPClassifier(
            case.units[1:-1], batch_size=case.batch, learning_rate_init=case.rate, max_iter=1,
            random_state=0, threads=threads,
        )  # fmt: skip

    def train(self, first: int, steps: int) -> float:
        """Fit on these batches' rows; the start and the order differ, so the loss says nothing."""
        rows = self.problem.rows(first, steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.fit(self.problem.x[rows], self.problem.y[rows])
        return float("nan")


class EnginePredictor(peer.Predictor):
    """`engine.predict`, what the classifier calls underneath."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        start = parameters_of(problem)
        self.vector = start.vector
        self.engine = build(ENGINE, start.network, recipe_of(problem.case), threads)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Run the forward pass."""
        return self.engine.predict(self.vector, x)


class ClassifierPredictor(peer.Predictor):
    """`MLPClassifier.predict_proba`, which is what a user calls, checks of the input included."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        from clearprop import MLPClassifier

        self.model: Any = MLPClassifier(problem.case.units[1:-1], threads=threads, random_state=0)
        classes = np.arange(problem.case.units[-1])
        some = np.random.default_rng(0).standard_normal((len(classes), problem.case.units[0]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.partial_fit(some.astype(np.float32), classes, classes=classes)
        # two classes have one logistic unit, as in scikit-learn
        self.same_network = len(classes) > 2
        if self.same_network:
            for mine, given in zip(self.model.coefs_, problem.weights, strict=True):
                mine[...] = given
            for mine, given in zip(self.model.intercepts_, problem.biases, strict=True):
                mine[...] = given

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Call the public method."""
        return self.model.predict_proba(x)
