"""What `MLPClassifier` and `MLPRegressor` share: rows of arrays, and scikit-learn's views.

`coefs_` and `intercepts_` are views of the parameter vector in scikit-learn's orientation, so that
writing into them changes predictions; arrays put in their places are taken over before the next
use.

Public names: `Perceptron`.
May import: the other modules of this room, `clearprop.network`, `clearprop.training`, scikit-learn,
NumPy.
"""

from __future__ import annotations

from operator import is_
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from clearprop.estimators.base import Trained
from clearprop.estimators.legacy import LegacyOrders
from clearprop.estimators.rows import check_data, check_inputs
from clearprop.estimators.settings import CONSTRAINTS, network_for
from clearprop.estimators.tasks import Classification, Task
from clearprop.network import Network, Parameters
from clearprop.training import Orders


class Perceptron(Trained):
    """The base of both classes; see `MLPClassifier` for the parameters."""

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    _sizes = "hidden_layer_sizes"

    def _check_data(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        return check_data(self, X, y, reset=reset)

    def _described(self, task: Task, X: Any, *, first: bool) -> Network:
        dtype = X.dtype if first else self.network_.dtype
        return network_for(self, task, X.shape[1], dtype)

    def _auto_batch(self, rows: int) -> int:
        """Return scikit-learn's."""
        return 200

    def _orders(self, X: Any, train: np.ndarray, random: np.random.RandomState) -> Orders:
        return LegacyOrders(train, random, shuffle=bool(self.shuffle))

    def _strata(self, task: Task, targets: np.ndarray) -> np.ndarray | None:
        """Return binary targets, which scikit-learn's networks stratify; no others."""
        return targets if isinstance(task, Classification) and task.units == 1 else None

    def _adopt(self, parameters: Parameters) -> None:
        super()._adopt(parameters)
        self._show_views()

    def _show_views(self) -> None:
        self.coefs_ = [W.T for W in self.parameters_.weights]
        self.intercepts_ = self.parameters_.biases
        self._views = (*self.coefs_, *self.intercepts_)

    def _vector(self) -> np.ndarray:
        """Return the parameter vector, after taking over arrays that were put into `coefs_`."""
        shown = (*self.coefs_, *self.intercepts_)
        if len(shown) != len(self._views) or not all(map(is_, shown, self._views)):
            weights = [np.asarray(W).T for W in self.coefs_]
            given = Parameters.from_arrays(self.network_, weights, self.intercepts_)
            self.parameters_.vector[...] = given.vector
            self._show_views()
        return self.parameters_.vector

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the network's outputs on checked inputs, (n, units)."""
        if not hasattr(self, "parameters_"):
            check_is_fitted(self, "parameters_")
        X = check_inputs(self, X, self.parameters_.vector.dtype)
        engine = self._engines.get(self)
        return engine.predict(self._vector(), X)

    def predict(self, X: Any) -> Any:
        """Predict labels or numbers.

        Parameters
        ----------
        X : array, frame or sparse matrix, (n, features)

        Returns
        -------
        (n,) or (n, outputs) array
        """
        outputs = self._outputs(X)
        return self._task.decode(outputs)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds: the parameters once."""
        if "parameters_" in vars(self):
            self._vector()
        left_out = ("_views", "coefs_", "intercepts_")
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in left_out}

    def __sklearn_tags__(self) -> Any:
        """Say that sparse input is understood."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
