"""scikit-learn's fitted networks, to and from: the same weights to the bit.

Both describe the same network, z = a W + b with `coefs_` and `intercepts_`. What only one of them
knows plays no part in predictions and is left behind: curves and optimisers on the way here;
dropout, losses and solvers of our own on the way there.

Public names: `from_sklearn`, `to_sklearn`.
May import: `clearprop.estimators`, `clearprop.errors`, scikit-learn, NumPy.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.utils.validation import check_is_fitted

from clearprop.errors import SettingError
from clearprop.estimators import MLPClassifier, MLPRegressor
from clearprop.estimators.adopted import adopt
from clearprop.estimators.mlp_base import Perceptron
from clearprop.estimators.tasks import Classification, Regression

# our activation → scikit-learn's word
_ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
# what its networks are not taught by → what they go on with, if they do
_SOLVERS = {"rmsprop": "adam", "adamw": "adam"}
_RATES = {"cosine": "constant", "one_cycle": "constant"}


def from_sklearn(model: Any) -> Any:
    """Turn a fitted network of scikit-learn into one of clearprop.

    Parameters
    ----------
    model : sklearn.neural_network.MLPClassifier or MLPRegressor, fitted

    Returns
    -------
    MLPClassifier or MLPRegressor
        With the same parameters, weights and classes; it has weights of its own. `fit` with
        `warm_start=True` and `partial_fit` go on from them.

    Raises
    ------
    SettingError
        Another object came, or one that is not fitted.

    Examples
    --------
    >>> import clearprop
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = MLPClassifier((5,), max_iter=500, random_state=0, solver="lbfgs").fit(X, y)
    >>> bool((clearprop.from_sklearn(theirs).predict(X) == theirs.predict(X)).all())
    True
    """
    kinds = neural_network.MLPClassifier, neural_network.MLPRegressor
    if not isinstance(model, kinds) or not hasattr(model, "coefs_"):
        what = "one that is not fitted" if isinstance(model, kinds) else repr(model)[:80]
        raise SettingError(
            f"A fitted MLPClassifier or MLPRegressor of scikit-learn was expected, but {what} came."
        )
    classifier = isinstance(model, neural_network.MLPClassifier)
    ours: Any = MLPClassifier() if classifier else MLPRegressor()
    known = ours.get_params()
    given = {name: value for name, value in model.get_params().items() if name in known}
    ours.set_params(**deepcopy(given))
    binarizer = model._label_binarizer if classifier else None
    task = Classification(deepcopy(binarizer)) if classifier else Regression(model.n_outputs_)
    columns = getattr(model, "feature_names_in_", None)
    weights = [np.asarray(W).T for W in model.coefs_]
    return adopt(ours, task, weights, model.intercepts_, columns)


def to_sklearn(model: Any) -> Any:
    """Turn a fitted network of clearprop into one of scikit-learn, which needs no clearprop.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor, fitted

    Returns
    -------
    sklearn.neural_network.MLPClassifier or MLPRegressor
        With the same weights to the bit. `dropout`, losses, schedules and solvers that it does not
        have are left out: they change nothing in predictions.

    Raises
    ------
    SettingError
        The network has an activation that scikit-learn lacks, or several; or it is no plain one.
    """
    if not isinstance(model, Perceptron):
        raise SettingError(
            f"A fitted MLPClassifier or MLPRegressor was expected, but {type(model).__name__} "
            f"came, whose network and encoding scikit-learn has no class for. "
            f"clearprop.to_onnx(model) keeps both."
        )
    check_is_fitted(model, "parameters_")
    model._vector()  # takes over arrays that were put into coefs_
    classifier = isinstance(model, MLPClassifier)
    theirs: Any = neural_network.MLPClassifier() if classifier else neural_network.MLPRegressor()
    theirs.set_params(**_settings(model, theirs))
    theirs.coefs_ = [W.copy() for W in model.coefs_]
    theirs.intercepts_ = [b.copy() for b in model.intercepts_]
    for name in ("n_features_in_", "n_layers_", "n_outputs_", "n_iter_", "t_", "out_activation_"):
        setattr(theirs, name, getattr(model, name))
    theirs.out_activation_ = _output(model)
    for name in ("loss_", "loss_curve_", "best_loss_", "validation_scores_"):
        if hasattr(model, name):
            setattr(theirs, name, deepcopy(getattr(model, name)))
    theirs.best_validation_score_ = getattr(model, "best_validation_score_", None)
    theirs._no_improvement_count = 0
    if hasattr(model, "feature_names_in_"):
        theirs.feature_names_in_ = model.feature_names_in_.copy()
    if classifier:
        theirs._label_binarizer = deepcopy(model._task.binarizer)
        theirs.classes_ = theirs._label_binarizer.classes_
    return theirs


def _settings(model: Any, theirs: Any) -> dict[str, Any]:
    """Return the parameters that both have, in scikit-learn's words."""
    given = model.get_params()
    shared = {name: deepcopy(given[name]) for name in theirs.get_params() if name in given}
    layers = model.network_.layers
    shared["activation"] = _activation(layers[:-1])
    shared["hidden_layer_sizes"] = tuple(layer.units for layer in layers[:-1])
    shared["solver"] = _SOLVERS.get(given["solver"], given["solver"])
    shared["learning_rate"] = _RATES.get(given["learning_rate"], given["learning_rate"])
    if "loss" in shared:
        shared["loss"] = "poisson" if _output(model) == "exp" else "squared_error"
    return shared


def _activation(hidden: Any) -> str:
    names = list(dict.fromkeys(str(layer.function) for layer in hidden)) or ["relu"]
    if len(names) > 1:
        raise SettingError(
            f"scikit-learn's networks have one activation for all hidden layers, but this one has "
            f"{', '.join(names)}. clearprop.to_onnx(model) keeps them."
        )
    if names[0] not in _ACTIVATIONS:
        raise SettingError(
            f"scikit-learn's networks do not know the activation {names[0]!r}, only "
            f"{', '.join(_ACTIVATIONS.values())}. clearprop.to_onnx(model) keeps it."
        )
    return _ACTIVATIONS[names[0]]


def _output(model: Any) -> str:
    """Return the output activation in scikit-learn's words."""
    name = model.network_.layers[-1].function.name
    known = {**_ACTIVATIONS, "softmax": "softmax", "exp": "exp"}
    if name not in known:
        raise SettingError(
            f"scikit-learn's networks do not know the output activation {name!r}. "
            f"clearprop.to_onnx(model) keeps it."
        )
    return known[name]
