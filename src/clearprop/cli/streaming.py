"""Tables with a bound on memory: whether they fit it, and a training that streams one.

Public names: `StreamJob`, `TRAINING_COPIES`, `area_told`, `encoding_told`, `open_for_answers`,
`open_within`.
May import: `clearprop.estimators`, `clearprop.tables`, the other modules of this room.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import polars as pl

from clearprop.cli.choices import grouped, model_of, settle_seed, targets_of
from clearprop.cli.loading import Table, load_table, reads_series
from clearprop.cli.output import note
from clearprop.cli.training_job import Job
from clearprop.errors import ClearpropError, SettingError
from clearprop.tables import FORMATS, TableEncoder, Task, inspect_columns
from clearprop.tables.streams import LIBRARIES, Columns, Stream, bytes_of, in_words

if TYPE_CHECKING:
    from clearprop.estimators.metrics import Metric

# how often the raw rows are in memory at once, beside their features: read, divided and handed on
TRAINING_COPIES, ANSWERING_COPIES = 3.0, 2.0
# bytes in memory of a byte of text, at most
_OF_TEXT = 4.0
# what tells something about rows, or is for tables in memory; and what to do instead
_REFUSED = {
    "time": "Divide the files yourself, and measure with clearprop evaluate",
    "search_minutes": "Search on a part of the table first, and give what it found",
    "folds": "One part of a stream is held out",
    "report": "clearprop report MODEL TABLE writes it from a part of the table that fits",
    "sequence_id": "Series are trained in memory",
    "forecast": "Series are trained in memory",
    "seeds": "A stream trains one network at a time",
    "processes": "One process trains it",
    "labels": "IDX files are read whole",
}
# kinds of advice that some rows tell as well as all
_TOLD_BY_SOME = ("gives target away", "identifier", "mostly missing", "nearly numbers")


def open_within(source: str, options: dict[str, Any], model: Any, copies: float) -> Table | Stream:
    """Return a table, read whole if it fits the bound `--memory`, else as a stream; say which.

    Parameters
    ----------
    model : tabular estimator, optional
        What the table is for, as for `load_table`.
    copies : float
        How often its rows are in memory at once.
    """
    bound, kind = bytes_of(options["memory"]), options["file_format"]
    path = Path(source)
    streamed = path.is_dir() or (
        path.suffix.lower() in (*FORMATS["parquet"], *FORMATS["arrow"]) and kind is None
    )
    if not streamed:
        if path.exists() and LIBRARIES + _OF_TEXT * copies * path.stat().st_size > bound:
            Stream(source, bound)  # says what can be streamed, and how
        return load_table(source, kind, options["labels"], model)
    stream = Stream(source, bound)
    needed = LIBRARIES + stream.rows * (copies * stream.row_bytes + 4 * _features(stream, model))
    if needed > bound:
        return stream
    note(
        f"the table takes some {in_words(needed)} of {in_words(bound)}, so it is read whole, "
        f"not streamed."
    )
    if not path.is_dir():
        return load_table(source, None, None, model)
    return Table(source, stream.whole())


def open_for_answers(source: str, options: dict[str, Any], model: Any) -> Table | Stream:
    """Return a table for a model to answer on: of single rows, whole or as a stream."""
    if reads_series(model):
        raise click.UsageError("--memory is for models of single rows; series are read whole.")
    return open_within(source, options, model, ANSWERING_COPIES)


def _features(stream: Stream, model: Any) -> int:
    """Return about how many features a row has that has to be held."""
    if model is not None:
        return 0  # rows are encoded in blocks where nothing is learned
    try:
        return TableEncoder.fit(stream.pieces[0].read()).width
    except ClearpropError:
        return stream.width


@dataclass
class StreamJob(Job):
    """One training on a stream; `train` and `train_rows` are a sample of its rows."""

    stream: Any = None

    @classmethod
    def of_stream(cls, stream: Stream, options: dict[str, Any], previous: Any) -> StreamJob:
        """Settle columns, task, rows and model, in one pass over the stream."""
        from clearprop.estimators import TabularRegressor
        from clearprop.estimators.stream_fitting import prepare_stream

        for name, way_out in _REFUSED.items():
            if options[name] and options[name] != 1:
                raise click.UsageError(
                    f"--{name.replace('_', '-')} does not go with a table that is streamed "
                    f"(--memory). {way_out}."
                )
        empty = pl.DataFrame(schema=stream.schema)
        table = Table(stream.name, empty)
        targets = targets_of(table, options, previous)
        columns = Columns(targets, options["weight"], options["group"])
        columns.check(stream)
        _check_drop(options["drop"], stream)
        known = getattr(previous, "_task", None) or options["task"]
        # what the settings choose does not depend on the task, which the pass will tell
        like = Task(known or "classification", "number", targets, "")
        model = model_of(like, options, previous)
        model.set_params(drop=tuple(options["drop"]))
        settle_seed(model)
        prepared = prepare_stream(model, stream, columns, known, options["test_share"])
        if previous is None and prepared.task.name == "regression":
            model = TabularRegressor(**model.get_params(deep=False))
        sample = prepared.summary.sample.frame.drop(
            [name for name in columns.apart if name not in targets]
        )
        inputs = sample.drop([*targets, *options["drop"]])
        advice = inspect_columns(inputs, sample.select(targets), prepared.task.name)
        told = grouped([warning for warning in advice if warning.kind in _TOLD_BY_SOME])
        return cls(
            table,
            prepared.task,
            model,
            continued=previous is not None,
            train=sample,
            test=empty,
            train_rows=prepared.summary.sample.row_numbers,
            test_rows=prepared.summary.sample.row_numbers[:0],
            prepared=prepared,  # type: ignore[arg-type]  # it has all that is asked of one
            notes=[*prepared.task.warnings, *told],
            given={},
            stream=stream,
        )

    @property
    def tested(self) -> int:
        """Rows to measure on."""
        return self.prepared.summary.tested  # type: ignore[attr-defined]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the table."""
        return self.stream.rows, self.stream.width

    def further_lines(self) -> list[tuple[str, str]]:
        """Say how the table is streamed, and what of the encoding is not exact."""
        rows: Any = self.prepared.run.block
        buffers = len(rows.fillings(0))
        return [
            (
                "Memory",
                f"streamed within {in_words(self.stream.memory)}: {len(self.stream.pieces):,} "
                f"pieces of {len(self.stream.files):,} files, shuffled, then {buffers} buffers of "
                f"up to {rows.most:,} rows, shuffled",
            ),
            ("Encoding", encoding_told(self.prepared)),
        ]

    def measured(self) -> list[Metric]:
        """Measure the model on the held-out rows, in one more pass."""
        from clearprop.estimators.stream_metrics import known_of, measure_stream

        if not self.tested:
            return []
        prepared: Any = self.prepared
        known = known_of(prepared.summary, prepared.target)
        tally = measure_stream(self.model, self.stream, prepared.rows.shares, known)
        found = tally.metrics()
        if tally.area_error:
            self.notes.append(area_told(tally.area_error))
            note(self.notes[-1])
        return found

    def to_document(self) -> dict[str, Any]:
        """Return the job and what it found as plain data."""
        prepared: Any = self.prepared
        streamed = {
            "memory": self.stream.memory,
            "files": len(self.stream.files),
            "pieces": len(self.stream.pieces),
            "rows_of_a_buffer": prepared.rows.most,
            "sketched": prepared.summary.sketched,
        }
        return super().to_document() | {"stream": streamed}


def encoding_told(prepared: Any) -> str:
    """Say what of the encoding is exact, and what is not and how wrong it can be."""
    sketched = prepared.summary.sketched
    quartiles = [name for name, what in sketched.items() if what == "quartiles"]
    told = "fitted in one pass, exactly"
    if quartiles:
        size = prepared.summary.fitting.options.quantile_rows
        # three standard errors of a quartile's rank: 3 √(¼ · ¾ / size)
        error = 300 * (3 / 16 / size) ** 0.5
        told = (
            f"fitted in one pass; medians and quartiles of {len(quartiles)} columns are those of "
            f"{size:,} values drawn by chance (in rank within {error:.1g} %), all else is exact"
        )
    levels = [f"{name!r}: {what}" for name, what in sketched.items() if what != "quartiles"]
    return "; ".join([told, *levels])


def area_told(error: float) -> str:
    """Say how wrong the area under the ROC curve of a stream can be."""
    return f"the ROC AUC of a stream is added up in bins, and within {error:.1g} of the exact one."


def _check_drop(names: Any, stream: Stream) -> None:
    for name in names:
        if name not in stream.schema:
            raise SettingError(
                f"--drop names {name!r}, but there is no such column. The table has "
                f"{', '.join(stream.columns[:20])}."
            )
