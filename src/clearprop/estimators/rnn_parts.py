"""`RNNClassifier` and `RNNRegressor` as parts of a model file, and back.

A file holds what that of an `MLP…` holds, and besides how steps are encoded, whether there is one
target a step, the target columns, and what a held-out part of the data said.

Public names: `classifier_from_parts`, `classifier_to_parts`, `regressor_from_parts`,
`regressor_to_parts`.
May import: `clearprop.estimators.mlp_parts`, `clearprop.files`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.errors import FileError
from clearprop.estimators.mlp_parts import (
    CLASS_FIELDS,
    FIELDS,
    classes_from_document,
    classes_to_document,
    document_of,
    fill,
)
from clearprop.estimators.sequence_encoding import (
    StepScaler,
    encoding_from_document,
    encoding_to_document,
)
from clearprop.estimators.tasks import ScaledRegression
from clearprop.files import Parts, to_parts

_FIELDS = (*FIELDS, "encoding", "per_step", "target_names", "metrics")
_OF_NUMBERS = ("target_means", "target_scales", "forecasts")


def classifier_to_parts(model: Any) -> Parts:
    """Return a fitted classifier as parts of kind `"rnn_classifier"`."""
    document = {**_document(model), **classes_to_document(model)}
    return Parts("rnn_classifier", document, {}, {"parameters": to_parts(model.parameters_)})


def regressor_to_parts(model: Any) -> Parts:
    """Return a fitted regressor as parts of kind `"rnn_regressor"`."""
    document = _document(model)
    document["target_means"] = model._task.means.tolist()
    document["target_scales"] = model._task.scales.tolist()
    document["forecasts"] = model.forecasts_
    return Parts("rnn_regressor", document, {}, {"parameters": to_parts(model.parameters_)})


def classifier_from_parts(model: Any, parts: Parts) -> Any:
    """Fill a new classifier; FileError where something is missing or does not fit."""
    parts.expect((*_FIELDS, *CLASS_FIELDS), (), ("parameters",))
    _fill(model, parts)
    classes_from_document(model, parts)
    return model


def regressor_from_parts(model: Any, parts: Parts) -> Any:
    """Fill a new regressor; FileError where something is missing or does not fit."""
    parts.expect((*_FIELDS, *_OF_NUMBERS), (), ("parameters",))
    _fill(model, parts)
    document = parts.document
    means, scales = (
        np.array(document[name], dtype=np.float64) for name in ("target_means", "target_scales")
    )
    outputs = (model.network_.outputs,)
    if means.shape != outputs or scales.shape != outputs or not (scales > 0).all():
        raise FileError(
            f"Part {parts.kind!r} needs a mean and a positive scale for each of its network's "
            f"{outputs[0]} outputs."
        )
    if type(document["forecasts"]) is not bool:
        raise FileError(f"'forecasts' of part {parts.kind!r} must be true or false.")
    model._task = ScaledRegression(means, scales)
    model.forecasts_ = document["forecasts"]
    return model


def _document(model: Any) -> dict[str, Any]:
    return {
        **document_of(model),
        "encoding": encoding_to_document(model.encoding_),
        "per_step": model.per_step_,
        "target_names": list(model.target_names_),
        "metrics": model.metrics_,
    }


def _fill(model: Any, parts: Parts) -> None:
    document = parts.document
    fill(model, parts)
    model.encoding_ = encoding_from_document(document["encoding"])
    model.per_step_ = document["per_step"]
    network, encoding = model.network_, model.encoding_
    if not network.recurrent or model.per_step_ != (network.readout == "every"):
        raise FileError(f"The network of part {parts.kind!r}, {network}, is not one it can have.")
    width = len(encoding.means) if isinstance(encoding, StepScaler) else encoding.width
    if width != network.inputs:
        raise FileError(
            f"The file's encoding makes {width} features, but its network has {network.inputs} "
            f"inputs."
        )
    model.target_names_ = tuple(str(name) for name in document["target_names"])
    model.metrics_ = [dict(metric) for metric in document["metrics"]]
