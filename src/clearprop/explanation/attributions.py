"""How much each column of a table moved a prediction: integrated gradients, checked.

    >>> found = attributions(model, table)                      # doctest: +SKIP
    >>> dict(zip(found.columns, found.importance))              # doctest: +SKIP

A row's contributions add up to the prediction less the prediction for a *baseline*, a row to
compare with (`integrals` has the formula). The slopes are the network's own back-propagation,
through the engine that trains it (`output_slopes`), and what the features that a column was encoded
as contribute is summed. Nodes of the integral are doubled, row by row, until the contributions add
up within a stated tolerance; `complete` says where they did.

Public names: `Attributions`, `attributions`, `typical_row`.
May import: `integrals`, `output_slopes`, `clearprop.tables`, `clearprop.network`,
`clearprop.errors`, NumPy, Polars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from clearprop.errors import SettingError, ShapeError
from clearprop.explanation.integrals import mean_slope
from clearprop.explanation.output_slopes import OutputSlopes
from clearprop.network import Parameters
from clearprop.tables import NumberTarget, as_frame

# nodes of the integral: to begin with, and at most
FEWEST, MOST = 8, 1024
# what may stay open of a sum of contributions, relative to their absolute values
TOLERANCE = 1e-2
# roundings that the two predictions may hold, in units of the precision
ROUNDINGS = 32


@dataclass(frozen=True, eq=False)
class Attributions:
    """What each column contributed to the predictions of some rows.

    Attributes
    ----------
    columns : tuple of str
        The table's columns that the model reads, in its order.
    values : (n, columns) array
        Contributions, in the unit of `value`.
    features : tuple of str
    feature_values : (n, features) array
        The same for each feature that columns were encoded as.
    column_of : (features,) int array
        The place in `columns` that each feature belongs to.
    outputs : (n,) int array
        Which output of the network is explained: for several classes each row's likeliest, unless
        one was asked for.
    output_names : tuple of str
        Of all outputs: classes (of two, the one that is predicted with the probability), or
        targets.
    value : (n,) array
        The prediction: a probability, or a number in the target's own unit.
    at_baseline : (n,) array
        What the network predicts for the baseline, of the same output.
    baseline : DataFrame or (k, inputs) array
        The rows to compare with; contributions and `at_baseline` are means over them.
    nodes : (n,) int array
        Nodes that each row's integral took.
    tolerance : float
        What may stay open of a row's sum, relative to Σ |contributions|.
    allowed : (n,) array
        The same as a number, with the rounding of the predictions in it.
    """

    columns: tuple[str, ...]
    values: np.ndarray
    features: tuple[str, ...]
    feature_values: np.ndarray
    column_of: np.ndarray
    outputs: np.ndarray
    output_names: tuple[str, ...]
    value: np.ndarray
    at_baseline: np.ndarray
    baseline: Any
    nodes: np.ndarray
    tolerance: float
    allowed: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """Σ contributions - (value - at_baseline) of each row, (n,)."""
        return np.asarray(self.feature_values.sum(axis=1) - (self.value - self.at_baseline))

    @property
    def complete(self) -> np.ndarray:
        """Whether each row's contributions add up within the tolerance, (n,)."""
        return np.asarray(np.abs(self.gap) <= self.allowed)

    @property
    def importance(self) -> np.ndarray:
        """The mean over the rows of |contribution|, (columns,)."""
        return np.asarray(np.abs(self.values).mean(axis=0))

    @property
    def order(self) -> np.ndarray:
        """Places in `columns`, the most important first."""
        return np.argsort(-self.importance, kind="stable")


def attributions(
    model: Any,
    rows: Any,
    baseline: Any = "typical",
    *,
    background: Any = None,
    output: int | str | None = None,
    tolerance: float = TOLERANCE,
    most: int = MOST,
    engine: str | None = None,
) -> Attributions:
    """Return how much each column contributed to the predictions of some rows.

    Parameters
    ----------
    model : fitted estimator, outcome of `train`, or Parameters
        Of a network that reads rows.
    rows : table, (n, columns), or array, (n, inputs)
        As for the model's `predict`; a few hundred rows show the importance of columns well.
    baseline : "typical", or a table or array of one or several rows
        What predictions are compared with. `"typical"` is the row of `background`'s medians and
        most frequent values. Over several rows contributions are means: give a sample of the
        training table to compare with the mean prediction; that takes as many times as long.
    background : table or array, optional
        The training rows, for the typical row; `rows` themselves where absent.
    output : int or str, optional
        The place, or the name, of the output to explain: a class or a target. Each row's likeliest
        class where absent; for other outputs the first.
    tolerance : float
        What may stay open of a row's sum, relative to Σ |contributions|.
    most : int
        Nodes of a row's integral at most.
    engine : str, optional
        Another engine than the model's own.

    Raises
    ------
    SettingError
        The model reads sequences, or has no such output.
    ShapeError, DataError
        The rows do not fit the model.

    Examples
    --------
    >>> from clearprop import TabularClassifier
    >>> from clearprop.explanation import attributions
    >>> table = {"size": list(range(60)), "kind": ["a", "b", "c"] * 20}
    >>> large = [size > 30 for size in range(60)]
    >>> model = TabularClassifier(max_epochs=5).fit(table, large)
    >>> found = attributions(model, table)
    >>> found.columns, found.values.shape, bool(found.complete.all())
    (('size', 'kind'), (60, 2), True)
    """
    subject = _subject(model)
    x = subject.encoded(rows)
    if isinstance(baseline, str):
        if baseline != "typical":
            raise SettingError(f"A baseline is 'typical', or rows; but {baseline!r} came.")
        baseline = subject.typical(rows if background is None else background)
    probe = OutputSlopes(subject.parameters, engine or getattr(model, "engine", None) or "auto")
    return _explained(subject, probe, x, baseline, _output(subject, output), (tolerance, most))


def typical_row(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row: the lower median of numbers and dates, of other columns the most frequent."""
    return frame.select(_typical(series) for series in frame.iter_columns())


def _typical(series: pl.Series) -> pl.Series:
    kind = series.dtype
    if kind.is_float():
        series = series.fill_nan(None)
    present = series.drop_nulls()
    if present.is_empty():
        return series.head(1)
    if kind.is_numeric() or kind.is_temporal():
        return present.sort().slice((len(present) - 1) // 2, 1)
    counts = series.value_counts(sort=True, name="rows")
    first = counts.filter(pl.col("rows") == pl.col("rows").max())[series.name]
    # the first by name of those that are as frequent, so that the row is always the same one
    return first.sort(nulls_last=True).head(1)


@dataclass(frozen=True, eq=False)
class _Subject:
    """What is explained: networks, how rows become their inputs, and what those are called."""

    parameters: tuple[Parameters, ...]
    encoder: Any
    columns: tuple[str, ...]
    features: tuple[str, ...]
    column_of: np.ndarray
    output_names: tuple[str, ...]
    offset: np.ndarray
    unit: np.ndarray

    @property
    def inputs(self) -> int:
        return self.parameters[0].network.inputs

    def encoded(self, rows: Any) -> np.ndarray:
        """Return rows as the network's inputs, (n, inputs)."""
        dtype = np.dtype(self.parameters[0].network.dtype)
        if self.encoder is not None:
            return np.asarray(self.encoder.transform(as_frame(rows), dtype))
        x = np.asarray(rows, dtype=dtype)
        if x.ndim != 2 or x.shape[1] != self.inputs or not len(x):
            raise ShapeError(
                f"Rows of {self.inputs} numbers were expected, (n, {self.inputs}), but an array of "
                f"shape {x.shape} came."
            )
        return x

    def typical(self, rows: Any) -> Any:
        """Return the typical row of some rows."""
        if self.encoder is not None:
            frame = as_frame(rows)
            return typical_row(frame.select(c for c in frame.columns if c in self.columns))
        return np.median(np.asarray(rows, dtype=np.float64), axis=0, keepdims=True)


def _subject(model: Any) -> _Subject:
    parameters = _parameters_of(model)
    network = parameters[0].network
    if network.recurrent:
        raise SettingError(
            "Contributions of columns are for networks that read rows. What moved the output of a "
            "sequence, step by step: explain(model, X, y).inputs_moved(0)."
        )
    encoder = getattr(model, "encoder_", None)
    names = model.unit_names() if hasattr(model, "unit_names") else {}
    features = names.get("inputs") or tuple(f"x{k + 1}" for k in range(network.inputs))
    outputs = names.get("outputs") or tuple(f"o{k + 1}" for k in range(network.outputs))
    columns, column_of = features, np.arange(network.inputs)
    if encoder is not None:
        used = [column for column in encoder.columns if column.feature_names]
        columns = tuple(column.name for column in used)
        column_of = np.repeat(np.arange(len(used)), [len(c.feature_names) for c in used])
        features = encoder.feature_names
    offset, unit = np.zeros(network.outputs), np.ones(network.outputs)
    target = getattr(model, "target_", None)
    if isinstance(target, NumberTarget):
        # predictions are in the target's own unit
        offset, unit = np.array(target.means), np.array(target.scales)
    return _Subject(parameters, encoder, columns, features, column_of, outputs, offset, unit)


def _parameters_of(model: Any) -> tuple[Parameters, ...]:
    if isinstance(model, Parameters):
        return (model,)
    bagged = getattr(model, "bagged_", ())
    if bagged:
        # the prediction is the mean of theirs
        return tuple(bagged)
    found = getattr(model, "parameters_", getattr(model, "parameters", None))
    if isinstance(found, Parameters):
        return (found,)
    raise SettingError(
        f"A fitted estimator, the outcome of a run or Parameters have predictions to explain, but "
        f"{type(model).__name__} came."
    )


def _output(subject: _Subject, asked: int | str | None) -> int | None:
    """Return the place of the output to explain, None for each row's likeliest class."""
    network = subject.parameters[0].network
    if asked is None:
        return None if not network.layers[-1].function.elementwise else 0
    names = subject.output_names
    if isinstance(asked, str) and asked in names:
        return names.index(asked)
    if not isinstance(asked, int | np.integer) or not 0 <= asked < network.outputs:
        raise SettingError(
            f"The network has the outputs {', '.join(names[:12])}, 0 to {network.outputs - 1}, "
            f"but output={asked!r} came."
        )
    return int(asked)


def _explained(
    subject: _Subject,
    probe: OutputSlopes,
    x: np.ndarray,
    baseline: Any,
    output: int | None,
    limits: tuple[float, int],
) -> Attributions:
    start = subject.encoded(baseline)
    values, at_start = probe.values(x), probe.values(start).mean(axis=0)
    outputs = values.argmax(axis=1) if output is None else np.full(len(x), output)
    features, nodes = np.zeros(x.shape), np.zeros(len(x), dtype=np.int64)
    allowed = np.zeros(len(x))
    for k in np.unique(outputs):
        own = np.flatnonzero(outputs == k)
        for row in start:
            part, taken, open_ = _integrated(probe, x[own], row, int(k), limits)
            features[own] += part / len(start)
            nodes[own] = np.maximum(nodes[own], taken)
            allowed[own] += open_ / len(start)
    unit, offset = subject.unit[outputs], subject.offset[outputs]
    features *= unit[:, None]
    columns = np.zeros((len(x), len(subject.columns)))
    np.add.at(columns.T, subject.column_of, features.T)
    picked = values[np.arange(len(x)), outputs]
    return Attributions(
        columns=subject.columns,
        values=columns,
        features=subject.features,
        feature_values=features,
        column_of=subject.column_of,
        outputs=outputs,
        output_names=subject.output_names,
        value=picked * unit + offset,
        at_baseline=at_start[outputs] * unit + offset,
        baseline=baseline,
        nodes=nodes,
        tolerance=limits[0],
        allowed=allowed * unit,
    )


def _integrated(
    probe: OutputSlopes, x: np.ndarray, start: np.ndarray, output: int, limits: tuple[float, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return contributions (n, inputs), the nodes taken and what may stay open, (n,) each.

    Nodes are doubled for the rows whose contributions do not add up yet.
    """
    tolerance, most = limits
    values = probe.values(x)[:, output]
    at_start = float(probe.values(start[None])[0, output])
    rounding = ROUNDINGS * np.finfo(probe.dtype).eps * (np.abs(values) + abs(at_start))
    parts, nodes = np.zeros(x.shape), np.zeros(len(x), dtype=np.int64)
    left, count = np.arange(len(x)), min(FEWEST, most)
    while True:
        parts[left] = _with_nodes(probe, x[left], start, output, count)
        nodes[left] = count
        allowed = tolerance * np.abs(parts).sum(axis=1) + rounding
        gap = np.abs(parts.sum(axis=1) - (values - at_start))
        left, count = left[~(gap[left] <= allowed[left])], 2 * count
        if not len(left) or count > most:
            return parts, nodes, allowed


def _with_nodes(
    probe: OutputSlopes, x: np.ndarray, start: np.ndarray, output: int, nodes: int
) -> np.ndarray:
    """Return integrated gradients with so many nodes, (n, inputs)."""
    found, room = [], probe.at_once
    for first in range(0, len(x), room):
        way = x[first : first + room].astype(np.float64) - start

        def slopes_at(shares: np.ndarray, way: np.ndarray = way) -> np.ndarray:
            places = start + shares[:, None, None] * way
            slopes = probe.slopes(places.reshape(-1, places.shape[-1]), output)
            return slopes.reshape(places.shape)

        found.append(way * mean_slope(slopes_at, nodes, max(1, room // len(way))))
    return np.concatenate(found)
