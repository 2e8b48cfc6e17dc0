"""`Tabular`: what `TabularClassifier` and `TabularRegressor` share.

Public names: `Tabular`.
May import: the other modules of this room, `clearprop.engines`, `clearprop.training`,
`clearprop.tables`, `clearprop.files.parts`; scikit-learn, NumPy, Polars.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from clearprop.engines import Hardware, Recipe, Trace, build
from clearprop.errors import DivergenceError, SettingError
from clearprop.estimators.base import keep_parameters
from clearprop.estimators.naming import UnitNames
from clearprop.estimators.scikit_callbacks import CallbackSupport, joined, with_callbacks
from clearprop.estimators.settings import hardware_for
from clearprop.estimators.stream_fitting import PreparedStream, columns_of_stream, prepare_stream
from clearprop.estimators.tabular_aftermath import Aftermath
from clearprop.estimators.tabular_data import ROWS_AT_ONCE, TrainingTable, target_frame
from clearprop.estimators.tabular_fitting import (
    Prepared,
    choices_for,
    prepare,
    recipe_of,
    seed_of,
    weighted,
)
from clearprop.estimators.tabular_network import block_of, names_of_units, targets_for_network
from clearprop.estimators.tabular_parts import tabular_from_parts, tabular_to_parts
from clearprop.files.parts import Parts
from clearprop.network import Parameters
from clearprop.tables import as_frame
from clearprop.tables.streams import Stream
from clearprop.training import Keeper, Listener, Outcome, Stop
from clearprop.training.running import fitted


class Tabular(CallbackSupport, BaseEstimator):
    """What both estimators share; see `TabularClassifier` for the parameters."""

    _task: ClassVar[str]
    _kind: ClassVar[str]

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (256, 256, 256),
        activation: str = "auto",
        *,
        loss: Any = None,
        dropout: float | str = "auto",
        weight_decay: float | str = "auto",
        l2: float = 0.0,
        label_smoothing: float | str = "auto",
        learning_rate: float | str = "auto",
        batch_size: int | str = "auto",
        max_epochs: int | str = "auto",
        validation_fraction: float | str = "auto",
        validation_metric: str = "auto",
        numbers: str = "auto",
        patience: float | None = None,
        members: int = 1,
        embeddings: bool | str = "auto",
        parametric: bool | str = "auto",
        n_cv: int = 1,
        calibrate: bool = True,
        class_weight: Any = None,
        drop: Sequence[str] = (),
        warm_start: bool = False,
        random_state: Any = 0,
        engine: str = "auto",
        threads: int | None = None,
        device: str | Hardware | None = None,
        precision: str = "float32",
        callbacks: Iterable[Listener] | None = (),
        checkpoint: Keeper | None = None,
        record: Sequence[str] | str | None = None,
    ) -> None:
        keep_parameters(self, locals())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        given, wanted = tags.input_tags, tags.target_tags
        given.allow_nan = given.string = given.categorical = True
        wanted.multi_output = True
        return tags

    @with_callbacks
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
        X : table, (n, columns), or clearprop.Stream
            Of a stream, y, sample_weight and groups are names of columns; see `clearprop.Stream`.
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
        if self.checkpoint is not None and self.random_state is None:
            raise SettingError(
                "checkpoint needs random_state, a whole number: without it the split of the rows "
                "is another each time, so that no run could go on from a checkpoint."
            )
        prepared = self.prepare(
            X, y, sample_weight, groups=groups, time=time, validation_data=validation_data
        )
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        epochs = prepared.choices.max_epochs * len(prepared.divisions)
        callbacks = self._callbacks(epochs, X=X, y=y, metadata=metadata)
        if callbacks is not None:
            callbacks.stand_in = lambda copied, vector: copied._take(
                prepared, (Parameters(prepared.network, vector),)
            )
        listeners = joined(list(self.callbacks or ()), callbacks)
        self.keep(prepared, prepared.finish(listeners, self.checkpoint))
        fitted(self.callbacks, self)
        if callbacks is not None:
            callbacks.end()
        return self

    def prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        time: Any = None,
        validation_data: tuple[Any, ...] | None = None,
    ) -> Prepared | PreparedStream:
        """Encode a table as `fit` does and return the runs that `fit` would make, not yet begun.

        Their `events()` can be followed one by one; `keep` takes over what they have learned.
        Parameters and errors are those of `fit`; the estimator is left as it is.
        """
        if isinstance(X, Stream):
            columns = columns_of_stream(y, sample_weight, groups, (time, validation_data))
            return prepare_stream(self, X, columns, self._task)
        table = TrainingTable.of(*target_frame(X, y), sample_weight, groups, time)
        return prepare(self, table, self._task, validation_data)

    def keep(
        self, prepared: Prepared | PreparedStream, outcomes: Outcome | Sequence[Outcome]
    ) -> Self:
        """Take over what prepared runs have learned.

        Parameters
        ----------
        outcomes : Outcome, or sequence of them
            Of the first runs, in order; with `n_cv` some may be missing at the end.

        Raises
        ------
        DivergenceError
            A run left the finite numbers before an epoch was completed.
        """
        outcomes = [outcomes] if isinstance(outcomes, Outcome) else list(outcomes)
        for outcome in outcomes:
            _say_how_it_ended(outcome.stop)
        after = Aftermath.of(prepared, outcomes, calibrate=self.calibrate)
        self._take(prepared, after.parameters)
        self.temperature_, self.errors_ = after.temperature, after.errors
        self.history_, self.stop_ = outcomes[0].history, outcomes[0].stop
        self.recording_ = outcomes[0].recording
        # of earlier parameters, where somebody had measured them
        self.metrics_: list[dict[str, Any]] = []
        return self

    def _take(
        self, prepared: Prepared | PreparedStream, parameters: tuple[Parameters, ...]
    ) -> None:
        """Predict with the networks of these parameters from now on."""
        self.encoder_, self.target_ = prepared.encoder, prepared.target
        self.choices_, self.bagged_ = prepared.choices, parameters
        self.parameters_ = parameters[0]
        self.network_ = self.parameters_.network
        self.n_features_in_ = len(prepared.columns)
        self.feature_names_in_ = np.array(prepared.columns, dtype=object)

    def encode_target(self, targets: pl.DataFrame) -> np.ndarray:
        """Return targets as the network is trained on them: codes (n,) or numbers (n, outputs)."""
        check_is_fitted(self, "parameters_")
        return targets_for_network(self.target_, targets)

    def raw_outputs(self, X: Any) -> np.ndarray:
        """Return the network's outputs a^L for a table, (n, outputs), computed in blocks.

        Where there are several networks, it is the mean of their outputs.
        """
        outputs = self.outputs_of_each(X)
        return outputs[0] if len(outputs) == 1 else outputs.mean(axis=0)

    def outputs_of_each(self, X: Any) -> np.ndarray:
        """Return the outputs of each network for a table, (networks, n, outputs)."""
        check_is_fitted(self, "parameters_")
        if isinstance(X, Stream):
            frames = X.frames(self.encoder_.used_columns)
            return np.concatenate([self.outputs_of_each(part) for _, part in frames], axis=1)
        frame, network = as_frame(X), self.network_
        shape = (len(self.bagged_), frame.height, network.outputs)
        outputs = np.empty(shape, dtype=network.dtype)
        engine = build(self.engine, network, Recipe(), self.threads, hardware=hardware_for(self))
        for start in range(0, frame.height, ROWS_AT_ONCE):
            part = frame[start : start + ROWS_AT_ONCE]
            x = self.encoder_.transform(part, np.dtype(network.dtype), first_row=start)
            for number, parameters in enumerate(self.bagged_):
                outputs[number, start : start + len(x)] = engine.predict(parameters.vector, x)
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
        with an optimiser that starts afresh. Class weights count as in training. Of several
        networks it is the first one's.

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
        choices = self.choices_ or choices_for(self, self.target_, block.rows)
        recipe = recipe_of(choices, self.l2)
        name, hardware = engine or self.engine, hardware_for(self)
        runner = build(name, self.network_, recipe, self.threads, hardware=hardware)
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


def _say_how_it_ended(stop: Stop) -> None:
    if stop.reason == "diverged":
        if not stop.best_epoch:
            raise DivergenceError(stop.message)
        _warn(f"{stop.message} The parameters of epoch {stop.best_epoch} are kept.")
    elif stop.reason == "interrupted":
        kept = f"epoch {stop.best_epoch}" if stop.best_epoch else "its unfinished first epoch"
        _warn(f"{stop.message} The parameters of {kept} are kept.")


def _warn(message: str) -> None:
    warnings.warn(message, ConvergenceWarning, stacklevel=5)
