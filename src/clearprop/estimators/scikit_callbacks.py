"""scikit-learn's own callbacks (since 1.9): `model.set_callbacks(ProgressBar(), …)`.

A fit is a task, each epoch (of L-BFGS each iteration) a task within it. At the end of an epoch a
callback may ask for an estimator that predicts as if training had stopped there, which is what
`ScoringMonitor` does, and one that returns True stops the training. scikit-learn calls this
interface experimental; ours are the parameter `callbacks` and `clearprop.training.Listener`.

Public names: `Callbacks`, `CallbackSupport`, `joined`, `with_callbacks`.
May import: `clearprop.training`; scikit-learn.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.callback import CallbackSupportMixin, with_callbacks

from clearprop.training import Epoch, Event, Listener, Running

__all__ = ["CallbackSupport", "Callbacks", "joined", "with_callbacks"]

# what belongs to the fit that goes on, and not to a stand-in
_OF_THE_FIT = ("_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx",
               "_parent_callback_ctx")  # fmt: skip


class CallbackSupport(CallbackSupportMixin):
    """Gives an estimator `set_callbacks`."""

    def _callbacks(self, epochs: int, **data: Any) -> Callbacks | None:
        """Return the listener that tells scikit-learn's callbacks; None where none are set.

        Parameters
        ----------
        epochs : int
            Epochs of all runs of the fit, at most.
        data : X, y, metadata
            What the fit was given.
        """
        if not getattr(self, "_skl_callbacks", None):
            return None
        return Callbacks(self, epochs, data)


class Callbacks:
    """A listener that hands on what a run tells; for one fit.

    Attributes
    ----------
    stand_in : callable or None
        `stand_in(estimator, vector)` makes a copy of the estimator predict with these parameters.
    """

    def __init__(self, estimator: Any, epochs: int, data: dict[str, Any]) -> None:
        self._estimator, self._data = estimator, data
        self._running: Running | None = None
        self.stand_in: Callable[[Any, np.ndarray], None] | None = None
        self._context = estimator._init_callback_context(max_subtasks=epochs)
        self._context.call_on_fit_task_begin(estimator=estimator, **data)

    def begin(self, running: Running) -> None:
        """Take in that a run begins."""
        self._running = running

    def __call__(self, event: Event) -> bool | None:
        """Take in an event; return whether a callback asks to stop."""
        if not isinstance(event, Epoch):
            return None
        task = self._context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        stop = task.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=self._attributes, **self._data
        )
        return bool(stop)

    def end(self) -> None:
        """Tell that the fit is over; the estimator is fitted."""
        self._context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=lambda: _fitted(self._estimator),
            **self._data,
        )

    def _attributes(self) -> dict[str, Any]:
        assert self._running is not None  # a run begins before its first epoch ends
        assert self.stand_in is not None  # set before the run
        estimator = copy.copy(self._estimator)
        self.stand_in(estimator, self._running.vector().copy())
        return _fitted(estimator)


def _fitted(estimator: Any) -> dict[str, Any]:
    """Return what was fitted: all attributes that are no parameters."""
    given = estimator.get_params(deep=False)
    kept = vars(estimator).items()
    return {k: value for k, value in kept if k not in given and k not in _OF_THE_FIT}


def joined(listeners: list[Listener], callbacks: Callbacks | None) -> list[Listener]:
    """Return the listeners, and scikit-learn's callbacks as one more."""
    return listeners if callbacks is None else [*listeners, callbacks]
