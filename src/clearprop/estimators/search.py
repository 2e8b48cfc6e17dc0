"""`TabularSearch`: random search for a tabular estimator's parameters, within a time budget.

Public names: `TabularSearch`.
May import: the other modules of this room, `clearprop.training`, scikit-learn, NumPy.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from clearprop.errors import DataError, DivergenceError, SettingError
from clearprop.estimators.base import keep_parameters
from clearprop.estimators.search_record import Trial, read_trials, write_trials
from clearprop.estimators.search_space import (
    Space,
    check_space,
    parameters_of_trial,
    space_for,
)
from clearprop.estimators.tabular import TabularClassifier
from clearprop.training import Event, Outcome

Watcher = Callable[[Trial], Any]


class TabularSearch(BaseEstimator):
    """Random search (Bergstra and Bengio 2012) over parameters of a tabular estimator.

    The first trial has the estimator's own parameters, so that the search is never worse than
    these by its measure. All trials are held against each other on the same validation rows, or
    with `n_cv` on the same folds. What a trial is depends on the seed and its number only: a search
    that is broken off and resumed finds what it would have found.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
    minutes : float
        How long all trials may take together, those of the file included. The trial that would
        take longer is broken off and does not count; the first one may take as long as it does.
    trials : int, optional
        At most this many.
    space : dict, optional
        What to choose from; see `clearprop.estimators.search_space`, whose `space_for` is searched
        where absent.
    file : path, optional
        Where trials are kept. If it is there already, the search goes on from it.
    watchers : iterable of callables
        Each is told every `Trial` that is done.
    refit : bool
        Have a `best_estimator_` in the end, for which a trial that comes from the file is fitted
        again.
    random_state : int
        Seeds the draw of parameters; the estimator's own seeds everything else.

    Attributes
    ----------
    trials_ : list of Trial
    best_trial_ : Trial
    best_estimator_ : TabularClassifier or TabularRegressor
        Fitted with the best trial's parameters; ready to be saved.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        minutes: float = 10.0,
        trials: int | None = None,
        space: Space | None = None,
        file: str | Path | None = None,
        watchers: Iterable[Watcher] = (),
        refit: bool = True,
        random_state: int = 0,
    ) -> None:
        keep_parameters(self, locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **rows: Any) -> Self:
        """Search; parameters are those of the estimator's own `fit`.

        Ctrl-C ends the search; the trials that are done count.
        """
        space, asked = self._settled(X, y)
        known = read_trials(Path(self.file), asked) if self.file else []
        self.trials_: list[Trial] = []
        self.best_trial_ = Trial(0, {}, -np.inf, 0.0)
        best: Any = None
        for trial, model in self._trials(space, known, (X, y, sample_weight), rows):
            if not self.trials_ or trial.score > self.best_trial_.score:
                self.best_trial_, best = trial, model
            self.trials_.append(trial)
            if model is not None and self.file:
                write_trials(Path(self.file), asked, self.trials_)
            for watcher in self.watchers:
                watcher(trial)
        if not self.trials_:
            raise SettingError("The search was interrupted before its first trial was done.")
        if self.best_trial_.score == -np.inf:
            raise DivergenceError("Every trial left the finite numbers in its first epoch.")
        if best is None and self.refit:
            # known from the file, or its model was lost with it: the same fit again
            best = self._model(self.best_trial_.parameters).fit(X, y, sample_weight, **rows)
        if self.refit:
            self.best_estimator_ = best
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the best estimator's predictions."""
        check_is_fitted(self, "best_estimator_")
        found: np.ndarray = self.best_estimator_.predict(X)
        return found

    def score(self, X: Any, y: Any) -> float:
        """Return the best estimator's own score."""
        check_is_fitted(self, "best_estimator_")
        return float(self.best_estimator_.score(X, y))

    def _settled(self, X: Any, y: Any) -> tuple[Space, dict[str, Any]]:
        """Check the parameters; return the space, and what the trials depend on."""
        if not self.minutes > 0:
            raise SettingError(f"minutes must be above 0, but {self.minutes!r} came.")
        if self.trials is not None and not self.trials >= 1:
            raise SettingError(f"trials must be at least 1, or None, but {self.trials!r} came.")
        classes = isinstance(self.estimator, TabularClassifier)
        space = space_for(classes=classes) if self.space is None else self.space
        given = self.estimator.get_params(deep=False)
        check_space(space, given)
        apart = ("callbacks", "checkpoint", "threads", "engine", "device", "precision")
        own = {name: value for name, value in given.items() if name not in apart}
        asked = {
            "kind": type(self.estimator).__name__,
            "parameters": {name: repr(value) for name, value in own.items()},
            "space": space,
            "seed": int(self.random_state),
            "rows": len(X),
        }
        return space, asked

    def _model(self, parameters: dict[str, Any]) -> Any:
        return clone(self.estimator).set_params(**parameters)

    def _trials(
        self, space: Space, known: list[Trial], data: tuple[Any, ...], rows: dict[str, Any]
    ) -> Iterator[tuple[Trial, Any]]:
        """Yield trials with their models; those that are known have none."""
        spent, number = 0.0, 0
        while self.trials is None or number < self.trials:
            if number < len(known):
                spent += known[number].seconds
                yield known[number], None
            else:
                left = 60 * self.minutes - spent
                if number and left <= 0:
                    return
                found = self._try(number, space, data, rows, left if number else np.inf)
                if found is None:
                    return
                spent += found[0].seconds
                yield found
            number += 1

    def _try(
        self, number: int, space: Space, data: tuple[Any, ...], rows: dict[str, Any], left: float
    ) -> tuple[Trial, Any] | None:
        """Make a trial; None where it was interrupted or would take longer than `left` seconds."""
        parameters = parameters_of_trial(space, int(self.random_state), number)
        model, began = self._model(parameters), time.perf_counter()

        def late(event: Event) -> bool:
            return time.perf_counter() - began > left

        try:
            prepared = model.prepare(*data, **rows)
            if prepared.divisions[0].frame is None:
                raise DataError(
                    "A search compares trials on validation rows, and there are none. Give the "
                    "estimator n_cv=5 or a validation_fraction above 0, or take more rows."
                )
            outcomes = prepared.finish([*(self.estimator.callbacks or ()), late])
        except KeyboardInterrupt:
            return None
        if any(outcome.stop.reason in ("interrupted", "listener") for outcome in outcomes):
            return None
        score = float(np.mean([_score(outcome) for outcome in outcomes]))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.keep(prepared, outcomes)
        except DivergenceError:
            score = -np.inf
        return Trial(number, parameters, score, time.perf_counter() - began), model


def _score(outcome: Outcome) -> float:
    """Return the metric that chose the epoch, at that epoch."""
    history = outcome.history
    if not history.best_epoch:
        return -np.inf
    if history.validation_score:
        return history.validation_score[history.best_epoch - 1]
    return -history.validation_loss[history.best_epoch - 1]
