"""`MLPClassifier` and `MLPRegressor` as parts of a model file, and back; what `RNN…` share of it.

A file holds the constructor's parameters, the network with its parameter vector, the classes, the
history and the fitted scalars. Left out are what is code (callbacks; a loss of one's own, of which
its name stays), where the run was kept, a `random_state` that is a generator, the recording of the
run, and the optimiser's memory: a loaded model predicts bit for bit as before, `warm_start` goes on
from its parameters as it always does, and `partial_fit` goes on with an optimiser that starts anew.

Public names: `FIELDS`, `classes_from_document`, `classes_to_document`, `classifier_from_parts`,
`classifier_to_parts`, `document_of`, `fill`, `regressor_from_parts`, `regressor_to_parts`.
May import: `clearprop.files`, `clearprop.training`, `clearprop.errors`, scikit-learn, NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from clearprop.errors import FileError
from clearprop.estimators.fitting import Memory
from clearprop.estimators.tasks import Classification, Regression
from clearprop.files import Parts, from_parts, to_parts
from clearprop.functions import CustomLoss, Loss
from clearprop.network import Parameters
from clearprop.training import History

# fitted attributes that are plain data; those that a solver does not leave are left out
_SCALARS = ("n_iter_", "t_", "loss_", "best_loss_", "best_validation_score_", "n_features_in_")
# what a model file calls the classes' kinds of label, and NumPy's letters for them
_LABEL_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float", "U": "str", "O": "str"}
# the kinds of target, as scikit-learn's `type_of_target` calls them
_KINDS = ("binary", "multiclass", "multilabel-indicator")
# parameters that older files lack; their defaults change nothing
_LATER = ("carrier", "record", "checkpoint")
# parameters that files do not hold: another machine has other devices
_OF_MACHINE = ("device", "precision")
_MARK = "from the network"


def classifier_to_parts(model: Any) -> Parts:
    """Return a fitted classifier as parts of kind `"mlp_classifier"`."""
    document = {**document_of(model), **classes_to_document(model)}
    return Parts("mlp_classifier", document, {}, {"parameters": to_parts(model.parameters_)})


def regressor_to_parts(model: Any) -> Parts:
    """Return a fitted regressor as parts of kind `"mlp_regressor"`."""
    children = {"parameters": to_parts(model.parameters_)} if _fitted(model) else {}
    return Parts("mlp_regressor", document_of(model), {}, children)


def classifier_from_parts(model: Any, parts: Parts) -> Any:
    """Fill a new classifier; FileError where something is missing or does not fit."""
    parts.expect((*FIELDS, *CLASS_FIELDS), (), ("parameters",))
    model = fill(model, parts)
    classes_from_document(model, parts)
    return model


def regressor_from_parts(model: Any, parts: Parts) -> Any:
    """Fill a new regressor; FileError where something is missing or does not fit."""
    parts.expect(FIELDS, (), ("parameters",))
    model = fill(model, parts)
    model._task = Regression(model.network_.outputs)
    return model


FIELDS = ("settings", "fitted", "feature_names", "history", "optimiser")
CLASS_FIELDS = ("classes", "label_kind", "labels_sparse")


def classes_to_document(model: Any) -> dict[str, Any]:
    """Return the fields `CLASS_FIELDS` of a classifier's document."""
    binarizer = model._task.binarizer
    return {
        "classes": _labels_to_document(model.classes_),
        "label_kind": str(binarizer.y_type_),
        "labels_sparse": bool(binarizer.sparse_input_),
    }


def classes_from_document(model: Any, parts: Parts) -> None:
    """Give a classifier that has its network its classes; FileError where they do not fit."""
    document = parts.document
    binarizer = LabelBinarizer()
    binarizer.classes_ = _labels_from_document(document["classes"])
    binarizer.y_type_ = document["label_kind"]
    binarizer.sparse_input_ = document["labels_sparse"]
    model._task = Classification(binarizer)
    model.classes_ = binarizer.classes_
    if document["label_kind"] not in _KINDS or model._task.units != model.network_.outputs:
        raise FileError(
            f"The classes of part {parts.kind!r} do not fit its network: {document['label_kind']} "
            f"labels of {len(model.classes_)} classes and {model.network_.outputs} outputs."
        )


def _fitted(model: Any) -> bool:
    check_is_fitted(model, "parameters_")
    # takes over arrays that were put into coefs_
    model._vector()
    return True


def document_of(model: Any) -> dict[str, Any]:
    """Return the fields `FIELDS` of a fitted model's document."""
    _fitted(model)
    given = model.get_params(deep=False)
    names = getattr(model, "feature_names_in_", None)
    return {
        "settings": {
            name: _plain(name, value) for name, value in given.items() if name not in _OF_MACHINE
        },
        "fitted": {name: getattr(model, name) for name in _SCALARS if hasattr(model, name)},
        "feature_names": None if names is None else [str(name) for name in names],
        "history": model.history_.to_document(),
        "optimiser": {
            "monitor": model._memory.monitor,
            "best": model._memory.best,
            "waited": model._memory.waited,
            "seed": model._memory.seed,
        },
    }


def _plain(name: str, value: Any) -> Any:
    if name in ("callbacks", "checkpoint") or isinstance(value, np.random.RandomState):
        return None
    if name == "class_weight":
        return _weights_to_document(value)
    if isinstance(value, Loss | CustomLoss):
        return {_MARK: True}
    if name == "activation" and not isinstance(value, str):
        return [str(part) for part in value]
    if isinstance(value, np.ndarray | tuple | list):
        return [part.item() if isinstance(part, np.generic) else part for part in value]
    return value


def fill(model: Any, parts: Parts) -> Any:
    """Give a new model what the fields `FIELDS` of its part hold, and its parameters."""
    document = parts.document
    parameters = from_parts(parts.child("parameters", "parameters"))
    assert isinstance(parameters, Parameters)  # child() has checked the kind
    defaults = model.get_params(deep=False)
    settings = {
        **{name: defaults[name] for name in (*_LATER, *_OF_MACHINE) if name in defaults},
        **document["settings"],
    }
    if settings.keys() != defaults.keys():
        raise FileError(f"The settings of part {parts.kind!r} are not those of this clearprop.")
    if isinstance(settings["loss"], dict):
        settings["loss"] = parameters.network.objective
    for name in ("hidden_layer_sizes", "units", "dense"):
        if isinstance(settings.get(name), list):
            settings[name] = tuple(settings[name])
    if "class_weight" in settings:
        settings["class_weight"] = _weights_from_document(settings["class_weight"])
    model.set_params(**settings)
    model._validate_params()
    # writing into coefs_ must not reach whoever holds the parts
    model._adopt(parameters.copy())
    for name, value in document["fitted"].items():
        if name not in _SCALARS:
            raise FileError(f"Part {parts.kind!r} has an unknown fitted value {name!r}.")
        setattr(model, name, value)
    if document["feature_names"] is not None:
        model.feature_names_in_ = np.array(document["feature_names"], dtype=object)
    model.history_ = History.from_document(document["history"])
    model.recording_ = None
    model.validation_loss_curve_ = model.history_.validation_loss or None
    if model.solver != "lbfgs":
        model._keep_curves()
    memory = document["optimiser"]
    model._memory = Memory(
        seed=int(memory["seed"]),
        monitor=str(memory["monitor"]),
        best=float(memory["best"]),
        waited=int(memory["waited"]),
    )
    return model


def _labels_to_document(classes: np.ndarray) -> dict[str, Any]:
    values = classes.tolist()
    return {"kind": _LABEL_KINDS[classes.dtype.kind], "dtype": classes.dtype.str, "values": values}


def _labels_from_document(document: Any) -> np.ndarray:
    dtype = np.dtype(document["dtype"])
    if _LABEL_KINDS.get(dtype.kind) != document["kind"]:
        raise FileError(f"The classes' type {document['dtype']!r} is not one of a label.")
    return np.array(document["values"], dtype=dtype)


def _weights_to_document(given: Any) -> Any:
    if isinstance(given, dict):
        return {"pairs": [[key, float(weight)] for key, weight in given.items()]}
    return [_weights_to_document(each) for each in given] if isinstance(given, list) else given


def _weights_from_document(document: Any) -> Any:
    if isinstance(document, dict):
        return dict(document["pairs"])
    if isinstance(document, list):
        return [_weights_from_document(each) for each in document]
    return document
