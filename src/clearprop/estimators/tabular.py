"""`TabularClassifier`, `TabularRegressor`: take a table as it comes, encode it and train on it.

They follow scikit-learn's conventions (`fit`, `predict`, `score`, `get_params`, trailing
underscores) and take what people have: a pandas, Polars or PyArrow table with numbers, text,
booleans, dates and missing values. One call encodes and trains; the fitted encoding is plain data
and travels in the model file. Regression targets are standardised inside and handed back in their
own units.

Unlike scikit-learn's classes, `y` may be the name of a column of `X`, or several names; and one
network serves a classifier of one column, of several 0/1 columns, or a regressor of several.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.validation import check_is_fitted

from clearprop.engines import Recipe, Trace, build
from clearprop.errors import DivergenceError, SettingError
from clearprop.estimators.naming import UnitNames
from clearprop.estimators.tabular_data import ROWS_AT_ONCE, TrainingTable, named, target_frame
from clearprop.estimators.tabular_fitting import (
    Prepared,
    block_of,
    names_of_units,
    prepare,
    recipe_of,
    seed_of,
    targets_for_network,
    weighted,
)
from clearprop.estimators.tabular_parts import tabular_from_parts, tabular_to_parts
from clearprop.files.parts import Parts
from clearprop.tables import ClassTarget, MultilabelTarget, as_frame
from clearprop.training import Listener, Outcome, Stop


class _Tabular(BaseEstimator):
    """What both estimators share; see `TabularClassifier` for the parameters."""

    _task: ClassVar[str]
    _kind: ClassVar[str]

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (128, 64),
        activation: str = "relu",
        *,
        loss: Any = None,
        dropout: float = 0.1,
        l2: float = 1e-5,
        label_smoothing: float = 0.0,
        learning_rate: float = 2e-3,
        batch_size: int | str = "auto",
        max_epochs: int = 150,
        validation_fraction: float = 0.15,
        patience: float = 20,
        class_weight: Any = None,
        drop: Sequence[str] = (),
        warm_start: bool = False,
        random_state: Any = 0,
        engine: str = "auto",
        threads: int | None = None,
        callbacks: Iterable[Listener] | None = (),
        record: Sequence[str] | str | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.dropout = dropout
        self.l2 = l2
        self.label_smoothing = label_smoothing
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.class_weight = class_weight
        self.drop = drop
        self.warm_start = warm_start
        self.random_state = random_state
        self.engine = engine
        self.threads = threads
        self.callbacks = callbacks
        self.record = record

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        time: Any = None,
        validation_data: tuple[Any, ...] | None = None,
    ) -> Self:
        """Encode a table and train on it.

        Parameters
        ----------
        X : table, (n, columns)
        y : array, (n,) or (n, targets), or the name or names of columns of X
        sample_weight : array, (n,), optional
        groups : array, (n,), optional
            Rows of one group stay together when validation rows are held out.
        time : array, (n,), optional
            The latest rows are held out for validation.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Rows to validate on, instead of holding some out.

        Raises
        ------
        DataError
            The table or the target cannot be learned from; the message names column and row.
        SettingError
            A parameter is out of its range.
        """
        prepared = self.prepare(
            X, y, sample_weight, groups=groups, time=time, validation_data=validation_data
        )
        return self.keep(prepared, prepared.run.finish(self.callbacks or ()))

    def prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        time: Any = None,
        validation_data: tuple[Any, ...] | None = None,
    ) -> Prepared:
        """Encode a table as `fit` does and return the run that `fit` would make, not yet begun.

        Its `run.events()` can be followed one by one; `keep` takes over what the run has learned.
        Parameters and errors are those of `fit`; the estimator is left as it is.
        """
        table = TrainingTable.of(*target_frame(X, y), sample_weight, groups, time)
        return prepare(self, table, self._task, validation_data)

    def keep(self, prepared: Prepared, outcome: Outcome) -> Self:
        """Take over what a prepared run has learned.

        Raises
        ------
        DivergenceError
            The run left the finite numbers before an epoch was completed.
        """
        self._say_how_it_ended(outcome.stop)
        self.encoder_, self.target_ = prepared.encoder, prepared.target
        self.network_, self.parameters_ = outcome.parameters.network, outcome.parameters
        self.history_, self.stop_ = outcome.history, outcome.stop
        self.recording_ = outcome.recording
        self.n_features_in_ = len(prepared.columns)
        self.feature_names_in_ = np.array(prepared.columns, dtype=object)
        # of earlier parameters, where somebody had measured them
        self.metrics_: list[dict[str, Any]] = []
        return self

    def encode_target(self, targets: pl.DataFrame) -> np.ndarray:
        """Return targets as the network is trained on them: codes (n,) or numbers (n, outputs)."""
        check_is_fitted(self, "parameters_")
        return targets_for_network(self.target_, targets)

    def _say_how_it_ended(self, stop: Stop) -> None:
        if stop.reason == "diverged":
            if not stop.best_epoch:
                raise DivergenceError(stop.message)
            _warn(f"{stop.message} The parameters of epoch {stop.best_epoch} are kept.")
        elif stop.reason == "interrupted":
            kept = f"epoch {stop.best_epoch}" if stop.best_epoch else "its unfinished first epoch"
            _warn(f"{stop.message} The parameters of {kept} are kept.")

    def raw_outputs(self, X: Any) -> np.ndarray:
        """Return the network's outputs a^L for a table, (n, outputs), computed in blocks."""
        check_is_fitted(self, "parameters_")
        frame = as_frame(X)
        outputs = np.empty((frame.height, self.network_.outputs), dtype=self.network_.dtype)
        engine = build(self.engine, self.network_, Recipe(), self.threads)
        for start in range(0, frame.height, ROWS_AT_ONCE):
            part = frame[start : start + ROWS_AT_ONCE]
            x = self.encoder_.transform(part, np.dtype(self.network_.dtype), first_row=start)
            outputs[start : start + len(x)] = engine.predict(self.parameters_.vector, x)
        return outputs

    def unit_names(self) -> UnitNames:
        """Return what units are called, as keyword arguments of `clearprop.explanation.Names`.

        `inputs` are the encoder's features, `outputs` the classes (of two, the one that the output
        unit gives the probability of) or the target columns.
        """
        check_is_fitted(self, "parameters_")
        return names_of_units(self.encoder_, self.target_)

    def trace(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        engine: str | None = None,
        dropout: bool = False,
    ) -> Trace:
        """Return every array of one step on a batch of rows; see `clearprop.engines.Trace`.

        The step is the first that `fit` would take with `warm_start`: from the fitted parameters,
        with an optimiser that starts afresh. Class weights count as in training.

        Parameters
        ----------
        X : table, (n, columns)
            The batch.
        y : as for `fit`
        sample_weight : array, (n,), optional
        engine : str, optional
            Another engine than the estimator's own.
        dropout : bool
            Drop units as that step would. Without, the trace shows the network that predicts.
        """
        check_is_fitted(self, "parameters_")
        table = TrainingTable.of(*target_frame(X, y), sample_weight, None, None)
        weights = weighted(self, self.target_, table).weights
        parts = (self.network_, self.encoder_, self.target_, table.frame, table.targets)
        block = block_of(*parts, weights)
        recipe = recipe_of(self, block.rows)
        runner = build(engine or self.engine, self.network_, recipe, self.threads)
        state = runner.initial_state(self.parameters_, seed_of(self.random_state))
        return runner.trace(state, block, np.arange(block.rows), dropout=dropout)

    def to_parts(self) -> Parts:
        """Return what the model file stores; see `clearprop.files`."""
        check_is_fitted(self, "parameters_")
        return tabular_to_parts(self, self._kind)

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Return the estimator that `to_parts` described."""
        return tabular_from_parts(cls, parts)


class TabularClassifier(ClassifierMixin, _Tabular):
    """A classifier for tables as they come.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, or int
        Units of each hidden layer; empty for logistic regression.
    activation : str
        Of the hidden layers; see `clearprop.functions.ACTIVATIONS`.
    loss : str, Loss or CustomLoss, optional
        Cross-entropy where absent.
    dropout : float
        Of the hidden layers.
    l2 : float
        Penalty ½ l2 Σ w².
    label_smoothing : float
        ε in [0, 1).
    learning_rate : float
        Adam's; it falls along half a cosine to a twentieth.
    batch_size : int or "auto"
        "auto" is 32 rows below 2,000 rows, 128 below 20,000, else 256.
    max_epochs : int
    validation_fraction : float
        Share of rows held out to find the best epoch; 0 for none. Tables of fewer than 40 rows
        hold out none.
    patience : float
        Epochs without a better validation loss that are put up with.
    class_weight : dict or "balanced", optional
        Factor on the weight of each class's rows, in training and in the validation loss;
        "balanced" gives every class the same total.
    drop : sequence of str
        Columns to leave out.
    warm_start : bool
        Let `fit` go on from the fitted parameters, with the encoding as it is; the optimiser
        starts afresh.
    random_state : int, RandomState or None
        Seeds the split, the start, the shuffles and dropout; None is another seed every time.
    engine : {"auto", "native", "reference"}
    threads : int, optional
    callbacks : iterable of callables
        Each is told every event of the run; one that returns True stops it.
    record : "path", list of str, or None
        Keep the parameters over the course of training in `recording_`: whole vectors of the start
        and of the epochs (`"path"`; at most 200, or 64 MiB), and with a list of names, such as
        `["h1.2<-age"]`, these parameters after every step as well. Not stored in model files.

    Attributes
    ----------
    classes_ : (classes,) array
        The labels, or for several target columns a list of arrays.
    encoder_ : TableEncoder
    target_ : ClassTarget or MultilabelTarget
    network_, parameters_ : Network, Parameters
        Of the best epoch.
    history_ : History
    recording_ : Recording or None
        The parameters over the last fit, where `record` asked for it.
    stop_ : Stop
        Why the run ended.
    n_features_in_, feature_names_in_ : int, (columns,) array
        Columns of the table.
    """

    _task = "classification"
    _kind = "tabular_classifier"

    @property
    def classes_(self) -> Any:
        """The labels."""
        check_is_fitted(self, "target_")
        target: Any = self.target_
        if isinstance(target, MultilabelTarget):
            return [np.array([0, 1])] * len(target.names)
        return np.array(target.classes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities, (n, classes); for several targets (n, targets), each of a 1."""
        return self.shares_of(self.raw_outputs(X))

    def predict(self, X: Any) -> np.ndarray:
        """Return labels, (n,); for several targets 0 or 1, (n, targets)."""
        return self.labels_of(self.raw_outputs(X))

    def shares_of(self, outputs: np.ndarray) -> np.ndarray:
        """Turn the network's outputs (n, outputs) into probabilities."""
        if isinstance(self.target_, ClassTarget) and self.target_.kind == "binary":
            return np.hstack([1 - outputs, outputs])
        return outputs

    def labels_of(self, outputs: np.ndarray) -> np.ndarray:
        """Turn the network's outputs (n, outputs) into labels."""
        shares = self.shares_of(outputs)
        several = isinstance(self.target_, MultilabelTarget)
        return self.target_.decode(shares > 0.5 if several else shares.argmax(axis=1))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows that are predicted right, with all their labels.

        `y` may name columns of X, as for `fit`.
        """
        frame, targets = target_frame(X, y)
        check_is_fitted(self, "parameters_")
        truth = self.target_.encode(named(targets, self.target_))
        shares = self.predict_proba(frame)
        several = isinstance(self.target_, MultilabelTarget)
        answers = shares > 0.5 if several else shares.argmax(axis=1)
        return float(accuracy_score(truth, answers, sample_weight=sample_weight))


class TabularRegressor(RegressorMixin, _Tabular):
    """A regressor for tables as they come; parameters and attributes as of `TabularClassifier`.

    `class_weight` and `label_smoothing` have no meaning here and raise an error. The target is
    standardised inside, or for a loss of positive outputs (Poisson) divided by its mean, and
    predictions are in the target's own units. Losses in `history_` are those of the standardised
    target.
    """

    _task = "regression"
    _kind = "tabular_regressor"

    def prepare(self, X: Any, y: Any, sample_weight: Any = None, **options: Any) -> Prepared:
        """As for `TabularClassifier`."""
        if self.class_weight is not None or self.label_smoothing:
            raise SettingError("class_weight and label_smoothing are for classes, not for numbers.")
        return super().prepare(X, y, sample_weight, **options)

    def predict(self, X: Any) -> np.ndarray:
        """Return predictions in the target's own units, (n,) or (n, targets)."""
        return self.labels_of(self.raw_outputs(X))

    def labels_of(self, outputs: np.ndarray) -> np.ndarray:
        """Turn the network's outputs (n, outputs) into the targets' own units."""
        return self.target_.decode(outputs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the mean over the targets. `y` may name columns of X, as for `fit`."""
        frame, targets = target_frame(X, y)
        predicted = self.predict(frame)
        truth = named(targets, self.target_)
        self.target_.encode(truth)  # says what is wrong with a value, if anything is
        values = truth.cast(pl.Float64).to_numpy().reshape(predicted.shape)
        return float(r2_score(values, predicted, sample_weight=sample_weight))


def _warn(message: str) -> None:
    warnings.warn(message, ConvergenceWarning, stacklevel=5)
