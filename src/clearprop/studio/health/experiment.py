"""The sigmoid against ReLU at a depth one chooses, on the run's own rows.

Two networks of the same depth start from the same parameters, drawn with the seed of the run; only
their hidden layers' activation differs. Both go the same number of updates down their gradient, all
rows at each, and at some of them the gradient of each layer is read from a trace.

Public names: `Course`, `Duel`, `duel`.
May import: `jobs`, `samples`, `setups`, `clearprop.engines`, `clearprop.explanation`,
`clearprop.network`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clearprop.engines import Block, Recipe, build
from clearprop.equations import RULES
from clearprop.errors import SettingError
from clearprop.explanation.examples.descent import descend
from clearprop.explanation.health import Diagnosis, diagnose
from clearprop.network import Dense, Network, Parameters
from clearprop.studio.samples import Samples
from clearprop.studio.setups import LOSSES_OF, usual_loss

LEAST_DEPTH, MOST_DEPTH = 2, 20
UNITS, ROWS = 8, 100
UPDATES, AT_ONCE, RATE = 300, 10, 0.1
KINDS = ("sigmoid", "relu")


@dataclass(frozen=True)
class Course:
    """What became of one of the networks.

    Attributes
    ----------
    start : Diagnosis
        Before the first update.
    now : Diagnosis
        After the last of `steps`.
    steps : tuple of int
        Updates made.
    losses : tuple of float
        E of all rows then.
    """

    start: Diagnosis
    now: Diagnosis
    steps: tuple[int, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True)
class Duel:
    """Both networks.

    Attributes
    ----------
    depth : int
        Layers of weights.
    rows : int
    sigmoid, relu : Course
    """

    depth: int
    rows: int
    sigmoid: Course
    relu: Course


def duel(samples: Samples, depth: int, seed: int, tell: Callable[..., None]) -> Duel:
    """Train both networks; `tell(share, found)` is told how far they are.

    Raises
    ------
    SettingError
        The depth is out of bounds.
    """
    if not LEAST_DEPTH <= depth <= MOST_DEPTH:
        raise SettingError(
            f"The experiment takes a depth of {LEAST_DEPTH} to {MOST_DEPTH} layers; {depth} came."
        )
    count = min(ROWS, len(samples.x))
    rows = np.unique(np.linspace(0, len(samples.x) - 1, count).round().astype(np.int64))
    x, y = samples.x[rows], samples.y[rows]
    runs = {kind: _Run(_network(samples, depth, kind), x, y, seed) for kind in KINDS}
    for made in range(AT_ONCE, UPDATES + 1, AT_ONCE):
        for run in runs.values():
            run.go_on()
        found = Duel(depth, count, *(runs[kind].course for kind in KINDS))
        tell(made / UPDATES, found)
    return found


def _network(samples: Samples, depth: int, kind: str) -> Network:
    loss = usual_loss(samples.kind)
    # drawn so that a layer of relu keeps the length of what comes in
    hidden = (Dense(UNITS, kind, init="he_uniform") for _ in range(depth - 1))
    last = LOSSES_OF[samples.kind][loss]
    output = Dense(samples.y.shape[1], last, init="he_uniform")
    return Network(samples.x.shape[1], (*hidden, output), loss, dtype="float64")


class _Run:
    """One of the networks on its way."""

    def __init__(self, network: Network, x: np.ndarray, y: np.ndarray, seed: int) -> None:
        self._x, self._y = x, y
        recipe = Recipe(RULES["gd"](learning_rate=RATE), batch_size=len(x))
        self._engine = build("reference", network, recipe)
        self._block = Block.of(network, x, y)
        self._parameters = Parameters.initial(network, seed)
        found = self._diagnosed()
        loss = self._engine.evaluate(self._parameters.vector, self._block)
        self.course = Course(found, found, (0,), (loss,))

    def go_on(self) -> None:
        """Make some updates."""
        with np.errstate(all="ignore"):
            way = descend(self._parameters, self._x, self._y, RATE, AT_ONCE, kept=2)
            self._parameters = way.parameters
            found, course = self._diagnosed(), self.course
        steps = (*course.steps, course.steps[-1] + AT_ONCE)
        losses = (*course.losses, float(way.losses[-1]))
        self.course = Course(course.start, found, steps, losses)

    def _diagnosed(self) -> Diagnosis:
        state = self._engine.initial_state(self._parameters, 0)
        with np.errstate(all="ignore"):
            return diagnose(self._engine.trace(state, self._block, np.arange(len(self._x))))
