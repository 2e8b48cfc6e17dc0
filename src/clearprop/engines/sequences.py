"""Sequences of different lengths, and a batch of them laid out so that nothing is padded.

`Sequences` is the data: the steps of all sequences one after another in one array, and where each
begins. `Packing` is the layout of a batch. Its rows are pairs (sequence, step), step by step: first
the first step of all sequences, then the second of those that have one, and so on, the longest
sequence first. So at each step those that are still running are the first n_t of the step before,
the products that need no state go over all rows at once, and a row that does not exist is neither
computed nor in the loss.

    batch of lengths 3, 1, 2        step 0  a b c -> rows 0 1 2     (a, c, b by length)
                                    step 1  a   c -> rows 3 4
                                    step 2  a     -> row 5

Public names: `Packing`, `Sequences`, `Window`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from clearprop.errors import DataError, ShapeError


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of steps; stands where a table's rows stand in a `Block`.

    Attributes
    ----------
    values : (steps of all sequences, inputs) array
        One sequence behind another.
    starts : (n + 1,) int array
        Where each begins; the last entry is the number of all steps.
    """

    values: np.ndarray
    starts: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """How many sequences there are, and inputs a step."""
        return len(self.starts) - 1, self.values.shape[1]

    def __len__(self) -> int:
        """Return how many sequences there are."""
        return self.shape[0]

    @cached_property
    def lengths(self) -> np.ndarray:
        """Steps of each sequence, (n,)."""
        return np.diff(self.starts)

    def __getitem__(self, rows: Any) -> Sequences:
        """Return some of the sequences, as a copy."""
        rows = np.arange(len(self))[rows]
        return Sequences(self.values[self.places(rows)], _begins(self.lengths[rows]))

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Return where the steps of these sequences stand in `values`, one behind another."""
        return _ranges(self.starts[:-1][rows], self.lengths[rows])

    def window(self, rows: np.ndarray, begin: int, count: int | None) -> Window:
        """Return `count` steps of these sequences from a step on; all that follow for None."""
        left = self.lengths[rows] - begin
        kept = np.flatnonzero(left > 0)
        lengths = left[kept] if count is None else np.minimum(left[kept], count)
        places = _ranges(self.starts[:-1][rows[kept]] + begin, lengths)
        packing = Packing(lengths)
        return Window(kept, packing, places[packing.source])

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        """Return an array of one row a step as one view a sequence."""
        return np.split(values, self.starts[1:-1])

    @classmethod
    def of(cls, X: Any, dtype: Any = None) -> Sequences:
        """Take a list of (steps, inputs) arrays, or a (n, steps, inputs) array.

        Raises
        ------
        DataError
            If there are no sequences, or one has no steps.
        ShapeError
            If one is not two-dimensional, or of another width than the first.
        """
        if isinstance(X, Sequences):
            values = np.ascontiguousarray(X.values, dtype=dtype)
            return X if values is X.values else Sequences(values, X.starts)
        if isinstance(X, np.ndarray) and X.ndim == 3:
            n, steps, inputs = X.shape
            _check_lengths([steps] * n)
            values = np.ascontiguousarray(X, dtype=dtype).reshape(n * steps, inputs)
            return cls(values, steps * np.arange(n + 1, dtype=np.int64))
        return cls._of_list(X, dtype)

    @classmethod
    def _of_list(cls, X: Sequence[Any], dtype: Any) -> Sequences:
        if isinstance(X, np.ndarray) and X.dtype != object:
            raise ShapeError(
                f"Sequences must come as a list of (steps, inputs) arrays, or as one array "
                f"(sequences, steps, inputs), but an array of shape {X.shape} came. For one value "
                f"a step, use X[:, :, None]; for one sequence, [X]."
            )
        parts = [np.asarray(part) for part in X]
        for number, part in enumerate(parts):
            if part.ndim != 2:
                raise ShapeError(
                    f"Each sequence must have shape (steps, inputs), but sequence {number} has "
                    f"shape {part.shape}."
                )
            if part.shape[1] != parts[0].shape[1]:
                step = f"{part.shape[1]} values a step, but sequence 0 has {parts[0].shape[1]}"
                raise ShapeError(f"Sequence {number} has {step}. All steps need the same columns.")
        _check_lengths([len(part) for part in parts])
        values = np.ascontiguousarray(np.concatenate(parts), dtype=dtype)
        return cls(values, _begins(np.array([len(part) for part in parts], dtype=np.int64)))


def _ranges(begins: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return begin, begin + 1, … of each range, one range behind another."""
    ends = _begins(lengths)
    return np.arange(ends[-1]) + np.repeat(begins - ends[:-1], lengths)


def _begins(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _check_lengths(lengths: Sequence[int]) -> None:
    if not len(lengths):
        raise DataError("There are no sequences. Give at least one.")
    for number, steps in enumerate(lengths):
        if not steps:
            raise DataError(
                f"Sequence {number} has no steps. Leave it out; a network needs at least one step "
                f"to read."
            )


@dataclass(frozen=True, eq=False)
class Packing:
    """Where the steps of a batch of n sequences lie; N rows in all.

    Attributes
    ----------
    lengths : (n,) int array
        Steps of each sequence, in the batch's order.
    """

    lengths: np.ndarray

    @cached_property
    def order(self) -> np.ndarray:
        """The batch's sequences from the longest to the shortest, (n,)."""
        return np.argsort(-self.lengths, kind="stable")

    @cached_property
    def sizes(self) -> np.ndarray:
        """n_t, how many sequences have a step t, (steps,)."""
        return np.bincount(self.lengths, minlength=1)[::-1].cumsum()[::-1][1:]

    @cached_property
    def offsets(self) -> np.ndarray:
        """Where the rows of each step begin, (steps + 1,)."""
        return _begins(self.sizes)

    @property
    def steps(self) -> int:
        """Steps of the longest sequence."""
        return len(self.sizes)

    @property
    def rows(self) -> int:
        """N, all steps of all sequences."""
        return int(self.offsets[-1])

    @cached_property
    def step(self) -> np.ndarray:
        """The step of each row, (N,)."""
        return np.repeat(np.arange(self.steps), self.sizes)

    @cached_property
    def place(self) -> np.ndarray:
        """The sequence of each row, as its place in the batch, (N,)."""
        return self.order[np.arange(self.rows) - self.offsets[:-1][self.step]]

    @cached_property
    def rank(self) -> np.ndarray:
        """How many sequences stand before each one at every step, (n,)."""
        rank = np.empty_like(self.order)
        rank[self.order] = np.arange(len(rank))
        return rank

    def row(self, place: Any, step: Any) -> Any:
        """Return the row of a sequence's step."""
        return self.offsets[step] + self.rank[place]

    @cached_property
    def first(self) -> np.ndarray:
        """The row of each sequence's first step, (n,)."""
        return self.rank

    @cached_property
    def last(self) -> np.ndarray:
        """The row of each sequence's last step, (n,)."""
        return self.row(np.arange(len(self.lengths)), self.lengths - 1)

    @cached_property
    def mirror(self) -> np.ndarray:
        """The row that takes each row's place when every sequence is turned round, (N,)."""
        return self.row(self.place, self.lengths[self.place] - 1 - self.step)

    @cached_property
    def source(self) -> np.ndarray:
        """Where each row stands when the batch's sequences lie one behind another, (N,)."""
        return _begins(self.lengths)[:-1][self.place] + self.step

    def of(self, place: int) -> np.ndarray:
        """Return the rows of one sequence, step by step."""
        return self.row(place, np.arange(self.lengths[place]))

    def at(self, step: int) -> slice:
        """Return the rows of a step."""
        return slice(int(self.offsets[step]), int(self.offsets[step + 1]))


class Window(NamedTuple):
    """Some steps of a batch of sequences.

    Attributes
    ----------
    kept : (n,) int array
        The batch's sequences that have such steps, as places in the batch.
    packing : Packing
        The layout of their steps.
    places : (N,) int array
        Where each row's step stands in the data.
    """

    kept: np.ndarray
    packing: Packing
    places: np.ndarray
