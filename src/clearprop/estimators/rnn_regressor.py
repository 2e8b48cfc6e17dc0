"""`RNNRegressor`: numbers of sequences, of each of their steps, or of steps that are yet to come.

Here stand its parameters and what is public; rnn_base.py and base.py hold what it does with them,
forecasting.py how a series becomes windows and a forecast.

Public names: `RNNRegressor`. May import: the other modules of this room, `clearprop.files`,
`clearprop.training`, scikit-learn, NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.validation import check_is_fitted

from clearprop.engines import Hardware
from clearprop.errors import DataError, SettingError
from clearprop.estimators.base import Prepared, keep_parameters
from clearprop.estimators.forecasting import apart, as_series, check_window, fed_back, windows_of
from clearprop.estimators.rnn_base import SequenceEstimator
from clearprop.estimators.rnn_parts import regressor_from_parts, regressor_to_parts
from clearprop.estimators.rnn_settings import CONSTRAINTS
from clearprop.estimators.rows import flat
from clearprop.estimators.step_labels import StepLabels
from clearprop.estimators.tasks import AnyLoss, Regression, ScaledRegression
from clearprop.files import Parts
from clearprop.training import Keeper, Listener


class RNNRegressor(RegressorMixin, SequenceEstimator):
    """A recurrent network that predicts numbers: of sequences, of steps, or of steps to come.

    Sequences come as for `RNNClassifier`, whose parameters and attributes these are; those of
    classes have no meaning here. Targets are standardised inside, or for a loss of positive outputs
    (Poisson) divided by their mean; predictions are in their own units, and losses in `history_`
    are those of the standardised targets.

    **Forecasting.** With `window` set and no y, `fit(series)` learns the next step of a series, or
    of several, from the steps before it, and `forecast(series, steps)` goes on from the end of a
    series, fed back on itself. Precisely what is fed back says `clearprop.estimators.forecasting`.
    Layers then go forward. Early stopping holds the end of each series out. A series with a trend
    is better given as its differences: what lies outside of the range that was learned is answered
    badly.

    Parameters
    ----------
    loss : str, Loss, CustomLoss or None
        As of `MLPRegressor`; half the squared error where None.
    window : int or None
        Steps that a forecast looks back.
    monitor : str
        `"score"` is R².
    units, cell, direction, readout, dense, activation, dropout, solver, alpha, batch_size, … :
        As of `RNNClassifier`.

    Attributes
    ----------
    forecasts_ : bool
        Whether a series was learned, and can be forecast.
    network_, parameters_, history_, … :
        As of `RNNClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from clearprop import RNNRegressor
    >>> wave = np.sin(np.arange(300) / 5)
    >>> model = RNNRegressor(16, window=40, random_state=0, engine="reference").fit(wave[:280])
    >>> bool(np.abs(model.forecast(wave[:280], 20) - wave[280:]).max() < 0.2)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "window": CONSTRAINTS["truncate"],
    }
    forecasts_: bool

    def __init__(
        self,
        units: int | Sequence[int] = (64,),
        cell: str | Sequence[str] = "lstm",
        *,
        window: int | None = None,
        direction: str = "auto",
        readout: str = "auto",
        dense: int | Sequence[int] = (),
        activation: str = "relu",
        dropout: float = 0.0,
        loss: AnyLoss = "squared_error",
        solver: str = "adam",
        alpha: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 0.005,
        max_iter: int = 60,
        clip_norm: float | None = 5.0,
        truncate: int | None = None,
        momentum: float = 0.9,
        weight_decay: float = 0.01,
        warmup_epochs: float = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        tol: float = 1e-4,
        monitor: str = "loss",
        restore_best: bool | None = None,
        warm_start: bool = False,
        standardize: bool = True,
        sequence_id: str | None = None,
        order_by: str | None = None,
        sort: bool = False,
        dtype: str = "float32",
        random_state: Any = None,
        verbose: bool | int = False,
        progress: bool = False,
        callbacks: Sequence[Listener] | None = None,
        checkpoint: Keeper | None = None,
        record: Sequence[str] | str | None = None,
        engine: str = "auto",
        threads: int | None = None,
        device: str | Hardware | None = None,
        precision: str = "float32",
    ) -> None:
        keep_parameters(self, locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Train on sequences and their targets, or on a series to forecast.

        Parameters
        ----------
        X : list of (steps, features) arrays, array (sequences, steps, features), or long table
            Without y: a series (steps,) or (steps, columns), all of whose columns are forecast; or
            a list of series, or one array (series, steps, columns).
        y : numbers, one a sequence or one a step; optional
            In the forms of `RNNClassifier.fit`; (n, outputs) are several outputs a sequence.
        sample_weight : (n,) array, optional
            One for each sequence; not for a series to forecast.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Sequences to follow the loss on, and to stop early by. For a series to forecast, another
            series.

        Raises
        ------
        ValueError
            If data or parameters cannot be used, or training diverges in its first epoch. Messages
            name sequence and step.
        """
        return self._fit(X, y, sample_weight, validation_data=validation_data)

    def _prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation_data: Any = None,
        *,
        incremental: bool = False,
    ) -> Prepared:
        self.forecasts_ = y is None
        if y is None:
            X, y, validation_data = self._windows(X, sample_weight, validation_data)
        return super()._prepare(X, y, sample_weight, validation_data, incremental=incremental)

    def _windows(self, X: Any, sample_weight: Any, validation: Any) -> tuple[Any, Any, Any]:
        """Return the windows of series, the steps that follow, and windows to validate on."""
        window = check_window(self.window)
        if self.direction not in ("auto", "forward") or self.readout not in ("auto", "every"):
            raise SettingError(
                f"A forecast is read forward, step by step, but direction={self.direction!r} and "
                f"readout={self.readout!r} came. Leave both at 'auto'."
            )
        if sample_weight is not None:
            raise SettingError("sample_weight is for sequences with targets, not for a series.")
        series, _ = as_series(X)
        if validation is not None:
            validation = windows_of(as_series(validation)[0], window).pair
        elif self.early_stopping:
            series, ends = apart(series, float(self.validation_fraction))
            validation = windows_of(ends, window).pair
        return (*windows_of(series, window).pair, validation)

    def _check_targets(self, labels: Any) -> Any:
        values = flat(labels)
        try:
            numbers = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"Targets of a regression must be numbers, but: {error}.") from error
        return replace(labels, values=numbers) if isinstance(labels, StepLabels) else numbers

    def _task_for(self, y: Any, *, first: bool, incremental: bool) -> Regression:
        return ScaledRegression.of(flat(y), self.loss) if first else self._task

    def forecast(self, series: Any, steps: int) -> Any:
        """Forecast what follows a series, step upon step, each fed back as if it had been observed.

        Parameters
        ----------
        series : (steps,) or (steps, columns) array, or a list of these; one array (series, steps,
            columns)
            Only the last `window` steps of each are read.
        steps : int
            How many steps to go on.

        Returns
        -------
        array, of as many columns as the series
            (steps,) or (steps, columns); for several series (series, steps) or (series, steps,
            columns).

        Raises
        ------
        SettingError
            The model was not fitted on series, or `steps` is not above 0.
        """
        check_is_fitted(self, "parameters_")
        if not self.forecasts_:
            raise SettingError(
                "This model was fitted on targets, y, so it cannot go on with a series. To "
                "forecast, fit it on the series alone, with window=… set: fit(series)."
            )
        if isinstance(steps, bool) or not isinstance(steps, Integral) or steps < 1:
            raise SettingError(f"steps must be a whole number from 1 on, but {steps!r} came.")
        parts, single = as_series(series)
        found = fed_back(self._what_follows, parts, check_window(self.window), int(steps))
        found = found[0] if single else found
        flat_series = np.ndim(series if single else series[0]) == 1
        return found[..., 0] if flat_series else found

    def _what_follows(self, windows: list[np.ndarray]) -> np.ndarray:
        """Return the step that follows each window, (windows, columns)."""
        given, outputs = self.raw_outputs(windows)
        answers = self._task.decode(outputs[given.starts[1:] - 1])
        return answers.reshape(len(windows), -1)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², over sequences or over all steps; the mean over outputs."""
        from sklearn.metrics import r2_score

        truth, outputs, weights = self.truth_and_outputs(X, y, sample_weight)
        return float(r2_score(truth, self.decoded(outputs), sample_weight=weights))

    def to_parts(self) -> Parts:
        """Return the fitted model as parts of a model file."""
        return regressor_to_parts(self)

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Return the model that parts describe; FileError where they do not fit."""
        return regressor_from_parts(cls(), parts)
