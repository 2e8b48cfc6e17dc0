"""A run at one moment, as data: everything that going on from there depends on.

As a part of a file it is of kind `"studio_run"`:

    document   "setup"   what was chosen (`Setup.to_document`)
               "at"      step, epoch, position, seed, rate_factor
               "plan"    how the engine runs: engine, threads, split, blas, library
               "look"    weight (its key), row, output, speed
               "whole"   whether training alone led here from the first weights
               "table"   the name of the person's own table, or null
               "model"   null, or of a model that was brought: name, encoder, target
    arrays     "slots"   (slots of the rule, parameters): what the update rule remembers
               "points"  (n, 6) float64: the curves, the fields of `Point`
               "table"   the own table as the bytes of a Parquet file, where there is one
               "first"   the parameters that a brought model began with, where there is one
    child      "parameters"

Public names: `KIND`, `Model`, `Snapshot`.
May import: `setups`, `trainer`, `clearprop.engines`, `clearprop.files`, `clearprop.network`,
`clearprop.tables`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import Any, Self

import numpy as np

from clearprop.engines import Plan, TrainState
from clearprop.equations import RULES
from clearprop.errors import ClearpropError, FileError
from clearprop.files import Parts, from_parts, to_parts
from clearprop.network import Network, Parameters
from clearprop.studio.setups import Setup
from clearprop.studio.trainer import Point
from clearprop.tables import (
    ClassTarget,
    NumberTarget,
    TableEncoder,
    target_from_document,
    target_to_document,
)

KIND = "studio_run"
MOST_STEPS = 2**53
MOST_POINTS = 4000
MOST_TABLE = 64_000_000  # bytes, as Parquet

_AT = ("step", "epoch", "position", "seed", "rate_factor")
_PLAN = ("engine", "threads", "split", "blas", "library")
_LOOK = ("weight", "row", "output", "speed")


@dataclass(frozen=True, eq=False)
class Model:
    """What is known of a model that was brought.

    Attributes
    ----------
    name : str
        Of its file.
    encoder : TableEncoder
    target : ClassTarget or NumberTarget
    first : Parameters
        As they were in its file.
    """

    name: str
    encoder: TableEncoder
    target: ClassTarget | NumberTarget
    first: Parameters


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at one moment. Its arrays are its own.

    Attributes
    ----------
    setup : Setup
    parameters : Parameters
    state : TrainState
        Its vector is that of the parameters.
    points : tuple of Point
        The curves.
    weight : str
        The key of the parameter that is looked into.
    row, output : int
        The row and the output that are looked at.
    speed : str
    whole : bool
        Whether training alone led here from the first weights.
    table : (str, bytes), optional
        Name of the person's own table, and the table as a Parquet file.
    model : Model, optional
        Where the network was brought.
    """

    setup: Setup
    parameters: Parameters
    state: TrainState
    points: tuple[Point, ...]
    weight: str = "w1.0.0"
    row: int = 0
    output: int = 0
    speed: str = "calm"
    whole: bool = False
    table: tuple[str, bytes] | None = None
    model: Model | None = None

    @property
    def network(self) -> Network:
        """The run's network."""
        return self.parameters.network

    def to_parts(self) -> Parts:
        """Return it as a part of a file."""
        state, model = self.state, self.model
        plan = {name: getattr(state.plan, name) for name in _PLAN} | {"blas": list(state.plan.blas)}
        document = {
            "setup": self.setup.to_document(),
            "at": {name: getattr(state, name) for name in _AT},
            "plan": plan,
            "look": {name: getattr(self, name) for name in _LOOK},
            "whole": self.whole,
            "table": self.table[0] if self.table else None,
            "model": None if model is None else _model_document(model),
        }
        points = [astuple(point) for point in self.points]
        arrays = {"slots": state.slots, "points": np.array(points, np.float64).reshape(-1, 6)}
        if self.table:
            arrays["table"] = np.frombuffer(self.table[1], dtype=np.uint8)
        if model is not None:
            arrays["first"] = model.first.vector
        return Parts(KIND, document, arrays, {"parameters": to_parts(self.parameters)})

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Return what a file describes, trusting nothing.

        Raises
        ------
        FileError
            A field is missing, unknown, of another type or out of its range.
        """
        document = parts.document
        more = [name for name in ("table", "model") if document.get(name) is not None]
        names = {"table": "table", "model": "first"}
        parts.expect(
            ("setup", "at", "plan", "look", "whole", "table", "model"),
            ("slots", "points", *(names[name] for name in more)),
            ("parameters",),
        )
        setup = Setup.from_document(document["setup"])
        parameters = from_parts(parts.child("parameters", "parameters"))
        look = _checked(document["look"], _LOOK_CHECKS, "look")
        return cls(
            setup=setup,
            parameters=parameters,
            state=_state(parts, parameters, setup),
            points=_points(parts.array("points", "float64", (None, 6))),
            whole=_truth(document["whole"], "whole"),
            table=_table(parts),
            model=_model(parts, parameters),
            **look,
        )


def _model_document(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "encoder": model.encoder.to_document(),
        "target": target_to_document(model.target),
    }


def _state(parts: Parts, parameters: Parameters, setup: Setup) -> TrainState:
    at = _checked(parts.document["at"], _AT_CHECKS, "at")
    plan = _checked(parts.document["plan"], _PLAN_CHECKS, "plan")
    network = parameters.network
    slots = len(RULES[setup.rule]().slot_names)
    array = parts.array("slots", network.dtype, (slots, network.size))
    if not np.isfinite(parameters.vector).all():
        raise FileError("A weight or bias of the run is not a finite number.")
    return TrainState(parameters.vector, array, Plan(**plan), **at)


def _points(array: np.ndarray) -> tuple[Point, ...]:
    steps = array[:, 0]
    fits = len(array) <= MOST_POINTS and np.isfinite(array[:, :2]).all()
    if not fits or not np.array_equal(steps, np.rint(steps)) or not (np.diff(steps) > 0).all():
        raise FileError("The run's curves are not points at growing steps.")
    if len(array) and not 0 <= steps[0] <= steps[-1] <= MOST_STEPS:
        raise FileError("The run's curves reach beyond any run.")
    return tuple(Point(int(row[0]), *map(float, row[1:])) for row in array)


def _table(parts: Parts) -> tuple[str, bytes] | None:
    name = parts.document["table"]
    if name is None:
        return None
    array = parts.array("table", "uint8", (None,))
    if array.nbytes > MOST_TABLE:
        raise FileError(f"The run's table takes more than {MOST_TABLE / 1e6:g} MB.")
    return _text(name, "table"), array.tobytes()


def _model(parts: Parts, parameters: Parameters) -> Model | None:
    document = parts.document["model"]
    if document is None:
        return None
    found = _checked(document, _MODEL_CHECKS, "model")
    try:
        encoder = TableEncoder.from_document(found["encoder"])
        target = target_from_document(found["target"])
    except (ClearpropError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise FileError(f"The run's encoding of its table is wrong: {str(error)[:300]}") from error
    network = parameters.network
    if not isinstance(target, ClassTarget | NumberTarget):
        raise FileError("The run predicts several columns, which no run of the studio does.")
    if encoder.width != network.inputs:
        raise FileError("The run's encoding does not give its network's inputs.")
    first = parts.array("first", network.dtype, (network.size,))
    return Model(found["name"], encoder, target, Parameters(network, first))


# checks of single fields


def _checked(
    document: Any, checks: Mapping[str, Callable[[Any, str], Any]], where: str
) -> dict[str, Any]:
    """Return the checked values of an object that has exactly these fields."""
    if not isinstance(document, dict) or document.keys() != checks.keys():
        raise FileError(f"{where!r} of the run must have the fields {', '.join(checks)}.")
    return {name: check(document[name], f"{where}.{name}") for name, check in checks.items()}


def _wrong(where: str, expected: str) -> FileError:
    return FileError(f"{where!r} of the run must be {expected}.")


def _whole(value: Any, where: str) -> int:
    if type(value) is not int or not 0 <= value <= MOST_STEPS:
        raise _wrong(where, "a whole number from 0 on")
    return value


def _number(value: Any, where: str) -> float:
    if type(value) not in (int, float) or not 0 < value < 1e6:
        raise _wrong(where, "a number above 0")
    return float(value)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise _wrong(where, "a text of at most 200 letters")
    return value


def _truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, "true or false")
    return value


def _engine(value: Any, where: str) -> str:
    if value not in ("native", "reference"):
        raise _wrong(where, "native or reference")
    return str(value)


def _threads(value: Any, where: str) -> int:
    if type(value) is not int or not 1 <= value <= 1024:
        raise _wrong(where, "a whole number from 1 to 1024")
    return value


def _split(value: Any, where: str) -> str:
    if value not in ("none", "batch", "neurons"):
        raise _wrong(where, "none, batch or neurons")
    return str(value)


def _truths(value: Any, where: str) -> tuple[bool, ...]:
    if not isinstance(value, list) or len(value) > 1000:
        raise _wrong(where, "a list of true and false")
    return tuple(_truth(one, where) for one in value)


def _library(value: Any, where: str) -> str:
    if value not in ("openblas", "mkl"):
        raise _wrong(where, "openblas or mkl")
    return str(value)


def _plain(value: Any, where: str) -> Any:
    return value


_AT_CHECKS = {
    "step": _whole,
    "epoch": _whole,
    "position": _whole,
    "seed": _whole,
    "rate_factor": _number,
}
_PLAN_CHECKS = {
    "engine": _engine,
    "threads": _threads,
    "split": _split,
    "blas": _truths,
    "library": _library,
}
_LOOK_CHECKS = {"weight": _text, "row": _whole, "output": _whole, "speed": _text}
_MODEL_CHECKS = {"name": _text, "encoder": _plain, "target": _plain}
