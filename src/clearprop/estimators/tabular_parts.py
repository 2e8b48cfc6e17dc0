"""A tabular estimator as parts of a model file, and back.

The document holds what the constructor was given (apart from functions), what was chosen for it,
the encoding, the target, the temperature, the curves and how the run ended. Each network with its
parameters is a child, the first one's name is `parameters`, the others' `parameters_2` and so on;
the errors behind prediction intervals are arrays, `errors_1` and so on. A recording of the run is
not stored.

Files of before these choices lack them, the temperature and everything with a number.

Public names: `tabular_from_parts`, `tabular_to_parts`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from clearprop.errors import ClearpropError, FileError
from clearprop.estimators.tabular_choices import Choices, hidden_units
from clearprop.estimators.tabular_data import names_of
from clearprop.files.networks import parameters_from_parts, parameters_to_parts
from clearprop.files.parts import Parts
from clearprop.functions import CustomLoss, Loss
from clearprop.tables import TableEncoder, target_from_document, target_to_document
from clearprop.training import History, Stop

_FIRST_FIELDS = ("settings", "encoder", "target", "history", "stop", "columns", "metrics")
_FIELDS = (*_FIRST_FIELDS, "choices", "temperature", "networks")


def tabular_to_parts(estimator: Any, kind: str) -> Parts:
    """Return the parts of a fitted estimator."""
    document = {
        "settings": _settings(estimator),
        "encoder": estimator.encoder_.to_document(),
        "target": target_to_document(estimator.target_),
        "history": estimator.history_.to_document(),
        "stop": asdict(estimator.stop_),
        "columns": [str(name) for name in estimator.feature_names_in_],
        # what a held-out part of the table said, where somebody measured it
        "metrics": getattr(estimator, "metrics_", []),
        "choices": None if estimator.choices_ is None else estimator.choices_.to_document(),
        "temperature": estimator.temperature_,
        "networks": len(estimator.bagged_),
    }
    children = {
        name: parameters_to_parts(parameters)
        for name, parameters in zip(_names(len(estimator.bagged_)), estimator.bagged_, strict=True)
    }
    arrays = {f"errors_{k}": errors for k, errors in enumerate(estimator.errors_, start=1)}
    return Parts(kind, document, arrays, children)


def _names(networks: int) -> list[str]:
    return ["parameters", *(f"parameters_{k}" for k in range(2, networks + 1))]


def tabular_from_parts(cls: Any, parts: Parts) -> Any:
    """Return the fitted estimator that parts describe; FileError on anything off."""
    document = _document(parts)
    try:
        estimator = cls(**_given(document["settings"]))
        estimator.encoder_ = TableEncoder.from_document(document["encoder"])
        estimator.target_ = target_from_document(document["target"])
        estimator.history_ = History.from_document(document["history"])
        estimator.stop_ = Stop(**document["stop"])
        estimator.feature_names_in_ = np.array(document["columns"], dtype=object)
        estimator.recording_ = None
        estimator.metrics_ = [dict(metric) for metric in document["metrics"]]
        chosen = document["choices"]
        estimator.choices_ = None if chosen is None else Choices.from_document(chosen)
        estimator.temperature_ = document["temperature"]
    except FileError:
        raise
    except (TypeError, KeyError, ValueError, AttributeError, ClearpropError) as error:
        raise FileError(f"The file's {parts.kind} cannot be understood: {error}") from error
    estimator.n_features_in_ = len(estimator.feature_names_in_)
    estimator.bagged_ = tuple(
        parameters_from_parts(parts.child(name, "parameters"))
        for name in _names(document["networks"])
    )
    estimator.parameters_ = estimator.bagged_[0]
    estimator.network_ = estimator.parameters_.network
    shape = (None, estimator.network_.outputs)
    estimator.errors_ = tuple(
        parts.array(f"errors_{k}", "float64", shape) for k in range(1, len(parts.arrays) + 1)
    )
    _check_sizes(estimator)
    return estimator


def _document(parts: Parts) -> dict[str, Any]:
    """Return the document with every field, after a look at what else the part holds."""
    if "networks" not in parts.document:
        parts.expect(_FIRST_FIELDS, children=("parameters",))
        return {**parts.document, "choices": None, "temperature": None, "networks": 1}
    networks = parts.document["networks"]
    if isinstance(networks, bool) or not isinstance(networks, int) or not 0 < networks <= 1000:
        raise FileError(f"The file says that there are {networks!r} networks.")
    errors = [f"errors_{k}" for k in range(1, networks + 1)] if parts.arrays else []
    parts.expect(_FIELDS, errors, _names(networks))
    return parts.document


def _settings(estimator: Any) -> dict[str, Any]:
    """Return the constructor's parameters as plain data; `_given` reads them back."""
    settings = estimator.get_params(deep=False)
    # a listener is code, and of no use to a model that is done, as is where its run was kept; a
    # device is a machine's
    for name in ("callbacks", "checkpoint", "device", "precision"):
        del settings[name]
    loss = settings["loss"]
    if isinstance(loss, Loss):
        settings["loss"] = str(loss)
        settings["label_smoothing"] = loss.label_smoothing or settings["label_smoothing"]
    elif isinstance(loss, CustomLoss):
        # the network's own record says that the loss was a custom one
        settings["loss"] = None
    settings["activation"] = str(settings["activation"])
    if settings["record"] is not None and not isinstance(settings["record"], str):
        settings["record"] = list(settings["record"])
    settings["drop"] = list(names_of(settings["drop"]))
    settings["hidden_layer_sizes"] = list(hidden_units(settings["hidden_layer_sizes"]))
    weights = settings["class_weight"]
    if isinstance(weights, dict):
        # JSON has no keys but text, so the pairs are stored
        pairs = [[_plain(label), float(weight)] for label, weight in weights.items()]
        settings["class_weight"] = pairs
    if isinstance(settings["random_state"], np.random.RandomState):
        settings["random_state"] = None
    return {name: _plain(value) for name, value in settings.items()}


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the constructor's parameters from what `_settings` gave."""
    given = dict(settings)
    for name in ("hidden_layer_sizes", "drop"):
        given[name] = tuple(given[name])
    if isinstance(given["class_weight"], list):
        given["class_weight"] = dict(given["class_weight"])
    return given


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _check_sizes(estimator: Any) -> None:
    if estimator.encoder_.width != estimator.network_.inputs:
        raise FileError(
            f"The file's encoding makes {estimator.encoder_.width} features, but its network has "
            f"{estimator.network_.inputs} inputs."
        )
    if any(other.network != estimator.network_ for other in estimator.bagged_):
        raise FileError("The file's networks differ, but those of one model are alike.")
