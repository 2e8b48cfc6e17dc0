"""What a person has chosen: data, network, and how it learns. Plain data, checked when made.

`Setup.network` and `Setup.recipe` are what the package's engines take. Numbers are kept in float64,
so that what the page shows with all digits is what one gets by hand.

Public names: `IN_FLIGHT`, `LOSSES_OF`, `RATES`, `Setup`, `usual_loss`.
May import: `samples`, `told`, `clearprop.engines`, `clearprop.equations`, `clearprop.network`,
`clearprop.errors`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from clearprop.engines import Recipe
from clearprop.equations import CARRIERS, RULES, Penalty, Rule
from clearprop.errors import FileError, SettingError
from clearprop.functions.activations import ACTIVATIONS
from clearprop.functions.spelling import suggest
from clearprop.network import Dense, Network
from clearprop.studio.samples import Samples
from clearprop.studio.told import ToldError

# the losses of each kind of target, with the output's activation; the first is where one begins
LOSSES_OF: dict[str, dict[str, str]] = {
    "binary": {
        "binary_cross_entropy": "sigmoid",
        "half_squared_error": "sigmoid",
        "absolute_error": "sigmoid",
    },
    "classes": {
        "cross_entropy": "softmax",
        "binary_cross_entropy": "sigmoid",
        "half_squared_error": "sigmoid",
    },
    "number": {
        "half_squared_error": "identity",
        "absolute_error": "identity",
        "huber": "identity",
    },
}
# a learning rate to begin with
RATES = {"gd": 0.3, "momentum": 0.05, "nesterov": 0.05, "rmsprop": 0.01, "adam": 0.02,
         "adamw": 0.02}  # fmt: skip
HIDDEN = tuple(name for name, kind in ACTIVATIONS.items() if kind.derivative and name != "exp")
MOST_LAYERS, MOST_UNITS = 8, 512


@dataclass(frozen=True)
class Setup:
    """What a person has chosen.

    Attributes
    ----------
    data : str
        A name of `TOYS`, or `"table"` for the session's upload.
    target : str
        The column to predict, of an upload.
    noise, train_share : float
        Of toy data; the share of rows to learn from.
    rows : int
        Of toy data.
    hidden : tuple of (int, str)
        Units and activation of each hidden layer.
    loss : str
        A name of `LOSSES_OF` for the kind of target; the first of them where it does not fit.
    rule : str
        A name of `RULES`.
    learning_rate, l1, l2, dropout : float
    batch_size, seed : int
    carrier : str
        How errors are carried back.
    """

    data: str = "xor"
    target: str = ""
    noise: float = 0.1
    train_share: float = 0.7
    rows: int = 200
    hidden: tuple[tuple[int, str], ...] = ((4, "tanh"), (3, "tanh"))
    loss: str = "binary_cross_entropy"
    rule: str = "gd"
    learning_rate: float = 0.3
    batch_size: int = 10
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    seed: int = 1
    carrier: str = "exact"

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            _check_bounds(name, getattr(self, name), low, high)
        for name in ("rows", "batch_size", "seed"):
            object.__setattr__(self, name, int(getattr(self, name)))
        if len(self.hidden) > MOST_LAYERS:
            raise SettingError(f"At most {MOST_LAYERS} hidden layers can be shown.")
        for units, activation in self.hidden:
            _check_bounds("units", units, 1, MOST_UNITS)
            _check_name("activation", activation, HIDDEN)
        _check_name("update rule", self.rule, tuple(RULES))
        _check_name("carrier", self.carrier, tuple(CARRIERS))

    def loss_for(self, kind: str) -> str:
        """Return the loss, or the usual one where it is not for this kind of target."""
        return self.loss if self.loss in LOSSES_OF[kind] else usual_loss(kind)

    def network(self, samples: Samples) -> Network:
        """Return the network for these samples."""
        loss = self.loss_for(samples.kind)
        output = Dense(samples.y.shape[1], LOSSES_OF[samples.kind][loss])
        hidden = (Dense(int(units), f, dropout=self.dropout) for units, f in self.hidden)
        return Network(samples.x.shape[1], (*hidden, output), loss, dtype="float64")

    def recipe(self) -> Recipe:
        """Return how it learns."""
        rule: Rule = RULES[self.rule](learning_rate=self.learning_rate)
        penalty = Penalty(l1=self.l1, l2=self.l2)
        return Recipe(rule, penalty=penalty, batch_size=self.batch_size, carrier=self.carrier)

    def with_recipe(self, recipe: Recipe) -> Setup:
        """Return this setup with what of a recipe may change while a run goes on."""
        return replace(
            self,
            learning_rate=recipe.rule.learning_rate,
            batch_size=recipe.batch_size,
            l1=recipe.penalty.l1,
            l2=recipe.penalty.l2,
            carrier=recipe.carrier,
        )

    def to_document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self) | {"hidden": [list(layer) for layer in self.hidden]}

    @classmethod
    def from_document(cls, document: Any) -> Setup:
        """Return the setup that `to_document` described, trusting nothing.

        Raises
        ------
        FileError
            A field is missing, unknown, of another type or out of its range.
        """
        names = {field.name: type(field.default) for field in fields(cls)}
        if not isinstance(document, dict) or document.keys() != names.keys():
            raise FileError(f"The setup must have the fields {', '.join(names)}, and no others.")
        for name, kind in names.items():
            fits = _KINDS.get(kind, (kind,))
            if type(document[name]) not in fits or len(str(document[name])) > 2000:
                raise FileError(f"{name!r} of the setup is not what it should be.")
        if not all(_is_layer(layer) for layer in document["hidden"]):
            raise FileError("A hidden layer of the setup is not [units, activation].")
        hidden = tuple((units, activation) for units, activation in document["hidden"])
        try:
            return cls(**document | {"hidden": hidden})
        except SettingError as error:
            raise FileError(f"The setup cannot be had. {error}") from error


# what a document may hold for a field of some type
_KINDS: dict[type, tuple[type, ...]] = {float: (float, int), tuple: (list,)}


def _is_layer(layer: Any) -> bool:
    return isinstance(layer, list) and [type(part) for part in layer] == [int, str]


# the least and the most of each number
BOUNDS: dict[str, tuple[float, float]] = {
    "noise": (0, 1),
    "train_share": (0.1, 0.9),
    "rows": (20, 2000),
    "learning_rate": (1e-6, 10),
    "batch_size": (1, 4096),
    "l1": (0, 1),
    "l2": (0, 1),
    "dropout": (0, 0.9),
    "seed": (0, 2**31 - 1),
}
# what changes in a run that goes on; anything else begins a new one
IN_FLIGHT = ("learning_rate", "batch_size", "l1", "l2", "carrier")


def usual_loss(kind: str) -> str:
    """Return the loss that one begins with for a kind of target."""
    return next(iter(LOSSES_OF[kind]))


def _check_bounds(name: str, value: Any, low: float, high: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        raise ToldError(
            "studio_problems.bounds", name=name.replace("_", " "), low=f"{low:g}", high=f"{high:g}",
            came=repr(value)[:60],
        )  # fmt: skip


def _check_name(what: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingError(f"There is no {what} {value!r}. {suggest(str(value), known)}")
