"""A run's network as a model file: the estimator that `clearprop predict`, `explain`, `info` read.

It is a `TabularClassifier` or `TabularRegressor` with the run's encoding of its table. Toy data
have columns x1, x2 and are taken as they are: their encoding takes 0 away and divides by 1. The
model predicts what the studio's network gives, bit for bit. Its history is the studio's curves.

Public names: `model_of`.
May import: `snapshots`, `clearprop.estimators`, `clearprop.tables`, `clearprop.training`, NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.estimators import TabularClassifier, TabularRegressor
from clearprop.studio.samples import Samples
from clearprop.studio.sharing.snapshots import Snapshot
from clearprop.tables import ClassTarget, NumberColumn, NumberTarget, TableEncoder
from clearprop.training import History, Stop

TARGET = "y"  # what the column is called that toy data are about


def model_of(snapshot: Snapshot, samples: Samples) -> TabularClassifier | TabularRegressor:
    """Return the estimator whose network is the run's."""
    encoder = samples.encoder or _as_it_is(samples)
    target = samples.target or _plain_target(samples)
    cls: Any = TabularClassifier if isinstance(target, ClassTarget) else TabularRegressor
    setup = snapshot.setup
    model = cls(
        tuple(units for units, _ in setup.hidden),
        setup.hidden[0][1] if setup.hidden else "auto",
        dropout=setup.dropout, l2=setup.l2, learning_rate=setup.learning_rate,
        batch_size=setup.batch_size, random_state=setup.seed,
    )  # fmt: skip
    model.encoder_, model.target_ = encoder, target
    model.parameters_ = snapshot.parameters
    model.network_ = snapshot.parameters.network
    model.bagged_, model.errors_ = (snapshot.parameters,), ()
    model.choices_ = model.temperature_ = model.recording_ = None
    model.metrics_ = []
    model.history_, model.stop_ = _history(snapshot), _stop(snapshot)
    columns = [column.name for column in encoder.columns]
    model.feature_names_in_ = np.array(columns, dtype=object)
    model.n_features_in_ = len(columns)
    return model


def _as_it_is(samples: Samples) -> TableEncoder:
    """Return the encoding that leaves the columns of toy data as they are."""
    rows = np.concatenate([samples.x, samples.held_x])
    columns = []
    for name, values in zip(samples.inputs, rows.T, strict=True):
        low, lower, median, upper, high = map(float, np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
        columns.append(
            NumberColumn(
                name, "number", "standard", 0.0, 1.0, low, lower, median, upper, high, True, False
            )
        )
    return TableEncoder(tuple(columns))


def _plain_target(samples: Samples) -> ClassTarget | NumberTarget:
    if samples.kind == "number":
        return NumberTarget((TARGET,), (0.0,), (1.0,))
    return ClassTarget(TARGET, tuple(range(max(2, len(samples.outputs)))))


def _history(snapshot: Snapshot) -> History:
    """Return the curves at the ends of epochs."""
    history = History()
    for point in snapshot.points:
        if point.step and point.epoch == int(point.epoch):
            history.loss.append(point.loss)
            history.objective.append(point.loss)
            history.validation_loss.append(point.held_loss)
            history.learning_rate.append(snapshot.setup.learning_rate)
            history.seconds.append(0.0)
    return history


def _stop(snapshot: Snapshot) -> Stop:
    epochs = snapshot.state.epoch
    said = f"Taken from the studio at step {snapshot.state.step}."
    return Stop("listener", said, epochs, epochs)
