"""From a stream and an estimator's parameters to a run that is ready to go.

As `tabular_fitting` does it for a table in memory: what is chosen, fitted and held out is the same,
but for which rows are held out, and all of it within the stream's bound on memory. What the bound
leaves beside Python, the libraries and a piece that is read is what the two buffers of encoded rows
get. That is reckoned and not measured: the order of the rows follows from the size of the buffers,
and has to be the same one when a run goes on.

Public names: `PreparedStream`, `columns_of_stream`, `prepare_stream`.
May import: the other modules of this room, `clearprop.tables`, `clearprop.training`; NumPy, Polars.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from clearprop.engines import Block
from clearprop.errors import SettingError
from clearprop.estimators.naming import watch_for
from clearprop.estimators.stream_rows import Encoding, StreamedRows
from clearprop.estimators.tabular_choices import Choices, held_out_share, numbers_of
from clearprop.estimators.tabular_data import factors_of_classes, names_of
from clearprop.estimators.tabular_fitting import choices_for, fitting_loss, seed_of, settings_of
from clearprop.estimators.tabular_network import names_of_units, network_for
from clearprop.estimators.validation_scores import validation_score
from clearprop.network import Network, Parameters
from clearprop.tables import ClassTarget, EncoderOptions, TableEncoder, Target, Task
from clearprop.tables.streams import (
    LIBRARIES,
    Columns,
    Shares,
    Stream,
    Summary,
    give_back,
    in_words,
    summarise,
)
from clearprop.training import Keeper, Listener, Outcome, Run, Settings, Shuffled, Validation

# buffers of an epoch, at least: the first one is read while nothing trains
_FEWEST_BUFFERS = 8
# of the bound, what is left alone: a piece while it is read, what allocators keep, the unforeseen
_RESERVE = 0.15
# of the bound, what texts that are being counted may take, and bytes of one of them
_SHARE_OF_LEVELS, _BYTES_OF_LEVEL = 0.15, 250
# batches that a buffer must hold for its shuffle to be one
_FEWEST_BATCHES = 8


@dataclass
class PreparedStream:
    """What was fitted on a stream, and the run that is ready to go; as `Prepared` for a table.

    Attributes
    ----------
    encoding : Encoding
    choices : Choices
    summary : Summary
    rows : StreamedRows
    task : Task
    settings : Settings
    start : Parameters, optional
    validation : polars.DataFrame
    """

    encoding: Encoding
    choices: Choices
    summary: Summary
    rows: StreamedRows
    task: Task
    settings: Settings
    start: Parameters | None
    divisions: tuple[Shares, ...]

    @property
    def encoder(self) -> TableEncoder:
        """How columns become features."""
        return self.encoding.encoder

    @property
    def target(self) -> Target:
        """What is learned."""
        return self.encoding.target

    @property
    def network(self) -> Network:
        """The network."""
        return self.encoding.network

    @property
    def columns(self) -> tuple[str, ...]:
        """The table's columns, without the targets and those that say something about rows."""
        apart = self.encoding.columns.apart
        return tuple(name for name in self.rows.stream.columns if name not in apart)

    @cached_property
    def run(self) -> Run:
        """The run."""
        held, validation = self.held_out(0), None
        if held is not None:
            score = validation_score(self.choices.validation_metric, self.network, held)
            validation = Validation(held, score)
        found = Run(
            self.network, self.rows, self.settings, validation=validation, parameters=self.start
        )
        give_back()  # what compiling and the pass over the table have left
        return found

    def runs(self) -> Iterator[Run]:
        """Yield the run."""
        yield self.run

    def finish(
        self, listeners: Iterable[Listener] = (), checkpoint: Keeper | None = None
    ) -> list[Outcome]:
        """Make the run, kept by a `clearprop.Checkpoints` and gone on with from there if asked."""
        return [self.run.finish(list(listeners), checkpoint)]

    @cached_property
    def _held(self) -> Block | None:
        frame = self.summary.validation.frame
        return self.encoding.block(frame) if frame.height else None

    def held_out(self, number: int) -> Block | None:
        """Return the validation rows; None where there are none."""
        return self._held


def columns_of_stream(y: Any, weight: Any, group: Any, others: tuple[Any, ...]) -> Columns:
    """Return which columns of a stream are what, as `fit` was told.

    Raises
    ------
    SettingError
        Something is no name of a column, or is for tables in memory.
    """
    if any(given is not None for given in others):
        raise SettingError(
            "time and validation_data are for tables in memory. Of a stream rows are held out at "
            "random or by groups: leave them out, or divide the files yourself and measure with "
            "score (clearprop evaluate)."
        )
    targets = (y,) if isinstance(y, str) else y
    names = [*targets] if isinstance(targets, list | tuple) else [targets]
    for name in (*names, weight, group):
        if name is not None and not isinstance(name, str):
            raise SettingError(
                f"Of a stream y, sample_weight and groups are names of columns; got a "
                f"{type(name).__name__}."
            )
    return Columns(tuple(names), weight, group)


def prepare_stream(
    estimator: Any, stream: Stream, columns: Columns, task: Any, test_share: float = 0.0
) -> PreparedStream:
    """Go over a stream once, and set up the run; see `clearprop.Stream`.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
    task : {"classification", "regression"}, optional
    test_share : float
        Rows that neither train nor validate.
    """
    _check(estimator)
    continued = bool(estimator.warm_start) and hasattr(estimator, "parameters_")
    seed = seed_of(estimator.random_state)
    left = 1 - test_share
    share = left * held_out_share(estimator.validation_fraction, int(left * stream.rows))
    shares = Shares(test_share, share, seed, columns.group)
    summary = summarise(stream, columns, shares, _options(estimator, stream, columns))
    found = summary.targets.task(task)
    target = estimator.target_ if continued else summary.targets.target(found)
    target = target if continued else fitting_loss(estimator, target)
    choices = choices_for(estimator, target, summary.rows)
    if continued:
        encoder, network = estimator.encoder_, estimator.network_
        summary.let_go()
    else:
        encoder = summary.encoder()
        network = network_for(estimator.loss, choices, encoder, target)
    factors = _factors(estimator, target, summary)
    encoding = Encoding(network, encoder, target, columns, factors)
    settings = settings_of(estimator, choices, seed, validated=bool(summary.validation.frames))
    watch = watch_for(estimator.record, network, names_of_units(encoder, target))
    rows = StreamedRows(
        stream,
        encoding,
        shares,
        summary.sizes,
        sample=summary.sample.frame,
        seed=seed,
        batch=choices.batch_size,
        most=_rows_of_a_buffer(stream, encoding, choices, summary),
    )
    return PreparedStream(
        encoding,
        choices,
        summary,
        rows,
        found,
        replace(settings, watch=watch, orders=Shuffled(seed)),
        estimator.parameters_ if continued else None,
        (shares,),
    )


def _check(estimator: Any) -> None:
    if estimator.n_cv != 1:
        raise SettingError(
            "n_cv (--folds) divides a table in memory. Of a stream one part is held out: leave it "
            "out, or set validation_fraction."
        )


def _options(estimator: Any, stream: Stream, columns: Columns) -> EncoderOptions:
    drop = names_of(estimator.drop)
    texts = sum(kind == pl.String or kind == pl.Categorical for kind in stream.schema.values())
    held = int(_SHARE_OF_LEVELS * stream.memory / (_BYTES_OF_LEVEL * max(1, texts)))
    most = EncoderOptions().max_levels
    return EncoderOptions(drop=drop, numbers=numbers_of(estimator), held_levels=max(held, 2 * most))


def _factors(estimator: Any, target: Target, summary: Summary) -> np.ndarray | None:
    if estimator.class_weight is None:
        return None
    if not isinstance(target, ClassTarget):
        raise SettingError("class_weight is for one target column of classes.")
    counts = np.zeros(len(target.classes), dtype=np.int64)
    counts[target.encode(summary.targets.table)] = summary.targets.counts
    return factors_of_classes(estimator.class_weight, target, counts)


def _rows_of_a_buffer(
    stream: Stream, encoding: Encoding, choices: Choices, summary: Summary
) -> int:
    """Return how many encoded rows a buffer may hold, so that all stays within the bound."""
    itemsize = np.dtype(encoding.network.dtype).itemsize
    outputs, weights = encoding.network.outputs, 1
    row = itemsize * (encoding.encoder.width + weights) + 8 * outputs
    # parameters, their slots, the best ones, those in a call; the rows that are kept
    fixed = 8 * itemsize * encoding.network.size
    held = len(summary.validation.row_numbers) + len(summary.sample.row_numbers)
    kept = held * (row + stream.row_bytes)
    free = stream.memory * (1 - _RESERVE) - LIBRARIES - fixed - kept
    most = int(free / (2 * row)) - choices.batch_size
    fewest = _FEWEST_BATCHES * choices.batch_size
    if most < fewest:
        needed = stream.memory + 2 * row * (fewest - most) / (1 - _RESERVE)
        raise SettingError(
            f"A bound of {in_words(stream.memory)} leaves no room to shuffle rows of "
            f"{encoding.encoder.width} features in batches of {choices.batch_size}: Python and the "
            f"libraries take {in_words(LIBRARIES)} already. Allow {in_words(needed)}, or lower "
            f"batch_size."
        )
    largest = int(summary.sizes.max())
    return max(min(most, -(-summary.rows // _FEWEST_BUFFERS)), min(largest, most), 1)
