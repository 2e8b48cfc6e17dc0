"""One pass over a stream, for all that must be known before training: `Summary`.

Of the rows to learn from: the encoding, with what of it is exact. Of these and those to validate
on: how often every target came, its mean and spread. Of every piece: how many rows train. The rows
to validate on themselves, and some to learn from, drawn by chance, as they came.

Everything is as it would be if the table were in memory (means and spreads up to rounding), since
the same summaries are fitted chunk by chunk; see `clearprop.tables.fitting`.

Public names: `Rows`, `Summary`, `summarise`. Imports NumPy, Polars, `clearprop.tables` and
`clearprop.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from clearprop.errors import DataError, SettingError
from clearprop.tables.encoder import TableEncoder
from clearprop.tables.fitting import EncoderFitting
from clearprop.tables.options import EncoderOptions
from clearprop.tables.streams.memory import in_words
from clearprop.tables.streams.parts import Shares
from clearprop.tables.streams.stream import Stream
from clearprop.tables.summaries import Moments
from clearprop.tables.targets import NumberTarget, Target, fit_target
from clearprop.tables.tasks import Task, TaskName, infer_task
from clearprop.tables.wording import listed, nearest, row_name

# distinct targets up to which they are counted: beyond, they are numbers to predict
MOST_TARGETS = 10_000
# rows to learn from that are kept as they came
SAMPLED = 10_000
# rows of one target, and of one of many, that stand for all of its rows where a task is inferred
_STAND_FOR, _STAND_FOR_ONE_OF_MANY = 420, 2
_FEW = 20
# of the bound, what rows that are kept may take
_SHARE_OF_KEPT = 0.1


@dataclass
class Rows:
    """Rows as they came, and their numbers in the table."""

    frames: list[pl.DataFrame] = field(default_factory=list)
    numbers: list[np.ndarray] = field(default_factory=list)

    def add(self, frame: pl.DataFrame, places: np.ndarray, first_row: int) -> None:
        """Keep these rows of a frame."""
        if len(places):
            self.frames.append(frame[places])
            self.numbers.append(places + first_row)

    @property
    def frame(self) -> pl.DataFrame:
        """All of them."""
        return pl.concat(self.frames).rechunk() if self.frames else pl.DataFrame()

    @property
    def row_numbers(self) -> np.ndarray:
        """Their numbers, from 0."""
        return np.concatenate(self.numbers) if self.numbers else np.empty(0, dtype=np.int64)


class TargetCounts:
    """How often each target came, where there are not too many, and their moments."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.rows = 0
        self.many = False
        self.moments = {name: Moments() for name in names}
        self._table: pl.DataFrame | None = None

    def update(self, targets: pl.DataFrame) -> None:
        """Add rows (n, targets) that hold a finite value each."""
        self.rows += targets.height
        for series in targets.iter_columns():
            if series.dtype.is_numeric() or series.dtype == pl.Boolean:
                self.moments[series.name].update(series.cast(pl.Float64).to_numpy())
        if not self.many:
            counted = targets.group_by(self.names).agg(pl.len().cast(pl.Int64).alias(_COUNT))
            parts = [counted] if self._table is None else [self._table, counted]
            self._table = pl.concat(parts).group_by(self.names).agg(pl.sum(_COUNT))
            self.many = self._table.height > MOST_TARGETS

    @property
    def table(self) -> pl.DataFrame:
        """The distinct targets and how often each came."""
        assert self._table is not None
        return self._table

    @property
    def counts(self) -> np.ndarray:
        """How often each came, (distinct,)."""
        return self.table[_COUNT].to_numpy()

    def stand_in(self) -> pl.DataFrame:
        """Return a small frame that tells of the task what all rows would."""
        few = self.table.height <= _FEW
        most = _STAND_FOR if few else _STAND_FOR_ONE_OF_MANY
        repeats = np.minimum(self.counts, most)
        places = np.repeat(np.arange(self.table.height), repeats)
        return self.table.select(self.names)[places]

    def task(self, wish: TaskName | None) -> Task:
        """Infer what is to be learned; see `clearprop.tables.infer_task`."""
        small = self.stand_in()
        found = infer_task(small, self.names, wish)
        if not self.many:
            return found
        if found.name == "classification":
            raise DataError(
                f"The target {self.names[0]!r} holds more than {MOST_TARGETS:,} distinct classes: "
                f"expected fewer in a stream. Name another target."
            )
        seen = small[self.names[0]].n_unique()
        reason = found.reason.replace(f"{seen} distinct", f"more than {MOST_TARGETS:,} distinct")
        return replace(found, reason=reason, warnings=())

    def target(self, task: Task) -> Target:
        """Fit the target columns."""
        fitted = fit_target(self.stand_in(), task)
        if not isinstance(fitted, NumberTarget):
            return fitted
        moments = [self.moments[name] for name in self.names]
        scales = tuple(m.scale for m in moments)
        return NumberTarget(self.names, tuple(m.mean for m in moments), scales)


_COUNT = " count"  # no column of a table that people write


@dataclass
class Summary:
    """What one pass over a stream has found.

    Attributes
    ----------
    fitting : EncoderFitting
        Of the rows to learn from.
    targets : TargetCounts
        Of those to learn from and to validate on.
    sizes : (pieces,) int array
        Rows of each piece that train.
    validation, sample : Rows
        Rows to validate on, all of them; and some to learn from.
    tested : int
        Rows held out to measure on.
    sketched : dict
        What of the encoding is not exact; see `EncoderFitting.sketched`.
    """

    fitting: EncoderFitting
    targets: TargetCounts
    sizes: np.ndarray
    validation: Rows
    sample: Rows
    tested: int = 0
    sketched: dict[str, str] = field(default_factory=dict)

    def encoder(self) -> TableEncoder:
        """Return the encoding and let go of what it was fitted from, which is much."""
        found = self.fitting.finish()
        self.sketched = self.fitting.sketched
        self.let_go()
        return found

    def let_go(self) -> None:
        """Forget what an encoding is fitted from."""
        self.fitting = EncoderFitting(self.fitting.options)

    @property
    def rows(self) -> int:
        """Rows that train."""
        return int(self.sizes.sum())


@dataclass(frozen=True)
class Columns:
    """Which columns of a stream are what.

    Attributes
    ----------
    targets : tuple of str
    weight, group : str, optional
        Say something about rows and are no inputs.
    """

    targets: tuple[str, ...]
    weight: str | None = None
    group: str | None = None

    @property
    def apart(self) -> tuple[str, ...]:
        """All that are no inputs."""
        return (*self.targets, *(name for name in (self.weight, self.group) if name))

    def check(self, stream: Stream) -> None:
        """Raise SettingError where a column is not there, or is named twice."""
        names = self.apart
        for name in names:
            if name not in stream.schema:
                raise SettingError(
                    f"There is no column {name!r}.{nearest(name, stream.columns)} The table has "
                    f"{listed(stream.columns, 12)}."
                )
        if len(set(names)) < len(names) or not self.targets:
            raise SettingError(
                f"Expected distinct columns as targets, weight and group; got {listed(names)}."
            )


def summarise(stream: Stream, columns: Columns, shares: Shares, options: EncoderOptions) -> Summary:
    """Go over a stream once.

    Raises
    ------
    DataError
        A target is missing or infinite, or weights are not numbers from 0 on; the row is named.
    SettingError
        The rows to validate on take more memory than there is.
    """
    columns.check(stream)
    sizes = np.zeros(len(stream.pieces), dtype=np.int64)
    found = Summary(EncoderFitting(options), TargetCounts(columns.targets), sizes, Rows(), Rows())
    sampled = SAMPLED / stream.rows
    kept = 0.0
    for number, (piece, frame) in enumerate(stream.frames()):
        first = piece.first_row
        targets = frame.select(columns.targets)
        check_targets(targets, first)
        if columns.weight:
            weights_in(frame, columns.weight, first)
        draws = shares.draws(frame, first)
        places = shares.divided(draws)
        train = places["train"]
        found.sizes[number] = len(train)
        found.tested += len(places["test"])
        found.validation.add(frame, places["validation"], first)
        found.sample.add(frame, train[_fine(draws[train]) < sampled], first)
        seen = np.sort(np.concatenate([train, places["validation"]]))
        found.targets.update(targets[seen])
        if len(train):
            found.fitting.update(frame.drop(columns.apart)[train])
        kept += len(places["validation"]) * stream.row_bytes
        if kept > _SHARE_OF_KEPT * stream.memory:
            raise SettingError(
                f"The rows to validate on would take more than {in_words(kept)} of "
                f"{in_words(stream.memory)}. Lower validation_fraction (to "
                f"{shares.validation / 4:.2g}, say), or allow more memory."
            )
    if not found.targets.rows or not found.rows:
        raise DataError("No rows are left to learn from. Lower the shares that are held out.")
    return found


def _fine(draws: np.ndarray) -> np.ndarray:
    """Return other numbers in [0, 1) than the draws, as much by chance: their later digits."""
    return (draws * 2.0**20) % 1.0


def check_targets(targets: pl.DataFrame, first_row: int) -> None:
    """Raise DataError, with the row, where a target is missing or infinite."""
    for series in targets.iter_columns():
        wrong = series.is_null()
        if series.dtype.is_float():
            wrong = wrong | ~series.is_finite().fill_null(False)
        if wrong.any():
            row = int(wrong.arg_true()[0])
            raise DataError(
                f"The target {series.name!r} is {series[row]!r} in {row_name(first_row + row)}: "
                f"expected a finite value in every row. Correct or remove such rows."
            )


def weights_in(frame: pl.DataFrame, name: str, first_row: int) -> np.ndarray:
    """Return the weights of rows, float64 (n,); DataError where one is no number from 0 on."""
    values = frame[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"The weight {name!r} is {frame[name][row]!r} in {row_name(first_row + row)}: expected "
            f"a number from 0 on in every row. Correct it, or name another column."
        )
    return values
