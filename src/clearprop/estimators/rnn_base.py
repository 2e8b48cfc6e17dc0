"""What `RNNClassifier` and `RNNRegressor` share: sequences in, answers out.

Public names: `SequenceEstimator`.
May import: the other modules of this room, `clearprop.engines`, `clearprop.network`,
`clearprop.training`, `clearprop.errors`, scikit-learn, NumPy.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from clearprop.engines import Sequences, check_inputs
from clearprop.errors import DataError
from clearprop.estimators.base import Prepared, Trained
from clearprop.estimators.naming import UnitNames, unit_names
from clearprop.estimators.rnn_settings import CONSTRAINTS, sequence_network
from clearprop.estimators.rows import flat
from clearprop.estimators.sequence_data import Given, read_sequences
from clearprop.estimators.sequence_encoding import Encoding, encoded, encoding_for
from clearprop.estimators.sequence_targets import read_targets, target_columns
from clearprop.estimators.settings import batch_size_for
from clearprop.estimators.step_labels import StepLabels
from clearprop.estimators.tasks import Classification, Task
from clearprop.network import Network
from clearprop.training import ByLength, Orders


class SequenceEstimator(Trained):
    """The base of both classes; see `RNNClassifier` for the parameters."""

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    _sizes = "cell, units, direction and dense"
    # what the solvers have besides, and these classes do not offer
    power_t: ClassVar[float] = 0.5
    nesterovs_momentum: ClassVar[bool] = True
    beta_1: ClassVar[float] = 0.9
    beta_2: ClassVar[float] = 0.999
    epsilon: ClassVar[float] = 1e-8
    max_fun: ClassVar[int] = 15_000

    encoding_: Encoding
    per_step_: bool
    metrics_: list[dict[str, Any]]

    def prepare(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Prepared:
        """Read sequences as `fit` does and return the run that `fit` would make, not yet begun.

        The columns are learned here; `finish` runs and takes over the parameters.
        """
        return self._prepare(X, y, sample_weight, validation_data)

    def finish(self, prepared: Prepared) -> Self:
        """Run what `prepare` has set up, and take over what was learned."""
        return self._finish(prepared)

    def _fit(self, X: Any, y: Any, sample_weight: Any, **options: Any) -> Self:
        before = dict(self.__dict__)
        try:
            return super()._fit(X, y, sample_weight, **options)
        except BaseException:
            # the encoding of a fit that fails must not meet the parameters of one before it
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _check_data(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        if y is None:
            raise DataError(
                f"{type(self).__name__} requires y to be passed, but the target y is None. Give "
                f"one target for each sequence, or for each step."
            )
        given = read_sequences(self, X)
        named = target_columns(given, y)
        labels = read_targets(given, y, self._asked_for_every() if reset else self.per_step_)
        labels = self._check_targets(labels)
        inputs = given.drop(named if reset else self._targets_among(given))
        if reset:
            self._learn(inputs, labels, named)
        return encoded(type(self).__name__, self.encoding_, inputs, str(self.dtype)), labels

    def _check_targets(self, labels: Any) -> Any:
        """Return targets of the type that is learned."""
        return labels

    def _asked_for_every(self) -> bool | None:
        """Whether one target a step was asked for; None where it is to be seen from y."""
        return None if self.readout == "auto" else self.readout == "every"

    def _learn(self, given: Given, labels: Any, named: list[str]) -> None:
        """Learn how steps are encoded, and what the columns are called."""
        self.encoding_ = encoding_for(given, standardize=bool(self.standardize))
        self.per_step_ = isinstance(labels, StepLabels)
        self.n_features_in_ = given.width
        self.target_names_ = tuple(named)
        # of earlier parameters, where somebody had measured them
        self.metrics_ = []
        if given.columns is not None:
            self.feature_names_in_ = np.array(given.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _targets_among(self, given: Given) -> list[str]:
        """Return the target columns that a table brings with it."""
        return [name for name in self.target_names_ if name in (given.columns or ())]

    def _described(self, task: Task, X: Any, *, first: bool) -> Network:
        dtype = str(self.dtype) if first else self.network_.dtype
        return sequence_network(self, task, X.shape[1], dtype, every=self.per_step_)

    def _auto_batch(self, rows: int) -> int:
        # few sequences would make few updates
        return min(32, max(8, rows // 10))

    def _orders(self, X: Sequences, train: np.ndarray, random: np.random.RandomState) -> Orders:
        size = batch_size_for(self, len(train))
        return ByLength(X.lengths, size, int(random.randint(2**31)), train)

    def _strata(self, task: Task, targets: np.ndarray) -> np.ndarray | None:
        """Return the classes of the sequences, unless one of them has a single one."""
        if self.per_step_ or not isinstance(task, Classification) or targets.ndim > 1:
            return None
        return targets if np.unique(targets, return_counts=True)[1].min() > 1 else None

    def raw_outputs(self, X: Any) -> tuple[Given, np.ndarray]:
        """Return sequences as they were read, and the network's outputs a^L.

        These are (n, outputs), or (steps of all sequences, outputs) where every step is read out.
        """
        check_is_fitted(self, "parameters_")
        given = read_sequences(self, X)
        inputs = given.drop(self._targets_among(given))
        steps = encoded(type(self).__name__, self.encoding_, inputs, self.network_.dtype)
        engine = self._engines.get(self)
        return given, engine.predict(self._vector(), steps)

    def predict(self, X: Any) -> Any:
        """Predict labels or numbers.

        Parameters
        ----------
        X : sequences, as for `fit`

        Returns
        -------
        (n,) or (n, outputs) array, one row a sequence; the series of a table in the order in which
        they first come. Where each step has a target of its own: for a list a list of arrays, for
        an array (sequences, steps, features) an array (sequences, steps), for a table an array with
        one entry a row.
        """
        given, outputs = self.raw_outputs(X)
        return self.as_it_came(given, self.decoded(outputs))

    def as_it_came(self, given: Given, answers: np.ndarray) -> Any:
        """Return answers, a row for each output of the network, in the form of the sequences."""
        return given.as_it_came(answers) if self.per_step_ else answers

    def truth_and_outputs(
        self, X: Any, y: Any, sample_weight: Any = None
    ) -> tuple[np.ndarray, np.ndarray, Any]:
        """Return targets, the network's outputs and weights, one row for each output."""
        check_is_fitted(self, "parameters_")
        steps, labels = self._check_data(X, y, reset=False)
        engine = self._engines.get(self)
        outputs = engine.predict(self._vector(), check_inputs(self.network_, steps))
        if sample_weight is not None and self.per_step_:
            sample_weight = np.repeat(np.asarray(sample_weight), steps.lengths)
        return flat(labels), outputs, sample_weight

    def targets_of(self, X: Any, y: Any) -> np.ndarray:
        """Return targets, one row for each output of the network."""
        return flat(self._check_data(X, y, reset=False)[1])

    def decoded(self, outputs: np.ndarray) -> np.ndarray:
        """Turn the network's outputs into labels or numbers, row by row."""
        return self._task.decode(outputs)

    def _names_of_units(self, task: Task) -> UnitNames:
        names = getattr(self.encoding_, "feature_names", None)
        return unit_names(names, task.output_names or self.target_names_)

    def __sklearn_tags__(self) -> Any:
        """Say that sequences are wanted, and no tables of rows."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags
