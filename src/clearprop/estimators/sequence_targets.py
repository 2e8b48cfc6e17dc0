"""What is to be learned of sequences: one target a sequence, or one a step.

Which of the two is seen from y, unless it was said:

    arrays   y holds one entry a sequence. One target each where entries are single; one a step
             where each entry is itself as long as its sequence. A two-dimensional y of one array
             (sequences, steps, features) is one a step where its second dimension is that of the
             steps, else several outputs a sequence.
    tables   y has one entry a row (or is the name of a column). One target a series where the
             entry is the same in all rows of each series, else one a step. One entry a series is
             understood as well.

Public names: `read_targets`, `target_columns`.
May import: `clearprop.estimators.sequence_data`, `clearprop.estimators.step_labels`,
`clearprop.errors`, scikit-learn, NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d

from clearprop.errors import DataError, SettingError, ShapeError
from clearprop.estimators.sequence_data import Given
from clearprop.estimators.step_labels import StepLabels


def target_columns(given: Given, y: Any) -> list[str]:
    """Return the columns of the table that y names; none where y is the targets themselves.

    Raises
    ------
    SettingError
        If the table has no such column.
    """
    names = [y] if isinstance(y, str) else y
    if given.steps is None or not isinstance(names, list | tuple) or not len(names):
        return []
    if all(name in given.steps.columns for name in names if isinstance(name, str)):
        return [name for name in names if isinstance(name, str)]
    if isinstance(y, str):
        from clearprop.tables.wording import listed, nearest

        raise SettingError(
            f"y names the column {y!r}, which the table does not have."
            f"{nearest(y, given.steps.columns)} It has {listed(given.steps.columns, 12)}."
        )
    # a list of labels
    return []


def read_targets(given: Given, y: Any, every: bool | None) -> np.ndarray | StepLabels:
    """Return targets as (n,) or (n, outputs), or as `StepLabels` where there is one a step.

    Parameters
    ----------
    every : bool or None
        Whether there is one target a step; seen from y where None.

    Raises
    ------
    DataError
        A target is missing, or differs within a sequence that was said to have one.
    ShapeError
        There are not as many as there are sequences or steps.
    """
    names = target_columns(given, y)
    if names:
        assert given.steps is not None  # a table has these columns
        columns = [given.steps[name].to_numpy() for name in names]
        return _of_rows(given, columns[0] if len(names) == 1 else np.column_stack(columns), every)
    y = _as_array(y)
    if given.layout is None and y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if given.layout is not None and len(y) == len(given.layout.rows):
        return _of_rows(given, _flattened(y)[given.layout.rows], every)
    if given.layout is None and _one_a_step(given, y, every):
        return _of_steps(given, y)
    if every:
        raise ShapeError(
            f"There are {given.starts[-1]} steps in {len(given)} sequences, and each step needs a "
            f"target, but y has {len(y)} entries. {_way_out(given)}"
        )
    if len(y) != len(given):
        steps = "" if given.layout is None else f" and {given.starts[-1]} rows"
        raise ShapeError(
            f"X has {len(given)} sequences{steps}, but y has {len(y)} entries. {_way_out(given)}"
        )
    return _checked(given, _flattened(y), np.asarray(given.starts[:-1]))


def _way_out(given: Given) -> str:
    if given.layout is None:
        return (
            "Give one target for each sequence, or a list with one array for each, as long as the "
            "sequence."
        )
    return "Give one target for each row of the table, or one for each series."


def _as_array(y: Any) -> np.ndarray:
    """Return y as an array; entries of different lengths make one of objects."""
    if hasattr(y, "to_numpy"):
        y = y.to_numpy()
    if isinstance(y, np.ndarray):
        return y
    if not hasattr(y, "__len__") or isinstance(y, str):
        raise ShapeError(
            f"y must hold a target for each sequence or step, but {type(y).__name__} came."
        )
    parts = list(y)
    if any(np.ndim(part) for part in parts):
        found = np.empty(len(parts), dtype=object)
        for place, part in enumerate(parts):
            found[place] = np.asarray(part)
        return found
    return np.asarray(parts)


def _one_a_step(given: Given, y: np.ndarray, every: bool | None) -> bool:
    """Whether y is to be taken as one target a step."""
    if y.dtype == object and len(y) and all(np.ndim(part) for part in y):
        return len(y) == len(given) and (every is None or every)
    if every is not None:
        return every and len(y) in (len(given), given.starts[-1])
    return given.box and y.ndim > 1 and len(y) == len(given) and y.shape[1] == given.lengths[0] > 1


def _of_steps(given: Given, y: np.ndarray) -> StepLabels:
    """Put the targets of all sequences one behind another."""
    if len(y) != len(given) or (y.ndim == 1 and y.dtype != object):
        # flat already, or sequences of one step each
        return StepLabels(_checked(given, _flattened(y), np.arange(len(y))), given.starts)
    parts = [np.asarray(part) for part in y]
    for number, (part, steps) in enumerate(zip(parts, given.lengths, strict=True)):
        if part.shape[:1] != (steps,):
            came = part.shape[0] if part.ndim else 1
            raise ShapeError(
                f"{given.sequence(number).capitalize()} has {steps} steps, but {came} targets "
                f"came: expected one for each step. For several outputs a sequence, give y as one "
                f"array (sequences, outputs)."
            )
    values = _flattened(np.concatenate(parts))
    return StepLabels(_checked(given, values, np.arange(len(values))), given.starts)


def _of_rows(given: Given, values: np.ndarray, every: bool | None) -> np.ndarray | StepLabels:
    """Return the targets of a table, whose rows stand series by series."""
    values = _checked(given, values, np.arange(len(values)))
    first = np.repeat(given.starts[:-1], given.lengths)
    differs = values != values[first]
    differs = differs.any(axis=1) if differs.ndim > 1 else differs
    if every is None:
        every = bool(differs.any())
    if every:
        return StepLabels(values, given.starts)
    if differs.any():
        place = int(np.flatnonzero(differs)[0])
        raise DataError(
            f"One target a series was asked for, but it is {_shown(values[place])} in "
            f"{given.where(place)}, and {_shown(values[first[place]])} at the first step. Correct "
            f"the table, or learn one a step: readout='every' (--per step)."
        )
    return values[given.starts[:-1]]


def _flattened(y: np.ndarray) -> np.ndarray:
    return y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y


def _checked(given: Given, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return targets, none of them missing; `places` are the steps that they belong to."""
    if values.ndim > 2:
        raise ShapeError(
            f"Targets must be single values or rows of outputs, but y has shape {values.shape}."
        )
    if values.dtype == object:
        missing = np.array([value is None or value != value for value in values.ravel()])
        missing = missing.reshape(values.shape)
    elif values.dtype.kind in "fc":
        missing = ~np.isfinite(values)
    else:
        return values
    if missing.any():
        rows = missing.any(axis=1) if missing.ndim > 1 else missing
        place = int(np.flatnonzero(rows)[0])
        raise DataError(
            f"The target of {given.where(int(places[place]))} is {_shown(values[place])} "
            f"({int(rows.sum())} such targets in all). Fill it in, or leave those out."
        )
    if values.dtype == object and values.ndim == 1:
        return _plain_labels(values)
    return values


def _plain_labels(values: np.ndarray) -> np.ndarray:
    """Return labels that came as objects as an array of the type that they have in common."""
    kinds = {type(value) for value in values}
    return np.array(values.tolist()) if len(kinds) == 1 else values


def _shown(value: Any) -> str:
    return repr(value.tolist() if hasattr(value, "tolist") else value)
