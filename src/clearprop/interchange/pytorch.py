"""PyTorch's `nn.Sequential`, to and from, without PyTorch.

Its `Linear` is ours, z = W a + b with W (units, fan_in), so weights go over bit for bit. What
goes there is a state dict, named as `nn.Sequential` names its parts ("0.weight", "0.bias", …), and
the code of the module; what comes from there is a state dict and either what `print(model)` shows
or the names of the activations. A module itself will do too: it is asked for both.

Public names: `TorchModel`, `from_torch`, `to_torch`.
May import: `modules`, `tensors`, `clearprop.estimators`, `clearprop.network`, `clearprop.storage`,
`clearprop.errors`, NumPy.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearprop import __version__
from clearprop.errors import SettingError, ShapeError
from clearprop.estimators import MLPClassifier, MLPRegressor
from clearprop.estimators.adopted import adopt
from clearprop.estimators.tasks import Classification, Regression
from clearprop.functions import Activation, activation
from clearprop.interchange.modules import Module, call_of, parse_modules
from clearprop.interchange.tensors import read_tensors, write_tensors
from clearprop.network import Dense, Network, Parameters
from clearprop.storage import replace_file


@dataclass(frozen=True)
class TorchModel:
    """A network as PyTorch has it.

    Attributes
    ----------
    state : dict of str to array
        The state dict: "0.weight" (units, fan_in), "0.bias" (units,), ….
    code : str
        A Python module whose `build(path)` returns the `nn.Sequential` with the state that a
        safetensors file holds.
    """

    state: dict[str, np.ndarray]
    code: str

    def save(self, path: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write the state as a safetensors file, and the code beside it with the suffix `.py`."""
        target = Path(path)
        script = target.with_suffix(".py")
        if script == target:
            raise SettingError(f"The state cannot go to {str(path)!r}: its code will be there.")
        write_tensors(target, self.state)
        replace_file(script, [self.code.encode()])
        return target, script


def to_torch(model: Any, path: str | os.PathLike[str] | None = None) -> TorchModel:
    """Turn a network into the state dict and the code of an `nn.Sequential`.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, or Parameters
        Its layers are dense, their activations not learnt.
    path : str or path, optional
        Where to write the state, usually `.safetensors`; the code goes beside it.

    Returns
    -------
    TorchModel
        The output activation is its last module, so that it answers with probabilities; PyTorch's
        `CrossEntropyLoss` wants it taken off.

    Raises
    ------
    SettingError
        The network has parts that `nn.Sequential` has no module for.
    """
    parameters = _parameters_of(model)
    network, vector = parameters.network, parameters.vector
    if network.recurrent or not network.plain or any(o.kind != "dense" for o in network.operations):
        raise SettingError(
            f"An nn.Sequential has no modules for {network}. clearprop.to_onnx(model) keeps all of "
            f"it."
        )
    state: dict[str, np.ndarray] = {}
    calls: list[str] = []
    for layer, operation in zip(network.layers, network.operations, strict=True):
        W, b = operation.weight.view(vector), operation.bias.view(vector)
        scaled = W if operation.scale == 1 else W * vector.dtype.type(operation.scale)
        state[f"{len(calls)}.weight"] = np.ascontiguousarray(scaled)
        state[f"{len(calls)}.bias"] = b.copy()
        double = ", dtype=torch.float64" if network.dtype == "float64" else ""
        calls.append(f"nn.Linear({operation.fan_in}, {operation.units}{double})")
        call = call_of(operation.activation)
        calls += [call] if call else []
        calls += [f"nn.Dropout({layer.dropout!r})"] if layer.dropout else []
    found = TorchModel(state, _code(network, calls))
    if path is not None:
        found.save(path)
    return found


def from_torch(
    source: Any, layers: str | Sequence[str] | None = None, *, classes: Sequence[Any] | None = None
) -> Any:
    """Take over the weights of an `nn.Sequential` of linear layers.

    Parameters
    ----------
    source : path, mapping of names to arrays, or the module itself
        A safetensors file, or the state dict.
    layers : str, or sequence of str; not needed with a module
        What `print(model)` shows, or an activation for each linear layer: `["relu", "identity"]`.
    classes : sequence, optional
        The labels. Where the last layer is linear, as `CrossEntropyLoss` and `BCEWithLogitsLoss`
        want it, softmax (one unit: sigmoid, for two classes) comes behind it.

    Returns
    -------
    MLPClassifier, MLPRegressor or Parameters
        A classifier for classes, or where the output is softmax or sigmoid (then of 0, 1, …); a
        regressor where it is linear or exp; `Parameters` of a network for other outputs.

    Raises
    ------
    SettingError, ShapeError
        The description and the weights do not fit each other; the message names the module.
    """
    if layers is None and hasattr(source, "state_dict"):
        layers = repr(source)
    if layers is None:
        raise SettingError(
            "Weights alone do not say which activations are between them. Give layers: what "
            "print(model) shows, or a list such as ['relu', 'identity']."
        )
    state = _state_of(source)
    found = _by_name(state, layers) if isinstance(layers, str) else _in_order(state, layers)
    _check_chain(found)
    return _model_of(found, classes)


@dataclass(frozen=True)
class _Linear:
    """A linear layer, and what comes behind it."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    activation: Activation
    dropout: float = 0.0


def _parameters_of(model: Any) -> Parameters:
    if isinstance(model, Parameters):
        return model
    if isinstance(model, MLPClassifier | MLPRegressor) and hasattr(model, "parameters_"):
        model._vector()  # takes over arrays that were put into coefs_
        return model.parameters_
    raise SettingError(
        f"A fitted MLPClassifier or MLPRegressor, or Parameters, was expected, but "
        f"{type(model).__name__} came. clearprop.to_onnx(model) takes every fitted model."
    )


_EXP = '''

class Exp(nn.Module):
    """e^z."""

    def forward(self, z):
        return torch.exp(z)
'''


def _code(network: Network, calls: list[str]) -> str:
    lines = "".join(f"        {call},\n" for call in calls)
    exp = _EXP if "Exp()" in calls else ""
    needed = "import torch\n" if "torch." in exp + lines else ""
    return (
        f'"""{network}, from clearprop {__version__}, as PyTorch."""\n\n'
        f"{needed}from safetensors.torch import load_file\n"
        f"from torch import nn\n{exp}\n\n"
        "def build(path):\n"
        '    """Return the network with the weights that a safetensors file holds."""\n'
        f"    model = nn.Sequential(\n{lines}    )\n"
        "    model.load_state_dict(load_file(path))\n"
        "    return model.eval()\n"
    )


def _state_of(source: Any) -> dict[str, np.ndarray]:
    if isinstance(source, str | os.PathLike):
        return read_tensors(source)
    state = source.state_dict() if hasattr(source, "state_dict") else source
    if not isinstance(state, Mapping):
        raise SettingError(
            f"Expected a safetensors file, a state dict or a module, but {type(source).__name__} "
            f"came."
        )
    return {str(name): _array(name, value) for name, value in state.items()}


def _array(name: str, value: Any) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if value.element_size() < 4 else value).numpy()
    array = np.asarray(value)
    if array.dtype not in (np.float32, np.float64):
        raise SettingError(f"{name!r} holds {array.dtype}; weights are float32 or float64.")
    return array


def _by_name(state: dict[str, np.ndarray], printed: str) -> list[_Linear]:
    """Pair modules, as printed, with weights of their names."""
    found: list[_Linear] = []
    for module in parse_modules(printed):
        if module.kind == "Linear":
            found.append(_linear(state, module.name, Activation("identity")))
        elif not found:
            raise SettingError(f"Module {module.name}, {module.kind}, comes before any Linear.")
        else:
            found[-1] = _followed(found[-1], module)
    return found


def _followed(layer: _Linear, module: Module) -> _Linear:
    if module.kind == "Dropout":
        share = float(module.arguments.get("p", module.arguments.get("0", "0.5")))
        return _Linear(layer.name, layer.weight, layer.bias, layer.activation, share)
    if layer.activation.name != "identity" or layer.dropout:
        raise SettingError(
            f"Module {module.name}, {module.kind}, comes behind another activation or dropout. A "
            f"layer of clearprop is Linear, then one activation, then Dropout."
        )
    return _Linear(layer.name, layer.weight, layer.bias, module.activation)


def _in_order(state: dict[str, np.ndarray], names: Sequence[str]) -> list[_Linear]:
    """Pair activations with weights in the order of their names' numbers."""
    ends = ".weight"
    stems = [name.removesuffix(ends) for name in state if name.endswith(ends)]
    stems.sort(key=lambda stem: [(int(p), "") if p.isdigit() else (-1, p)
                                 for p in re.split(r"(\d+)", stem) if p])  # fmt: skip
    if len(stems) != len(names):
        raise SettingError(
            f"{len(names)} activations came for {len(stems)} linear layers "
            f"({', '.join(stems) or 'none'}). Give one for each; a layer without is 'identity'."
        )
    return [_linear(state, stem, activation(name)) for stem, name in zip(stems, names, strict=True)]


def _linear(state: dict[str, np.ndarray], name: str, f: Activation) -> _Linear:
    weight = state.get(f"{name}.weight")
    if weight is None or weight.ndim != 2:
        came = "none" if weight is None else f"an array of shape {weight.shape}"
        raise ShapeError(
            f"Module {name} is Linear, so '{name}.weight' was expected to be a matrix, but {came} "
            f"came. The state holds {', '.join(list(state)[:12])}."
        )
    bias = state.get(f"{name}.bias", np.zeros(len(weight), weight.dtype))
    return _Linear(name, weight, bias, f)


def _check_chain(layers: list[_Linear]) -> None:
    for before, layer in itertools.pairwise(layers):
        if layer.weight.shape[1] != len(before.weight):
            raise ShapeError(
                f"Module {layer.name} takes {layer.weight.shape[1]} numbers, but module "
                f"{before.name} before it gives {len(before.weight)}."
            )


def _model_of(layers: list[_Linear], classes: Sequence[Any] | None) -> Any:
    last = layers[-1]
    units, output = len(last.weight), last.activation.name
    if last.dropout:
        raise SettingError("Dropout behind the last layer would erase answers. Leave it out.")
    settings = {
        "hidden_layer_sizes": tuple(len(layer.weight) for layer in layers[:-1]),
        "activation": [str(layer.activation) for layer in layers[:-1]] or "relu",
        "dropout": [layer.dropout for layer in layers[:-1]] or 0.0,
    }
    weights = [layer.weight for layer in layers]
    dtype = np.result_type(*weights)
    weights = [W.astype(dtype) for W in weights]
    biases = [layer.bias.astype(dtype) for layer in layers]
    if classes is not None or output in ("softmax", "sigmoid"):
        labels = _labels(classes, units, output)
        return adopt(MLPClassifier(**settings), labels, weights, biases)
    if output in ("identity", "exp"):
        model = MLPRegressor("poisson" if output == "exp" else "squared_error", **settings)
        return adopt(model, Regression(units), weights, biases)
    hidden = [Dense(len(layer.weight), layer.activation, layer.dropout) for layer in layers[:-1]]
    output_layer = Dense(units, last.activation)
    kind: Any = dtype.name
    network = Network(weights[0].shape[1], (*hidden, output_layer), dtype=kind)
    return Parameters.from_arrays(network, weights, biases)


def _labels(classes: Sequence[Any] | None, units: int, output: str) -> Classification:
    """Return the task of an output layer of so many units, checked against the labels."""
    several = output == "sigmoid" and units > 1
    count = 2 if units == 1 else units
    if several:
        # any number of them may hold at once
        return Classification.of(np.vstack([np.eye(units, dtype=int), np.ones(units, int)]))
    given = np.arange(count) if classes is None else np.asarray(classes)
    if len(given) != count or output not in ("identity", "softmax", "sigmoid"):
        raise SettingError(
            f"An output of {units} {output} units is for {count} classes, but "
            f"{len(given)} came: {', '.join(map(repr, given[:8].tolist()))}."
        )
    if not np.array_equal(given, np.unique(given)):
        raise SettingError(
            "Classes must be distinct and in rising order, as scikit-learn keeps them. Reorder the "
            "rows of the last layer with them."
        )
    return Classification.of(given)
