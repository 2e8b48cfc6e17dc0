"""A network and its parameters as parts of a model file, checked field by field on the way back.

A network's document is `{"inputs", "layers", "loss", "dtype"}`, with `"readout"` where it reads
sequences and `"members"` where it has several; each layer has the fields of `Dense`, its activation
as people type it, with the number to the last bit. A layer of another kind has its own fields and
`"kind"`; one without a kind is dense, as in files from before there were others.
Fields that dense layers have had since (`_DENSE_MORE`) are there where they are not at their
defaults, so that networks from before have the documents from before. A loss of the user's own is
code, which no model file holds: its name alone is stored. A network that was loaded with such a
loss predicts as before, and says what to do when it is asked to train.

Public names: `KINDS`, `MissingLoss`, `network_from_document`, `network_from_parts`,
`network_to_document`, `network_to_parts`, `parameters_from_parts`, `parameters_to_parts`.
May import: `clearprop.network`, `clearprop.functions`, `clearprop.errors`, `clearprop.files.parts`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from clearprop.errors import FileError, SettingError
from clearprop.files.parts import Parts
from clearprop.functions import ACTIVATIONS, LOSSES, Activation, CustomLoss, Loss
from clearprop.functions.spelling import parse_call
from clearprop.network import (
    GRU,
    LSTM,
    Dense,
    FrontLayer,
    Layer,
    Network,
    Parameters,
    Periodic,
    Recurrent,
    Scaling,
)
from clearprop.network.recurrent import RecurrentLayer

# Keeps products of two sizes below 2^62, so that no layout overflows a 64-bit integer.
_MAX_UNITS = 2**31 - 1
_MAX_LAYERS = 10_000

# what a document calls recurrent layers, and all that are not dense
KINDS: dict[str, type[RecurrentLayer]] = {"elman": Recurrent, "gru": GRU, "lstm": LSTM}
_LAYERS: dict[str, type[FrontLayer | RecurrentLayer]] = {
    **KINDS,
    "periodic": Periodic,
    "scaling": Scaling,
}

_Checks = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class MissingLoss:
    """Stands for the value and the delta of a user's own loss that a file could not hold."""

    name: str

    def __call__(self, *arrays: Any) -> NoReturn:
        """Raise the SettingError that says how to give the loss again."""
        raise SettingError(
            f"The network was trained with a loss of your own, {self.name!r}, which a model file "
            f"cannot hold because it is code. Predictions need no loss; to train on or to evaluate "
            f"it, give it again: set the estimator's loss, or use "
            f"dataclasses.replace(network, loss=CustomLoss(…))."
        )


def network_to_parts(network: Network) -> Parts:
    """Return the network as a part of kind `"network"`, which has no arrays."""
    return Parts("network", network_to_document(network))


def network_from_parts(parts: Parts) -> Network:
    """Return the network; FileError where anything does not fit."""
    parts.expect((*_NETWORK, *(name for name in _NETWORK_MORE if name in parts.document)))
    return network_from_document(parts.document)


def parameters_to_parts(parameters: Parameters) -> Parts:
    """Return parameters as a part of kind `"parameters"`: array `vector`, child `network`.

    Raises
    ------
    SettingError
        The vector is not of the network's dtype.
    """
    network, vector = parameters.network, parameters.vector
    if vector.dtype != network.dtype:
        raise SettingError(
            f"The network computes in {network.dtype}, but its vector is {vector.dtype}. Convert "
            f"it before saving: Parameters(network, vector.astype(network.dtype))."
        )
    return Parts("parameters", {}, {"vector": vector}, {"network": network_to_parts(network)})


def parameters_from_parts(parts: Parts) -> Parameters:
    """Return parameters; FileError where dtype or length is not the network's."""
    parts.expect((), ("vector",), ("network",))
    network = network_from_parts(parts.child("network", "network"))
    return Parameters(network, parts.array("vector", network.dtype, (network.size,)))


def network_to_document(network: Network) -> dict[str, Any]:
    """Return a network as plain data that `network_from_document` turns back into an equal one.

    Raises
    ------
    SettingError
        The network is described in a way that could not be read again, such as
        `Loss("huber", -1.0)`.
    """
    document = {
        "inputs": int(network.inputs),
        "layers": [_layer_to_document(layer) for layer in network.layers],
        "loss": _loss_to_document(network.objective),
        "dtype": network.dtype,
    }
    if network.readout is not None:
        document["readout"] = network.readout
    if network.members > 1:
        document["members"] = network.members
    try:
        network_from_document(document)
    except FileError as error:
        raise SettingError(f"The network cannot be stored. {error}") from error
    return document


def network_from_document(document: Any) -> Network:
    """Build a network from what a file holds, trusting nothing.

    Raises
    ------
    FileError
        A field is missing, unknown, of another type or out of its range; the message names it.
    """
    values = _fields(document, _NETWORK, "the network", _NETWORK_MORE)
    try:
        return Network(**values)
    except SettingError as error:
        raise FileError(f"The network is described wrongly. {error}") from error


def _layer_to_document(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, RecurrentLayer):
        return _recurrent_to_document(layer)
    if isinstance(layer, Scaling):
        return {"kind": layer.kind, "rate": float(layer.rate), "init": layer.init}
    if isinstance(layer, Periodic):
        return _periodic_to_document(layer)
    assert isinstance(layer, Dense)
    more = {
        "parametric": bool(layer.parametric),
        "parametric_rate": float(layer.parametric_rate),
        "bias_init": layer.bias_init,
    }
    old = Dense(layer.units)
    document = {
        "units": layer.units,
        "activation": _spelled(layer.function),
        "dropout": float(layer.dropout),
        "init": layer.init,
        "scale": "ntk" if layer.scale == "ntk" else float(layer.scale),
        "rate": float(layer.rate),
        "bias_rate": float(layer.bias_rate),
    }
    return document | {name: value for name, value in more.items() if value != getattr(old, name)}


def _periodic_to_document(layer: Periodic) -> dict[str, Any]:
    return {
        "kind": layer.kind,
        "columns": list(layer.columns),
        "frequencies": layer.frequencies,
        "features": layer.features,
        "sigma": float(layer.sigma),
        "rate": float(layer.rate),
    }


def _recurrent_to_document(layer: RecurrentLayer) -> dict[str, Any]:
    document = {
        "kind": layer.cell,
        "units": layer.units,
        "direction": layer.direction,
        "dropout": float(layer.dropout),
        "init": layer.init,
        "rate": float(layer.rate),
        "bias_rate": float(layer.bias_rate),
    }
    if isinstance(layer, Recurrent):
        document["activation"] = _spelled(layer.function)
    if isinstance(layer, LSTM):
        document["forget_bias"] = float(layer.forget_bias)
    return document


def _spelled(function: Activation) -> str:
    number = "" if function.alpha is None else f"({float(function.alpha)!r})"
    return f"{function.name}{number}"


def _loss_to_document(loss: Loss | CustomLoss) -> dict[str, Any]:
    if isinstance(loss, CustomLoss):
        return {"name": loss.name, "custom": True}
    return {
        "name": loss.name,
        "parameter": None if loss.parameter is None else float(loss.parameter),
        "label_smoothing": float(loss.label_smoothing),
    }


def _fields(
    document: Any, checks: _Checks, where: str, more: _Checks | None = None
) -> dict[str, Any]:
    """Check a dict against its table of fields and return the checked values.

    `more` are fields that may be there.
    """
    if not isinstance(document, dict):
        raise _unexpected(where, "an object", document)
    checks = {**checks, **{n: check for n, check in (more or {}).items() if n in document}}
    if document.keys() != checks.keys():
        missing = sorted(checks.keys() - document.keys())
        unknown = [name[:40] for name in sorted(document.keys() - checks.keys())[:5]]
        raise FileError(
            f"Expected {where} to have the fields {', '.join(checks)}; missing: {missing}, "
            f"unknown: {unknown}."
        )
    return {name: check(document[name], f"{name!r} of {where}") for name, check in checks.items()}


def _unexpected(where: str, expected: str, value: Any) -> FileError:
    # a huge value is never spelled out in full
    shown = repr(value)[:60] if isinstance(value, str | float | bool | None) else type(value)
    return FileError(f"Expected {where} to be {expected}, but {shown} came.")


def _size(value: Any, where: str) -> int:
    if type(value) is not int or not 1 <= value <= _MAX_UNITS:
        raise _unexpected(where, f"a whole number from 1 to {_MAX_UNITS}", value)
    return value


def _number(value: Any, where: str) -> float:
    if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
        raise _unexpected(where, "a finite number", value)
    return float(value)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > 100:
        raise _unexpected(where, "text of at most 100 characters", value)
    return value


def _scale(value: Any, where: str) -> Any:
    return value if value == "ntk" else _number(value, where)


def _activation(value: Any, where: str) -> Activation:
    try:
        name, alpha = parse_call(_text(value, where), "activation", ACTIVATIONS)
    except SettingError as error:
        raise FileError(f"{where} is wrong. {error}") from error
    _check_parameter(alpha, ACTIVATIONS[name].alpha, name, where)
    return Activation(name, alpha)


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _unexpected(where, "true or false", value)
    return value


def _columns(value: Any, where: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(c) is int for c in value):
        raise _unexpected(where, "a list of whole numbers", value)
    return tuple(value)


def _layers(value: Any, where: str) -> tuple[Layer, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MAX_LAYERS:
        raise _unexpected(where, f"a list of 1 to {_MAX_LAYERS} layers", value)
    return tuple(_layer(item, f"layer {number}") for number, item in enumerate(value, start=1))


def _layer(value: Any, where: str) -> Layer:
    kind: Any = Dense
    fields, more = _DENSE, _DENSE_MORE
    if isinstance(value, dict) and "kind" in value:
        name = value["kind"]
        if not isinstance(name, str) or name not in _LAYERS:
            raise _unexpected(f"'kind' of {where}", f"one of {', '.join(_LAYERS)}", name)
        kind, fields, more = _LAYERS[name], _OF_A_KIND[name], {}
    values = _fields(value, fields, where, more)
    values.pop("kind", None)
    try:
        return kind(**values)
    except SettingError as error:
        raise FileError(f"In {where}: {error}") from error


def _loss(value: Any, where: str) -> Loss | CustomLoss:
    if isinstance(value, dict) and value.keys() == {"name", "custom"}:
        if not isinstance(value["name"], str) or value["custom"] is not True:
            raise _unexpected(where, "the name of a loss of the user's own", value)
        missing = MissingLoss(value["name"])
        return CustomLoss(missing, missing, value["name"])
    values = _fields(value, _LOSS, where)
    kind = LOSSES.get(values["name"])
    if kind is None:
        raise _unexpected(f"'name' of {where}", f"one of {', '.join(LOSSES)}", values["name"])
    _check_parameter(values["parameter"], kind.parameter, kind.name, where)
    try:
        return Loss(**values)
    except SettingError as error:
        raise FileError(f"{where} is wrong. {error}") from error


def _optional_number(value: Any, where: str) -> float | None:
    return None if value is None else _number(value, where)


def _check_parameter(got: float | None, default: float | None, name: str, where: str) -> None:
    if (got is None) != (default is None):
        takes = "no number" if default is None else "a number"
        raise FileError(f"{where} is wrong: {name!r} takes {takes}, but {got} came.")
    if got is not None and not 0 < got < math.inf:
        raise FileError(f"{where} is wrong: the number of {name!r} must be above 0, not {got}.")


def _dtype(value: Any, where: str) -> str:
    if value not in ("float32", "float64"):
        raise _unexpected(where, "float32 or float64", value)
    return value


_DENSE: _Checks = {
    "units": _size,
    "activation": _activation,
    "dropout": _number,
    "init": _text,
    "scale": _scale,
    "rate": _number,
    "bias_rate": _number,
}
_DENSE_MORE: _Checks = {"parametric": _flag, "parametric_rate": _number, "bias_init": _text}
_RECURRENT: _Checks = {
    "kind": _text,
    "units": _size,
    "direction": _text,
    "dropout": _number,
    "init": _text,
    "rate": _number,
    "bias_rate": _number,
}
_OF_A_KIND: dict[str, _Checks] = {
    "elman": {**_RECURRENT, "activation": _activation},
    "gru": _RECURRENT,
    "lstm": {**_RECURRENT, "forget_bias": _number},
    "periodic": {
        "kind": _text,
        "columns": _columns,
        "frequencies": _size,
        "features": _size,
        "sigma": _number,
        "rate": _number,
    },
    "scaling": {"kind": _text, "rate": _number, "init": _text},
}
_LOSS: _Checks = {
    "name": _text,
    "parameter": _optional_number,
    "label_smoothing": _number,
}
_NETWORK: _Checks = {
    "inputs": _size,
    "layers": _layers,
    "loss": _loss,
    "dtype": _dtype,
}
_NETWORK_MORE: _Checks = {"readout": _text, "members": _size}
