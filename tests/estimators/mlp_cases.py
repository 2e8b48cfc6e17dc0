"""Small cases that the tests of MLPClassifier and MLPRegressor share."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

from clearprop import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
TRAIN, HELD = train_test_split(np.arange(len(X)), test_size=40, random_state=0, stratify=Y)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, "learning_rate_init": 0.02}


def equal(a, b):
    """Whether two models have the same parameters, to the bit."""
    return a.parameters_.vector.tobytes() == b.parameters_.vector.tobytes()


def classifier(**parameters):
    return MLPClassifier(**{**SMALL, **parameters})


def regressor(**parameters):
    return MLPRegressor(**{**SMALL, **parameters})
