"""The rows that a run learns from, and those held out: as a network takes them.

Public names: `Samples`, `toy_samples`.
May import: `toys`, `clearprop.tables` (its splits), `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.errors import SettingError
from clearprop.functions.spelling import suggest
from clearprop.studio.toys import TOYS, Kind
from clearprop.tables import ClassTarget, NumberTarget, TableEncoder, split_rows

AROUND = 0.15  # how far pictures of the inputs' plane reach beyond the rows, of their extent


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows for a network.

    Attributes
    ----------
    kind : {"binary", "classes", "number"}
        One output of 0 or 1, one output a class, or outputs that are numbers.
    x, y : (n, inputs) and (n, outputs) arrays
        The rows to learn from.
    held_x, held_y : arrays
        The rows held out.
    inputs, outputs : tuple of str
        Names; of classes for classes, and of the second class for two.
    name : str
        What the data are called.
    encoder : TableEncoder, optional
        Of a table: how its columns became inputs.
    target : ClassTarget or NumberTarget, optional
        Of a table: how its target became outputs.
    """

    kind: Kind
    x: np.ndarray
    y: np.ndarray
    held_x: np.ndarray
    held_y: np.ndarray
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    name: str
    encoder: TableEncoder | None = None
    target: ClassTarget | NumberTarget | None = None

    @property
    def span(self) -> tuple[np.ndarray, np.ndarray]:
        """The lower and upper end of each input, (inputs,), with some room around."""
        rows = np.concatenate([self.x, self.held_x])
        low, high = rows.min(axis=0), rows.max(axis=0)
        around = np.where(high > low, AROUND * (high - low), 1.0)
        return low - around, high + around


def toy_samples(name: str, *, rows: int, noise: float, train_share: float, seed: int) -> Samples:
    """Make toy data and divide them.

    Raises
    ------
    SettingError
        No such data.
    """
    if name not in TOYS:
        raise SettingError(f"There is no data set {name!r}. {suggest(name, TOYS)}")
    toy = TOYS[name]
    rng = np.random.Generator(np.random.Philox(seed))
    x, targets = toy.make(rng, rows, noise)
    y = targets_of(toy.kind, targets, int(targets.max()) + 1 if toy.kind == "classes" else 1)
    train, held = split_rows(rows, fraction=1 - train_share, seed=seed)
    names = tuple(f"x{k + 1}" for k in range(toy.inputs))
    classes = tuple(f"o{k + 1}" for k in range(y.shape[1]))
    return Samples(toy.kind, x[train], y[train], x[held], y[held], names, classes, name)


def targets_of(kind: Kind, targets: np.ndarray, outputs: int) -> np.ndarray:
    """Return targets (n,) as a network's output has them, (n, outputs): one-hot for classes."""
    if kind == "classes":
        return np.eye(outputs)[targets]
    return np.asarray(targets, dtype=np.float64).reshape(len(targets), -1)
