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
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from clearprop.engines import Block, Recipe, Trace, TrainState, build
from clearprop.equations import Adam, Penalty
from clearprop.errors import DivergenceError, SettingError
from clearprop.estimators.tabular_data import (
    Holdout,
    TrainingTable,
    batch_size_for,
    class_weights,
    network_for,
    target_frame,
)
from clearprop.estimators.tabular_parts import tabular_from_parts, tabular_to_parts
from clearprop.files.parts import Parts
from clearprop.functions import LOSSES, CustomLoss
from clearprop.functions import loss as loss_of
from clearprop.network import Parameters
from clearprop.tables import (
    ClassTarget,
    EncoderOptions,
    MultilabelTarget,
    TableEncoder,
    as_frame,
    fit_target,
    infer_task,
)
from clearprop.training import Cosine, Listener, Settings, Stop, Stopping, Validation, train

# rows that are encoded and predicted in one go
ROWS_AT_ONCE = 65_536


class _Tabular(BaseEstimator):
    """What both estimators share; see `TabularClassifier` for the parameters."""

    _task: ClassVar[str]
    _kind: ClassVar[str]
    # what `fit` leaves beside what the constructor was given; also the fields of a model file
    fitted_names: ClassVar[tuple[str, ...]] = (
        "encoder_", "target_", "network_", "parameters_", "history_", "stop_",
    )  # fmt: skip

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
        random_state: int = 0,
        engine: str = "auto",
        threads: int | None = None,
        callbacks: Iterable[Listener] = (),
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

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        time: Any = None,
        validation_data: tuple[Any, Any] | None = None,
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
        validation_data : (X, y), optional
            Rows to validate on, instead of holding some out.

        Raises
        ------
        DataError
            The table or the target cannot be learned from; the message names column and row.
        SettingError
            A parameter is out of its range.
        """
        frame, targets = target_frame(X, y)
        table = TrainingTable.of(frame, targets, sample_weight, groups, time)
        continued = self.warm_start and hasattr(self, "parameters_")
        if not continued:
            task = infer_task(targets, targets.columns, self._task)  # type: ignore[arg-type]
            self.target_ = self._fit_target(targets, task)
        holdout = self._hold_out(table, validation_data)
        train_frame = frame[holdout.train]
        if not continued:
            options = EncoderOptions(drop=tuple(self.drop))
            self.encoder_ = TableEncoder.fit(train_frame, options)
            self.network_ = network_for(self, self.encoder_.width, self.target_)
        self._check_custom_loss(targets)
        weights = self._weights(table, holdout.train)
        block = self._block(train_frame, targets[holdout.train], weights)
        self._train(block, self._validation(holdout), self.parameters_ if continued else None)
        self.n_features_in_ = frame.width
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        return self

    def _fit_target(self, targets: pl.DataFrame, task: Any) -> Any:
        return fit_target(targets, task)

    def _hold_out(self, table: TrainingTable, given: tuple[Any, Any] | None) -> Holdout:
        if given is not None:
            return Holdout(np.arange(table.rows), *target_frame(*given))
        strata = self.target_.encode(table.targets) if self._task == "classification" else None
        if strata is not None and strata.ndim > 1:
            strata = None
        return table.hold_out(self.validation_fraction, self.random_state, strata)

    def _check_custom_loss(self, targets: pl.DataFrame) -> None:
        check = getattr(self.network_.objective, "check", None)
        if check:
            y = self.encode_target(targets[:20]).reshape(min(20, targets.height), -1)
            check(self.network_.operations[-1].activation, y)

    def _weights(self, table: TrainingTable, rows: np.ndarray) -> np.ndarray | None:
        weights = None if table.weights is None else table.weights[rows]
        if self.class_weight is None:
            return weights
        codes = self.target_.encode(table.targets[rows])
        factors = class_weights(self.class_weight, self.target_, codes)
        return factors if weights is None else weights * factors

    def encode_target(self, targets: pl.DataFrame) -> np.ndarray:
        """Return targets as the network is trained on them: codes (n,) or numbers (n, outputs)."""
        encoded = self.target_.encode(targets)
        binary = isinstance(self.target_, ClassTarget) and self.target_.kind == "binary"
        return encoded.reshape(-1, 1).astype(np.float32) if binary else encoded

    def _block(
        self, frame: pl.DataFrame, targets: pl.DataFrame, weights: np.ndarray | None = None
    ) -> Block:
        x = self.encoder_.transform(frame, np.dtype(self.network_.dtype))
        return Block.of(self.network_, x, self.encode_target(targets), weights)

    def _validation(self, holdout: Holdout) -> Validation | None:
        if holdout.frame is None or holdout.targets is None:
            return None
        return Validation(self._block(holdout.frame, holdout.targets))

    def _train(
        self, block: Block, validation: Validation | None, start: Parameters | None
    ) -> None:
        recipe = Recipe(
            rule=Adam(self.learning_rate),
            schedule=Cosine(floor=0.05),
            penalty=Penalty(l2=self.l2),
            batch_size=batch_size_for(self.batch_size, block.rows),
            epochs=self.max_epochs,
        )
        stopping = Stopping(
            "validation_loss" if validation else "objective", self.patience, 0.0, True
        )
        settings = Settings(recipe, self.engine, self.threads, self.random_state, stopping=stopping)
        outcome = train(
            self.network_,
            block,
            settings,
            validation=validation,
            parameters=start,
            listeners=self.callbacks,
        )
        self._say_how_it_ended(outcome.stop)
        self.parameters_, self.history_ = outcome.parameters, outcome.history
        self.stop_ = outcome.stop

    def _say_how_it_ended(self, stop: Stop) -> None:
        if stop.reason == "diverged":
            if not stop.best_epoch:
                raise DivergenceError(stop.message)
            _warn(f"{stop.message} The parameters of epoch {stop.best_epoch} are kept.")
        elif stop.reason == "interrupted":
            _warn("Training interrupted by user.")

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

    def trace(self, X: Any, y: Any, *, engine: str | None = None) -> Trace:
        """Return every array of one step on a batch of rows; see `clearprop.engines.Trace`.

        Parameters
        ----------
        X : table, (n, columns)
            The batch.
        y : as for `fit`
        engine : str, optional
            Another engine than the estimator's own.
        """
        check_is_fitted(self, "parameters_")
        block = self._block(*target_frame(X, y))
        recipe = Recipe(Adam(self.learning_rate), penalty=Penalty(l2=self.l2), batch_size=block.rows)
        runner = build(engine or self.engine, self.network_, recipe, self.threads)
        state: TrainState = runner.initial_state(self.parameters_, self.random_state)
        return runner.trace(state, block, np.arange(block.rows), dropout=False)

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
    hidden_layer_sizes : sequence of int
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
        Factor on the weight of each class's rows.
    drop : sequence of str
        Columns to leave out.
    warm_start : bool
        Let `fit` go on from the fitted parameters, with the encoding as it is; the optimiser
        starts afresh.
    random_state : int
    engine : {"auto", "native", "reference"}
    threads : int, optional
    callbacks : iterable of callables
        Each is told every event of the run; one that returns True stops it.

    Attributes
    ----------
    classes_ : (classes,) array
        The labels, or for several target columns a list of arrays.
    encoder_ : TableEncoder
    target_ : ClassTarget or MultilabelTarget
    network_, parameters_ : Network, Parameters
        Of the best epoch.
    history_ : History
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
        if isinstance(self.target_, MultilabelTarget):
            return [np.array([0, 1])] * len(self.target_.names)
        return np.array(self.target_.classes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities, (n, classes); for several targets (n, targets), each of a 1."""
        outputs = self.raw_outputs(X)
        if isinstance(self.target_, ClassTarget) and self.target_.kind == "binary":
            return np.hstack([1 - outputs, outputs])
        return outputs

    def predict(self, X: Any) -> np.ndarray:
        """Return labels, (n,); for several targets 0 or 1, (n, targets)."""
        probabilities = self.predict_proba(X)
        if isinstance(self.target_, ClassTarget):
            return self.target_.decode(probabilities.argmax(axis=1))
        return self.target_.decode(probabilities > 0.5)


class TabularRegressor(RegressorMixin, _Tabular):
    """A regressor for tables as they come; parameters and attributes as of `TabularClassifier`.

    `class_weight` and `label_smoothing` have no meaning here and raise an error. The target is
    standardised inside, or for a loss of positive outputs (Poisson) divided by its mean; predictions are in
    the target's own units. Losses in `history_` are those of the standardised target.
    """

    _task = "regression"
    _kind = "tabular_regressor"

    def _fit_target(self, targets: pl.DataFrame, task: Any) -> Any:
        if self.class_weight is not None or self.label_smoothing:
            raise SettingError("class_weight and label_smoothing are for classes, not for numbers.")
        fitted = super()._fit_target(targets, task)
        return _in_units_of_mean(fitted) if _needs_positive(self.loss) else fitted

    def predict(self, X: Any) -> np.ndarray:
        """Return predictions in the target's own units, (n,) or (n, targets)."""
        decoded = self.target_.decode(self.raw_outputs(X))
        return decoded if decoded.ndim == 1 or decoded.shape[1] > 1 else decoded[:, 0]


def _needs_positive(loss: Any) -> bool:
    if loss is None or isinstance(loss, CustomLoss):
        return False
    return LOSSES[loss_of(loss).name].domain == "positive"


def _in_units_of_mean(target: Any) -> Any:
    """Return a target that is divided by its mean and not centred: it keeps its sign.

    An exponential output of a fresh network is near 1, which is then the mean.
    """
    scales = tuple(mean if mean > 0 else 1.0 for mean in target.means)
    return replace(target, means=(0.0,) * len(scales), scales=scales)


def _warn(message: str) -> None:
    warnings.warn(message, ConvergenceWarning, stacklevel=4)

