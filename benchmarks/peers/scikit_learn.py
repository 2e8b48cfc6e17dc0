"""scikit-learn's `MLPClassifier`, two ways: `partial_fit` in the rows' order, `fit` as it comes.

Its Adam adds ε to √v and not to √v̂ (ε is 1e-8, so the losses agree to rounding all the same).

With two classes it trains one logistic unit. `partial_fit` here is made to train the softmax of two
units that the others train (its encoder of labels is replaced), so that losses can be compared;
`fit` is left as a user finds it and does a little less work there.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.peers import peer
from benchmarks.problems import Problem


class _OneHot:
    """Turns codes into one column a class, also for two classes."""

    y_type_ = "multiclass"

    def __init__(self, classes: int) -> None:
        self._rows = np.eye(classes)

    def transform(self, y: np.ndarray) -> np.ndarray:
        return self._rows[y]


def _model(problem: Problem, *, two_as_softmax: bool, **options: Any) -> Any:
    """Return a model that holds the problem's start and has taken no step."""
    case = problem.case
    model = MLPClassifier(
        case.units[1:-1], alpha=0, batch_size=case.batch, learning_rate_init=case.rate,
        random_state=0, **options,
    )  # fmt: skip
    # three classes at least are declared, so that there is a softmax to take over
    classes = np.arange(max(case.units[-1], 3) if two_as_softmax else case.units[-1])
    some = np.random.default_rng(0).standard_normal((len(classes), case.units[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the batch is larger than these rows
        model.partial_fit(some.astype(case.dtype), classes, classes=classes)
    if two_as_softmax:
        model._label_binarizer = _OneHot(case.units[-1])
        model.classes_ = np.arange(case.units[-1])
        model.n_outputs_ = case.units[-1]
    if two_as_softmax or case.units[-1] > 2:
        model.coefs_ = [W.copy() for W in problem.weights]
        model.intercepts_ = [b.copy() for b in problem.biases]
    del model._optimizer
    return model


class InOrder(peer.Trainer):
    """`partial_fit` with shuffle=False; one call is one pass over the rows given."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.model = _model(problem, two_as_softmax=True, shuffle=False)

    def train(self, first: int, steps: int) -> float:
        """Pass once over these batches; its loss is their mean, so ask for one to compare."""
        rows = self.problem.rows(first, steps)
        self.model.partial_fit(self.problem.x[rows], self.problem.y[rows])
        return float(self.model.loss_)


class Shuffled(peer.Trainer):
    """`fit` with its own shuffle, an epoch a call, going on from where it stood (warm_start)."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.model = _model(
            problem, two_as_softmax=False, warm_start=True, max_iter=1, n_iter_no_change=10**9
        )

    def train(self, first: int, steps: int) -> float:
        """Fit one epoch on these batches' rows; the order differs, so the loss says nothing."""
        rows = self.problem.rows(first, steps)
        self.model.fit(self.problem.x[rows], self.problem.y[rows])
        return float("nan")


class Predictor(peer.Predictor):
    """`predict_proba`."""

    def __init__(self, problem: Problem, threads: int | None) -> None:
        super().__init__(problem, threads)
        self.model = _model(problem, two_as_softmax=False)
        self.same_network = problem.case.units[-1] > 2

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Call the public method."""
        return self.model.predict_proba(x)
