"""`to_onnx`: a fitted model as one ONNX graph, from raw columns to answers.

=========================== ======================================================================
tabular estimators          one input a column; encoding, network or networks, temperature, units
MLPClassifier, MLPRegressor one input X (rows, features), of the network's own type
RNNClassifier, RNNRegressor X (sequences, steps, features) in raw numbers, or one input a column
                            (sequences, steps, 1); padded, with `lengths` (sequences,)
Parameters                  X, and the network's outputs as they are
=========================== ======================================================================

Public names: `to_onnx`.
May import: the other modules of this room, `clearprop.estimators`, `clearprop.network`,
`clearprop.storage`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import os
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from clearprop import __version__
from clearprop.errors import SettingError
from clearprop.estimators.base import Trained
from clearprop.estimators.rnn_base import SequenceEstimator
from clearprop.estimators.sequence_encoding import StepScaler
from clearprop.estimators.tabular_base import Tabular
from clearprop.estimators.tasks import Classification, ScaledRegression
from clearprop.interchange.onnx.answers import Answer
from clearprop.interchange.onnx.columns import encoded, inputs_of
from clearprop.interchange.onnx.functions import scalar
from clearprop.interchange.onnx.graph import INTEGER, REAL, Graph
from clearprop.interchange.onnx.layers import forward
from clearprop.interchange.onnx.recurrent import forward_in_time
from clearprop.network import Parameters
from clearprop.storage import replace_file
from clearprop.tables import ClassTarget, MultilabelTarget, TableEncoder


def to_onnx(model: Any, path: str | os.PathLike[str] | None = None) -> Any:
    """Turn a fitted model into an ONNX graph, its encoding and the units of its answers included.

    Parameters
    ----------
    model : a fitted estimator of clearprop, or `Parameters`
    path : str or path, optional
        Where to write it as well; the usual suffix is `.onnx`.

    Returns
    -------
    onnx.ModelProto
        Checked. What each input wants is in its `doc_string`; `clearprop.onnx_inputs` makes it from
        a table.

    Raises
    ------
    MissingExtraError
        onnx is not installed: `pip install 'clearprop[onnx]'`.
    SettingError
        The model is of another kind, not fitted, or has a layer that ONNX has no operator for.

    Examples
    --------
    >>> import clearprop
    >>> model = clearprop.load("iris.clearprop")  # doctest: +SKIP
    >>> clearprop.to_onnx(model, "iris.onnx")  # doctest: +SKIP
    """
    graph = _graph_of(model)
    note = f"{type(model).__name__} of clearprop {__version__}: {_network_of(model)}"
    made = graph.model(__version__, note)
    if path is not None:
        replace_file(Path(path), [made.SerializeToString()])
    return made


def lengths_name(columns: tuple[str, ...]) -> str:
    """Return what the input of lengths is called: no column has that name."""
    name = "lengths"
    while name in columns:
        name += "_"
    return name


def _graph_of(model: Any) -> Graph:
    if isinstance(model, Parameters):
        return _of_parameters(model)
    if not isinstance(model, Tabular | Trained) or not hasattr(model, "parameters_"):
        fitted = "is not fitted yet" if isinstance(model, Tabular | Trained) else "is none of them"
        raise SettingError(
            f"A fitted estimator of clearprop or its Parameters can be exported, but "
            f"{type(model).__name__} {fitted}."
        )
    if isinstance(model, Tabular):
        return _of_table(model)
    model._vector()  # takes over arrays that were put into coefs_
    return _of_sequences(model) if isinstance(model, SequenceEstimator) else _of_rows(model)


def _network_of(model: Any) -> Any:
    return model.network if isinstance(model, Parameters) else model.network_


def _of_parameters(parameters: Parameters) -> Graph:
    network, dtype = parameters.network, np.dtype(parameters.network.dtype)
    if not network.recurrent:
        graph = Graph(["X"])
        x = graph.input("X", dtype, ["rows", network.inputs])
        outputs = forward(graph, parameters, x)
        Answer("outputs").write(graph, outputs, ["rows", network.outputs], dtype)
        return graph
    graph = Graph(["X", "lengths"])
    x = graph.input("X", dtype, ["sequences", "steps", network.inputs])
    lengths = graph.input("lengths", INTEGER, ["sequences"])
    outputs = forward_in_time(graph, parameters, x, lengths)
    Answer("outputs").write(graph, outputs, [*_axes(parameters), network.outputs], dtype)
    return graph


def _axes(parameters: Parameters) -> list[str]:
    """Return the axes before the outputs."""
    if not parameters.network.recurrent:
        return ["rows"]
    return ["sequences", "steps"] if parameters.network.readout == "every" else ["sequences"]


def _of_rows(model: Any) -> Graph:
    network = model.network_
    dtype = np.dtype(network.dtype)
    graph = Graph(["X"])
    names = getattr(model, "feature_names_in_", None)
    note = "" if names is None else f"columns in this order: {', '.join(map(str, names))}"
    x = graph.input("X", dtype, ["rows", network.inputs], note)
    outputs = forward(graph, model.parameters_, x)
    _answer_of_task(model._task).write(graph, outputs, ["rows", network.outputs], dtype)
    return graph


def _of_table(model: Any) -> Graph:
    network = model.network_
    dtype = np.dtype(network.dtype)
    graph = Graph(model.encoder_.used_columns)
    inputs_of(graph, model.encoder_, ["rows"])
    x = encoded(graph, model.encoder_, dtype)
    each = [forward(graph, parameters, x) for parameters in model.bagged_]
    outputs = reduce(lambda a, b: graph.add("Add", a, b), each)
    if len(each) > 1:
        outputs = scalar(graph, "Div", outputs, len(each), dtype)
    _answer_of_target(model.target_).write(graph, outputs, ["rows", network.outputs], dtype)
    return graph


def _of_sequences(model: Any) -> Graph:
    network, encoding = model.network_, model.encoding_
    dtype = np.dtype(network.dtype)
    axes = ["sequences", "steps"]
    columns = encoding.used_columns if isinstance(encoding, TableEncoder) else ("X",)
    length = lengths_name(columns)
    graph = Graph([*columns, length])
    if isinstance(encoding, StepScaler):
        raw = graph.input("X", REAL, [*axes, network.inputs], "raw numbers, padded to one length")
        centred = graph.add("Sub", raw, graph.constant(encoding.means, REAL))
        scaled = graph.add("Div", centred, graph.constant(encoding.scales, REAL))
        x = graph.cast(scaled, dtype)
    else:
        inputs_of(graph, encoding, axes)
        x = encoded(graph, encoding, dtype)
    lengths = graph.input(length, INTEGER, axes[:1], "steps of each sequence")
    outputs = forward_in_time(graph, model.parameters_, x, lengths)
    shape = [*_axes(model.parameters_), network.outputs]
    _answer_of_task(model._task).write(graph, outputs, shape, dtype)
    return graph


def _answer_of_task(task: Any) -> Answer:
    if isinstance(task, Classification):
        if task.kind == "multilabel-indicator":
            return Answer("labels")
        return Answer("classes", task.classes)
    if isinstance(task, ScaledRegression):
        return Answer("numbers", means=task.means, scales=task.scales)
    return Answer("numbers")


def _answer_of_target(target: Any) -> Answer:
    if isinstance(target, ClassTarget):
        return Answer("classes", np.array(target.classes))
    if isinstance(target, MultilabelTarget):
        return Answer("labels")
    return Answer("numbers", means=np.array(target.means), scales=np.array(target.scales))
