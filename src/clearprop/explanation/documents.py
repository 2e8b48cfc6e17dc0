"""An explanation as plain data for JSON, and back to the bit; docs/explanation.md describes it.

Arrays are objects with `dtype`, `shape` and `values`; vectors of all parameters are taken apart
into `W1`, `b1`, `W2`, …. JSON has no word for values that are not finite: they are the strings
`"nan"`, `"-nan"`, `"inf"` and `"-inf"`.

Public names: `from_document`, `plain`, `to_document`.
May import: `explanation`, `names`, `places`, `clearprop.files`, `clearprop.training`,
`clearprop.engines`, `clearprop.equations`, `clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import numpy as np

from clearprop.engines import Recipe, Trace
from clearprop.engines.sequences import Packing
from clearprop.engines.trace import SequenceTrace
from clearprop.equations import RULES, Penalty
from clearprop.errors import FileError, SettingError
from clearprop.explanation.explanation import Explanation, explanation_of
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place
from clearprop.explanation.through_time import SequenceExplanation
from clearprop.explanation.views import Views
from clearprop.files import network_from_document, network_to_document
from clearprop.network import Network
from clearprop.training import SCHEDULES, Recording

FORMAT, VERSION = "clearprop-explanation", 1

# arrays of a trace that have one entry a row, and those of each layer
_ROWS = ("rows", "x", "y", "coefficients", "losses", "constants")
_LAYER = {"input": "inputs", "z": "z", "a": "a", "delta": "delta", "mask": "masks"}
_RECIPE = ("batch_size", "epochs", "clip_norm", "clip_value", "carrier")
# what only some recipes have: numbers, and schedules
_LATER = ("truncate",)
_SCHEDULED = ("dropout_schedule", "decay_schedule")
_NUMBERS = ("rate", "penalty", "penalty_factor")
# of a layer in a trace of sequences, besides
_TIME = {"fed_back": "fed_back", "before": "before"}
_DTYPES = ("float32", "float64", "int64", "int32", "bool")


def to_document(explanation: Views) -> dict[str, Any]:
    """Return an explanation as plain data, ready for `json.dumps(…, allow_nan=False)`.

    Raises
    ------
    SettingError
        The recipe's schedule is of the user's own: code, which no document holds.
    """
    membership = explanation.membership
    trace = explanation.trace if membership is None else membership.trace
    recording = explanation.recording
    member = {} if membership is None else {"member": membership.number}
    return {
        "format": FORMAT,
        "version": VERSION,
        "network": network_to_document(trace.network),
        "recipe": _recipe_to_document(trace.recipe),
        "names": _names_to_document(explanation.names),
        "trace": _trace_to_document(trace),
        **member,
        "recording": None if recording is None else _arrays_to_document(recording),
    }


def from_document(document: Mapping[str, Any]) -> Explanation | SequenceExplanation:
    """Return the explanation that `to_document` described.

    Raises
    ------
    FileError
        Something is missing or of another form; the message names it.
    """
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise FileError(
            f"An explanation's document was expected: an object whose 'format' is {FORMAT!r}."
        )
    if document.get("version") != VERSION:
        raise FileError(
            f"The explanation is of version {document.get('version')!r}, and this clearprop reads "
            f"version {VERSION}. Write it again with this version, or read it with its own."
        )
    network = network_from_document(_get(document, "network"))
    recipe = _recipe_from_document(_get(document, "recipe"))
    trace = _trace_from_document(_get(document, "trace"), network, recipe)
    recording = _get(document, "recording")
    return explanation_of(
        trace,
        _names_from_document(_get(document, "names"), network),
        None if recording is None else _recording_from_document(recording),
        document.get("member", 0),
    )


def plain(value: Any) -> Any:
    """Return any analysis as data for JSON: dataclasses as objects, arrays as nested lists.

    Raises
    ------
    SettingError
        Something in it is not data, such as a function.
    """
    if isinstance(value, Network):
        return network_to_document(value)
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else _spelled(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Place):
        return _place_to_document(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise SettingError(f"A {type(value).__name__} cannot be written as JSON: it is not plain data.")


# numbers and arrays


def _spelled(value: float) -> str:
    """Return the word for a value that is not finite; a NaN keeps its sign."""
    if math.isnan(value):
        return "-nan" if math.copysign(1.0, value) < 0 else "nan"
    return "inf" if value > 0 else "-inf"


def _array_to_document(array: np.ndarray) -> dict[str, Any]:
    """Return an array; float32 values are written as the float64 that they equal."""
    finite = array.dtype.kind != "f" or bool(np.isfinite(array).all())
    values = array.tolist() if finite else plain(array.tolist())
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": values}


def _array_from_document(document: Any, where: str) -> np.ndarray:
    if not isinstance(document, Mapping) or document.keys() != {"dtype", "shape", "values"}:
        raise FileError(f"{where} must be an object with dtype, shape and values.")
    if document["dtype"] not in _DTYPES:
        raise FileError(f"The dtype of {where} must be one of {', '.join(_DTYPES)}.")
    try:
        array = np.array(document["values"])
        if array.dtype.kind == "U":
            # words such as "-nan" are read as the numbers that they stand for
            values = np.array(document["values"], dtype=object)
            array = np.array([float(value) for value in values.ravel()])
        return array.astype(document["dtype"]).reshape(document["shape"])
    except (TypeError, ValueError) as error:
        raise FileError(f"The values of {where} do not make an array: {error}.") from error


def _arrays_to_document(record: Any) -> dict[str, Any]:
    """Return a dataclass that holds only arrays."""
    return {f.name: _array_to_document(getattr(record, f.name)) for f in fields(record)}


def _vector_to_document(network: Network, vector: np.ndarray) -> dict[str, Any]:
    """Return a vector of all parameters as W1, b1, W2, …, and U1, c1 of a recurrent layer."""
    return {s.name: _array_to_document(s.view(vector)) for s in network.segments}


def _vector_from_document(document: Any, network: Network, where: str) -> np.ndarray:
    parts = []
    for segment in network.segments:
        name = segment.name
        array = _array_from_document(_get(document, name), f"{name} of {where}")
        if array.size != segment.stop - segment.start:
            raise FileError(
                f"{name} of {where} must have {segment.stop - segment.start} entries, but "
                f"{array.size} came."
            )
        parts.append((segment, array))
    vector = np.empty(network.size, parts[0][1].dtype)
    for segment, array in parts:
        view = segment.view(vector)
        view[...] = array.reshape(view.shape)
    return vector


# the parts of an explanation


def _trace_to_document(trace: Trace) -> dict[str, Any]:
    network = trace.network
    layers = [_layer_to_document(trace, at) for at in range(len(network.operations))]
    slots = zip(trace.recipe.rule.slot_names, trace.slots, strict=True)
    vectors = {name: _vector_to_document(network, term) for name, term in trace.terms.items()}
    return {
        "engine": trace.engine,
        "step": int(trace.step),
        **{name: plain(float(getattr(trace, name))) for name in _NUMBERS},
        **{name: _array_to_document(getattr(trace, name)) for name in _ROWS},
        "layers": layers,
        "parameters": _vector_to_document(network, trace.vector),
        "slots": {name: _vector_to_document(network, slot) for name, slot in slots},
        "gradient": _vector_to_document(network, trace.gradient),
        "terms": vectors,
        "update": _vector_to_document(network, trace.update),
        **_time_to_document(trace),
    }


def _layer_to_document(trace: Trace, at: int) -> dict[str, Any]:
    """Return the arrays of one layer; of a recurrent one with its states."""
    held = {name: getattr(trace, field)[at] for name, field in _LAYER.items()}
    found: dict[str, Any] = {
        name: None if array is None else _array_to_document(array) for name, array in held.items()
    }
    if isinstance(trace, SequenceTrace) and trace.before[at] is not None:
        found |= {name: _array_to_document(getattr(trace, f)[at]) for name, f in _TIME.items()}
        kept = trace.states[at].items()
        found["states"] = {name: _array_to_document(array) for name, array in kept}
    return found


def _time_to_document(trace: Trace) -> dict[str, Any]:
    """Return what only a trace of sequences has."""
    if not isinstance(trace, SequenceTrace):
        return {}
    lengths = _array_to_document(trace.packing.lengths)
    return {"lengths": lengths, "begin": int(trace.begin), "cut": trace.cut}


def _trace_from_document(document: Any, network: Network, recipe: Recipe) -> Trace:
    layers = _get(document, "layers")
    if not isinstance(layers, list) or len(layers) != len(network.operations):
        raise FileError(f"The trace must have {len(network.operations)} layers.")

    def vector(name: str) -> np.ndarray:
        return _vector_from_document(_get(document, name), network, name)

    names = recipe.rule.slot_names
    held = _get(document, "slots")
    slots = [_vector_from_document(_get(held, name), network, f"slot {name}") for name in names]
    terms = _get(document, "terms")
    values: dict[str, Any] = {name: float(_get(document, name)) for name in _NUMBERS}
    values |= {name: _array_from_document(_get(document, name), name) for name in _ROWS}
    values |= {field: _layers_from_document(layers, name) for name, field in _LAYER.items()}
    kind, time = _time_from_document(document, layers, network)
    return kind(
        network=network,
        recipe=recipe,
        engine=str(_get(document, "engine")),
        step=int(_get(document, "step")),
        **values,
        vector=vector("parameters"),
        slots=np.array(slots) if slots else np.zeros((0, network.size), network.dtype),
        gradient=vector("gradient"),
        terms={
            name: _vector_from_document(term, network, f"term {name}")
            for name, term in terms.items()
        },
        update=vector("update"),
        **time,
    )


def _time_from_document(
    document: Any, layers: list[Any], network: Network
) -> tuple[type[Trace], dict[str, Any]]:
    """Return the kind of trace, and what only one of sequences has."""
    if not network.recurrent:
        return Trace, {}
    known = [layer if "before" in layer else dict.fromkeys(_TIME) for layer in layers]
    states = [
        {name: _array_from_document(array, name) for name, array in layer["states"].items()}
        if "states" in layer
        else {}
        for layer in layers
    ]
    lengths = _array_from_document(_get(document, "lengths"), "lengths")
    found = {field: _layers_from_document(known, name) for name, field in _TIME.items()}
    return SequenceTrace, found | {
        "packing": Packing(lengths.astype(np.int64)),
        "states": states,
        "begin": int(_get(document, "begin")),
        "cut": _get(document, "cut"),
    }


def _layers_from_document(layers: list[Any], name: str) -> list[Any]:
    arrays = []
    for number, layer in enumerate(layers, start=1):
        array = _get(layer, name)
        where = f"{name} of layer {number}"
        arrays.append(None if array is None else _array_from_document(array, where))
    return arrays


def _names_to_document(names: Names) -> dict[str, Any]:
    return {
        "inputs": list(names.inputs),
        "outputs": list(names.outputs),
        "hidden": [list(layer) for layer in names.hidden],
        "aliases": {name: _place_to_document(p) for name, p in names.aliases.items()},
    }


def _place_to_document(place: Place) -> dict[str, Any]:
    """Return a parameter's place; `array`, `way` and `member` only where they say something."""
    given, optional = asdict(place), ("array", "way", "member")
    return {name: value for name, value in given.items() if value or name not in optional}


def _names_from_document(document: Any, network: Network) -> Names:
    try:
        return Names(
            network,
            tuple(_get(document, "inputs")),
            tuple(_get(document, "outputs")),
            tuple(tuple(layer) for layer in _get(document, "hidden")),
            {name: Place(**place) for name, place in _get(document, "aliases").items()},
        )
    except (AttributeError, TypeError, SettingError) as error:
        raise FileError(f"The names do not fit the network. {error}") from error


def _recipe_to_document(recipe: Recipe) -> dict[str, Any]:
    return {
        "rule": {"name": recipe.rule.name, **asdict(recipe.rule)},
        "schedule": _schedule_to_document(recipe.schedule),
        "penalty": asdict(recipe.penalty),
        **{name: getattr(recipe, name) for name in _RECIPE},
        **{name: getattr(recipe, name) for name in _LATER if getattr(recipe, name) is not None},
        **{
            name: _schedule_to_document(getattr(recipe, name))
            for name in _SCHEDULED
            if getattr(recipe, name) is not None
        },
    }


def _schedule_to_document(schedule: Any) -> dict[str, Any]:
    name = getattr(schedule, "name", type(schedule).__name__)
    if not is_dataclass(schedule) or type(schedule) is not SCHEDULES.get(name):
        raise SettingError(
            f"The schedule {name!r} is code of your own, which a document cannot hold. Explain "
            f"with a recipe whose schedule is one of {', '.join(SCHEDULES)}."
        )
    values = {field.name: getattr(schedule, field.name) for field in fields(schedule)}
    return {"name": name} | {
        key: value if isinstance(value, int | float) else _schedule_to_document(value)
        for key, value in values.items()
    }


def _schedule_from_document(document: Any) -> Any:
    values = {
        key: _schedule_from_document(value) if isinstance(value, Mapping) else value
        for key, value in document.items()
    }
    return SCHEDULES[values.pop("name")](**values)


def _recipe_from_document(document: Any) -> Recipe:
    try:
        rule = dict(_get(document, "rule"))
        return Recipe(
            rule=RULES[rule.pop("name")](**rule),
            schedule=_schedule_from_document(_get(document, "schedule")),
            penalty=Penalty(**_get(document, "penalty")),
            **{name: _get(document, name) for name in _RECIPE},
            **{name: document[name] for name in _LATER if name in document},
            **{
                name: _schedule_from_document(document[name])
                for name in _SCHEDULED
                if name in document
            },
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FileError(f"The recipe could not be read: {error}.") from error


def _recording_from_document(document: Any) -> Recording:
    names = [field.name for field in fields(Recording)]
    return Recording(**{name: _array_from_document(_get(document, name), name) for name in names})


def _get(document: Any, name: str) -> Any:
    if not isinstance(document, Mapping) or name not in document:
        raise FileError(f"The explanation's document lacks {name!r}.")
    return document[name]
