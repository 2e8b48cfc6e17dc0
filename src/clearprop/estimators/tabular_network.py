"""The network of a tabular estimator, and rows as it takes them.

The layers are those of Holzmüller, Grinsztajn and Steinwart 2024: the NTK parametrisation, weights
and biases whose start looks at the rows, biases that learn at a tenth of the rate; before them
numbers as waves, and a gain for each feature that learns six times as fast.

Public names: `block_of`, `names_of_units`, `network_for`, `smooths`, `targets_for_network`.
May import: `clearprop.network`, `clearprop.functions`, `clearprop.engines`, `clearprop.tables`,
`clearprop.errors`; NumPy, Polars.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from clearprop.engines import Block
from clearprop.errors import SettingError
from clearprop.estimators.naming import UnitNames, unit_names
from clearprop.estimators.tabular_choices import Choices
from clearprop.functions import CustomLoss, Loss
from clearprop.functions import loss as loss_of
from clearprop.network import Dense, Network, Periodic, Scaling
from clearprop.tables import ClassTarget, MultilabelTarget, TableEncoder, Target

# factors on the learning rate: of biases, of gains, of waves, of the activations' shapes
BIAS_RATE, SCALING_RATE, PERIODIC_RATE, PARAMETRIC_RATE = 0.1, 6.0, 0.1, 0.1


def network_for(loss: Any, choices: Choices, encoder: TableEncoder, target: Target) -> Network:
    """Return the network that the choices, the features and the target ask for.

    Parameters
    ----------
    loss : str, Loss, CustomLoss or None
        As the estimator was given it.
    """
    outputs, activation = _output(loss, target)
    front: list[Any] = []
    if choices.embeddings and encoder.number_features:
        front.append(Periodic(encoder.number_features, rate=PERIODIC_RATE))
    if choices.scaling:
        front.append(Scaling(rate=SCALING_RATE))
    hidden = [_hidden(units, choices) for units in choices.hidden_layer_sizes]
    output = _layer(outputs, activation)
    objective = _smoothed(_loss(loss, target), choices)
    layers = (*front, *hidden, output)
    return Network(encoder.width, layers, objective, members=choices.members)


def _hidden(units: int, choices: Choices) -> Dense:
    return replace(
        _layer(units, choices.activation),
        dropout=choices.dropout,
        parametric=choices.parametric,
        parametric_rate=PARAMETRIC_RATE,
    )


def _layer(units: int, activation: str) -> Dense:
    return Dense(units, activation, init="std", scale="ntk", bias_rate=BIAS_RATE, bias_init="he+5")


def _output(loss: Any, target: Target) -> tuple[int, str]:
    """Return the output layer's units and activation."""
    if isinstance(target, ClassTarget):
        return (1, "sigmoid") if target.kind == "binary" else (len(target.classes), "softmax")
    if isinstance(target, MultilabelTarget):
        return len(target.names), "sigmoid"
    positive = (
        loss is not None
        and not isinstance(loss, CustomLoss)
        and loss_of(loss).kind.domain == "positive"  # type: ignore[union-attr]
    )
    return len(target.names), "exp" if positive else "identity"


def _loss(wish: Any, target: Target) -> Loss | CustomLoss:
    if wish is not None:
        return loss_of(wish)
    if isinstance(target, ClassTarget):
        binary = target.kind == "binary"
        return loss_of("binary_cross_entropy" if binary else "cross_entropy")
    several = isinstance(target, MultilabelTarget)
    return loss_of("binary_cross_entropy" if several else "half_squared_error")


def smooths(wish: Any, target: Target) -> bool:
    """Whether the loss that an estimator was given has labels to smooth."""
    chosen = _loss(wish, target)
    return isinstance(chosen, Loss) and chosen.kind.smooths


def _smoothed(chosen: Loss | CustomLoss, choices: Choices) -> Loss | CustomLoss:
    if not choices.label_smoothing:
        return chosen
    if isinstance(chosen, CustomLoss):
        raise SettingError("label_smoothing is for clearprop's own losses, not a custom one.")
    return Loss(chosen.name, chosen.parameter, chosen.label_smoothing or choices.label_smoothing)


def targets_for_network(target: Target, targets: pl.DataFrame) -> np.ndarray:
    """Return targets as the network is trained on them.

    Class codes (n,) for several classes, else numbers (n, outputs): 0 and 1 for two classes.
    """
    encoded = target.encode(targets)
    binary = isinstance(target, ClassTarget) and target.kind == "binary"
    return encoded.reshape(-1, 1).astype(np.float32) if binary else encoded


def block_of(
    network: Network,
    encoder: TableEncoder,
    target: Target,
    frame: pl.DataFrame,
    targets: pl.DataFrame,
    weights: np.ndarray | None = None,
) -> Block:
    """Encode rows of a table as a block."""
    x = encoder.transform(frame, np.dtype(network.dtype))
    return Block.of(network, x, targets_for_network(target, targets), weights)


def names_of_units(encoder: TableEncoder, target: Target) -> UnitNames:
    """Return what units are called: features, and classes or target columns."""
    if not isinstance(target, ClassTarget):
        return unit_names(encoder.feature_names, target.names)
    classes = target.classes[-1:] if target.kind == "binary" else target.classes
    return unit_names(encoder.feature_names, classes)
