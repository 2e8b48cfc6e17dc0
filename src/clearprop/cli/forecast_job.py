"""What `clearprop train --forecast N` does, apart from saying it: one series, its forecasts.

Public names: `ForecastJob`, `run_forecast`, `series_in`.
May import: `clearprop.estimators`, `clearprop.tables` and what they may import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import polars as pl

from clearprop.cli.choices import settle_seed, targets_of
from clearprop.cli.loading import Table
from clearprop.cli.output import note
from clearprop.cli.sequence_job import fit, run_document, settings_of
from clearprop.errors import DataError, SettingError
from clearprop.functions.spelling import suggest
from clearprop.tables import series_of
from clearprop.tables.wording import row_name

if TYPE_CHECKING:
    from clearprop.estimators.base import Prepared
    from clearprop.estimators.forecasting import Backtest
    from clearprop.training import Listener

# the window where none is named: this many steps, or this share of the series where it is shorter
WINDOW, SHARE = 64, 4


@dataclass
class ForecastJob:
    """One training on a series that is to be forecast, and what it found.

    Attributes
    ----------
    table : Table
    target : str
        The column that is forecast.
    series : (steps,) array
    first : int
        The first step that is held out.
    steps, window : int
        How far ahead, and how far back.
    season : int or None
    model : RNNRegressor
    continued : bool
    prepared : Prepared
    notes : list of str
    backtest : Backtest or None
        None where nothing was held out.
    """

    table: Table
    target: str
    series: np.ndarray
    first: int
    steps: int
    window: int
    season: int | None
    model: Any
    continued: bool
    prepared: Prepared
    notes: list[str]
    backtest: Backtest | None = None

    @classmethod
    def of(cls, table: Table, options: dict[str, Any]) -> ForecastJob:
        """Settle series, rows and model; raises an error where they do not fit."""
        from clearprop.estimators import RNNRegressor

        targets = targets_of(table, options, None)
        if len(targets) > 1:
            raise click.UsageError("--forecast goes with one --target.")
        series = series_in(table.frame, targets[0], options["order_by"], sort=options["sort"])
        steps, season = options["forecast"], options["season"]
        first = len(series) - round(len(series) * options["test_share"])
        held = len(series) - first
        if held and held < steps:
            raise DataError(
                f"Of {len(series)} steps {held} are held out, fewer than the {steps} of a "
                f"forecast. Take a larger --test-share, or forecast fewer steps."
            )
        window = options["window"] or max(1, min(WINDOW, first // SHARE))
        model = RNNRegressor(random_state=0, window=window, order_by=options["order_by"])
        model.set_params(**settings_of(options))
        if options["patience"] is not None:
            model.set_params(early_stopping=True, n_iter_no_change=options["patience"])
        settle_seed(model)
        prepared = model.prepare(series[:first], None)
        return cls(
            table, targets[0], series, first, steps, window, season, model, False, prepared, []
        )  # fmt: skip

    @property
    def network(self) -> Any:
        """The network that is trained."""
        return self.prepared.job.network

    def say_notes(self) -> None:
        """Say what to heed."""
        for message in self.notes:
            note(message)

    def to_document(self) -> dict[str, Any]:
        """Return the job and what it found as plain data."""
        found = self.backtest
        return {
            "task": {"name": "forecast", "targets": [self.target], "steps": self.steps},
            "notes": self.notes,
            "steps": {"training": self.first, "test": len(self.series) - self.first},
            "window": self.window,
            **run_document(self),
            "backtest": None
            if found is None
            else {
                "origins": found.origins,
                "root_mean_squared_error": {
                    name: {"overall": found.overall()[name], "by_step": errors.tolist()}
                    for name, errors in found.errors.items()
                },
            },
        }


def series_in(frame: pl.DataFrame, target: str, order_by: str | None, *, sort: bool) -> np.ndarray:
    """Return a column of numbers as one series, in order, (steps,).

    Raises
    ------
    SettingError
        There is no such column.
    DataError
        A value is missing or no number, or the rows are not in order.
    """
    if target not in frame.columns:
        raise SettingError(
            f"There is no column {target!r} to forecast. {suggest(target, frame.columns)}"
        )
    whole = frame.with_columns(pl.lit("of the table").alias("\0series"))
    rows = series_of(whole, "\0series", order_by, sort=sort).rows
    values = frame[target].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"The column {target!r} is to be forecast, so every row needs a finite number, but "
            f"{row_name(row)} holds {frame[target][row]!r} ({len(wrong)} such rows). Fill them in."
        )
    return values[rows]


def run_forecast(job: ForecastJob, listeners: Sequence[Listener] = (), *, loud: bool) -> None:
    """Train, and forecast from every origin in the part that is held out."""
    from clearprop.estimators.forecasting import rolling

    fit(job, lambda: job.model.finish(job.prepared), listeners, loud=loud)
    job.model.target_names_ = (job.target,)
    if job.first < len(job.series):
        job.backtest = rolling(
            job.model.forecast, job.series[:, None], job.first, job.steps, job.season
        )
