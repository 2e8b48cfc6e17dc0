"""A model that was trained elsewhere, with its table: a run that begins with its weights.

The model's own encoding turns the table into inputs, so that its network sees what it saw when it
was trained. Which rows were held out then is not in the file: the studio divides them anew.

Of several members, and of the networks of several folds, the first is opened: it is a network of
its own. What cannot be drawn live is refused with the reason.

Public names: `Opened`, `held_model`, `opened`.
May import: `snapshots`, `uploads`, `setups`, `clearprop.studio.told`, `clearprop.estimators`,
`clearprop.files`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from clearprop.estimators import TabularClassifier, TabularRegressor
from clearprop.network import Dense, Network
from clearprop.studio.setups import (
    HIDDEN,
    LOSSES_OF,
    MOST_LAYERS,
    MOST_UNITS,
    RATES,
    Setup,
    usual_loss,
)
from clearprop.studio.sharing.snapshots import Model
from clearprop.studio.told import ToldError
from clearprop.studio.uploads import Upload
from clearprop.tables import ClassTarget, NumberTarget

RULE = "adam"


@dataclass(frozen=True, eq=False)
class Opened:
    """A model that can be looked at.

    Attributes
    ----------
    model : Model
    members : int
        How many networks it has of which this is one.
    """

    model: Model
    members: int

    @property
    def target(self) -> str:
        """The column to predict."""
        return _column(self.model.target)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that its table must have, the target's first."""
        return (self.target, *self.model.encoder.used_columns)


def held_model(found: Any, name: str) -> Opened:
    """Return what a file held as a model for the studio.

    Raises
    ------
    ToldError
        It is another kind of model, or one that cannot be drawn live.
    """
    if not isinstance(found, TabularClassifier | TabularRegressor):
        kind = type(found).__name__
        if hasattr(found, "encoding_"):
            raise ToldError("studio_sharing.recurrent", name=name, kind=kind)
        raise ToldError("studio_sharing.no_table_model", name=name, kind=kind)
    target = found.target_
    if not isinstance(target, ClassTarget | NumberTarget) or len(getattr(target, "names", "1")) > 1:
        raise ToldError("studio_sharing.several_targets", name=name)
    parameters = found.parameters_
    members = parameters.network.members
    if members > 1:
        parameters = parameters.member(0)
    _check_drawn(parameters.network, name)
    model = Model(name, found.encoder_, target, parameters.copy())
    return Opened(model, max(members, len(found.bagged_)))


def _check_drawn(network: Network, name: str) -> None:
    hidden = _hidden(network)
    widest = max([0, *(layer.units for layer in hidden)])
    if len(hidden) > MOST_LAYERS or widest > MOST_UNITS:
        raise ToldError(
            "studio_sharing.too_wide", name=name, layers=len(hidden), units=widest,
            most_layers=MOST_LAYERS, most_units=MOST_UNITS,
        )  # fmt: skip


def opened(found: Opened, table: Upload, setup: Setup) -> tuple[Setup, Upload]:
    """Return the setup of a run that begins with a model, and its table as the model encodes it.

    Raises
    ------
    ToldError
        The table lacks a column of the model's.
    """
    missing = [name for name in found.columns if name not in table.frame.columns]
    if missing:
        raise ToldError(
            "studio_sharing.lacks_column", table=table.name, column=missing[0],
            columns=", ".join(found.columns[:20]),
        )  # fmt: skip
    model = found.model
    network = model.first.network
    return (
        replace(
            setup, data="table", target=found.target, hidden=_layers_of(network),
            loss=_loss_of(network, model.target), rule=RULE, learning_rate=RATES[RULE] / 20,
            batch_size=32, carrier="exact", l1=0.0, l2=0.0, dropout=_dropout_of(network),
        ),
        replace(table, encoder=model.encoder, fitted=model.target),
    )  # fmt: skip


def _hidden(network: Network) -> list[Dense]:
    """Return the hidden layers, without what prepares the inputs."""
    return [layer for layer in network.layers[:-1] if isinstance(layer, Dense)]


def _layers_of(network: Network) -> tuple[tuple[int, str], ...]:
    """Return the hidden layers as a setup says them: the nearest that it can."""
    return tuple(
        (layer.units, name if (name := layer.function.name) in HIDDEN else "relu")
        for layer in _hidden(network)
    )


def _loss_of(network: Network, target: Any) -> str:
    kind = _kind(target)
    name = network.objective.name
    return name if name in LOSSES_OF[kind] else usual_loss(kind)


def _kind(target: Any) -> str:
    if isinstance(target, NumberTarget):
        return "number"
    return "binary" if target.kind == "binary" else "classes"


def _dropout_of(network: Network) -> float:
    return max([0.0, *(float(layer.dropout) for layer in _hidden(network))])


def _column(target: Any) -> str:
    return str(target.names[0] if isinstance(target, NumberTarget) else target.name)
