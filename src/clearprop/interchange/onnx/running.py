"""Rows as an exported graph wants them, and the graph held against the model.

Public names: `check_onnx`, `onnx_inputs`.
May import: `models`, `clearprop.estimators`, `clearprop.tables`, `clearprop.importing`, NumPy;
onnxruntime (the extra `onnx`) where a graph is run.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from clearprop.errors import EngineError, SettingError
from clearprop.estimators.rnn_base import SequenceEstimator
from clearprop.estimators.sequence_data import Given, read_sequences
from clearprop.estimators.tabular_base import Tabular
from clearprop.importing import import_extra
from clearprop.interchange.onnx.models import lengths_name
from clearprop.tables import DroppedColumn, TableEncoder, as_frame, plain_values

Feed = dict[str, np.ndarray]

# two answers whose probabilities differ by less may be told apart in another way
_UNDECIDED = 1e-4


def onnx_inputs(model: Any, X: Any) -> Feed:
    """Return rows as the graph of `to_onnx(model)` wants them, an array for each input.

    Parameters
    ----------
    model : a fitted estimator
    X : what its `predict` takes

    Examples
    --------
    >>> import clearprop, onnxruntime  # doctest: +SKIP
    >>> session = onnxruntime.InferenceSession("iris.onnx")  # doctest: +SKIP
    >>> session.run(None, clearprop.onnx_inputs(model, X))  # doctest: +SKIP
    """
    if isinstance(model, Tabular):
        frame = as_frame(X)
        return {name: values[:, None] for name, values in _plain(model.encoder_, frame).items()}
    if isinstance(model, SequenceEstimator):
        return _sequences(model, read_sequences(model, X))
    if not hasattr(model, "network_"):
        raise SettingError(f"A fitted estimator of clearprop was expected, not {model!r}.")
    dense = X.toarray() if hasattr(X, "tocsr") else X
    return {"X": np.ascontiguousarray(dense, dtype=model.network_.dtype)}


def check_onnx(model: Any, path: str | os.PathLike[str] | bytes, X: Any) -> float:
    """Run rows through onnxruntime and return how far its answers are from the model's at most.

    Parameters
    ----------
    model : the fitted estimator that was exported
    path : path, or the bytes of the graph
    X : what its `predict` takes

    Returns
    -------
    float
        The largest difference of a probability; of numbers relative to the largest.

    Raises
    ------
    EngineError
        onnxruntime says another label, although the model is not undecided.
    """
    runtime = import_extra("onnxruntime", "onnx", "Running an ONNX graph")
    source = path if isinstance(path, bytes) else os.fspath(path)
    session = runtime.InferenceSession(source, providers=["CPUExecutionProvider"])
    feed = onnx_inputs(model, X)
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, feed), strict=True))
    numbers = next(name for name in names if name.startswith(("probabilities", "variable")))
    own = model.predict_proba(X) if numbers.startswith("probabilities") else model.predict(X)
    theirs, ours = found[numbers], _rows(own)
    if theirs.ndim == 3 or (isinstance(model, SequenceEstimator) and model.per_step_):
        theirs = _unpadded(theirs, read_sequences(model, X), model)
    apart = np.abs(theirs.reshape(ours.shape).astype(np.float64) - ours)
    if numbers.startswith("probabilities"):
        labels = next(found[name] for name in names if name.startswith("label"))
        _check_labels(model, X, labels, ours)
        return float(apart.max(initial=0.0))
    return float(apart.max(initial=0.0) / max(1.0, np.abs(ours).max(initial=0.0)))


def _check_labels(model: Any, X: Any, labels: np.ndarray, chances: np.ndarray) -> None:
    """Raise EngineError where a label differs, and no two probabilities are nearly the same."""
    if isinstance(model, SequenceEstimator) and model.per_step_:
        labels = _unpadded(labels, read_sequences(model, X), model)
    ours = _joined(model.predict(X))
    several = ours.ndim == 2
    margin = np.abs(chances - 0.5) if several else np.diff(np.sort(chances)[:, -2:])[:, 0] / 2
    wrong = np.flatnonzero((labels.reshape(ours.shape) != ours) & (margin > _UNDECIDED))
    if len(wrong):
        place = int(wrong[0])
        raise EngineError(
            f"onnxruntime answers {labels.ravel()[place]!r} where the model answers "
            f"{ours.ravel()[place]!r}, in answer {place} of {ours.size}. The file is of another "
            f"model, or the runtime computes wrongly: export the model again."
        )


def _joined(answers: Any) -> np.ndarray:
    """Return answers of every row or step as one array (n, …)."""
    return np.concatenate(answers) if isinstance(answers, list) else np.asarray(answers)


def _rows(answers: Any) -> np.ndarray:
    return _joined(answers).astype(np.float64)


def _plain(encoder: TableEncoder, frame: Any) -> Feed:
    encoder.transform(frame[:1])  # says what is missing
    return {
        column.name: plain_values(column, frame[column.name])
        for column in encoder.columns
        if not isinstance(column, DroppedColumn)
    }


def _sequences(model: Any, given: Given) -> Feed:
    encoding = model.encoding_
    inputs = given.drop(model._targets_among(given))
    if isinstance(encoding, TableEncoder):
        columns = _plain(encoding, inputs.steps)
        feed = {name: _padded(values[:, None], given) for name, values in columns.items()}
    else:
        assert inputs.values is not None  # the model was fitted on arrays
        feed = {"X": _padded(inputs.values, given)}
    return feed | {lengths_name(tuple(feed)): given.lengths.astype(np.int64)}


def _padded(steps: np.ndarray, given: Given) -> np.ndarray:
    """Lay steps (N, features) out as (sequences, longest, features), 0 or "" behind an end."""
    longest = int(given.lengths.max())
    empty: Any = "" if steps.dtype == object else 0
    box = np.full((len(given), longest, steps.shape[1]), empty, dtype=steps.dtype)
    for number, start in enumerate(given.starts[:-1]):
        stop = given.starts[number + 1]
        box[number, : stop - start] = steps[start:stop]
    return box


def _unpadded(box: np.ndarray, given: Given, model: Any) -> np.ndarray:
    """Return the answers of the steps that are there, in the order of `predict`."""
    parts = [box[number, :length] for number, length in enumerate(given.lengths)]
    return _joined(model.as_it_came(given, np.concatenate(parts)))
