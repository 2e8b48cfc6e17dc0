"""What a tabular estimator does: every parameter left at "auto" settled for the table at hand.

The recipe is that of Holzmüller, Grinsztajn and Steinwart 2024, in which see why.

Public names: `AUTO`, `VALIDATION_METRICS`, `Choices`, `held_out_share`, `hidden_units`,
`numbers_of`.
May import: `clearprop.errors`, `clearprop.functions`, `clearprop.tables`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clearprop.errors import SettingError
from clearprop.functions.spelling import suggest
from clearprop.tables.scaling import Scaling

AUTO = "auto"
# metric → whether it is for classes (True), for numbers (False) or for both (None)
VALIDATION_METRICS = {"loss": None, "log_loss": True, "accuracy": True, "roc_auc": True}

# what the network is made of where nothing is said
SCALING, EMBEDDINGS, PARAMETRIC = True, True, True
DROPOUT, WEIGHT_DECAY, LABEL_SMOOTHING = 0.15, 0.02, 0.1
RATE_OF_CLASSES, RATE_OF_NUMBERS = 0.04, 0.1
# rows of a step as tables grow: (rows of the table, rows of a step)
BATCHES = (
    (500, 32), (2_000, 64), (10_000, 128), (50_000, 256), (200_000, 512), (500_000, 1024),
    (np.inf, 2048),
)  # fmt: skip
# passes over the rows: (rows of the table, epochs)
EPOCHS = ((50_000, 64), (200_000, 32), (500_000, 16), (np.inf, 8))
# what members may cost together, in fits of one network: more of them make fewer passes
FITS = 6
# share of the rows that is held out
HELD_OUT = 0.15
# rows that are held out at most: more say nothing new about the best epoch
MOST_HELD_OUT = 50_000


@dataclass(frozen=True)
class Choices:
    """A tabular estimator's parameters with nothing left open.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    activation : str
    dropout, weight_decay, label_smoothing, learning_rate : float
    batch_size, max_epochs : int
    validation_metric : str
        A key of `VALIDATION_METRICS`.
    numbers : {"robust", "standard"}
        How numbers are encoded; see `clearprop.tables.EncoderOptions`.
    scaling, embeddings, parametric : bool
        Whether the network begins with a gain for each feature, turns numbers into waves, and
        learns the shape of its activations.
    members : int
        Networks that share their weights.
    """

    hidden_layer_sizes: tuple[int, ...]
    activation: str
    dropout: float
    weight_decay: float
    label_smoothing: float
    learning_rate: float
    batch_size: int
    max_epochs: int
    validation_metric: str
    numbers: Scaling
    scaling: bool = False
    embeddings: bool = False
    parametric: bool = False
    members: int = 1

    @classmethod
    def of(cls, estimator: Any, rows: int, *, classes: bool, smooths: bool) -> Choices:
        """Settle an estimator's parameters.

        Parameters
        ----------
        rows : int
            Rows that one network learns from.
        classes : bool
            Whether classes are learned, and not numbers.
        smooths : bool
            Whether the loss has labels to smooth.
        """

        def settled(name: str, auto: Any) -> Any:
            value = getattr(estimator, name)
            return auto if isinstance(value, str) and value == AUTO else value

        hidden = hidden_units(estimator.hidden_layer_sizes)
        members = _whole("members", estimator.members)
        return cls(
            hidden_layer_sizes=hidden,
            activation=settled("activation", "selu" if classes else "mish"),
            dropout=_number("dropout", settled("dropout", DROPOUT)),
            weight_decay=_number(
                "weight_decay", settled("weight_decay", WEIGHT_DECAY * bool(hidden))
            ),
            label_smoothing=_number(
                "label_smoothing", settled("label_smoothing", LABEL_SMOOTHING if smooths else 0.0)
            ),
            learning_rate=_number(
                "learning_rate",
                settled("learning_rate", RATE_OF_CLASSES if classes else RATE_OF_NUMBERS),
            ),
            batch_size=_batch_size(settled("batch_size", _batch_for(rows, members)), rows),
            max_epochs=_whole("max_epochs", settled("max_epochs", _epochs_for(rows, members))),
            validation_metric=_metric(
                settled("validation_metric", "log_loss" if smooths else "loss"), classes=classes
            ),
            numbers=numbers_of(estimator),
            scaling=(SCALING and bool(hidden)) or members != 1,
            embeddings=_truth("embeddings", settled("embeddings", EMBEDDINGS and bool(hidden))),
            parametric=_truth("parametric", settled("parametric", PARAMETRIC and bool(hidden))),
            members=members,
        )

    def to_document(self) -> dict[str, Any]:
        """Return the choices as plain data."""
        document = asdict(self)
        document["hidden_layer_sizes"] = list(self.hidden_layer_sizes)
        document["activation"] = str(self.activation)
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Choices:
        """Return the choices that `to_document` described."""
        sizes = tuple(int(units) for units in document["hidden_layer_sizes"])
        return cls(**{**document, "hidden_layer_sizes": sizes})


def numbers_of(estimator: Any) -> Scaling:
    """Return how numbers are to be encoded; see `clearprop.tables.EncoderOptions`."""
    wish = estimator.numbers
    if not (isinstance(wish, str) and wish == AUTO):
        return wish
    # without hidden layers the answer is a straight line, which clipping would bend
    return "robust" if hidden_units(estimator.hidden_layer_sizes) else "standard"


def held_out_share(wish: Any, rows: int) -> float:
    """Return the share of the rows to hold out for validation.

    Raises
    ------
    SettingError
        It is neither "auto" nor a number from 0 to below 1.
    """
    if isinstance(wish, str) and wish == AUTO:
        return min(HELD_OUT, MOST_HELD_OUT / max(rows, 1))
    share = _number("validation_fraction", wish)
    if not 0 <= share < 1:
        raise SettingError(f"validation_fraction must lie in [0, 1), but {wish!r} came.")
    return share


def _by_rows(steps: tuple[tuple[float, int], ...], rows: int) -> int:
    return next(value for most, value in steps if rows <= most)


def _epochs_for(rows: int, members: int) -> int:
    """Return the passes of `EPOCHS`; of more members than `FITS` so many that they cost as many."""
    epochs = _by_rows(EPOCHS, rows)
    return max(1, round(epochs * min(1.0, FITS / members)))


def _batch_for(rows: int, members: int) -> int:
    """Return about as many rows as `BATCHES` says, so that all batches are of nearly one size.

    A last batch of a few rows would be a step in a direction of chance. Members, which make fewer
    passes, take steps of half as many rows.
    """
    size = _by_rows(BATCHES, rows) // (2 if members > FITS else 1)
    steps = max(1, round(rows / size))
    return max(1, -(-rows // steps))


def _batch_size(wish: Any, rows: int) -> int:
    if isinstance(wish, bool) or not isinstance(wish, int | np.integer) or wish < 1:
        raise SettingError(f"batch_size must be 'auto' or a number from 1 on, but {wish!r} came.")
    return min(int(wish), rows)


def _whole(name: str, wish: Any) -> int:
    if isinstance(wish, bool) or not isinstance(wish, int | np.integer) or wish < 1:
        raise SettingError(f"{name} must be 'auto' or a whole number from 1 on, but {wish!r} came.")
    return int(wish)


def _truth(name: str, wish: Any) -> bool:
    if not isinstance(wish, bool | np.bool_):
        raise SettingError(f"{name} must be 'auto', True or False, but {wish!r} came.")
    return bool(wish)


def _number(name: str, wish: Any) -> float:
    if isinstance(wish, bool) or not isinstance(wish, int | float | np.number):
        raise SettingError(f"{name} must be 'auto' or a number, but {wish!r} came.")
    return float(wish)


def _metric(wish: Any, *, classes: bool) -> str:
    known = {name for name, kind in VALIDATION_METRICS.items() if kind in (None, classes)}
    if wish not in known:
        raise SettingError(
            f"There is no validation_metric {wish!r} for {'classes' if classes else 'numbers'}. "
            f"{suggest(str(wish), sorted(known))}"
        )
    return str(wish)


def hidden_units(sizes: Any) -> tuple[int, ...]:
    """Return the units of the hidden layers; one number stands for one layer."""
    units = (sizes,) if isinstance(sizes, int | np.integer) else tuple(sizes)
    for count in units:
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise SettingError(
                f"hidden_layer_sizes must be whole numbers from 1 on, but {count!r} came among "
                f"{sizes!r}."
            )
    return tuple(int(count) for count in units)
