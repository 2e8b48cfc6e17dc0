"""Divide rows into folds: each fold is held out once, while the others are learned from.

Classes keep their shares in every fold, groups stay together, and with time no row is learned from
that is later than those held out. Chance comes from NumPy's Philox generator alone.

Public names: `fold_rows`. Imports NumPy, Polars and `clearprop.errors`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from clearprop.errors import DataError, SettingError
from clearprop.tables.splitting import codes_of, ranks_of_time

Fold = tuple[np.ndarray, np.ndarray]


def fold_rows(
    n: int, *, folds: int, seed: int, strata: Any = None, groups: Any = None, time: Any = None
) -> list[Fold]:
    """Return the rows to train on and those held out, one pair a fold.

    Parameters
    ----------
    n : int
        The number of rows.
    folds : int
        At least 2.
    seed : int
        Says which folds; not used with `time`.
    strata : array-like, (n,), optional
        Classes whose shares every fold keeps. A class of one row is in all trainings.
    groups : array-like, (n,), optional
        Rows of one group are in one fold.
    time : array-like, (n,), optional
        Numbers, dates, or text in ISO 8601. The later half of the rows is divided into consecutive
        folds, and each is held out from a training on all earlier rows. Not with `groups`;
        `strata` then has no part in it.

    Returns
    -------
    list of (train, held) int64 arrays
        Row numbers, each in rising order. Without `time` and classes of one row, every row is held
        out exactly once.

    Raises
    ------
    DataError
        Too few rows, groups or times for so many folds, or one of them is missing.
    SettingError
        `folds` is below 2, or `time` and `groups` are both given.
    """
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or folds < 2:
        raise SettingError(f"Expected 2 folds or more; got {folds!r}.")
    if time is not None and groups is not None:
        raise SettingError("Fold by time or by group, not both: leave one of them out.")
    if n < folds:
        raise DataError(f"Expected at least {folds} rows for {folds} folds; got {n}.")
    if time is not None:
        return _forward(ranks_of_time(time, n), folds)
    generator = np.random.Generator(np.random.Philox(seed))
    classes = codes_of(strata, n, "strata") if strata is not None else np.zeros(n, dtype=int)
    if groups is not None:
        places = _by_group(codes_of(groups, n, "groups"), classes, folds, generator)
    else:
        places = _by_class(classes, folds, generator)
    return [(np.flatnonzero(places != k), np.flatnonzero(places == k)) for k in range(folds)]


def _by_class(classes: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    """Deal the rows out class by class, going on where the last class ended."""
    order = generator.permutation(len(classes))
    dealt = order[np.argsort(classes[order], kind="stable")]
    alone = np.bincount(classes)[classes] < 2
    dealt = dealt[~alone[dealt]]
    if len(dealt) < folds:
        raise DataError(
            f"Only {len(dealt)} rows are of classes with two rows or more, too few for {folds} "
            f"folds. Add rows, or take fewer folds."
        )
    places = np.full(len(classes), -1)
    places[dealt] = np.arange(len(dealt)) % folds
    return places


def _by_group(
    groups: np.ndarray, classes: np.ndarray, folds: int, generator: np.random.Generator
) -> np.ndarray:
    """Give each group, large ones first, to the fold that has least of its classes so far."""
    count, width = groups.max() + 1, classes.max() + 1
    if count < folds:
        raise DataError(
            f"There are {count} groups, too few for {folds} folds: expected a group for each fold. "
            f"Add rows of other groups, or take fewer folds."
        )
    held = np.bincount(groups * width + classes, minlength=count * width).reshape(count, width)
    shares = held / held.sum(axis=0)
    order = generator.permutation(count)
    order = order[np.argsort(-held[order].sum(axis=1), kind="stable")]
    filled, chosen = np.zeros((folds, width)), np.empty(count, dtype=int)
    for group in order:
        # ties, as between empty folds, go to the fold that is smallest in all
        fold = np.lexsort((filled.sum(axis=1), filled @ shares[group]))[0]
        chosen[group] = fold
        filled[fold] += shares[group]
    if len(set(chosen.tolist())) < folds:
        # classes that no two groups share leave folds empty: sizes alone decide then
        chosen[order] = np.arange(count) % folds
    return chosen[groups]


def _forward(ranks: np.ndarray, folds: int) -> list[Fold]:
    """Cut the later half between distinct times, each cut as near to its place as can be."""
    sizes = np.bincount(ranks)
    ends = np.cumsum(sizes)
    if len(sizes) < folds + 1:
        raise DataError(
            f"There are {len(sizes)} distinct times, too few for {folds} folds one after another: "
            f"expected {folds + 1} or more. Take fewer folds, or leave time out."
        )
    wanted = ends[-1] * (0.5 + 0.5 * np.arange(folds) / folds)
    cuts: list[int] = []
    for k, place in enumerate(wanted):
        lowest = cuts[-1] + 1 if cuts else 1
        highest = len(sizes) - (folds - k)
        nearest = int(np.argmin(np.abs(ends[:-1] - place))) + 1
        cuts.append(min(max(nearest, lowest), highest))
    borders = [*cuts, len(sizes)]
    return [
        (np.flatnonzero(ranks < start), np.flatnonzero((ranks >= start) & (ranks < stop)))
        for start, stop in pairwise(borders)
    ]
