"""Forecasting: windows of a series to learn from, and forecasts that are fed back.

To learn, a series x_1 … x_T is cut into overlapping windows of w steps. The network reads a window
step by step, from a state of zeros, and at each step t answers with x_(t+1), the step that follows.

To forecast from x_1 … x_T, it reads the last w steps from a state of zeros, and its last answer is
x̂_(T+1). That is put behind the series as if it had been observed, and the window moves on by one:
the second forecast reads x_(T-w+2) … x_T, x̂_(T+1), and so on. So what is fed back is the forecast
itself, all its columns, and nothing else: no state is carried over and no noise is added. From step
w + 1 on a forecast rests on forecasts alone.

Public names: `Backtest`, `apart`, `as_series`, `check_window`, `fed_back`, `rolling`,
`windows_of`.
May import: `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.errors import DataError, SettingError, ShapeError

# windows begin so many times as often as they would without overlap
OVERLAP = 4


def as_series(X: Any) -> tuple[list[np.ndarray], bool]:
    """Return series as (steps, columns) arrays, and whether a single one came.

    Parameters
    ----------
    X : (steps,) or (steps, columns) array or column, or a list of these; or one array (series,
        steps, columns)

    Raises
    ------
    DataError
        A value is missing or no number; the message names series and step.
    ShapeError
        There are no series, or one is of another width.
    """
    if hasattr(X, "to_numpy"):
        X = X.to_numpy()
    several = isinstance(X, list | tuple) and len(X) > 0 and np.ndim(X[0]) > 0
    several = several or (isinstance(X, np.ndarray) and (X.ndim == 3 or X.dtype == object))
    parts = list(X) if several and np.ndim(X[0]) else [X]
    found = [_one(part, number) for number, part in enumerate(parts)]
    for number, part in enumerate(found):
        if part.shape[1] != found[0].shape[1]:
            raise ShapeError(
                f"Series {number} has {part.shape[1]} columns, but series 0 has "
                f"{found[0].shape[1]}. All series need the same columns."
            )
    return found, len(parts) == 1 and parts[0] is X


def _one(part: Any, number: int) -> np.ndarray:
    if hasattr(part, "to_numpy"):
        part = part.to_numpy()
    try:
        series = np.asarray(part, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"Series {number} must hold numbers, but: {error}.") from error
    series = series[:, None] if series.ndim == 1 else series
    if series.ndim != 2 or not series.size:
        raise ShapeError(
            f"A series must be of shape (steps,) or (steps, columns), with at least one step, but "
            f"series {number} has shape {np.shape(part)}."
        )
    wrong = np.argwhere(~np.isfinite(series))
    if len(wrong):
        step, column = (int(place) for place in wrong[0])
        raise DataError(
            f"Series {number} holds {series[step, column]} at step {step} ({len(wrong)} such "
            f"values in all). A forecast needs every step: fill these in first."
        )
    return series


def check_window(window: Any) -> int:
    """Return the window; SettingError where there is none."""
    if window is None:
        raise SettingError(
            "y is None, so the series is to be forecast; say how many steps the network looks "
            "back: window=…. To learn something else of sequences, give y."
        )
    return int(window)


@dataclass(frozen=True)
class Windows:
    """Windows of w steps, and the step that follows each of theirs.

    Attributes
    ----------
    steps, following : lists of (w, columns) arrays
    """

    steps: list[np.ndarray]
    following: list[np.ndarray]

    @property
    def pair(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Both, as X and y."""
        return self.steps, self.following


def windows_of(series: list[np.ndarray], window: int) -> Windows:
    """Cut series into windows that overlap; a series of fewer steps than a window is one itself.

    Raises
    ------
    DataError
        A series has a single step, which nothing follows.
    """
    found = Windows([], [])
    for number, part in enumerate(series):
        last = len(part) - 1
        if last < 1:
            raise DataError(
                f"Series {number} has a single step, so there is none to forecast from it. Leave "
                f"it out."
            )
        size = min(window, last)
        begins = list(range(0, last - size + 1, max(1, window // OVERLAP)))
        if begins[-1] + size < last:
            begins.append(last - size)
        found.steps.extend(part[begin : begin + size] for begin in begins)
        found.following.extend(part[begin + 1 : begin + size + 1] for begin in begins)
    return found


def apart(series: list[np.ndarray], share: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Divide each series into its first part and its last, which holds this share of the steps."""
    earlier, later = [], []
    for number, part in enumerate(series):
        cut = len(part) - max(2, round(len(part) * share))
        if cut < 2:
            raise DataError(
                f"Series {number} has {len(part)} steps, too few to hold its end out for early "
                f"stopping. Give longer series, or set early_stopping=False."
            )
        earlier.append(part[:cut])
        later.append(part[cut:])
    return earlier, later


def fed_back(
    answer: Callable[[list[np.ndarray]], np.ndarray],
    series: list[np.ndarray],
    window: int,
    steps: int,
) -> np.ndarray:
    """Forecast `steps` steps of each series, (series, steps, columns); see the module.

    Parameters
    ----------
    answer : callable
        `answer(windows)` gives the step that follows each window, (windows, columns).
    """
    width = series[0].shape[1]
    forecasts = np.empty((len(series), steps, width))
    ends = [part[-window:] for part in series]
    for step in range(steps):
        forecasts[:, step] = answer(ends)
        ends = [
            np.concatenate([end, forecasts[number, step : step + 1]])[-window:]
            for number, end in enumerate(ends)
        ]
    return forecasts


@dataclass(frozen=True)
class Backtest:
    """How forecasts from many origins fared beside baselines, all in the series' own units.

    Attributes
    ----------
    origins, steps : int
    errors : dict of str to (steps,) array
        The root mean squared error at each step ahead: of `"network"`, of `"last value"` and, where
        a season was named, of `"same step of the last season"`.
    """

    origins: int
    steps: int
    errors: dict[str, np.ndarray]

    def overall(self) -> dict[str, float]:
        """Return the root mean squared error over all steps ahead, for each."""
        return {name: float(np.sqrt(np.mean(e**2))) for name, e in self.errors.items()}


def rolling(
    forecast: Callable[[list[np.ndarray], int], np.ndarray],
    series: np.ndarray,
    first: int,
    steps: int,
    season: int | None = None,
) -> Backtest:
    """Forecast from every origin from step `first` on, as if the series had ended there.

    Parameters
    ----------
    forecast : callable
        `forecast(beginnings, steps)`, (beginnings, steps, columns).
    series : (T, columns) array
    first : int
        The first step that is forecast; it is the first of those that training has not seen.
    season : int, optional
        Steps of a season: a baseline repeats what was so many steps ago, or whole multiples where
        that is not yet known.
    """
    origins = np.arange(first, len(series) - steps + 1)
    if not len(origins):
        raise DataError(
            f"Behind step {first} there are {len(series) - first} steps, fewer than the {steps} of "
            f"a forecast. Hold more of the series out, or forecast fewer steps."
        )
    ahead = np.arange(steps)
    truth = series[origins[:, None] + ahead]
    found = {
        "network": forecast([series[:origin] for origin in origins], steps),
        "last value": np.repeat(series[origins - 1][:, None], steps, axis=1),
    }
    if season is not None:
        if season > first:
            raise SettingError(
                f"A season of {season} steps is longer than the {first} steps before the part that "
                f"is held out. Name a shorter one, or leave it out."
            )
        seasons = ahead // season + 1
        found["same step of the last season"] = series[origins[:, None] + ahead - season * seasons]
    errors = {
        name: np.sqrt(np.mean((forecasts - truth) ** 2, axis=(0, 2)))
        for name, forecasts in found.items()
    }
    return Backtest(len(origins), steps, errors)
