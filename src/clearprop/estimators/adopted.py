"""A fitted estimator from parameters that somebody else has trained.

Public names: `adopt`.
May import: the other modules of this room, `clearprop.network`, `clearprop.training`, NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop.estimators.fitting import Memory
from clearprop.estimators.mlp_base import Perceptron
from clearprop.estimators.settings import network_for
from clearprop.estimators.tasks import Task
from clearprop.network import Parameters
from clearprop.training import History


def adopt(
    model: Perceptron,
    task: Task,
    weights: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    columns: Any = None,
) -> Any:
    """Give a new estimator parameters, as if it had been fitted and had kept no curves.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Its parameters describe the network.
    task : Task
    weights, biases : arrays (units, fan_in) and (units,), layer by layer
        All of one type, float32 or float64; they are copied.
    columns : (features,) array of str, optional
        What the inputs are called.

    Raises
    ------
    ShapeError
        Arrays do not have the shapes of the network that the parameters describe.
    """
    model._validate_params()
    inputs, dtype = weights[0].shape[1], weights[0].dtype
    network = network_for(model, task, inputs, dtype)
    model._take(task, Parameters.from_arrays(network, weights, biases))
    model.n_features_in_ = inputs
    if columns is not None:
        model.feature_names_in_ = np.array(columns, dtype=object)
    model.history_, model.recording_ = History(), None
    model.validation_loss_curve_ = None
    model.n_iter_ = model.t_ = 0
    model._memory = Memory()
    if model.solver != "lbfgs":
        model._keep_curves()
    return model
