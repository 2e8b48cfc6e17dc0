"""scikit-learn's own callbacks on our estimators: each epoch is a task of the fit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.callback import ScoringMonitor
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV

from clearprop import MLPClassifier, MLPRegressor, RNNClassifier, TabularClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(40, 3))
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
FEW = {"max_iter": 4, "random_state": 0, "engine": "reference"}


class Watcher:
    """A callback that notes each task, and stops in the epoch it is told."""

    def __init__(self, stop_in=None):
        self.stop_in, self.begun, self.ended, self.alive = stop_in, [], [], 0

    def setup(self, estimator, context):
        self.alive += 1

    def teardown(self, estimator, context):
        self.alive -= 1

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.begun.append((context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        share = accuracy_score(y, fitted_estimator.predict(X))
        self.ended.append((context.task_name, context.task_id, share))
        return self.stop_in is not None and context.task_id + 1 == self.stop_in


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_each_epoch_is_a_task(solver):
    watcher, shares = Watcher(), []
    model = MLPClassifier((4,), solver=solver, **FEW).set_callbacks(watcher)

    def listen(event):
        if type(event).__name__ == "Epoch":
            shares.append(event.epoch)

    model.set_params(callbacks=[listen]).fit(X, Y)
    assert watcher.begun == [("fit", 0), *(("epoch", k) for k in range(4))]
    assert [(name, k) for name, k, _ in watcher.ended] == [*(("epoch", k) for k in range(4)),
                                                           ("fit", 0)]  # fmt: skip
    assert shares == [1, 2, 3, 4]
    assert watcher.alive == 0
    # the stand-in of the last epoch is the model
    assert watcher.ended[-1][2] == watcher.ended[-2][2] == model.score(X, Y)
    # and that of an earlier one the model of fewer epochs
    fewer = MLPClassifier((4,), solver=solver, **{**FEW, "max_iter": 2}).fit(X, Y)
    assert watcher.ended[1][2] == fewer.score(X, Y)


def test_a_callback_may_stop_the_fit():
    model = MLPClassifier((4,), **FEW).set_callbacks(Watcher(stop_in=2)).fit(X, Y)
    assert model.n_iter_ == 2


def test_teardown_comes_after_an_error():
    watcher = Watcher()
    with pytest.raises(ValueError, match="NaN"):
        MLPClassifier((4,), **FEW).set_callbacks(watcher).fit(X * np.nan, Y)
    assert watcher.alive == 0


def test_scikit_learns_monitor_in_a_search():
    monitor = ScoringMonitor(scoring="accuracy")
    model = MLPClassifier((4,), **FEW).set_callbacks(monitor)
    search = GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2).fit(X, Y)
    rows = monitor.get_logs("all")
    # two settings in two folds and the last fit, of four epochs each
    epochs = sum(row["task_name"] == "epoch" for log in rows for row in log.data)
    assert epochs == 5 * 4
    assert search.best_estimator_.n_iter_ == 4


def test_the_other_estimators():
    watcher = Watcher()
    table = TabularClassifier((3,), max_epochs=2, n_cv=2, engine="reference")
    table.set_callbacks(watcher).fit(X, Y)
    assert [name for name, _, _ in watcher.ended] == ["epoch"] * 4 + ["fit"]
    monitor = ScoringMonitor(scoring="r2")
    MLPRegressor(hidden_layer_sizes=(3,), **FEW).set_callbacks(monitor).fit(X, X[:, 0])
    assert len(monitor.get_logs().data) == 5
    series, labels = [x[:, None] for x in X], Y
    words = Watcher()
    RNNClassifier(2, **FEW).set_callbacks(words).fit(series, labels)
    assert len(words.ended) == 5
